"""Proposition 3.2 and its proof."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bwtheory.claims import Result, check
from bwtheory.gram.relu import relu_gram_exact
from bwtheory.representation import bwrelu_to_relu, relu_to_bwrelu, wavelet_relus
from bwtheory.variation import PiecewiseLinear, total_variation
from bwtheory.wavelet import BSplineWavelet

RELU = PiecewiseLinear.from_relu([1], [1], [0])


def equal_on(f: PiecewiseLinear, g: PiecewiseLinear, low: Fraction, high: Fraction) -> bool:
    """Whether two piecewise-linear functions agree on [low, high]: they do if they agree at the ends and all knots
    inside.
    """
    points = {low, high, *(t for t in (*f.knots, *g.knots) if low < t < high)}
    return all(f(t) == g(t) for t in points)


def single_wavelet(factor: str, scale: str) -> PiecewiseLinear:
    """factor·ψ(scale·x)."""
    return PiecewiseLinear.from_bwrelu([Fraction(factor)], [Fraction(scale)], [Fraction(0)])


@check("prop-3.2", "eq-34")
def proposition(factor: str, scale: str, domain: str, biases: str) -> Result:
    """Each term is v σ(z) against v·factor·ψ(scale·z) with z = w x − b, and for |x| ≤ domain, |b| ≤ biases, w = ±1 the
    values of z fill [−(domain+biases), domain+biases].  So the two networks agree for all parameters of the class
    exactly if σ(z) = factor·ψ(scale·z) on that interval: two piecewise-linear functions, compared exactly at its ends
    and at all knots inside.
    """
    reach = Fraction(domain) + Fraction(biases)
    return Result(equal_on(RELU, single_wavelet(factor, scale), -reach, reach), {"z fills": f"[{-reach}, {reach}]"})


@check("eq-32")
def relu_is_a_stretched_wavelet(factor: str, scale: str, low: str, high: str) -> Result:
    """σ(x) = factor·ψ(scale·x) on [low, high]: on (0, 1/2) only the first of ψ's seven ReLUs is active, and left of 0
    none.  Compared exactly at the ends and all knots between; both vanish left of 0, so a left end −∞ is as good as one
    left of all knots.
    """
    start = Fraction(-(10**9)) if low == "-oo" else Fraction(low)
    return Result(equal_on(RELU, single_wavelet(factor, scale), start, Fraction(high)))


@check("eq-32-proof")
def interval_suffices_for_the_proof(low: str, high: str, factor: str, scale: str) -> Result:
    """(34) applies (32) to z = w x − b with |x| ≤ 1, |b| ≤ 1: the interval on which (32) is stated has to contain every
    such z, and (32) has to be true on it.
    """
    extremes = [w * x - b for w in (-1, 1) for x in (-1, 1) for b in (-1, 1)]
    start, end = Fraction(low), Fraction(high)
    covers = start <= min(extremes) and max(extremes) <= end
    identity = equal_on(RELU, single_wavelet(factor, scale), start, end)
    return Result(covers and identity, {"z ranges over": f"[{min(extremes)}, {max(extremes)}]"})


@check("prop-3.2-count")
def same_number_of_neurons(unit: str) -> Result:
    """A ReLU network with K = 5 neurons is rewritten by the proposition, and its neurons are counted as ψ's or as the
    ReLUs they are made of.
    """
    v, w, b = relu_to_bwrelu(np.ones(5), np.ones(5), np.linspace(-1, 1, 5))
    count = len(v) if unit == "ψ" else len(bwrelu_to_relu(v, w, b)[0])
    return Result(count == 5, {f"neurons counted as {unit}": str(count), "ReLU neurons before": "5"})


@check("text-power")
def no_power_is_lost(domain: str, scale: str) -> Result:
    """Every ReLU network with w = ±1 equals a BW-ReLU network of as many ψ on [−domain, domain], biases in [−3, 3].

    Here z = w x − b fills [−(domain+3), domain+3], so this is the identity of Proposition 3.2 on that interval, with the
    paper's scale or with one fitted to it (z·scale up to ψ's second knot), compared exactly.  As σ(λz) = λσ(z), the
    fitted identity at one reach is the fitted identity at every other, and other w reduce to ±1.  On R no scale serves:
    a BW-ReLU network vanishes for large x, as each ψ does (w ≠ 0), while ReLUs grow.
    """
    if domain == "R":
        return Result(not BSplineWavelet(2).is_compactly_supported)
    reach = Fraction(domain) + 3
    knots, coefficients = wavelet_relus()
    s = knots[1] / reach if scale == "fitted" else Fraction(scale)
    wavelet = single_wavelet(str(1 / (s * coefficients[0])), str(s))
    return Result(equal_on(RELU, wavelet, -reach, reach), {"scale": str(s)})


@check("prop-3.2-conditioning")
def conditioning_of_the_rewritten_network(relation: str, scale: str) -> Result:
    """κ of the features ψ(scale·(x−b_k)) on D, for K = 8 equally spaced biases, against that of G_σ.

    "equal": the Gram matrices are proportional, entry by entry and exactly.  With the proposition's scale each feature
    is on D the ReLU σ(x−b_k) times one constant (the slope of ψ at 0, times the scale), so this holds for every K, and
    κ is of order K⁴ by Theorem 3.1.  "better": κ is smaller, from the same exact entries; matrices that are
    proportional have equal κ, others are compared in floating point, where κ < 1e12 leaves three digits and the values
    are a third or more apart.  At these biases κ is smaller only from the scale 3 on; at 1 it is 20 000 times larger.
    The entries are integrals of products of piecewise-linear functions, exact by Simpson's rule between the knots.
    """
    size, s = 8, Fraction(scale)
    biases = [Fraction(2 * j, size) - 1 for j in range(size)]
    features = [PiecewiseLinear.from_bwrelu([1], [s], [s * b]) for b in biases]
    knots = sorted({Fraction(-1), Fraction(1), *(t for f in features for t in f.knots if -1 < t < 1)})
    relu = relu_gram_exact(biases, [1] * size, (-1, 1))
    wavelets = [[_inner(f, g, knots) for g in features] for f in features]
    ratios = {wavelets[i][j] / relu[i][j] for i in range(size) for j in range(size)}
    proportional = len(ratios) == 1
    before, after = (np.linalg.cond(np.array(gram, dtype=float)) for gram in (relu, wavelets))
    numbers = {"κ(G_σ)": f"{before:.5g}", "κ(G_ψ)": f"{after:.5g}"}
    if proportional:
        numbers["entries of G_ψ over those of G_σ"] = str(*ratios)
    return Result(proportional if relation == "equal" else not proportional and after < before, numbers)


def _inner(f: PiecewiseLinear, g: PiecewiseLinear, knots: list[Fraction]) -> Fraction:
    total = Fraction(0)
    for a, b in zip(knots, knots[1:]):
        values = [f(x)[0] * g(x)[0] for x in (a, (a + b) / 2, b)]
        total += (b - a) * (values[0] + 4 * values[1] + values[2]) / 6
    return total


@check("prop-3.2-norm")
def norm_under_the_rewriting(factor: str, domain: str) -> Result:
    """The total variation of the derivative of the rewritten neuron is `factor` times that of the ReLU, on D or on R:
    its seven knots are those of ψ(x/4), of which only the first lies inside D.
    """
    one, zero = np.array([Fraction(1)], dtype=object), np.array([Fraction(0)], dtype=object)
    after = PiecewiseLinear.from_bwrelu(*relu_to_bwrelu(one, one, zero))
    ends = None if domain == "R" else (-1, 1)
    ratio = total_variation(after, ends) / total_variation(RELU, ends)
    return Result(ratio == Fraction(factor), {"ratio": str(ratio)})
