"""How good a run is, in words: pure functions of what was learned, the truth and the log."""

from __future__ import annotations

import io
import math
import shlex
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from PIL import Image

from bwtheory.starts import named_start
from bwtheory.tasks import off_grid
from bwtheory.tasks.task import ImageTask, Task, band_errors
from bwtheory.training.config import TrainingConfig
from bwtheory.training.error_map import strips

BLOCK = 8  # pixels along a side, as JPEG's
SETTLED_DB = 0.1  # that the loss may still fall within a tenth of the epochs, and count as settled
UNLEARNED = 0.5  # relative error from which an octave of frequency counts as not learned
ADDED = 1.1  # relative error of an octave that a network without it would not have
OVERFITTED_DB = 0.5  # that an earlier epoch is better against the truth, and worth a word
LARGEST_TRANSFORM = 2**20  # numbers of an image whose error is split by frequency
CLOSE_DB = 30.0  # from which Gauss–Newton steps pay (benchmarks/README.md, "fewer steps")
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Block:
    """Pixels of rows top … bottom and columns left … right, ends included, and their PSNR in dB."""

    top: int
    left: int
    bottom: int
    right: int
    psnr: float


@dataclass(frozen=True)
class Levels:
    """Of the levels of an 8-bit image: the fraction that is another one, and by how many at most."""

    wrong: float
    largest: int


@dataclass(frozen=True)
class Progress:
    """By how many dB the loss falls in a tenth of the epochs, at the end; and how far the last losses lie apart, in dB."""

    gain: float
    spread: float

    @property
    def settled(self) -> bool:
        """Whether more epochs, at the rate of the last ones, would change little."""
        return self.gain < SETTLED_DB

    @property
    def unsteady(self) -> bool:
        """Whether the loss goes up and down by more than it falls."""
        return self.spread > max(3.0, 3 * abs(self.gain))


def worst_block(image: np.ndarray, truth: np.ndarray, side: int = BLOCK) -> Block:
    """The block of side×side pixels, counted from the upper left corner, with the largest mean squared error.

    Images are (H, W, C).  Blocks at the right and lower edge may be smaller; of several the first one, row by row.
    """
    height, width = truth.shape[:2]
    lefts = np.arange(0, width, side)
    worst, found = -1.0, Block(0, 0, 0, 0, math.inf)
    for rows in strips(height, width, side):
        squares = ((image[rows].astype(np.float64) - truth[rows]) ** 2).mean(axis=2)
        tops = np.arange(0, len(squares), side)
        sums = np.add.reduceat(np.add.reduceat(squares, tops, axis=0), lefts, axis=1)
        means = sums / np.outer(np.diff([*tops, len(squares)]), np.diff([*lefts, width]))
        row, column = divmod(int(np.argmax(means)), len(lefts))
        if means[row, column] > worst:
            worst = float(means[row, column])
            top, left = rows.start + int(tops[row]), int(lefts[column])
            psnr = -10 * math.log10(worst) if worst > 0 else math.inf
            found = Block(top, left, min(top + side, height) - 1, min(left + side, width) - 1, psnr)
    return found


def eight_bit_levels(image: np.ndarray, truth: np.ndarray) -> Levels:
    """What is another level once both (H, W, C) are written in 8 bits, clipped to [0, 1]."""
    wrong, largest = 0, 0
    for rows in strips(len(truth), truth.shape[1], 1):
        apart = np.abs(_levels(image[rows]).astype(np.int16) - _levels(truth[rows]))
        wrong, largest = wrong + int((apart > 0).sum()), max(largest, int(apart.max()))
    return Levels(wrong / truth.size, largest)


def bits_per_pixel_as_png(truth: np.ndarray) -> float:
    """Of the image in 8 bits as a PNG, as Pillow writes it; nan for other than 1 or 3 channels."""
    if truth.shape[2] not in (1, 3):
        return math.nan
    levels = np.concatenate([_levels(truth[rows]) for rows in strips(len(truth), truth.shape[1], 1)])
    content = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels).save(content, format="PNG")
    return 8 * len(content.getvalue()) / (int(truth.shape[0]) * int(truth.shape[1]))


