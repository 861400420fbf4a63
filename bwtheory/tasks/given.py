"""Data that a program gives, not a file: values at points, and what an operator of your own has measured."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bwtheory.tasks.adapters import as_operator
from bwtheory.tasks.gradients import DifferenceQuotients, with_derivatives
from bwtheory.tasks.in_memory import as_array
from bwtheory.tasks.measured import MeasuredTask, measured_task
from bwtheory.tasks.operators import LinearOperator
from bwtheory.tasks.physics import BEYOND_UNIT, largest_value
from bwtheory.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class PointsTask(Task):
    """Values at points, or what an operator measures of values at points; there is no other truth than these."""

    score_name = "rmse"
    score_unit = ""
    higher_is_better = False
    reconstruction_name = "reconstruction.png"

    @property
    def given(self) -> Tensor:
        """The coordinates (N, d) that were given."""
        return self.coordinates

    def score(self, values: Tensor) -> float:
        """Root mean squared error of the measurements."""
        return float((self._measured(values) - self.measurements).square().mean().sqrt())

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """Function and samples over one coordinate; in other cases what is fitted over what was given."""
        from bwtheory.plots import BLUE, VERMILION, canvas, in_style, save_png

        with in_style():
            figure, axes = canvas(6.5, 3.2)
            if self.coordinates.shape[1] == 1 and self.operator is None:
                order = self.coordinates[:, 0].argsort()
                axes.plot(self.coordinates[order, 0], values.cpu()[order], color=BLUE)
                axes.plot(self.coordinates[:, 0], self.measurements, ".", color=VERMILION)
                axes.set(xlabel="$x$")
            else:
                axes.plot(self.measurements.flatten(), self._measured(values).cpu().flatten(), ".", color=BLUE)
                axes.set(xlabel="given", ylabel="fitted")
        save_png(figure, path)

    def _measured(self, values: Tensor) -> Tensor:
        values = values.double()
        return values if self.operator is None else self.operator(values)


@dataclass(frozen=True, kw_only=True)
class DerivativesTask(PointsTask):
    """Values and derivatives at points; the score is about the values.

    weight : of the derivatives in the squared error
    """

    weight: float

    @property
    def given(self) -> Tensor:
        return self.coordinates[: self._count]

    def score(self, values: Tensor) -> float:
        """Root mean squared error of the values."""
        count = self._count
        return float((values[:count].double() - self.measurements[:count]).square().mean().sqrt())

    def metrics(self, values: Tensor) -> dict[str, float | None]:
        """As for points, and the root mean squared error of the derivatives, as difference quotients."""
        error = (self._measured(values) - self.measurements)[self._count :] / self.weight
        return {**super().metrics(values), "gradient_rmse": float(error.square().mean().sqrt())}

    @property
    def _count(self) -> int:
        assert isinstance(self.operator, DifferenceQuotients)
        return self.operator.points


def points(
    x: Any,
    y: Any,
    operator: Any = None,
    *,
    shape: tuple[int, int] | None = None,
    noise_std: float = 0.0,
    gradients: Any = None,
    gradient_step: float | None = None,
    gradient_weight: float | None = None,
) -> PointsTask:
    """Fit values y at coordinates x, or what an operator has measured of values there.

    Parameters
    ----------
    x : coordinates (N, d), or (N,) for d = 1
    y : values (N, C), or (N,) for C = 1; with an operator its M measurements, (M, C) or in a shape of M·C numbers
    operator : as ``as_operator`` takes it, of values (N, C)
    shape : (H, W) of the coordinates, for an operator that takes images
    noise_std : standard deviation of the noise in y, if it is known
    gradients, gradient_step, gradient_weight : derivatives of y, as ``with_derivatives`` takes them; not with an operator

    Raises
    ------
    ValueError
        For arrays that do not fit each other, numbers that are not finite, or an operator that does not fit.
    """
    coordinates = _matrix(x, "x", "coordinates (N, d)")
    made = None
    if gradients is None and (gradient_step is not None or gradient_weight is not None):
        raise ValueError("gradient_step and gradient_weight are about gradients, and there are none.")
    if gradients is not None and operator is not None:
        raise ValueError("gradients are derivatives of values at points; with an operator there are no such values.")
    if operator is None:
        values = _matrix(y, "y", "values (N, C)")
        if len(values) != len(coordinates):
            raise ValueError(f"x has {len(coordinates):,} points and y {len(values):,} values; each point needs one.")
    else:
        made = as_operator(operator, shape or (len(coordinates), 1), _channels_of(y), _dtype_of(y))
        if math.prod(made.shape) != len(coordinates):
            raise ValueError(f"The operator takes {math.prod(made.shape):,} values, and x has {len(coordinates):,} points.")
        values = _measurements(y, made.measurements)
    if gradients is not None:
        return _with_derivatives(
            coordinates, values, _numbers(gradients, "gradients"), gradient_step, gradient_weight, noise_std
        )
    return PointsTask(
        coordinates=coordinates,
        measurements=values,
        grid=coordinates,
        truth=coordinates.new_empty(0, values.shape[1]) if made is not None else values,
        operator=made,
        noise_std=_noise_std(noise_std),
        source=f"{len(coordinates):,} points" if made is None else f"{values.numel():,} measurements",
        sha256=hash_of(coordinates, values),
    )


def _with_derivatives(
    x: Tensor, y: Tensor, gradients: Tensor, step: float | None, weight: float | None, noise_std: float
) -> DerivativesTask:
    found = with_derivatives(x, y, gradients, step, weight)
    return DerivativesTask(
        coordinates=found.coordinates,
        measurements=found.measurements,
        grid=found.coordinates,
        truth=y.new_empty(0, y.shape[1]),
        operator=found.operator,
        noise_std=_noise_std(noise_std),
        source=f"{len(x):,} points with derivatives",
        sha256=hash_of(x, y, gradients),
        weight=found.weight,
    )


def measured_image(
    y: Any,
    operator: Any,
    shape: tuple[int, int] | None = None,
    coords: str = "stretch",
    *,
    truth: Any = None,
    noise_std: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
) -> MeasuredTask:
    """Recover an image of which an operator has measured y.

    Parameters
    ----------
    y : M measurements for each of C channels: (M, C), or a shape of M·C numbers; what ``A`` returns, (1, C, …)
    operator : as ``as_operator`` takes it
    shape : (H, W) of the image, where the operator does not say it
    coords : as ``pixel_coordinates`` takes them
    truth : pixels (H, W) or (H, W, C) to compare with
    noise_std, held_out, data_seed : as ``measured_task`` takes them

    Raises
    ------
    ValueError
        If the size of the image is not known, or what is given does not fit.
    """
    is_physics = hasattr(operator, "A") and hasattr(operator, "A_adjoint")
    if isinstance(operator, LinearOperator):
        shape = operator.shape
    elif is_physics and shape is None:
        with torch.no_grad():
            back = operator.A_adjoint(torch.as_tensor(y))
        if not isinstance(back, Tensor) or back.ndim != 4:
            raise ValueError("A_adjoint(y) is to be an image (1, C, H, W).")
        shape = back.shape[2], back.shape[3]
    if shape is None:
        raise ValueError("The size of the image is not known: say it with shape=(H, W).")
    made = as_operator(operator, (int(shape[0]), int(shape[1])), _channels_of(y) if is_physics else 1, _dtype_of(y))
    measurements = _measurements(y, made.measurements, first=is_physics)
    pixels = None if truth is None else _numbers(truth, "truth").reshape(-1, measurements.shape[1])
    if pixels is not None and len(pixels) != math.prod(made.shape):
        raise ValueError(f"The truth has {len(pixels):,} pixels, and the image {made.shape[0]}×{made.shape[1]}.")
    return measured_task(
        f"{measurements.numel():,} measurements",
        hash_of(measurements, *([] if pixels is None else [pixels])),
        made.shape,
        coords,
        measurements,
        pixels,
        made,
        noise_std=noise_std,
        held_out=held_out,
        data_seed=data_seed,
        notes=_beyond_unit(largest_value(made, measurements, pixels)),
    )


def _beyond_unit(largest: float) -> tuple[str, ...]:
    if not largest > BEYOND_UNIT:
        return ()
    return (
        f"The image seems to have values up to {largest:.4g}, and networks learn values in [0, 1] best: divide the "
        "measurements by this number.",
    )


def hash_of(*tensors: Tensor) -> str:
    """A SHA-256 of shapes and numbers."""
    sha256 = hashlib.sha256()
    for tensor in tensors:
        sha256.update(f"{tuple(tensor.shape)}".encode() + tensor.contiguous().numpy().tobytes())
    return sha256.hexdigest()


def _numbers(found: Any, name: str) -> Tensor:
    """Finite real numbers in float64 on the CPU; ValueError says what else they are."""
    array = as_array(found, name)
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(f"{name} holds real numbers; got an array {array.shape} of {array.dtype}.")
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise ValueError(f"{name} holds finite numbers; {count:,} of {array.size:,} are NaN or infinite.")
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))


def _matrix(found: Any, name: str, wanted: str) -> Tensor:
    numbers = _numbers(found, name)
    numbers = numbers.unsqueeze(1) if numbers.ndim == 1 else numbers
    if numbers.ndim != 2:
        raise ValueError(f"{name} holds {wanted}; got {tuple(numbers.shape)}.")
    return numbers


def _measurements(y: Any, count: int, first: bool = False) -> Tensor:
    """(M, C) of numbers of any shape with M·C of them; the channels come first in what ``A`` returns, and last elsewhere."""
    numbers = _numbers(y, "y")
    if numbers.numel() % count:
        raise ValueError(f"The operator gives {count:,} measurements, and y has {numbers.numel():,}: {tuple(numbers.shape)}.")
    channels = numbers.numel() // count
    return numbers.reshape(channels, count).T.contiguous() if first else numbers.reshape(count, channels)


def _channels_of(y: Any) -> int:
    shape = np.shape(y)
    return int(shape[1]) if len(shape) > 2 else 1


def _dtype_of(y: Any) -> torch.dtype:
    return y.dtype if isinstance(y, Tensor) and y.is_floating_point() else torch.float32


def _noise_std(std: float) -> float:
    if not (std >= 0 and math.isfinite(std)):
        raise ValueError(f"The noise has a finite standard deviation >= 0; got {std}.")
    return std
