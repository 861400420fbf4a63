"""Variation norms: exact values, invariances, and where the formulas part from the norm."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeds import seeded

from bwtheory.representation import bwrelu_to_relu, relu_to_bwrelu
from bwtheory.variation import (
    PiecewiseLinear,
    _twice_integrated_wavelet,
    bwrelu_norm_formula,
    deep_norm_formula,
    deep_norm_invariant,
    merged_norm,
    multiscale_kink,
    relu_norm_formula,
    total_variation,
)
from bwtheory.wavelet import BSplineWavelet

small = st.integers(-6, 6).map(lambda n: n / 4)  # a coarse grid, so that knots coincide and cancel often
networks = st.lists(st.tuples(small, small, small), min_size=1, max_size=8).map(lambda rows: [np.array(c) for c in zip(*rows)])


@given(networks, small)
def test_function_is_the_network(network, x):
    v, w, b = network
    direct = sum(Fraction(a) * max(Fraction(c) * Fraction(x) - Fraction(d), Fraction(0)) for a, c, d in zip(v, w, b))
    assert PiecewiseLinear.from_relu(v, w, b)(x) == (direct,)


@given(networks)
def test_total_variation_by_differences_of_slopes(network):
    """All knots are multiples of 1/60 or lie between; slopes are taken from values on both sides of each knot."""
    f = PiecewiseLinear.from_relu(*network)
    tiny = Fraction(1, 10**6)
    jumps = [(f(t + tiny)[0] - 2 * f(t)[0] + f(t - tiny)[0]) / tiny for t in f.knots]
    assert total_variation(f) == sum(map(abs, jumps))


@given(networks)
def test_formula_is_an_upper_bound_and_merging_gives_the_norm(network):
    v, w, b = network
    exact = total_variation(PiecewiseLinear.from_relu(v, w, b))
    assert exact <= relu_norm_formula(v, w) * (1 + 1e-15 * len(v))
    assert merged_norm(v, w, b) == exact


@given(networks)
def test_splitting_a_neuron_changes_neither_function_nor_norm(network):
    """Halves keep the formula too; 2v and −v on one knot triple the neuron's share of it."""
    v, w, b = network
    f, wide_w, wide_b = PiecewiseLinear.from_relu(v, w, b), np.append(w, w[0]), np.append(b, b[0])
    halves = np.concatenate([[v[0] / 2], v[1:], [v[0] / 2]])
    opposed = np.concatenate([[2 * v[0]], v[1:], [-v[0]]])
    assert PiecewiseLinear.from_relu(halves, wide_w, wide_b) == f
    assert PiecewiseLinear.from_relu(opposed, wide_w, wide_b) == f
    # multiples of 1/16 below 2^10: no rounding
    assert relu_norm_formula(halves, wide_w) == relu_norm_formula(v, w)
    assert relu_norm_formula(opposed, wide_w) == relu_norm_formula(v, w) + 2 * abs(v[0] * w[0])


@given(networks, st.randoms(use_true_random=False))
def test_order_of_neurons_is_immaterial(network, random):
    order = list(range(len(network[0])))
    random.shuffle(order)
    assert PiecewiseLinear.from_relu(*(a[order] for a in network)) == PiecewiseLinear.from_relu(*network)


@given(networks, small)
def test_reflection_keeps_the_norm(network, x):
    v, w, b = network
    f, mirrored = PiecewiseLinear.from_relu(v, w, b), PiecewiseLinear.from_relu(v, -w, b)
    assert mirrored(-x) == f(x)
    assert total_variation(mirrored) == total_variation(f)
    assert total_variation(mirrored, (-2, 1)) == total_variation(f, (-1, 2))


@given(networks)
def test_the_wavelet_is_symmetric(network):
    """ψ(3 − z) = ψ(z): the neurons (w, b) and (−w, −b − 3) are one function, written with other knots' order."""
    v, w, b = network
    end = float(BSplineWavelet(2).support[1])
    assert PiecewiseLinear.from_bwrelu(v, -w, -b - end) == PiecewiseLinear.from_bwrelu(v, w, b)


