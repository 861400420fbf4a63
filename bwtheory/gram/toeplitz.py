"""Banded Toeplitz matrices: the Gram matrix of consecutive integer shifts of a wavelet on one level."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded, toeplitz

from bwtheory.gram.dense import CERTIFIED_DENSE_LIMIT, Dense, lapack_extremes
from bwtheory.gram.structure import Bounds, Bracket, Extremes, GramStructure, Matrix, NotConverged, Vector, as_ball

if TYPE_CHECKING:
    from flint import arb
else:
    arb = Any

DENSE_SECTION = 64  # rows up to which LAPACK takes no longer than the iteration
LANCZOS_STEPS = 1000  # restarts; some ten are usual
DIGITS_LOST = 2.0**43  # the largest κ of which float64, with 53 bits, still shows three digits


@dataclass(frozen=True)
class BandedToeplitz(GramStructure):
    """Symmetric banded Toeplitz matrix with exact coefficients c_0, c_1, …, c_p on its diagonals."""

    coefficients: tuple[Fraction, ...]
    rows: int

    def __post_init__(self) -> None:
        if self.rows < 1 or not self.coefficients:
            raise ValueError(f"A Toeplitz matrix has size >= 1 and a diagonal; got size={self.rows}.")

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.rows

    def bands(self) -> Matrix:
        """Lower bands (p + 1, size) as SciPy's banded solvers take them."""
        p = min(len(self.coefficients), self.size)
        bands = np.zeros((p, self.size))
        for s in range(p):
            bands[s, : self.size - s] = float(self.coefficients[s])
        return bands

    def to_dense(self) -> Matrix:
        """The (size, size) matrix."""
        column = np.zeros(self.size)
        p = min(len(self.coefficients), self.size)
        column[:p] = [float(c) for c in self.coefficients[:p]]
        return toeplitz(column)  # type: ignore[no-any-return]

    def extremes(self) -> Extremes:
        """LAPACK's answer for small sections, else inverse iteration at the ends of the symbol's range.

        The coefficients are rounded to float64, so that the smallest eigenvalue is known to about 1e-16·κ of itself.
        ``NotConverged`` where fewer than three digits are left of it.
        """
        extremes = self._extremes()
        if not extremes.smallest * DIGITS_LOST > extremes.largest:
            raise NotConverged(
                f"κ of this Toeplitz matrix exceeds {DIGITS_LOST:.0e}, so that its smallest eigenvalue is lost in float64; "
                'method="certified" may reach it.'
            )
        return extremes

    def _extremes(self) -> Extremes:
        if len(self.coefficients) == 1:
            return Extremes(float(self.coefficients[0]), float(self.coefficients[0]))
        if self.size <= DENSE_SECTION:
            return lapack_extremes(self.to_dense())
        low, high = symbol_range(self)
        (smallest, below), (largest, above) = _section_extreme(self, low), _section_extreme(self, high)
        return Extremes(smallest, largest, below + above)

    def enclose(self) -> Bounds:
        """A Cholesky factor with its defect, and Rayleigh's quotient; bisection where float64 loses the eigenvalue."""
        try:
            estimates = self.extremes()
            smallest = _bracket(self, estimates.smallest, 0)
            return Bounds(smallest, _bracket(self, estimates.largest, -1), estimates.iterations)
        except NotConverged:
            if self.size > CERTIFIED_DENSE_LIMIT:
                raise
        return self._with_exact_entries().enclose()

    def _with_exact_entries(self) -> Dense:
        n, padded = self.size, [*self.coefficients, *[Fraction(0)] * self.size]
        return Dense(self.to_dense(), [[padded[abs(i - j)] for j in range(n)] for i in range(n)])


def toeplitz_symbol(structure: BandedToeplitz, theta: ArrayLike) -> NDArray[np.float64]:
    """c_0 + 2 Σ c_s cos(sθ): as the size grows, the eigenvalues fill its range and never leave it (Grenander and Szegő)."""
    theta = np.asarray(theta, dtype=float)
    waves = (2 * float(c) * np.cos(s * theta) for s, c in enumerate(structure.coefficients) if s)
    return sum(waves, np.full_like(theta, float(structure.coefficients[0])))


def symbol_range(structure: BandedToeplitz) -> tuple[float, float]:
    """Least and largest value of the symbol on [0, π], from its stationary points in cos θ."""
    from numpy.polynomial import chebyshev

    series = [float(c) * (2 if s else 1) for s, c in enumerate(structure.coefficients)]
    points = [-1.0, 1.0]
    if len(series) > 2:
        roots = chebyshev.chebroots(chebyshev.chebder(series))
        points += [float(r.real) for r in roots if abs(r.imag) < 1e-9 and -1 < r.real < 1]
    values = chebyshev.chebval(np.array(points), series)
    return float(values.min()), float(values.max())


