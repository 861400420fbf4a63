"""The complete wavelet basis of the continuous piecewise-linear functions on a uniform grid of [−1, 1]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from bwtheory import cascade, checks
from bwtheory.families import LEVELS_LIMIT, Family
from bwtheory.gram.blocks import BlockDiagonal
from bwtheory.gram.dense import Dense
from bwtheory.gram.folded import FoldedToeplitz
from bwtheory.gram.structure import GramStructure, Matrix, Vector
from bwtheory.gram.toeplitz import BandedToeplitz
from bwtheory.wavelet import BSplineWavelet

if TYPE_CHECKING:
    from collections.abc import Callable

COARSE_LEVELS = ("orthonormal", "hats")
BASES = ("wavelets", "relus")
COARSE_NODES = 4  # t = 0, 1, 2, 3
MEMORY_PER_FUNCTION = 80  # bytes: the arrays that a transform holds at once, of 8 bytes for each node
STEPS = 1000  # of conjugate gradients, at most


class _Ended(Exception):
    """``visit`` has returned True."""


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A function of the span of an ``IntervalWaveletFamily`` that was fitted to samples; call it with points x (N,).

    Attributes
    ----------
    coefficients : (K,) in the basis that was fitted
    values : (K,) at the knots of the family
    steps : of conjugate gradients
    residual : root mean square of y − f(x) over the samples
    converged : whether the normal equations are solved to the tolerance
    """

    coefficients: Vector
    values: Vector
    steps: int
    residual: float
    converged: bool

    def __call__(self, x: ArrayLike) -> Vector:
        """Values (N,) at points x (N,) in [−1, 1]."""
        return cascade.Interpolation(_inside(x), len(self.values) - 1)(self.values)


