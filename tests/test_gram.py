"""Gram matrices: closed forms against exact rational arithmetic and against quadrature."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from seeds import seeded

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram.relu import naive_relu_gram, relu_gram_exact
from bwtheory.gram.wavelets import wavelet_inner_product
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.wavelet import BSplineWavelet

EPS = 2.0**-52
biases = st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=7)


@given(biases, st.randoms(), st.sampled_from([(-1.0, 1.0), (-0.3, 2.0), (0.125, 0.5)]))
def test_closed_form_has_every_digit(b, random, domain):
    """Differences are correctly rounded and all terms non-negative: about ten roundings an entry, 20 allowed."""
    signs = [random.choice([-1, 1]) for _ in b]
    exact = relu_gram_exact(b, signs, domain)
    computed = ReLUFamily(b, signs, domain).gram()
    for i in range(len(b)):
        for j in range(len(b)):
            assert abs(Fraction(computed[i, j]) - exact[i][j]) <= Fraction(20 * EPS) * exact[i][j]


def test_exact_entries_by_symbolic_integration():
    x = sympy.Symbol("x")
    b, signs = [Fraction(-3, 2), Fraction(-1, 4), Fraction(1, 3), Fraction(1, 2)], [1, 1, -1, -1]
    exact = relu_gram_exact(b, signs, (-1, 1))
    for i in range(4):
        for j in range(4):
            product = sympy.Mul(
                *(sympy.Max(0, signs[n] * x - sympy.Rational(b[n].numerator, b[n].denominator)) for n in (i, j))
            )
            integral = sympy.integrate(product.rewrite(sympy.Piecewise), (x, -1, 1))
            assert integral == sympy.Rational(exact[i][j].numerator, exact[i][j].denominator)


FAMILIES = {
    "uniform": lambda: ReLUFamily.uniform(300),
    "random": lambda: ReLUFamily(np.random.default_rng(seeded()).uniform(-1, 1, 200)),
    "close to the end": lambda: ReLUFamily([0.0, 1 - 1e-9, 1 - 1e-12]),
    "nearly coincident": lambda: ReLUFamily([0.1, np.nextafter(0.1, 1), 0.5]),
    "mixed signs": lambda: ReLUFamily(np.random.default_rng(seeded(1)).uniform(-1, 1, 60), np.resize([1, -1, -1], 60)),
    "outside": lambda: ReLUFamily([-3, -1, 0.5, 1, 4], [1, -1, 1, 1, -1], (-1, 2)),
    "theorem": lambda: WaveletFamily(7),
    "covering": lambda: WaveletFamily(5, shifts="covering"),
    "on R": lambda: WaveletFamily(5, shifts="covering", domain=(-np.inf, np.inf)),
    "unnormalized": lambda: WaveletFamily(6, normalized=False),
    "odd domain": lambda: WaveletFamily(5, shifts="covering", domain=(-0.7, 0.37)),
    "Haar": lambda: WaveletFamily(5, order=1, shifts="covering", domain=(-0.4, 0.9)),
    "cubic": lambda: WaveletFamily(4, order=4, shifts="covering"),
    "own shifts": lambda: WaveletFamily(2, shifts=[[5, -1], range(-3, 3)]),
    "interval": lambda: IntervalWaveletFamily(5),
    "interval with hats": lambda: IntervalWaveletFamily(3, coarse="hats"),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_quadrature_agrees_entry_by_entry(name):
    """Both routes make a few dozen roundings an entry; features of wavelets also inherit 2^J roundings of x."""
    family = FAMILIES[name]()
    exact, quadrature = family.gram(), family.gram("quadrature")
    size = np.abs(exact) if isinstance(family, ReLUFamily) else np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    assert np.all(np.abs(exact - quadrature) <= 1e-12 * size)


def test_naive_closed_form_loses_its_digits_at_the_end():
    near = 1 - 2.0 ** -np.arange(4, 20, 3)
    exact = np.array([(1 - b) ** 3 / 3 for b in near])
    naive = np.diagonal(naive_relu_gram(near))
    errors = np.abs(naive / exact - 1)
    assert errors[0] < 1e-10 and errors[-1] >= 1
    assert np.allclose(np.diagonal(ReLUFamily(near).gram()), exact, rtol=4 * EPS, atol=0)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_wavelet_inner_products_on_the_line(order):
    """On an interval that holds both supports: the autocorrelation at one level, 0 between levels."""
    psi, wide = BSplineWavelet(order), (Fraction(-50), Fraction(50))
    for s in range(2 * order + 1):
        assert wavelet_inner_product(order, (0, 0), (0, s), wide) == Fraction(*psi.inner_product(s).as_numer_denom())
    for j in (1, 2):
        for shift in range(-4, 8):
            assert wavelet_inner_product(order, (0, 1), (j, shift), wide) == 0


def test_wavelet_inner_products_add_over_the_interval():
    args = 2, (0, -1), (2, -2)
    cuts = [Fraction(-3), Fraction(0), Fraction(1, 7), Fraction(3)]
    parts = [wavelet_inner_product(*args, pair) for pair in zip(cuts, cuts[1:])]
    assert sum(parts) == wavelet_inner_product(*args, (cuts[0], cuts[-1])) == 0
    assert any(parts)
