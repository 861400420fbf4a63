"""Spectral bias, measured: which frequencies of a known signal each architecture learns, and when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error
from bwtheory.experiments.labels import label
from bwtheory.nn import ACTIVATIONS
from bwtheory.plots import canvas
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.presets import TASK_SETTINGS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEARNED = 0.1  # relative error of an octave


class Bandwidth(Experiment):
    """One plane wave of the same power in each octave of frequency (the image "octaves"), fitted by every architecture.

    Settings are those for signal representation.  They were made for photographs; what an architecture learns first is about
    its scale (c, ω₀, …) as much as about its kind.
    """

    name = "bandwidth"
    title = "Spectral bias: steps until each octave of frequency is learned"
    takes = ("seeds", "epochs", "activations")

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        fields, _ = budget.settings({"epochs": 300, "hidden_features": 64}, quick_shrink=1)
        epochs = fields.get("epochs", TASK_SETTINGS["signal"]["epochs"])
        fields = {"hidden_features": 128, **fields, "log_details": True, "log_every": max(1, epochs // 60)}
        runs = {}
        for activation in budget.activations or tuple(ACTIVATIONS):
            for seed in budget.seed_list(quick=1):
                given = {"task": "signal", "source": "octaves", "activation": activation, "seed": seed}
                runs[f"{activation.rpartition(':')[2]}-seed{seed}"] = with_preset(given | fields)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        groups: dict[str, list[Finished]] = {}
        for run in done.values():
            groups.setdefault(run.config.activation, []).append(run)
        octaves = range(sum(error is not None for error in next(iter(done.values())).metrics()[0]["band_errors"]))
        rows, results = [], {}
        for activation, found in groups.items():
            steps = np.array([[_learned(run, octave) for octave in octaves] for run in found])
            final = [[run.metrics()[-1]["band_errors"][octave] for octave in octaves] for run in found]
            rows.append([label(activation), *(_median(column) for column in steps.T), f"{np.mean(final, axis=0)[-1]:.2g}"])
            results[f"bandwidth-{activation.rpartition(':')[2]}"] = {
                "steps": {str(run.config.seed): [None if math.isinf(s) else s for s in row] for run, row in zip(found, steps)},
                "errors": [mean_and_error(column) for column in np.array(final).T],
                "trials": len(found),
            }
        columns = ("", *(f"{2**octave} to {2 ** (octave + 1)}" for octave in octaves), "error of the last")
        notes = (
            f"Median over seeds of the first logged step with a relative error below {LEARNED:.0%}, by cycles along a side; "
            "∞ where more than half of the runs never get there.",
            "The settings are those for photographs, not tuned for this signal.",
        )
        return Report(columns, rows, self._draw(groups, octaves), results, notes)

    def _draw(self, groups: dict[str, list[Finished]], octaves: range) -> Figure:
        columns = min(4, len(groups))
        count = math.ceil(len(groups) / columns)
        figure, grid = canvas(3.0 * columns, 2.3 * count + 0.3, nrows=count, ncols=columns, sharey=True, squeeze=False)
        shades = [str(0.75 * (1 - octave / max(1, len(octaves) - 1))) for octave in octaves]
        for axes, (activation, found) in zip(np.ravel(grid), groups.items()):
            rows = found[0].metrics()[1:]
            for octave in octaves:
                errors = [row["band_errors"][octave] for row in rows]
                line = "-" if octave % 2 == 0 else "--"
                axes.plot([row["epoch"] for row in rows], errors, color=shades[octave], ls=line, lw=1.3, label=f"{2**octave}")
            axes.axhline(LEARNED, color="0.5", lw=0.6)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_title(label(activation), fontsize=9)
        for axes in np.ravel(grid)[len(groups) :]:
            axes.set_axis_off()
        for axes in grid[-1]:
            axes.set_xlabel("step")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, title="cycles from", loc="outside right center", fontsize=8, title_fontsize=8)
        figure.suptitle("relative error by octave of frequency", fontsize=10)
        return figure


def _learned(run: Finished, octave: int) -> float:
    return next((row["epoch"] for row in run.metrics() if row["band_errors"][octave] < LEARNED), math.inf)


def _median(steps: np.ndarray) -> str:
    middle = np.sort(steps)[len(steps) // 2]  # no mean of a number and ∞
    return "∞" if math.isinf(middle) else f"{middle:.0f}"
