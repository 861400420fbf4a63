"""Signal representation: a network fits all pixels of an image (Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bwtheory.tasks.image_files import Given
from bwtheory.tasks.images import LoadedImage, load_image
from bwtheory.tasks.task import ImageTask, hold_out, psnr_of_normalized


def signal_representation(
    image: str | Given,
    coords: str = "stretch",
    *,
    normalize: bool = False,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    value_range: Sequence[float] | None = None,
) -> ImageTask:
    """All pixels of an image are measurements and truth in one.

    Parameters
    ----------
    image, coords, value_range : as ``load_image`` and ``pixel_coordinates`` take them
    normalize : stretch the pixels to [0, 1] first, as the published code does
    held_out, data_seed : fraction of the pixels that are not trained on, as ``hold_out`` takes it
    shrink : the image is first made smaller by this factor
    """
    loaded = load_image(image, shrink=shrink, value_range=value_range)
    pixels = loaded.pixels
    if normalize and pixels.max() > pixels.min():
        pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
        loaded = replace(loaded, value_range=_stretched(loaded))
    task = ImageTask.of_pixels(pixels, loaded, coords)
    return hold_out(replace(task, psnr_as_published=psnr_of_normalized), held_out, data_seed)


def _stretched(loaded: LoadedImage) -> tuple[float, float] | None:
    """The numbers of the file that the least and the largest pixel are."""
    if loaded.value_range is None:
        return None
    black, white = loaded.value_range
    low, high = float(loaded.pixels.min()), float(loaded.pixels.max())
    return black + (white - black) * low, black + (white - black) * high
