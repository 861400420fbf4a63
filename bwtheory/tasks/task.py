"""What a network is trained on: coordinates, measurements, the operator between them, and the truth to compare with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from bwtheory.tasks.images import LoadedImage, save_array, save_image
from bwtheory.tasks.off_grid import (
    FINER,
    INTERPOLATED,
    UNSEEN,
    OffGrid,
    between_pixels,
    excess_between_pixels,
    splines_through,
)
from bwtheory.tasks.operators import LinearOperator, Operator, Rows, Sampling

SSIM_WINDOW = 7
UNKNOWN = "nobody knows what is between the pixels"
AnyImageTask = TypeVar("AnyImageTask", bound="ImageTask")


def psnr(values: Tensor, target: Tensor) -> float:
    """−10 log₁₀ MSE: peak signal-to-noise ratio for data range 1, unclipped; inf for equal tensors."""
    error = float((values.double() - target.double()).square().mean())
    return -10 * math.log10(error) if error > 0 else math.inf


def snr(values: Tensor, target: Tensor) -> float:
    """10 log₁₀ of the target's power over the mean squared error, in dB: −20 log₁₀ of the relative error in L²."""
    power, error = float(target.square().mean()), float((values.double() - target).square().mean())
    return 10 * math.log10(power / error) if power and error else math.copysign(math.inf, power - error)


def psnr_of_normalized(values: Tensor, target: Tensor) -> float:
    """``psnr`` after min-max normalizing both, the published code's for signal representation."""
    return psnr(_min_max(values), _min_max(target))


def psnr_of_peak(values: Tensor, target: Tensor) -> float:
    """10 log₁₀(max/MSE) with the target's maximum, not its square: the published code's for CT."""
    peak = float(target.max())
    return psnr(values, target) + (10 * math.log10(peak) if peak > 0 else -math.inf)


def ssim(target: np.ndarray, image: np.ndarray, rows: int = 256) -> float:
    """scikit-image's structural similarity of two arrays (H, W, C) for data range 1, strip by strip: it takes ten copies."""
    from skimage.metrics import structural_similarity

    total, windows = 0.0, len(image) - SSIM_WINDOW + 1
    for start in range(0, windows, rows):
        strip = slice(start, min(start + rows, windows) + SSIM_WINDOW - 1)
        value = structural_similarity(target[strip], image[strip], win_size=SSIM_WINDOW, data_range=1, channel_axis=2)
        total += float(value) * (strip.stop - strip.start - SSIM_WINDOW + 1)
    return total / windows


def band_errors(image: np.ndarray, target: np.ndarray) -> list[float | None]:
    """‖P(image − target)‖/‖P target‖ for the projections P on octaves of frequency; None where the target has nothing.

    Octave k holds the discrete frequencies of 2^k <= r < 2^(k+1) cycles along the longer side of the images (H, W, C); the mean
    is in none of them.
    """
    height, width = target.shape[:2]
    longer = max(height, width)
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    cycles = longer * np.hypot(y, x)
    octave = np.floor(np.log2(np.maximum(cycles, 0.5) * (1 + 1e-12))).astype(int)  # the mean is in octave −1
    error, power = (np.abs(np.fft.fft2(values, axes=(0, 1))) ** 2 for values in (image - target, target))
    found: list[float | None] = []
    for k in range(octave.max() + 1):
        band = octave == k
        there = power[band].sum()
        found.append(float(np.sqrt(error[band].sum() / there)) if there > 1e-24 * power.sum() else None)
    return found


def _min_max(values: Tensor) -> Tensor:
    values = values.double()
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else values - low