def test_neurons_without_input_are_constants():
    f = PiecewiseLinear.from_relu([2, 5], [0, 0], [-3, 1], constant=1)
    assert (f.knots, f.left_value, f.left_slope) == ((), (7,), (0,))
    peak = PiecewiseLinear.from_bwrelu([6], [0], [Fraction(-3, 2)], slope=2)
    assert peak(1) == (7,) and total_variation(peak) == 0  # ψ(3/2) = 5/6


def test_knots_coincide_as_real_numbers_not_as_rounded_quotients():
    """0.1/0.3 and 0.2/0.6 are the same rational; 1/3 and the float next to it are not, however close."""
    assert total_variation(PiecewiseLinear.from_relu([2, -1], [0.3, 0.6], [0.1, 0.2])) == 0
    assert len(PiecewiseLinear.from_relu([3, -1], [1, 3], [1 / 3, 1]).knots) == 2


def test_cancelling_neurons_are_free():
    v, w, b = [1, -1, 2], [1, 1, 3], [0.5, 0.5, 0.3]
    f = PiecewiseLinear.from_relu(v, w, b)
    assert total_variation(f) == 6
    assert relu_norm_formula(v, w) == 8


def test_opposite_neurons_are_affine():
    f = PiecewiseLinear.from_relu([1, -1], [1, -1], [0, 0])
    assert f.knots == () and f(Fraction(7, 3)) == (Fraction(7, 3),)
    assert relu_norm_formula([1, -1], [1, -1]) == 2


def test_domain_is_open_and_counts_only_its_inside():
    f = PiecewiseLinear.from_relu([1, 10, 100, 1000], [1, 1, 1, 1], [-1, 0, 1, 5])
    assert total_variation(f, (-1, 1)) == 10
    assert total_variation(f, (-2, 2)) == 111
    assert total_variation(f) == 1111


def test_vector_outputs_use_the_euclidean_length():
    f = PiecewiseLinear.from_relu([[3, 4], [0, 1]], [1, 2], [0, 1])
    assert total_variation(f) == pytest.approx(7, rel=1e-15)
    assert merged_norm([[3, 4], [0, 1]], [1, 2], [0, 1]) == pytest.approx(7, rel=1e-15)


@given(st.lists(st.tuples(small, small, small, small), min_size=1, max_size=6))
def test_vector_outputs_by_component(rows):
    """Jumps of the components are the components of the jumps; a triangle inequality on each side of the length."""
    v = np.array([row[:2] for row in rows])
    w, b = (np.array(c) for c in zip(*(row[2:] for row in rows)))
    parts = [total_variation(PiecewiseLinear.from_relu(v[:, i], w, b)) for i in (0, 1)]
    both = total_variation(PiecewiseLinear.from_relu(v, w, b))
    assert isinstance(both, float)
    assert max(parts) * (1 - 1e-14) <= both <= sum(parts) * (1 + 1e-14)  # up to 6 rounded lengths


@given(v=small.filter(bool), w=small.filter(bool), b=small, c=st.integers(1, 5))
def test_one_wavelet_neuron(v, w, b, c):
    f = PiecewiseLinear.from_bwrelu([v], [w], [b], scale=c)
    assert total_variation(f) == bwrelu_norm_formula([v], [w], c)  # dyadic numbers of few bits: nothing rounds
    ends = sorted(Fraction(t) / (c * Fraction(w)) + Fraction(b) / Fraction(w) for t in (0, 3))
    assert (f.knots[0], f.knots[-1]) == tuple(ends)


@pytest.mark.parametrize("K", [3, 10, 50])
def test_alternating_shifts_cost_a_sixth_of_the_formula_each(K):
    """Inner integers have no jump, inner half-integers 8/3 in absolute value; the ends add 40/3: TV = (8K + 40)/3."""
    f = PiecewiseLinear.from_bwrelu([(-1) ** k for k in range(K)], [1] * K, range(K))
    assert total_variation(f) == Fraction(8 * K + 40, 3)
    inner = {t: abs(jump[0]) for t, jump in zip(f.knots, f.jumps) if 2 < t < K}
    assert set(inner) == {Fraction(2 * n + 1, 2) for n in range(2, K)} and set(inner.values()) <= {Fraction(8, 3)}


@given(st.lists(small, min_size=1, max_size=12))
def test_one_scale_stays_within_a_factor_of_six(v):
    f = PiecewiseLinear.from_bwrelu(v, [1] * len(v), range(len(v)))
    assert total_variation(f) <= bwrelu_norm_formula(v, [1] * len(v)) <= 6 * total_variation(f)


