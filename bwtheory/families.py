"""The public face of the theory: families of neurons on an interval, their Gram matrices and condition numbers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from bwtheory import checks
from bwtheory.gram.blocks import BlockDiagonal
from bwtheory.gram.dense import CERTIFIED_DENSE_LIMIT, Dense
from bwtheory.gram.quadrature import quadrature_gram
from bwtheory.gram.relu import ReLUStructure, relu_gram, relu_gram_exact, uniform_relu_gram
from bwtheory.gram.structure import GramStructure, Matrix, Vector
from bwtheory.gram.toeplitz import BandedToeplitz
from bwtheory.gram.wavelets import compose, wavelet_inner_product, wavelet_pieces
from bwtheory.wavelet import BSplineWavelet

if TYPE_CHECKING:
    from bwtheory.gram.spectrum import Enclosure, Spectrum

FloatMethod = Literal["auto", "dense", "structured"]
Method = Literal["auto", "dense", "structured", "certified"]
GRAM_METHODS = ("exact", "quadrature")
LEVELS_LIMIT = 52
SHIFT_LIMIT = 2**52
MEMORY_PER_FUNCTION = 200  # bytes of a wavelet's (level, shift) and of its share of the lists made from it


class Family(ABC):
    """K functions on a domain, with everything that follows from their Gram matrix."""

    domain: tuple[float, float]
    size: int
    degree: int = 1

    @abstractmethod
    def __call__(self, x: ArrayLike) -> Matrix:
        """Feature matrix Φ of equation (8): (K, N) for x of shape (N,)."""

    @abstractmethod
    def knots(self) -> Matrix:
        """Increasing points that include the ends of the domain and every knot of a feature inside."""

    @abstractmethod
    def structure(self) -> GramStructure:
        """The Gram matrix by the data that its eigenvalue methods need; see ``bwtheory.gram``."""

    @abstractmethod
    def singular_reason(self) -> str | None:
        """One sentence that says why the functions are linearly dependent on the domain; None if they are not."""

    @abstractmethod
    def _exact_gram(self) -> Matrix: ...

    @property
    @abstractmethod
    def name(self) -> str:
        """What enclosures and messages call the Gram matrix."""

    def _checked_points(self, x: ArrayLike) -> Vector:
        points = checks.points(x)
        checks.enough_memory(f"The values of {self.size} functions at {points.size} points", 8 * 3 * self.size * points.size)
        return points

    def gram(self, method: str = "exact") -> Matrix:
        """Gram matrix ∫_D φ_i φ_j dx.

        Parameters
        ----------
        method : "exact" for the closed form, "quadrature" for an independent one from ``self(x)`` and the knots alone

        Returns
        -------
        (K, K) float64 array

        Raises
        ------
        ValueError
            For an unknown method, a matrix larger than the free memory, or entries beyond the range of float64.
        """
        checks.one_of("method", method, GRAM_METHODS)
        checks.enough_memory(f"The Gram matrix of {self.size} functions", 8 * 4 * self.size**2)
        with np.errstate(over="ignore", invalid="ignore"):
            gram = self._exact_gram() if method == "exact" else quadrature_gram(self, self.knots(), self.degree)
        return checks.in_range("The Gram matrix", gram)

    @overload
    def spectrum(self, method: Literal["certified"], precision: int = 64) -> Spectrum[Enclosure]: ...

    @overload
    def spectrum(self, method: FloatMethod = "auto", precision: int = 64) -> Spectrum[float]: ...

    def spectrum(self, method: Method = "auto", precision: int = 64) -> Spectrum[float] | Spectrum[Enclosure]:
        """Extreme eigenvalues and condition number of the Gram matrix.

        Parameters
        ----------
        method : "structured" computes both to high relative accuracy in O(K); "dense" is what LAPACK makes of the float64
            matrix, right or wrong, small eigenvalues only to K·1e-16 of the largest; "auto" is structured where the family has
            a structure, and dense elsewhere (ReLUs facing both ways, two at or left of r1, wavelets that the boundary cuts);
            "certified" proves enclosures in ball arithmetic
        precision : bits, for "certified" only; a matrix without structure takes more where it needs them

        Returns
        -------
        Spectrum with ``.smallest``, ``.largest``, ``.condition_number``: floats, or an Enclosure of each.  The smallest
        eigenvalue of a singular family is 0, decided exactly (unless by "dense"), and ``.singular_reason`` says why.

        Raises
        ------
        ValueError
            For an unknown method; "structured" for a family without structure; "certified" for more than 200 functions without
            structure, or with so low a precision that nothing is bounded; an iteration that does not converge; a matrix larger
            than the free memory.
        """
        from bwtheory.gram import spectrum

        checks.one_of("method", method, spectrum.METHODS)
        reason = self.singular_reason()
        if method == "certified":
            return spectrum.certified_spectrum(self.structure(), precision, self.name, reason)
        return spectrum.float_spectrum(self.structure(), method, reason)

    def condition_number(self, method: FloatMethod = "auto") -> float:
        """κ(G) = λ_max/λ_min, ``spectrum(method).condition_number``; inf for a singular family (``singular_reason`` says why).

        With "dense" it is inf if λ_min <= 0 in float64, and far above κ = 1e13 it is noise; so is "auto" where that is dense.
        ``certified_condition_number`` is right there too, for up to 200 functions.
        """
        if method == "auto" and self.singular_reason():
            return math.inf  # without the dense matrix, which a large family could not store
        return self.spectrum(method).condition_number

    def certified_condition_number(self, precision: int = 64) -> Enclosure:
        """Enclosure of κ(G); [inf, inf] for a singular family. ``about`` says which matrix it is about."""
        from bwtheory.gram.spectrum import Enclosure

        if self.singular_reason():
            return Enclosure(math.inf, math.inf, f"condition number of {self.name}")
        return self.spectrum("certified", precision).condition_number


class CertifiableFamily(Family):
    """A family that a certificate can describe: see ``bwtheory.certificates``."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """The family for a certificate: what JSON holds, numbers as exact fractions; ValueError if it does not fit one."""

    @abstractmethod
    def exact_pencil(self) -> tuple[Sequence[Sequence[Fraction]], Sequence[int]]:
        """M and p with G_ij = M_ij 2^((p_i + p_j)/2): exact rows of the matrix, and a half power of two for each."""

    @abstractmethod
    def null_direction(self) -> dict[int, Fraction]:
        """Numbers c_k, not all 0, with Σ c_k f_k = 0 on the domain, by k from 0 on; empty if there are none.

        f_k is the function without its factor 2^(j/2).
        """

    @abstractmethod
    def function_name(self, k: int) -> str:
        """The formula of f_k."""

    @property
    def variable(self) -> str:
        """What ``function_name`` uses besides x, as the end of a sentence; empty if nothing."""
        return ""


class ReLUFamily(CertifiableFamily):
    """σ(w_k x − b_k), k = 1, …, K, on a bounded domain, w_k = ±1.

    Parameters
    ----------
    biases : (K,) finite numbers in any order, coincident ones and ones outside of the domain included
    signs : (K,) of ±1, the w_k; all +1 without it
    domain : (r1, r2) finite, r1 < r2

    Raises
    ------
    ValueError
        For K = 0, biases that are not finite, signs other than ±1 or of another length, an empty or infinite domain.
    """

    def __init__(self, biases: ArrayLike, signs: ArrayLike | None = None, domain: tuple[float, float] = (-1, 1)):
        self.biases = np.atleast_1d(np.array(checks.real_array("Biases", biases, one="bias")))
        if self.biases.ndim != 1 or self.biases.size == 0:
            raise ValueError(f"A family needs K >= 1 neurons in a one-dimensional array; got shape {self.biases.shape}.")
        self.signs = np.ones_like(self.biases) if signs is None else np.atleast_1d(np.array(checks.real_array("Signs", signs)))
        if self.signs.shape != self.biases.shape or not np.all(np.abs(self.signs) == 1):
            raise ValueError(f"Signs must be +1 or −1, one for each of the {self.biases.size} biases.")
        self.domain = checks.interval(domain)
        if not all(map(math.isfinite, self.domain)):
            raise ValueError("ReLUs are not square integrable on an unbounded domain; give a bounded one.")
        self.size = self.biases.size
        self._spacing: Fraction | None = None

    @classmethod
    def uniform(cls, size: int) -> ReLUFamily:
        """K right-facing ReLUs on [−1, 1] with b_j = −1 + 2(j−1)/K exactly (Theorem 3.1); the spacing is kept as 2/K."""
        K = checks.integer("A family needs an integer K >= 1", "K", size)
        checks.enough_memory(f"A family of {checks.shown(K)} ReLUs", 8 * 8 * K)
        family = cls((2 * np.arange(K) - K) / K)
        family._spacing = Fraction(2, K)
        return family

    @property
    def name(self) -> str:
        where = f"exact spacing {self._spacing}" if self._spacing else "these float64 biases, taken as exact"
        return f"G_σ of {self.size} ReLU{'s' * (self.size > 1)} on [{self.domain[0]:g}, {self.domain[1]:g}] at {where}"

    def __call__(self, x: ArrayLike) -> Matrix:
        """Feature matrix Φ of equation (8), (K, N) for x of shape (N,); NaN where x is NaN."""
        points = self._checked_points(x)
        with np.errstate(over="ignore"):
            features: Matrix = np.maximum(0, self.signs[:, None] * points - self.biases[:, None])
        checks.in_range("A ReLU's value", features[:, np.isfinite(points)])
        return features

    def knots(self) -> Matrix:
        """The places w_k b_k inside the domain, and its ends."""
        r1, r2 = self.domain
        at = self.signs * self.biases
        return np.unique([r1, *at[(r1 < at) & (at < r2)], r2])

    def structure(self) -> ReLUStructure | Dense:
        """Second differences around a mass matrix where all neurons face one way and are independent; else dense."""
        r1, r2 = self.domain
        if self.singular_reason() is None and np.all(self.signs == self.signs[0]):
            domain = (r1, r2) if self.signs[0] > 0 else (-r2, -r1)
            biases = np.sort(self.biases)
            if self.size == 1 or biases[1] > domain[0]:
                return ReLUStructure(biases, domain, self._spacing)
        return Dense(self.gram(), self.exact_pencil()[0] if self.size <= CERTIFIED_DENSE_LIMIT else None)

    def _exact_gram(self) -> Matrix:
        if self._spacing is not None:
            return uniform_relu_gram(self.size, self.domain, self._spacing)
        return relu_gram(self.biases, self.signs, self.domain)

    def _exact_biases(self) -> list[Fraction]:
        if self._spacing is not None:
            return [Fraction(self.domain[0]) + k * self._spacing for k in range(self.size)]
        return [Fraction(bias) for bias in self.biases.tolist()]

    def described(self) -> dict[str, Any]:
        """Kind, domain, exact biases and signs."""
        return {
            "kind": "relus",
            "domain": [str(Fraction(end)) for end in self.domain],
            "biases": [str(bias) for bias in self._exact_biases()],
            "signs": [int(sign) for sign in self.signs],
        }

    def exact_pencil(self) -> tuple[Sequence[Sequence[Fraction]], Sequence[int]]:
        """Equation (12) in rational arithmetic; all half powers are 0."""
        return relu_gram_exact(self._exact_biases(), self.signs.tolist(), self.domain), [0] * self.size

    def function_name(self, k: int) -> str:
        """σ(x − b), or σ(−x − b) for w = −1."""
        sign, bias = "x" if self.signs[k] > 0 else "-x", self.biases[k]
        return f"σ({sign})" if bias == 0 else f"σ({sign} {'-' if bias > 0 else '+'} {abs(bias):g})"

    def singular_reason(self) -> str | None:
        """Why the neurons are linearly dependent on the domain, decided exactly; None if they are independent."""
        return self._dependence[0]

    def null_direction(self) -> dict[int, Fraction]:
        """A combination of at most six neurons that vanishes on the domain, exact; empty if they are independent."""
        return self._dependence[1]

    @cached_property
    def _dependence(self) -> tuple[str | None, dict[int, Fraction]]:
        """Why the neurons are dependent, and a combination that vanishes.

        On D a neuron is a kink at its knot plus an affine function, or an affine function alone if the knot is not inside.
        The rank is the number of distinct knots inside plus the dimension of the affine functions left over.
        """
        if self._spacing is not None:
            return None, {}
        r1, r2 = self.domain
        at = self.signs * self.biases
        active = np.where(self.signs > 0, at < r2, at > r1)
        if not active.all():
            k = int(np.flatnonzero(~active)[0])
            reason = (
                f"Neuron {k + 1} is zero on D = [{r1:g}, {r2:g}]: its bias {self.biases[k]:g} leaves its active side outside."
            )
            return reason, {k: Fraction(1)}
        order = np.lexsort((self.signs, at))
        twins = np.flatnonzero((np.diff(at[order]) == 0) & (np.diff(self.signs[order]) == 0))
        if twins.size:
            i, j = sorted(map(int, order[[twins[0], twins[0] + 1]]))
            return f"Neurons {i + 1} and {j + 1} coincide (bias {self.biases[i]:g}).", {i: Fraction(1), j: Fraction(-1)}
        affine = self._affine_combinations(at, order)
        dependent = _planar_dependence([(slope, value) for _, slope, value in affine])
        if not dependent:
            return None, {}
        direction: dict[int, Fraction] = {}
        for number, c in dependent.items():
            for k, sign in affine[number][0].items():
                direction[k] = c * sign
        rank = self.size - len(affine) + _planar_rank([(slope, value) for _, slope, value in affine])
        reason = (
            f"The {self.size} neurons span {rank} dimensions on D: {len(affine)} of their combinations are affine there, "
            "and affine functions have two dimensions."
        )
        return reason, direction

    def _affine_combinations(self, at: np.ndarray, order: np.ndarray) -> list[tuple[dict[int, int], Fraction, Fraction]]:
        """Neurons that are affine on D, and differences of two that face each other at one knot: neurons, slope, value at 0."""
        r1, r2 = self.domain
        inside = (r1 < at) & (at < r2)
        alone = [({int(k): 1}, Fraction(self.signs[k]), -Fraction(self.biases[k])) for k in np.flatnonzero(~inside)]
        met = order[np.flatnonzero((np.diff(at[order]) == 0) & inside[order[:-1]])]
        partners = order[np.flatnonzero((np.diff(at[order]) == 0) & inside[order[:-1]]) + 1]
        pairs = [({int(right): 1, int(left): -1}, Fraction(1), -Fraction(at[right])) for left, right in zip(met, partners)]
        return alone + pairs


class WaveletFamily(CertifiableFamily):
    """ψ_{j,k}(x) = 2^{j/2} ψ(2^j t − k) with t = (2m−1)(x+1)/2, for j = 0, …, levels−1 (Theorem 3.3).

    The change of variables lays ψ_{0,0} on [−1, 1]; at order m = 2 it is t = (3/2)(x+1).

    Parameters
    ----------
    levels : J >= 1
    order : m >= 1, of the B-spline wavelet
    shifts : "theorem" for k = 0, …, 2^j − 1; "covering" for every k whose support meets the inside of the domain (of [−1, 1]
        if the domain is R); or J lists of integers
    normalized : with the factor 2^{j/2} or without it
    domain : (r1, r2) over which the inner products integrate; (−inf, inf) for L²(R)

    Raises
    ------
    ValueError
        For levels or order < 1, levels > 52 (no floats lie closer than 2^-52 at 1), shifts that are none of these or beyond
        2^52, a ``normalized`` that is not True or False, an empty domain, or more wavelets than fit into the free memory.
    """

    def __init__(
        self,
        levels: int,
        order: int = 2,
        shifts: str | Sequence[Iterable[int]] = "theorem",
        normalized: bool = True,
        domain: tuple[float, float] = (-1, 1),
    ):
        self.levels = checks.integer("K = 2^J − 1 neurons need levels J >= 1", "levels", levels, at_most=LEVELS_LIMIT)
        self.wavelet = BSplineWavelet(order)
        self.order, self.normalized = self.wavelet.order, checks.truth_value("normalized", normalized)
        self.domain = checks.interval(domain)
        self.degree = self.order - 1
        self._length = 2 * self.order - 1
        self._interval = self._to_t(self.domain[0]), self._to_t(self.domain[1])
        per_level = self._shifts_per_level(shifts)
        self.size = sum(map(_count, per_level))
        if not self.size:
            raise ValueError("A family needs at least one neuron; these shifts name none.")
        checks.enough_memory(f"A family of {checks.shown(self.size)} wavelets", MEMORY_PER_FUNCTION * self.size)
        self.index = [(j, k) for j, ks in enumerate(per_level) for k in ks]

    def _to_t(self, x: float) -> Fraction | float:
        return Fraction(x + 0.0) * self._length / 2 + Fraction(self._length, 2) if math.isfinite(x) else x

    def _shifts_per_level(self, shifts: Any) -> Sequence[Sequence[int]]:
        if isinstance(shifts, str):
            if shifts == "theorem":
                return [range(2**j) for j in range(self.levels)]
            if shifts != "covering":
                raise ValueError(
                    f"Shifts are 'theorem', 'covering' or one list of integers per level; got {checks.shown(shifts)}."
                )
            low, high = self._interval if math.isfinite(self.domain[0] + self.domain[1]) else (0, self._length)
            ends = [(math.floor(2**j * low) - self._length + 1, math.ceil(2**j * high)) for j in range(self.levels)]
            if max(abs(k) for pair in ends for k in pair) > SHIFT_LIMIT:
                raise ValueError(f"Shifts beyond 2^52 are not exact floats; the domain {list(self.domain)} needs some.")
            return [range(first, end) for first, end in ends]
        return [_checked_shifts(ks, j) for j, ks in enumerate(self._one_per_level(shifts))]

    def _one_per_level(self, shifts: Any) -> Any:
        if isinstance(shifts, (bytes, dict, set, frozenset)) or not hasattr(shifts, "__len__"):
            raise ValueError(f"Shifts are 'theorem', 'covering' or one list of integers per level; got {checks.shown(shifts)}.")
        if np.ndim(shifts) == 0 if isinstance(shifts, np.ndarray) else False:
            raise ValueError("Shifts are one list of integers per level; got an array without dimensions.")
        if len(shifts) != self.levels:
            raise ValueError(f"{self.levels} levels need as many lists of shifts; got {len(shifts)}.")
        return shifts

    @property
    def name(self) -> str:
        scaled = "" if self.normalized else ", without 2^(j/2)"
        where = f"[{self.domain[0]:g}, {self.domain[1]:g}]"
        counted = (
            f"{self.size} wavelet{'s' * (self.size > 1)} of order {self.order} on {self.levels} level{'s' * (self.levels > 1)}"
        )
        return f"G_ψ of {counted}{scaled}, on {where}"

    def __call__(self, x: ArrayLike) -> Matrix:
        """Feature matrix (K, N) for x of shape (N,); exactly 0 outside of the supports, NaN where x is NaN."""
        x = self._checked_points(x)
        with np.errstate(over="ignore"):  # far outside of every support; ψ(±inf) = 0
            t = self._length * (x + 1) / 2
            values = np.empty((self.size, t.size))
            for row, (j, k) in enumerate(self.index):
                values[row] = self._factor(j) * self.wavelet(2.0**j * t - k)
        return values

    def _factor(self, j: int) -> float:
        return 2.0 ** (j / 2) if self.normalized else 1.0

    def supports(self) -> Matrix:
        """(K, 2) array: the supports in x, cut by no domain."""
        ends = [(k / 2**j, (k + self._length) / 2**j) for j, k in self.index]
        return 2 * np.array(ends) / self._length - 1

    def knots(self) -> Matrix:
        """All knots of the family inside the domain, and its ends (of the hull of the supports if it is R)."""
        t = np.unique([float(Fraction(2 * k + i, 2 ** (j + 1))) for j, k in self.index for i in range(2 * self._length + 1)])
        x = 2 * t / self._length - 1
        low, high = max(self.domain[0], x[0]), min(self.domain[1], x[-1])
        if low >= high:  # every wavelet lies outside of the domain
            return np.array(self.domain)
        return np.unique([low, *x[(low < x) & (x < high)], high])

    @cached_property
    def _places(self) -> list[str]:
        """For each wavelet: whether its support is inside of the domain, cut by its boundary, or outside."""
        low, high = self._interval
        result = []
        for j, k in self.index:
            left, right = Fraction(k, 2**j), Fraction(k + self._length, 2**j)
            outside = right <= low or left >= high
            result.append("outside" if outside else "inside" if low <= left and right <= high else "cut")
        return result

    def _unit_entries(self) -> list[tuple[int, int, Fraction]]:
        """Non-zero entries (row, column <= row, value) without the factors 2^{j/2}, exact.

        Two wavelets of which one lies inside are as orthogonal as they are on R; only pairs that the boundary cuts both
        need an integral of their own.
        """
        jacobian = Fraction(2, self._length)
        products = [Fraction(int(a.p), int(a.q)) for a in self.wavelet.autocorrelation]
        by_level: dict[int, dict[int, int]] = {}
        entries = []
        cut: list[int] = []
        for row, (j, k) in enumerate(self.index):
            place = self._places[row]
            if place == "outside":
                continue
            peers = by_level.setdefault(j, {})
            peers[k] = row
            for s in range(-len(products) + 1, len(products)):
                column = peers.get(k + s)
                if column is not None and "inside" in (place, self._places[column]):
                    entries.append((row, column, jacobian * products[abs(s)] / 2**j))
            if place == "cut":
                cut.append(row)
                for column in cut:
                    value = wavelet_inner_product(self.order, self.index[row], self.index[column], self._interval)
                    if value:
                        entries.append((row, column, jacobian * value))
        return entries

    def _exact_gram(self) -> Matrix:
        result = np.zeros((self.size, self.size))
        for row, column, value in self._unit_entries():
            power = (self.index[row][0] + self.index[column][0]) * self.normalized
            scaled = value * 2 ** (power // 2)
            result[row, column] = result[column, row] = float(scaled) * (math.sqrt(2) if power % 2 else 1.0)
        return result

    def structure(self) -> BlockDiagonal | Dense:
        """One banded Toeplitz block a level where no support is cut and shifts are consecutive; else dense."""
        per_level = [[k for j, k in self.index if j == level] for level in range(self.levels)]
        consecutive = all(list(range(ks[0], ks[0] + len(ks))) == ks for ks in per_level if ks)
        if consecutive and set(self._places) == {"inside"}:
            products = [Fraction(int(a.p), int(a.q)) * Fraction(2, self._length) for a in self.wavelet.autocorrelation]
            scales = [1 if self.normalized else Fraction(1, 2**j) for j in range(self.levels)]
            return BlockDiagonal(
                tuple(BandedToeplitz(tuple(c * p for p in products), len(ks)) for c, ks in zip(scales, per_level) if ks)
            )
        return self._dense_structure()

    def _dense_structure(self) -> Dense:
        if self.size > CERTIFIED_DENSE_LIMIT:
            return Dense(self.gram())
        return Dense(self.gram(), *self.exact_pencil())

    def exact_pencil(self) -> tuple[Sequence[Sequence[Fraction]], Sequence[int]]:
        """Exact integrals of the products without 2^(j/2), and the levels j (0 without normalization)."""
        exact = [[Fraction(0)] * self.size for _ in range(self.size)]
        for row, column, value in self._unit_entries():
            exact[row][column] = exact[column][row] = value
        return exact, [j * self.normalized for j, _ in self.index]

    def described(self) -> dict[str, Any]:
        """Kind, domain, order, normalization, and level and shift of each wavelet."""
        if not math.isfinite(self.domain[0] + self.domain[1]):
            raise ValueError(
                "A certificate is about wavelets on a bounded domain; one that holds all supports is as good as R."
            )
        return {
            "kind": "wavelets",
            "domain": [str(Fraction(end)) for end in self.domain],
            "order": self.order,
            "normalized": self.normalized,
            "index": [[j, k] for j, k in self.index],
        }

    def function_name(self, k: int) -> str:
        """ψ(2^j t − k)."""
        j, shift = self.index[k]
        scaled = "t" if j == 0 else f"{2**j}t"
        return f"ψ({scaled})" if not shift else f"ψ({scaled} {'-' if shift > 0 else '+'} {abs(shift)})"

    @property
    def variable(self) -> str:
        """The definition of t."""
        return f", where t = {self._length}(x + 1)/2"

    def null_direction(self) -> dict[int, Fraction]:
        """The first wavelet that is zero on the domain, or a combination of those that the boundary cuts; exact."""
        if not self.singular_reason():
            return {}
        if "outside" in self._places:
            return {self._places.index("outside"): Fraction(1)}
        from flint import fmpq, fmpq_mat

        cells = self._cells()
        rows = [[c for ends in zip(cells, cells[1:]) for c in self._polynomial_on(j, k, *ends)] for j, k in self.index]
        reduced, rank = fmpq_mat([[fmpq(v.numerator, v.denominator) for v in column] for column in zip(*rows)]).rref()
        pivots = [next(c for c in range(self.size) if reduced[r, c]) for r in range(rank)]
        free = next(c for c in range(self.size) if c not in pivots)
        entries = {column: reduced[r, free] for r, column in enumerate(pivots) if column < free}
        direction = {column: -Fraction(int(v.p), int(v.q)) for column, v in entries.items() if v}
        return {**direction, free: Fraction(1)}

    @cached_property
    def _singular_reason(self) -> str | None:
        places = self._places
        if "outside" in places:
            row = places.index("outside")
            count = places.count("outside")
            return f"{count} of {self.size} wavelets are zero on D, the first of them ψ_{self.index[row]}."
        if "cut" not in places:
            return None  # semi-orthogonal levels, each with a positive symbol
        cells = self._cells()
        dimension = len(cells) - 1 + self.order - 1
        if self.size > dimension:
            return f"{self.size} wavelets, but the splines on their grid in D have {dimension} dimensions."
        rank = self._rank(cells)
        return f"The {self.size} wavelets span {rank} dimensions on D." if rank < self.size else None

    def singular_reason(self) -> str | None:
        """Why the wavelets are linearly dependent on the domain, decided exactly; None if they are independent."""
        return self._singular_reason

    def _cells(self) -> list[Fraction]:
        """The knots (in t) of all wavelets inside of the domain, and its ends or those of the supports' hull."""
        low, high = self._interval
        knots = {Fraction(2 * k + i, 2 ** (j + 1)) for j, k in self.index for i in range(2 * self._length + 1)}
        first, last = Fraction(max(low, min(knots))), Fraction(min(high, max(knots)))
        return sorted({first, last, *(t for t in knots if first < t < last)})

    def _rank(self, cells: list[Fraction]) -> int:
        """Exact rank of the restrictions to D, from the polynomial of each wavelet between each two neighbouring knots."""
        from flint import fmpq, fmpq_mat

        rows = [[c for ends in zip(cells, cells[1:]) for c in self._polynomial_on(j, k, *ends)] for j, k in self.index]
        return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in rows]).rank()

    def _polynomial_on(self, j: int, k: int, left: Fraction, right: Fraction) -> list[Fraction]:
        place = 2 * (2**j * left - k)
        pieces = wavelet_pieces(self.order)
        if not 0 <= math.floor(place) < len(pieces):
            return [Fraction(0)] * self.order
        return compose(pieces[math.floor(place)], place - math.floor(place), 2 ** (j + 1) * (right - left))