@dataclass(frozen=True, kw_only=True)
class Task:
    """A fitting problem: find f with operator(f(coordinates)) ≈ measurements; the truth lives on a grid of its own.

    coordinates : (N, d) in [−1, 1], where the network is evaluated in training
    measurements : (M, C); without an operator M = N, one for each coordinate
    grid, truth : (P, d) and (P, C), where and with what the result is compared; the truth is (0, C) where nobody knows it
    noise_std : standard deviation of the noise in the measurements, 0 for none
    held_out : of measurements that are watched, not trained on: the operator from values on the grid, and the measurements
    source, sha256 : what the data are, and their hash
    notes : sentences about the data that their user should see, such as what was assumed
    off_grid : points between those trained on, and what should be there; None where that is not known
    """

    coordinates: Tensor
    measurements: Tensor
    grid: Tensor
    truth: Tensor
    source: str
    sha256: str
    operator: Operator | None = None
    noise_std: float = 0.0
    held_out: tuple[LinearOperator, Tensor] | None = None
    notes: tuple[str, ...] = ()
    off_grid: OffGrid | None = None

    score_name: ClassVar[str]
    score_unit: ClassVar[str]
    higher_is_better: ClassVar[bool] = True
    reconstruction_name: ClassVar[str]

    @property
    def channels(self) -> int:
        """Values per coordinate, C."""
        return self.truth.shape[1]

    @property
    def compared_where_trained(self) -> bool:
        """Whether the network's values in training are those that are compared with the truth."""
        return self.grid is self.coordinates

    def score(self, values: Tensor) -> float:
        """The number that a progress bar shows, from values (P, C) on the grid."""
        raise NotImplementedError

    def metrics(self, values: Tensor) -> dict[str, float | None]:
        """What a summary reports about values (P, C) on the grid; None where it is not defined."""
        return {self.score_name: self.score(values)}

    def facts(self) -> dict[str, Any]:
        """What a summary says about the data: the noise, and whether it was added or was there; the notes."""
        return {**({"noise_std_added": self.noise_std} if self.noise_std else {}), "notes": list(self.notes)}

    def details(self, values: Tensor) -> dict[str, Any]:
        """What may be logged besides the score about values (P, C) on the grid."""
        return {}

    def held_out_loss(self, values: Tensor) -> float | None:
        """Mean squared error of the measurements that are held out, by values (P, C) on the grid; None if there are none."""
        if self.held_out is None:
            return None
        operator, measurements = self.held_out
        return float((operator(values.double()) - measurements).square().mean())

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """Write values (P, C) on the grid as an image, a plot or a sound."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class SNRTask(Task):
    """A problem whose score is the signal-to-noise ratio of all values."""

    score_name = "snr"
    score_unit = "dB"

    def score(self, values: Tensor) -> float:
        """``snr``: power of the truth over the mean squared error, so −20 log₁₀ of the relative error in L²."""
        return snr(values, self.truth)


@dataclass(frozen=True, kw_only=True)
class ImageTask(Task):
    """A problem whose unknown is an image of ``shape`` (H, W), and the PSNR that the published code takes for it.

    seen : (N,) places in the image, row by row, of the pixels that ``coordinates`` are; None for all of them
    stride : every so many pixels along both axes are ``seen``
    value_range : the image file's numbers that 0 and 1 stand for, if they were given; the reconstruction is also kept in those
    """

    operator: LinearOperator | None = None
    shape: tuple[int, int]
    seen: Tensor | None = None
    stride: int = 1
    value_range: tuple[float, float] | None = None
    psnr_as_published: Callable[[Tensor, Tensor], float] = psnr

    score_name = "psnr"
    score_unit = "dB"
    reconstruction_name = "reconstruction.png"

    @classmethod
    def of_pixels(
        cls,
        pixels: np.ndarray,
        loaded: LoadedImage,
        coords: str,
        *,
        operator: LinearOperator | None = None,
        noise: float = 0.0,
        data_seed: int = 0,
    ) -> ImageTask:
        """Recover pixels (H, W, C), taken from a loaded image, from what the operator and noise make of them."""
        height, width, channels = pixels.shape
        coordinates = pixel_coordinates(height, width, coords)
        truth = torch.from_numpy(pixels.reshape(-1, channels).astype(np.float64))
        measurements = truth if operator is None else operator.to(dtype=torch.float64)(truth)
        return cls(
            coordinates=coordinates,
            measurements=add_noise(measurements, noise, data_seed),
            noise_std=noise_std(measurements, noise),
            grid=coordinates,
            truth=truth,
            source=loaded.label,
            sha256=loaded.sha256,
            operator=operator,
            shape=(height, width),
            notes=(*loaded.notes, *noise_notes(noise)),
            value_range=loaded.value_range,
        )

    def score(self, values: Tensor) -> float:
        return psnr(values, self.truth)

    def facts(self) -> dict[str, Any]:
        """As for other tasks, and the number of pixels; of those that are seen, trained on or held out, if not all are.

        Also what the network is compared with between the pixels trained on.
        """
        found = {**super().facts(), "pixels": len(self.grid)}
        if self.seen is not None:
            held_out = 0 if self.held_out is None else len(self.held_out[1])
            found["pixels_seen"] = len(self.seen) + held_out
        between = self.off_grid
        found["off_grid"] = UNKNOWN if between is None else f"{len(between.truth):,} points: {between.reference}"
        return found

    def metrics(self, values: Tensor) -> dict[str, float | None]:
        """PSNR in dB, standard and as the published code measures it; SSIM (None for sides below 7); largest error.

        Also the PSNR of the pixels trained on (``grid_psnr``), of the values clipped to [0, 1], and of the pixels that were not
        seen, if there are any.
        """
        found: dict[str, float | None] = {"psnr": psnr(values, self.truth)}
        trained = values if self.seen is None else values[self.seen]
        found["grid_psnr"] = psnr(trained, self.truth if self.seen is None else self.truth[self.seen])
        found["psnr_clipped"] = psnr(values.clamp(0, 1), self.truth)
        found["psnr_paper"] = self.psnr_as_published(values, self.truth)
        found |= {"ssim": self._ssim(values), "max_error": self._largest_error(values)}
        if self.seen is not None and len(self.seen) < len(self.truth):
            unseen = torch.ones(len(self.truth), dtype=torch.bool).index_fill(0, self.seen, False)
            found["psnr_unseen"] = psnr(values[unseen], self.truth[unseen])
        return found

    def excess_between(self, function: Callable[[Tensor], Tensor]) -> float | None:
        """``excess_between_pixels`` of a function, for the pixels trained on."""
        x, y = self.axes
        return excess_between_pixels(function, (x[:: self.stride], y[:: self.stride]))

    @property
    def axes(self) -> tuple[Tensor, Tensor]:
        """Coordinates of the image's columns and of its rows."""
        height, width = self.shape
        return self.grid[:width, 0], self.grid.view(height, width, 2)[:, 0, 1]

    def off_grid_psnr(self, values: Tensor) -> float | None:
        """PSNR in dB of values (Q, C) at the points of ``off_grid``; None where nobody knows what should be there."""
        return None if self.off_grid is None else psnr(values, self.off_grid.truth)

    def details(self, values: Tensor) -> dict[str, Any]:
        """SSIM, largest error, the PSNR as published, and ``band_errors``."""
        errors = band_errors(self.image(values), self.image(self.truth))
        found: dict[str, Any] = {"ssim": self._ssim(values), "max_error": self._largest_error(values)}
        return found | {"psnr_paper": self.psnr_as_published(values, self.truth), "band_errors": errors}

    def _ssim(self, values: Tensor) -> float | None:
        return ssim(self.image(self.truth), self.image(values)) if min(self.shape) >= SSIM_WINDOW else None

    def _largest_error(self, values: Tensor) -> float:
        return float((values.double() - self.truth).abs().max())

    def image(self, values: Tensor) -> np.ndarray:
        """Values (P, C) on the grid as an array (H, W, C)."""
        return values.double().cpu().numpy().reshape(*self.shape, -1)

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """A PNG of 8 bits, clipped to [0, 1]; with a value range next to it an array (H, W[, C]) of the file's numbers."""
        save_image(path, self.image(values))
        if self.value_range is not None:
            save_array(path.with_suffix(".npy"), self.in_units_of_the_file(self.image(values)))

    def in_units_of_the_file(self, image: np.ndarray) -> np.ndarray:
        """Values as the image file has them, which is 0 for black and 1 for white unless a value range was given."""
        black, white = self.value_range or (0.0, 1.0)
        return black + (white - black) * image