def test_scales_add_up_in_the_formula_only():
    """|x − 1/3|/2 in J scales: 46/9 each in the formula, and a norm that converges to a limit below 3 (proved: below 6)."""
    psi = BSplineWavelet(2)
    at_pi = sum((2 - (s == 0)) * (-1) ** s * g for s, g in enumerate(psi.autocorrelation))
    third = abs(sum((1 - 2 * (k % 2)) * _twice_integrated_wavelet(Fraction(1, 3) - k) for k in range(-3, 2)))
    # the coefficients of one scale alternate in sign, so that their ℓ¹ norm is a quotient of symbols at π
    share = Fraction(str(psi.variation / at_pi)) * third
    assert share == Fraction(46, 9)
    norms = []
    for J in range(1, 9):
        v, w, b = multiscale_kink(J)
        # 61 terms a scale, each with the solver's error of a few 1e-16 (condition number 9/4)
        assert bwrelu_norm_formula(v, w) == pytest.approx(float(share) * J, rel=1e-13)
        norms.append(total_variation(PiecewiseLinear.from_bwrelu(v, w, b)))
    assert max(norms) < 3
    ratios = [share * J / norm for J, norm in enumerate(norms, start=1)]
    assert all(ratio > Fraction(17, 10) * J for J, ratio in enumerate(ratios, start=1))


def test_projections_at_most_triple_the_norm():
    """The step the bound of multiscale_kink rests on: the inverse of (1/6, 4/6, 1/6) has ℓ¹ norm 1/(4/6 − 2/6) = 3."""
    inverse = np.linalg.inv(sum(np.diag(np.full(41 - abs(k), c / 6), k) for k, c in ((-1, 1), (0, 4), (1, 1))))
    assert np.abs(inverse[20]).sum() == pytest.approx(3, rel=1e-10)  # 2 − √3 to the power 20 is 4e-12


def test_proposition_on_the_domain_and_on_the_line():
    v, w, b = [2.0], [1.0], [0.25]
    wavelet = relu_to_bwrelu(v, w, b)
    f = PiecewiseLinear.from_bwrelu(*wavelet)
    assert total_variation(f, (-1, 1)) == 2
    assert float(total_variation(f)) == pytest.approx(bwrelu_norm_formula(*wavelet[:2]), rel=1e-15)
    assert bwrelu_norm_formula(*wavelet[:2]) / relu_norm_formula(v, w) == pytest.approx(96, rel=1e-15)


def test_hyperplanes_are_merged_in_two_dimensions():
    v, w, b = [1, 1, 5], [[3, 4], [-6, -8], [1, 0]], [1, -2, 0]
    assert merged_norm(v, w, b) == pytest.approx(5 + 10 + 5, rel=1e-15)
    assert merged_norm([2, -1], w[:2], b[:2]) == 0
    assert merged_norm([1.0], [[0, 0]], [1]) == 0


@given(networks)
def test_one_dimension_is_a_line_in_the_plane(network):
    """Neurons that see only 3x + 4y, a coordinate of length 5: the univariate norm times 5, on R² and on squares."""
    v, w, b = network
    line = np.stack([3 * w, 4 * w], axis=1)
    f = PiecewiseLinear.from_relu(v, w, b)
    assert merged_norm(v, w, b, (-1, 2)) == total_variation(f, (-1, 2))
    # at most 8 rounded products
    assert merged_norm(v, line, b) == pytest.approx(5 * float(total_variation(f)), rel=1e-14)
    assert merged_norm(v, line, b, (-1, 1)) == pytest.approx(5 * float(total_variation(f, (-7, 7))), rel=1e-14)


def test_a_hyperplane_through_a_corner_misses_the_open_square():
    assert merged_norm([1], [[1, 1]], [2], (-1, 1)) == 0
    assert merged_norm([1], [[1, 1]], [1.5], (-1, 1)) == pytest.approx(2**0.5, rel=1e-15)


def test_almost_all_weights_make_the_formula_the_norm():
    rng = np.random.default_rng(seeded())
    v, w, b = rng.standard_normal((20, 3)), rng.standard_normal((20, 2)), rng.standard_normal(20)
    relus = bwrelu_to_relu(v, w, b, scale=3)
    assert merged_norm(*relus) == pytest.approx(bwrelu_norm_formula(v, w, 3), rel=1e-14)  # 140 rounded terms
    assert merged_norm(*relus, (-1, 1)) < bwrelu_norm_formula(v, w, 3)


