"""One's own measurements: the files they come in, and images of which the truth may not be known."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bwtheory.files import write_bytes
from bwtheory.tasks.images import load_image, read_levels
from bwtheory.tasks.operators import LinearOperator
from bwtheory.tasks.task import ImageTask, hold_out, pixel_coordinates

TEXT = (".csv", ".tsv", ".txt", ".dat")


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
        image = self.scale * values.cpu().numpy().reshape(*self.shape, -1)
        content = BytesIO()
        np.save(content, image[..., 0] if image.shape[-1] == 1 else image)
        write_bytes(path.with_suffix(".npy"), content.getbuffer())

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
    """
    if not (noise_std >= 0 and math.isfinite(noise_std)):
        raise ValueError(f"The noise has a finite standard deviation >= 0; got {noise_std}.")
    grid, channels, data_range = pixel_coordinates(*shape, coords), measurements.shape[1], 1.0
    if isinstance(truth, str):
        truth, data_range = load_truth(truth, (*shape, channels))
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
    )
    return hold_out(task, held_out, data_seed)


def read_numbers(source: str, what: str) -> np.ndarray:
    """Finite real numbers of a file, float64: of .npy, of text (.csv, .tsv, .txt, .dat), or the levels of an image as stored.

    ValueError, which says ``what`` the file should hold, if there is none, if it cannot be read, or if it holds other things.
    """
    path = Path(source)
    if not path.is_file():
        raise ValueError(f"There is no file {source!r} of {what}.")
    try:
        numbers = _read_array(path)
    except (ValueError, EOFError, UnpicklingError) as error:
        raise ValueError(f"{path} cannot be read as {what}: {' '.join(str(error).split()).rstrip('.')}.") from None
    if numbers.dtype.kind not in "biuf" or not numbers.size or not np.isfinite(numbers).all():
        raise ValueError(f"{path} should hold {what}, finite real numbers; it has {_times(numbers.shape)} of {numbers.dtype}.")
    return numbers.astype(np.float64)


def _read_array(path: Path) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return np.lib.format.read_array(BytesIO(path.read_bytes()), allow_pickle=False)
    if suffix not in TEXT:
        return read_levels(path)
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.partition("#")[0].strip()]
    if not lines:
        return np.empty(0)
    return np.loadtxt(lines, delimiter=next((mark for mark in ",;" if mark in lines[0]), None), ndmin=2)


def joint_hash(*sources: str) -> str:
    """The SHA-256 of a file, or one for several; names of other data stand for themselves."""
    contents = (path.read_bytes() if (path := Path(source)).is_file() else source.encode() for source in sources)
    digests = [hashlib.sha256(content) for content in contents]
    return digests[0].hexdigest() if len(digests) == 1 else hashlib.sha256(b"".join(d.digest() for d in digests)).hexdigest()


def load_truth(source: str, shape: tuple[int, int, int]) -> tuple[Tensor, float]:
    """What to compare an image of this shape (H, W, C) with, (H·W, C), and its range.

    The range is 1 for an image, whose levels are in [0, 1], and the largest absolute value of a .npy or text file.
    ValueError if there is no such file or image, or for one of another shape.
    """
    is_array = Path(source).suffix.lower() in (".npy", *TEXT)
    pixels = read_numbers(source, "a truth") if is_array else load_image(source).pixels
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.shape != shape:
        raise ValueError(f"The truth {source} is {_times(pixels.shape)}, and what is reconstructed {_times(shape)}.")
    return torch.from_numpy(pixels.reshape(-1, shape[2])), (float(np.abs(pixels).max()) or 1.0) if is_array else 1.0


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
