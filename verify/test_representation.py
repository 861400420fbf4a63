"""Proposition 3.2 and its proof."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from bwtheory.claims import Result, check
from bwtheory.gram import relu_gram_exact
from bwtheory.representation import bwrelu_to_relu, relu_to_bwrelu
from bwtheory.variation import PiecewiseLinear
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
def interval_suffices_for_the_proof(low: str, high: str) -> Result:
    """(34) applies (32) to z = w x − b with |x| ≤ 1, |b| ≤ 1: the interval on which (32) is stated has to contain every
    such z.
    """
    extremes = [w * x - b for w in (-1, 1) for x in (-1, 1) for b in (-1, 1)]
    return Result(
        Fraction(low) <= min(extremes) and max(extremes) <= Fraction(high),
        {"z ranges over": f"[{min(extremes)}, {max(extremes)}]"},
    )


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
    """Any ReLU network equals a BW-ReLU network with K neurons on the domain, for biases in [−3, 3].

    With the scale chosen for the domain every z = w x − b stays left of ψ's second knot (relu_to_bwrelu); with the
    paper's 1/4 it has to stay below 2.  On R no scale serves: a BW-ReLU network vanishes for large x, as each ψ does (w
    ≠ 0), while ReLUs grow.
    """
    if domain == "R":
        return Result(not BSplineWavelet(2).is_compactly_supported)
    rng = np.random.default_rng(0)
    reach = Fraction(domain)
    for _ in range(20):
        v, b = rng.standard_normal(4), rng.uniform(-3, 3, 4)
        w = rng.choice([-1.0, 1.0], 4)
        exact = [np.array([Fraction(x) for x in a], dtype=object) for a in (v, w, b)]
        if scale == "fitted":
            wavelets = relu_to_bwrelu(*exact, (-reach, reach))
        else:
            s = Fraction(scale)
            slope = Fraction(str(BSplineWavelet(2).relu_coefficients[0]))
            wavelets = exact[0] / (s * slope), s * exact[1], s * exact[2]
        if not equal_on(PiecewiseLinear.from_relu(*exact), PiecewiseLinear.from_bwrelu(*wavelets), -reach, reach):
            return Result(False)
    return Result(True)


@check("prop-3.2-conditioning")
def conditioning_of_the_rewritten_network(relation: str, scale: str = "1/4") -> Result:
    """Entries of the Gram matrix of the features ψ(¼(x−b_k)) on D, exact, for K = 8 equally spaced biases, against
    those of G_σ.

    On D each feature is σ(x−b_k) times the constant (slope of ψ at 0)/4, so the matrices are proportional and their
    condition numbers are the same number: of order K⁴ by Theorem 3.1.  The entries are integrals of products of
    piecewise-linear functions, exact by Simpson's rule between the knots.
    """
    biases = [Fraction(-1) + Fraction(2 * j, 8) for j in range(8)]
    s = Fraction(scale)
    features = [PiecewiseLinear.from_bwrelu([1], [s], [s * b]) for b in biases]
    knots = sorted({Fraction(-1), Fraction(1), *(t for f in features for t in f.knots if -1 < t < 1)})
    relu = relu_gram_exact(biases, [1] * 8, (-1, 1))
    ratios = {_inner(features[i], features[j], knots) / relu[i][j] for i in range(8) for j in range(8)}
    proportional = len(ratios) == 1
    holds = proportional if relation == "equal" else not proportional
    return Result(holds, {"entries of G_ψ over those of G_σ": ", ".join(map(str, sorted(ratios)))})


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
    before = PiecewiseLinear.from_relu([1], [1], [0])
    after = PiecewiseLinear.from_bwrelu(*relu_to_bwrelu([1.0], [1.0], [0.0]))
    from bwtheory.variation import total_variation

    ends = None if domain == "R" else (-1, 1)
    ratio = total_variation(after, ends) / total_variation(before, ends)
    return Result(math.isclose(ratio, Fraction(factor), rel_tol=0, abs_tol=0), {"ratio": str(ratio)})
