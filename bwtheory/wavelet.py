"""The Chui-Wang B-spline wavelet, derived exactly.

Two directions meet here.  From the two-scale relation, psi(x) = sum_n q_n N_m(2x - n), the wavelet becomes a sum of
truncated powers sigma(x - k/2)^(m-1); at order m = 2 these are seven ReLUs.  From any sum of truncated powers,
the polynomial pieces follow, and with them the support, moments, norms and inner products.  All constants of the
project are derived in this file and in ``two_scale``, in exact rational arithmetic, and nowhere else.
"""

from __future__ import annotations

from functools import cached_property
from math import comb, factorial, lcm
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray
from sympy import Rational

from bwtheory import checks, two_scale

ORDER_LIMIT = 64
POWER_LIMIT = 10_000  # of a moment: exact integers of tens of thousands of bits
EXACT_CONDITION_LIMIT = 8  # SymPy isolates the roots in 0.7 s at order 8, 18 s at order 10
CELL_LIMIT = 100_000  # half-units between the first and the last knot


def two_scale_coefficients(order: int) -> tuple[Rational, ...]:
    """q_0, ..., q_{3m-2} with psi(x) = sum_n q_n N_m(2x - n)."""
    return tuple(Rational(q.numerator, q.denominator) for q in two_scale.two_scale_coefficients(order))


def truncated_power_coefficients(order: int) -> tuple[Rational, ...]:
    """a_0, ..., a_{4m-2} with psi(x) = sum_i a_i sigma(x - i/2)^(m-1), sigma(z) = max(0, z)."""
    return tuple(Rational(a.numerator, a.denominator) for a in two_scale.truncated_power_coefficients(order))


def _rationals(name: str, values: ArrayLike) -> tuple[Rational, ...]:
    exact = checks.exact_array(name, values)
    if exact.ndim != 1:
        raise ValueError(f"{name} are a list of rational numbers; got shape {exact.shape}.")
    return tuple(Rational(q.numerator, q.denominator) for q in exact)


