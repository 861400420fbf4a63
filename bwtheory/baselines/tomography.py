"""Filtered back-projection: the Radon transform's inversion formula, discretized."""

from __future__ import annotations

import numpy as np
import torch

from bwtheory.baselines.baseline import Estimate
from bwtheory.tasks.operators import ParallelBeam
from bwtheory.tasks.task import ImageTask

FILTERS = ("ramp", "shepp-logan", "cosine", "hamming", "hann")  # from sharp to smooth


def filtered_back_projection(task: ImageTask, filter_name: str) -> Estimate:
    """``skimage.transform.iradon`` of each channel, cut out at the image's place.

    It inverts integrals over whole lines, averaged over all directions.

    Raises
    ------
    ValueError
        For another filter than those of ``FILTERS``; for a task that is not tomography, or whose frame cuts lines off
        ("image"); and for angles that are not equally spaced modulo 180°.
    """
    from skimage.transform import iradon

    operator = task.operator
    if filter_name not in FILTERS:
        raise ValueError(f"There is no filter {filter_name!r}; there are {', '.join(FILTERS)}.")
    if not isinstance(operator, ParallelBeam):
        raise ValueError("Filtered back-projection inverts the Radon transform; the task measures something else.")
    if operator.frame != "full":
        raise ValueError(
            "Filtered back-projection needs integrals over whole lines; the frame 'image' cuts off what rotates out of it."
        )
    directions = np.sort(np.mod(operator.angles, 180))
    gaps = np.diff(directions, append=directions[0] + 180)
    if np.ptp(gaps) > 1e-6:
        raise ValueError(
            f"Filtered back-projection needs angles equally spaced modulo 180°; got gaps of {gaps.min():g}° to {gaps.max():g}°."
        )
    # Both libraries put their axis at pixel side // 2, of the whole image here and of the square one there.
    (height, width), side = task.shape, max(task.shape)
    top, left = side // 2 - height // 2, side // 2 - width // 2
    sinograms = operator.sinogram(task.measurements).permute(2, 1, 0).numpy()
    squares = [iradon(s, operator.angles, output_size=side, filter_name=filter_name, circle=False) for s in sinograms]
    images = np.stack(squares, axis=-1)[top : top + height, left : left + width]
    return Estimate(torch.from_numpy(images.reshape(height * width, -1)), None)
