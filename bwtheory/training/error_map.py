"""Where a reconstruction is wrong: the absolute error of each pixel, in colours that everybody can tell apart."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bwtheory.files import write_bytes

COLOURS = "viridis"  # even in lightness, for any colour vision and in grey print
STRIP = 2**16  # pixels that are looked at together
LARGEST_SIDE, SMALLEST_SIDE = 1024, 256  # pixels of the map
BESIDE, MARGIN = 72, 14  # pixels for the scale, and around it
DECADES = 4.0  # that a logarithmic scale shows below the largest error


def strips(height: int, width: int, multiple: int) -> Iterator[slice]:
    """Rows of an image, some 2^16 pixels at a time and a multiple of so many rows: temporaries stay small beside the image."""
    count = multiple * max(1, STRIP // (multiple * width))
    for start in range(0, height, count):
        yield slice(start, min(start + count, height))


def absolute_error(image: np.ndarray, truth: np.ndarray, factor: int = 1) -> np.ndarray:
    """(H, W): of the channels of (H, W, C) the one that is furthest off, in float64.

    With a ``factor`` the largest of each block of factor×factor pixels, so that no error disappears; the last blocks may be
    smaller.
    """
    height, width = truth.shape[:2]
    found = []
    for rows in strips(height, width, factor):
        error = np.abs(image[rows].astype(np.float64) - truth[rows]).max(axis=2)
        if factor > 1:
            error = np.maximum.reduceat(error, np.arange(0, error.shape[0], factor), axis=0)
            error = np.maximum.reduceat(error, np.arange(0, width, factor), axis=1)
        found.append(error)
    return np.concatenate(found)


def common_scale(errors: list[np.ndarray]) -> tuple[float, float]:
    """Ends of a logarithmic scale for several error maps.

    The upper end is the largest error of all.  The lower one is a tenth of the smallest median, so that the best of them is
    seen, too: at least ``DECADES`` below the upper end, and at most three times as far.  For errors that are all 0, (1e-4, 1).
    """
    largest = max((float(error.max()) for error in errors), default=0.0)
    if not (0 < largest < math.inf):
        return 10.0**-DECADES, 1.0
    lowest = min((float(np.median(error)) for error in errors), default=0.0) / 10
    return largest * min(10.0**-DECADES, max(lowest / largest, 10.0 ** (-3 * DECADES))), largest


def coloured(error: np.ndarray, low: float, high: float) -> np.ndarray:
    """(H, W, 3) levels of 8 bits: the errors' logarithms between low and high, dark to bright."""
    from matplotlib import colormaps

    table = np.round(255 * colormaps[COLOURS](np.arange(256))[:, :3]).astype(np.uint8)
    place = np.log(np.clip(error, low, high) / low) / math.log(high / low)
    colours: np.ndarray = table[np.minimum(256 * place, 255).astype(np.uint8)]
    return colours


def save_error_map(path: Path, image: np.ndarray, truth: np.ndarray) -> None:
    """Write the error map of (H, W, C) as a PNG, with its logarithmic scale beside it; large images are made smaller."""
    longest = max(truth.shape[:2])
    error = absolute_error(image, truth, -(-longest // LARGEST_SIDE))
    largest = float(error.max())
    low, high = common_scale([error])
    pixels = coloured(error, low, high)
    enlarge = max(1, SMALLEST_SIDE // longest)
    pixels = pixels.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    height, width = max(len(pixels), SMALLEST_SIDE), pixels.shape[1]
    page = Image.new("RGB", (width + BESIDE, height), "white")
    page.paste(Image.fromarray(pixels), (0, 0))
    bar = coloured(np.geomspace(high, low, height - 2 * MARGIN)[:, None].repeat(16, axis=1), low, high)
    page.paste(Image.fromarray(bar), (width + MARGIN, MARGIN))
    draw = ImageDraw.Draw(page)
    decades = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    marks = {10.0**power: f"1e{power}" for power in decades[:: -(-len(decades) // 8) or 1]}
    for number, text in marks.items():
        y = MARGIN + (height - 2 * MARGIN) * math.log(high / number) / math.log(high / low)
        draw.line([(width + MARGIN + 16, y), (width + MARGIN + 20, y)], fill="black")
        draw.text((width + MARGIN + 24, y - 5), text, fill="black")
    draw.text((width + 4, 1), f"max {largest:.2g}", fill="black")
    content = io.BytesIO()
    page.save(content, format="PNG")
    write_bytes(path, content.getvalue())
