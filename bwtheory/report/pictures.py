"""Pictures in the page: PNG as data URIs, made smaller where that loses nothing on a screen."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bwtheory.files import read_bytes
from bwtheory.report.runs import Evaluated
from bwtheory.tasks import ImageTask
from bwtheory.tasks.task import image_extent

LONGEST_SIDE = 640  # pixels of an embedded picture
CROP_SIDE, FINER = 32, 4  # pixels of the crop, and points of the network along each of them
LARGEST_FILE = 2**26  # bytes of a picture in a folder


@dataclass(frozen=True)
class Picture:
    """A picture, its text alternative, what to write below it, and by how much it was made smaller."""

    uri: str
    width: int
    height: int
    alternative: str
    caption: str = ""
    shrunk: int = 1


def of_values(pixels: np.ndarray, alternative: str, caption: str = "", enlarge: int = 1) -> Picture:
    """Values (H, W, C) from 0 for black to 1 for white, clipped; means over blocks if it is large."""
    factor = factor_for(pixels.shape[:2])
    levels = np.rint(255 * np.clip(block_means(_visible(pixels), factor), 0, 1)).astype(np.uint8)
    return _picture(levels.repeat(enlarge, axis=0).repeat(enlarge, axis=1), alternative, caption, factor)


def of_levels(levels: np.ndarray, alternative: str, caption: str = "", shrunk: int = 1) -> Picture:
    """(H, W, 3) levels of 8 bits, as they are."""
    return _picture(levels, alternative, caption, shrunk)


def of_file(path: Path, alternative: str, caption: str = "") -> Picture | None:
    """A picture of a run folder, decoded and written anew; None if it is none that can be read."""
    try:
        content = read_bytes(path, LARGEST_FILE)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as file:
            image = file.convert("RGB")
            image.thumbnail((2 * LONGEST_SIDE, 2 * LONGEST_SIDE), Image.Resampling.LANCZOS)
            return _picture(np.asarray(image), alternative, caption, 1)
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return None


def factor_for(shape: tuple[int, ...]) -> int:
    """By which whole number a picture is made smaller."""
    return -(-max(shape) // LONGEST_SIDE)


def block_means(pixels: np.ndarray, factor: int) -> np.ndarray:
    """(H, W, C): means over blocks of factor×factor pixels, the last ones may be smaller."""
    if factor == 1:
        return pixels
    sums, counts = (_block_sums(part, factor) for part in (pixels, np.ones((*pixels.shape[:2], 1))))
    means: np.ndarray = sums / counts
    return means


def most_detailed(truth: np.ndarray, side: int = CROP_SIDE) -> tuple[slice, slice]:
    """Rows and columns of the window, on a lattice of half its side, in which the image (H, W, C) varies most."""
    height, width = truth.shape[:2]
    down, across = min(side, height), min(side, width)
    step = max(1, side // 2)
    corners = [
        (top, left)
        for top in sorted({*range(0, height - down + 1, step), height - down})
        for left in sorted({*range(0, width - across + 1, step), width - across})
    ]
    top, left = max(corners, key=lambda c: truth[c[0] : c[0] + down, c[1] : c[1] + across].var(axis=(0, 1)).sum())
    return slice(top, top + down), slice(left, left + across)


def between_pixels(run: Evaluated, window: tuple[slice, slice], finer: int = FINER) -> np.ndarray:
    """(H·finer, W·finer, C): the network at so many points along each side of the window's pixels, in their middles."""
    task = run.task
    assert isinstance(task, ImageTask)
    height, width = task.shape
    reach = image_extent(height, width, run.config.coords)
    axes = []
    for part, count, end in zip(window[::-1], (width, height), reach):
        place = part.start + (np.arange((part.stop - part.start) * finer) + 0.5) / finer - 0.5  # in pixels
        axes.append(-end + 2 * end * place / (count - 1) if count > 1 else np.zeros(len(place)))
    x, y = np.meshgrid(*axes)
    return run.at(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(*x.shape, -1)


def _block_sums(pixels: np.ndarray, factor: int) -> np.ndarray:
    rows, columns = (np.arange(0, side, factor) for side in pixels.shape[:2])
    return np.add.reduceat(np.add.reduceat(pixels, rows, axis=0), columns, axis=1)


def _visible(pixels: np.ndarray) -> np.ndarray:
    """One channel or three; of others the norm, as in reconstruction.png."""
    return pixels if pixels.shape[-1] in (1, 3) else np.linalg.norm(pixels, axis=-1, keepdims=True)


def _picture(levels: np.ndarray, alternative: str, caption: str, shrunk: int) -> Picture:
    array = levels[..., 0] if levels.ndim == 3 and levels.shape[-1] == 1 else levels
    content = io.BytesIO()
    image = Image.fromarray(array)
    if array.ndim == 3 and len(image.getcolors(256) or ()):  # an error map has few colours: a byte a pixel is enough
        image = image.quantize(256, dither=Image.Dither.NONE)
    image.save(content, format="PNG", optimize=True)
    uri = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode("ascii")
    return Picture(uri, array.shape[1], array.shape[0], alternative, caption, shrunk)
