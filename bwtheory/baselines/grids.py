"""Grids of numbers as functions: bilinear interpolation with least total variation, and a multiresolution hash grid."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor, nn
from torch.nn.functional import embedding

from bwtheory.baselines.baseline import Estimate, grid_shape, operator_of
from bwtheory.baselines.total_variation import least_variation
from bwtheory.tasks.operators import LinearOperator
from bwtheory.tasks.task import ImageTask
from bwtheory.torch_settings import usual_settings

LEVELS, FEATURES, HIDDEN = 6, 2, 16  # of the hash grid; the paper has 16 levels, 2 features and a width of 64 for large images
COARSEST = 4  # cells along the longer side
STEPS, RATE, DECAY = 300, 1e-2, 0.1  # of Adam, whose learning rate falls to a tenth
PRIME = 2654435761  # of the spatial hash


def grid_of_least_variation(task: ImageTask, weight: float, parameters: int) -> Estimate:
    """Values at the nodes of a uniform grid, bilinear between them, by ``least_variation`` of the values at the nodes.

    The grid has the image's aspect ratio and at most as many nodes as there are pixels, where it is ``total_variation``.

    Parameters
    ----------
    weight : as for ``total_variation``
    parameters : values for all channels, at most

    Raises
    ------
    ValueError
        For a weight that is not positive, or fewer parameters than channels.
    """
    measurements = task.measurements
    nodes = grid_shape(task.shape, parameters, measurements.shape[1])
    values, note = least_variation(_OfGrid(nodes, operator_of(task)), measurements, weight)
    at_nodes = values.reshape(*nodes, -1).numpy()
    on_pixels = torch.from_numpy(np.ascontiguousarray(_interpolated(at_nodes, *_interpolations(nodes, task.shape))))
    return Estimate(on_pixels.flatten(0, 1), values.numel(), note, _between(task, at_nodes))


class _OfGrid(LinearOperator):
    """What an operator measures of the bilinear interpolation of values at the nodes of a grid."""

    def __init__(self, nodes: tuple[int, int], operator: LinearOperator):
        super().__init__(nodes, operator.measurements)
        self._pixels, self._operator = operator.shape, operator
        self._down, self._across = (torch.from_numpy(matrix) for matrix in _interpolations(nodes, operator.shape))

    def _forward(self, values: Tensor) -> Tensor:
        image = values.reshape(*self.shape, -1)
        return self._operator(torch.einsum("ij,jkc,lk->ilc", self._down, image, self._across).flatten(0, 1))

    def _adjoint(self, measurements: Tensor) -> Tensor:
        image = self._operator.adjoint(measurements).reshape(*self._pixels, -1)
        return torch.einsum("ij,ilc,lk->jkc", self._down, image, self._across).flatten(0, 1)


def _interpolations(nodes: tuple[int, int], pixels: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """For rows and columns the matrix (pixels, nodes) of linear interpolation, both ends included."""
    down, across = (_interpolation(*sizes) for sizes in zip(nodes, pixels))
    return down, across


def _interpolation(nodes: int, pixels: int) -> np.ndarray:
    places = np.linspace(0, nodes - 1, pixels)[:, None] if pixels > 1 else np.full((1, 1), (nodes - 1) / 2)
    weights: np.ndarray = np.maximum(0.0, 1 - np.abs(places - np.arange(nodes)))
    return weights


def _interpolated(values: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    interpolated: np.ndarray = np.einsum("ij,jkc,lk->ilc", down, values, across)
    return interpolated


def _between(task: ImageTask, values: np.ndarray) -> Callable[[Tensor], Tensor]:
    """Values (Q, C) at coordinates (Q, 2), of values (r, c, C) at the nodes of a grid over the image."""

    def function(coordinates: Tensor) -> Tensor:
        x, y = (axis.numpy() for axis in task.axes)
        nodes = [np.linspace(0, count - 1, len(axis)) for count, axis in zip(values.shape, (y, x))]
        rows, columns = np.interp(coordinates[:, 1], y, nodes[0]), np.interp(coordinates[:, 0], x, nodes[1])
        channels = np.moveaxis(values, 2, 0)
        found = [map_coordinates(channel, [rows, columns], order=1, mode="nearest") for channel in channels]
        return torch.from_numpy(np.stack(found, axis=1))

    return function


def between_pixels_of(task: ImageTask, values: Tensor) -> Callable[[Tensor], Tensor]:
    """The function that an image is: bilinear between its pixels (P, C)."""
    return _between(task, values.double().numpy().reshape(*task.shape, -1))


@usual_settings()
def hash_grid(task: ImageTask, resolution: float, parameters: int) -> Estimate:
    """A multiresolution hash grid (Müller et al. 2022): features interpolated on grids of six cell sizes, and a small network.

    Nodes of a grid that has more of them than its table has entries share these by a hash.  Everything is trained by 300 steps
    of Adam on all measurements.

    Parameters
    ----------
    resolution : cells of the finest grid along the longer side, in units of its pixels
    parameters : of tables and network, at most

    Raises
    ------
    ValueError
        For a resolution that is not positive and finite, or too few parameters.
    """
    if not (resolution > 0 and math.isfinite(resolution)):
        raise ValueError(f"A hash grid needs a finite resolution > 0; got {resolution}.")
    operator, measurements = operator_of(task).to(dtype=torch.float32), task.measurements.float()
    model = _HashGrid(task, resolution, parameters, measurements.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, DECAY ** (1 / STEPS))
    places = model.places(task.grid)
    for _ in range(STEPS):
        optimizer.zero_grad()
        values = model(*places)
        residual = operator(values.detach()) - measurements
        values.backward(operator.adjoint(residual) * (2 / residual.numel()))
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        values = model(*places).double()
    count = sum(parameter.numel() for parameter in model.parameters())
    return Estimate(values, count, "", model.function)


class _HashGrid(nn.Module):
    """Tables of features for each level, and a network of one hidden layer; weights from a fixed seed."""

    def __init__(self, task: ImageTask, resolution: float, parameters: int, channels: int):
        super().__init__()
        decoder = LEVELS * FEATURES * HIDDEN + HIDDEN + (HIDDEN + 1) * channels
        height, width = task.shape
        finest = max(COARSEST, resolution * max(height, width))
        growth = (finest / COARSEST) ** (1 / (LEVELS - 1))
        self._cells = [
            tuple(max(1, round(COARSEST * growth**level * side / max(height, width))) for side in (height, width))
            for level in range(LEVELS)
        ]
        nodes = [(down + 1) * (across + 1) for down, across in self._cells]
        sizes = _table_sizes(nodes, (parameters - decoder) // FEATURES)
        if min(sizes) < 1:
            least = decoder + LEVELS * FEATURES
            raise ValueError(f"This hash grid needs at least {least} parameters; got parameters={parameters}.")
        self._reach = [float(axis.abs().max()) or 1.0 for axis in task.axes]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.tables = nn.ParameterList(torch.empty(size, FEATURES).uniform_(-1e-1, 1e-1) for size in sizes)
            self.decoder = nn.Sequential(nn.Linear(LEVELS * FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, channels))

    def places(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Of coordinates (Q, 2): entries of the tables (L, Q, 4), and the weights that these have (L, Q, 4)."""
        unit = [(coordinates[:, axis] / reach + 1).clamp(0, 2) / 2 for axis, reach in enumerate(self._reach)]
        entries, weights = [], []
        for (down, across), table in zip(self._cells, self.tables):
            column, row = (part * count for part, count in zip(unit, (across, down)))
            left, top = column.floor().clamp(max=across - 1), row.floor().clamp(max=down - 1)
            right, below = column - left, row - top
            corners = [((top + i).long(), (left + j).long()) for i in (0, 1) for j in (0, 1)]
            hashed = (down + 1) * (across + 1) > len(table)
            numbers = [(j ^ (i * PRIME)) % len(table) if hashed else i * (across + 1) + j for i, j in corners]
            entries.append(torch.stack(numbers, dim=1))
            shares = [(1 - below) * (1 - right), (1 - below) * right, below * (1 - right), below * right]
            weights.append(torch.stack(shares, dim=1).float())
        return torch.stack(entries), torch.stack(weights)

    def forward(self, entries: Tensor, weights: Tensor) -> Tensor:
        found = [
            (embedding(entry, table) * weight.unsqueeze(2)).sum(1)
            for entry, weight, table in zip(entries, weights, self.tables)
        ]
        values: Tensor = self.decoder(torch.cat(found, dim=1))
        return values

    @torch.no_grad()
    def function(self, coordinates: Tensor) -> Tensor:
        """Values (Q, C) in float64 at coordinates (Q, 2)."""
        values: Tensor = self(*self.places(coordinates))
        return values.double()


def _table_sizes(nodes: list[int], budget: int) -> list[int]:
    """An entry for each node, but no level more than the largest number with which all stay within a budget of entries."""
    low, high = 0, max(nodes) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(min(middle, count) for count in nodes) <= budget else (low, middle)
    return [min(low, count) for count in nodes]