def with_off_grid(task: AnyImageTask, loaded: LoadedImage | None = None) -> AnyImageTask:
    """The task with points between those trained on: true pixels that are not trained on, or a finer truth, or splines.

    Parameters
    ----------
    loaded : the image that the truth is, or the truth's upper left part is, if it may have been made smaller
    """
    if not len(task.truth):
        return task
    if task.operator is None and task.seen is not None and len(task.seen) < len(task.truth):
        unseen = torch.ones(len(task.truth), dtype=torch.bool).index_fill(0, task.seen, False)
        return replace(task, off_grid=OffGrid(task.grid[unseen], task.truth[unseen], UNSEEN))
    if loaded is not None and loaded.finer is not None:
        return replace(task, off_grid=between_pixels(task.axes, loaded.at, FINER))
    splines = splines_through(task.image(task.truth))
    return replace(task, off_grid=between_pixels(task.axes, splines, INTERPOLATED))


def pixel_coordinates(height: int, width: int, aspect: str = "stretch") -> Tensor:
    """(height·width, 2) float64 coordinates (x, y) of the pixel centres, row by row.

    Outermost centres lie at ±1 on both axes (*stretch*, as in the published code), or on the longer axis only (*isotropic*).
    A side of one pixel has coordinate 0.  The numbers are float32 ones, as in the published code: a network that represents its
    image at 110 dB depends on the last bit of its coordinates.
    """
    x, y = pixel_axes(height, width, aspect)
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def pixel_axes(height: int, width: int, aspect: str = "stretch") -> tuple[Tensor, Tensor]:
    """Coordinates of the columns (width,) and of the rows (height,), as ``pixel_coordinates`` has them."""
    if aspect not in ("stretch", "isotropic"):
        raise ValueError(f"Coordinates are 'stretch' or 'isotropic'; got {aspect!r}.")
    reach = image_extent(height, width, aspect)
    x, y = (torch.linspace(-r, r, n) if n > 1 else torch.zeros(1) for n, r in zip((width, height), reach))
    return x.double(), y.double()


