"""Images as arrays with 0 for black and 1 for white: files as their format says, or scikit-image's by name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from bwtheory.files import write_bytes
from bwtheory.tasks.image_files import LARGEST_IMAGE, Given, Levels, count_pixels, name_of, read_levels
from bwtheory.tasks.sources import BUILT_IN, find_file, find_image, format_of, shadowed, shown

# The paper's images, recognized by their content; they are not part of this repository.
PAPER_IMAGES = {
    "bae785b3236037abe32914516e758ea108eac0a2f3430f3f4216574bbae6ea51": "the paper's cameraman (Figure 5)",
    "8690d234c3cabdb7758d62457e20b0c7b09cf063e324c27de8c69fd8f0c54072": "the paper's chest X-ray (Figures 4 and 7)",
}
IMAGE_OF_FIGURE = dict(zip(("fig5", "fig4"), PAPER_IMAGES)) | {"fig7": list(PAPER_IMAGES)[1]}  # the others are not public
OCTAVES_SIDE = 128
ROUNDING = 1e-3  # beyond [0, 1] that float pixels have after a filter or an interpolation, for a hint only


@dataclass(frozen=True)
class LoadedImage:
    """Pixels (H, W, C) float64, 0 for black and 1 for white, C = 1 or 3.

    sha256 : of the file (of the pixels for a built-in image)
    shrink : the factor by which it has been made smaller
    notes : sentences about what was read that its user should see
    value_range : the file's numbers for 0 and 1, if they were given
    finer : pixels (H', W', C) before it was made smaller by ``shrunk``
    """

    pixels: np.ndarray
    name: str
    sha256: str
    shrink: int = 1
    notes: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None
    finer: np.ndarray | None = None

    @property
    def label(self) -> str:
        """The image's name, or which of the paper's images it is, and how it was made smaller."""
        label = PAPER_IMAGES.get(self.sha256, self.name)
        return label if self.shrink == 1 else f"{label}, 1/{self.shrink} of its size"

    def shrunk(self, factor: int) -> LoadedImage:
        """Height and width divided by a factor >= 1 (rounded down), with anti-aliasing; ValueError for another factor."""
        if factor < 1:
            raise ValueError(f"An image is made smaller by a factor shrink >= 1; got {factor}.")
        if factor == 1:
            return self
        from skimage.transform import resize

        small = [max(1, side // factor) for side in self.pixels.shape[:2]]
        pixels = resize(self.pixels, small, anti_aliasing=True, preserve_range=True)  # between the least and the largest
        return replace(self, pixels=pixels, shrink=self.shrink * factor, finer=self.pixels)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Values (Q, C) at rows and columns (Q, 2) of pixels, whole or not, of an image that has been ``shrunk``.

        It is what scikit-image's ``resize`` takes the pixels from: the finer image with anti-aliasing, linear between its
        pixels.  At whole numbers these are the pixels.
        """
        assert self.finer is not None
        factors = np.array(self.finer.shape[:2]) / self.pixels.shape[:2]
        where = ((places + 0.5) * factors - 0.5).T
        channels = [
            map_coordinates(gaussian_filter(channel, (factors - 1) / 2, mode="mirror"), where, order=1, mode="mirror")
            for channel in np.moveaxis(self.finer, 2, 0)
        ]
        return np.stack(channels, axis=1)


