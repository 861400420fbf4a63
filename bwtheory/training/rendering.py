"""A trained image at any resolution."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import torch

from bwtheory.nn import INR
from bwtheory.starts import named_start
from bwtheory.tasks import ImageTask, build_task, dimensions_of
from bwtheory.tasks.images import save_image
from bwtheory.tasks.off_grid import advice, excess_between_pixels, in_words, is_noise
from bwtheory.tasks.sources import format_of
from bwtheory.tasks.task import image_extent, pixel_axes
from bwtheory.training.config import TrainingConfig
from bwtheory.training.fitted import Fit, load_or_restore
from bwtheory.training.flags import size_in_pixels
from bwtheory.training.run import RunDirectory
from bwtheory.training.size import refuse_what_does_not_fit

BYTES_OF_A_VALUE = 9  # in float32 by rows and as a whole, and as it is written


def render_image(
    run_dir: Path, size: str | None, crop: tuple[float, float, float, float] | None, out: Path, trust: bool = False
) -> Path:
    """Write the image that a run has learned, row by row, and return its path.

    Parameters
    ----------
    run_dir : a run directory of an image task
    size : "WIDTHxHEIGHT" in pixels, or that of the training image
    crop : left, top, right, bottom in coordinates, y downwards; pixel *edges* of the training image lie half a pixel outside of
        its outermost centres, and the whole of it is the default
    out : the file, in the format that its name ends with
    trust : as ``load`` takes it

    Once it is written, a warning goes to stderr if the network is noise between its pixels, and the image shows what is there;
    and a sentence if the run's weights are damaged and those of its checkpoint have been drawn.

    Raises
    ------
    ValueError
        For a run that is no image, a size that is not two positive numbers, an empty crop, or one beyond the image; for a
        format that is not written, or a size that the memory does not suffice for.
    """
    format_of(out)
    function, problem = load_or_restore(run_dir, trust)
    config = function.config
    if dimensions_of(config.task, config.task_options) != 2:
        raise ValueError(f"{run_dir} is a run of the task {config.task!r}, which has no image to draw.")
    shape = _training_shape(RunDirectory(run_dir), config)
    assert isinstance(function.network, INR)
    width, height = size_in_pixels(size) if size else shape[::-1]
    refuse_what_does_not_fit(f"An image of {width}x{height}", BYTES_OF_A_VALUE * width * height * function.network.out_features)
    reach = image_extent(*shape, config.coords)
    largest = max(shape) - 1
    edge = [
        r + (r / (n - 1) if n > 1 else 1 / largest if config.coords == "isotropic" and largest else 1.0)
        for r, n in zip(reach, shape[::-1])
    ]
    left, top, right, bottom = crop or (-edge[0], -edge[1], edge[0], edge[1])
    inside = -edge[0] <= left < right <= edge[0] and -edge[1] <= top < bottom <= edge[1]
    if not inside:
        across, down = (math.floor(1e4 * bound) / 1e4 for bound in edge)  # rounded up, they would be refused
        raise ValueError(
            f"A crop has left < right within ±{across:.4f} and top < bottom within ±{down:.4f}; "
            f"got {left:g} {top:g} {right:g} {bottom:g}."
        )
    x = left + (np.arange(width) + 0.5) / width * (right - left)
    y = top + (np.arange(height) + 0.5) / height * (bottom - top)
    rows = [function(np.stack([x, np.full(width, value)], axis=1)) for value in y]
    finer = width / (right - left) > shape[1] / (2 * edge[0]) or height / (bottom - top) > shape[0] / (2 * edge[1])
    noise = _noise_in_words(function, shape) if finer else ""
    save_image(out, np.stack(rows))
    for sentence in filter(None, (problem, noise)):  # after all that could be refused: a refusal is one sentence
        print(sentence, file=sys.stderr)
    return out


def _noise_in_words(function: Fit, shape: tuple[int, int]) -> str:
    """A warning if the function moves more between the pixels that it was trained on than from one to the next."""
    config = function.config
    stride = config.task_options.get("every", 1)
    height, width = ((side - 1) // stride + 1 for side in shape)
    axes = pixel_axes(height, width, config.coords)
    excess = excess_between_pixels(lambda coordinates: torch.from_numpy(function(coordinates.numpy())), axes)
    if not is_noise(excess):
        return ""
    better = advice(config.activation, config.options, named_start(config.init, config.init_options))
    return f"bwtheory: warning: this image is noise between its pixels ({in_words(excess)}); {better}."


def _training_shape(run: RunDirectory, config: TrainingConfig) -> tuple[int, int]:
    """(H, W) of the training image: from the summary, or from the image itself where it does not say."""
    shape = run.read_summary().get("shape") if run.is_finished(config) else None
    if shape:
        return shape[0], shape[1]
    task = build_task(config.task, config.source, config.coords, config.task_options)
    assert isinstance(task, ImageTask)
    return task.shape
