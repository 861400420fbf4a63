"""Every structure by every method against values that share nothing with it; bounds that hold whatever floating point says."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from fractions import Fraction

import flint
import numpy as np
import pytest
import scipy.linalg
import sympy
from seeds import seeded
from test_spectrum import true_extremes

from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram import dense, relu, toeplitz
from bwtheory.gram.blocks import BlockDiagonal
from bwtheory.gram.dense import Dense
from bwtheory.gram.folded import FoldedToeplitz
from bwtheory.gram.relu import ReLUStructure
from bwtheory.gram.spectrum import certified_spectrum, float_spectrum, gershgorin_discs
from bwtheory.gram.structure import GramStructure, NotConverged, PrecisionTooLow, working_precision
from bwtheory.gram.toeplitz import BandedToeplitz
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.wavelet import BSplineWavelet

PRINTED = [1, -6, 10, -6, 1]  # Chui and Wang: 12 times the values of the linear wavelet at 1/2, 1, …, 5/2


def wavelet_gram_by_hand(levels, normalized):
    """∫ ψ_{i,k} ψ_{j,p} dx from the values printed in the literature, as piecewise-linear functions on the finest grid.

    Supports lie in t ∈ [0, 3], dx = (2/3) dt.  All entries but the factors 2^(j/2) are exact integers.
    """
    cells = 3 * 2**levels  # of width 2^-levels in t
    at = np.arange(cells + 1)
    rows, factors = [], []
    for j in range(levels):
        for k in range(2**j):
            nodes = (np.arange(7) + 2 * k) * 2 ** (levels - 1 - j)  # ψ(2^j t − k) has a knot every 2^-(j+1)
            rows.append(np.interp(at, nodes, [0, *PRINTED, 0], left=0, right=0) * 2**levels)
            factors.append(2 ** (j / 2) if normalized else 1.0)
    values = np.array(rows)
    assert np.array_equal(values, np.rint(values))
    mass = (values[:, :-1] @ values[:, :-1].T + values[:, 1:] @ values[:, 1:].T) * 2
    mass += values[:, :-1] @ values[:, 1:].T + values[:, 1:] @ values[:, :-1].T
    return mass / 6 / 2**levels * (2 / 3) / (12 * 2**levels) ** 2 * np.outer(factors, factors)


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("levels", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("method", ["dense", "structured", "certified"])
def test_wavelets_of_theorem_3_3_against_published_values(levels, normalized, method):
    """LAPACK on the matrix made by hand: its error is K·2^-53 of λ_max, and κ < 220, so 1e-9 of each eigenvalue is ample."""
    values = np.linalg.eigvalsh(wavelet_gram_by_hand(levels, normalized))
    spectrum = WaveletFamily(levels, normalized=normalized).spectrum(method)
    kappa = values[-1] / values[0]
    for computed, expected in (
        (spectrum.smallest, values[0]),
        (spectrum.largest, values[-1]),
        (spectrum.condition_number, kappa),
    ):
        ends = [computed.lower, computed.upper] if method == "certified" else [computed]
        assert ends == pytest.approx([expected] * len(ends), rel=1e-9)
    if (levels, normalized) == (8, False):
        assert kappa == pytest.approx(215.9, abs=0.1)


STRUCTURES = {
    "relu": lambda: ReLUStructure(np.array([-1.3, -0.4, 0.1, 0.15, 0.8]), (-1.0, 1.0)),
    "uniform relu": lambda: ReLUFamily.uniform(9).structure(),
    "one relu": lambda: ReLUFamily([0.25]).structure(),
    "toeplitz": lambda: BandedToeplitz((Fraction(1, 6), Fraction(5, 108), Fraction(-1, 324)), 40),
    "long toeplitz": lambda: BandedToeplitz((Fraction(1, 6), Fraction(5, 108), Fraction(-1, 324)), 150),
    "diagonal": lambda: BandedToeplitz((Fraction(3, 7),), 3),
    "blocks": lambda: BlockDiagonal((BandedToeplitz((Fraction(2), Fraction(1)), 7), BandedToeplitz((Fraction(5),), 2))),
    "dense": lambda: ReLUFamily([-0.5, 0.2, 0.4], [1, -1, 1]).structure(),
    "wavelets that the boundary cuts": lambda: WaveletFamily(3, domain=(-1, 0.9)).structure(),  # some entries hold √2
    "folded toeplitz": lambda: FoldedToeplitz((Fraction(1, 6), Fraction(5, 162), Fraction(-1, 324)), 40),
    "short folded toeplitz": lambda: FoldedToeplitz((Fraction(2), Fraction(1), Fraction(1, 5)), 3),
    "folded blocks": lambda: IntervalWaveletFamily(3).structure(),
    "blocks without structure": lambda: IntervalWaveletFamily(2, coarse="hats").structure(),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_methods_agree_on_every_structure(name):
    """κ <= 1e5 here, so that LAPACK on the assembled matrix is right to 1e-16·K·κ < 1e-9."""
    structure = STRUCTURES[name]()
    assert isinstance(structure, GramStructure) and structure.to_dense().shape == (structure.size, structure.size)
    lapack, auto = float_spectrum(structure, "dense"), float_spectrum(structure)
    assert lapack.condition_number < 1e5 and lapack.method == "dense" and lapack.iterations == 0
    assert auto.method == ("dense" if structure.is_dense else "structured")
    certified = certified_spectrum(structure, 64, "a test", None)
    for value in ("smallest", "largest", "condition_number"):
        enclosure = getattr(certified, value)
        assert enclosure.relative_width < 1e-12
        for spectrum in (lapack, auto):
            assert getattr(spectrum, value) == pytest.approx(enclosure.lower, rel=1e-9)


# --- Bounds hold whatever floating point says ------------------------------------------------------------------------


def holds(spectrum, smallest, largest):
    return all(
        e.lower <= x <= e.upper
        for e, x in (
            (spectrum.smallest, smallest),
            (spectrum.largest, largest),
            (spectrum.condition_number, largest / smallest),
        )
    )


@pytest.mark.parametrize("trial", ["ones", "random"])
def test_any_positive_trial_vector_gives_true_bounds_of_relus(monkeypatch, trial):
    """Rayleigh's quotient is a lower bound and the largest ratio an upper one: a bad vector must move them apart."""
    biases = np.array([-1.2, -0.9, -0.2, 0.1, 0.6])
    rng = np.random.default_rng(seeded(5))

    def bad(structure):
        x = np.ones(structure.size) if trial == "ones" else rng.uniform(0.1, 1, structure.size)
        return relu.Perron(x, np.float64(1), np.float64(1), 0)

    monkeypatch.setattr(relu, "perron_of_gram", bad)
    monkeypatch.setattr(relu, "perron_of_inverse", bad)
    spectrum = certified_spectrum(ReLUStructure(biases, (-1.0, 1.0)), 64, "a test", None)
    assert holds(spectrum, *true_extremes(biases))
    assert spectrum.largest.relative_width > 1e-3 and spectrum.smallest.relative_width > 1e-3