def test_extreme_sizes_neither_overflow_nor_vanish():
    assert merged_norm([1e200], [[1e100, 1e-100]], [0]) == pytest.approx(1e300, rel=1e-15)
    assert merged_norm([[1e-200, 1e-200]], [[1, 0]], [0]) == pytest.approx(2**0.5 * 1e-200, rel=1e-15)


@given(st.integers(0, 10**6), st.sampled_from([0.5, 2, 4]))
def test_deep_norm_and_reparametrization(seed, alpha):
    """(53) is 48 (S₁ + S₂ + S₃) for three hidden layers and c = 3, and becomes 48 (αS₁ + S₂ + S₃/α): another number unless
    S₃ = αS₁, which some seeds come close to, so that what it becomes is what is tested.

    α is a power of two, so that the reparametrized weights are exact.  All terms are positive: no error grows.  A length of n
    numbers has n/2 + 2 roundings in any order of its terms, a product of two lengths of n <= 5 therefore 10, one sum and the
    factors 5 more: 15·2⁻⁵³ on each side, and for the sums below 5 more.
    """
    rng = np.random.default_rng(seeded(seed))
    weights = [rng.standard_normal(s) for s in ((5, 2), (4, 5), (3, 4), (1, 3))]
    moved = [alpha * W for W in weights[:-1]] + weights[-1:]
    first, second, third = layer_sums(weights)
    rounding = 40 * 2.0**-53
    assert deep_norm_invariant(moved, 3 / alpha) == pytest.approx(deep_norm_invariant(weights, 3), rel=rounding)
    assert deep_norm_formula(weights, 3) == pytest.approx(48 * (first + second + third), rel=rounding)
    assert deep_norm_formula(moved, 3 / alpha) == pytest.approx(48 * (alpha * first + second + third / alpha), rel=rounding)
    shallow, moved = weights[:1] + [weights[1]], [alpha * weights[0], weights[1]]
    expected = bwrelu_norm_formula(weights[1].T, weights[0], 3)
    assert deep_norm_formula(moved, 3 / alpha) == pytest.approx(expected, rel=rounding)
    assert deep_norm_invariant(shallow, 3) == pytest.approx(expected, rel=rounding)


def layer_sums(weights) -> list[float]:
    """Σ_k ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ and Σ_k ‖w⁽ℓ⁾_k‖ for ℓ >= 2, number by number."""
    first = [math.hypot(*row) * math.hypot(*column) for row, column in zip(weights[0], weights[1].T, strict=True)]
    return [math.fsum(first), *(math.fsum(math.hypot(*column) for column in W.T) for W in weights[2:])]


def test_the_value_of_53_depends_on_the_scale_though_the_function_does_not():
    """S₁ = 36, S₂ = 5, S₃ = 1: 48·42 at c = 3 becomes 48·(18 + 5 + 2) at c = 6; at α = 1/36 it would be the same."""
    weights = [np.array([[4.0]]), np.array([[9.0]]), np.array([[5.0]]), np.array([[1.0]])]
    moved = [W / 2 for W in weights[:-1]] + weights[-1:]
    assert deep_norm_formula(weights, 3) == 48 * 42 and deep_norm_formula(moved, 6) == 48 * 25
    assert deep_norm_invariant(weights, 3) == deep_norm_invariant(moved, 6)


def test_values_of_53_at_different_scales_are_not_comparable():
    """With cW_ℓ fixed, three hidden layers give 16 (S₁/c + S₂ + c S₃), least 16 (S₂ + 2√(S₁S₃)) at c = √(S₁/S₃)."""
    fixed = [np.array([[4.0]]), np.array([[9.0]]), np.array([[5.0]]), np.array([[1.0]])]  # S₁, S₂, S₃ = 36, 5, 1
    at = {c: deep_norm_formula([W / c for W in fixed[:-1]] + fixed[-1:], c) for c in (1, 2, 4, 6, 8)}
    for c, value in at.items():
        assert value == pytest.approx(16 * (36 / c + 5 + c), rel=1e-14)
    assert min(at, key=lambda c: at[c]) == 6 and at[6] == pytest.approx(16 * (5 + 2 * 36**0.5), rel=1e-14)


