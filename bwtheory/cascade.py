"""Three ways to write one continuous piecewise-linear function on a uniform grid of D, and O(K) transforms between them.

Values at the nodes; a constant and the output weights of ReLUs at the nodes; a coarse function and the details of each level,
which are coefficients of wavelets.

On a level with N cells of the coarse grid, wavelet n = 0, …, N − 1 has its centre in the middle of cell n, and the values
10/12, −6/12, 1/12 at distances of 0, 1, 2 fine nodes.  A wavelet that reaches over an end is folded back.  So with
d_{−1} = d_0 and d_N = d_{N−1} the details add to the values

* −(d_{n−1} + d_n)/2 at coarse node n,
* (d_{n−1} + 10 d_n + d_{n+1})/12 in the middle of cell n.

What a value in the middle differs from the mean of its neighbours is therefore (d_{n−1} + 4 d_n + d_{n+1})/3: details are the
solution of a tridiagonal system, and no matrix of inner products is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg.lapack import dpttrf, dpttrs

from bwtheory.gram.structure import Vector
from bwtheory.two_scale import two_scale_coefficients

# ψ at the fine nodes of its support: by symmetry the first three of five
OUTER, COARSE, MIDDLE = map(float, two_scale_coefficients(2)[:3])

# --- One level -------------------------------------------------------------------------------------------------------


def merge(coarse: Vector, details: Vector) -> Vector:
    """(N + 1,) values at the coarse nodes and (N,) details -> (2N + 1,) values at the fine nodes."""
    fine = np.empty(2 * len(details) + 1)
    fine[::2] = coarse
    fine[1::2] = coarse[:-1]
    fine[1::2] += coarse[1:]
    fine[1::2] *= 0.5
    fine[::2] += _details_at_coarse_nodes(details)
    fine[1::2] += _details_in_the_middle(details)
    return fine


def split(fine: Vector) -> tuple[Vector, Vector]:
    """(2N + 1,) values at the fine nodes -> (N + 1,) values at the coarse nodes and (N,) details; the inverse of ``merge``."""
    even = fine[::2]
    rest = even[:-1] + even[1:]
    rest *= -0.5
    rest += fine[1::2]
    details = _solve(rest)
    return even - _details_at_coarse_nodes(details), details


def merge_transposed(fine: Vector) -> tuple[Vector, Vector]:
    """The transpose of ``merge``: (2N + 1,) -> (N + 1,) and (N,)."""
    even, odd = fine[::2], fine[1::2]
    coarse = even.copy()
    coarse[:-1] += odd / 2
    coarse[1:] += odd / 2
    details = _details_in_the_middle(odd)
    details += COARSE * (even[:-1] + even[1:])
    details[0] += COARSE * even[0]
    details[-1] += COARSE * even[-1]
    return coarse, details


def _details_at_coarse_nodes(details: Vector) -> Vector:
    values = np.empty(len(details) + 1)
    values[:-1] = details
    values[-1] = details[-1]
    values[0] += details[0]
    values[1:] += details
    values *= COARSE
    return values


def _details_in_the_middle(details: Vector) -> Vector:
    beside = OUTER * details
    values = MIDDLE * details
    values[1:] += beside[:-1]
    values[:-1] += beside[1:]
    values[0] += beside[0]
    values[-1] += beside[-1]
    return values


def _solve(rest: Vector) -> Vector:
    """d of this rest, which is overwritten: a diagonally dominant system with the condition number 3.

    Pivots tend to their limit by a factor (2 − √3)² < 1/13 a row: after 16 rows they have it to float64 precision.
    """
    n, settled = len(rest), 32
    beside, middle = OUTER - COARSE / 2, MIDDLE - COARSE
    diagonal = np.full(min(n, settled), middle)
    diagonal[0] += beside
    diagonal[-1] += beside if n <= settled else 0
    first, slopes, _ = dpttrf(diagonal, np.full(len(diagonal) - 1, beside))
    pivots, multipliers = np.full(n, first[-1]), np.full(n - 1, slopes[-1])
    pivots[: len(first)], multipliers[: len(slopes)] = first, slopes
    if n > settled:
        pivots[-1] += beside
    return np.asarray(dpttrs(pivots, multipliers, rest, overwrite_b=True)[0])


# --- All levels ------------------------------------------------------------------------------------------------------


def synthesis(coarse: Vector, details: list[Vector]) -> Vector:
    """Values at the coarse nodes, and details from coarse to fine -> values at the finest nodes."""
    for one in details:
        coarse = merge(coarse, one)
    return coarse


def analysis(values: Vector, levels: int) -> tuple[Vector, list[Vector]]:
    """The inverse of ``synthesis``."""
    return _from_fine_to_coarse(split, values, levels)


def synthesis_transposed(values: Vector, levels: int) -> tuple[Vector, list[Vector]]:
    """The transpose of ``synthesis``."""
    return _from_fine_to_coarse(merge_transposed, values, levels)


def _from_fine_to_coarse(
    step: Callable[[Vector], tuple[Vector, Vector]], values: Vector, levels: int
) -> tuple[Vector, list[Vector]]:
    details: list[Vector] = []
    for _ in range(levels):
        values, one = step(values)
        details.insert(0, one)
    return values, details


# --- ReLUs -----------------------------------------------------------------------------------------------------------


def relu_values(constant: float, weights: Vector, spacing: float) -> Vector:
    """Values of constant + Σ weights_k σ(x − b_k) at the equally spaced nodes b_0, …, b_K; (K,) -> (K + 1,)."""
    values = np.zeros(len(weights) + 1)
    np.cumsum(np.cumsum(weights), out=values[1:])
    values *= spacing
    values += constant
    return values


def relu_weights(values: Vector, spacing: float) -> tuple[float, Vector]:
    """The constant and the weights with these values at the nodes; the inverse of ``relu_values``."""
    slopes = np.diff(values)
    slopes /= spacing
    slopes[1:] -= slopes[:-1].copy()
    return float(values[0]), slopes


def relu_values_transposed(values: Vector, spacing: float) -> tuple[float, Vector]:
    """The transpose of ``relu_values``."""
    sums = np.cumsum(np.cumsum(values[:0:-1]))[::-1]
    return float(values.sum()), spacing * sums


# --- Any points of D -------------------------------------------------------------------------------------------------


class Interpolation:
    """Linear interpolation of nodal values on a uniform grid of [−1, 1] at given points, and its transpose.

    Parameters
    ----------
    x : (N,) points in [−1, 1]
    cells : number of cells of the grid
    """

    def __init__(self, x: Vector, cells: int):
        place = (x + 1) * (cells / 2)
        self.cell = np.minimum(place.astype(np.intp), cells - 1)
        self.right = place - self.cell
        self.nodes = cells + 1

    def __call__(self, values: Vector) -> Vector:
        """(cells + 1,) values at the nodes -> (N,) values at the points."""
        left = values[self.cell]
        return np.asarray(left + self.right * (values[self.cell + 1] - left))

    def transposed(self, at_points: Vector) -> Vector:
        """(N,) -> (cells + 1,)."""
        to_right = self.right * at_points
        result = np.bincount(self.cell, at_points - to_right, self.nodes)
        result[1:] += np.bincount(self.cell, to_right, self.nodes - 1)
        return np.asarray(result)
