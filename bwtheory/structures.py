"""What a Gram matrix *is*: dense, second differences around a mass matrix, banded Toeplitz, or blocks of these.

A structure carries exactly the data that its eigenvalue methods (``bwtheory.spectrum``) need, and its products with
positive vectors.  It knows nothing of eigenvalues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpttrf, dpttrs


@dataclass(frozen=True, eq=False)
class Dense:
    """A symmetric matrix without structure.

    Attributes
    ----------
    matrix : (K, K) float64
    exact : rows of Fractions, or None; entry (i, j) is exact[i][j] · 2^((half_powers[i] + half_powers[j]) / 2)
    half_powers : integers, one a row; the normalization 2^(j/2) of a wavelet is irrational for odd j
    """

    matrix: np.ndarray
    exact: Sequence[Sequence[Fraction]] | None = None
    half_powers: Sequence[int] | None = None

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.matrix)

    def to_dense(self) -> np.ndarray:
        """The matrix."""
        return self.matrix


@dataclass(frozen=True, eq=False)
class ReLUStructure:
    """Gram matrix of K right-facing ReLUs on [r1, r2]: G = S⁻ᵀ M S⁻¹.

    S takes the values of Σ v_k σ(x − b_k) at b_2, …, b_K, r2 to the v_k (second differences), M is the mass matrix of the
    hat functions at these nodes.  With J = diag(±1), G and J G⁻¹ J = |S| (J M J)⁻¹ |S|ᵀ are non-negative, and both
    products below add, multiply and divide non-negative numbers only: no digit is ever lost.

    Attributes
    ----------
    biases : (K,) float64, strictly increasing, all < r2, at most one of them < r1; exact as the floats they are
    domain : (r1, r2)
    spacing : if given, the biases are r1, r1 + spacing, …, r2 − spacing exactly, and ``biases`` their roundings

    Raises
    ------
    ValueError
        If the biases are not finite or not increasing, reach r2, or two of them are at most r1; for an empty domain, or a
        spacing that does not fit it.
    """

    biases: np.ndarray
    domain: tuple[float, float]
    spacing: Fraction | None = None

    def __post_init__(self) -> None:
        b, (r1, r2) = self.biases, self.domain
        if not (r1 < r2 and np.isfinite([*b, r1, r2]).all()):
            raise ValueError(f"The structured form needs finite biases and a domain r1 < r2; got [{r1:g}, {r2:g}].")
        if self.spacing is not None and Fraction(r1) + len(b) * self.spacing != Fraction(r2):
            raise ValueError(f"{len(b)} biases at spacing {self.spacing} from {r1:g} on leave no equal last gap to {r2:g}.")
        if len(b) == 0 or np.any(np.diff(b) <= 0):
            raise ValueError("The structured form needs at least one bias, and strictly increasing ones.")
        if b[-1] >= r2:
            raise ValueError(f"The structured form needs every bias left of the domain's end {r2:g}; got {b[-1]:g}.")
        if len(b) > 1 and b[1] <= r1:
            raise ValueError(f"The structured form allows one bias at or left of {r1:g}; got two.")

    @property
    def size(self) -> int:
        """Number of neurons K."""
        return len(self.biases)

    @cached_property
    def gaps(self) -> np.ndarray:
        """(K,) distances b_2 − b_1, …, b_K − b_{K−1}, r2 − b_K, each correctly rounded."""
        if self.spacing is not None:
            return np.full(self.size, float(self.spacing))
        return np.diff(self.biases, append=self.domain[1])

    @property
    def overhang(self) -> float:
        """How far the first bias lies left of the domain (0 if it does not)."""
        return 0.0 if self.spacing is not None else max(self.domain[0] - float(self.biases[0]), 0.0)

    @property
    def _visible(self) -> float:
        # Not gap − overhang: for b_1 far left of the domain that difference has no correct digit left.
        if not self.overhang:
            return float(self.gaps[0])
        return float(self.biases[1] if self.size > 1 else self.domain[1]) - self.domain[0]

    @cached_property
    def mass(self) -> tuple[np.ndarray, np.ndarray]:
        """Diagonal (K,) and off-diagonal (K−1,) of M."""
        g = self.gaps
        diagonal = g / 3
        diagonal[0] = first_element_mass(g[0], self.overhang, self._visible)
        diagonal[:-1] += g[1:] / 3
        return diagonal, g[1:] / 6

    @cached_property
    def _mass_factor(self) -> tuple[np.ndarray, np.ndarray]:
        # The signs of J M J make forward and back substitution with a non-negative right-hand side additions.
        diagonal, off = self.mass
        if self.size == 1:
            return diagonal, off
        d, e, _ = dpttrf(diagonal, -off)
        return d, e

    def product(self, x: np.ndarray) -> np.ndarray:
        """G x for x >= 0, each entry to about 1e-13 relative whatever K."""
        g, (diagonal, off) = self.gaps, self.mass
        values = cumulative_sum(g * cumulative_sum(x))
        load = diagonal * values
        load[:-1] += off * values[1:]
        load[1:] += off * values[:-1]
        return cumulative_sum((g * cumulative_sum(load[::-1])[::-1])[::-1])[::-1]

    def inverse_product(self, x: np.ndarray) -> np.ndarray:
        """J G⁻¹ J x for x >= 0, each entry to a few units in the last place times a small constant."""
        return self.absolute_differences(self.solve_mass(self.absolute_differences_transposed(x)))

    def solve_mass(self, load: np.ndarray) -> np.ndarray:
        """(J M J)⁻¹ load for load >= 0."""
        d, e = self._mass_factor
        return load / d if self.size == 1 else dpttrs(d, e, load)[0]

    def absolute_differences(self, y: np.ndarray) -> np.ndarray:
        """|S| y: slopes become sums, and jumps of slopes sums of sums."""
        slopes = y.copy()
        slopes[1:] += y[:-1]
        slopes /= self.gaps
        slopes[1:] += slopes[:-1].copy()
        return slopes

    def absolute_differences_transposed(self, v: np.ndarray) -> np.ndarray:
        """|S|ᵀ v."""
        slopes = v.copy()
        slopes[:-1] += v[1:]
        slopes /= self.gaps
        slopes[:-1] += slopes[1:].copy()
        return slopes

    def to_dense(self) -> np.ndarray:
        """The (K, K) matrix, entry by entry from the closed form."""
        from bwtheory.gram import relu_gram, uniform_relu_gram

        if self.spacing is not None:
            return uniform_relu_gram(self.size, self.domain, self.spacing)
        return relu_gram(self.biases, np.ones(self.size), self.domain)


@dataclass(frozen=True)
class BandedToeplitz:
    """Symmetric banded Toeplitz matrix with exact coefficients c_0, c_1, …, c_p on its diagonals."""

    coefficients: tuple[Fraction, ...]
    size: int

    def __post_init__(self) -> None:
        if self.size < 1 or not self.coefficients:
            raise ValueError(f"A Toeplitz matrix has size >= 1 and a diagonal; got size={self.size}.")

    def bands(self) -> np.ndarray:
        """Lower bands (p + 1, size) as SciPy's banded solvers take them."""
        p = min(len(self.coefficients), self.size)
        bands = np.zeros((p, self.size))
        for s in range(p):
            bands[s, : self.size - s] = float(self.coefficients[s])
        return bands

    def to_dense(self) -> np.ndarray:
        """The (size, size) matrix."""
        from scipy.linalg import toeplitz

        column = np.zeros(self.size)
        p = min(len(self.coefficients), self.size)
        column[:p] = [float(c) for c in self.coefficients[:p]]
        return toeplitz(column)


