"""Gram matrices of ReLUs, equation (12): closed forms, and extreme eigenvalues in O(K) from second differences.

The closed forms take every difference of given numbers once and then add and multiply non-negative terms only, so each
entry is accurate to a few units in the last place.

The eigenvalues rest on one fact, in floating point and in balls: G and A = J G⁻¹ J, J = diag(±1), are non-negative, so for
any x > 0 Collatz and Wielandt bound the largest eigenvalue of each by the least and the largest of the ratios (Ax)_i / x_i,
which are computed without a single subtraction.  A good x makes the bounds tight; a bad one leaves them true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from scipy.linalg.lapack import dpttrf, dpttrs

from bwtheory.gram.rounded import BLOCK, bounds_of_gram, bounds_of_inverse
from bwtheory.gram.structure import Bounds, Bracket, Extremes, GramStructure, Matrix, NotConverged, Vector

if TYPE_CHECKING:
    from flint import arb
else:
    arb = Any

Domain = tuple[float, float]
Number = TypeVar("Number", float, Matrix, Fraction, arb)
Rational = float | Fraction
FirstElement = tuple[arb, arb]  # how far it lies left of the domain, and how long its visible part is
BallProduct = Callable[[list[arb], FirstElement, list[arb]], list[arb]]
TOLERANCE = 1e-9  # relative distance of two bounds of an eigenvalue beyond which it counts as not known
MANY, CLOSE = 2**17, 1e-12  # neurons from which float64 with bounds of its roundings is tried, and the width that it may have
USUAL_PRECISION = 64  # bits
POWER_STEPS = 500
NODA_STEPS = 60


# --- Closed forms ----------------------------------------------------------------------------------------------------


def relu_gram(biases: Vector, signs: Vector, domain: Domain) -> Matrix:
    """Gram matrix of σ(w_k x − b_k) on the domain, equation (12), in closed form.

    Parameters
    ----------
    biases, signs : (K,) arrays; signs are the w_k = ±1
    domain : (r1, r2), finite

    Returns
    -------
    (K, K) float64 array; each entry within a few units in the last place of the exact integral for these biases.
    """
    gram = np.empty((len(biases), len(biases)))
    right, left = signs > 0, signs < 0
    r1, r2 = domain
    gram[np.ix_(right, right)] = _right_facing(biases[right], r1, r2)
    gram[np.ix_(left, left)] = _right_facing(biases[left], -r2, -r1)  # x -> −x turns σ(−x − b) into σ(x − b)
    facing = _facing_each_other(biases[right], -biases[left], r1, r2)
    gram[np.ix_(right, left)] = facing
    gram[np.ix_(left, right)] = facing.T
    return gram


def uniform_relu_gram(size: int, domain: Domain, spacing: Fraction) -> Matrix:
    """Gram matrix of right-facing ReLUs at r1, r1 + spacing, …, from the exact spacing instead of rounded biases."""
    index = np.arange(size, dtype=float)
    steps_to_end = float((Fraction(domain[1]) - Fraction(domain[0])) / spacing)
    later = np.maximum.outer(index, index)
    h = float(spacing)
    return overlap_integral((steps_to_end - later) * h, (later - index[:, None]) * h, (later - index) * h)


def overlap_integral(length: Number, start_i: Number, start_j: Number) -> Number:
    """∫_0^s (t + α)(t + β) dt = s³/3 + (α + β)s²/2 + αβs for s, α, β >= 0: two ReLUs facing the same way."""
    return length * (length * (length / 3 + (start_i + start_j) / 2) + start_i * start_j)


def facing_integral(length: Number, start_i: Number, start_j: Number) -> Number:
    """∫_0^s (t + α)(s − t + β) dt = s³/6 + (α + β)s²/2 + αβs for s, α, β >= 0: two ReLUs facing each other."""
    return length * (length * (length / 6 + (start_i + start_j) / 2) + start_i * start_j)


def _right_facing(b: Vector, r1: float, r2: float) -> Matrix:
    start = np.maximum(np.maximum.outer(b, b), r1)
    length = np.maximum(r2 - start, 0)
    return overlap_integral(length, start - b[:, None], start - b)


def _facing_each_other(right_knots: Vector, left_knots: Vector, r1: float, r2: float) -> Matrix:
    start = np.maximum(right_knots, r1)[:, None]
    end = np.minimum(left_knots, r2)[None, :]
    length = np.maximum(end - start, 0)
    return facing_integral(length, start - right_knots[:, None], left_knots[None, :] - end)


def relu_gram_exact(
    biases: Sequence[Rational], signs: Sequence[float], domain: tuple[Rational, Rational]
) -> list[list[Fraction]]:
    """The same closed forms in rational arithmetic: every float is taken as the rational number it is."""
    r1, r2 = (Fraction(end) for end in domain)
    b = [Fraction(x) for x in biases]

    def entry(i: int, j: int) -> Fraction:
        if signs[i] == signs[j]:
            low, high = (r1, r2) if signs[i] > 0 else (-r2, -r1)
            start = max(b[i], b[j], low)
            return overlap_integral(max(high - start, Fraction(0)), start - b[i], start - b[j])
        right, left = (i, j) if signs[i] > 0 else (j, i)
        start, end = max(b[right], r1), min(-b[left], r2)
        return facing_integral(max(end - start, Fraction(0)), start - b[right], -b[left] - end)

    rows = [[entry(i, j) for j in range(i + 1)] for i in range(len(b))]
    return [[rows[max(i, j)][min(i, j)] for j in range(len(b))] for i in range(len(b))]


def naive_relu_gram(biases: Vector) -> Matrix:
    """The textbook closed form F(1) − F(B), F(x) = x³/3 − (b_i + b_j)x²/2 + b_i b_j x, on [−1, 1]: kept as a warning.

    Near the right end of the domain F(1) and F(B) agree in nearly all digits, and their difference, of size (1 − B)³, keeps
    an absolute error of 1e-16: at 1 − b = 1e-5 no digit is left.
    """
    b = np.asarray(biases, dtype=float)
    start = np.maximum.outer(b, b)
    total, product = np.add.outer(b, b), np.multiply.outer(b, b)

    def primitive(x: float | Matrix) -> Matrix:
        return np.asarray(x**3 / 3 - total * x**2 / 2 + product * x)

    return primitive(1.0) - primitive(start)


# --- The structure ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ReLUStructure(GramStructure):
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

    biases: Vector
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
    def gaps(self) -> Vector:
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
    def mass(self) -> tuple[Vector, Vector]:
        """Diagonal (K,) and off-diagonal (K−1,) of M."""
        g = self.gaps
        diagonal = g / 3
        diagonal[0] = first_element_mass(g[0], self.overhang, self._visible)
        diagonal[:-1] += g[1:] / 3
        return diagonal, g[1:] / 6

    @cached_property
    def _mass_factor(self) -> tuple[Vector, Vector]:
        # The signs of J M J make forward and back substitution with a non-negative right-hand side additions.
        diagonal, off = self.mass
        if self.size == 1:
            return diagonal, off
        d, e, _ = dpttrf(diagonal, -off)
        return d, e

    def product(self, x: Vector) -> Vector:
        """G x for x >= 0, each entry to about 1e-13 relative whatever K."""
        g, (diagonal, off) = self.gaps, self.mass
        values = cumulative_sum(g * cumulative_sum(x))
        load = diagonal * values
        load[:-1] += off * values[1:]
        load[1:] += off * values[:-1]
        return cumulative_sum((g * cumulative_sum(load[::-1])[::-1])[::-1])[::-1]

    def inverse_product(self, x: Vector) -> Vector:
        """J G⁻¹ J x for x >= 0, each entry to a few units in the last place times a small constant."""
        return self.absolute_differences(self.solve_mass(self.absolute_differences_transposed(x)))

    def solve_mass(self, load: Vector) -> Vector:
        """(J M J)⁻¹ load for load >= 0."""
        d, e = self._mass_factor
        return load / d if self.size == 1 else dpttrs(d, e, load)[0]

    def absolute_differences(self, y: Vector) -> Vector:
        """|S| y: slopes become sums, and jumps of slopes sums of sums."""
        slopes = y.copy()
        slopes[1:] += y[:-1]
        slopes /= self.gaps
        slopes[1:] += slopes[:-1].copy()
        return slopes

    def absolute_differences_transposed(self, v: Vector) -> Vector:
        """|S|ᵀ v."""
        slopes = v.copy()
        slopes[:-1] += v[1:]
        slopes /= self.gaps
        slopes[:-1] += slopes[1:].copy()
        return slopes

    def to_dense(self) -> Matrix:
        """The (K, K) matrix, entry by entry from the closed form."""
        if self.spacing is not None:
            return uniform_relu_gram(self.size, self.domain, self.spacing)
        return relu_gram(self.biases, np.ones(self.size), self.domain)

    def extremes(self) -> Extremes:
        """Rayleigh's quotients of the Perron vectors of G and J G⁻¹ J.

        Each is as close as the two bounds that its vector proves are to each other (benchmarks/README.md has how close that
        is), and ``NotConverged`` if that is more than 1e-9, relatively.
        """
        of_gram, of_inverse = perron_of_gram(self), perron_of_inverse(self)
        for name, perron in (("largest", of_gram), ("smallest", of_inverse)):
            if not (perron.root > 0 and 0 < 1 / perron.root < math.inf and math.isfinite(perron.gap)):
                raise NotConverged(
                    f"The {name} eigenvalue of these {self.size} ReLUs leaves the range of float64: gaps between their biases, "
                    f"the smallest of which is {np.min(self.gaps):.1e}, are too unequal."
                )
            if perron.gap > TOLERANCE:
                raise NotConverged(
                    f"The {name} eigenvalue of these {self.size} ReLUs is not known: after {perron.iterations} iterations its "
                    f"bounds are still {perron.gap:.1e} apart, relatively, and {TOLERANCE:.0e} is needed."
                )
        return Extremes(float(1 / of_inverse.root), float(of_gram.root), of_gram.iterations + of_inverse.iterations)

    def enclose(self) -> Bounds:
        """Collatz and Wielandt's bounds and Rayleigh's quotients, of the Perron vectors of G and J G⁻¹ J.

        In balls; for many neurons, at the usual precision, in float64 with bounds of its roundings, if these are close enough.
        """
        of_gram, of_inverse = perron_of_gram(self), perron_of_inverse(self)
        if self.size >= MANY and (rounded := self._enclose_in_float64(of_gram, of_inverse)) is not None:
            return rounded
        gaps, first = _exact_gaps(self)
        largest = _perron_bounds(_gram_product, gaps, first, of_gram.vector)
        of_j = _perron_bounds(_inverse_product, gaps, first, of_inverse.vector)
        smallest = Bracket(1 / of_j.upper, 1 / of_j.lower)
        return Bounds(smallest, largest, of_gram.iterations + of_inverse.iterations)

    def _enclose_in_float64(self, of_gram: Perron, of_inverse: Perron) -> Bounds | None:
        """The same bounds from float64, see ``rounded``; None if another precision is set, or they are too far apart."""
        import flint
        from flint import arb

        if flint.ctx.prec != USUAL_PRECISION:
            return None
        largest, of_j = bounds_of_gram(self, of_gram), bounds_of_inverse(self, of_inverse)
        if max(largest.width, of_j.width) > CLOSE:
            return None
        smallest = Bracket(1 / arb(of_j.upper), 1 / arb(of_j.lower))
        iterations = of_gram.iterations + of_inverse.iterations
        return Bounds(smallest, Bracket(arb(largest.lower), arb(largest.upper)), iterations)


def first_element_mass(gap: Number, overhang: Number, visible: Number) -> Number:
    """∫ over the visible part c = g − a of the first element of its squared hat: (g³ − a³)/(3g²), a the overhang."""
    return visible * (gap * gap + gap * overhang + overhang * overhang) / (3 * gap * gap)


def cumulative_sum(x: Vector, block: int = BLOCK) -> Vector:
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


# --- Floating point --------------------------------------------------------------------------------------------------


class Perron(NamedTuple):
    """A positive vector, and the bounds of the largest eigenvalue that it proves: Rayleigh's, and Collatz and Wielandt's."""

    vector: Vector
    root: np.float64
    bound: np.float64
    iterations: int

    @property
    def gap(self) -> float:
        """Relative distance of the two bounds; NaN where float64's range is left."""
        return float(self.bound / self.root - 1) if self.root else math.inf


