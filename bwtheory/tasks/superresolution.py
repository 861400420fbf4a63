"""Super-resolution: a network is fitted so that its image, averaged over blocks, is a low-resolution one (Figures 6, 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from skimage.transform import resize

from bwtheory.tasks.images import load_image
from bwtheory.tasks.operators import BlockAverage
from bwtheory.tasks.task import ImageTask, add_noise, hold_out, noise_std, with_off_grid


def super_resolution(
    image: str,
    coords: str = "stretch",
    *,
    factor: int = 4,
    noise: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    antialiased: bool = False,
    value_range: Sequence[float] | None = None,
) -> ImageTask:
    """Recover an image from its means over factor×factor blocks; the image is cropped to whole blocks.

    Parameters
    ----------
    image, coords, value_range : as ``load_image`` and ``pixel_coordinates`` take them
    factor : side of the blocks, >= 1
    noise, held_out, data_seed : of the low-resolution image, as ``add_noise`` and ``hold_out`` take them
    shrink : the image is first made smaller by this factor (3 in the published code)
    antialiased : measure scikit-image's anti-aliased resize instead of the means, as the published code does; the network is
        still compared through means, so that the true image does not have loss 0

    Raises
    ------
    ValueError
        If the image has no whole block.
    """
    loaded = load_image(image, shrink=shrink, value_range=value_range)
    pixels = loaded.pixels
    if factor < 1:
        raise ValueError(f"Super-resolution needs factor >= 1; got {factor}.")
    height, width = (side // factor * factor for side in pixels.shape[:2])
    if not (height and width):
        raise ValueError(f"{loaded.name} has {pixels.shape[0]}×{pixels.shape[1]} pixels, no whole block of {factor}×{factor}.")
    pixels = pixels[:height, :width]
    operator = BlockAverage((height, width), factor)
    task = ImageTask.of_pixels(pixels, loaded, coords, operator=operator, noise=noise, data_seed=data_seed)
    if antialiased:
        low = resize(pixels, (height // factor, width // factor), anti_aliasing=True)
        measured = torch.from_numpy(low.reshape(-1, pixels.shape[2]))
        task = replace(task, measurements=add_noise(measured, noise, data_seed), noise_std=noise_std(measured, noise))
    return with_off_grid(hold_out(task, held_out, data_seed), loaded)
