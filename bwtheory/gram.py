"""Gram matrices (G)_ij = ∫_D φ_i φ_j dx of ReLUs and of B-spline wavelets: closed forms, and quadrature to check them.

The closed forms take every difference of given numbers once and then add and multiply non-negative terms only, so each
entry is accurate to a few units in the last place.  The quadrature shares nothing with them: it sees values of the
features and the knots.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.polynomial.legendre import leggauss

from bwtheory.wavelet import BSplineWavelet

Domain = tuple[float, float]


# --- ReLUs -----------------------------------------------------------------------------------------------------------


def relu_gram(biases: np.ndarray, signs: np.ndarray, domain: Domain) -> np.ndarray:
    """Gram matrix of σ(w_k x − b_k) on the domain, equation (12), in closed form.

    Parameters
    ----------
    biases, signs : (K,) arrays; signs are the w_k = ±1
    domain : (r1, r2), finite

    Returns
    -------
    (K, K) float64 array; each entry within a few units in the last place of the exact integral for these biases.
    """
    gram = np.empty((len(biases), len(biases)))
    right, left = signs > 0, signs < 0
    r1, r2 = domain
    gram[np.ix_(right, right)] = _right_facing(biases[right], r1, r2)
    gram[np.ix_(left, left)] = _right_facing(biases[left], -r2, -r1)  # x -> −x turns σ(−x − b) into σ(x − b)
    facing = _facing_each_other(biases[right], -biases[left], r1, r2)
    gram[np.ix_(right, left)] = facing
    gram[np.ix_(left, right)] = facing.T
    return gram


def uniform_relu_gram(size: int, domain: Domain, spacing: Fraction) -> np.ndarray:
    """Gram matrix of right-facing ReLUs at r1, r1 + spacing, …, from the exact spacing instead of rounded biases."""
    index = np.arange(size)
    steps_to_end = float((Fraction(domain[1]) - Fraction(domain[0])) / spacing)
    later = np.maximum.outer(index, index)
    h = float(spacing)
    return overlap_integral((steps_to_end - later) * h, (later - index[:, None]) * h, (later - index) * h)


def overlap_integral(length, start_i, start_j):
    """∫_0^s (t + α)(t + β) dt = s³/3 + (α + β)s²/2 + αβs for s, α, β >= 0: two ReLUs facing the same way."""
    return length * (length * (length / 3 + (start_i + start_j) / 2) + start_i * start_j)


def facing_integral(length, start_i, start_j):
    """∫_0^s (t + α)(s − t + β) dt = s³/6 + (α + β)s²/2 + αβs for s, α, β >= 0: two ReLUs facing each other."""
    return length * (length * (length / 6 + (start_i + start_j) / 2) + start_i * start_j)


def _right_facing(b: np.ndarray, r1: float, r2: float) -> np.ndarray:
    start = np.maximum(np.maximum.outer(b, b), r1)
    length = np.maximum(r2 - start, 0)
    return overlap_integral(length, start - b[:, None], start - b)


def _facing_each_other(right_knots: np.ndarray, left_knots: np.ndarray, r1: float, r2: float) -> np.ndarray:
    start = np.maximum(right_knots, r1)[:, None]
    end = np.minimum(left_knots, r2)[None, :]
    length = np.maximum(end - start, 0)
    return facing_integral(length, start - right_knots[:, None], left_knots[None, :] - end)


def relu_gram_exact(biases, signs, domain) -> list[list[Fraction]]:
    """The same closed forms in rational arithmetic: every float is taken as the rational number it is."""
    r1, r2 = map(Fraction, domain)
    b = [Fraction(x) for x in biases]

    def entry(i: int, j: int) -> Fraction:
        if signs[i] == signs[j]:
            low, high = (r1, r2) if signs[i] > 0 else (-r2, -r1)
            start = max(b[i], b[j], low)
            return overlap_integral(max(high - start, Fraction(0)), start - b[i], start - b[j])
        right, left = (i, j) if signs[i] > 0 else (j, i)
        start, end = max(b[right], r1), min(-b[left], r2)
        return facing_integral(max(end - start, Fraction(0)), start - b[right], -b[left] - end)

    rows = [[entry(i, j) for j in range(i + 1)] for i in range(len(b))]
    return [[rows[max(i, j)][min(i, j)] for j in range(len(b))] for i in range(len(b))]


def naive_relu_gram(biases: np.ndarray) -> np.ndarray:
    """The textbook closed form F(1) − F(B), F(x) = x³/3 − (b_i + b_j)x²/2 + b_i b_j x, on [−1, 1]: kept as a warning.

    Near the right end of the domain F(1) and F(B) agree in nearly all digits, and their difference, of size (1 − B)³, keeps
    an absolute error of 1e-16: at 1 − b = 1e-5 no digit is left.
    """
    b = np.asarray(biases, dtype=float)
    start = np.maximum.outer(b, b)
    total, product = np.add.outer(b, b), np.multiply.outer(b, b)

    def primitive(x):
        return x**3 / 3 - total * x**2 / 2 + product * x

    return primitive(1.0) - primitive(start)


# --- Wavelets --------------------------------------------------------------------------------------------------------


@cache
def wavelet_pieces(order: int) -> tuple[tuple[Fraction, ...], ...]:
    """The pieces of ψ on its half-unit cells as Fractions, coefficients of u^p with u in [0, 1]."""
    pieces = BSplineWavelet(order).pieces[:-1]
    return tuple(tuple(Fraction(int(c.p), int(c.q)) for c in piece) for piece in pieces)


def wavelet_inner_product(order: int, first: tuple[int, int], second: tuple[int, int], interval) -> Fraction:
    """∫ ψ(2^i t − k) ψ(2^j t − p) dt over an interval (t1, t2) of Fractions, exact, by pieces.

    Parameters
    ----------
    first, second : (i, k) and (j, p), level and shift
    """
    (i, k), (j, p) = sorted((first, second))
    pieces = wavelet_pieces(order)
    total = Fraction(0)
    width = Fraction(1, 2 ** (j + 1))  # of a cell of the finer wavelet
    for number, fine in enumerate(pieces):
        cell = (p * 2 + number) * width
        low, high = max(cell, interval[0]), min(cell + width, interval[1])
        place = Fraction(2) * (2**i * cell - k)  # of the cell in the coarser wavelet, in its half units
        if low >= high or not 0 <= math.floor(place) < len(pieces):
            continue
        coarse = compose(pieces[math.floor(place)], place - math.floor(place), Fraction(1, 2 ** (j - i)))
        total += width * _integrate_product(fine, coarse, (low - cell) / width, (high - cell) / width)
    return total


def compose(polynomial, offset: Fraction, slope: Fraction) -> list[Fraction]:
    """Coefficients of p(offset + slope·u) in u."""
    result = [Fraction(0)] * len(polynomial)
    for p, c in enumerate(polynomial):
        for q in range(p + 1):
            result[q] += c * math.comb(p, q) * offset ** (p - q) * slope**q
    return result


def _integrate_product(f, g, low: Fraction, high: Fraction) -> Fraction:
    return sum(
        (a * b * (high ** (p + q + 1) - low ** (p + q + 1)) / (p + q + 1) for p, a in enumerate(f) for q, b in enumerate(g)),
        Fraction(0),
    )


# --- Quadrature ------------------------------------------------------------------------------------------------------


def quadrature_gram(features: Callable[[np.ndarray], np.ndarray], knots: np.ndarray, degree: int) -> np.ndarray:
    """Gram matrix of piecewise polynomials by quadrature between the knots, exact up to rounding.

    Parameters
    ----------
    features : x of shape (N,) -> (K, N)
    knots : (n,) increasing, with both ends of the domain; each feature is a polynomial of this degree between them
    degree : for 1 the features have to be continuous

    Returns
    -------
    (K, K) float64 array
    """
    widths = np.diff(knots)
    if degree == 1:
        # From values at the knots alone, ∫fg = h/6 (2 f0 g0 + f0 g1 + f1 g0 + 2 f1 g1): a knot is a given number, so a
        # feature's value there is a correctly rounded difference, while nodes inside a short cell would be rounded.
        values = features(knots)
        f, g = values[:, :-1], values[:, 1:]
        cross = (f * widths) @ g.T
        return ((f * widths) @ f.T + (g * widths) @ g.T) / 3 + (cross + cross.T) / 6
    nodes, weights = leggauss(degree + 1)
    values = features((knots[:-1, None] + widths[:, None] * (nodes + 1) / 2).ravel())
    return (values * (widths[:, None] * weights / 2).ravel()) @ values.T
