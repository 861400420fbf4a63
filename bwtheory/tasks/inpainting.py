"""Inpainting: a network sees some pixels of an image and is compared with all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from bwtheory.tasks.images import load_image, read_levels
from bwtheory.tasks.measured import MeasuredTask, joint_hash, measured_task
from bwtheory.tasks.task import ImageTask, hold_out


def inpainting(
    image: str,
    coords: str = "stretch",
    *,
    missing: float = 0.8,
    noise: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
) -> ImageTask:
    """A random fraction of the pixels is missing; ValueError unless 0 <= missing < 1.

    ``held_out`` is a fraction of the others that is not trained on, as ``hold_out`` takes it.
    """
    if not 0 <= missing < 1:
        raise ValueError(f"Inpainting needs a fraction 0 <= missing < 1 of the pixels; got {missing}.")
    loaded = load_image(image).shrunk(shrink)
    task = ImageTask.of_pixels(loaded.pixels, loaded, coords, noise=noise, data_seed=data_seed)
    order = torch.randperm(len(task.truth), generator=torch.Generator().manual_seed(data_seed))
    known = order[: max(1, round((1 - missing) * len(order)))].sort().values
    task = replace(task, coordinates=task.coordinates[known], measurements=task.measurements[known], seen=known)
    return hold_out(task, held_out, data_seed)


def inpainting_under_mask(
    image: str,
    coords: str = "stretch",
    *,
    mask: str,
    truth: str | None = None,
    noise_std: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
) -> MeasuredTask:
    """The pixels where a mask is black are unknown.

    Parameters
    ----------
    image, coords : as ``load_image`` and ``pixel_coordinates`` take them; what the image is under the mask is never used
    mask : an image file of the same size; a pixel is seen where it is not 0, in any channel
    truth : an image, or .npy or text file, to compare with
    noise_std, held_out, data_seed : as ``measured_task`` takes them

    Raises
    ------
    ValueError
        If the mask is no image file, not of the image's size, or black everywhere.
    """
    if not Path(mask).is_file():
        raise ValueError(f"There is no mask file {mask!r}.")
    levels = read_levels(Path(mask))
    seen = (levels != 0).reshape(*levels.shape[:2], -1).any(axis=2)
    if not seen.any():
        raise ValueError(f"The mask {mask} is black everywhere; it is white (not 0) where a pixel has been seen.")
    loaded = load_image(image, seen)
    known = torch.from_numpy(seen.reshape(-1).nonzero()[0])
    measurements = torch.from_numpy(loaded.pixels.reshape(len(seen.flat), -1))[known]
    files = [image, mask] + ([truth] if truth else [])
    name, sha256, noise = loaded.name, joint_hash(*files), (noise_std, held_out, data_seed)
    return measured_task(name, sha256, seen.shape, coords, measurements, truth, None, known, 1.0, *noise)