def _section_extreme(structure: BandedToeplitz, limit: float) -> tuple[float, int]:
    """The eigenvalue closest to an end of the symbol's range, by inverse iteration (Lanczos) shifted to that end.

    The distance to the end is O(1/n²), so what the iteration gets wrong is a small part of a small part.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    sign = 1.0 if limit > float(structure.coefficients[0]) else -1.0
    distance = -sign * structure.bands()
    distance[0] += sign * limit
    distance[0] *= 1 + 2.0**-50  # keeps the shifted matrix definite in floating point
    n = structure.size
    products = 0

    def solve(v: Vector) -> Vector:
        nonlocal products
        products += 1
        return cho_solve_banded((factor, True), v)  # type: ignore[no-any-return]

    try:
        factor = cholesky_banded(distance, lower=True)
        inverse = LinearOperator((n, n), matvec=solve, dtype=float)
        start = np.random.default_rng(0).standard_normal(n)
        (largest,) = eigsh(inverse, k=1, which="LM", v0=start, return_eigenvectors=False, maxiter=LANCZOS_STEPS)
    except LinAlgError:
        raise NotConverged(
            f"A Toeplitz section of {n} rows, shifted to the end {limit:.3g} of its symbol, is not definite."
        ) from None
    except ArpackNoConvergence:
        raise NotConverged(
            f"Inverse iteration on a Toeplitz section of {n} rows has not converged after {products} products."
        ) from None
    return limit - sign / float(largest), products


# --- Balls -----------------------------------------------------------------------------------------------------------


def _bracket(structure: BandedToeplitz, estimate: float, end: int) -> Bracket:
    """Bounds around an estimate of an extreme eigenvalue of T, from A = T (smallest) or A = −T (largest).

    A − λ = L Lᵀ + E with a float64 Cholesky factor L, whatever its rounding errors, proves A >= λ − ‖E‖; nothing is
    carried from row to row, so 64 bits suffice at every size (an elimination in balls loses up to a bit a row).
    Rayleigh's quotient of an inverse iterate is the other bound.
    """
    sign = 1 if end == 0 else -1
    spread = 2.0**-46
    while spread < 1:
        shift = sign * estimate - abs(estimate) * spread
        bands = sign * structure.bands()
        bands[0] -= shift
        try:
            factor = cholesky_banded(bands, lower=True)
        except LinAlgError:
            spread *= 4
            continue
        vector = np.random.default_rng(0).standard_normal(structure.size)
        for _ in range(3):
            vector = cho_solve_banded((factor, True), vector)
            vector /= np.max(np.abs(vector))
        inner = _rayleigh(structure, vector)
        outer = sign * (as_ball(Fraction(shift)) - _cholesky_defect(structure, sign, shift, factor))
        return Bracket(outer, inner) if end == 0 else Bracket(inner, outer)
    raise NotConverged(f"No Cholesky factor in float64 shows where the eigenvalue near {estimate:.3g} of a Toeplitz matrix is.")


def _cholesky_defect(structure: BandedToeplitz, sign: int, shift: float, factor: Matrix) -> arb:
    """An upper bound of ‖±T − shift − L Lᵀ‖, by its largest row sum."""
    from flint import arb

    n, p = structure.size, len(factor) - 1
    columns = [[arb(t) for t in row[: n - s].tolist()] for s, row in enumerate(factor)]
    total = arb(0)
    for s in range(p + 1):
        exact = sign * as_ball(Fraction(structure.coefficients[s])) - (as_ball(Fraction(shift)) if s == 0 else 0)
        worst = arb(0)
        for k in range(n - s):  # entry (k + s, k): columns k, k − 1, … of L
            entry = exact
            for r in range(min(p - s, k) + 1):
                entry = entry - columns[s + r][k - r] * columns[r][k - r]
            worst = worst.max(abs(entry))
        total = total + worst * (1 if s == 0 else 2)
    return total


def _rayleigh(structure: BandedToeplitz, vector: Vector) -> arb:
    from flint import arb

    x = [arb(t) for t in vector.tolist()]
    products = [sum((a * b for a, b in zip(x, x[s:])), arb(0)) for s in range(min(len(structure.coefficients), len(x)))]
    weights = [as_ball(Fraction(c)) * (2 if s else 1) for s, c in enumerate(structure.coefficients)]
    return sum((w * q for w, q in zip(weights, products)), arb(0)) / products[0]
