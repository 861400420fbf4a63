"""Inpainting: a network sees some pixels of an image and is compared with all of them."""

from __future__ import annotations

from dataclasses import replace

import torch

from bwtheory.tasks.images import load_image
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
