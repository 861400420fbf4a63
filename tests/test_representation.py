"""Proposition 3.2 and equation (3) on plain arrays."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeds import seeded

from bwtheory.representation import bwrelu_to_relu, identity_interval, relu_to_bwrelu
from bwtheory.variation import PiecewiseLinear, bwrelu_norm_formula, relu_norm_formula, total_variation
from bwtheory.wavelet import BSplineWavelet
from verify.test_representation import equal_on

rationals = st.fractions(-1, 1, max_denominator=16)
signs = st.sampled_from([Fraction(-1), Fraction(1)])
paper_networks = st.lists(st.tuples(rationals, signs, rationals), min_size=1, max_size=6).map(
    lambda rows: [np.array(c, dtype=object) for c in zip(*rows)]
)


@given(paper_networks)
def test_papers_class_gives_the_papers_weights(network):
    v, w, b = network
    wide_v, wide_w, wide_b = relu_to_bwrelu(v, w, b)
    assert list(wide_v) == [24 * x for x in v]
    assert list(wide_w) == [x / 4 for x in w] and list(wide_b) == [x / 4 for x in b]
    assert equal_on(
        PiecewiseLinear.from_relu(v, w, b),
        PiecewiseLinear.from_bwrelu(wide_v, wide_w, wide_b),
        Fraction(-1),
        Fraction(1),
    )


@given(
    st.lists(st.tuples(*[st.fractions(-9, 9, max_denominator=8)] * 3), min_size=1, max_size=5),
    st.tuples(st.integers(-8, 8), st.integers(1, 9)),
)
def test_any_biases_weights_and_domain(rows, place):
    v, w, b = (np.array(c, dtype=object) for c in zip(*rows))
    low, high = Fraction(place[0]), Fraction(place[0] + place[1])
    wide = relu_to_bwrelu(v, w, b, (low, high))
    assert equal_on(PiecewiseLinear.from_relu(v, w, b), PiecewiseLinear.from_bwrelu(*wide), low, high)


def test_identity_interval_is_the_largest():
    low, high = identity_interval(4)
    assert (low, high) == (-math.inf, 2)
    psi = PiecewiseLinear.from_bwrelu([24], [Fraction(1, 4)], [0])
    assert psi(high) == (high,)
    for beyond in (Fraction(1, 10), Fraction(1, 10**30)):
        # one slope jump of ψ further: 24·(1/4)·a₁ = −8
        assert psi(high + beyond) == (high + beyond - 8 * beyond,)
    assert identity_interval(1)[1] == Fraction(1, 2)


def test_beyond_the_papers_class_its_scale_is_not_enough():
    v, w, b = np.array([Fraction(1)]), np.array([Fraction(2)]), np.array([Fraction(-1)])
    relu = PiecewiseLinear.from_relu(v, w, b)
    assert not equal_on(relu, PiecewiseLinear.from_bwrelu(24 * v, w / 4, b / 4), Fraction(-1), Fraction(1))
    assert equal_on(relu, PiecewiseLinear.from_bwrelu(*relu_to_bwrelu(v, w, b)), Fraction(-1), Fraction(1))


def test_seven_relus_a_neuron():
    v, w, b = bwrelu_to_relu([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]], [0.5, -1.0], scale=3)
    assert v.shape == (14, 2) and w.shape == (14, 3) and b.shape == (14,)
    x = np.random.default_rng(seeded()).uniform(-1, 1, (50, 3))
    relu = np.maximum(0, x @ w.T - b) @ v
    psi = BSplineWavelet(2)
    direct = psi(3 * (x @ [[1, 0], [0, 1], [2, 0]] - [0.5, -1])) @ [[1.0, 2.0], [3.0, 4.0]]
    # seven terms of size at most 16/3 · 3 · |wᵀx − b| <= 56 and weights up to 4, each rounded a few times
    assert np.max(np.abs(relu - direct)) <= 7 * 4 * 56 * 4 * 2.0**-53


def test_features_are_proportional_so_that_conditioning_is_inherited():
    """Unequal |w_k| and knots outside D included: one constant for all neurons, so every Gram matrix is a multiple."""
    w, b = np.array([1.0, -1.0, 0.5, 3.0, 2.0]), np.array([-1.0, 0.25, 2.0, -4.0, 1.0])
    _, wide_w, wide_b = relu_to_bwrelu(np.ones(5), w, b)
    (s,) = set(w / wide_w)
    assert set(b / wide_b) == {s}
    for w_k, b_k, wide_w_k, wide_b_k in zip(w, b, wide_w, wide_b):
        relu = PiecewiseLinear.from_relu([1], [w_k], [b_k])
        feature = PiecewiseLinear.from_bwrelu([6 * s], [wide_w_k], [wide_b_k])
        assert equal_on(relu, feature, Fraction(-1), Fraction(1))


@given(paper_networks)
def test_norm_formula_grows_by_96_and_the_norm_on_the_domain_not_at_all(network):
    v, w, b = network
    wide = relu_to_bwrelu(v, w, b)
    f, g = PiecewiseLinear.from_relu(v, w, b), PiecewiseLinear.from_bwrelu(*wide)
    assert total_variation(f, (-1, 1)) == total_variation(g, (-1, 1))
    # at most 6 terms, each with a few roundings
    assert bwrelu_norm_formula(*wide[:2]) == pytest.approx(96 * relu_norm_formula(v, w), rel=1e-14)


def test_one_rewritten_neuron_on_the_line():
    wide = relu_to_bwrelu([5], [-1], [0.5])
    assert total_variation(PiecewiseLinear.from_bwrelu(*wide)) == 96 * 5
    assert total_variation(PiecewiseLinear.from_bwrelu(*wide), (-1, 1)) == 5


@given(st.lists(st.tuples(*[st.integers(-999, 999)] * 4), min_size=1, max_size=4))
def test_floats_of_two_variables_on_a_square(rows):
    """The identity needs z/s <= t₁ at all corners of the square, in exact arithmetic."""
    v, b, *w = (np.array(c) / 7 for c in zip(*rows))
    _, wide_w, wide_b = relu_to_bwrelu(v, np.stack(w, axis=1), b, (-2, 1))
    for w_k, b_k in zip(wide_w, wide_b):
        reach = sum(max(Fraction(x) * end for end in (-2, 1)) for x in w_k) - Fraction(b_k)
        assert reach <= identity_interval(1)[1]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: relu_to_bwrelu([1], [1], [np.nan]), "finite"),
        (lambda: relu_to_bwrelu([1, 2], [1], [0]), "got v"),
        (lambda: relu_to_bwrelu([1], [1], [0], (1, -1)), "r1 < r2"),
        (lambda: relu_to_bwrelu(["a"], [1], [0]), "could not convert|real numbers"),
        (lambda: bwrelu_to_relu([1], [1], [0], scale=-1), "positive"),
        (lambda: identity_interval(0), "positive"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
