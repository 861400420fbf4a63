"""Super-resolution, inpainting and denoising by the functions that Pillow and scikit-image have for them."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from bwtheory.baselines.baseline import Estimate, measured_image
from bwtheory.tasks.operators import BlockAverage
from bwtheory.tasks.task import ImageTask


def bicubic(task: ImageTask) -> Estimate:
    """Keys' cubic convolution (a = −1/2) between the centres of the blocks, in float32; see ``_resized``."""
    return _resized(task, Image.Resampling.BICUBIC)


def lanczos(task: ImageTask) -> Estimate:
    """Lanczos' windowed sinc with three lobes between the centres of the blocks, in float32; see ``_resized``."""
    return _resized(task, Image.Resampling.LANCZOS)


def _resized(task: ImageTask, resample: Image.Resampling) -> Estimate:
    """Pillow's resize of the low-resolution image, whose pixels it stores; ValueError for a task without blocks.

    Pillow takes a pixel for the square around its centre, as the blocks are: nothing is shifted.
    """
    if not isinstance(task.operator, BlockAverage):
        raise ValueError("Resizing takes the means of blocks; the task measures something else.")
    height, width = task.shape
    factor = task.operator.factor
    low = task.measurements.numpy().astype(np.float32).reshape(height // factor, width // factor, -1)
    channels = [Image.fromarray(channel).resize((width, height), resample) for channel in np.moveaxis(low, 2, 0)]
    values = np.stack([np.asarray(channel, dtype=np.float64) for channel in channels], axis=-1)
    return Estimate(torch.from_numpy(values.reshape(height * width, -1)), task.measurements.numel())


def biharmonic(task: ImageTask) -> Estimate:
    """``skimage.restoration.inpaint_biharmonic``: Δ²u = 0 in the missing pixels, each channel for itself.

    Known pixels stay as they are, with their noise; scikit-image clips the others to the range of the known ones.
    ValueError for a task that misses no pixels.
    """
    from skimage.restoration import inpaint_biharmonic

    if task.seen is None:
        raise ValueError("Inpainting needs a task that misses pixels.")
    height, width = task.shape
    data = task.measurements.numpy()
    image, missing = np.zeros((height * width, data.shape[1])), np.ones(height * width, dtype=bool)
    image[task.seen], missing[task.seen] = data, False
    if missing.any():
        shape = height, width, -1
        image = inpaint_biharmonic(image.reshape(shape), missing.reshape(height, width), channel_axis=-1)
    return Estimate(torch.from_numpy(image.reshape(height * width, -1)), None)


def non_local_means(task: ImageTask, strength: float) -> Estimate:
    """``skimage.restoration.denoise_nl_means`` with h = strength·σ, σ the noise's true standard deviation, colours jointly.

    Patches of 5×5 pixels are compared up to 6 pixels away, with uniform weights (Buades, Coll and Morel 2011; Darbon et al.
    2008).  scikit-image suggests a strength of 0.8 for that.

    Raises
    ------
    ValueError
        For a strength that is not positive, or a task that measures not all pixels or has no noise.
    """
    from skimage.restoration import denoise_nl_means

    if not strength > 0:
        raise ValueError(f"Non-local means needs a strength > 0; got {strength}.")
    if task.noise_std == 0:
        raise ValueError("Non-local means takes its strength from the noise, and this task has none.")
    image = measured_image(task).numpy()
    sigma = task.noise_std
    values = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=strength * sigma, sigma=sigma, fast_mode=True, channel_axis=-1
    )
    return Estimate(torch.from_numpy(values.reshape(-1, image.shape[2])), None)
