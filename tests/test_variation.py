"""Variation norms: exact values, invariances, and where the formulas part from the norm."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwtheory.representation import bwrelu_to_relu, relu_to_bwrelu
from bwtheory.variation import (
    PiecewiseLinear,
    bwrelu_norm_formula,
    deep_norm_formula,
    deep_norm_invariant,
    merged_norm,
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
    v, w, b = network
    split = np.append(v, v[0] / 2), np.append(w, w[0]), np.append(b, b[0])
    split[0][0] /= 2
    assert PiecewiseLinear.from_relu(*split) == PiecewiseLinear.from_relu(v, w, b)


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


@given(v=small.filter(bool), w=small.filter(bool), b=small, c=st.integers(1, 5))
def test_one_wavelet_neuron(v, w, b, c):
    f = PiecewiseLinear.from_bwrelu([v], [w], [b], scale=c)
    assert float(total_variation(f)) == pytest.approx(bwrelu_norm_formula([v], [w], c), rel=1e-14)
    ends = sorted(Fraction(t) / (c * Fraction(w)) + Fraction(b) / Fraction(w) for t in (0, 3))
    assert (f.knots[0], f.knots[-1]) == tuple(ends)


@pytest.mark.parametrize("K", [2, 10, 50])
def test_alternating_shifts_cost_a_sixth_of_the_formula_each(K):
    """Slope jumps at integers telescope to 0 inside, those at half-integers to sum |(-1)^j a_j|."""
    psi = BSplineWavelet(2)
    odd = psi.relu_coefficients[1::2]
    inside = abs(sum((-1) ** j * a for j, a in enumerate(odd)))
    f = PiecewiseLinear.from_bwrelu([(-1) ** k for k in range(K)], [1] * K, range(K))
    ends = total_variation(f) - Fraction(int(inside.p), int(inside.q)) * (K - 2)
    assert 0 <= ends <= 2 * psi.variation
    assert psi.variation / inside == 6


def test_scales_of_a_single_kink_add_up_in_the_formula_only():
    """|x − 1/3| projected on J scales: the formula grows with J while TV(f') of the function is 2 for all."""
    ratios = []
    for J in (2, 4, 6):
        kinks = [(2.0**-j, 2.0**j) for j in range(J)]  # v_j ψ(2^j x): one unit of the formula per scale
        v, w = (np.array(c) for c in zip(*kinks))
        ratios.append(bwrelu_norm_formula(v, w) / float(total_variation(PiecewiseLinear.from_bwrelu(v, w, np.zeros(J)))))
    assert ratios == sorted(ratios) and ratios[-1] > 1


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


@given(st.integers(0, 10**6), st.sampled_from([0.5, 2, 4]))
def test_deep_norm_and_reparametrization(seed, alpha):
    """α is a power of two, so that the reparametrized weights are exact; 16 products and sums round."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(s) for s in ((5, 2), (4, 5), (3, 4), (1, 3))]
    moved = [alpha * W for W in weights[:-1]] + weights[-1:]
    assert deep_norm_invariant(moved, 3 / alpha) == pytest.approx(deep_norm_invariant(weights, 3), rel=1e-14)
    assert deep_norm_formula(moved, 3 / alpha) != pytest.approx(deep_norm_formula(weights, 3), rel=1e-3)
    shallow, moved = weights[:1] + [weights[1]], [alpha * weights[0], weights[1]]
    expected = bwrelu_norm_formula(weights[1].T, weights[0], 3)
    assert deep_norm_formula(moved, 3 / alpha) == pytest.approx(expected, rel=1e-14)
    assert deep_norm_invariant(shallow, 3) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: PiecewiseLinear.from_relu([1], [np.inf], [0]), "finite"),
        (lambda: PiecewiseLinear.from_relu([1, 2], [1], [0]), "got v"),
        (lambda: PiecewiseLinear.from_relu([1], [[1, 2]], [0]), "univariate"),
        (lambda: total_variation(PiecewiseLinear.from_relu([1], [1], [0]), (1, 1)), "r1 < r2"),
        (lambda: relu_norm_formula([1, 2], [1]), "same K neurons"),
        (lambda: relu_norm_formula([np.nan], [1]), "finite"),
        (lambda: bwrelu_norm_formula([1], [1], 0), "positive"),
        (lambda: deep_norm_formula([np.eye(2)]), "chain"),
        (lambda: deep_norm_formula([np.eye(2), np.eye(3)]), "chain"),
        (lambda: merged_norm([1], [1], [np.nan]), "finite"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_expansion_into_seven_relus_is_the_same_function():
    v, w, b = [1.5, -2], [0.5, -3], [0.25, 1]
    exact = [np.array([Fraction(x) for x in a], dtype=object) for a in (v, w, b)]
    assert PiecewiseLinear.from_relu(*bwrelu_to_relu(*exact)) == PiecewiseLinear.from_bwrelu(v, w, b)
