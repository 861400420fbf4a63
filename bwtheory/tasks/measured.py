"""One's own measurements: the files they come in, and images of which the truth may not be known."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bwtheory.tasks.arrays import is_array, read_array
from bwtheory.tasks.image_files import read_levels
from bwtheory.tasks.images import load_image, save_array
from bwtheory.tasks.operators import LinearOperator
from bwtheory.tasks.sources import BUILT_IN, find_file, find_numbers, shown
from bwtheory.tasks.task import ImageTask, hold_out, pixel_coordinates, psnr, with_off_grid


@dataclass(frozen=True, kw_only=True)
class MeasuredTask(ImageTask):
    """An image of which there are measurements, and something to compare it with.

    scale : what 1 of the network's values is in the units of the measurements; the reconstruction is also kept in these units
    data_range : of the truth, what 0 dB are relative to
    """

    scale: float = 1.0
    data_range: float = 1.0

    def score(self, values: Tensor) -> float:
        return super(MeasuredTask, self._in_unit_range()).score(values / self.data_range)

    def metrics(self, values: Tensor) -> dict[str, float | None]:
        """As for other images, relative to the range of the truth; the residual, and the scale."""
        found = super(MeasuredTask, self._in_unit_range()).metrics(values / self.data_range)
        return found | {"residual": self.residual(values), "scale": self.scale}

    def off_grid_psnr(self, values: Tensor) -> float | None:
        """As for other images, relative to the range of the truth."""
        return None if self.off_grid is None else psnr(values / self.data_range, self.off_grid.truth / self.data_range)

    def facts(self) -> dict[str, Any]:
        """As for other images; the noise is what was said of the measurements, in their units, and none is added."""
        white = 1.0 if self.value_range is None else abs(self.value_range[1] - self.value_range[0])
        found = {**super().facts(), "noise_std_stated": self.noise_std * self.scale * white}
        found.pop("noise_std_added", None)
        return found if self.noise_std else {name: value for name, value in found.items() if name != "noise_std_stated"}

    def details(self, values: Tensor) -> dict[str, Any]:
        return super(MeasuredTask, self._in_unit_range()).details(values / self.data_range)

    def residual(self, values: Tensor) -> float:
        """‖A f − b‖/‖b‖ of an image f, values (P, C) on the grid, and the measurements b; ‖A f‖ for b = 0."""
        values = values.double()
        found = self.operator(values) if self.operator else values if self.seen is None else values[self.seen]
        return float((found - self.measurements).norm()) / (float(self.measurements.norm()) or 1.0)

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        """The network's values as a PNG, and next to it as an array (H, W) or (H, W, C) in the units of the measurements."""
        super().save_reconstruction(path, values)
        save_array(
            path.with_suffix(".npy"), self.in_units_of_the_file(self.scale * values.cpu().numpy().reshape(*self.shape, -1))
        )

    def _in_unit_range(self) -> MeasuredTask:
        return replace(self, truth=self.truth / self.data_range)


@dataclass(frozen=True, kw_only=True)
class UnknownImageTask(MeasuredTask):
    """An image that nobody knows, ``truth`` is (0, C): how well its measurements are met is all there is to tell."""

    score_name = "residual"
    score_unit = ""
    higher_is_better = False

    def score(self, values: Tensor) -> float:
        return self.residual(values)

    def metrics(self, values: Tensor) -> dict[str, float | None]:
        """The residual, and the scale."""
        return {"residual": self.residual(values), "scale": self.scale}

    def details(self, values: Tensor) -> dict[str, Any]:
        """Nothing: all of them compare with the truth."""
        return {}


def measured_task(
    name: str,
    sha256: str,
    shape: tuple[int, int],
    coords: str,
    measurements: Tensor,
    truth: str | Tensor | None,
    operator: LinearOperator | None = None,
    seen: Tensor | None = None,
    scale: float = 1.0,
    noise_std: float = 0.0,
    held_out: float = 0.0,
    data_seed: int = 0,
    notes: tuple[str, ...] = (),
    value_range: tuple[float, float] | None = None,
) -> MeasuredTask:
    """A ``MeasuredTask``, or an ``UnknownImageTask`` for the truth None.

    Parameters
    ----------
    name, sha256 : what the data are, and their hash
    shape, coords : (H, W), and "stretch" or "isotropic"
    measurements : (M, C), in their own units
    truth : a file or built-in image to compare with, or pixels (H·W, C) in the units of the measurements
    operator, seen : what was measured: an operator of images (H·W, C), or the places of the pixels
    scale : as ``MeasuredTask`` has it
    noise_std : standard deviation of the noise, in the units of the measurements; 0 for none, or if it is not known
    held_out, data_seed : as ``hold_out`` takes them
    notes : as ``Task`` has them
    value_range : the numbers of the file that 0 and 1 of the measurements stand for; then the noise and a truth that is a file
        have the file's units
    """
    if not (noise_std >= 0 and math.isfinite(noise_std)):
        raise ValueError(f"The noise has a finite standard deviation >= 0; got {noise_std}.")
    noise_std /= 1.0 if value_range is None else abs(value_range[1] - value_range[0])
    is_image = operator is None
    notes = *notes, *_noise_notes(noise_std, measurements, 1.0 if is_image else 0.0)
    grid, channels, data_range = pixel_coordinates(*shape, coords), measurements.shape[1], 1.0
    if isinstance(truth, str):
        truth, data_range = load_truth(truth, (*shape, channels), value_range)
    elif truth is not None:
        data_range = scale
    task = (UnknownImageTask if truth is None else MeasuredTask)(
        coordinates=grid if seen is None else grid[seen],
        measurements=measurements / scale,
        grid=grid,
        truth=torch.empty(0, channels, dtype=torch.float64) if truth is None else truth / scale,
        source=name,
        sha256=sha256,
        operator=operator,
        shape=shape,
        seen=seen,
        scale=scale,
        data_range=data_range / scale,
        noise_std=noise_std / scale,
        notes=notes,
        value_range=value_range,
    )
    return with_off_grid(hold_out(task, held_out, data_seed))


