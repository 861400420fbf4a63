"""Computed tomography: a network is fitted so that the projections of its image are those measured (Figures 4, 7, 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from skimage.transform import iradon

from bwtheory.tasks.images import load_image
from bwtheory.tasks.measured import MeasuredTask, joint_hash, measured_task, read_numbers
from bwtheory.tasks.operators import ParallelBeam
from bwtheory.tasks.scan import check_scan
from bwtheory.tasks.sources import ARRAYS, find_file, shown
from bwtheory.tasks.task import ImageTask, hold_out, psnr_of_peak, with_off_grid

CHANNELS = 4  # of a sinogram: more are slices
MOST_ANGLES = 100_000


def tomography(
    image: str,
    coords: str = "stretch",
    *,
    angles: int | str = 100,
    noise: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    shrink: int = 1,
    published_geometry: bool = False,
    value_range: Sequence[float] | None = None,
) -> ImageTask:
    """Recover an image from its parallel projections; the channels of a colour image one by one.

    Parameters
    ----------
    image, coords, value_range : as ``load_image`` and ``pixel_coordinates`` take them
    angles : number of projections, >= 1, equally spaced in [0°, 180°), or a file as ``read_angles`` takes it
    noise, held_out, data_seed : of the sinogram, as ``add_noise`` and ``hold_out`` take them
    shrink : the image is first made smaller by this factor
    published_geometry : angles from 0° to 180° with both ends, and rotation within the image's own frame: corners leave it
    """
    degrees = read_angles(angles, endpoint=published_geometry)
    loaded = load_image(image, shrink=shrink, value_range=value_range)
    operator = ParallelBeam(loaded.pixels.shape[:2], degrees, frame="image" if published_geometry else "full")
    task = ImageTask.of_pixels(loaded.pixels, loaded, coords, operator=operator, noise=noise, data_seed=data_seed)
    sha256 = task.sha256 if isinstance(angles, int) else joint_hash(image, angles)
    task = replace(task, psnr_as_published=psnr_of_peak, sha256=sha256)
    return with_off_grid(hold_out(task, held_out, data_seed), loaded)


def tomography_of_sinogram(
    source: str,
    coords: str = "stretch",
    *,
    sinogram: bool = True,
    angles: int | str = 100,
    truth: str | None = None,
    noise_std: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
) -> MeasuredTask:
    """Recover an image from projections that were measured, in the geometry of ``skimage.transform.radon(circle=True)``.

    Parameters
    ----------
    source : line integrals as ``read_numbers`` takes them, angles × bins (× channels), of any scale: what is trained on is
        divided by the largest value of a filtered back-projection, and so is the truth
    coords : as ``pixel_coordinates`` takes them, for an image of bins × bins pixels
    sinogram : always true, tells this task from simulated measurements
    angles : as for ``tomography``, one for each row
    truth : an image, or .npy or text file, to compare with, in the sinogram's units
    noise_std, held_out, data_seed : as ``measured_task`` takes them

    Raises
    ------
    ValueError
        If a file cannot be read, if the files do not fit together, if the sinogram is zero, or if ``check_scan`` refuses it.
    """
    degrees, measured = read_angles(angles), read_numbers(source, ARRAYS["sinogram"])
    if measured.ndim not in (2, 3) or len(measured) != len(degrees) or (measured.ndim == 3 and measured.shape[2] > CHANNELS):
        shape, likely = " × ".join(map(str, measured.shape)), ""
        if measured.ndim == 3 and measured.shape[0] == 1:
            likely = "; leave out its first axis"
        elif measured.ndim == 3 and measured.shape[2] > CHANNELS:
            likely = f"; a stack of slices is reconstructed one by one, and there are at most {CHANNELS} channels"
        elif measured.ndim > 1 and measured.shape[1] == len(degrees):
            likely = "; transpose it"
        raise ValueError(
            f"A sinogram is angles × detector bins (× channels), with one angle in degrees for each of its rows; "
            f"{shown(source)} is {shape}, for {len(degrees)} angles{likely}."
        )
    bins = measured.shape[1]
    measured = measured.reshape(len(degrees), bins, -1)
    if not measured.any():
        raise ValueError(f"The sinogram {shown(source)} is zero everywhere.")
    notes = check_scan(measured, degrees, shown(source), isinstance(angles, str))
    scale = max(
        float(np.abs(iradon(channel.T, degrees, filter_name="hann", circle=True)).max())
        for channel in np.moveaxis(measured, 2, 0)
    )
    if not scale > 0:
        raise ValueError(f"A filtered back-projection of the sinogram {shown(source)} is zero everywhere.")
    files = [source, *(name for name in (angles, truth) if isinstance(name, str))]
    operator = ParallelBeam((bins, bins), degrees, frame="circle")
    measurements = torch.from_numpy(measured.reshape(len(degrees) * bins, -1))
    return measured_task(
        (find_file(source) or Path(source)).stem,
        joint_hash(*files),
        (bins, bins),
        coords,
        measurements,
        truth,
        operator,
        scale=scale,
        noise_std=noise_std,
        held_out=held_out,
        data_seed=data_seed,
        notes=notes,
    )


def read_angles(angles: int | str, endpoint: bool = False) -> np.ndarray:
    """Degrees (A,): so many equally spaced ones from 0 to 180, or those of a file, one number for each projection.

    ValueError for less than one, a file that is no list of numbers, and angles that look like radians.
    """
    if isinstance(angles, int):
        if not 1 <= angles <= MOST_ANGLES:
            wanted = "angles >= 1" if angles < 1 else f"at most {MOST_ANGLES:,} angles"
            raise ValueError(f"Tomography needs {wanted}; got {angles}.")
        return np.linspace(0, 180, angles, endpoint=endpoint)
    degrees = np.atleast_1d(read_numbers(angles, ARRAYS["angles"]))
    if degrees.size != max(degrees.shape):
        size = "×".join(map(str, degrees.shape))
        comma = "; is its decimal mark a comma?" if 2 in degrees.shape else ""
        raise ValueError(f"A file of angles has one number for each projection; {shown(angles)} has {size} of them{comma}.")
    degrees, span = degrees.reshape(-1), float(np.ptp(degrees))
    # Radians of a whole turn span at most 2π; a scan over so few degrees says next to nothing of an image.
    if 0 < span <= 6.3 and not np.array_equal(degrees, np.round(degrees)):
        raise ValueError(
            f"Angles are in degrees; {shown(angles)} spans {span:.4g}, which looks like radians. (If it is a scan over so few "
            f"degrees, add 360 to one of them.)"
        )
    return degrees
