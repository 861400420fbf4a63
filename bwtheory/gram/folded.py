"""Banded Toeplitz matrices that are folded back at both ends: one level of wavelets on an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.gram.structure import Bounds, Bracket, Extremes, GramStructure, Matrix, as_ball

if TYPE_CHECKING:
    from flint import arb
else:
    arb = Any


@dataclass(frozen=True)
class FoldedToeplitz(GramStructure):
    """T_ij = c_{|i−j|} + c_{i+j+1} + c_{2n−1−i−j}, with c_s = 0 for s > 2.

    It is what a Toeplitz matrix does to vectors that are continued evenly about −1/2 and n − 1/2.  Cosines cos((i + 1/2)πk/n),
    k = 0, …, n − 1, are continued in that way.  So they are the eigenvectors, and the eigenvalues are f(πk/n) with the symbol
    f(θ) = c_0 + 2c_1 cos θ + 2c_2 cos 2θ.

    Raises
    ------
    ValueError
        For fewer than three rows, or a symbol that does not increase with cos θ.
    """

    coefficients: tuple[Fraction, Fraction, Fraction]
    rows: int

    def __post_init__(self) -> None:
        if self.rows < 3:
            raise ValueError(f"A folded Toeplitz matrix with two bands has size >= 3; got size={self.rows}.")
        _, first, second = self.coefficients
        if not abs(4 * second) < first:  # half of the slope in cos θ is c_1 + 4 c_2 cos θ
            raise ValueError("The symbol of a folded Toeplitz matrix has to increase with cos θ.")

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.rows

    def to_dense(self) -> Matrix:
        """The (size, size) matrix."""
        i = np.arange(self.rows)
        padded = np.zeros(2 * self.rows)
        padded[:3] = [float(c) for c in self.coefficients]
        sums = i[:, None] + i
        return np.asarray(padded[np.abs(i[:, None] - i)] + padded[sums + 1] + padded[2 * self.rows - 1 - sums])

    def extremes(self) -> Extremes:
        """Two values of the symbol."""
        constant, first, second = map(float, self.coefficients)
        cosine = -math.cos(math.pi / self.rows)
        return Extremes(constant + 2 * first * cosine + 2 * second * (2 * cosine**2 - 1), constant + 2 * (first + second))

    def enclose(self) -> Bounds:
        """The same in balls: proved, as the symbol is increasing."""
        from flint import arb

        constant, first, second = map(as_ball, self.coefficients)
        cosine = -(arb.pi() / self.rows).cos()
        low = constant + 2 * first * cosine + 2 * second * (2 * cosine**2 - 1)
        high = as_ball(self.coefficients[0] + 2 * (self.coefficients[1] + self.coefficients[2]))
        return Bounds(Bracket(low, low), Bracket(high, high))
