"""Matrices without structure: LAPACK in floating point, bisection on the number of negative pivots in balls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.gram.structure import Bounds, Bracket, Extremes, GramStructure, Matrix, NotConverged, as_ball, working_precision

if TYPE_CHECKING:
    from flint import arb
else:
    arb = Any

CERTIFIED_DENSE_LIMIT = 200
FIRST_PRECISION = 128  # bits
LAST_PRECISION = 2**12
SMALLEST_EXPONENT = 1000  # eigenvalues below 2^-1000 of the trace are not told from 0


@dataclass(frozen=True, eq=False)
class Dense(GramStructure):
    """A symmetric matrix without structure.

    Attributes
    ----------
    matrix : (K, K) float64
    exact : rows of Fractions, or None; entry (i, j) is exact[i][j] · 2^((half_powers[i] + half_powers[j]) / 2)
    half_powers : integers, one a row; the normalization 2^(j/2) of a wavelet is irrational for odd j
    """

    matrix: Matrix
    exact: Sequence[Sequence[Fraction]] | None = None
    half_powers: Sequence[int] | None = None

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.matrix)

    @property
    def is_dense(self) -> bool:
        """True."""
        return True

    def to_dense(self) -> Matrix:
        """The matrix."""
        return self.matrix

    def extremes(self) -> Extremes:
        """LAPACK's answer: small eigenvalues only to 1e-16 of the largest one."""
        return lapack_extremes(self.matrix)

    def enclose(self) -> Bounds:
        """Bisection on the signs of the pivots of G − λ, each decided at as many bits as it needs.

        Raises
        ------
        ValueError
            If the exact entries are not known, or for more than 200 rows.
        """
        self._require_exact_entries()
        return Bounds(_bisect(self, 0), _bisect(self, -1))

    def enclose_largest(self) -> Bracket:
        """Bounds of the largest eigenvalue, also of a singular matrix; errors as for both."""
        self._require_exact_entries()
        return _bisect(self, -1)

    def _require_exact_entries(self) -> None:
        if self.size > CERTIFIED_DENSE_LIMIT:
            raise ValueError(
                f"Certified eigenvalues of a matrix without structure need K <= {CERTIFIED_DENSE_LIMIT}; got {self.size}."
            )
        if self.exact is None:
            raise ValueError("A certified answer needs the exact entries of this Gram matrix, and it does not have them.")


def lapack_extremes(matrix: Matrix) -> Extremes:
    """The first and the last eigenvalue that LAPACK computes."""
    eigenvalues = np.linalg.eigvalsh(matrix)
    return Extremes(float(eigenvalues[0]), float(eigenvalues[-1]))


def _bisect(structure: Dense, end: int) -> Bracket:
    """Bounds of an extreme eigenvalue, 2^-44 apart; bisection is geometric at first, to reach tiny ones."""
    trace = Fraction(float(np.trace(structure.matrix)) * (1 + 1e-12))
    if not trace:
        return Bracket(as_ball(trace), as_ball(trace))
    lower, upper, floor = Fraction(0), trace, trace / 2**SMALLEST_EXPONENT
    estimate = float(np.linalg.eigvalsh(structure.matrix)[end])
    for digits in (30, 15) if estimate > 0 else ():  # LAPACK's answer saves most of the steps where it is good
        guesses = [_is_above(structure, end, Fraction(estimate) * (1 + side * Fraction(1, 2**digits))) for side in (-1, 1)]
        if [above for above, _ in guesses] == [False, True]:
            lower, upper = (bound for _, bound in guesses)
            break
    while lower == 0 or upper - lower > upper / 2**44:
        middle = (lower + upper) / 2 if lower and upper < 4 * lower else _geometric_middle(lower or floor, upper)
        above, middle = _is_above(structure, end, middle)
        if above:
            upper = middle
        else:
            lower = middle
        if upper <= floor * 4:
            raise NotConverged(
                f"The smallest eigenvalue is below 2^-{SMALLEST_EXPONENT} of the trace, if it is not 0; bisection ends here."
            )
    return Bracket(as_ball(lower), as_ball(upper))


def _is_above(structure: Dense, end: int, bound: Fraction) -> tuple[bool, Fraction]:
    """Whether the bound exceeds the eigenvalue, and the bound that was decided.

    The radii of an LDLᵀ grow by up to a bit a row, so the precision doubles until every pivot's sign is known.  A pivot that
    is exactly 0 (the bound is an eigenvalue of a leading block) never is; then the bound moves by 2^-60 of itself.
    """
    for _ in range(8):
        precision = FIRST_PRECISION
        while precision <= LAST_PRECISION:
            with working_precision(precision):
                negative = _negative_pivots(_exact_rows(structure, bound))
            if negative is not None:
                return (negative >= 1 if end == 0 else negative == structure.size), bound
            precision *= 2
        bound *= 1 + Fraction(1, 2**60)
    raise NotConverged(f"The sign of a pivot of this Gram matrix stays open at {LAST_PRECISION} bits.")


def _geometric_middle(lower: Fraction, upper: Fraction) -> Fraction:
    exponent = (_log2(lower) + _log2(upper)) // 2
    return Fraction(2) ** int(exponent) if lower < Fraction(2) ** int(exponent) < upper else (lower + upper) / 2


def _log2(value: Fraction) -> int:
    return value.numerator.bit_length() - value.denominator.bit_length()


def _exact_rows(structure: Dense, bound: Fraction) -> list[list[arb]]:
    from flint import arb

    powers = structure.half_powers or [0] * structure.size
    root = {s: arb(2).sqrt() ** s for s in {a + b for a in powers for b in powers}}
    exact: Sequence[Sequence[Fraction]] = structure.exact or ()
    rows = [[as_ball(exact[i][j]) * root[powers[i] + powers[j]] for j in range(i + 1)] for i in range(structure.size)]
    for i in range(structure.size):
        rows[i][i] = rows[i][i] - as_ball(bound)
    return rows


def _negative_pivots(rows: list[list[arb]]) -> int | None:
    """How many pivots of the elimination are negative; None if the sign of one is open."""
    negative = 0
    n = len(rows)
    for k in range(n):
        pivot = rows[k][k]
        if not (pivot > 0 or pivot < 0):
            return None
        negative += bool(pivot < 0)
        for i in range(k + 1, n):
            multiplier = rows[i][k] / pivot
            row = rows[i]
            for j in range(k + 1, i + 1):
                row[j] = row[j] - multiplier * rows[j][k]
    return negative
