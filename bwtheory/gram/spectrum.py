"""Extreme eigenvalues of a Gram matrix by the method that is asked for, Gershgorin's discs, and enclosures.

``dense`` assembles the matrix and calls LAPACK, ``structured`` uses the structure, to high relative accuracy, and
``certified`` proves bounds in ball arithmetic (python-flint).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bwtheory import checks
from bwtheory.gram.dense import lapack_extremes
from bwtheory.gram.structure import Bounds, Bracket, GramStructure, PrecisionTooLow, working_precision

if TYPE_CHECKING:
    from flint import arb
else:
    arb = Any

FLOAT_METHODS = ("auto", "dense", "structured")
METHODS = (*FLOAT_METHODS, "certified")
LEAST_PRECISION, LARGEST_PRECISION = 2, 2**14  # bits


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


Value = TypeVar("Value", float, Enclosure)


@dataclass(frozen=True)
class Spectrum(Generic[Value]):
    """Extreme eigenvalues of a Gram matrix: floats, or an Enclosure of each for the method "certified".

    Attributes
    ----------
    smallest, largest : the extreme eigenvalues
    condition_number : largest / smallest; infinite for a singular family
    method : what was done, "dense", "structured" or "certified": what "auto" took
    singular_reason : one sentence that says why the functions are linearly dependent, decided exactly; None if they are not
    iterations : steps that the eigenvectors took, of all iterations together; 0 where LAPACK gave the answer
    """

    smallest: Value
    largest: Value
    condition_number: Value
    method: str
    singular_reason: str | None = None
    iterations: int = 0


def float_spectrum(structure: GramStructure, method: str = "auto", singular_reason: str | None = None) -> Spectrum[float]:
    """Extreme eigenvalues in floating point.

    Parameters
    ----------
    structure : of the Gram matrix
    method : "dense", "structured", or "auto": structured where there is a structure
    singular_reason : of a singular matrix, why it is; its smallest eigenvalue is then 0 unless ``method`` is "dense"

    Raises
    ------
    ValueError
        For an unknown method, "structured" for a matrix without structure, or an iteration that does not converge.
    """
    checks.one_of("method", method, FLOAT_METHODS)
    if method == "structured" and structure.is_dense:
        raise ValueError("This family's Gram matrix has no structure to use; the method is 'dense'.")
    as_dense = method == "dense" or structure.is_dense
    found = lapack_extremes(structure.to_dense()) if as_dense else structure.extremes()
    smallest = 0.0 if singular_reason and method != "dense" else found.smallest
    kappa = found.largest / smallest if smallest > 0 else math.inf
    return Spectrum(smallest, found.largest, kappa, "dense" if as_dense else "structured", singular_reason, found.iterations)


def certified_spectrum(
    structure: GramStructure, precision: int, about: str, singular_reason: str | None
) -> Spectrum[Enclosure]:
    """Enclosures proved by ball arithmetic with so many bits; of a singular matrix the smallest eigenvalue is exactly 0.

    Raises
    ------
    ValueError
        For a matrix without structure whose exact entries are not known, or with more than 200 rows.
    PrecisionTooLow
        If so few bits leave an eigenvalue without a positive lower or a finite upper bound; it says how many are enough.
    """
    bits = checks.integer(
        "Ball arithmetic has a precision >= 2 bits", "precision", precision, LEAST_PRECISION, LARGEST_PRECISION
    )
    if singular_reason:
        with working_precision(bits):
            largest = _enclose(structure.enclose_largest(), f"largest eigenvalue of {about}")
        nothing = Enclosure(0.0, 0.0, f"smallest eigenvalue of {about}")
        infinite = Enclosure(math.inf, math.inf, f"condition number of {about}")
        return Spectrum(nothing, largest, infinite, "certified", singular_reason)
    with working_precision(bits):
        bounds = structure.enclose()
        if _bounds_something(bounds):
            (low, high), (least, most) = bounds.smallest, bounds.largest
            return Spectrum(
                _enclose(bounds.smallest, f"smallest eigenvalue of {about}"),
                _enclose(bounds.largest, f"largest eigenvalue of {about}"),
                _condition_number(Bracket(least / high, most / low), about),
                "certified",
                iterations=bounds.iterations,
            )
    raise PrecisionTooLow(f"{bits} bits are too few to bound the eigenvalues of {about}; {_enough(structure, bits)}.")


def _bounds_something(bounds: Bounds) -> bool:
    """Whether κ has a finite upper bound, which may well be beyond float64."""
    return bool(bounds.smallest.lower > 0) and bool(bounds.largest.upper.is_finite())


def _enough(structure: GramStructure, bits: int) -> str:
    while (bits := 2 * bits) <= LARGEST_PRECISION:
        with working_precision(bits):
            if _bounds_something(structure.enclose()):
                return f"precision={bits} is enough"
    return f"{LARGEST_PRECISION} are too few as well"


def _enclose(bracket: Bracket, about: str) -> Enclosure:
    """Float64 bounds outside of a lower and an upper ball."""
    return Enclosure(_outward(bracket.lower.lower(), -1), _outward(bracket.upper.upper(), +1), about)


def _condition_number(bracket: Bracket, about: str) -> Enclosure:
    """Float64 bounds of κ, which is at least 1 whatever few bits say."""
    enclosed = _enclose(bracket, f"condition number of {about}")
    return replace(enclosed, lower=max(enclosed.lower, 1.0))


def _outward(bound: arb, direction: int) -> float:
    """The nearest float64 on the outer side of an arb; infinite where nothing is known."""
    value, outermost = float(bound), direction * math.inf
    if math.isnan(value):
        return outermost
    while value != outermost and not ((bound - value) * direction <= 0):
        value = math.nextafter(value, outermost)
    return value


def gershgorin_discs(gram: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
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
