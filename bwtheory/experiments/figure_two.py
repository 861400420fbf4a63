"""Figure 2 with the 20 samples of the published univariate script: does a reading with N < K show what the caption says?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.experiments.conditioning import LIMIT, STYLES, key_of, log_ratios
from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.plots import canvas
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS = {"published": "published script", "deleted": "deleted script, 20 samples"}
INTERVALS = {"1": (1.0, "[−1, 1]"), "pi": (float(np.pi), "[−π, π]")}
READINGS = (("published", "1"), ("deleted", "1"), ("deleted", "pi"))  # settings and interval
SCALES = (1.0, 3.0)
ACTIVATIONS = ("relu", *SCALES)
SEEDS = 20
Runs = dict[tuple[str, str, str | float], list[Finished]]  # by reading, interval and activation or scale


class FigureTwoReadings(Experiment):
    """Figure 2 from N = 20 samples by K = 100 neurons in one hidden layer, over 20 seeds.

    Readings of ours, as the figure's settings are not published.  ``published``: the univariate script of the published code,
    Adam on a sum of steps.  ``deleted``: plain gradient descent on three sines, as a deleted script had it, with 20 samples
    instead of 201, on [−1, 1] and on [−π, π].  σ₁/σ_min of Φ is over its N singular values, as the published code has it.
    """

    name = "fig2-readings"
    title = "Figure 2 from 20 samples: three readings"

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        return {
            f"{reading}-{interval}-{key_of(activation)}-seed{seed}": self._config(budget, reading, interval, activation, seed)
            for reading, interval in READINGS
            for activation in ACTIVATIONS
            for seed in budget.seed_list(quick=2, full=SEEDS)
        }

    def _config(self, budget: Budget, reading: str, interval: str, activation: str | float, seed: int) -> TrainingConfig:
        published = reading == "published"
        epochs = budget.epochs or ((5000 if published else 3000) if budget.full else 500)
        every = max(1, epochs // 50)
        given: dict[str, Any] = {"task": "univariate", "source": "steps" if published else "sines", "seed": seed}
        given |= {
            "epochs": epochs,
            "activation": "relu" if activation == "relu" else "bw-relu",
            "input_scale": INTERVALS[interval][0],
        }
        given |= {"device": budget.device, "log_every": every, "condition_every": every}
        if not published:
            given |= {"optimizer": "sgd", "lr": 3e-3, "decay": 1.0, "skip": False}
        return with_preset(given, {} if activation == "relu" else {"c": activation}, {"samples": 20})

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        runs = {
            (reading, interval, activation): [
                run for key, run in done.items() if key.startswith(f"{reading}-{interval}-{key_of(activation)}-seed")
            ]
            for reading, interval in READINGS
            for activation in ACTIVATIONS
        }
        rows = []
        for (reading, interval, activation), found in runs.items():
            ratios = [_ratios(run)[1] for run in found]
            least, largest = 10 ** min(r.min() for r in ratios), 10 ** max(r.max() for r in ratios)
            cells = [_power([r[0] for r in ratios]), _power([r.min() for r in ratios]), _power([r.max() for r in ratios])]
            losses = plus_minus([np.log10(run.summary["loss"]) for run in found])
            start = [SETTINGS[reading], INTERVALS[interval][1], key_of(activation)]
            rows.append([*start, *cells, f"{least:.3g} to {largest:.3g}", losses])
        columns = (
            *("settings", "interval", "activation", "σ₁/σ_min at the start", "least of training", "largest of training"),
            *("range over all seeds and steps", "log₁₀ final loss"),
        )
        notes = (
            "N = 20 samples, K = 100 neurons, one hidden layer.  Geometric mean over seeds (standard error of log₁₀).",
            "σ₁/σ_min over the 20 singular values of Φ, as the published code has it; its square is κ(ΦᵀΦ), and κ(ΦΦᵀ) = ∞.",
            "10^16: singular to rounding.  Figure: medians, and bands from the least to the largest over the seeds.",
        )
        return Report(columns, rows, self._draw(runs), self._results(runs), notes)

    def _results(self, runs: Runs) -> dict[str, dict[str, Any]]:
        """log₁₀ of κ(ΦᵀΦ), largest of BW-ReLU's training and smallest of ReLU's, and of the final losses."""
        results = {}
        for (reading, interval, activation), found in runs.items():
            if activation == "relu":
                continue
            relu = runs[reading, interval, "relu"]
            kappas = [2 * _ratios(run)[1].max() for run in found], [2 * _ratios(run)[1].min() for run in relu]
            losses = [[float(np.log10(run.summary["loss"])) for run in group] for group in (found, relu)]
            for name, pair in (("kappa", kappas), ("loss", losses)):
                first, second = (mean_and_error(values) for values in pair)
                result = {"first": first, "second": second, "trials": len(found), "scale": "log10"}
                results[f"{self.name}-{reading}-{interval}-c{activation:g}-{name}"] = result
        return results

    def _draw(self, runs: Runs) -> Figure:
        figure, axes = canvas(9.0, 5.2, nrows=2, ncols=len(READINGS), sharex="col")
        for column, (reading, interval) in enumerate(READINGS):
            top, bottom = axes[:, column]
            for activation in ACTIVATIONS:
                colour, style = STYLES[activation]
                found = runs[reading, interval, activation]
                losses = [[row["loss"] for row in run.metrics()] for run in found]
                epochs = [row["epoch"] for row in found[0].metrics()]
                steps = _ratios(found[0])[0]
                for axis, x, curves in (
                    (top, steps, [_ratios(run)[1] for run in found]),
                    (bottom, epochs, np.log10(np.maximum(losses, 1e-30))),
                ):
                    axis.fill_between(x, np.min(curves, axis=0), np.max(curves, axis=0), color=colour, alpha=0.2, lw=0)
                    axis.plot(x, np.median(curves, axis=0), color=colour, ls=style, lw=1.2, label=key_of(activation))
            top.set_title(f"{SETTINGS[reading]}\n{INTERVALS[interval][1]}", fontsize=9)
            top.set_ylim(0, LIMIT + 1)
            bottom.set_xlabel("epoch")
        axes[0, 0].set_ylabel(r"$\log_{10}\,\sigma_1/\sigma_{\min}(\Phi)$")
        axes[1, 0].set_ylabel(r"$\log_{10}$ of the training loss")
        axes[0, -1].legend(fontsize=7)
        return figure


def _ratios(run: Finished) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and log₁₀ σ₁/σ_min of the one hidden layer."""
    epochs, ratios = log_ratios(run)
    return epochs, ratios[:, 0]


def _power(logarithms: Sequence[float]) -> str:
    return f"10^({plus_minus(logarithms)})"
