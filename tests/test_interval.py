"""The complete basis: its functions, its span, its condition number, and the transforms from and to ReLUs."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from seeds import seeded

from bwtheory import cascade
from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram.folded import FoldedToeplitz
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.wavelet import BSplineWavelet

PSI = BSplineWavelet(2)
COARSE = ("orthonormal", "hats")


def random(*shape, seed=0):
    return np.random.default_rng(seeded(seed)).standard_normal(shape)


def relu_network(x, weights, biases, constant=0.0, slope=0.0):
    return constant + slope * x + np.maximum(0, np.asarray(x)[:, None] - biases) @ weights


# --- The functions ---------------------------------------------------------------------------------------------------


def test_the_functions_are_the_wavelets_that_are_named():
    """Interpolated at the knots, evaluated between them: a few roundings of numbers below 10."""
    family, x = IntervalWaveletFamily(3), np.linspace(-1, 1, 333)
    t, features = 1.5 * (x + 1), IntervalWaveletFamily(3)(x)
    for j, rows in enumerate(np.split(np.arange(family.size), [4, 7, 13])[1:]):
        s, factor = 2**j * t, math.sqrt(6 * 2**j)
        both = {0: PSI(s + 1) + PSI(s + 2), len(rows) - 1: PSI(s - len(rows) + 1) + PSI(s - len(rows) + 2)}
        for n, row in enumerate(rows):
            assert np.allclose(features[row], factor * both.get(n, PSI(s - n + 1)), rtol=0, atol=1e-13)
            left, right = family.supports()[row]
            assert not features[row, (x < left) | (x > right)].any()
            assert right - left == pytest.approx((2 if n in both else 3) * 2 / 3 / 2**j)


@pytest.mark.parametrize("coarse", COARSE)
def test_the_coarse_functions_span_the_hats(coarse):
    x = np.linspace(-1, 1, 50)
    hats = np.maximum(0, 1 - np.abs(1.5 * (x + 1) - np.arange(4)[:, None]))
    features = IntervalWaveletFamily(1, coarse)(x)[:4]
    combined = np.linalg.lstsq(hats.T, features.T)[0]
    assert np.abs(features - combined.T @ hats).max() < 1e-14 * 10
    if coarse == "hats":
        assert np.allclose(combined, np.diag([3 / math.sqrt(2), 1.5, 1.5, 3 / math.sqrt(2)]), rtol=0, atol=1e-14)
    else:
        assert np.abs(np.tril(combined, -1)).max() < 1e-14  # from left to right


def test_no_shorter_boundary_wavelet_exists():
    """The boundary wavelet is the only function on the first four half-integers that is orthogonal to all hats on [0, ∞)."""
    mass = sympy.zeros(6, 6)  # of the hats at half-integers on [0, 5/2], times 12
    for cell in range(5):
        mass[cell : cell + 2, cell : cell + 2] += sympy.Matrix([[2, 1], [1, 2]])
    hats = sympy.Matrix(3, 6, lambda n, node: max(0, sympy.Rational(2 - abs(node - 2 * n), 2)))
    (only,) = (hats * mass)[:, :4].nullspace()
    folded = cascade.merge(np.zeros(4), np.array([1.0, 0, 0]))
    assert not folded[4:].any()
    assert np.allclose(folded[:4], [float(v) for v in only * folded[0] / only[0]], rtol=4 * 2.0**-52, atol=0)


@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize("coarse", COARSE)
def test_the_span_is_that_of_a_constant_and_relus(levels, coarse):
    """Each function is a combination of a constant and K − 1 ReLUs, and K functions with κ <= 3 are independent."""
    family = IntervalWaveletFamily(levels, coarse)
    x = np.linspace(-1, 1, 517)
    for coefficients, row in zip(np.eye(family.size), family(x)):
        constant, weights = family.to_relu(coefficients)
        assert len(weights) == family.size - 1
        found = relu_network(x, weights, family.knots()[:-1], constant)
        assert np.abs(found - row).max() <= 1e-15 * 4 * np.abs(weights).sum()
    assert np.linalg.matrix_rank(family(family.knots())) == family.size
    relus = ReLUFamily.uniform(family.size - 1)(x)
    assert np.linalg.matrix_rank(np.vstack([relus, np.ones_like(x), family(x)]), tol=1e-9) == family.size


# --- The Gram matrix -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", range(1, 9))
def test_the_condition_number_is_two_values_of_the_symbol(levels):
    c = sympy.cos(sympy.pi - sympy.pi / (3 * 2 ** (levels - 1)))
    symbol = PSI.gram_symbol()
    exact = symbol.eval(1) / symbol.as_expr().subs(symbol.gen, c)
    enclosure = IntervalWaveletFamily(levels).certified_condition_number()
    assert float(exact.evalf(30)) in enclosure and enclosure.upper < 9 / 4 and enclosure.relative_width < 1e-14
    hats = IntervalWaveletFamily(levels, coarse="hats").certified_condition_number()
    assert 3 in hats and hats.relative_width < 1e-12
    for method in ("dense", "structured"):  # LAPACK on matrices of at most 769 rows: 1e-13
        assert IntervalWaveletFamily(levels, coarse="hats").condition_number(method) == pytest.approx(3, rel=1e-11)


def test_no_number_of_levels_is_too_large_for_a_certificate():
    family = IntervalWaveletFamily.__new__(IntervalWaveletFamily)
    family.levels, family.coarse, family.size = 50, "orthonormal", 3 * 2**50 + 1
    kappa = family.certified_condition_number()
    assert 9 / 4 * (1 - 1e-15) < kappa.lower <= kappa.upper <= np.nextafter(9 / 4, 3)


def test_each_eigenvalue_is_a_value_of_the_symbol():
    """LAPACK is right to about K·2^-53 of the largest one."""
    matrix = FoldedToeplitz((Fraction(1), Fraction(5, 27), Fraction(-1, 54)), 24)
    theta = np.pi * np.arange(24) / 24
    expected = 1 + 2 * 5 / 27 * np.cos(theta) - 2 / 54 * np.cos(2 * theta)
    assert np.allclose(np.linalg.eigvalsh(matrix.to_dense()), np.sort(expected), rtol=0, atol=1e-14)


def test_a_symbol_that_does_not_increase_is_refused():
    with pytest.raises(ValueError, match="increase"):
        FoldedToeplitz((Fraction(1), Fraction(1, 8), Fraction(1, 32)), 5)
    with pytest.raises(ValueError, match="size >= 3"):
        FoldedToeplitz((Fraction(1), Fraction(1, 8), Fraction(0)), 2)


# --- Transforms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", range(1, 7))
@pytest.mark.parametrize("coarse", COARSE)
def test_transforms_are_the_matrix_its_inverse_and_its_transpose(levels, coarse):
    """A level's system has the condition number 3, and there are six of them: some hundred roundings of numbers below 100."""
    family = IntervalWaveletFamily(levels, coarse)
    matrix, v = family(family.knots()).T, random(family.size)
    size = np.abs(matrix) @ np.abs(v)
    assert np.all(np.abs(family.synthesis(v) - matrix @ v) <= 1e-13 * size)
    assert np.all(np.abs(family.synthesis_transposed(v) - matrix.T @ v) <= 1e-13 * (np.abs(matrix).T @ np.abs(v)))
    assert np.abs(family.analysis(family.synthesis(v)) - v).max() < 1e-12
    assert np.abs(family.analysis(v) - np.linalg.solve(matrix, v)).max() < 1e-12


