"""The public face: truthful answers for legal families, one clear sentence for illegal ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeds import seeded

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.wavelet import BSplineWavelet


def test_features_are_equation_8():
    x = np.linspace(-1, 1, 9)
    family = ReLUFamily([0.25, -0.5], [1, -1])
    assert np.array_equal(family(x), [np.maximum(0, x - 0.25), np.maximum(0, -x + 0.5)])
    psi = BSplineWavelet(2)
    wavelets = WaveletFamily(3)
    assert wavelets.index == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]
    assert np.array_equal(wavelets(x)[4], 2 * psi(4 * 1.5 * (x + 1) - 1))


def test_one_bias_is_perfectly_conditioned():
    assert ReLUFamily([0.3]).condition_number() == 1
    assert 1.0 in ReLUFamily([0.3]).certified_condition_number()


def test_order_and_direction_do_not_matter():
    b = np.random.default_rng(seeded()).uniform(-1, 1, 30)
    sorted_, shuffled, mirrored = ReLUFamily(np.sort(b)), ReLUFamily(b), ReLUFamily(b, -np.ones(30))
    assert shuffled.condition_number() == sorted_.condition_number() == mirrored.condition_number()


def test_mixed_signs_are_certified_and_dense_agrees_where_it_can():
    family = ReLUFamily([-0.5, 0.2, 0.4, 0.7], [1, -1, 1, -1])
    certified = family.certified_condition_number()
    assert certified.relative_width < 1e-12
    # LAPACK's backward error, K u, times κ
    assert family.condition_number() == pytest.approx(certified.lower, rel=8 * 2.0**-52 * certified.upper)


SINGULAR = {
    "coincide": ReLUFamily([0.5, 0.1, 0.5]),
    "is zero on D": ReLUFamily([0.0, 1.0]),
    "affine functions have two dimensions": ReLUFamily([-1.0, -2.0, -3.0]),
    "4 neurons span 3": ReLUFamily([0.25, -0.25, -1, -2], [1, -1, 1, 1]),
    "wavelets are zero on D": WaveletFamily(2, domain=(0, 1)),
    "splines on their grid": WaveletFamily(3, shifts="covering"),
    "span 11 dimensions": WaveletFamily(2, shifts="covering"),
}


@pytest.mark.parametrize("why", SINGULAR)
def test_singular_families_say_why(why):
    family = SINGULAR[why]
    assert why in family.singular_reason()
    floats, certified = family.spectrum(), family.spectrum("certified")
    assert floats.smallest == 0 and floats.condition_number == family.condition_number() == math.inf
    assert family.certified_condition_number() == certified.condition_number and certified.condition_number.lower == math.inf
    assert certified.smallest.upper == 0 and floats.largest in certified.largest
    assert floats.singular_reason == certified.singular_reason == family.singular_reason()
    assert (floats.method, certified.method) == ("dense", "certified")


def test_a_large_singular_family_needs_no_matrix():
    """K² entries of either would not fit into memory."""
    assert ReLUFamily(np.linspace(-1, 1, 10**6)).condition_number() == math.inf
    assert WaveletFamily(17, domain=(0, 1)).condition_number() == math.inf


def test_a_family_keeps_its_own_biases():
    biases = np.array([0.0, 0.5])
    family = ReLUFamily(biases)
    biases[0] = 0.5
    assert family.singular_reason() is None


@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from([-1, 1])), min_size=1, max_size=7))
def test_singularity_is_exactly_the_rank_of_the_gram_matrix(neurons):
    """Biases on a coarse grid make the rank visible to floating point."""
    b, signs = np.array([n for n, _ in neurons]) / 4, [s for _, s in neurons]
    family = ReLUFamily(b, signs)
    gram = family.gram()
    norms = np.sqrt(np.diag(gram))
    norms[norms == 0] = 1
    smallest = np.linalg.eigvalsh(gram / np.outer(norms, norms))[0]
    assert (family.singular_reason() is not None) == (smallest < 1e-12)


def test_two_affine_neurons_are_legal():
    family = ReLUFamily([-2.0, -1.5, 0.0])
    assert family.singular_reason() is None
    assert family.condition_number() == pytest.approx(family.certified_condition_number().lower, rel=1e-10)


def test_theorem_family_obeys_its_bound_and_the_unnormalized_one_does_not():
    bound = float(BSplineWavelet(2).gram_condition_number())
    kappas = [WaveletFamily(J).condition_number() for J in range(1, 12)]
    assert kappas == sorted(kappas) and kappas[0] == 1 and kappas[-1] < bound
    assert WaveletFamily(11, normalized=False).condition_number() > 1000


def test_interval_family_reproduces_affine_functions():
    family = IntervalWaveletFamily(3)
    x = np.linspace(-1, 1, 200)
    features = family(x)
    assert np.linalg.matrix_rank(features) == family.size
    for target in (np.ones_like(x), x):
        _, residual, *_ = np.linalg.lstsq(features.T, target)
        assert residual < 1e-25


def test_structured_is_refused_where_there_is_none():
    with pytest.raises(ValueError, match="no structure"):
        ReLUFamily([0.0, 0.5], [1, -1]).condition_number("structured")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ReLUFamily([]), "K >= 1"),
        (lambda: ReLUFamily.uniform(0), "K >= 1"),
        (lambda: ReLUFamily([[0, 1]]), "K >= 1|one-dimensional"),
        (lambda: ReLUFamily([0, np.nan]), "bias number 2 is nan"),
        (lambda: ReLUFamily([0, -np.inf]), "bias number 2 is -inf"),
        (lambda: ReLUFamily([0], [2]), "Signs must be"),
        (lambda: ReLUFamily([0, 1], [1]), "Signs must be"),
        (lambda: ReLUFamily([0], domain=(1, 1)), "empty"),
        (lambda: ReLUFamily([0], domain=(1, np.nan)), "empty"),
        (lambda: ReLUFamily([0], domain=3), "pair"),
        (lambda: ReLUFamily([0], domain=(0, np.inf)), "unbounded"),
        (lambda: WaveletFamily(0), "levels=0"),
        (lambda: WaveletFamily(2.5), "levels=2.5"),
        (lambda: WaveletFamily(2, order=0), "order=0"),
        (lambda: WaveletFamily(2, shifts="all"), "'theorem', 'covering'"),
        (lambda: WaveletFamily(2, shifts=[[0]]), "2 levels"),
        (lambda: WaveletFamily(1, shifts=[[0, 0]]), "twice"),
        (lambda: WaveletFamily(1, shifts=[[]]), "at least one"),
        (lambda: WaveletFamily(2, domain=(1, -1)), "empty"),
        (lambda: IntervalWaveletFamily(0), "levels=0"),
        (lambda: IntervalWaveletFamily(3, coarse="splines"), "no coarse 'splines'"),
        (lambda: IntervalWaveletFamily(45), "would take"),
        (lambda: ReLUFamily([0])(3.0), "shape"),
        (lambda: ReLUFamily([0]).gram("symbolic"), "no method 'symbolic'"),
        (lambda: ReLUFamily([0]).condition_number("fast"), "no method 'fast'"),
    ],
)
def test_bad_input_is_one_sentence(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
