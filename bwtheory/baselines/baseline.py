"""What a reconstruction without a network is: one function of a task, and the one number that it is tuned in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bwtheory.tasks.operators import LinearOperator, Sampling
from bwtheory.tasks.task import ImageTask


@dataclass(frozen=True)
class Estimate:
    """An image, and what it cost.

    values : (P, C) float64, all pixels of the task's grid, row by row
    parameters : real numbers that the method stores to represent its result; None if these are the pixels
    note : empty if the result is what the method promises, else a clause that says what is missing
    function : values (Q, C) float64 at coordinates (Q, 2); None for a method that gives nothing but pixels
    """

    values: Tensor
    parameters: int | None
    note: str = ""
    function: Callable[[Tensor], Tensor] | None = None


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
    solve : of a task, a value of ``setting`` if there is one, and ``parameters=`` if ``sized``.  It reads a
        task's measurements, never its truth, and raises ValueError for what it cannot do.
    setting : None if there is nothing to tune
    iterates : of a task and their number: (k, values, ‖residual‖) for k = 1, …, as a stopping rule needs them
    sized : whether it takes the number of real numbers that it may store
    """

    label: str
    tasks: tuple[str, ...]
    solve: Callable[..., Estimate]
    setting: Setting | None = None
    sized: bool = False
    iterates: Callable[[ImageTask, int], list[tuple[int, Tensor, float]]] | None = None


def operator_of(task: ImageTask) -> LinearOperator:
    """The float64 map from all pixels to the task's measurements: its operator, the pixels seen, or all of them."""
    if task.operator is not None:
        return task.operator
    height, width = task.shape
    return Sampling(task.shape, torch.arange(height * width) if task.seen is None else task.seen)


def grid_shape(pixels: tuple[int, int], parameters: int, channels: int) -> tuple[int, int]:
    """Rows and columns of a grid with the image's aspect ratio and at most so many numbers, none more than there are pixels.

    ValueError for fewer numbers than channels.
    """
    height, width = pixels
    budget = parameters // channels
    if budget < 1:
        raise ValueError(f"A grid needs a coefficient for each of {channels} channels; got parameters={parameters}.")
    if budget >= height * width:
        return pixels
    rows = min(height, budget, max(1, round(math.sqrt(budget * height / width)), math.ceil(budget / width)))
    return rows, min(width, budget // rows)


def measured_image(task: ImageTask) -> Tensor:
    """Measurements as an image (H, W, C) float64; ValueError unless every pixel was measured."""
    if task.operator is not None or task.seen is not None:
        raise ValueError("This method takes an image of which every pixel was measured; the task measures something else.")
    return task.measurements.reshape(*task.shape, -1)
