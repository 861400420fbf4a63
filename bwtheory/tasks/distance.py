"""Signed distance functions: a network fits the distance to a surface, negative inside, from points in space."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bwtheory.tasks.images import save_image
from bwtheory.tasks.sources import require_one_of
from bwtheory.tasks.task import SNRTask, add_noise, grid_coordinates, noise_notes, noise_std

SIDE = 24  # of the grid on which distances are compared
NEAR = 0.1  # points near the surface are nearer than this
MOST_POINTS = 2**22


def _torus(x: np.ndarray) -> np.ndarray:
    """Of radii 0.55 and 0.2 around the third axis."""
    ring: np.ndarray = np.hypot(np.hypot(x[:, 0], x[:, 1]) - 0.55, x[:, 2]) - 0.2
    return ring


def _box(x: np.ndarray) -> np.ndarray:
    """With sides of 0.7, 0.9 and 1.1."""
    beyond = np.abs(x) - (0.35, 0.45, 0.55)
    signed: np.ndarray = np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)
    return signed


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"torus": _torus, "box": _box}


@dataclass(frozen=True, kw_only=True)
class DistanceTask(SNRTask):
    """Distances at random points, and on a grid of the cube."""

    reconstruction_name = "reconstruction.png"

    def metrics(self, values: Tensor) -> dict[str, float | None]:
        """Also ``iou``: volume of the intersection of both solids over that of their union."""
        inside, true = values.cpu() < 0, self.truth < 0
        union = int((inside | true).sum())
        return {**super().metrics(values), "iou": int((inside & true).sum()) / union if union else None}

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """The middle section: grey on the surface, darker inside, lighter outside."""
        section = values.double().cpu().numpy().reshape(SIDE, SIDE, SIDE, 1)[SIDE // 2]
        save_image(path, (section + 1) / 2)


def distance(
    source: str, coords: str = "stretch", *, points: int = 2000, noise: float = 0.0, data_seed: int = 0
) -> DistanceTask:
    """The signed distance of a solid that is turned and moved at random by ``data_seed``.

    Parameters
    ----------
    source : "torus" or "box"
    coords : nothing, the domain is a cube
    points : random ones, half of them uniform in [−1, 1]³ and the others near the surface
    noise : as ``add_noise`` takes it

    Raises
    ------
    ValueError
        For another solid or fewer than 2 points.
    """
    require_one_of("distance", source)
    if not 2 <= points <= MOST_POINTS:
        raise ValueError(f"A distance function needs 2 to {MOST_POINTS:,} points; got points={points}.")
    generator = np.random.default_rng(data_seed)
    turned = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    middle = generator.uniform(-0.15, 0.15, 3)

    def of(x: np.ndarray) -> np.ndarray:
        values: np.ndarray = SHAPES[source]((x - middle) @ turned)
        return values

    anywhere = generator.uniform(-1, 1, (points - points // 2, 3))
    candidates = generator.uniform(-0.95, 0.95, (64 * points, 3))
    wanted = np.abs(of(candidates)) < NEAR
    near = candidates[wanted][: points // 2]
    x = np.concatenate([anywhere, near])
    grid = grid_coordinates((SIDE,) * 3, (1.0,) * 3)
    truth, measured = (torch.from_numpy(of(each)[:, None]) for each in (grid.numpy(), x))
    return DistanceTask(
        coordinates=torch.from_numpy(x),
        measurements=add_noise(measured, noise, data_seed),
        noise_std=noise_std(measured, noise),
        notes=noise_notes(noise),
        grid=grid,
        truth=truth,
        source=f"{source}, data seed {data_seed}",
        sha256=hashlib.sha256(truth.numpy().tobytes()).hexdigest(),
    )
