"""Where a reconstruction is wrong: the absolute error of each pixel, in colours that everybody can tell apart."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

COLOURS = "viridis"  # even in lightness, for any colour vision and in grey print
DECADES = 4.0  # that a logarithmic scale shows below the largest error


def absolute_error(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(H, W): of the channels of (H, W, C) the one that is furthest off."""
    return np.abs(image - truth).max(axis=2)


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

    with np.errstate(divide="ignore"):
        place = np.log(np.clip(error, low, high) / low) / math.log(high / low)
    return np.round(255 * colormaps[COLOURS](place)[..., :3]).astype(np.uint8)


def save_error_map(path: Path, image: np.ndarray, truth: np.ndarray) -> None:
    """Write the error map of (H, W, C) as a PNG with its scale beside it."""
    from matplotlib.colors import LogNorm

    from bwtheory.plots import canvas, in_style, save_png

    error = absolute_error(image, truth)
    low, high = common_scale([error])
    with in_style():
        figure, axes = canvas(5.2, 4.2)
        shown = axes.imshow(np.clip(error, low, high), cmap=COLOURS, norm=LogNorm(low, high), interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"absolute error, largest {error.max():.3g}; white is 1")
        figure.colorbar(shown, ax=axes, shrink=0.85)
        save_png(figure, path)