def section(size):
    """A level of wavelets, and its extreme eigenvalues by LAPACK, right to 1e-15: the bounds here are wider than 1e-6."""
    matrix = BandedToeplitz((Fraction(1, 6), Fraction(5, 108), Fraction(-1, 324)), size)
    values = np.linalg.eigvalsh(matrix.to_dense())
    return matrix, values[0], values[-1]


@pytest.mark.parametrize("size", [3, 30])
@pytest.mark.parametrize("what", ["factor", "estimates", "vector"])
def test_any_factor_and_estimate_gives_true_bounds_of_toeplitz_matrices(monkeypatch, what, size):
    """A wrong Cholesky factor has a defect, a wrong estimate a wrong shift: the bounds move apart and stay true."""
    right, rng = scipy.linalg.cholesky_banded, np.random.default_rng(seeded(6))
    matrix, smallest, largest = section(size)
    if what == "factor":
        noisy = lambda bands, **how: right(bands, **how) * rng.uniform(0.9, 0.999, bands.shape)  # noqa: E731
        monkeypatch.setattr(toeplitz, "cholesky_banded", noisy)
    elif what == "estimates":  # both inside of the spectrum, so that the loop has to move its shifts outwards
        wrong = toeplitz.Extremes(smallest * 1.001, largest * 0.999)
        monkeypatch.setattr(BandedToeplitz, "extremes", lambda self: wrong)
    else:
        monkeypatch.setattr(toeplitz, "cho_solve_banded", lambda factor, v: rng.standard_normal(len(v)))
    spectrum = certified_spectrum(matrix, 64, "a test", None)
    assert holds(spectrum, smallest, largest)
    assert spectrum.smallest.relative_width > 1e-6 and spectrum.largest.relative_width > 1e-6