@np.errstate(all="ignore")  # what leaves float64's range has an infinite or undefined gap
def perron_of_gram(structure: ReLUStructure) -> Perron:
    """Perron vector and root of G by power iteration: the eigenvalues of an integral operator fall off like j⁻⁴."""
    x = np.ones(structure.size)
    width = math.inf
    iterations = 0
    while iterations < POWER_STEPS:
        iterations += 1
        product = structure.product(x)
        ratios = product / x
        previous, width = width, float(np.max(ratios) / np.min(ratios) - 1)
        if width <= 1e-15 or (width < 1e-11 and width >= previous) or not np.all(np.isfinite(ratios)):
            break
        x = product / np.max(product)
    return _perron(structure.product, x, iterations)


@np.errstate(all="ignore")  # what leaves float64's range has an infinite or undefined gap
def perron_of_inverse(structure: ReLUStructure) -> Perron:
    """Perron vector and root of A = J G⁻¹ J by Noda's iteration, quadratically convergent from above.

    With σ = max (Ax)_i / x_i above the root, y = (σ − A)⁻¹ x is positive again, and A y = σ y − x < σ y improves the
    bound.  Since A = |S| N⁻¹ |S|ᵀ with N = J M J tridiagonal, the solve is one with the pentadiagonal M-matrix
    σN − |S|ᵀ|S|.  Far from a localized eigenvector, y ≥ x/σ stays positive: nothing underflows.
    """
    x = best = np.ones(structure.size)
    gap = math.inf
    for iteration in range(1, NODA_STEPS + 1):
        reached = _perron(structure.inverse_product, x, iteration)
        if not reached.gap < gap:
            break
        best, gap = x, reached.gap
        if gap <= 4e-16:
            break
        # a bound that is already the root to working precision leaves nothing to solve with; then a little above it
        shifts = (reached.bound * (1 + above) for above in (0, 1e-15, 1e-14, 1e-12, 1e-9))
        solved = next((y for sigma in shifts if (y := _resolvent(structure, sigma, x)) is not None), None)
        if solved is None:
            break
        x = solved
    return _perron(structure.inverse_product, best, iteration)