def _planar_rank(vectors: list[tuple[Any, Any]]) -> int:
    nonzero = [v for v in vectors if any(v)]
    if not nonzero:
        return 0
    a, b = nonzero[0]
    return 2 if any(a * d != b * c for c, d in nonzero) else 1


def _planar_dependence(vectors: list[tuple[Fraction, Fraction]]) -> dict[int, Fraction]:
    """Numbers c, not all 0, with Σ c_n v_n = 0, for the first vectors that are dependent; empty if none are."""
    for n, (a, b) in enumerate(vectors):
        if not (a or b):
            return {n: Fraction(1)}
        for i in range(n):
            c, d = vectors[i]
            if a * d == b * c:  # parallel
                return {n: Fraction(1), i: -(a / c if c else b / d)}
        if n == 2:
            (p, q), (r, s) = vectors[:2]
            determinant = p * s - q * r
            return {0: -(a * s - b * r) / determinant, 1: -(b * p - a * q) / determinant, 2: Fraction(1)}
    return {}


def _count(ks: Sequence[int]) -> int:
    """len of a list or of a range, which may be longer than len can say."""
    return max(ks.stop - ks.start, 0) if isinstance(ks, range) else len(ks)


def _checked_shifts(ks: Any, level: int) -> list[int]:
    """Distinct integers that float64 holds exactly."""
    if isinstance(ks, (str, bytes, dict)) or not hasattr(ks, "__len__") or (isinstance(ks, np.ndarray) and ks.ndim != 1):
        raise ValueError(f"The shifts of level {level} are a list of integers; got {checks.shown(ks)}.")
    checks.enough_memory(f"{len(ks)} shifts on level {level}", MEMORY_PER_FUNCTION * len(ks))
    exact = [checks.exact_number(f"A shift of level {level}", k) for k in ks]
    for k in exact:
        if k.denominator != 1 or abs(k) > SHIFT_LIMIT:
            raise ValueError(f"The shifts of level {level} are integers up to 2^52; got {checks.shown(k)}.")
    chosen = [int(k) for k in exact]
    if len(set(chosen)) < len(chosen):
        twice = next(k for k, count in Counter(chosen).items() if count > 1)
        raise ValueError(f"Shift {twice} occurs twice at level {level}.")
    return chosen
