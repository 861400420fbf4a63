"""Radiance fields from views: emission and absorption along rays, in the plane (flatland) and in space."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn.functional import softplus

from bwtheory.tasks.images import save_image
from bwtheory.tasks.operators import Operator, moved_matrix, to_torch
from bwtheory.tasks.sources import require_one_of
from bwtheory.tasks.task import Task, add_noise, grid_coordinates, noise_notes, noise_std, pixel_axes, psnr

DISTANCE = 3.0  # of cameras from the middle of the scene, which lies in [−1, 1]^d
OPACITY = 20.0  # density of a value 1 above the threshold, in 1 per unit of length
THRESHOLD, SHARPNESS = 0.5, 5.0  # of the values' softplus
EMPTY, SOLID = -1.0, 1.5  # values outside and inside of a scene's bodies: densities 0.002 and 20
BODIES = {2: 5, 3: 4}
RADII = {2: (0.15, 0.35), 3: (0.25, 0.45)}
MOST_POINTS = 2**20  # of the grid


def density(values: Tensor) -> Tensor:
    """σ = 20 softplus(5(v − ½))/5, in 1 per unit of length: 0.3 for v = 0, so that a new network is a thin fog."""
    return OPACITY * softplus(SHARPNESS * (values - THRESHOLD)) / SHARPNESS


class Rendering(Operator):
    """Brightness of rays through values (N, 2) on a grid: the first column is density, the second brightness.

    C = Σ_i T_i (1 − exp(−σ_i δ)) c_i with T_i = exp(−Σ_{j<i} σ_j δ), at points a distance δ apart, values interpolated
    (bi- or trilinearly) from the grid and nothing outside of it.  Values have a multiple of 2 columns, measurements half as
    many.

    Parameters
    ----------
    points : (R, S, d) of R rays, in order from the camera
    side : of the grid on [−1, 1]^d
    step : δ
    """

    def __init__(self, points: np.ndarray, side: int, step: float):
        rays, samples, dimensions = points.shape
        super().__init__((side**dimensions, 1), rays)
        self.samples, self.step = samples, step
        matrix, inside = _interpolation(points.reshape(-1, dimensions), side)
        self._matrix, self._transpose = to_torch(matrix), to_torch(matrix.T.tocsr())
        self._inside = torch.from_numpy(inside.astype(np.float64)).reshape(rays, samples, 1)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        moved = super().to(device, dtype)
        moved._matrix, moved._transpose = (
            moved_matrix(each, moved.device, moved.dtype) for each in (self._matrix, self._transpose)
        )
        moved._inside = self._inside.to(moved.device, moved.dtype)
        return moved

    def _forward(self, values: Tensor) -> Tensor:
        return self._brightness(self._matrix @ values)

    def _pull(self, values: Tensor, measurements: Tensor) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            along = (self._matrix @ values).clone().requires_grad_()
            pulled = torch.autograd.grad(self._brightness(along), along, measurements.clone())[0]
        return self._transpose @ pulled

    def _brightness(self, along: Tensor) -> Tensor:
        """(R, k) of values along the rays (R·S, 2k)."""
        along = along.reshape(self.measurements, self.samples, -1, 2)
        depth = density(along[..., 0]) * self._inside * self.step
        before = depth.cumsum(1) - depth
        return (torch.exp(-before) * -torch.expm1(-depth) * along[..., 1]).sum(1)


def _interpolation(points: np.ndarray, side: int) -> tuple[sparse.csr_array, np.ndarray]:
    """Matrix (Q, side^d) of multilinear interpolation at points (Q, d), empty outside of the grid; and which are inside."""
    dimensions = points.shape[1]
    inside = (np.abs(points) <= 1).all(axis=1)
    places = (np.clip(points, -1, 1) + 1) / 2 * (side - 1)
    lower = np.minimum(places.astype(int), side - 2)
    part = places - lower
    rows, columns, weights = [], [], []
    for corner in np.ndindex((2,) * dimensions):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1) * inside
        kept = weight > 0
        rows.append(np.flatnonzero(kept).astype(np.int32))
        columns.append(((lower + corner) @ side ** np.arange(dimensions))[kept].astype(np.int32))
        weights.append(weight[kept])
    entries = np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))
    return sparse.coo_array(entries, shape=(len(points), side**dimensions)).tocsr(), inside


def cameras(views: np.ndarray, pixels: int, samples: int) -> tuple[np.ndarray, float]:
    """Points (views·pixels^(d−1), samples, d) of rays from cameras in directions (views, d), and their distance δ.

    Each camera stands at ``DISTANCE`` from the middle, looks there, and sees the ball of radius 1.
    """
    dimensions = views.shape[1]
    radius, reach = math.sqrt(dimensions), math.tan(math.asin(1 / DISTANCE))
    screen = grid_coordinates((pixels,) * (dimensions - 1), (reach,) * (dimensions - 1)).numpy()
    step = 2 * radius / samples
    along = DISTANCE - radius + step * (np.arange(samples) + 0.5)
    rays = []
    for direction in views:
        frame = np.linalg.qr(np.c_[direction, np.eye(dimensions)])[0][:, 1:]
        ray = -direction + screen @ frame.T
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        rays.append(DISTANCE * direction + along[:, None] * ray[:, None])
    return np.concatenate(rays), step


def scene(dimensions: int, side: int, data_seed: int) -> np.ndarray:
    """Values (side^d, 2) of random discs or balls with striped brightness in [0.1, 1]; their edges are one cell wide."""
    generator = np.random.default_rng(data_seed)
    x = grid_coordinates((side,) * dimensions, (1.0,) * dimensions).numpy()
    solid, brightness = np.zeros(len(x)), np.full(len(x), 0.5)
    for _ in range(BODIES[dimensions]):
        toward, away = generator.standard_normal(dimensions), generator.uniform(0, 0.6)
        middle, radius = away * toward / np.linalg.norm(toward), generator.uniform(*RADII[dimensions])
        wave, level = generator.normal(0, 6, dimensions), generator.uniform(0.4, 0.7)
        share = np.clip((radius - np.linalg.norm(x - middle, axis=1)) * (side - 1) / 2 + 0.5, 0, 1)
        brightness = np.where(share > 0, level + 0.3 * np.sin(x @ wave), brightness)
        solid = np.maximum(solid, share)
    return np.stack([EMPTY + (SOLID - EMPTY) * solid, brightness], axis=1)


def directions(dimensions: int, views: int, data_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (views, d) of cameras, and of others to compare with, half as many, between them or random."""
    if dimensions == 2:
        turn = np.random.default_rng([data_seed, 1]).uniform(0, 2 * math.pi)
        places = turn + 2 * math.pi / views * np.r_[np.arange(views), np.arange(0, views, 2) + 0.5]
        found = np.c_[np.cos(places), np.sin(places)]
    else:
        found = np.random.default_rng([data_seed, 1]).standard_normal((views + (views + 1) // 2, dimensions))
        found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found[:views], found[views:]


@dataclass(frozen=True, kw_only=True)
class RadianceTask(Task):
    """Views that are fitted, and new ones to compare with; ``truth`` is the scene on the grid, (density's value, brightness).

    views : renders the new views of values on the grid
    pixels : of a view along each axis
    """

    views: Rendering
    pixels: int

    score_name = "psnr"
    score_unit = "dB"
    reconstruction_name = "reconstruction.png"

    def score(self, values: Tensor) -> float:
        """PSNR of the new views."""
        return psnr(*(self.views(each.double()) for each in (values.cpu(), self.truth)))

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """The new views: one a row in the plane, where a view is a line; one above the other in space."""
        save_image(path, self.views(values.double().cpu()).numpy().reshape(-1, self.pixels, 1))


def flatland(
    source: str,
    coords: str = "stretch",
    *,
    views: int = 16,
    pixels: int = 40,
    side: int = 40,
    noise: float = 0.0,
    data_seed: int = 0,
) -> RadianceTask:
    """A radiance field of the plane from views of one line each, around it.

    Parameters
    ----------
    source : "discs", placed by ``data_seed``
    coords : as ``pixel_axes`` takes them; the domain is square
    views, pixels : of the cameras that are fitted, at least 2 of each
    side : of the grid on which the network is evaluated
    noise : as ``add_noise`` takes it

    Raises
    ------
    ValueError
        For another scene, fewer views, pixels or points, or more than 2²⁰ points.
    """
    require_one_of("flatland", source)
    pixel_axes(side, side, coords)
    return _radiance(source, 2, views, pixels, side, noise, data_seed)


def radiance(
    source: str,
    coords: str = "stretch",
    *,
    views: int = 12,
    pixels: int = 16,
    side: int = 16,
    noise: float = 0.0,
    data_seed: int = 0,
) -> RadianceTask:
    """A radiance field of space from square views, with cameras in random directions; the rest as for ``flatland``.

    ``source`` is "balls".
    """
    require_one_of("radiance", source)
    return _radiance(source, 3, views, pixels, side, noise, data_seed)


def _radiance(source: str, dimensions: int, views: int, pixels: int, side: int, noise: float, data_seed: int) -> RadianceTask:
    if min(views, pixels, side) < 2 or side**dimensions > MOST_POINTS:
        raise ValueError(
            f"A scene needs views, pixels and side >= 2, and at most {MOST_POINTS:,} points of its grid; got views={views}, "
            f"pixels={pixels}, side={side}."
        )
    samples = 2 * side
    rays = (cameras(each, pixels, samples) for each in directions(dimensions, views, data_seed))
    seen, new = (Rendering(points, side, step) for points, step in rays)
    grid = grid_coordinates((side,) * dimensions, (1.0,) * dimensions)
    truth = torch.from_numpy(scene(dimensions, side, data_seed))
    measured = seen(truth)
    return RadianceTask(
        coordinates=grid,
        measurements=add_noise(measured, noise, data_seed),
        noise_std=noise_std(measured, noise),
        notes=noise_notes(noise),
        grid=grid,
        truth=truth,
        operator=seen,
        source=f"{source}, data seed {data_seed}",
        sha256=hashlib.sha256(truth.numpy().tobytes()).hexdigest(),
        views=new,
        pixels=pixels,
    )
