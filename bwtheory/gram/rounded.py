"""Proved bounds of the extreme eigenvalues of ReLUs in float64, in O(K) and without balls.

All numbers below come from non-negative ones by additions, multiplications and divisions.  Such a result is off by at most
a factor (1 + u)^±n, u = 2^-53, where n counts the roundings on the longest path to it (Higham, Accuracy and Stability,
chapters 3 and 4), as long as nothing leaves the range of normal numbers, which is checked.

For G the path is as long as the sums, which go by blocks.  For A = |S| N⁻¹ |S|ᵀ no path is long: N is an M-matrix, so that each
y with Ny >= |S|ᵀx bounds N⁻¹|S|ᵀx from above, and each with Ny <= |S|ᵀx from below.  Rows show whether y is such a vector.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bwtheory.gram.structure import Vector

if TYPE_CHECKING:
    from bwtheory.gram.relu import Perron, ReLUStructure

BLOCK = 128  # addends of a sum that is a part of another
U = 2.0**-53
MASS = 16  # roundings of an entry of M: 13 for the first, which has an overhang, fewer for all others; and of a gap, 1
LOCAL = 32  # of a side of a row of Ny >= |S|ᵀx, with what the comparison itself rounds: at most 20
SLACK = 128 * U  # of y, relative to what two sides of 32 roundings need
SMALLEST = 2.0**-240  # of what is multiplied: at most four such factors meet in a product, which is then a normal number


class FloatBounds(NamedTuple):
    """An eigenvalue lies between these two."""

    lower: float
    upper: float

    @property
    def width(self) -> float:
        """Relative to the upper one; infinite where nothing is known."""
        return (self.upper - self.lower) / self.upper if 0 < self.lower <= self.upper < math.inf else math.inf


NOTHING = FloatBounds(0.0, math.inf)


def bounds_of_gram(structure: ReLUStructure, perron: Perron) -> FloatBounds:
    """λ_max(G) by Rayleigh's quotient and by Collatz and Wielandt's bound."""
    x = perron.vector
    product = structure.product(x)
    if not _is_normal(structure.gaps, x, product):
        return NOTHING
    length = _additions(structure.size)
    roundings = 4 * length + MASS + 10  # two gaps with their products, and 3 for a sum of three products
    above = float(np.max(product / x))
    below = _sum(x * product) / _sum(x * x)
    return FloatBounds(below * (1 - _error(roundings + 2 * length + 6)), above * (1 + _error(roundings + 4)))


def bounds_of_inverse(structure: ReLUStructure, perron: Perron) -> FloatBounds:
    """λ_max(J G⁻¹ J) = 1/λ_min(G) in the same way."""
    x = perron.vector
    load = structure.absolute_differences_transposed(x)
    solution = structure.solve_mass(load)
    diagonal, off = structure.mass
    if not _is_normal(structure.gaps, x, load, solution):
        return NOTHING
    more = structure.solve_mass(diagonal * solution) * SLACK
    upper, lower = solution + more, solution - more
    if not (_is_normal(lower) and _rows_hold(diagonal, off, upper, load, 1) and _rows_hold(diagonal, off, lower, load, -1)):
        return NOTHING
    above = float(np.max(structure.absolute_differences(upper) / x))
    below = _sum(load * lower) / _sum(x * x)
    length = _additions(structure.size)
    return FloatBounds(below * (1 - _error(2 * length + 20)), above * (1 + _error(20)))


def _rows_hold(diagonal: Vector, off: Vector, y: Vector, load: Vector, sign: int) -> bool:
    """Whether Ny >= load (sign 1) or <= load (−1) is certain, with N = tridiag(−off, diagonal, −off)."""
    others = load.copy()
    others[:-1] += off * y[1:]
    others[1:] += off * y[:-1]
    return bool(np.all(sign * (diagonal * y * (1 - sign * LOCAL * U) - others * (1 + sign * LOCAL * U)) >= 0))


def _error(roundings: int) -> float:
    """A bound of (1 + u)^n − 1 and of 1 − (1 + u)^−n, for n < 10^6."""
    return roundings * U * (1 + 2.0**-20)


def _is_normal(*vectors: Vector) -> bool:
    return all(bool(np.all((v > SMALLEST) & (v < 1 / SMALLEST))) for v in vectors)


def _sum(x: Vector) -> float:
    """Sum of non-negative numbers with at most ``_additions(len(x))`` roundings on a path, in any order within a block."""
    while len(x) > BLOCK:
        padded = np.zeros(-(-len(x) // BLOCK) * BLOCK)
        padded[: len(x)] = x
        x = padded.reshape(-1, BLOCK).sum(axis=1)
    return float(np.sum(x))


def _additions(size: int) -> int:
    """The longest path of ``cumulative_sum``: each block, and the sums of blocks in the same way."""
    return max(size - 1, 1) if size <= BLOCK else BLOCK + _additions(-(-size // BLOCK))