def grid_coordinates(sides: Sequence[int], reach: Sequence[float]) -> Tensor:
    """(∏ sides, d) float64 coordinates of a grid, the last side's first, row by row; each goes from −reach to reach.

    ``reach`` is in the order of the coordinates, the last side's first.
    """
    axes = [torch.linspace(-r, r, n) if n > 1 else torch.zeros(1) for n, r in zip(reversed(sides), reach)]
    mesh = torch.meshgrid(*(axis.double() for axis in reversed(axes)), indexing="ij")
    return torch.stack([axis.flatten() for axis in reversed(mesh)], dim=1)


def image_extent(height: int, width: int, aspect: str) -> tuple[float, float]:
    """Coordinates (x, y) of the last pixel's centre: 1 on both axes, or on the longer one only."""
    if aspect == "stretch":
        return 1.0, 1.0
    longest = max(height, width) - 1 or 1
    return (width - 1) / longest, (height - 1) / longest


def noise_std(measurements: Tensor, level: float) -> float:
    """level·max|measurements|; ValueError for a level that is negative, not finite, or above 1."""
    if not (level >= 0 and math.isfinite(level)):
        raise ValueError(f"The noise level is a finite fraction >= 0 of the largest measurement; got {level}.")
    if level > 1:
        raise ValueError(
            f"The noise level is a fraction of the largest measurement, at most 1; got {level:g}. If these are grey levels of "
            f"255, it is {level / 255:.4g}."
        )
    return level * float(measurements.abs().max())


def noise_notes(level: float) -> tuple[str, ...]:
    """A note above 1/2: numbers in [0, 1] have no larger standard deviation (Popoviciu), so that nothing varies more."""
    if not level > 0.5:
        return ()
    return (f"The noise, {level:g} of the largest measurement, is larger than the standard deviation of any image.",)


def add_noise(measurements: Tensor, level: float, seed: int) -> Tensor:
    """Gaussian noise of standard deviation ``noise_std``, always the same for a seed."""
    std = noise_std(measurements, level)
    if std == 0:
        return measurements
    generator = torch.Generator().manual_seed(seed)
    return measurements + std * torch.randn(measurements.shape, generator=generator, dtype=torch.float64)


def hold_out(task: AnyImageTask, fraction: float, seed: int) -> AnyImageTask:
    """The task without a random fraction of its measurements (of its pixels, without an operator), which are ``held_out``.

    ValueError unless 0 <= fraction < 1 leaves and takes at least one measurement, or is 0.
    """
    if fraction == 0:
        return task
    count = len(task.measurements)
    taken = round(fraction * count) if 0 < fraction < 1 else 0
    if not 0 < taken < count:
        raise ValueError(f"A fraction 0 < held_out < 1 takes some of the {count} measurements and leaves some; got {fraction}.")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    out, kept = (part.sort().values for part in order.split([taken, count - taken]))
    measurements = task.measurements[kept]
    if task.operator is not None:
        watched = Rows(task.operator, out), task.measurements[out]
        return replace(task, measurements=measurements, operator=Rows(task.operator, kept), held_out=watched)
    seen = torch.arange(len(task.grid)) if task.seen is None else task.seen
    pixels = Sampling(task.shape, seen[out]), task.measurements[out]
    return replace(task, coordinates=task.coordinates[kept], measurements=measurements, seen=seen[kept], held_out=pixels)
