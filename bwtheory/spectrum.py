"""Extreme eigenvalues of a structure: dense (LAPACK), structured (high relative accuracy), certified (ball arithmetic).

``structured`` and ``certified`` rest on the same facts for ReLU Gram matrices.  G and A = J G⁻¹ J are non-negative, so
for any x > 0 Collatz and Wielandt bound the largest eigenvalue of each by the least and the largest of the ratios
(Ax)_i / x_i, which are computed without a single subtraction.  A good x makes the bounds tight; a bad one leaves them true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import singledispatch
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded

from bwtheory.structures import BandedToeplitz, BlockDiagonal, Dense, ReLUStructure

METHODS = ("auto", "dense", "structured")
CERTIFIED_DENSE_LIMIT = 200
DENSE_PRECISION = 2**12  # bits at most


def gershgorin_discs(gram) -> tuple[np.ndarray, np.ndarray]:
    """Centres g_ii and radii Σ_{j≠i} |g_ij| of Gershgorin's discs (Theorem B.1): their union holds every eigenvalue.

    Parameters
    ----------
    gram : (K, K) array

    Returns
    -------
    centres, radii : (K,) arrays

    Raises
    ------
    ValueError
        For a matrix that is not square or not finite.
    """
    gram = np.asarray(gram)
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise ValueError(f"Gershgorin's discs belong to a square matrix; got shape {gram.shape}.")
    if not np.all(np.isfinite(gram)):
        raise ValueError("Gershgorin's discs need finite entries.")
    centres = np.diagonal(gram).copy()
    off = np.abs(gram)
    np.fill_diagonal(off, 0)
    return centres, off.sum(axis=1)


def toeplitz_symbol(structure: BandedToeplitz, theta) -> np.ndarray:
    """c_0 + 2 Σ c_s cos(sθ): as the size grows, the eigenvalues fill its range and never leave it (Grenander and Szegő)."""
    theta = np.asarray(theta, dtype=float)
    waves = (2 * float(c) * np.cos(s * theta) for s, c in enumerate(structure.coefficients) if s)
    return sum(waves, np.full_like(theta, float(structure.coefficients[0])))


def extreme_eigenvalues(structure, method: str = "auto") -> tuple[float, float]:
    """Smallest and largest eigenvalue.

    Parameters
    ----------
    structure : a structure of ``bwtheory.structures``
    method : "dense" assembles the matrix and calls LAPACK (small eigenvalues only to 1e-16 of the largest one);
        "structured" computes both to high relative accuracy in O(K); "auto" is structured where there is a structure

    Raises
    ------
    ValueError
        For an unknown method, or "structured" on a matrix without structure.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
    if method == "dense" or (method == "auto" and isinstance(structure, Dense)):
        eigenvalues = np.linalg.eigvalsh(structure.to_dense())
        return float(eigenvalues[0]), float(eigenvalues[-1])
    return structured_extremes(structure)


@singledispatch
def structured_extremes(structure) -> tuple[float, float]:
    """Smallest and largest eigenvalue to high relative accuracy, by the structure."""
    raise ValueError("This family's Gram matrix has no structure to use; the method is 'dense'.")


@structured_extremes.register
def _(structure: ReLUStructure) -> tuple[float, float]:
    _, largest = perron_of_gram(structure)
    _, largest_of_inverse = perron_of_inverse(structure)
    return 1 / largest_of_inverse, largest


@structured_extremes.register
def _(structure: BandedToeplitz) -> tuple[float, float]:
    if len(structure.coefficients) == 1:
        return float(structure.coefficients[0]), float(structure.coefficients[0])
    if structure.size <= 64:
        eigenvalues = np.linalg.eigvalsh(structure.to_dense())
        return float(eigenvalues[0]), float(eigenvalues[-1])
    low, high = symbol_range(structure)
    return _section_extreme(structure, low), _section_extreme(structure, high)


@structured_extremes.register
def _(structure: BlockDiagonal) -> tuple[float, float]:
    extremes = [extreme_eigenvalues(block) for block in structure.blocks]
    return min(low for low, _ in extremes), max(high for _, high in extremes)


# --- ReLU Gram matrices ----------------------------------------------------------------------------------------------