@pytest.mark.parametrize("size", [3, 30])
@pytest.mark.parametrize("noise", ["everywhere", "off the diagonal"])
def test_the_defect_of_a_factor_bounds_the_norm_of_what_it_misses(size, noise):
    """Where only the neighbours are missing, the norm is close to twice an entry: both triangles have to count."""
    rng = np.random.default_rng(seeded(7))
    matrix, smallest, _ = section(size)
    shift = float(smallest / 2)
    bands = matrix.bands()
    bands[0] -= shift
    if noise == "everywhere":
        factor = scipy.linalg.cholesky_banded(bands, lower=True) * rng.uniform(0.5, 1.5, bands.shape)
    else:
        factor = np.sqrt(bands * [[1.0], [0], [0]])
    lower = sum(np.diag(row[: size - s], -s) for s, row in enumerate(factor))
    missed = np.linalg.norm(matrix.to_dense() - shift * np.eye(size) - lower @ lower.T, 2)
    assert missed > 1e-3
    assert float(toeplitz._cholesky_defect(matrix, 1, shift, factor).lower()) >= missed * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_bounds_hold_to_the_last_bit(seed):
    """One ReLU, one row, and a diagonal: eigenvalues that are known as fractions, and are no floats."""
    rng = random.Random(seeded(seed))
    bias, third = Fraction(rng.randrange(-(2**20), 2**20), 2**20), Fraction(rng.randrange(1, 2**20), 3 * 2**20 + 1)
    relus = ReLUFamily([float(bias)]).spectrum("certified")
    facing_left = ReLUFamily([float(bias)], [-1]).spectrum("certified")
    row = certified_spectrum(BandedToeplitz((third,), 4), 64, "a test", None)
    for spectrum, exact in ((relus, (1 - bias) ** 3 / 3), (facing_left, (1 - bias) ** 3 / 3), (row, third)):
        for enclosure in (spectrum.smallest, spectrum.largest):
            assert Fraction(enclosure.lower) <= exact <= Fraction(enclosure.upper)
            assert enclosure.relative_width < 1e-12


def test_an_equal_spacing_is_exact_in_balls():
    """2/10 is no float, and its rounding is far below the width of an enclosure: the ball itself has to hold it."""
    with working_precision(200):
        gaps, (overhang, visible) = relu._exact_gaps(ReLUFamily.uniform(10).structure())
        assert len(gaps) == 10 and overhang == 0
        assert all((10 * gap).contains(2) for gap in [*gaps, visible])


# --- Precision -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["relu", "toeplitz", "blocks"])
def test_more_bits_give_closer_bounds_and_too_few_are_refused_with_enough(name):
    """Bounds at b bits are about n·2^-b apart, n the number of operations: hundreds here."""
    structure = STRUCTURES[name]()
    widths = {}
    for bits in (20, 30, 40):
        spectrum = certified_spectrum(structure, bits, "a test", None)
        widths[bits] = spectrum.condition_number.relative_width
        assert 2.0 ** -(bits + 2) < widths[bits] < 1000 * 2.0**-bits
    exact = certified_spectrum(structure, 200, "a test", None).condition_number
    for bits in (20, 30, 40):
        e = certified_spectrum(structure, bits, "a test", None).condition_number
        assert e.lower <= exact.lower and exact.upper <= e.upper


