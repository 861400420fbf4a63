"""Between the pixels: points off the grid that a network is trained on, and what it should be there.

A PSNR on the pixels trained on says nothing about the function between them: noise can go through every pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from bwtheory.starts import Scales

MOST_POINTS = 2**16  # of an image: their PSNR is that of all to a few hundredths of a dB
NOISE = 1.0  # a network that is monotone from each pixel to the next has at most this excess
EXACT = 1e-6  # a difference between pixels that counts as none
Axes = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class OffGrid:
    """Points between the pixels that a network is trained on.

    coordinates, truth : (Q, d) and (Q, C)
    reference : what the truth is, in words
    """

    coordinates: Tensor
    truth: Tensor
    reference: str


UNSEEN = "true pixels that are not trained on"
FINER = "the image before it was made smaller, between the pixels that are left"
INTERPOLATED = "cubic splines through the true pixels: no finer truth is known"


def half_pixels(shape: tuple[int, int], most: int = MOST_POINTS) -> np.ndarray:
    """(Q, 2) rows and columns of points half way between pixels along one axis or both: all, or a fixed random choice.

    Points have whole numbers on the grid of half pixels, (2H − 1)×(2W − 1), where the pixels are those with two even ones.
    """
    height, width = 2 * shape[0] - 1, 2 * shape[1] - 1
    if height * width <= 4 * most:
        rows, columns = np.divmod(np.arange(height * width), width)
        points: np.ndarray = np.stack([rows, columns], axis=1)[(rows % 2 == 1) | (columns % 2 == 1)]
    else:
        generator = np.random.default_rng(0)
        rows, columns = generator.integers(0, height, 2 * most), generator.integers(0, width, 2 * most)
        points = np.stack([rows, columns], axis=1)[(rows % 2 == 1) | (columns % 2 == 1)]
        points = np.unique(points, axis=0)
    if len(points) > most:
        points = points[np.sort(np.random.default_rng(0).permutation(len(points))[:most])]
    return points


def coordinates_of(points: np.ndarray, axes: Axes) -> Tensor:
    """(Q, 2) coordinates of points on the grid of half pixels, from those of the columns and of the rows of pixels."""
    x, y = (np.interp(points[:, 1 - n] / 2, np.arange(len(axis)), axis.numpy()) for n, axis in enumerate(axes))
    return torch.from_numpy(np.stack([x, y], axis=1))


def between_pixels(axes: Axes, values: Callable[[np.ndarray], np.ndarray], reference: str) -> OffGrid:
    """Points half way between pixels, with the values (Q, C) that a function has at rows and columns (Q, 2) of pixels.

    ``axes`` are the coordinates of the columns and of the rows.  An image of one pixel has no such points.
    """
    points = half_pixels((len(axes[1]), len(axes[0])))
    truth = torch.from_numpy(np.ascontiguousarray(values(points / 2)))
    return OffGrid(coordinates_of(points, axes), truth, reference)


def splines_through(pixels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The cubic splines through pixels (H, W, C), as a function of rows and columns (Q, 2)."""

    def at(places: np.ndarray) -> np.ndarray:
        return np.stack(
            [map_coordinates(channel, places.T, order=3, mode="mirror") for channel in np.moveaxis(pixels, 2, 0)], 1
        )

    return at


@torch.no_grad()
def excess_between_pixels(function: Callable[[Tensor], Tensor], axes: Axes) -> float | None:
    """How far a function leaves the straight line from a pixel to the next half way, against half their difference.

    It is the ratio of root mean squares over neighbours along both axes.  Whatever is monotone from each pixel to the next has
    at most 1; more is a function that moves more between its pixels than from one to the next.  No truth is needed.

    Parameters
    ----------
    function : coordinates (Q, 2) -> values (Q, C)
    axes : coordinates of the columns and of the rows of pixels

    Returns
    -------
    None where the pixels do not differ, or there is only one.
    """
    points = half_pixels((len(axes[1]), len(axes[0])))
    points = points[(points % 2).sum(1) == 1]  # between two pixels, not among four
    if not len(points):
        return None
    first, middle, second = (
        function(coordinates_of(place, axes)).double() for place in (points // 2 * 2, points, (points + 1) // 2 * 2)
    )
    steps = float((second - first).square().mean().sqrt()) / 2
    return float((middle - (first + second) / 2).square().mean().sqrt()) / steps if steps > EXACT else None


def is_noise(excess: float | None) -> bool:
    """Whether a function with this excess is noise between its pixels."""
    return excess is not None and not excess <= NOISE


def in_words(excess: float | None) -> str:
    """What an excess above 1 means."""
    return f"it moves {excess:.3g} times as much half way between them as half their differences"


def advice(activation: str, options: dict[str, object], start: Scales | None = None) -> str:
    """What makes a network smoother between its pixels, in words, for an activation, its options and its start."""
    if start is not None and start.gain is not None:
        return f"take a smaller gain than {start.gain:g}, or a smaller learning rate"
    dial = {"bw-relu": "c", "siren": "omega_0", "wire": "omega_0 and sigma_0", "gauss": "sigma_0", "finer": "first_bias_scale"}
    dial |= {"relu-pe": "frequencies", "relu-rff": "sigma"}
    name = dial.get(activation)
    if name is None:
        return "take a smaller learning rate or a smaller network"
    value = options.get(name)
    number = f" than {value:g}" if isinstance(value, int | float) and math.isfinite(value) else ""
    return f"take a smaller {name}{number}"