def perron_of_gram(structure: ReLUStructure) -> tuple[np.ndarray, float]:
    """Perron vector and root of G by power iteration: the eigenvalues of an integral operator fall off like j⁻⁴."""
    return _power_iteration(structure.product, np.ones(structure.size))


def perron_of_inverse(structure: ReLUStructure) -> tuple[np.ndarray, float]:
    """Perron vector and root of A = J G⁻¹ J by Noda's iteration, quadratically convergent from above.

    With σ = max (Ax)_i / x_i above the root, y = (σ − A)⁻¹ x is positive again, and A y = σ y − x < σ y improves the
    bound.  Since A = |S| N⁻¹ |S|ᵀ with N = J M J tridiagonal, the solve is one with the pentadiagonal M-matrix
    σN − |S|ᵀ|S|.  Far from a localized eigenvector, y ≥ x/σ stays positive: nothing underflows.
    """
    A = structure.inverse_product
    x = best = np.ones(structure.size)
    gap = math.inf
    for _ in range(60):
        product = A(x)
        rayleigh, upper = float(x @ product / (x @ x)), float(np.max(product / x))
        if upper / rayleigh - 1 >= gap:
            break
        best, gap = x, upper / rayleigh - 1
        if gap <= 4e-16:
            break
        # a bound that is already the root to working precision leaves nothing to solve with; then a little above it
        shifts = (upper * (1 + above) for above in (0, 1e-15, 1e-14, 1e-12, 1e-9))
        solved = next((y for sigma in shifts if (y := _resolvent(structure, sigma, x)) is not None), None)
        if solved is None:
            break
        x = solved
    product = A(best)
    return best, float(best @ product / (best @ best))


