"""What every structure of a Gram matrix can do, and the ball arithmetic that the certified half of it shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from flint import arb
else:
    arb = Any

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class NotConverged(ValueError):
    """An iteration ended before it met its tolerance; the sentence says how far it came."""


class PrecisionTooLow(ValueError):
    """Ball arithmetic with so few bits bounds nothing; the sentence says how many are enough."""


class Bracket(NamedTuple):
    """Two balls: a number lies between the lower end of the first and the upper end of the second."""

    lower: arb
    upper: arb


@dataclass(frozen=True)
class Extremes:
    """Smallest and largest eigenvalue in floating point, and the number of iterations that they took (0 for LAPACK)."""

    smallest: float
    largest: float
    iterations: int = 0


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest eigenvalue between balls, and the number of iterations that their trial vectors took."""

    smallest: Bracket
    largest: Bracket
    iterations: int = 0


class GramStructure(ABC):
    """A symmetric positive semidefinite matrix, given by the data that its eigenvalue methods need.

    ``extremes`` works in floating point and ``enclose`` in ball arithmetic.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of rows."""

    @property
    def is_dense(self) -> bool:
        """Whether there is nothing but the matrix itself, so that ``extremes`` is LAPACK's answer."""
        return False

    @abstractmethod
    def to_dense(self) -> Matrix:
        """The (size, size) matrix in float64."""

    @abstractmethod
    def extremes(self) -> Extremes:
        """Extreme eigenvalues by the structure; ``NotConverged`` where an iteration does not meet its tolerance."""

    @abstractmethod
    def enclose(self) -> Bounds:
        """Bounds of the extreme eigenvalues, proved in ball arithmetic at the precision that is set.

        Floating point only chooses trial vectors and shifts: the bounds hold whatever it yields, and are close together if
        that is good.
        """

    def enclose_largest(self) -> Bracket:
        """Bounds of the largest eigenvalue alone, which a singular matrix has, too."""
        return self.enclose().largest


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Ball arithmetic at so many bits inside of the block."""
    import flint

    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def as_ball(value: Fraction) -> arb:
    """A ball around a rational number."""
    from flint import arb

    return arb(value.numerator) / value.denominator