@dataclass(frozen=True, eq=False)
class BlockDiagonal:
    """Blocks of any structure along the diagonal."""

    blocks: tuple[Any, ...]

    @property
    def size(self) -> int:
        """Number of rows."""
        return sum(block.size for block in self.blocks)

    def to_dense(self) -> np.ndarray:
        """The (size, size) matrix."""
        from scipy.linalg import block_diag

        return block_diag(*(block.to_dense() for block in self.blocks))


def first_element_mass(gap, overhang, visible):
    """∫ over the visible part c = g − a of the first element of its squared hat: (g³ − a³)/(3g²), a the overhang."""
    return visible * (gap * gap + gap * overhang + overhang * overhang) / (3 * gap * gap)


def cumulative_sum(x: np.ndarray, block: int = 128) -> np.ndarray:
    """np.cumsum of a non-negative vector, block by block: relative error (log n / log 128)·128 u instead of n·u.

    Equal addends make the roundings of a running sum all point the same way, so the plain one does reach n·u.
    """
    n = len(x)
    if n <= block:
        return np.cumsum(x)
    padded = np.zeros(-(-n // block) * block)
    padded[:n] = x
    sums = np.cumsum(padded.reshape(-1, block), axis=1)
    sums[1:] += cumulative_sum(sums[:-1, -1], block)[:, None]
    return sums.ravel()[:n]