def test_too_few_bits_are_refused_with_a_number_that_is_enough():
    structure = ReLUFamily.uniform(300).structure()
    with pytest.raises(PrecisionTooLow, match=r"4 bits are too few .* of these; precision=\d+ is enough") as caught:
        certified_spectrum(structure, 4, "these", None)
    enough = int(str(caught.value).partition("precision=")[2].split()[0])
    assert certified_spectrum(structure, enough, "these", None).condition_number.upper < math.inf
    for bits in (1, 0, -5, 2.5, True, 10**6):
        with pytest.raises(ValueError, match="precision"):
            certified_spectrum(structure, bits, "these", None)


def test_precisions_nest_and_are_given_back():
    with working_precision(100):
        with working_precision(200):
            assert flint.ctx.prec == 200
        assert flint.ctx.prec == 100
        with pytest.raises(ZeroDivisionError), working_precision(300):
            raise ZeroDivisionError
        assert flint.ctx.prec == 100


def test_a_pivot_whose_ball_holds_zero_has_no_sign():
    """Its midpoint has one: bisection must not take that for an answer."""
    for middle in (-1e-9, 1e-9):
        assert dense._negative_pivots([[flint.arb(middle, 1e-8)]]) is None
        assert dense._negative_pivots([[flint.arb(1)], [flint.arb(1), flint.arb(1 + middle, 1e-8)]]) is None
        assert dense._negative_pivots([[flint.arb(middle, 1e-10)]]) == (middle < 0)


# --- Iterations that do not converge ---------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["POWER_STEPS", "NODA_STEPS"])
def test_an_iteration_that_is_cut_short_raises_and_its_bounds_stay_true(monkeypatch, limit):
    biases = np.array([-0.9, -0.2, 0.1, 0.6])
    structure = ReLUStructure(biases, (-1.0, 1.0))
    monkeypatch.setattr(relu, limit, 1)
    with pytest.raises(NotConverged, match=r"of these 4 ReLUs is not known: after 1 iterations .* apart"):
        structure.extremes()
    assert holds(certified_spectrum(structure, 64, "a test", None), *true_extremes(biases))


def test_a_lanczos_iteration_that_is_cut_short_raises(monkeypatch):
    from scipy.sparse import linalg

    def cut_short(operator, v0, **how):
        operator.matvec(v0)
        raise linalg.ArpackNoConvergence("%s %s", np.array([]), np.array([]))

    monkeypatch.setattr(linalg, "eigsh", cut_short)
    with pytest.raises(NotConverged, match="section of 150 rows has not converged after 1 products"):
        STRUCTURES["long toeplitz"]().extremes()


def test_biases_whose_eigenvalue_no_float_holds():
    close = ReLUFamily([0.0, 1e-200, 0.5])
    with pytest.raises(NotConverged, match="leaves the range of float64: gaps between their biases"):
        close.spectrum()
    certified = close.spectrum("certified")
    assert certified.smallest.lower == 0 and certified.condition_number.lower > 1e308


def test_eigenvalues_beyond_float64_are_enclosed_by_infinity():
    """λ_max is about 1e412 and λ_min below 1e-308; what LAPACK would have to do is refused."""
    far = ReLUFamily([-1e206, 0.0, 5e-324])
    with pytest.raises(NotConverged, match="leaves the range of float64"):
        far.spectrum()
    certified = far.spectrum("certified")
    assert (certified.largest.lower, certified.largest.upper) == (np.finfo(float).max, math.inf)
    assert certified.smallest.lower == 0 < certified.smallest.upper < 1e-300
    dense_family = ReLUFamily([0.0, 5e-324, -1e206, -1e205])
    for method in ("auto", "dense", "certified"):
        with pytest.raises(ValueError, match="The Gram matrix leaves the range of float64"):
            dense_family.spectrum(method)


def test_a_toeplitz_matrix_whose_eigenvalue_float64_loses():
    """Squared second differences, κ about 16·(n/π)⁴: refused where nothing is left; small ones are known by bisection."""
    with pytest.raises(NotConverged, match="lost in float64"):
        BandedToeplitz((Fraction(6), Fraction(-4), Fraction(1)), 6000).enclose()
    tiny = BandedToeplitz((Fraction(1), Fraction(1, 2**50) - 1), 2)
    with pytest.raises(NotConverged, match="lost in float64"):
        tiny.extremes()
    smallest = certified_spectrum(tiny, 64, "a test", None).smallest
    assert smallest.lower <= 2.0**-50 <= smallest.upper and smallest.relative_width < 1e-12


