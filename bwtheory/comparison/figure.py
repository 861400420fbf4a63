"""The figure of a comparison: differences, time, tuning, octaves and sizes."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.baselines import BASELINES
from bwtheory.comparison.compare import Comparison
from bwtheory.comparison.scores import (
    EQUAL,
    differences,
    finished,
    mean_in_words,
    number_or_nan,
    psnr_of,
    runs_of,
    scores,
    title_of,
)
from bwtheory.experiments.labels import LABELS, label
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = dict(zip(LABELS, (BLUE, VERMILION, ORANGE, GREEN, SKY, "#CC79A7", "#666666", BLACK)))
DASHES = dict(zip(LABELS, ("-", "--", (0, (5, 1)), "-.", (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)), ":")))


def draw(done: Comparison) -> Figure:
    protocol = done.protocol
    methods = len(protocol.activations) + len(done.baselines)
    figure, grid = canvas(12.5, 2 * (2.2 + 0.12 * methods) + 0.8, nrows=2, ncols=3)
    panels: list[Axes] = list(np.ravel(grid))
    _draw_differences(panels[0], done)
    _draw_time(panels[1], done, "psnr", "PSNR, dB")
    _draw_time(panels[2], done, "ssim", "SSIM")
    _draw_tuning(panels[3], done)
    _draw_octaves(panels[4], done)
    handles, labels = panels[1].get_legend_handles_labels()
    if len(protocol.parameters) > 1:
        _draw_sizes(panels[5], done)
        figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=8)
    else:
        panels[5].set_axis_off()
        panels[5].legend(handles, labels, loc="center", fontsize=9)
    figure.suptitle(title_of(done), fontsize=11)
    return figure


def _draw_differences(axes: Axes, done: Comparison) -> None:
    protocol, size = done.protocol, done.protocol.parameters[0]
    names = [*protocol.activations[1:], *done.baselines]
    for budget in done.budgets:
        found = differences(done, budget, size)
        for place, name in enumerate(names):
            d = found[name]
            if not math.isfinite(d.typical) or (name in BASELINES and budget != done.budgets[0]):
                continue
            y = place + (0.18 if budget == "time" else -0.18) * (len(done.budgets) > 1 and name not in BASELINES)
            reach = [[d.typical - d.lower], [d.upper - d.typical]] if d.shown else None
            fill = "white" if budget == "time" else _colour(name)
            axes.errorbar(d.typical, y, xerr=reach, fmt=_marker(name), color=_colour(name), mfc=fill, ms=5, capsize=2, lw=1)
    axes.axvline(0, color=BLACK, lw=0.8)
    axes.set_yticks(range(len(names)), [label(name) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"PSNR minus {label(protocol.activations[0])}'s, dB")
    axes.set_title("differences, with intervals where shown" + "; hollow: equal time" * (len(done.budgets) > 1), fontsize=9)


def _draw_time(axes: Axes, done: Comparison, metric: str, title: str) -> None:
    """Means over images and seeds at equal fractions of the runs, against the mean time in steps of the first activation."""
    protocol, size, budget = done.protocol, done.protocol.parameters[0], done.budgets[-1]
    first = protocol.activations[0]
    fractions = np.geomspace(0.01, 1, 60)
    for name in protocol.activations:
        curves, times = [], []
        for image in protocol.images:
            unit = done.seconds_of_step(name, size, image) / done.seconds_of_step(first, size, image)
            for run in finished(done, budget, name, size, image):
                rows = [row for row in run.metrics() if row[metric] is not None and math.isfinite(row[metric])]
                if rows:
                    last = run.summary["epochs"]
                    curves.append(np.interp(fractions, [r["epoch"] / last for r in rows], [r[metric] for r in rows]))
                    times.append(last * unit)
        if curves:
            line = DASHES.get(name, "-")
            mean = np.mean(curves, axis=0)
            axes.plot(np.mean(times) * fractions, mean, color=_colour(name), ls=line, lw=1.3, label=label(name))
    for name in done.baselines:
        mean = mean_in_words(scores(done, done.budgets[0], name, size, lambda row: number_or_nan(row[metric])))
        units = [
            done.estimates[name, size, image]["seconds"] / done.seconds_of_step(first, size, image) for image in protocol.images
        ]
        shown = label(name) + " (exact)" * (mean == math.inf)
        height = mean if math.isfinite(mean) else math.nan
        axes.plot(statistics.median(units), height, _marker(name), color=_colour(name), ms=5, label=shown)
    axes.set_xscale("log")
    axes.set_xlabel(f"time, in steps of {label(first)}")
    axes.set_title(title, fontsize=9)


def _draw_tuning(axes: Axes, done: Comparison) -> None:
    """The best score at every learning rate that was tried; hollow where the optimum is at the edge of some axis."""
    for name in done.protocol.activations:
        tuned = done.tuned[name]
        best: dict[float, float] = {}
        for point, score in tuned.scores.items():
            lr = tuned.axes[0].value(point[0])
            best[lr] = max(best.get(lr, -math.inf), score)
        rates = sorted(rate for rate in best if math.isfinite(best[rate]))
        axes.plot(rates, [best[r] for r in rates], color=_colour(name), ls=DASHES.get(name, "-"), marker=".", ms=4, lw=1)
        chosen = tuned.settings["lr"]
        if chosen in rates:
            fill = "white" if tuned.at_an_edge else _colour(name)
            axes.plot(chosen, best[chosen], "o", color=_colour(name), mfc=fill, ms=7)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate, other settings the best tried")
    axes.set_title("tuning: PSNR, dB; hollow: at an edge", fontsize=9)


def _draw_octaves(axes: Axes, done: Comparison) -> None:
    protocol, size = done.protocol, done.protocol.parameters[0]
    for name in (*protocol.activations, *done.baselines):
        if name in BASELINES:
            rows = [done.estimates[name, size, image]["band_errors"] for image in protocol.images]
        else:
            rows = [run.metrics()[-1]["band_errors"] for run in runs_of(done, done.budgets[0], name, size)]
        longest = max(map(len, rows), default=0)
        bands = [[row[k] for row in rows if k < len(row) and row[k] is not None] for k in range(longest)]
        means = [statistics.fmean(band) if band else math.nan for band in bands]
        if any(mean > 0 for mean in means):
            style: dict[str, Any] = (
                {"marker": _marker(name), "lw": 0.8} if name in BASELINES else {"ls": DASHES.get(name, "-"), "lw": 1.3}
            )
            axes.plot([2.0**k for k in range(longest)], means, color=_colour(name), ms=4, **style)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("octave from … cycles an image")
    axes.set_title("relative error by frequency", fontsize=9)


def _draw_sizes(axes: Axes, done: Comparison) -> None:
    protocol = done.protocol
    for name in (*protocol.activations, *(name for name in done.baselines if BASELINES[name].sized)):
        means = [mean_in_words(scores(done, done.budgets[0], name, size, psnr_of)) for size in sorted(protocol.parameters)]
        kept = [(size, mean) for size, mean in zip(sorted(protocol.parameters), means) if math.isfinite(mean)]
        if kept:
            axes.plot(*zip(*kept), color=_colour(name), ls=DASHES.get(name, "-"), marker=_marker(name), ms=4, lw=1.3)
    axes.set_xscale("log")
    axes.set_xlabel("parameters")
    axes.set_title(f"PSNR, dB, {EQUAL[done.budgets[0]]}", fontsize=9)


def _colour(name: str) -> str:
    return COLOURS.get(name, BLACK)


def _marker(name: str) -> str:
    return dict(zip(BASELINES, "sDvhd^<>PX*")).get(name, "o")
