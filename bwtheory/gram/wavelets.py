"""Inner products of B-spline wavelets over an interval, exact, by pieces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from bwtheory.wavelet import BSplineWavelet

Interval = tuple[Fraction | float, Fraction | float]  # Fractions, or infinite ends


@cache
def wavelet_pieces(order: int) -> tuple[tuple[Fraction, ...], ...]:
    """The pieces of ψ on its half-unit cells as Fractions, coefficients of u^p with u in [0, 1]."""
    pieces = BSplineWavelet(order).pieces[:-1]
    return tuple(tuple(Fraction(int(c.p), int(c.q)) for c in piece) for piece in pieces)


def wavelet_inner_product(order: int, first: tuple[int, int], second: tuple[int, int], interval: Interval) -> Fraction:
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
        low, high = Fraction(max(cell, interval[0])), Fraction(min(cell + width, interval[1]))
        place = Fraction(2) * (2**i * cell - k)  # of the cell in the coarser wavelet, in its half units
        if low >= high or not 0 <= math.floor(place) < len(pieces):
            continue
        coarse = compose(pieces[math.floor(place)], place - math.floor(place), Fraction(1, 2 ** (j - i)))
        total += width * _integrate_product(fine, coarse, (low - cell) / width, (high - cell) / width)
    return total


def compose(polynomial: Sequence[Fraction], offset: Fraction, slope: Fraction) -> list[Fraction]:
    """Coefficients of p(offset + slope·u) in u."""
    result = [Fraction(0)] * len(polynomial)
    for p, c in enumerate(polynomial):
        for q in range(p + 1):
            result[q] += c * math.comb(p, q) * offset ** (p - q) * slope**q
    return result


def _integrate_product(f: Sequence[Fraction], g: Sequence[Fraction], low: Fraction, high: Fraction) -> Fraction:
    return sum(
        (a * b * (high ** (p + q + 1) - low ** (p + q + 1)) / (p + q + 1) for p, a in enumerate(f) for q, b in enumerate(g)),
        Fraction(0),
    )