# --- What a spectrum says --------------------------------------------------------------------------------------------


def test_auto_says_what_it_took_and_why_a_family_is_singular():
    structured = ReLUFamily([-0.5, 0.25]).spectrum()
    assert (structured.method, structured.singular_reason) == ("structured", None) and structured.iterations > 0
    lapack = ReLUFamily([-0.5, 0.25], [1, -1]).spectrum()
    assert (lapack.method, lapack.iterations) == ("dense", 0)
    reasons = {
        "Neurons 1 and 3 coincide (bias 0.5).": ReLUFamily([0.5, 0.1, 0.5]),
        "Neuron 2 is zero on D = [-1, 1]: its bias 1.5": ReLUFamily([0.5, 1.5]),
        "Neuron 1 is zero on D = [0, 1]: its bias 0": ReLUFamily([0, 0.5], [-1, 1], (0, 1)),
        "1 of 3 wavelets are zero on D, the first of them ψ_(1, 6).": WaveletFamily(2, shifts=[[0], [0, 6]]),
        "affine functions have two dimensions": ReLUFamily([-1, -2, -3]),
    }
    for reason, family in reasons.items():
        for method in ("auto", "dense", "certified"):
            assert reason in family.spectrum(method).singular_reason
        assert family.spectrum().smallest == 0 and family.spectrum().condition_number == math.inf


def test_a_certified_spectrum_says_which_matrix_it_is_about():
    spectrum = WaveletFamily(2, normalized=False).spectrum("certified")
    assert spectrum.method == "certified"
    for value, name in (
        ("smallest", "smallest eigenvalue"),
        ("largest", "largest eigenvalue"),
        ("condition_number", "condition"),
    ):
        about = getattr(spectrum, value).about
        assert about.startswith(name) and "3 wavelets of order 2 on 2 levels, without 2^(j/2), on [-1, 1]" in about


def test_a_spectrum_is_frozen_and_unknown_methods_are_refused():
    spectrum = ReLUFamily([0.5]).spectrum()
    assert replace(spectrum, smallest=1.0).smallest == 1
    with pytest.raises(AttributeError):
        spectrum.smallest = 2.0
    with pytest.raises(ValueError, match="no method 'fast'; there are auto, dense, structured, certified"):
        ReLUFamily([0.5]).spectrum("fast")
    with pytest.raises(ValueError, match="no structure"):
        ReLUFamily([0.0, 0.5], [1, -1]).spectrum("structured")


def test_a_large_singular_family_has_no_matrix_to_take_an_eigenvalue_of():
    with pytest.raises(ValueError, match="Gram matrix of 1000000 functions would take"):
        ReLUFamily(np.linspace(-1, 1, 10**6)).spectrum()


def test_a_dense_matrix_without_exact_entries_or_too_large_is_not_certified():
    for structure, message in ((Dense(np.eye(2)), "exact entries"), (Dense(np.eye(201)), "K <= 200")):
        with pytest.raises(ValueError, match=message):
            certified_spectrum(structure, 64, "a test", None)


def test_a_disc_has_the_sum_of_its_row():
    """Discs of columns hold the eigenvalues, too, so that only the numbers tell them apart."""
    centres, radii = gershgorin_discs([[1, -2, 3], [0, 4, 0], [5, 0, -6]])
    assert centres.tolist() == [1, 4, -6] and radii.tolist() == [5, 0, 5]


# --- Variation of a spline -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_variation_of_the_last_derivative_by_differentiating_the_pieces(order):
    """ψ^(m−1) is constant on each half unit; its variation is the sum of the jumps, from 0 on the left to 0 on the right."""
    psi = BSplineWavelet(order)
    u = sympy.Symbol("u")
    constants = [
        2 ** (order - 1) * sympy.diff(sum(c * u**p for p, c in enumerate(piece)), u, order - 1) for piece in psi.pieces
    ]
    assert psi.variation == sum(abs(b - a) for a, b in zip([0, *constants], constants))
