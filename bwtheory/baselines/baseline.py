"""What a reconstruction without a network is: one function of a task, and the one number that it is tuned in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bwtheory.tasks.operators import LinearOperator
from bwtheory.tasks.task import ImageTask


@dataclass(frozen=True)
class Estimate:
    """An image, and what it cost.

    values : (P, C) float64, all pixels of the task's grid, row by row
    parameters : real numbers that the method stores to represent its result; None if these are the pixels
    note : empty if the result is what the method promises, else a clause that says what is missing
    """

    values: Tensor
    parameters: int | None
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """The one number, or the one choice, that a method is tuned in.

    start : where a search begins; its neighbours are start·factor^k for integers k, rounded if ``integer``
    choices : all values there are, instead of a factor
    """

    name: str
    start: float | str
    factor: float = 2.0
    integer: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """A method and where it applies.

    label : as tables show it
    tasks : names in ``bwtheory.tasks.TASKS``
    solve : of a task alone; of a task and a value of ``setting``; or of a task and ``parameters=`` if ``sized``.  It reads a
        task's measurements, never its truth, and raises ValueError for what it cannot do.
    setting : None if there is nothing to tune
    sized : whether it takes the number of real numbers that it may store
    """

    label: str
    tasks: tuple[str, ...]
    solve: Callable[..., Estimate]
    setting: Setting | None = None
    sized: bool = False


class Selection(LinearOperator):
    """The pixels at some places (M,) of the image, row by row: the operator of a task that has none."""

    def __init__(self, shape: tuple[int, int], places: Tensor):
        super().__init__(shape, len(places))
        self._places = places

    def _forward(self, values: Tensor) -> Tensor:
        return values[self._places]

    def _adjoint(self, measurements: Tensor) -> Tensor:
        height, width = self.shape
        return measurements.new_zeros(height * width, measurements.shape[1]).index_copy_(0, self._places, measurements)


def operator_of(task: ImageTask) -> LinearOperator:
    """The float64 map from all pixels to the task's measurements: its operator, the pixels seen, or all of them."""
    if task.operator is not None:
        return task.operator
    height, width = task.shape
    return Selection(task.shape, torch.arange(height * width) if task.seen is None else task.seen)


def measured_image(task: ImageTask) -> Tensor:
    """Measurements as an image (H, W, C) float64; ValueError unless every pixel was measured."""
    if task.operator is not None or task.seen is not None:
        raise ValueError("This method takes an image of which every pixel was measured; the task measures something else.")
    return task.measurements.reshape(*task.shape, -1)
