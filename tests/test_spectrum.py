"""Extreme eigenvalues: problems with known answers, crossed with every method."""

from __future__ import annotations

import math
from fractions import Fraction

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seeds import seeded

from bwtheory.families import ReLUFamily
from bwtheory.gram import relu, rounded
from bwtheory.gram.blocks import BlockDiagonal
from bwtheory.gram.dense import Dense
from bwtheory.gram.relu import ReLUStructure, cumulative_sum, relu_gram_exact
from bwtheory.gram.spectrum import Enclosure, _outward, certified_spectrum, float_spectrum, gershgorin_discs
from bwtheory.gram.toeplitz import BandedToeplitz, symbol_range, toeplitz_symbol
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.wavelet import BSplineWavelet


def extremes(structure, method="auto"):
    return both(float_spectrum(structure, method))


def enclosures(structure, precision=64):
    return both(certified_spectrum(structure, precision, "a test", None))


def both(spectrum):
    return spectrum.smallest, spectrum.largest


def enclosed_condition_number(structure):
    return certified_spectrum(structure, 64, "a test", None).condition_number


def true_extremes(biases, domain=(-1, 1)):
    """By mpmath at 80 digits, from exact entries: nothing shared with the methods under test."""
    with mpmath.workdps(80):
        exact = relu_gram_exact(biases, [1] * len(biases), domain)
        matrix = mpmath.matrix([[mpmath.mpf(e.numerator) / e.denominator for e in row] for row in exact])
        values = mpmath.eigsy(matrix, eigvals_only=True)
        return values[0], values[len(biases) - 1]