def load_image(
    source: str | Given,
    seen: np.ndarray | None = None,
    *,
    shrink: int = 1,
    value_range: Sequence[float] | None = None,
) -> LoadedImage:
    """Read an image.

    Parameters
    ----------
    source : a name of ``BUILT_IN``, the path of a file as ``read_levels`` takes it (./camera is a file), or an image in memory
    seen : (H, W) booleans, some of them true; the other pixels of a file may hold anything, and come back as a seen one
    shrink : factor >= 1 by which it is made smaller: with anti-aliasing as ``shrunk`` does it, or by means over blocks if it
        is too large to be read whole
    value_range : the numbers of a file that mean black and white; without it as the format says: see ``unit_values``

    Raises
    ------
    ValueError
        If there is no such file or name, if it is not read (with the reason), or has not as many pixels as ``seen``.
    """
    if shrink < 1:
        raise ValueError(f"An image is made smaller by a factor shrink >= 1; got {shrink}.")
    if not isinstance(source, str):
        return _in_memory(source, value_range).shrunk(shrink)
    path = find_image(source)
    if path:
        by_blocks = shrink if shrink > 1 and count_pixels(path) > LARGEST_IMAGE else 1
        levels = read_levels(path, by_blocks)
        _refuse_another_size(source, levels.numbers.shape, seen)
        if seen is not None:
            numbers = levels.numbers.copy()
            numbers[~seen] = numbers[seen][0]
            levels = replace(levels, numbers=numbers)
        pixels = unit_values(levels, shown(path), value_range)
        notes = *_transparent(levels, shown(path)), *_dark(levels, pixels, shown(path), value_range)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        return LoadedImage(pixels, path.stem, found, by_blocks, notes, _pair(value_range)).shrunk(shrink // by_blocks)
    if value_range is not None:
        raise ValueError(f"A value range says what the numbers of a file mean; {source} is a built-in image.")
    loaded = _built_in(source)
    _refuse_another_size(source, loaded.pixels.shape, seen)
    return loaded.shrunk(shrink)


def _in_memory(source: Given, value_range: Sequence[float] | None) -> LoadedImage:
    levels = read_levels(source)
    name, numbers = name_of(source), levels.numbers
    pixels = unit_values(levels, name, value_range)
    notes = *_transparent(levels, name), *_dark(levels, pixels, name, value_range)
    about = f"{numbers.shape} {numbers.dtype}".encode()
    sha256 = hashlib.sha256(about + np.ascontiguousarray(numbers).tobytes()).hexdigest()
    label = f"{name.lower().removeprefix('the ')} {numbers.shape[0]}×{numbers.shape[1]}"
    return LoadedImage(pixels, label, sha256, notes=notes, value_range=_pair(value_range))


def image_hash(source: str) -> str:
    """The SHA-256 that ``load_image`` has, without decoding a file."""
    path = find_file(source, BUILT_IN)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else load_image(source).sha256


def _built_in(name: str) -> LoadedImage:
    from skimage import data as samples

    if name == "octaves":
        pixels = octaves()
    else:
        numbers = np.asarray(getattr(samples, name)())
        numbers = numbers if numbers.ndim == 3 else numbers[..., None]
        black, white = (0.0, 255.0) if numbers.dtype == np.uint8 else (0.0, 1.0)
        pixels = unit_values(Levels(numbers, name, black, white), name)
    found = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    return LoadedImage(pixels, name, found, notes=shadowed(name, BUILT_IN))


def _refuse_another_size(source: str, shape: tuple[int, ...], seen: np.ndarray | None) -> None:
    if seen is None or shape[:2] == seen.shape:
        return
    (height, width), (rows, columns) = shape[:2], seen.shape
    likely = ""
    if (height, width) == (columns, rows):
        likely = "; one of them is turned"
    elif height * columns == width * rows:
        likely = "; one of them has been made smaller or larger"
    raise ValueError(
        f"{shown(source)} has {height}×{width} pixels and its mask {rows}×{columns}; they must be of one size{likely}."
    )


def octaves(side: int = OCTAVES_SIDE) -> np.ndarray:
    """Pixels (side, side, 1): one plane wave of the same power for each octave of frequency below the last one, around 1/2.

    Each has whole numbers of cycles along both sides, so that they are orthogonal on the pixels, and a direction of its own.
    """
    y, x = np.mgrid[:side, :side] / side
    count = round(np.log2(side)) - 1
    directions = np.pi * (np.arange(count) * (np.sqrt(5) - 1) / 2 + 0.1)  # golden angles
    cycles = [np.round(1.25 * 2**k * np.array([np.cos(a), np.sin(a)])) for k, a in enumerate(directions)]
    waves = [np.cos(2 * np.pi * (down * y + across * x) + k) for k, (across, down) in enumerate(cycles)]
    pixels: np.ndarray = 0.5 + 0.5 * np.mean(waves, axis=0)[..., None]
    return pixels


def unit_values(levels: Levels, name: str, value_range: Sequence[float] | None = None) -> np.ndarray:
    """Pixels (H, W, C) float64, 0 for black and 1 for white; nothing is clipped.

    Parameters
    ----------
    levels : as ``read_levels`` returns them
    name : of the file, for messages
    value_range : the numbers that mean black and white, the first may be the larger one.  Without it: unsigned integers of up
        to 16 bits by their range, floats in [0, 1] as they are, 0 for white where the file says so.

    Raises
    ------
    ValueError
        For numbers that are not finite, a range that is none, and, without one, for numbers whose format does not say what they
        mean: signed integers, integers of more than 16 bits, floats outside [0, 1].
    """
    numbers = levels.numbers
    if not numbers.size:
        raise ValueError(f"{name} has no pixels.")
    if numbers.dtype.kind == "f" and (count := int((~np.isfinite(numbers)).any(axis=2).sum())):
        raise ValueError(
            f"{name} has {count:,} pixels of {numbers.shape[0] * numbers.shape[1]:,} that are not finite (NaN or infinite); if "
            f"they are unknown, mark them in a --mask of the task inpaint."
        )
    black, white = (levels.black, levels.white) if value_range is None else _pair(value_range) or (None, None)
    if black is None and numbers.dtype.kind == "f":
        black, white = 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    dark, bright = _likely_range(low, high)
    range_is_needed = (
        f"say which are black and white with --value-range LOW HIGH, such as --value-range {dark:.9g} {bright:.9g} "
        f"(in Python value_range=({dark:.9g}, {bright:.9g}))"
    )
    if black is None or white is None:
        raise ValueError(
            f"{name} is {levels.kind}; they go from {low:.9g} to {high:.9g}, and the format does not say which number is black "
            f"and which white: {range_is_needed}."
        )
    if value_range is None and numbers.dtype.kind == "f" and max(black, white) == 1 and (low < 0 or high > 1):
        raise ValueError(
            f"{name} is {levels.kind}; floats are read from 0 for black to 1 for white, and these go from {low:.9g} to "
            f"{high:.9g}: {range_is_needed}."
        )
    with np.errstate(over="ignore"):
        pixels = (numbers.astype(np.float64) - black) / (white - black) + 0.0  # 0 instead of -0
    if not np.isfinite(pixels).all():
        outside = f"far outside of the range from {black:.9g} to {white:.9g}"
        raise ValueError(f"{name} has numbers from {low:.9g} to {high:.9g}, {outside}.")
    return pixels


def _likely_range(low: float, high: float) -> tuple[float, float]:
    """The numbers of black and white in a hint: those of 8 or 16 bits, or of [0, 1] up to rounding, else the extremes."""
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return 0.0, 1.0
    return next(((0.0, white) for white in (255.0, 65535.0) if low >= 0 and white / 2 < high <= white), (low, high))


def _pair(value_range: Sequence[float] | None) -> tuple[float, float] | None:
    if value_range is None:
        return None
    try:
        black, white = (float(number) for number in value_range if not isinstance(number, str))
    except (TypeError, ValueError, OverflowError):
        black = white = math.nan
    if not (math.isfinite(white - black) and white != black):
        raise ValueError(f"A value range is two different finite numbers, for black and for white; got {value_range!r}.")
    return black, white


def _transparent(levels: Levels, name: str) -> tuple[str, ...]:
    count = 0 if levels.alpha is None else int((levels.alpha < 1).sum())
    if not count:
        return ()
    total = levels.numbers.shape[0] * levels.numbers.shape[1]
    return (f"{name} has {count:,} transparent pixels of {total:,}; the colours that are stored there are used as they are.",)


def _dark(levels: Levels, pixels: np.ndarray, name: str, value_range: Sequence[float] | None) -> tuple[str, ...]:
    """A note where the brightest number needs four bits less than white: 12 bits in 16, or truth values in 8."""
    brightest = float(pixels.max())
    if value_range is not None or levels.numbers.dtype.kind == "f" or not 0 < brightest < 1 / 16:
        return ()
    return (
        f"{name} is dark: its numbers go from {levels.numbers.min()} to {levels.numbers.max()}, and white is {levels.white:g}; "
        f"if another number is white, say so with --value-range.",
    )


def save_array(path: Path, values: np.ndarray) -> None:
    """Write (H, W, C) values as .npy, (H, W) for C = 1."""
    array = np.ascontiguousarray(values[..., 0] if values.shape[-1] == 1 else values)
    content = BytesIO()
    np.save(content, array)
    write_bytes(path, content.getbuffer())


def save_image(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W, C) values in 8 bits, clipped to [0, 1]: gray, colour, or for other C the norm over the channels.

    The format is that of the name, see ``format_of``; ValueError for another one.
    """
    written = format_of(path)
    if pixels.shape[-1] not in (1, 3):
        pixels = np.linalg.norm(pixels, axis=-1, keepdims=True)
    levels = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(content, format=written, quality=95)
    write_bytes(path, content.getvalue())