def test_the_levels_are_what_by_level_says():
    family = IntervalWaveletFamily(4)
    parts = family.by_level(np.arange(family.size))
    assert [len(part) for part in parts] == [4, 3, 6, 12, 24]
    assert np.array_equal(np.concatenate(parts), np.arange(family.size))


@pytest.mark.parametrize("levels", [1, 3, 6])
def test_relus_on_the_grid_and_back(levels):
    """The weights are second differences of the values by h: rounding is amplified by K², and K <= 193."""
    family = IntervalWaveletFamily(levels)
    coefficients = random(family.size)
    constant, weights = family.to_relu(coefficients)
    knots = family.knots()[:-1]
    for found in (family.from_relu(weights, constant), family.from_relu(weights, constant, biases=knots)):
        assert np.abs(found - coefficients).max() < 1e-14 * family.size**2
    order = np.random.default_rng(seeded()).permutation(len(knots))
    shuffled = family.from_relu(weights[order], constant, biases=knots[order])
    assert np.abs(shuffled - coefficients).max() < 1e-14 * family.size**2


@pytest.mark.parametrize("where", ["inside", "outside too"])
def test_a_network_with_any_biases_is_projected(where):
    """The residual is orthogonal to every function of the span, by a quadrature that is exact between all knots together."""
    family, rng = IntervalWaveletFamily(2), np.random.default_rng(seeded())
    biases = rng.uniform(-1, 1, 40) if where == "inside" else np.r_[rng.uniform(-3, 3, 40), -1, 1, 0]
    weights = random(len(biases))
    coefficients = family.from_relu(weights, 0.3, -0.7, biases)
    inside = biases[np.abs(biases) < 1]
    knots = np.unique(np.r_[family.knots(), inside])
    nodes, gauss = np.polynomial.legendre.leggauss(2)
    x = (knots[:-1, None] + np.diff(knots)[:, None] * (nodes + 1) / 2).ravel()
    dx = (np.diff(knots)[:, None] * gauss / 2).ravel()
    residual = relu_network(x, weights, biases, 0.3, -0.7) - coefficients @ family(x)
    assert np.abs(residual).max() > 1e-3
    assert np.abs(family(x) @ (dx * residual)).max() < 1e-12


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda f: f.synthesis(np.ones(5)), "7 numbers are needed here; got shape (5,)"),
        (lambda f: f.analysis(np.ones((7, 1))), "got shape (7, 1)"),
        (lambda f: f.to_relu([np.nan] * 7), "must be finite"),
        (lambda f: f.from_relu(np.ones(7)), "6 numbers are needed"),
        (lambda f: f.from_relu(np.ones(3), biases=np.ones(4)), "one weight for each bias"),
        (lambda f: f.from_relu(np.ones(6), constant=math.inf), "must be finite"),
        (lambda f: f.fit([0.5, 1.5], [0, 0]), "points in [−1, 1]"),
        (lambda f: f.fit([0.5], [0, 0]), "1 numbers are needed"),
        (lambda f: f.fit([], []), "N >= 1"),
        (lambda f: f.fit([0.5], [1], tolerance=0), "between 0 and 1"),
        (lambda f: f.fit([0.5], [1], steps=0), "steps=0"),
        (lambda f: f.fit([0.5], [1], basis="hats"), "no basis 'hats'"),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError) as caught:
        call(IntervalWaveletFamily(1))
    assert message in str(caught.value) and "\n" not in str(caught.value)