class TruncatedPowerSpline:
    """s(x) = sum_i coefficients[i] * sigma(x - knots[i])^degree, exact.

    Parameters
    ----------
    knots, coefficients : sequences of the same length, anything SymPy turns into a Rational
        Knots on the grid of half-integers, strictly increasing.
    degree : int >= 0
        1 for ReLUs; 0 for steps (continuous from the right).

    Raises
    ------
    ValueError
        For a negative degree, unequal lengths, numbers that are not rational, or knots that are not increasing half-integers
        or lie more than 50 000 apart.
    """

    def __init__(self, knots: ArrayLike, coefficients: ArrayLike, degree: int = 1):
        self.relu_knots = _rationals("The knots of a spline", knots)
        self.relu_coefficients = _rationals("The coefficients of a spline", coefficients)
        self.degree = checks.integer("A spline has degree >= 0", "degree", degree, least=0)
        if not self.relu_knots or len(self.relu_knots) != len(self.relu_coefficients):
            raise ValueError("A spline needs one coefficient per knot, and at least one knot.")
        if any((2 * k).q != 1 for k in self.relu_knots) or any(b <= a for a, b in zip(self.relu_knots, self.relu_knots[1:])):
            raise ValueError("The knots must be strictly increasing half-integers.")
        if 2 * (self.relu_knots[-1] - self.relu_knots[0]) > CELL_LIMIT:
            raise ValueError(f"The knots of a spline lie at most {CELL_LIMIT // 2} apart: each half-unit has a polynomial.")

    @cached_property
    def _integer_pieces(self) -> tuple[int, list[list[int]]]:
        """A common denominator and the numerators of ``pieces``."""
        cells = int(2 * (self.relu_knots[-1] - self.relu_knots[0]))
        denominator = lcm(*(int(a.q) for a in self.relu_coefficients)) * 2**self.degree
        jumps = {int(2 * (k - self.relu_knots[0])): a for k, a in zip(self.relu_knots, self.relu_coefficients)}
        local = [0] * (self.degree + 1)
        result = []
        for i in range(cells + 1):
            # from one cell to the next: u becomes u + 1, then a/2^degree u^degree is added
            local = [sum(comb(q, p) * local[q] for q in range(p, self.degree + 1)) for p in range(self.degree + 1)]
            local[-1] += int(jumps.get(i, Rational(0)) * (denominator >> self.degree))
            result.append(local)
        return denominator, result

    @cached_property
    def pieces(self) -> tuple[tuple[Rational, ...], ...]:
        """Polynomials of the half-unit cells [a + i/2, a + (i+1)/2], a the first knot, and of the tail at the end.

        Coefficients are those of u^0, u^1, ... in the local coordinate u = 2(x - a) - i in [0, 1].
        Local coordinates keep the evaluation accurate at every order.
        """
        denominator, pieces = self._integer_pieces
        return tuple(tuple(Rational(c, denominator) for c in piece) for piece in pieces)

    @property
    def is_compactly_supported(self) -> bool:
        """Whether the powers cancel exactly beyond the last knot."""
        return not any(self.pieces[-1])

    def _require_compact_support(self) -> None:
        if not self.is_compactly_supported:
            raise ValueError("This sum of truncated powers does not vanish beyond its last knot.")

    @property
    def support(self) -> tuple[Rational, Rational]:
        """The smallest closed interval outside of which s vanishes.

        Raises ValueError if s does not vanish beyond its last knot.
        """
        self._require_compact_support()
        occupied = [i for i, piece in enumerate(self.pieces) if any(piece)]
        if not occupied:
            raise ValueError("This spline is identically zero.")
        first = self.relu_knots[0]
        return first + Rational(occupied[0], 2), first + Rational(occupied[-1] + 1, 2)

    def moment(self, power: int) -> Rational:
        """The integral of x^power s(x) over R, exact, for an integer power from 0 to 10 000.

        Integration by parts, degree + 1 times, leaves the jumps of the last derivative: degree! a_i at the knots.
        """
        power = checks.integer("A moment has a power >= 0", "power", power, least=0, at_most=POWER_LIMIT)
        self._require_compact_support()
        times = self.degree + 1
        jumps = zip(self.relu_coefficients, self.relu_knots)
        total = sum((a * k ** (power + times) for a, k in jumps), Rational(0))
        return (-1) ** times * factorial(self.degree) * total * Rational(factorial(power), factorial(power + times))

    @cached_property
    def _weighted_pieces(self) -> tuple[int, list[list[int]]]:
        """A common denominator and, for each cell g, the numerators of ∫ u^p g(u) du over [0, 1], p = 0, …, degree."""
        denominator, pieces = self._integer_pieces
        common = lcm(*range(1, 2 * self.degree + 2))
        hilbert = [[common // (p + q + 1) for q in range(self.degree + 1)] for p in range(self.degree + 1)]
        weighted = [[sum(h * c for h, c in zip(row, piece)) for row in hilbert] for piece in pieces[:-1]]
        return denominator * common, weighted

    def inner_product(self, shift: int = 0) -> Rational:
        """The inner product of s with s(. - shift) in L2(R), exact, for an integer (or half-integer) shift."""
        self._require_compact_support()
        offset = checks.exact_number("The shift", shift) * 2
        if offset.denominator != 1:
            raise ValueError(f"The shift must be a multiple of 1/2; got {checks.shown(shift)}.")
        (first, cells), (second, weighted) = self._integer_pieces, self._weighted_pieces
        start = int(offset)
        total = 0
        for i in range(max(start, 0), min(len(weighted) + start, len(weighted))):
            total += sum(a * b for a, b in zip(cells[i], weighted[i - start]))
        return Rational(total, 2 * first * second)

    @cached_property
    def norm_squared(self) -> Rational:
        """The squared L2(R) norm, exact."""
        return self.inner_product(0)

    @property
    def variation(self) -> Rational:
        """Total variation over R of the derivative of order ``degree``: degree! * sum |coefficients|.

        For degree 1 this is TV(s'), the variation norm of one neuron with unit weights.
        """
        return factorial(self.degree) * sum((abs(a) for a in self.relu_coefficients), Rational(0))

    @cached_property
    def _local_table(self) -> NDArray[np.float64]:
        return np.array([[float(c) for c in piece] for piece in self.pieces[:-1]])

    def __call__(self, x: ArrayLike) -> NDArray[Any]:
        """Evaluate at an array x of any shape; exactly 0 outside the support.

        The dtype of a floating array is kept, anything else becomes float64; NaN gives NaN and ±inf gives 0.  Piece by piece in
        local coordinates, so nothing cancels between pieces: the error is a few units in the last place of
        the largest value of s, at every x and every order.  ValueError for what is no array of real numbers.
        """
        x = checks.floating_array("Points", x)
        left, right = self.support
        inside = (x >= float(left)) & (x < float(right))
        doubled = 2 * (np.where(inside, x, x.dtype.type(left)) - x.dtype.type(self.relu_knots[0]))
        cell = np.floor(doubled).astype(np.intp)
        u = doubled - cell.astype(x.dtype)
        table = self._local_table.astype(x.dtype)[np.minimum(cell, len(self.pieces) - 2)]
        value = table[..., -1]
        for p in range(self.degree - 1, -1, -1):
            value = value * u + table[..., p]
        value = np.where(inside, value, x.dtype.type(0))
        return np.asarray(np.where(np.isnan(x), x, value))

    def evaluate_relu_form(self, x: ArrayLike) -> NDArray[Any]:
        """The defining sum of truncated powers, term by term in the dtype of x: slow and, far from the knots, wrong.

        For large |x| the terms are of size |x|^degree and cancel; what remains is rounding error.  Kept as the
        definition that tests compare with, and to measure exactly that.  ValueError where a term overflows; NaN and ±inf
        give NaN.
        """
        x = checks.floating_array("Points", x)
        as_dtype = x.dtype.type
        total: NDArray[Any] = np.where(np.isfinite(x), np.zeros_like(x), as_dtype(np.nan))
        with np.errstate(over="ignore", invalid="ignore"):
            for k, a in zip(self.relu_knots, self.relu_coefficients):
                z = x - as_dtype(k)
                term = (z >= 0).astype(x.dtype) if self.degree == 0 else np.maximum(z, as_dtype(0)) ** self.degree
                total = total + as_dtype(float(a)) * term
        checks.in_range(f"The sum of truncated powers in {x.dtype}", total[np.isfinite(x)])
        return total

    def latex(self) -> str:
        """The sum of truncated powers as LaTeX, in the order of the knots."""
        terms: list[str] = []
        for k, a in zip(self.relu_knots, self.relu_coefficients):
            if not a:
                continue
            sign = "-" if a < 0 else "+" if terms else ""
            argument = "x" if k == 0 else f"x - {sympy.latex(k)}"
            power = "" if self.degree == 1 else f"^{{{self.degree}}}"
            factor = "" if abs(a) == 1 else sympy.latex(abs(a))
            terms.append(rf"{sign} {factor}\,\sigma\!\left({argument}\right){power}".strip())
        return r"\psi(x) = " + " ".join(terms)


class BSplineWavelet(TruncatedPowerSpline):
    """The compactly supported B-spline wavelet of Chui and Wang, order m (pieces of degree m - 1).

    Order 2 is the activation of the paper, eq. (2): seven ReLUs.

    Parameters
    ----------
    order : int >= 1
        1 is the Haar wavelet, 2 the linear (BW-ReLU), 4 the cubic B-spline wavelet.

    Raises
    ------
    ValueError
        If the order is not an integer from 1 to 64; the exact derivation takes time like the fifth power of it.

    Examples
    --------
    >>> psi = BSplineWavelet(2)
    >>> psi.relu_coefficients
    (1/6, -4/3, 23/6, -16/3, 23/6, -4/3, 1/6)
    >>> psi.support, psi.norm_squared, psi.gram_condition_number()
    ((0, 3), 1/4, 9/4)
    """

    def __init__(self, order: int = 2):
        self.order = checks.integer("A B-spline wavelet has an integer order >= 1", "order", order, at_most=ORDER_LIMIT)
        knots = [Rational(i, 2) for i in range(4 * self.order - 1)]
        super().__init__(knots, truncated_power_coefficients(self.order), self.order - 1)

    def __repr__(self) -> str:
        return f"BSplineWavelet(order={self.order})"

    @cached_property
    def two_scale_coefficients(self) -> tuple[Rational, ...]:
        """q_0, ..., q_{3m-2} of psi(x) = sum_n q_n N_m(2x - n)."""
        return two_scale_coefficients(self.order)

    @cached_property
    def autocorrelation(self) -> tuple[Rational, ...]:
        """Inner products of psi with its integer shifts 0, 1, ..., 2m - 2 over R; all further ones vanish."""
        return tuple(self.inner_product(s) for s in range(2 * self.order - 1))

    def gram_symbol(self) -> sympy.Poly:
        """The Toeplitz symbol sum_s <psi, psi(. - s)> e^(i s theta) as a polynomial in c = cos(theta)."""
        c = sympy.Symbol("c")
        terms = [self.autocorrelation[0]]
        terms += [2 * a * sympy.chebyshevt(s, c) for s, a in enumerate(self.autocorrelation) if s]
        return sympy.Poly(sum(terms), c)

    def gram_condition_number(self) -> sympy.Expr:
        """Condition number of all integer shifts at one scale, exact: max / min of the Toeplitz symbol.

        It is the limit, and the least upper bound, of the condition numbers of finite sections.  Rational for
        order <= 2; an algebraic number above where the symbol has an extremum inside (-1, 1).

        ValueError above order 8, where the exact roots take minutes; the symbol itself takes no time.
        """
        if self.order > EXACT_CONDITION_LIMIT:
            raise ValueError(
                f"The exact condition number takes minutes above order {EXACT_CONDITION_LIMIT}; got order {self.order}. "
                "It is the largest by the smallest value of gram_symbol() on [-1, 1]."
            )
        symbol = self.gram_symbol()
        c = symbol.gen
        points = [sympy.S(-1), sympy.S(1)]
        if symbol.degree() > 1:
            # The stationary points are widely spread; the reciprocals of those in (-1, 1) are isolated in no time.
            slope = symbol.diff()
            reciprocal = sympy.Poly(list(reversed(slope.all_coeffs())), c)
            roots = sympy.real_roots(reciprocal)
            below, above = reciprocal.count_roots(None, -1), reciprocal.count_roots(1, None)
            points += [1 / root for root in roots[:below] + roots[len(roots) - above :]]
            points += [sympy.S(0)] * (slope.eval(0) == 0)
        expanded = symbol.as_expr()
        values = [expanded.subs(c, point) for point in points]
        sizes = [value.evalf(30) for value in values]
        return values[sizes.index(max(sizes))] / values[sizes.index(min(sizes))]
