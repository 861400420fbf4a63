"""Tuning every method alike: the same number of trials of the same search, over the axes that its own paper would tune."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Point = tuple[float, ...]


@dataclass(frozen=True)
class Axis:
    """One thing that is tuned.

    A place k on it is start·factor^k for a positive number, start + k for an integer one without a factor, rounded where
    ``integer`` says so; with ``choices`` it is one of these, start first.
    """

    name: str
    start: Any
    factor: float | None = 2.0
    integer: bool = False
    choices: tuple[Any, ...] = ()

    def value(self, place: float) -> Any:
        """What is set at a place."""
        if self.choices:
            return self.choices[int(place)]
        found = self.start + place if self.factor is None else self.start * self.factor**place
        return round(found) if self.integer else found

    def holds(self, place: float) -> bool:
        """Whether there is such a place: choices are numbered, integers are positive and whole steps apart without a factor."""
        if self.choices:
            return place == int(place) and 0 <= place < len(self.choices)
        if self.factor is None and place != int(place):
            return False
        return not self.integer or self.value(place) >= 1


def propose(axes: Sequence[Axis], scores: Mapping[Point, float], trials: int) -> Point | None:
    """The next point to try, or None when ``trials`` are used up or nothing is left to try.

    A pattern search: from the best point so far one step along each axis in turn, then, if no neighbour is better, half a step,
    a quarter, an eighth; then all choices.  The first point is the start of all axes.  Two points with the same values are one.

    Parameters
    ----------
    scores : of the points tried, higher is better; −inf for those that failed
    """
    origin: Point = (0.0,) * len(axes)
    if origin not in scores:
        return origin
    if len(scores) >= trials:
        return None
    tried = {values(axes, point) for point in scores}
    best = best_point(scores)
    for step in (1.0, 0.5, 0.25, 0.125):
        for number, sign in itertools.product(range(len(axes)), (1, -1)):
            point = (*best[:number], best[number] + sign * step, *best[number + 1 :])
            if axes[number].holds(point[number]) and values(axes, point) not in tried:
                return point
    for number, axis in enumerate(axes):  # choices that are no neighbours of each other
        for place in range(len(axis.choices)):
            point = (*best[:number], float(place), *best[number + 1 :])
            if values(axes, point) not in tried:
                return point
    return None


def values(axes: Sequence[Axis], point: Point) -> tuple[Any, ...]:
    """What is set at a point."""
    return tuple(axis.value(place) for axis, place in zip(axes, point))


def best_point(scores: Mapping[Point, float]) -> Point:
    """The point with the highest score, the first tried of several; what failed everywhere is the start."""
    return max(scores, key=lambda point: scores[point] if not math.isnan(scores[point]) else -math.inf)


def edges(axes: Sequence[Axis], scores: Mapping[Point, float]) -> list[str]:
    """Axes on which the best point is the outermost that was tried, though there is more: the optimum may lie beyond."""
    best, found = best_point(scores), []
    for number, axis in enumerate(axes):
        places = {point[number] for point in scores}
        for sign in (1, -1):
            beyond = axis.holds(best[number] + sign) and axis.value(best[number] + sign) != axis.value(best[number])
            if beyond and not any(sign * (place - best[number]) > 0 for place in places) and axis.name not in found:
                found.append(axis.name)
    return found
