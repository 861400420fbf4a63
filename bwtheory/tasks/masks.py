"""Masks: which pixels of an image are seen, from files that are hardly ever two-valued."""

from __future__ import annotations

import numpy as np

from bwtheory.tasks.image_files import Levels, read_levels
from bwtheory.tasks.sources import find_mask, shown

BETWEEN = 0.25  # of the way from hidden to seen, and as far from seen: neither
MOST_BETWEEN = 0.25  # of the pixels: above, it is a picture; of levels that are spread evenly, half are between


def read_mask(source: str) -> tuple[np.ndarray, str]:
    """(H, W) booleans, true where a pixel is seen, and a sentence that says how they were found.

    A pixel is seen where it is nearer to the mask's brightest level than to its darkest; NaN is hidden.  Channels that do not
    vary say nothing; if only the transparency varies, what is transparent is hidden.

    Raises
    ------
    ValueError
        If there is no such file or it is not read; if nothing is hidden or nothing is seen; if the levels are too near to each
        other, mostly in between, or differ from channel to channel, so that it is a picture and no mask.
    """
    path = find_mask(source)
    name, levels = shown(path), read_levels(path)
    if levels.numbers.dtype.kind not in "biuf":
        raise ValueError(f"A mask has real numbers; {name} has {levels.numbers.dtype}.")
    unknown = (
        ~np.isfinite(levels.numbers).all(axis=2)
        if levels.numbers.dtype.kind == "f"
        else np.zeros(levels.numbers.shape[:2], bool)
    )
    if levels.black is not None and levels.white is not None and levels.black > levels.white:  # white is zero
        levels = Levels(levels.black - levels.numbers.astype(np.float64), levels.kind, 0.0, levels.black, levels.alpha)
    channels = [channel for channel in np.moveaxis(levels.numbers, 2, 0) if _two_levels(channel[~unknown], levels.white)]
    if levels.alpha is not None and _two_levels(levels.alpha[~unknown], 1.0):
        channels.append(levels.alpha)
    if not channels:
        if unknown.any() and not unknown.all():
            return ~unknown, _counted(name, ~unknown, "those that are not NaN")
        raise ValueError(_says_nothing(name, levels))
    parts = np.stack([_unit(channel, unknown) for channel in channels])
    apart = float((parts.max(axis=0) - parts.min(axis=0) > 1 - 2 * BETWEEN)[~unknown].mean())
    if apart > 0.05:
        raise ValueError(
            f"The channels of the mask {name} (colours, transparency) disagree in {apart:.0%} of the pixels; save it in gray: "
            f"white where a pixel is seen, black where it is hidden."
        )
    part = parts.mean(axis=0)
    between = int(((part > BETWEEN) & (part < 1 - BETWEEN) & ~unknown).sum())
    if between > MOST_BETWEEN * part.size:
        raise ValueError(
            f"{name} is no mask: {between:,} of its {part.size:,} pixels are neither black nor white; a mask is white where a "
            f"pixel is seen and black where it is hidden."
        )
    seen = (part >= 0.5) & ~unknown
    low, high = float(channels[0][~unknown].min()), float(channels[0][~unknown].max())
    rule = f"those of at least {(low + high) / 2:g}, half way from {low:g} to {high:g}"
    return seen, _counted(name, seen, rule + (f"; {between:,} are in between" if between else ""))


def _unit(channel: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    low, high = float(channel[~unknown].min()), float(channel[~unknown].max())
    return np.where(unknown, 0.0, (channel.astype(np.float64) - low) / (high - low))


def _two_levels(values: np.ndarray, white: float | None) -> bool:
    """Whether they vary by half of what is possible, or are 0 and one other level: compression leaves less in one colour."""
    if not values.size or values.min() == values.max():
        return False
    low, high = float(values.min()), float(values.max())
    if high - low >= (white or max(abs(low), abs(high))) / 2:
        return True
    return 0 in (low, high) and bool(((values == low) | (values == high)).all())


def _says_nothing(name: str, levels: Levels) -> str:
    low, high = levels.numbers.min(), levels.numbers.max()
    rule = "a mask is white where a pixel is seen and black where it is hidden"
    if low == high and not (low == 0 or np.isnan(low)):
        return f"Nothing is hidden: the mask {name} is {low} everywhere; {rule}."
    if low == high or np.isnan(low):
        return f"Nothing is seen: the mask {name} is black everywhere; {rule}."
    return f"The levels of the mask {name} are between {low} and {high}, too near to each other; {rule}."


def _counted(name: str, seen: np.ndarray, rule: str) -> str:
    count = int(seen.sum())
    inverted = " If white marks what is hidden, invert the mask." if 2 * count < seen.size else ""
    return f"{count:,} of {seen.size:,} pixels are seen by the mask {name}, {rule}.{inverted}"
