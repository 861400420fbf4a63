"""Values and derivatives at points: the derivatives are fitted by difference quotients over short segments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from bwtheory.tasks.operators import LinearOperator

SHARE = 0.25  # of the usual distance of neighbouring points: segments of half of it, which do not overlap
ROUNDING = 1e-4  # a shorter step loses half of float32's digits in the difference


class DifferenceQuotients(LinearOperator):
    """Of values at N points and at their neighbours x ± h·e_i: the values, and weight·(f(x + h·e_i) − f(x − h·e_i))/2h.

    A network of ReLUs or of ψ has a piecewise constant derivative: its change with a bias is 0 almost everywhere, and points
    give no gradient for where a knot is.  The quotient is the derivative's mean over a segment, and sees a knot that passes.

    Values are (N·(1 + 2d), C), points first, then x + h·e_1, x − h·e_1, …; measurements (N·(1 + d), C) in the same order.
    """

    def __init__(self, points: int, dimensions: int, step: float, weight: float):
        super().__init__((points * (1 + 2 * dimensions), 1), points * (1 + dimensions))
        self.points, self.dimensions, self.factor = points, dimensions, weight / (2 * step)

    def _forward(self, values: Tensor) -> Tensor:
        parts = values.unflatten(0, (1 + 2 * self.dimensions, self.points))
        return torch.cat([parts[:1], self.factor * (parts[1::2] - parts[2::2])]).flatten(0, 1)

    def _adjoint(self, measurements: Tensor) -> Tensor:
        parts = measurements.unflatten(0, (1 + self.dimensions, self.points))
        sides = self.factor * torch.stack([parts[1:], -parts[1:]], dim=1).flatten(0, 1)
        return torch.cat([parts[:1], sides]).flatten(0, 1)


@dataclass(frozen=True)
class Derivatives:
    """What is added to values at points: coordinates of all evaluations, their measurements, and the map between them."""

    coordinates: Tensor
    measurements: Tensor
    operator: DifferenceQuotients
    weight: float


def with_derivatives(x: Tensor, y: Tensor, gradients: Tensor, step: float | None, weight: float | None) -> Derivatives:
    """Values y (N, C) and their derivatives at coordinates x (N, d), as measurements of a function.

    Parameters
    ----------
    gradients : (N, C, d), or (N, d) for C = 1, or (N,) for C = d = 1: ∂y_c/∂x_i
    step : h > 0 of the quotients; a quarter of the median distance of a point to its nearest neighbour without it
    weight : > 0 of the derivatives in the squared error; what makes both parts of one size, rms(y − mean)/rms(gradients),
        without it

    Raises
    ------
    ValueError
        For another shape, a step that is not positive or lost in rounding, or a weight that is not positive.
    """
    (count, dimensions), channels = x.shape, y.shape[1]
    expected = (count, channels, dimensions)
    shapes: list[tuple[int, ...]] = [expected, *[(count, dimensions)] * (channels == 1)]
    shapes += [(count,)] * (channels == dimensions == 1)
    if tuple(gradients.shape) not in shapes:
        raise ValueError(
            f"gradients holds derivatives of {channels} channels along {dimensions} coordinates at {count:,} points, "
            f"{expected}; got {tuple(gradients.shape)}."
        )
    gradients = gradients.reshape(expected)
    step = _usual_step(x) if step is None else step
    if not (math.isfinite(step) and step >= ROUNDING):
        raise ValueError(f"Difference quotients in float32 need a gradient_step >= {ROUNDING:g}; got {step:g}.")
    weight = _usual_weight(y, gradients) if weight is None else weight
    if not (math.isfinite(weight) and weight > 0):
        raise ValueError(f"Derivatives need a gradient_weight > 0; got {weight:g}.")
    steps = step * torch.eye(dimensions, dtype=x.dtype)
    neighbours = [x + sign * one for one in steps for sign in (1, -1)]
    return Derivatives(
        torch.cat([x, *neighbours]),
        torch.cat([y, *(weight * gradients[:, :, axis] for axis in range(dimensions))]),
        DifferenceQuotients(count, dimensions, step, weight),
        weight,
    )


def _usual_step(x: Tensor) -> float:
    """A quarter of the median distance to another point; of the whole domain for a single one."""
    different = torch.unique(x, dim=0).numpy()
    if len(different) < 2:
        return SHARE * 2
    distances, _ = cKDTree(different).query(different, k=2)
    return max(ROUNDING, SHARE * float(torch.from_numpy(distances[:, 1]).median()))


def _usual_weight(y: Tensor, gradients: Tensor) -> float:
    size, slope = float((y - y.mean(0)).square().mean().sqrt()), float(gradients.square().mean().sqrt())
    return size / slope if size > 0 and slope > 0 else 1.0