def _perron(operator: Callable[[Vector], Vector], x: Vector, iterations: int) -> Perron:
    product = operator(x)
    return Perron(
        x, np.float64(x @ product) / np.float64(x @ x), np.float64(np.max(product / x)), iterations
    )  # NumPy's floats: 1/0 is infinite


def _resolvent(structure: ReLUStructure, sigma: float, x: Vector) -> Vector | None:
    """(σ − A)⁻¹ x up to a positive factor, or None where σ is the root to working precision."""
    bands = sigma * _mass_bands(structure) - _squared_difference_bands(structure)
    scale = 1 / np.sqrt(bands[0])  # gaps of very different size; the scaled matrix has a unit diagonal
    if not np.all(np.isfinite(scale)):
        return None
    for s in range(len(bands)):
        bands[s, : structure.size - s] *= scale[: structure.size - s] * scale[s:]
    try:
        factor = cholesky_banded(bands, overwrite_ab=True, lower=True, check_finite=False)
    except LinAlgError:
        return None
    load = scale * structure.absolute_differences_transposed(x)
    u = scale * cho_solve_banded((factor, True), load, check_finite=False)
    y = x + structure.absolute_differences(u)
    return y / np.max(y) if np.all(np.isfinite(y)) and np.all(y > 0) else None


