"""Inpainting: a network sees some pixels of an image and is compared with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from bwtheory.tasks.images import load_image
from bwtheory.tasks.masks import read_mask
from bwtheory.tasks.measured import MeasuredTask, joint_hash, measured_task
from bwtheory.tasks.task import ImageTask, hold_out, with_off_grid


def inpainting(
    image: str,
    coords: str = "stretch",
    *,
    missing: float = 0.8,
    noise: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    value_range: Sequence[float] | None = None,
) -> ImageTask:
    """A random fraction of the pixels is missing; ValueError unless 0 <= missing < 1.

    ``held_out`` is a fraction of the others that is not trained on, as ``hold_out`` takes it.
    """
    if not 0 <= missing < 1:
        raise ValueError(f"Inpainting needs a fraction 0 <= missing < 1 of the pixels; got {missing}.")
    loaded = load_image(image, shrink=shrink, value_range=value_range)
    task = ImageTask.of_pixels(loaded.pixels, loaded, coords, noise=noise, data_seed=data_seed)
    order = torch.randperm(len(task.truth), generator=torch.Generator().manual_seed(data_seed))
    known = order[: max(1, round((1 - missing) * len(order)))].sort().values
    task = replace(task, coordinates=task.coordinates[known], measurements=task.measurements[known], seen=known)
    return with_off_grid(hold_out(task, held_out, data_seed), loaded)


def inpainting_under_mask(
    image: str,
    coords: str = "stretch",
    *,
    mask: str,
    truth: str | None = None,
    noise_std: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    value_range: Sequence[float] | None = None,
) -> MeasuredTask:
    """The pixels where a mask is black are unknown.

    Parameters
    ----------
    image, coords, value_range : as ``load_image`` and ``pixel_coordinates`` take them; what the image is under the mask is
        never used
    mask : an image or array file of the same size, as ``read_mask`` takes it: white where a pixel is seen
    truth : an image, or .npy or text file, to compare with
    noise_std, held_out, data_seed : as ``measured_task`` takes them

    Raises
    ------
    ValueError
        If the mask is none that ``read_mask`` takes, or not of the image's size.
    """
    seen, counted = read_mask(mask)
    loaded = load_image(image, seen, value_range=value_range)
    known = torch.from_numpy(seen.reshape(-1).nonzero()[0])
    measurements = torch.from_numpy(loaded.pixels.reshape(len(seen.flat), -1))[known]
    files = [image, mask] + ([truth] if truth else [])
    return measured_task(
        loaded.name,
        joint_hash(*files),
        (seen.shape[0], seen.shape[1]),
        coords,
        measurements,
        truth,
        seen=known,
        noise_std=noise_std,
        held_out=held_out,
        data_seed=data_seed,
        notes=(*loaded.notes, counted),
        value_range=loaded.value_range,
    )
