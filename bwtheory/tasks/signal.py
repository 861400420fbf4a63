"""Signal representation: a network fits all pixels of an image (Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from bwtheory.tasks.image_files import Given
from bwtheory.tasks.images import LoadedImage, load_image
from bwtheory.tasks.task import ImageTask, hold_out, psnr_of_normalized, with_off_grid

FEWEST = 50  # pixels held out that a PSNR is measured on: its standard error is then about a decibel


def signal_representation(
    image: str | Given,
    coords: str = "stretch",
    *,
    normalize: bool = False,
    every: int = 1,
    held_out: float | None = None,
    probe: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    value_range: Sequence[float] | None = None,
) -> ImageTask:
    """All pixels of an image are measurements and truth in one.

    Parameters
    ----------
    image, coords, value_range : as ``load_image`` and ``pixel_coordinates`` take them
    normalize : stretch the pixels to [0, 1] first, as the published code does
    every : train on every such pixel along both axes, and compare with those between; the image is cropped so that both ends
        are trained on
    held_out, data_seed : fraction of the pixels that are not trained on, as ``hold_out`` takes it
    probe : such a fraction too, of an image where nothing else says what is between the pixels, if it is at least ``FEWEST``
        pixels; ``held_out`` goes before it
    shrink : the image is first made smaller by this factor

    Raises
    ------
    ValueError
        If ``every`` is not from 1 to one less than the shorter side, or goes with ``held_out``.
    """
    loaded = load_image(image, shrink=shrink, value_range=value_range)
    pixels = loaded.pixels
    if normalize and pixels.max() > pixels.min():
        low, high = pixels.min(), pixels.max()
        pixels = (pixels - low) / (high - low)
        finer = None if loaded.finer is None else (loaded.finer - low) / (high - low)
        loaded = replace(loaded, value_range=_stretched(loaded), pixels=pixels, finer=finer)
    if every != 1:
        return with_off_grid(_every(pixels, loaded, coords, every, held_out))
    task = replace(ImageTask.of_pixels(pixels, loaded, coords), psnr_as_published=psnr_of_normalized)
    if held_out is None and loaded.finer is None and round(probe * len(task.truth)) >= FEWEST:
        task = hold_out(task, probe, data_seed)
        assert task.held_out is not None
        note = (
            f"{len(task.held_out[1]):,} of {len(task.truth):,} pixels are not trained on, to measure the network between the "
            f"pixels; --held-out 0 or --preset paper trains on all."
        )
        return with_off_grid(replace(task, notes=(*task.notes, note)))
    return with_off_grid(hold_out(task, held_out or 0.0, data_seed), loaded)


def _every(pixels: np.ndarray, loaded: LoadedImage, coords: str, every: int, held_out: float | None) -> ImageTask:
    if held_out:
        raise ValueError("Pixels are held out by every or by held_out, not by both.")
    if not 1 < every < min(pixels.shape[:2]):
        raise ValueError(f"Pixels are trained on every 1 <= every < {min(pixels.shape[:2])}; got {every}.")
    height, width = ((side - 1) // every * every + 1 for side in pixels.shape[:2])
    task = ImageTask.of_pixels(pixels[:height, :width], loaded, coords)
    seen = torch.arange(height * width).view(height, width)[::every, ::every].flatten()
    return replace(
        task,
        coordinates=task.coordinates[seen],
        measurements=task.measurements[seen],
        seen=seen,
        stride=every,
        psnr_as_published=psnr_of_normalized,
    )


def _stretched(loaded: LoadedImage) -> tuple[float, float] | None:
    """The numbers of the file that the least and the largest pixel are."""
    if loaded.value_range is None:
        return None
    black, white = loaded.value_range
    low, high = float(loaded.pixels.min()), float(loaded.pixels.max())
    return black + (white - black) * low, black + (white - black) * high