def _mass_bands(structure: ReLUStructure) -> Matrix:
    diagonal, off = structure.mass
    bands = np.zeros((min(3, structure.size), structure.size))
    bands[0] = diagonal
    if structure.size > 1:
        bands[1, :-1] = -off
    return bands


def _squared_difference_bands(structure: ReLUStructure) -> Matrix:
    """Lower bands of |S|ᵀ|S|: column k of |S| is 1/g_k, 1/g_k + 1/g_{k+1}, 1/g_{k+1}."""
    inverse = 1 / structure.gaps
    n = len(inverse)
    middle = inverse[:-1] + inverse[1:]
    bands = np.zeros((min(3, n), n))
    bands[0] = inverse**2
    if n > 1:
        bands[0, :-1] += middle**2
        bands[0, :-2] += inverse[1:-1] ** 2
        bands[1, :-1] = middle * inverse[1:]
        bands[1, :-2] += inverse[1:-1] * middle[1:]
    if n > 2:
        bands[2, :-2] = inverse[1:-1] * inverse[2:]
    return bands


# --- Balls -----------------------------------------------------------------------------------------------------------


def _exact_gaps(structure: ReLUStructure) -> tuple[list[arb], FirstElement]:
    from flint import arb

    if structure.spacing is not None:
        gap = arb(structure.spacing.numerator) / structure.spacing.denominator
        return [gap] * structure.size, (arb(0), gap)
    b = [*map(arb, structure.biases.tolist()), arb(structure.domain[1])]
    overhang = arb(structure.domain[0]) - b[0]
    visible = b[1] - arb(structure.domain[0]) if overhang > 0 else b[1] - b[0]
    return [later - earlier for earlier, later in zip(b, b[1:])], (overhang if overhang > 0 else arb(0), visible)