def _noise_notes(std: float, measurements: Tensor, white: float) -> tuple[str, ...]:
    """ValueError for a noise above all measurements; a note for one above any standard deviation in their range (Popoviciu)."""
    largest, spread = max(white, float(measurements.abs().max())), float(measurements.max() - measurements.min())
    if std > largest > 0:
        levels = f" If it is in grey levels of 255, it is {std / 255:.4g} here." if white else ""
        raise ValueError(
            f"The noise has the standard deviation {std:.6g}, and the largest measurement is {largest:.6g}: both are to be in "
            f"the units of the measurements.{levels}"
        )
    if std > max(spread, white) / 2 > 0:
        return (
            f"The noise of standard deviation {std:.4g} is larger than that of any measurements in a range of {spread:.4g}.",
        )
    return ()


def read_numbers(source: str, what: str) -> np.ndarray:
    """Finite real numbers of a file, float64: of .npy, .npz, text (.csv, .tsv, .txt, .dat), or an image's levels as stored.

    ValueError, which says ``what`` the file should hold, if there is none, if it cannot be read, or if it holds other things.
    """
    path = find_numbers(source, what)
    try:
        numbers = read_array(path) if is_array(path) else _levels(path)
    except ValueError as error:
        reason = str(error).removeprefix(f"{shown(path)} is not an image that can be read: ").rstrip(".")
        raise ValueError(f"{shown(path)} cannot be read as {what}: {reason}.") from None
    size = _times(numbers.shape)
    if numbers.dtype.kind not in "biuf" or not numbers.size:
        raise ValueError(f"{shown(path)} should hold {what}, finite real numbers; it has {size} of {numbers.dtype}.")
    if not np.isfinite(numbers).all():
        count = int((~np.isfinite(numbers)).sum())
        raise ValueError(
            f"{shown(path)} should hold {what}, finite real numbers; it has {size} of {numbers.dtype}, "
            f"{count:,} of them NaN or infinite."
        )
    return numbers.astype(np.float64)


def _levels(path: Path) -> np.ndarray:
    levels = read_levels(path)
    if levels.alpha is not None and levels.alpha.min() < 1:
        raise ValueError("it has transparent pixels; save it without transparency")
    return levels.numbers[..., 0] if levels.numbers.shape[2] == 1 else levels.numbers


def joint_hash(*sources: str) -> str:
    """The SHA-256 of a file, or one for several; names of other data stand for themselves."""
    paths = [find_file(source, BUILT_IN) for source in sources]
    contents = (path.read_bytes() if path else source.encode() for path, source in zip(paths, sources))
    digests = [hashlib.sha256(content) for content in contents]
    return digests[0].hexdigest() if len(digests) == 1 else hashlib.sha256(b"".join(d.digest() for d in digests)).hexdigest()


def load_truth(source: str, shape: tuple[int, int, int], value_range: Sequence[float] | None = None) -> tuple[Tensor, float]:
    """What to compare an image of this shape (H, W, C) with, (H·W, C), and its range.

    The range is 1 for an image, whose black and white are 0 and 1, and the largest absolute value of an array or text file.
    With a value range both are numbers of the file, and the range is 1.
    ValueError if there is no such file or image, or for one of another shape.
    """
    data_range = 1.0
    if source not in BUILT_IN and is_array(Path(source)):
        pixels = read_numbers(source, "a truth")
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if value_range is None:
            data_range = float(np.abs(pixels).max()) or 1.0
        else:
            pixels = (pixels - value_range[0]) / (value_range[1] - value_range[0])
    else:
        pixels = load_image(source, value_range=None if source in BUILT_IN else value_range).pixels
    if pixels.shape != shape:
        turned = " One of them is turned." if pixels.shape == (shape[1], shape[0], shape[2]) != shape else ""
        raise ValueError(
            f"The truth {shown(source)} is {_times(pixels.shape)}, and what is reconstructed {_times(shape)}.{turned}"
        )
    return torch.from_numpy(np.ascontiguousarray(pixels).reshape(-1, shape[2])), data_range


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