def test_copying_a_hidden_neuron_raises_even_the_invariant_form():
    W0, W1, W2 = np.array([[1.0]]), np.array([[2.0]]), np.array([[3.0]])
    copied = [W0, np.vstack([W1, W1]), np.hstack([W2, W2]) / 2]  # the same function
    assert deep_norm_invariant([W0, W1, W2]) == 16 * (2 + 3)
    assert deep_norm_invariant(copied) == pytest.approx(16 * (2 * 2**0.5 + 3), rel=1e-15)


def compose(outer: PiecewiseLinear, inner: PiecewiseLinear) -> PiecewiseLinear:
    """outer ∘ inner, for an inner function that is constant left and right of its knots."""
    knots = set(inner.knots)
    for a, b in zip(inner.knots, inner.knots[1:]):
        (start,), (end,) = inner(a), inner(b)
        crossed = [t for t in outer.knots if min(start, end) < t < max(start, end)]
        knots |= {a + (t - start) / (end - start) * (b - a) for t in crossed}
    points = sorted(knots)
    padded = [points[0] - 1, *points, points[-1] + 1]
    values = [outer(*inner(x))[0] for x in padded]
    slopes = [(q - p) / (b - a) for a, b, p, q in zip(padded, padded[1:], values, values[1:])]
    jumps = {x: (right - left,) for x, left, right in zip(points, slopes, slopes[1:]) if left != right}
    return PiecewiseLinear(tuple(jumps), tuple(jumps.values()), (values[0],), (slopes[0],))


def test_53_does_not_bound_the_variation_of_a_deep_network():
    layer, layer_4 = (PiecewiseLinear.from_bwrelu([1], [w], [0]) for w in (1, 4))
    deep = compose(layer_4, layer)
    assert total_variation(deep) == Fraction(3104, 9)
    weights = [[[1]], [[4]], [[1]]]
    assert deep_norm_formula(weights) == deep_norm_invariant(weights) == 80
    deeper, weights = compose(layer_4, deep), [[[1]], [[4]], [[4]], [[1]]]
    assert total_variation(deeper) == 7360 and deep_norm_formula(weights) == 144


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: PiecewiseLinear.from_relu([1], [np.inf], [0]), "finite"),
        (lambda: PiecewiseLinear.from_relu([1, 2], [1], [0]), "got v"),
        (lambda: PiecewiseLinear.from_relu([1], [[1, 2]], [0]), "univariate"),
        (lambda: total_variation(PiecewiseLinear.from_relu([1], [1], [0]), (1, 1)), "r1 < r2"),
        (lambda: relu_norm_formula([1, 2], [1]), "K neurons need"),
        (lambda: relu_norm_formula([np.nan], [1]), "finite"),
        (lambda: bwrelu_norm_formula([1], [1], 0), "positive"),
        (lambda: deep_norm_formula([np.eye(2)]), "chain"),
        (lambda: deep_norm_formula([np.eye(2), np.eye(3)]), "chain"),
        (lambda: merged_norm([1], [1], [np.nan]), "finite"),
        (lambda: merged_norm([1], [[1, 2]], [0], (2, 1)), "r1 < r2"),
        (lambda: total_variation(PiecewiseLinear.from_relu([1], [1], [0]), (0, np.inf)), "finite"),
        (lambda: PiecewiseLinear.from_relu([1], [1], [0], constant=np.nan), "constant must be finite"),
        (lambda: PiecewiseLinear.from_relu([1], [1], [0], slope=[1, 2]), "1 outputs is 1 or 1 numbers"),
        (lambda: relu_norm_formula([1j], [1]), "real numbers"),
        (lambda: multiscale_kink(0), "levels >= 1"),
        (lambda: multiscale_kink(1, np.inf), "finite"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_expansion_into_seven_relus_is_the_same_function():
    v, w, b = [1.5, -2], [0.5, -3], [0.25, 1]
    exact = [np.array([Fraction(x) for x in a], dtype=object) for a in (v, w, b)]
    assert PiecewiseLinear.from_relu(*bwrelu_to_relu(*exact)) == PiecewiseLinear.from_bwrelu(v, w, b)