def _power_iteration(operator: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> tuple[np.ndarray, float]:
    width = math.inf
    for _ in range(500):
        product = operator(x)
        ratios = product / x
        previous, width = width, float(np.max(ratios) / np.min(ratios) - 1)
        if width <= 1e-15 or (width < 1e-11 and width >= previous):
            break
        x = product / np.max(product)
    return x, float(x @ product / (x @ x))


def _resolvent(structure: ReLUStructure, sigma: float, x: np.ndarray) -> np.ndarray | None:
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


def _mass_bands(structure: ReLUStructure) -> np.ndarray:
    diagonal, off = structure.mass
    bands = np.zeros((min(3, structure.size), structure.size))
    bands[0] = diagonal
    if structure.size > 1:
        bands[1, :-1] = -off
    return bands


def _squared_difference_bands(structure: ReLUStructure) -> np.ndarray:
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


# --- Toeplitz matrices -----------------------------------------------------------------------------------------------


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


def _section_extreme(structure: BandedToeplitz, limit: float) -> float:
    """The eigenvalue closest to an end of the symbol's range, by inverse iteration (Lanczos) shifted to that end.

    The distance to the end is O(1/n²), so what the iteration gets wrong is a small part of a small part.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    sign = 1.0 if limit > float(structure.coefficients[0]) else -1.0
    distance = -sign * structure.bands()
    distance[0] += sign * limit
    distance[0] *= 1 + 2.0**-50  # keeps the shifted matrix definite in floating point
    factor = cholesky_banded(distance, lower=True)
    n = structure.size
    inverse = LinearOperator((n, n), matvec=lambda v: cho_solve_banded((factor, True), v), dtype=float)
    start = np.random.default_rng(0).standard_normal(n)
    return limit - sign / float(eigsh(inverse, k=1, which="LM", v0=start, return_eigenvectors=False)[0])


# --- Certified -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Enclosure:
    """A promise: the number that ``about`` describes lies in [lower, upper], float64 rounded outward."""

    lower: float
    upper: float
    about: str = ""

    @property
    def relative_width(self) -> float:
        """(upper − lower) / upper; 0 for an exact value."""
        return 0.0 if self.lower == self.upper else (self.upper - self.lower) / abs(self.upper)

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


def certified_extreme_eigenvalues(structure, precision: int = 64, about: str = "") -> tuple[Enclosure, Enclosure]:
    """Enclosures of the smallest and the largest eigenvalue, proved by ball arithmetic (python-flint).

    Floating point only chooses the trial vectors and shifts; what is returned does not depend on their quality except
    in its width.

    Raises
    ------
    ValueError
        For a dense matrix whose exact entries are not known, or with more than 200 rows.
    """
    with _arb_precision(precision):
        low, high = _certified_balls(structure, precision)
        return _enclose(low, f"smallest eigenvalue of {about}"), _enclose(high, f"largest eigenvalue of {about}")


def certified_largest_eigenvalue(structure: Dense, precision: int = 64, about: str = "") -> Enclosure:
    """Enclosure of the largest eigenvalue of a matrix that may be singular; errors as for ``certified_extreme_eigenvalues``."""
    with _arb_precision(precision):
        _refuse_without_exact_entries(structure)
        return _enclose(_bisect(structure, -1), f"largest eigenvalue of {about}")


def certified_condition_number(structure, precision: int = 64, about: str = "") -> Enclosure:
    """Enclosure of λ_max/λ_min, proved by ball arithmetic; arguments and errors as for the eigenvalues."""
    with _arb_precision(precision):
        low, high = _certified_balls(structure, precision)
        return _enclose((high[0] / low[1], high[1] / low[0]), f"condition number of {about}")


@contextmanager
def _arb_precision(precision: int) -> Iterator[None]:
    import flint

    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        yield
    finally:
        flint.ctx.prec = before


def _enclose(balls: tuple[Any, Any], about: str) -> Enclosure:
    """Float64 bounds outside of a lower and an upper ball."""
    return Enclosure(_outward(balls[0].lower(), -1), _outward(balls[1].upper(), +1), about)


def _outward(bound, direction: int) -> float:
    """The nearest float64 on the outer side of an arb; infinite where nothing is known."""
    value, outermost = float(bound), direction * math.inf
    if math.isnan(value):
        return outermost
    while value != outermost and not ((bound - value) * direction <= 0):
        value = math.nextafter(value, outermost)
    return value


@singledispatch
def _certified_balls(structure, precision: int):
    """((lower, upper) of the smallest eigenvalue, (lower, upper) of the largest), each an arb."""
    raise ValueError(f"No certified method for {type(structure).__name__}.")


@_certified_balls.register
def _(structure: BlockDiagonal, precision: int):
    # By interlacing, the extremes of Toeplitz sections of one symbol are those of the largest.
    largest = {(b.coefficients if isinstance(b, BandedToeplitz) else id(b)): b for b in sorted(structure.blocks, key=_size)}
    blocks = [_certified_balls(block, precision) for block in largest.values()]
    return _pairwise((low for low, _ in blocks), "min"), _pairwise((high for _, high in blocks), "max")


def _size(structure) -> int:
    return structure.size


def _pairwise(bounds, extreme: str):
    bounds = list(bounds)
    result = bounds[0]
    for lower, upper in bounds[1:]:
        result = getattr(result[0], extreme)(lower), getattr(result[1], extreme)(upper)
    return result


@_certified_balls.register
def _(structure: ReLUStructure, precision: int):
    gaps, overhang = _exact_gaps(structure)
    high = _perron_bounds(_gram_product, gaps, overhang, perron_of_gram(structure)[0])
    low = _perron_bounds(_inverse_product, gaps, overhang, perron_of_inverse(structure)[0])
    return (1 / low[1], 1 / low[0]), high


def _exact_gaps(structure: ReLUStructure):
    from flint import arb

    if structure.spacing is not None:
        gap = arb(structure.spacing.numerator) / structure.spacing.denominator
        return [gap] * structure.size, (arb(0), gap)
    b = [*map(arb, structure.biases.tolist()), arb(structure.domain[1])]
    overhang = arb(structure.domain[0]) - b[0]
    visible = b[1] - arb(structure.domain[0]) if overhang > 0 else b[1] - b[0]
    return [later - earlier for earlier, later in zip(b, b[1:])], (overhang if overhang > 0 else arb(0), visible)


def _perron_bounds(product, gaps: list, overhang, vector: np.ndarray):
    """Rayleigh's quotient below, the largest ratio of Collatz and Wielandt above: both true for any positive vector."""
    from flint import arb

    x = [arb(t) for t in vector.tolist()]
    above, numerator, denominator = arb(0), arb(0), arb(0)
    for image, t in zip(product(gaps, overhang, x), x):
        above = above.max(image / t)
        numerator += image * t
        denominator += t * t
    return numerator / denominator, above


def _gram_product(gaps: list, overhang, x: list) -> list:
    """G x in ball arithmetic, from x >= 0 by additions and multiplications (see ReLUStructure.product)."""
    slope = value = gaps[0] * 0
    values = []
    for g, t in zip(gaps, x):
        slope = slope + t
        value = value + g * slope
        values.append(value)
    diagonal, off = _exact_mass(gaps, overhang)
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


def _exact_mass(gaps: list, overhang):
    from bwtheory.structures import first_element_mass

    thirds = [g / 3 for g in gaps]
    first = first_element_mass(gaps[0], *overhang)
    diagonal = [first, *thirds[1:]]
    for k in range(len(gaps) - 1):
        diagonal[k] = diagonal[k] + thirds[k + 1]
    return diagonal, [t / 2 for t in thirds[1:]]


def _inverse_product(gaps: list, overhang, x: list) -> list:
    """J G⁻¹ J x in ball arithmetic without subtractions.

    The elimination of the diagonally dominant M-matrix J M J carries the row-sum excess a_k instead of the pivot
    d_k = a_k + o_k, so that d_k = m_k − o²/d is never formed.
    """
    from bwtheory.structures import first_element_mass

    n = len(gaps)
    zero = gaps[0] * 0
    inverse = [1 / g for g in gaps]
    sixth = [g / 6 for g in gaps]
    load = _transposed_differences(inverse, x)
    first = first_element_mass(gaps[0], *overhang)
    excess = zero
    pivots: list = []
    loads: list = []
    for k in range(n):
        off = sixth[k + 1] if k + 1 < n else zero
        if k:
            share = sixth[k] / pivots[-1]
            # row k of J M J sums to g_k/3 + g_{k+1}/3 − g_k/6 − g_{k+1}/6
            excess = sixth[k] + off + share * excess
            loads.append(load[k] + share * loads[-1])
        else:
            excess = first + off  # no neighbour on the left: the whole first element, and g_2/3 − g_2/6
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


def _transposed_differences(inverse: list, x: list) -> list:
    n = len(x)
    result = [x[0] * 0] * n
    right_value = right_slope = x[0] * 0
    for k in range(n - 1, -1, -1):
        slope = (x[k] + right_value) * inverse[k]
        result[k] = slope + right_slope
        right_value, right_slope = x[k], slope
    return result


@_certified_balls.register
def _(structure: BandedToeplitz, precision: int):
    estimates = structured_extremes(structure)
    return tuple(_bracket(structure, estimate, end) for estimate, end in zip(estimates, (0, -1)))


def _bracket(structure: BandedToeplitz, estimate: float, end: int):
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
        inner = _toeplitz_rayleigh(structure, vector)
        outer = sign * (_as_arb(Fraction(shift)) - _cholesky_defect(structure, sign, shift, factor))
        return (outer, inner) if end == 0 else (inner, outer)
    raise ArithmeticError("The estimate of the eigenvalue is too far off to be enclosed.")


def _cholesky_defect(structure: BandedToeplitz, sign: int, shift: float, factor: np.ndarray):
    """An upper bound of ‖±T − shift − L Lᵀ‖, by its largest row sum."""
    from flint import arb

    n, p = structure.size, len(factor) - 1
    columns = [[arb(t) for t in row[: n - s].tolist()] for s, row in enumerate(factor)]
    total = arb(0)
    for s in range(p + 1):
        exact = sign * _as_arb(Fraction(structure.coefficients[s])) - (_as_arb(Fraction(shift)) if s == 0 else 0)
        worst = arb(0)
        for k in range(n - s):  # entry (k + s, k): columns k, k − 1, … of L
            entry = exact
            for r in range(min(p - s, k) + 1):
                entry = entry - columns[s + r][k - r] * columns[r][k - r]
            worst = worst.max(abs(entry))
        total = total + worst * (1 if s == 0 else 2)
    return total


def _toeplitz_rayleigh(structure: BandedToeplitz, vector: np.ndarray):
    from flint import arb

    x = [arb(t) for t in vector.tolist()]
    products = [sum((a * b for a, b in zip(x, x[s:])), arb(0)) for s in range(min(len(structure.coefficients), len(x)))]
    weights = [_as_arb(Fraction(c)) * (2 if s else 1) for s, c in enumerate(structure.coefficients)]
    return sum((w * q for w, q in zip(weights, products)), arb(0)) / products[0]


def _as_arb(value: Fraction):
    from flint import arb

    return arb(value.numerator) / value.denominator


def _with_rising_precision(count: Callable[[Fraction], int | None], bound: Fraction, limit: int) -> tuple[int, Fraction]:
    """The count and the bound it is for.

    The radii of an LDLᵀ grow by up to a bit a row, so the precision doubles until every pivot's sign is known.  A pivot that
    is exactly 0 (the bound is an eigenvalue of a leading block) never is; then the bound moves by 2^-60 of itself.
    """
    for _ in range(8):
        precision = 128
        while precision <= limit:
            with _arb_precision(precision):
                result = count(bound)
            if result is not None:
                return result, bound
            precision *= 2
        bound *= 1 + Fraction(1, 2**60)
    raise ArithmeticError(f"The sign of a pivot stays open at {limit} bits.")


@_certified_balls.register
def _(structure: Dense, precision: int):
    _refuse_without_exact_entries(structure)
    return _bisect(structure, 0), _bisect(structure, -1)


def _refuse_without_exact_entries(structure: Dense) -> None:
    if structure.exact is None:
        raise ValueError("A certified answer needs the exact entries of this Gram matrix, and it does not have them.")
    if structure.size > CERTIFIED_DENSE_LIMIT:
        raise ValueError(
            f"Certified eigenvalues of a matrix without structure need K <= {CERTIFIED_DENSE_LIMIT}; got {structure.size}."
        )


def _bisect(structure: Dense, end: int):
    """Bounds of an extreme eigenvalue by bisection on the number of negative pivots, geometric to reach tiny ones."""

    def above(bound: Fraction) -> tuple[bool, Fraction]:
        """Whether the bound exceeds the eigenvalue, and the bound that was decided."""
        below, bound = _with_rising_precision(lambda at: _negative_pivots(_exact_rows(structure, at)), bound, DENSE_PRECISION)
        return (below >= 1 if end == 0 else below == structure.size), bound

    trace = Fraction(float(np.trace(structure.matrix)) * (1 + 1e-12))
    if not trace:
        return _as_arb(trace), _as_arb(trace)
    lower, upper, floor = Fraction(0), trace, trace / 2**1000
    estimate = float(np.linalg.eigvalsh(structure.matrix)[end])
    for digits in (30, 15) if estimate > 0 else ():  # LAPACK's answer saves most of the steps where it is good
        guesses = [above(Fraction(estimate) * (1 + side * Fraction(1, 2**digits))) for side in (-1, 1)]
        if [is_above for is_above, _ in guesses] == [False, True]:
            lower, upper = (bound for _, bound in guesses)
            break
    while lower == 0 or upper - lower > upper / 2**44:
        middle = (lower + upper) / 2 if lower and upper < 4 * lower else _geometric_middle(lower or floor, upper)
        is_above, middle = above(middle)
        if is_above:
            upper = middle
        else:
            lower = middle
        if upper <= floor * 4:
            raise ValueError("The smallest eigenvalue is zero or below 2^-1000 of the trace; the family is singular.")
    return _as_arb(lower), _as_arb(upper)


def _geometric_middle(lower: Fraction, upper: Fraction) -> Fraction:
    exponent = (_log2(lower) + _log2(upper)) // 2
    return Fraction(2) ** int(exponent) if lower < Fraction(2) ** int(exponent) < upper else (lower + upper) / 2


def _log2(value: Fraction) -> int:
    return value.numerator.bit_length() - value.denominator.bit_length()


def _exact_rows(structure: Dense, bound: Fraction) -> list[list]:
    from flint import arb

    powers = structure.half_powers or [0] * structure.size
    root = {s: arb(2).sqrt() ** s for s in {a + b for a in powers for b in powers}}
    exact: Sequence[Sequence[Fraction]] = structure.exact or ()
    rows = [[_as_arb(exact[i][j]) * root[powers[i] + powers[j]] for j in range(i + 1)] for i in range(structure.size)]
    for i in range(structure.size):
        rows[i][i] = rows[i][i] - _as_arb(bound)
    return rows


def _negative_pivots(rows: list[list]) -> int | None:
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