PROBLEMS = {
    "one bias": [0.3],
    "two biases": [-1.0, 0.5],
    "three, two of them 1e-12 apart": [-1, -1 + 1e-12, 0.5],
    "one unit in the last place apart": [0.1, np.nextafter(0.1, 1), 0.7],
    "two equally close pairs": [-0.5, -0.5 + 2**-20, 0.5, 0.5 + 2**-20, 0.9],
    "at the end of the domain": [0.0, 1 - 1e-9, 1 - 1e-12],
    "one left of the domain": [-1.2, -0.5, 0.1, 0.9],
    "one far left of the domain": [-1e9, -0.3, 0.3],
    "random": sorted(np.random.default_rng(seeded(1)).uniform(-1, 1, 25)),
    "equally spaced": list(-1 + 2 * np.arange(16) / 16),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_structured_and_certified_against_80_digits(name):
    biases = np.array(PROBLEMS[name], dtype=float)
    structure, truth = ReLUStructure(biases, (-1.0, 1.0)), true_extremes(biases)
    for computed, exact in zip(extremes(structure), truth):
        assert abs(computed / exact - 1) < 1e-12
    for enclosure, exact in zip(enclosures(structure), truth):
        assert enclosure.lower <= exact <= enclosure.upper
        assert enclosure.relative_width < 1e-12
    kappa = enclosed_condition_number(structure)
    assert kappa.lower <= truth[1] / truth[0] <= kappa.upper


@pytest.mark.parametrize("name", ["two biases", "three, two of them 1e-12 apart", "random"])
def test_certified_dense_agrees_with_certified_structured(name):
    """Bisection on inertia in exact entries: another proof of the same numbers."""
    biases = np.array(PROBLEMS[name], dtype=float)
    structure = ReLUStructure(biases, (-1.0, 1.0))
    dense = Dense(structure.to_dense(), relu_gram_exact(biases, [1] * len(biases), (-1, 1)))
    for a, b in zip(enclosures(structure), enclosures(dense)):
        assert a.lower <= b.upper and b.lower <= a.upper
        assert b.relative_width < 1e-12


def test_a_trial_value_that_is_an_eigenvalue_of_a_leading_block():
    """Bisection tries powers of two, and 1/8 is the first diagonal entry of this Gram matrix."""
    family = IntervalWaveletFamily(3)
    for value, enclosure in zip(both(family.spectrum()), both(family.spectrum("certified"))):
        assert abs(value / enclosure.lower - 1) < 1e-12 and enclosure.relative_width < 1e-12


def in_float64(structure, *vectors):
    """Bounds of λ_max(G) and λ_max(J G⁻¹ J) from these trial vectors, or from the Perron vectors."""
    of_gram, of_inverse = relu.perron_of_gram(structure), relu.perron_of_inverse(structure)
    if vectors:
        of_gram, of_inverse = (one._replace(vector=v) for one, v in zip((of_gram, of_inverse), vectors))
    return rounded.bounds_of_gram(structure, of_gram), rounded.bounds_of_inverse(structure, of_inverse)


@pytest.mark.parametrize("size", [1, 2, 3, 50, 128, 129, 3000])
@pytest.mark.parametrize("kind", ["uniform", "random", "outside"])
@pytest.mark.parametrize("trial", ["Perron", "random"])
def test_bounds_in_float64_hold_for_any_vector(size, kind, trial):
    """Against balls, which are narrower: float64's bounds of their roundings must contain them, whatever the vector."""
    rng = np.random.default_rng(seeded(size))
    biases = {"random": np.sort(rng.uniform(-1, 1, size)), "outside": np.r_[-2.5, np.sort(rng.uniform(-1, 1, size - 1))]}
    structure = ReLUFamily.uniform(size).structure() if kind == "uniform" else ReLUStructure(biases[kind], (-1.0, 1.0))
    spectrum = certified_spectrum(structure, 128, "a test", None)
    vectors = [rng.uniform(0.5, 1, size) for _ in range(2)] if trial == "random" else []
    largest, of_inverse = in_float64(structure, *vectors)
    assert largest.lower <= spectrum.largest.lower and spectrum.largest.upper <= largest.upper
    assert of_inverse.lower <= 1 / spectrum.smallest.upper and 1 / spectrum.smallest.lower <= of_inverse.upper
    if trial == "Perron" and kind == "uniform":
        assert max(largest.width, of_inverse.width) < 1e-13 * (1 + math.log2(size))


def test_a_wrong_solution_proves_nothing(monkeypatch):
    structure = ReLUFamily.uniform(40).structure()
    right = ReLUStructure.solve_mass
    monkeypatch.setattr(ReLUStructure, "solve_mass", lambda self, load: right(self, load) * (1 + 1e-12))
    _, of_inverse = in_float64(structure)
    assert of_inverse == rounded.NOTHING
    assert structure._enclose_in_float64(relu.perron_of_gram(structure), relu.perron_of_inverse(structure)) is None


@pytest.mark.parametrize("kind", ["uniform", "random"])
def test_many_neurons_are_certified_in_float64(kind, monkeypatch):
    """Both ways around, and at a higher precision in balls only."""
    size = 2**13
    family = ReLUFamily.uniform(size) if kind == "uniform" else ReLUFamily(np.random.default_rng(5).uniform(-1, 1, size))
    balls = family.certified_condition_number()
    monkeypatch.setattr(relu, "MANY", size)
    fast, precise = family.certified_condition_number(), family.certified_condition_number(precision=80)
    assert fast.lower <= balls.lower <= balls.upper <= fast.upper and fast != balls and fast.relative_width < 1e-12
    assert precise.relative_width < fast.relative_width


@settings(max_examples=30)
@given(st.lists(st.integers(-(2**30), 2**30 - 1), min_size=1, max_size=9, unique=True))
def test_enclosures_contain_the_truth(numerators):
    biases = np.sort(np.array(numerators) / 2**30)
    if len(biases) > 1 and biases[1] <= -1:
        return
    structure = ReLUStructure(biases, (-1.0, 1.0))
    for enclosure, exact in zip(enclosures(structure), true_extremes(biases)):
        assert enclosure.lower <= exact <= enclosure.upper and enclosure.relative_width < 1e-12


@pytest.mark.parametrize("K", [10, 100, 1000, 2**14, 10**5])
@pytest.mark.parametrize("kind", ["uniform", "random"])
def test_structured_against_certified(K, kind):
    family = ReLUFamily.uniform(K) if kind == "uniform" else ReLUFamily(np.random.default_rng(seeded(K)).uniform(-1, 1, K))
    certified = both(family.spectrum("certified"))
    for computed, enclosure in zip(both(family.spectrum("structured")), certified):
        assert enclosure.relative_width < 1e-12
        assert abs(computed / enclosure.lower - 1) < 1e-12
    assert ("exact spacing" in family.certified_condition_number().about) == (kind == "uniform")


def test_where_lapack_stops_being_right():
    """Its λ_min carries an absolute error of the order of 1e-16 λ_max; structured keeps every digit of the same matrix."""
    errors = []
    for K in (32, 1024):
        family = ReLUFamily.uniform(K)
        exact = family.spectrum("certified").smallest.lower
        errors.append(abs(family.spectrum("dense").smallest / exact - 1))
        assert abs(family.spectrum("structured").smallest / exact - 1) < 1e-12
    assert errors[0] < 1e-10 and errors[1] > 1e-8
    close = ReLUFamily([0.0, 0.25, 0.25 + 2.0**-30])
    exact = close.spectrum("certified").smallest.lower
    assert abs(close.spectrum("dense").smallest / exact - 1) > 1
    assert abs(close.spectrum("structured").smallest / exact - 1) < 1e-12


def test_uniform_is_certified_at_the_exact_spacing():
    """At K = 10, 2/K is no float: the rounded biases have another, very close, condition number."""
    exact = ReLUFamily.uniform(10)
    rounded = ReLUFamily(exact.biases)
    a, b = exact.certified_condition_number(precision=128), rounded.certified_condition_number(precision=128)
    assert abs(a.lower / b.lower - 1) < 1e-13
    with mpmath.workdps(60):
        biases = [Fraction(-1) + Fraction(2 * k, 10) for k in range(10)]
        low, high = true_extremes(biases)
        assert a.lower <= high / low <= a.upper


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2, 5, 63, 64, 65, 300])
def test_toeplitz_sections(order, size):
    coefficients = tuple(Fraction(int(a.p), int(a.q)) for a in BSplineWavelet(order).autocorrelation)
    section = BandedToeplitz(coefficients, size)
    dense = np.linalg.eigvalsh(section.to_dense())
    structured = extremes(section)
    certified = enclosures(section)
    for value, reference, enclosure in zip(structured, dense[[0, -1]], certified):
        assert abs(value - reference) < 1e-13 * dense[-1]
        assert abs(value - enclosure.lower) < 1e-12 * enclosure.upper and enclosure.relative_width < 1e-12
    low, high = symbol_range(section)
    assert low * (1 - 1e-14) <= structured[0] and structured[1] <= high * (1 + 1e-14)
    theta = np.linspace(0, np.pi, 1001)
    assert low - 1e-14 <= toeplitz_symbol(section, theta).min() < low * 1.001


