"""Denoising: a network fits noisy pixels and is compared with the clean ones."""

from __future__ import annotations

from bwtheory.tasks.images import load_image
from bwtheory.tasks.task import ImageTask, hold_out


def denoising(
    image: str, coords: str = "stretch", *, noise: float = 0.1, held_out: float = 0.0, data_seed: int = 0, shrink: int = 1
) -> ImageTask:
    """Pixels with Gaussian noise of standard deviation noise·max (0.1: 20 dB for an image that reaches white).

    ``held_out`` is a fraction of the pixels that are not trained on, as ``hold_out`` takes it.
    """
    loaded = load_image(image).shrunk(shrink)
    task = ImageTask.of_pixels(loaded.pixels, loaded, coords, noise=noise, data_seed=data_seed)
    return hold_out(task, held_out, data_seed)