# --- Least squares ---------------------------------------------------------------------------------------------------


def samples(family, each=3):
    x = (2 * np.arange(each * family.cells) + 1) / (each * family.cells) - 1
    return x, np.exp(x) * np.sin(9 * x**2) + np.abs(x - 0.2)


def test_a_fit_is_the_least_squares_solution():
    family = IntervalWaveletFamily(3)
    x, y = samples(family)
    for basis, features in (("wavelets", family(x)), ("relus", np.vstack([np.ones_like(x), ReLUFamily.uniform(24)(x)]))):
        found = family.fit(x, y, basis=basis)
        best = np.linalg.lstsq(features.T, y)[0]
        values = features.T @ best
        assert found.converged
        assert np.abs(found(x) - values).max() < 1e-6 * np.abs(values).max()  # κ <= 2e6, and residuals of 1e-10
        assert found.residual == pytest.approx(np.sqrt(np.mean((y - values) ** 2)), rel=1e-9)
        if basis == "wavelets":
            assert np.abs(found.coefficients - best).max() < 1e-8


def test_steps_do_not_grow_with_k_and_those_of_relus_do():
    """With midpoints, three in a cell, κ(ΦΦᵀ) < (9/4)·9/8, so each step divides the error by (√κ + 1)/(√κ − 1) > 4.3."""
    kappa = 9 / 4 * 9 / 8
    factor = (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)
    bound = math.ceil(math.log(1e-10 / (2 * kappa)) / math.log(factor))  # of the residual: κ times that of the error
    steps, by_relus = {}, {}
    for levels in (2, 4, 6, 12):
        family = IntervalWaveletFamily(levels)
        steps[levels] = family.fit(*samples(family)).steps
        if levels < 7:
            by_relus[levels] = family.fit(*samples(family), basis="relus", tolerance=1e-6, steps=3000).steps
    assert max(steps.values()) <= bound < 20
    assert by_relus[2] < by_relus[4] < by_relus[6]


@pytest.mark.parametrize("how", ["by the limit", "by the visitor"])
def test_a_fit_that_stops_early_says_so(how):
    family, seen = IntervalWaveletFamily(4), []

    def look(values):
        seen.append(values)
        return len(seen) == 2 and how == "by the visitor"

    found = family.fit(*samples(family), steps=2 if how == "by the limit" else 100, visit=look)
    assert (found.steps, found.converged, len(seen)) == (2, False, 2)
    assert np.array_equal(seen[-1], found.values) and np.array_equal(found.values, family.synthesis(found.coefficients))


def test_theorem_family_and_this_one_share_their_inner_wavelets():
    inner = IntervalWaveletFamily(2)(np.linspace(-1, 1, 99))[5]
    assert np.allclose(inner, math.sqrt(6) * WaveletFamily(1)(np.linspace(-1, 1, 99))[0], rtol=0, atol=1e-14)
