"""Computed tomography: a network is fitted so that the projections of its image are those measured (Figures 4, 7, 9)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bwtheory.tasks.images import load_image
from bwtheory.tasks.operators import ParallelBeam
from bwtheory.tasks.task import ImageTask, hold_out, psnr_of_peak


def tomography(
    image: str,
    coords: str = "stretch",
    *,
    angles: int = 100,
    noise: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    published_geometry: bool = False,
) -> ImageTask:
    """Recover an image from parallel projections at equally spaced angles; the channels of a colour image one by one.

    Parameters
    ----------
    image, coords : as ``load_image`` and ``pixel_coordinates`` take them
    angles : number of projections, >= 1, in [0°, 180°)
    noise, held_out, data_seed : of the sinogram, as ``add_noise`` and ``hold_out`` take them
    shrink : the image is first made smaller by this factor
    published_geometry : angles from 0° to 180° with both ends, and rotation within the image's own frame: corners leave it
    """
    if angles < 1:
        raise ValueError(f"Tomography needs angles >= 1; got {angles}.")
    loaded = load_image(image).shrunk(shrink)
    degrees = np.linspace(0, 180, angles, endpoint=published_geometry)
    operator = ParallelBeam(loaded.pixels.shape[:2], degrees, frame="image" if published_geometry else "full")
    task = ImageTask.of_pixels(loaded.pixels, loaded, coords, operator=operator, noise=noise, data_seed=data_seed)
    return hold_out(replace(task, psnr_as_published=psnr_of_peak), held_out, data_seed)