def _perron_bounds(product: BallProduct, gaps: list[arb], first: FirstElement, vector: Vector) -> Bracket:
    """Rayleigh's quotient below, the largest ratio of Collatz and Wielandt above: both true for any positive vector."""
    from flint import arb

    if not (np.all(np.isfinite(vector)) and np.all(vector > 0)):  # what left float64's range is no trial vector
        vector = np.ones(len(vector))
    x = [arb(t) for t in vector.tolist()]
    above, numerator, denominator = arb(0), arb(0), arb(0)
    for image, t in zip(product(gaps, first, x), x):
        above = above.max(image / t)
        numerator += image * t
        denominator += t * t
    return Bracket(numerator / denominator, above)


def _gram_product(gaps: list[arb], first: FirstElement, x: list[arb]) -> list[arb]:
    """G x in ball arithmetic, from x >= 0 by additions and multiplications (see ReLUStructure.product)."""
    slope = value = gaps[0] * 0
    values = []
    for g, t in zip(gaps, x):
        slope = slope + t
        value = value + g * slope
        values.append(value)
    diagonal, off = _exact_mass(gaps, first)
    n = len(gaps)
    total = outer = gaps[0] * 0
    result = [total] * n
    for k in range(n - 1, -1, -1):
        load = diagonal[k] * values[k]
        if k + 1 < n:
            load = load + off[k] * values[k + 1]
        if k:
            load = load + off[k - 1] * values[k - 1]
        total = total + load
        outer = outer + gaps[k] * total
        result[k] = outer
    return result


def _exact_mass(gaps: list[arb], first: FirstElement) -> tuple[list[arb], list[arb]]:
    thirds = [g / 3 for g in gaps]
    diagonal = [first_element_mass(gaps[0], *first), *thirds[1:]]
    for k in range(len(gaps) - 1):
        diagonal[k] = diagonal[k] + thirds[k + 1]
    return diagonal, [t / 2 for t in thirds[1:]]


def _inverse_product(gaps: list[arb], first: FirstElement, x: list[arb]) -> list[arb]:
    """J G⁻¹ J x in ball arithmetic without subtractions.

    The elimination of the diagonally dominant M-matrix J M J carries the row-sum excess a_k instead of the pivot
    d_k = a_k + o_k, so that d_k = m_k − o²/d is never formed.
    """
    n = len(gaps)
    zero = gaps[0] * 0
    inverse = [1 / g for g in gaps]
    sixth = [g / 6 for g in gaps]
    load = _transposed_differences(inverse, x)
    excess = zero
    pivots: list[arb] = []
    loads: list[arb] = []
    for k in range(n):
        off = sixth[k + 1] if k + 1 < n else zero
        if k:
            share = sixth[k] / pivots[-1]
            # row k of J M J sums to g_k/3 + g_{k+1}/3 − g_k/6 − g_{k+1}/6
            excess = sixth[k] + off + share * excess
            loads.append(load[k] + share * loads[-1])
        else:
            excess = (
                first_element_mass(gaps[0], *first) + off
            )  # no neighbour on the left: the whole first element, and g_2/3 − g_2/6
            loads.append(load[0])
        pivots.append(excess + off)
    solution = [zero] * n
    for k in range(n - 1, -1, -1):
        right = sixth[k + 1] * solution[k + 1] if k + 1 < n else zero
        solution[k] = (loads[k] + right) / pivots[k]
    result, left_value, left_slope = [], zero, zero
    for i, value in zip(inverse, solution):
        slope = (value + left_value) * i
        result.append(slope + left_slope)
        left_value, left_slope = value, slope
    return result


def _transposed_differences(inverse: list[arb], x: list[arb]) -> list[arb]:
    n = len(x)
    result = [x[0] * 0] * n
    right_value = right_slope = x[0] * 0
    for k in range(n - 1, -1, -1):
        slope = (x[k] + right_value) * inverse[k]
        result[k] = slope + right_slope
        right_value, right_slope = x[k], slope
    return result