def progress(rows: Rows) -> Progress | None:
    """How the loss goes on at the end of the log: means in dB of the last tenth of its rows and of as many
    before, two at least.

    None for fewer than four rows after the first epoch with a loss above 0.
    """
    losses = [(row["epoch"], row["loss"]) for row in rows if row["epoch"] > 0 and _is_positive(row.get("loss"))]
    count = max(2, len(losses) // 10)
    if len(losses) < 2 * count:
        return None
    decibels = [10 * math.log10(loss) for _, loss in losses]
    fell = statistics.fmean(decibels[-2 * count : -count]) - statistics.fmean(decibels[-count:])
    took = statistics.fmean(e for e, _ in losses[-count:]) - statistics.fmean(e for e, _ in losses[-2 * count : -count])
    if took <= 0:  # a log that nobody of ours has written
        return None
    return Progress(fell / (10 * took / losses[-1][0]), max(decibels[-count:]) - min(decibels[-count:]))


def quality(config: TrainingConfig, task: Task, values: np.ndarray, parameters: int | None) -> dict[str, Any]:
    """Numbers on values (P, C) on the grid, for a summary; empty for what is no image, or has no truth.

    worst_block : rows and columns from … to, and the PSNR in dB (None for an exact block)
    wrong_levels, largest_level_error : as ``eight_bit_levels`` has them
    band_errors : as the function of this name has them; left out for large images, as it takes a multiple of their memory
    bits_per_pixel, png_bits_per_pixel : of the weights as they are stored, and of the truth as an 8-bit PNG
    """
    if not isinstance(task, ImageTask) or not len(task.truth):
        return {}
    image, truth = in_unit_range(task, values)
    block, levels, png = worst_block(image, truth), eight_bit_levels(image, truth), bits_per_pixel_as_png(truth)
    found: dict[str, Any] = {
        "worst_block": {
            "rows": [block.top, block.bottom],
            "columns": [block.left, block.right],
            "psnr": block.psnr if math.isfinite(block.psnr) else None,
        },
        "wrong_levels": levels.wrong,
        "largest_level_error": levels.largest,
    }
    if image.size <= LARGEST_TRANSFORM:
        found["band_errors"] = band_errors(image.astype(np.float64), truth)
    if parameters:
        found["bits_per_pixel"] = (64 if config.double else 32) * parameters / (truth.shape[0] * truth.shape[1])
        found["png_bits_per_pixel"] = None if math.isnan(png) else png
    return found


def in_unit_range(task: ImageTask, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (P, C) on the grid and the truth as images (H, W, C), in units of the truth's range."""
    scale = getattr(task, "data_range", 1.0)
    image, truth = (np.asarray(part).reshape(*task.shape, -1) for part in (values, task.truth))
    return (image, truth) if scale == 1 else (image.astype(np.float64) / scale, truth / scale)


def last_lines(config: TrainingConfig, summary: Mapping[str, Any], rows: Rows, folder: Path) -> list[str]:
    """What a run says of itself at its end, after its score; at the very end that it is noise between its pixels, if it is."""
    tries = (f"To try: {each}." for each in advice(config, summary, rows, folder))
    return [*sentences(config, summary, rows), *tries, *noise_between_pixels(config, summary)]


def noise_between_pixels(config: TrainingConfig, summary: Mapping[str, Any]) -> list[str]:
    """Of an image run that is noise between its pixels: that it is, and what to do."""
    excess = summary.get("off_grid_excess")
    if not (is_number(excess) and off_grid.is_noise(excess)):
        return []
    smoother = off_grid.advice(config.activation, config.options, named_start(config.init, config.init_options))
    return [f"Noise between the pixels: {off_grid.in_words(excess)}; {smoother}."]


def sentences(config: TrainingConfig, summary: Mapping[str, Any], rows: Rows) -> list[str]:
    """What the numbers of a summary, with those of ``quality``, and of the log say; best read after the score."""
    said = []
    if (block := worst_block_of(summary)) is not None:
        where = f"rows {block.top}–{block.bottom}, columns {block.left}–{block.right}"
        psnr = f"{block.psnr:.1f} dB" if math.isfinite(block.psnr) else "exact"
        said.append(f"Worst {BLOCK}×{BLOCK} block: {psnr} ({where}).")
    if is_number(largest := summary.get("largest_level_error")) and is_number(wrong := summary.get("wrong_levels")):
        said.append(
            f"Written in 8 bits, {percentage(wrong)} of the levels differ, by {largest} of 255 at most."
            if largest
            else "Written in 8 bits it is the image, level by level."
        )
    if is_number(bits := summary.get("bits_per_pixel")) and config.task == "signal":
        png = summary.get("png_bits_per_pixel")
        beside = f"; a PNG of the image, which is exact, has {png:.3g}" if is_number(png) else ""
        said.append(f"The weights take {bits:.3g} bits a pixel{beside}.")
    grid, between = summary.get("grid_psnr", summary.get("psnr")), summary.get("off_grid_psnr")
    if is_number(grid) and is_number(between):
        said.append(f"On the pixels {grid:.2f} dB, between them {between:.2f} dB.")
    moves = progress(rows)
    if moves is not None:
        if moves.unsteady:
            said.append(f"The loss is unsteady: it varies by {moves.spread:.1f} dB within the last tenth of the epochs.")
        elif moves.settled:
            said.append(f"It has settled: the loss fell by {max(moves.gain, 0):.2g} dB in the last tenth of the epochs.")
        else:
            said.append(f"It still gets better: the loss fell by {moves.gain:.2g} dB in the last tenth of the epochs.")
    return said


def worst_block_of(summary: Mapping[str, Any]) -> Block | None:
    """What ``quality`` has noted of it; None where a file says nothing that could be meant so."""
    found = summary.get("worst_block")
    if not isinstance(found, Mapping):
        return None
    places = [place for name in ("rows", "columns") if isinstance(found.get(name), list) for place in found[name]]
    psnr = math.inf if found.get("psnr") is None else found["psnr"]
    if len(places) != 4 or not all(isinstance(place, int) for place in places) or not isinstance(psnr, int | float):
        return None
    return Block(places[0], places[2], places[1], places[3], psnr)


def advice(config: TrainingConfig, summary: Mapping[str, Any], rows: Rows, folder: Path) -> list[str]:
    """What to try next, most promising first, without a full stop; empty if nothing suggests itself.  As ``sentences``."""
    found = []
    moves = progress(rows)
    score = summary.get("psnr")
    oracle = summary["oracle"] if isinstance(summary.get("oracle"), Mapping) else {}
    best = oracle.get("psnr")
    if is_number(score) and is_number(best) and best - score > OVERFITTED_DB:
        found.append(
            f"stopping earlier: epoch {oracle.get('epoch')} was {best - score:.1f} dB better against the truth, and "
            "--held-out 0.1 --stop-rule held-out finds such an epoch without it"
        )
    elif moves is not None and not moves.settled and not moves.unsteady and config.stop_rule == "last":
        trust = " --trust" if config.foreign_code else ""
        found.append(f"more epochs: bwtheory train --resume {shlex.quote(str(folder))} --epochs {2 * config.epochs}{trust}")
    if moves is not None and moves.unsteady:
        found.append(f"a smaller learning rate, such as --lr {config.lr / 3:.1g}")
    if not (config.task == "signal" and is_number(score)):
        return found
    bands = summary.get("band_errors")
    known = [error for error in bands if is_number(error)] if isinstance(bands, list) else []
    first = next((k for k, error in enumerate(known) if error > UNLEARNED), 0)
    knob = _knob(config)
    if score < CLOSE_DB and first > 0 and max(known[first:]) > ADDED:
        named = f", and a smaller {knob} adds less" if knob else ""
        found.append(f"less noise: from {2**first} cycles an image on the network adds more than the image has{named}")
    elif score < CLOSE_DB and first > 0:
        named = f", and a larger {knob} reaches them" if knob else ""
        found.append(f"detail: frequencies from {2**first} cycles an image on are not learned{named}")
    elif score < CLOSE_DB and moves is not None and moves.settled:
        found.append(f"a wider network, such as --hidden-features {2 * config.hidden_features}")
    elif score >= CLOSE_DB and config.gauss_newton_after is None and summary.get("largest_level_error"):
        more = config.epochs + 200
        found.append(f"a close fit by Gauss–Newton steps, in another run: --gauss-newton-after {config.epochs} --epochs {more}")
    return found


def _knob(config: TrainingConfig) -> str | None:
    """The flag that makes a network rougher or smoother, if it has one: a start by scales leaves to c only step sizes."""
    start = named_start(config.init, config.init_options)
    return _KNOBS.get(config.activation) if start is None or start.gain is None else "--gain"


_KNOBS = {"bw-relu": "--c", "siren": "--omega-0", "wire": "--omega-0", "finer": "--omega-0", "gauss": "--sigma-0"}


def of_seeds(name: str, unit: str, scores: Sequence[float]) -> str:
    """ "psnr 28.31 ± 0.42 dB (mean ± standard deviation of 5 seeds)"; seeds with an exact fit are counted, not averaged."""
    finite = [score for score in scores if math.isfinite(score)]
    if not finite:
        return f"{name} exact with all {len(scores)} seeds"
    exact = f"; {len(scores) - len(finite)} of {len(scores)} exact" if len(finite) < len(scores) else ""
    kind = f"mean ± standard deviation of {len(finite)} seeds" if len(finite) > 1 else "one seed"
    return f"{name} {mean_and_deviation(finite)} {unit}".rstrip() + f" ({kind}{exact})"


def mean_and_deviation(values: Sequence[float]) -> str:
    """ "28.31 ± 0.42", two digits of the standard deviation; a single value alone."""
    if len(values) < 2:
        return f"{values[0]:.4g}"
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    digits = max(0, 1 - math.floor(math.log10(deviation))) if deviation > 0 else 2
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}" if digits <= 6 else f"{mean:.4g} ± {deviation:.2g}"


def percentage(fraction: float) -> str:
    """Of a fraction in [0, 1]: what is not all is never "100 %", and what is not nothing never "0 %"."""
    percent = 100 * fraction
    if fraction in (0, 1):
        return f"{percent:.0f} %"
    return f"{percent:.2g} %" if percent < 1 else f"{min(percent, 99.9):.1f} %"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value from a file is a finite number; true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _levels(values: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(values.astype(np.float64), 0, 1)).astype(np.uint8)


def _is_positive(value: Any) -> TypeGuard[float]:
    return is_number(value) and value > 0
