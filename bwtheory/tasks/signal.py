"""Signal representation: a network fits all pixels of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bwtheory.tasks.images import LoadedImage


def pixel_coordinates(height: int, width: int, aspect: str = "stretch") -> Tensor:
    """(height·width, 2) float32 coordinates (x, y) of the pixel centres, row by row.

    Outermost centres lie at ±1 on both axes (*stretch*, as in the published code), or on the longer axis only (*isotropic*).
    A side of one pixel has coordinate 0.
    """
    if aspect not in ("stretch", "isotropic"):
        raise ValueError(f"Coordinates are 'stretch' or 'isotropic'; got {aspect!r}.")
    longest = max(height, width) if aspect == "isotropic" else None

    def axis(size: int) -> Tensor:
        end = 1.0 if longest is None else (size - 1) / max(longest - 1, 1)
        return torch.linspace(-end, end, size) if size > 1 else torch.zeros(1)

    y, x = torch.meshgrid(axis(height), axis(width), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


@dataclass(frozen=True)
class SignalTask:
    """Coordinates (N, 2), target (N, C) in [0, 1], and the shape (H, W) to put the pixels back."""

    coordinates: Tensor
    target: Tensor
    shape: tuple[int, int]

    @classmethod
    def from_image(cls, image: LoadedImage, aspect: str = "stretch") -> SignalTask:
        """All pixels of an image."""
        height, width, channels = image.pixels.shape
        target = torch.from_numpy(image.pixels.reshape(-1, channels).astype(np.float32))
        return cls(pixel_coordinates(height, width, aspect), target, (height, width))

    def metrics(self, values: Tensor) -> dict[str, float]:
        """PSNR in dB of predicted values (N, C): standard, and as the published code measures it."""
        return {"psnr": psnr(values, self.target), "psnr_paper": psnr(_min_max(values), _min_max(self.target))}

    def image(self, values: Tensor) -> np.ndarray:
        """Predicted values as an array (H, W, C)."""
        return values.cpu().numpy().reshape(*self.shape, -1)


def psnr(values: Tensor, target: Tensor) -> float:
    """−10 log₁₀ MSE: peak signal-to-noise ratio for data range 1, unclipped; inf for equal tensors."""
    error = float((values.double() - target.double()).square().mean())
    return -10 * math.log10(error) if error > 0 else math.inf


def _min_max(values: Tensor) -> Tensor:
    values = values.double()
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else values - low
