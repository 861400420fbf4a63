"""Denoising: a network fits noisy pixels and is compared with the clean ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from bwtheory.tasks.images import load_image
from bwtheory.tasks.measured import MeasuredTask, joint_hash, measured_task
from bwtheory.tasks.sources import BUILT_IN
from bwtheory.tasks.task import ImageTask, hold_out, with_off_grid


def denoising(
    image: str,
    coords: str = "stretch",
    *,
    noise: float = 0.1,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    value_range: Sequence[float] | None = None,
) -> ImageTask:
    """A clean image to which Gaussian noise of standard deviation noise·max is added (0.1: 20 dB if it reaches white).

    ``held_out`` is a fraction of the pixels that are not trained on, as ``hold_out`` takes it.
    """
    loaded = load_image(image, shrink=shrink, value_range=value_range)
    task = ImageTask.of_pixels(loaded.pixels, loaded, coords, noise=noise, data_seed=data_seed)
    if task.noise_std and image not in BUILT_IN:
        added = f"Noise of standard deviation {task.noise_std:.4g} is added to {loaded.name}, which is taken for clean"
        task = replace(task, notes=(*task.notes, f"{added}; for an image that is noisy already there is --noisy."))
    return with_off_grid(hold_out(task, held_out, data_seed), loaded)


def denoising_of_noisy(
    image: str,
    coords: str = "stretch",
    *,
    noisy: bool = True,
    truth: str | None = None,
    noise_std: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    value_range: Sequence[float] | None = None,
) -> MeasuredTask:
    """An image that is noisy already: its pixels are the measurements, and nothing is added.

    Parameters
    ----------
    image, coords, shrink, value_range : as ``load_image`` and ``pixel_coordinates`` take them
    noisy : always true, tells this task from simulated noise
    truth : an image, or .npy or text file, to compare with
    noise_std, held_out, data_seed : as ``measured_task`` takes them
    """
    loaded = load_image(image, shrink=shrink, value_range=value_range)
    pixels = torch.from_numpy(loaded.pixels.reshape(-1, loaded.pixels.shape[2]))
    known = f", of standard deviation {noise_std:g} as stated" if noise_std else ", of unknown standard deviation"
    return measured_task(
        loaded.label,
        joint_hash(image, truth) if truth else loaded.sha256,
        (loaded.pixels.shape[0], loaded.pixels.shape[1]),
        coords,
        pixels,
        truth,
        noise_std=noise_std,
        held_out=held_out,
        data_seed=data_seed,
        notes=(*loaded.notes, f"{loaded.name} is taken as it is; its noise{known}, is its own, and none is added."),
        value_range=loaded.value_range,
    )
