"""The wavelet: derivation in both directions, exact constants by an independent route, and its evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from bwtheory.wavelet import BSplineWavelet, TruncatedPowerSpline, two_scale_coefficients

ORDERS = range(1, 9)


def exact_value(spline: TruncatedPowerSpline, x: float) -> Rational:
    """The sum of truncated powers in rational arithmetic, the float x taken exactly."""
    at = Rational(x)
    return sum(
        (a * (at - k) ** spline.degree for k, a in zip(spline.relu_knots, spline.relu_coefficients) if at >= k),
        Rational(0),
    )


def cardinal_bspline(order: int, x: Rational) -> Rational:
    """N_m by the recursion of de Boor and Cox: independent of truncated powers."""
    if order == 1:
        return Rational(int(bool(0 <= x < 1)))
    return (x * cardinal_bspline(order - 1, x) + (order - x) * cardinal_bspline(order - 1, x - 1)) / (order - 1)


@pytest.mark.parametrize("order", range(1, 6))
def test_relu_form_is_the_two_scale_combination_of_bsplines(order):
    psi = BSplineWavelet(order)
    for i in range(-1, 8 * order):
        x = Rational(2 * i + 1, 8)
        combination = sum(q * cardinal_bspline(order, 2 * x - n) for n, q in enumerate(two_scale_coefficients(order)))
        assert exact_value(psi, x) == combination


@pytest.mark.parametrize("order", ORDERS)
def test_semi_orthogonal_to_all_coarse_bsplines(order):
    """The defining property of W_0 against V_0, on the polynomial pieces of both."""
    psi = BSplineWavelet(order)
    coarse = TruncatedPowerSpline(range(order + 1), [(-1) ** k * sympy.binomial(order, k) for k in range(order + 1)], order - 1)
    for shift in range(-order, 2 * order):
        assert inner_product_of_splines(psi, coarse, shift) == 0


def inner_product_of_splines(f: TruncatedPowerSpline, g: TruncatedPowerSpline, shift: int) -> Rational:
    total = Rational(0)
    for i, p in enumerate(f.pieces[:-1]):
        j = i - 2 * shift
        if 0 <= j < len(g.pieces) - 1:
            q = g.pieces[j]
            total += sum(a * b / (m + n + 1) for m, a in enumerate(p) for n, b in enumerate(q))
    return total / 2


@pytest.mark.parametrize("order", ORDERS)
def test_compact_support_and_vanishing_moments(order):
    psi = BSplineWavelet(order)
    assert psi.support == (0, 2 * order - 1)
    assert [psi.moment(p) for p in range(order)] == [0] * order
    assert psi.moment(order) != 0


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_moments_that_do_not_vanish_by_integrating_the_pieces(order):
    """x = (i + u)/2 on cell i.  Moments below the order vanish and show neither a sign nor a factor."""
    psi = BSplineWavelet(order)
    for power in range(order + 3):
        exact = sum(
            c * math.comb(power, k) * i ** (power - k) * Rational(1, 2 ** (power + 1) * (k + p + 1))
            for i, piece in enumerate(psi.pieces[:-1])
            for p, c in enumerate(piece)
            for k in range(power + 1)
        )
        assert psi.moment(power) == exact and (exact == 0) == (power < order)


def test_norm_and_inner_products_by_symbolic_integration():
    """SymPy integrates the ReLU form itself, cell by cell."""
    psi = BSplineWavelet(2)
    x = sympy.Symbol("x")

    def on_cell(i: int) -> sympy.Expr:
        return sum(a * (x - k) for k, a in zip(psi.relu_knots, psi.relu_coefficients) if k <= Rational(i, 2))

    for shift in range(4):
        exact = sum(
            sympy.integrate(on_cell(i) * on_cell(i - 2 * shift).subs(x, x - shift), (x, Rational(i, 2), Rational(i + 1, 2)))
            for i in range(2 * shift, 6)
        )
        assert psi.inner_product(shift) == exact
    assert psi.norm_squared == psi.inner_product(0)


@pytest.mark.parametrize("order", ORDERS)
def test_gram_condition_number_bounds_finite_sections_and_is_their_limit(order):
    psi = BSplineWavelet(order)
    exact = float(psi.gram_condition_number())
    row = np.zeros(400)
    row[: 2 * order - 1] = [float(a) for a in psi.autocorrelation]
    index = np.arange(400)
    eigenvalues = np.linalg.eigvalsh(row[np.abs(index[:, None] - index)])
    section = eigenvalues[-1] / eigenvalues[0]
    # Sections stay below the limit (up to eigvalsh's backward error, n units of rounding), at a distance O(1/n²).
    assert 0.99 * exact < section <= exact * (1 + 400 * 2.0**-52)


def test_gram_condition_number_is_rational_up_to_order_two():
    assert BSplineWavelet(1).gram_condition_number() == 1
    assert BSplineWavelet(2).gram_condition_number().is_Rational


@pytest.mark.parametrize("order", ORDERS)
@given(x=st.floats(-2, 18))
def test_evaluation_is_accurate_everywhere(order, x):
    """Horner with m coefficients in a local coordinate: at most 2m+2 roundings of numbers below sum |coefficients|."""
    psi = BSplineWavelet(order)
    size = max(float(sum(abs(c) for c in piece)) for piece in psi.pieces)
    assert abs(psi(x) - float(exact_value(psi, x))) <= (2 * order + 3) * 2.0**-53 * size


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_exactly_zero_outside_the_support_where_the_relu_form_is_not(dtype):
    psi = BSplineWavelet(2)
    far = np.array([-1e4, -1, -0.0, 3, 3.5, 1e3, 1e4], dtype)
    assert psi(far).dtype == dtype
    assert not psi(far).any()
    irrational = (np.linspace(3, 1000, 997) * np.pi / 3).astype(dtype)
    assert psi.evaluate_relu_form(irrational).any()


def test_special_values():
    psi = BSplineWavelet(2)
    assert np.isnan(psi(np.nan)) and psi(np.inf) == 0 and psi(-np.inf) == 0
    assert psi(1).dtype == np.float64
    assert psi(np.zeros((0, 3))).shape == (0, 3)
    assert psi(np.full((2, 3), 1.5)).shape == (2, 3)


def test_values_at_the_knots_are_the_exact_ones_rounded():
    psi = BSplineWavelet(2)
    knots = np.array([float(k) for k in psi.relu_knots])
    assert list(psi(knots)) == [float(exact_value(psi, k)) for k in knots]


def test_variation_is_the_sum_of_the_slope_jumps():
    psi = BSplineWavelet(2)
    slopes = [2 * piece[1] for piece in psi.pieces]
    assert psi.variation == abs(slopes[0]) + sum(abs(b - a) for a, b in zip(slopes, slopes[1:]))


def test_latex_names_every_term():
    assert BSplineWavelet(2).latex().count(r"\sigma") == 7


@pytest.mark.parametrize("order", [0, -1, 1.5, "2", True, None])
def test_bad_order(order):
    with pytest.raises(ValueError, match="integer order >= 1"):
        BSplineWavelet(order)


@pytest.mark.parametrize(
    "knots, coefficients, degree, message",
    [
        ([0, 1], [1], 1, "one coefficient per knot"),
        ([], [], 1, "at least one knot"),
        ([0, Rational(1, 3)], [1, 1], 1, "half-integers"),
        ([1, 0], [1, 1], 1, "increasing"),
        ([0], [1], -1, "degree >= 0"),
    ],
)
def test_bad_spline(knots, coefficients, degree, message):
    with pytest.raises(ValueError, match=message):
        TruncatedPowerSpline(knots, coefficients, degree)


def test_a_sum_that_does_not_cancel_has_no_support():
    relu = TruncatedPowerSpline([0], [1])
    for use in (lambda: relu.support, lambda: relu.norm_squared, lambda: relu.moment(0)):
        with pytest.raises(ValueError, match="does not vanish"):
            use()