def test_blocks():
    blocks = BlockDiagonal((BandedToeplitz((Fraction(2), Fraction(1)), 3), BandedToeplitz((Fraction(5),), 2)))
    low, high = extremes(blocks)
    assert low == pytest.approx(2 - 2**0.5, rel=1e-14) and high == pytest.approx(5, rel=1e-14)
    assert extremes(blocks, "dense") == pytest.approx((low, high), rel=1e-14)


def test_gershgorin_discs_hold_every_eigenvalue():
    rng = np.random.default_rng(seeded())
    for _ in range(20):
        matrix = rng.standard_normal((6, 6))
        centres, radii = gershgorin_discs(matrix)
        distance = np.abs(np.linalg.eigvals(matrix)[:, None] - centres)
        assert np.all(np.any(distance <= radii + 1e-12, axis=1))
    assert gershgorin_discs([[3.0]])[1] == [0]


def test_cumulative_sum_is_accurate_where_the_plain_one_drifts():
    n = 10**6
    x = np.full(n, 0.1)
    exact = float(Fraction(0.1) * n)
    assert abs(cumulative_sum(x)[-1] / exact - 1) < 3 * 128 * 2.0**-53 < abs(np.cumsum(x)[-1] / exact - 1)
    assert np.allclose(cumulative_sum(x), np.cumsum(x), rtol=1e-9, atol=0)


def test_products_are_the_matrix():
    structure = ReLUStructure(np.array([-1.3, -0.4, 0.1, 0.15, 0.8]), (-1.0, 1.0))
    gram, x = structure.to_dense(), np.array([1.0, 2, 3, 4, 5])
    assert np.allclose(structure.product(x), gram @ x, rtol=1e-14, atol=0)
    flip = (-1.0) ** np.arange(5)
    assert np.allclose(flip * np.linalg.solve(gram, flip * x), structure.inverse_product(x), rtol=1e-8, atol=0)


def test_precision_is_restored():
    import flint

    before = flint.ctx.prec
    ReLUFamily.uniform(5).certified_condition_number(precision=200)
    assert flint.ctx.prec == before


def test_enclosure():
    enclosure = Enclosure(1.0, 1.5)
    assert 1.2 in enclosure and 1.6 not in enclosure
    assert enclosure.relative_width == pytest.approx(1 / 3)
    assert Enclosure(float("inf"), float("inf")).relative_width == 0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ReLUStructure(np.array([]), (-1, 1)), "at least one bias"),
        (lambda: ReLUStructure(np.array([0.5, 0.5]), (-1, 1)), "strictly increasing"),
        (lambda: ReLUStructure(np.array([0.5, 1.0]), (-1, 1)), "left of the domain's end"),
        (lambda: ReLUStructure(np.array([-3.0, -2.0]), (-1, 1)), "got two"),
        (lambda: ReLUStructure(np.array([0.0, np.nan]), (-1, 1)), "finite"),
        (lambda: ReLUStructure(np.array([0.0]), (1, -1)), "r1 < r2"),
        (lambda: ReLUStructure(np.array([-1.0, -0.5]), (-1, 1), Fraction(1, 2)), "no equal last gap"),
        (lambda: BandedToeplitz((Fraction(1),), 0), "size >= 1"),
        (lambda: gershgorin_discs(np.ones((2, 3))), "square"),
        (lambda: gershgorin_discs([[np.inf]]), "finite"),
        (lambda: enclosures(Dense(np.eye(2))), "exact entries"),
        (lambda: enclosures(Dense(np.eye(201), [[0]])), "K <= 200"),
        (lambda: extremes(Dense(np.eye(2)), "structured"), "no structure"),
        (lambda: extremes(Dense(np.eye(2)), "magic"), "no method 'magic'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bounds_of_what_is_not_known_are_infinite():
    """A ball that has no number left ends as an infinite bound; the loop that moves it outwards has to end, too."""
    nothing = flint.arb("nan")
    assert (_outward(nothing, -1), _outward(nothing, 1)) == (-math.inf, math.inf)
    infinite = flint.arb("inf")
    assert _outward(infinite, 1) == math.inf and _outward(infinite, -1) > 1e308
    assert _outward(-infinite, -1) == -math.inf and _outward(-infinite, 1) < -1e308