class IntervalWaveletFamily(Family):
    """A semi-orthogonal wavelet basis of all continuous piecewise-linear functions on a grid of [−1, 1] (Chui and Quak 1992).

    With t = (3/2)(x+1) and N = 3·2^j these are four functions that span the hats at t = 0, 1, 2, 3, and for each level
    j = 0, …, levels − 1 the N − 2 wavelets √6 2^{j/2} ψ(2^j t − k) that fit into [0, 3] between boundary wavelets at both ends:
    the restriction of √6 2^{j/2} (ψ(2^j t + 1) + ψ(2^j t + 2)), and its mirror image.  With J levels these are K = 3·2^J + 1
    functions.  They span what a constant and 3·2^J equally spaced ReLUs span.  Unlike Theorem 3.3's family they reproduce
    affine functions and resolve the whole domain.

    The inner wavelets have norm 1.  With an orthonormal coarse level κ = f(0)/f(π − π/(3·2^{J−1})) < 9/4, f the symbol of ψ's
    integer shifts; with hats of norm 1 κ is exactly 3.

    Parameters
    ----------
    levels : J >= 1
    coarse : "orthonormal", hats made orthonormal from left to right by Gram and Schmidt; or "hats", the hats with norm 1

    Raises
    ------
    ValueError
        For levels < 1, another coarse level, or more functions than fit into the free memory.

    Examples
    --------
    >>> import numpy as np, bwtheory as bw
    >>> basis = bw.IntervalWaveletFamily(levels=3)
    >>> constant, weights = basis.to_relu(np.eye(25)[8])    # a wavelet of level 1 is seven ReLUs
    >>> int((abs(weights) > 1e-12 * abs(weights).max()).sum())
    7
    >>> [round(float(abs(c).max()), 12) for c in basis.by_level(basis.from_relu(weights, constant))]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, levels: int, coarse: str = "orthonormal"):
        self.levels = checks.integer("An interval basis needs levels J >= 1", "levels", levels, at_most=LEVELS_LIMIT)
        self.coarse = checks.one_of("coarse", coarse, COARSE_LEVELS)
        self.domain = (-1.0, 1.0)
        self.cells = 3 * 2**self.levels
        self.size = self.cells + 1
        checks.enough_memory(f"A basis of {self.size} functions", MEMORY_PER_FUNCTION * self.size)

    @property
    def name(self) -> str:
        """The Gram matrix, its number of levels and its coarse level."""
        kind = "an orthonormal coarse level" if self.coarse == "orthonormal" else "coarse hats of norm 1"
        return f"the Gram matrix of the interval basis with {self.levels} level{'s' * (self.levels > 1)} and {kind}"

    # --- The functions ----------------------------------------------------------------------------------------------

    def __call__(self, x: ArrayLike) -> Matrix:
        """Feature matrix (K, N) for x of shape (N,) in [−1, 1]; 0 outside, NaN where x is NaN."""
        x = self._checked_points(x)
        t = 3 * (np.clip(x, -2, 2) + 1) / 2
        rows = [self._coarse_values.T @ [np.interp(t, range(COARSE_NODES), hat) for hat in np.eye(COARSE_NODES)]]
        left, inner = (cascade.merge(np.zeros(4), np.eye(1, 3, n)[0]) for n in (0, 1))
        for j, factor in enumerate(self._factors):
            cells = 3 * 2**j
            for n in range(cells):
                values = left if n == 0 else left[::-1] if n == cells - 1 else inner
                first = 0 if n == 0 else 2 * cells - 6 if n == cells - 1 else 2 * n - 2
                rows.append(factor * np.interp(t, np.arange(first, first + 7) / 2 ** (j + 1), values)[None])
        return np.where(np.abs(x) > 1, 0.0, np.concatenate(rows))

    def knots(self) -> Matrix:
        """The K nodes of the finest grid; the biases of the ReLUs are all but the last."""
        grid: Vector = 2 * np.arange(self.size) / self.cells - 1
        return grid

    def supports(self) -> Matrix:
        """(K, 2) array: where each function is not 0, in the order of the coefficients; all of D for the coarse ones."""
        ends = [np.tile([-1.0, 1.0], (COARSE_NODES, 1))]
        for j in range(self.levels):
            cells = 3 * 2**j
            n = np.arange(cells)
            ends.append(2 * np.stack([np.maximum(n - 1, 0), np.minimum(n + 2, cells)], axis=1) / cells - 1)
        return np.concatenate(ends)

    @cached_property
    def _factors(self) -> list[float]:
        return [math.sqrt(2**j / self._norm_squared) for j in range(self.levels)]

    @cached_property
    def _norm_squared(self) -> Fraction:
        """∫ψ(t)² dx, 1/6."""
        product = BSplineWavelet(2).norm_squared
        return Fraction(2, 3) * Fraction(int(product.p), int(product.q))

    @cached_property
    def _coarse_values(self) -> Matrix:
        """Column n: the values of coarse function n at t = 0, 1, 2, 3."""
        mass = np.diag([2.0, 4, 4, 2]) + np.diag([1.0] * 3, 1) + np.diag([1.0] * 3, -1)
        mass /= 9  # ∫ of two hats: 1/3 at an end, 2/3 inside, 1/6 for neighbours; dx = (2/3) dt
        if self.coarse == "hats":
            return np.diag(1 / np.sqrt(np.diag(mass)))
        return np.asarray(np.linalg.inv(np.linalg.cholesky(mass)).T)

    # --- The Gram matrix --------------------------------------------------------------------------------------------

    def structure(self) -> BlockDiagonal:
        """One block for the coarse level and one for each level of wavelets."""
        products = [Fraction(int(a.p), int(a.q)) for a in BSplineWavelet(2).autocorrelation]
        c0, c1, c2 = (Fraction(2, 3) * product / self._norm_squared for product in products)
        levels = (FoldedToeplitz((c0, c1, c2), 3 * 2**j) for j in range(self.levels))
        return BlockDiagonal((self._coarse_structure(), *levels))

    def _coarse_structure(self) -> GramStructure:
        if self.coarse == "orthonormal":
            return BandedToeplitz((Fraction(1),), COARSE_NODES)
        half, quarter, zero = Fraction(1, 2), Fraction(1, 4), Fraction(0)  # hats at the ends without their factor √2
        exact = [[half, quarter, zero, zero], [quarter, Fraction(1), quarter, zero]]
        exact += [row[::-1] for row in exact[::-1]]
        root = np.sqrt([2.0, 1, 1, 2])
        return Dense(np.array(exact, dtype=float) * root * root[:, None], exact, [1, 0, 0, 1])

    def _exact_gram(self) -> Matrix:
        return self.structure().to_dense()

    def singular_reason(self) -> None:
        """None: the levels are orthogonal to each other and each is a basis of its wavelet space."""
        return None

    # --- Transforms -------------------------------------------------------------------------------------------------

    def by_level(self, coefficients: ArrayLike) -> list[Vector]:
        """(K,) coefficients -> views of the 4 coarse ones, and of the 3·2^j of each level j from left to right."""
        c = self._checked("Coefficients", coefficients, self.size)
        return [c[:COARSE_NODES], *(c[3 * 2**j + 1 : 6 * 2**j + 1] for j in range(self.levels))]

    def synthesis(self, coefficients: ArrayLike) -> Vector:
        """(K,) coefficients -> the values (K,) of this combination at the knots, in O(K).

        ValueError for another number of coefficients, or some that are not finite; so for all transforms.
        """
        first, *details = self.by_level(coefficients)
        return cascade.synthesis(self._coarse_values @ first, [f * d for f, d in zip(self._factors, details)])

    def analysis(self, values: ArrayLike) -> Vector:
        """(K,) values at the knots -> the (K,) coefficients of the function with these values, in O(K).

        The inverse of ``synthesis``: each level takes one tridiagonal system, which is diagonally dominant.
        """
        coarse, details = cascade.analysis(self._checked("Values", values, self.size), self.levels)
        first = np.linalg.solve(self._coarse_values, coarse)
        return np.concatenate([first, *(d / f for f, d in zip(self._factors, details))])

    def synthesis_transposed(self, values: ArrayLike) -> Vector:
        """(K,) -> (K,), the transpose of ``synthesis`` as a matrix, in O(K)."""
        coarse, details = cascade.synthesis_transposed(self._checked("Values", values, self.size), self.levels)
        return np.concatenate([self._coarse_values.T @ coarse, *(f * d for f, d in zip(self._factors, details))])

    def to_relu(self, coefficients: ArrayLike) -> tuple[float, Vector]:
        """(K,) coefficients -> a constant and the K − 1 output weights of the same function as a ReLU network, in O(K).

        The function is constant + Σ weights_k σ(x − b_k) on D, b_k the knots but the last.
        """
        return cascade.relu_weights(self.synthesis(coefficients), 2 / self.cells)

    def from_relu(
        self, weights: ArrayLike, constant: float = 0.0, slope: float = 0.0, biases: ArrayLike | None = None
    ) -> Vector:
        """The wavelet coefficients of a ReLU network constant + slope·x + Σ weights_k σ(x − biases_k) on D, in O(K).

        Parameters
        ----------
        weights : (n,) output weights; of other input weights use vσ(wx − b) = v|w| σ(x − b/w) for w > 0, and for w < 0 also
            σ(−z) = σ(z) − z
        constant, slope : of the affine part
        biases : (n,) in any order; the knots of this family but the last without it, for n = K − 1

        Returns
        -------
        (K,) coefficients: of the same function if every bias in D is a knot, else of the function of the span that is closest
        to it in L²(D)

        Raises
        ------
        ValueError
            For another number of weights than of biases, or numbers that are not finite.
        """
        at_knots, load = self._interpolated(weights, biases)
        constant, slope = (self._checked(name, [one], 1)[0] for name, one in (("The constant", constant), ("The slope", slope)))
        at_knots[0] += slope
        values = cascade.relu_values(constant - slope + self._left_of_domain(weights, biases), at_knots, 2 / self.cells)
        if load is not None:
            values -= _solve_mass(load)
        return self.analysis(values)

    def _interpolated(self, weights: ArrayLike, biases: ArrayLike | None) -> tuple[Vector, Vector | None]:
        """Weights at the knots of the interpolating network, and the inner products of what it is too large by with the hats.

        A ReLU with a knot at the fraction r of a cell is interpolated by 1 − r of one at the left and r of one at the right
        end.  The rest is a tent of height h·r(1 − r), of which the hat at the left end sees h²r(1 − r)(2 − r)/6.
        """
        if biases is None:
            return self._checked("Weights", weights, self.cells).copy(), None
        v, b = checks.real_array("Weights", weights), checks.real_array("Biases", biases, one="bias")
        if v.ndim != 1 or v.shape != b.shape:
            raise ValueError(f"A network has one weight for each bias; got shapes {v.shape} and {b.shape}.")
        inside = (b > -1) & (b < 1)
        place = (b[inside] + 1) * (self.cells / 2)
        cell = np.minimum(np.floor(place).astype(np.intp), self.cells - 1)
        r, v_inside, h = place - cell, v[inside], 2 / self.cells
        at_knots = np.bincount(cell, v_inside * (1 - r), self.size) + np.r_[0, np.bincount(cell, v_inside * r, self.cells)]
        at_knots[0] += v[b <= -1].sum()
        tent = v_inside * h**2 * r * (1 - r) / 6
        load = np.bincount(cell, tent * (2 - r), self.size) + np.r_[0, np.bincount(cell, tent * (1 + r), self.cells)]
        return at_knots[:-1], load

    @staticmethod
    def _left_of_domain(weights: ArrayLike, biases: ArrayLike | None) -> float:
        """The values at −1 of the neurons that are affine on D."""
        if biases is None:
            return 0.0
        v, b = np.asarray(weights, dtype=float), np.asarray(biases, dtype=float)
        return float(v[b <= -1] @ (-1 - b[b <= -1]))

    @staticmethod
    def _checked(name: str, numbers: ArrayLike, size: int) -> Vector:
        values = checks.real_array(name, numbers)
        if values.shape != (size,):
            raise ValueError(f"{name}: {size} numbers are needed here; got shape {values.shape}.")
        return values

    # --- Least squares ----------------------------------------------------------------------------------------------

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        tolerance: float = 1e-10,
        steps: int = STEPS,
        basis: str = "wavelets",
        visit: Callable[[Vector], Any] | None = None,
    ) -> LeastSquares:
        """The function of the span that is closest to samples, by conjugate gradients on the normal equations.

        The number of steps depends on κ of the basis at the samples.  With wavelets and samples that fill every cell evenly it
        does not grow with K; with ReLUs, which span the same functions, it does.  A step takes O(K + N) operations.  Where
        cells have no samples, many functions are equally close, and the one with the smallest coefficients is returned.

        Parameters
        ----------
        x, y : (N,) points in [−1, 1], and values there
        tolerance : of ‖Φ(y − Φᵀv)‖ by ‖Φy‖, Φ the feature matrix (8)
        steps : at most this many
        basis : "wavelets", or "relus" for a constant and ReLUs at the knots, to compare with
        visit : is called after each step with the values (K,) at the knots; the fit ends there if it returns True

        Raises
        ------
        ValueError
            For points outside of [−1, 1], numbers that are not finite, arrays of different lengths, a tolerance not in (0, 1).
        """
        from scipy.sparse.linalg import LinearOperator, cg

        points = _inside(x)
        targets = self._checked("Values of a fit", y, len(points))
        checks.one_of("basis", basis, BASES)
        limit = checks.integer("A fit takes steps >= 1", "steps", steps)
        if not 0 < tolerance < 1:
            raise ValueError(f"The tolerance of a fit is between 0 and 1; got {tolerance!r}.")
        at_points = cascade.Interpolation(points, self.cells)
        to_values, transposed = self._operators(basis)
        last, taken = np.zeros(self.size), 0

        def look(v: Vector) -> None:
            nonlocal last, taken
            last, taken = v, taken + 1
            if visit is not None and visit(to_values(v)):
                raise _Ended

        right = transposed(at_points.transposed(targets))
        normal = LinearOperator(
            (self.size, self.size), matvec=lambda v: transposed(at_points.transposed(at_points(to_values(v)))), dtype=float
        )
        try:
            coefficients, unsolved = cg(normal, right, rtol=tolerance, maxiter=limit, callback=look)
        except _Ended:
            coefficients, unsolved = last, 1
        values = to_values(coefficients)
        residual = float(np.sqrt(np.mean((targets - at_points(values)) ** 2)))
        return LeastSquares(coefficients, values, taken, residual, not unsolved)

    def _operators(self, basis: str) -> tuple[Callable[[Vector], Vector], Callable[[Vector], Vector]]:
        """From coefficients to values at the knots, and the transpose."""
        if basis == "wavelets":
            return self.synthesis, self.synthesis_transposed
        h = 2 / self.cells
        return (
            lambda v: cascade.relu_values(float(v[0]), v[1:], h),
            lambda values: np.r_[cascade.relu_values_transposed(values, h)],
        )


def _inside(x: ArrayLike) -> Vector:
    points = checks.real_array("Points of a fit", x)
    if points.ndim != 1 or not len(points) or np.max(np.abs(points)) > 1:
        raise ValueError("A fit needs points in [−1, 1], in an array of shape (N,) with N >= 1.")
    return points


def _solve_mass(load: Vector) -> Vector:
    """The values at the nodes of the piecewise-linear function with these inner products with the hats."""
    from scipy.linalg.lapack import dpttrf, dpttrs

    cells = len(load) - 1
    diagonal = np.full(cells + 1, 4.0)
    diagonal[[0, -1]] = 2
    pivots, multipliers, _ = dpttrf(diagonal, np.ones(cells))
    return np.asarray(dpttrs(pivots, multipliers, 6 * load / (2 / cells))[0])
