"""Which property of ψ matters: groups of ReLUs and other functions of its width, and several starts, trained alike."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.experiments.conditioning import log_ratios
from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.nn.groups import KINDS
from bwtheory.plots import BLUE, VERMILION, canvas
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIVATION = "bwtheory.nn.groups:Group"
RATES = (4e-3, 8e-3)
SCALE = 3.0
# First-layer scales and gain of other grids of initial neurons, for ψ
STARTS: dict[str, dict[str, float]] = {
    "scales 0.5 to 3": {},
    "scales 1 to 8": {"smallest_scale": 1.0, "largest_scale": 8.0},
}
NOT_ORTHOGONAL = ("hat", "zero-mean", "random")
ORDERS = ("order-3",)
CASES = (*KINDS, *STARTS)
Metric = Callable[[Finished], float]


class Ablation(Experiment):
    """Signal representation from every second pixel of a small photograph; the published start, c = 3, for all functions.

    The learning rate of each is the one with the best PSNR on the pixels, of two tried with the first seed.  What is reported
    are five other seeds.
    """

    name = "ablation"
    title = "Which property of ψ matters"
    takes = ("seeds", "epochs", "shrink")
    images = ("camera",)
    shrink = 5
    epochs, width = 300, 64

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        return self.plan_besides(budget, done, frozenset())

    def plan_besides(self, budget: Budget, done: dict[str, Finished], failed: Collection[str]) -> dict[str, TrainingConfig]:
        """All rates with the first seed; the chosen one with the others."""
        first, others = 40, range(41, 41 + (budget.seeds or (5 if budget.full else 1)))
        runs: dict[str, TrainingConfig] = {}
        for case in CASES:
            tried = {rate: dict(self._runs(budget, case, rate, [first])) for rate in RATES}
            runs |= {key: config for found in tried.values() for key, config in found.items()}
            if not all(key in done or key in failed for found in tried.values() for key in found):
                continue
            complete = {rate: found for rate, found in tried.items() if all(key in done for key in found)}
            scores = {rate: _mean([done[key] for key in found], _on_grid) for rate, found in complete.items()}
            if scores:
                runs |= dict(self._runs(budget, case, max(scores, key=lambda rate: scores[rate]), others))
        return runs

    def _runs(self, budget: Budget, case: str, rate: float, seeds: Iterable[int]) -> Iterable[tuple[str, TrainingConfig]]:
        epochs = budget.epochs or self.epochs
        for image, seed in itertools.product(self.images, seeds):
            given: dict[str, Any] = {"task": "signal", "source": image, "activation": ACTIVATION, "seed": seed, "lr": rate}
            given |= {"epochs": epochs, "decay": 0.1, "hidden_features": self.width, "device": budget.device}
            given |= {"log_every": epochs, "condition_every": max(1, epochs // 3), "condition_sample": 1024}
            given |= {"init": "scales", "init_options": STARTS[case]} if case in STARTS else {}
            options = {"every": 2, "shrink": budget.shrink or self.shrink}
            kind = {"c": SCALE, "kind": case if case in KINDS else "psi"}
            name = f"{Path(image).stem}-{case.replace(' ', '_').replace(',', '')}-lr{rate:g}-seed{seed}"
            yield name, with_preset(given, kind, options)

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        groups = {case: _by_seed(done, case) for case in CASES}
        rows = []
        for case, found in groups.items():
            psnrs, between, kappas = ([_mean(runs, metric) for runs in found.values()] for metric in METRICS)
            rate = next(run.config.lr for runs in found.values() for run in runs)
            what = KINDS.get(case, f"ψ, start by {case}")
            rows.append([what, f"{rate:g}", plus_minus(psnrs), plus_minus(between), f"10^({plus_minus(kappas, 1)})"])
        columns = ("activation", "lr", "PSNR on the pixels, dB", "between them, dB", "σ₁/σ_min of the worst layer")
        notes = (
            "Means ± standard errors over seeds that did not choose the learning rate. σ₁/σ_min: median "
            "over training of the worst hidden layer's features at 1024 pixels; 10^16 is singular to rounding.",
            "The wavelet of order 1, Haar's, is not here: its derivative is 0, and only an output layer could be trained.",
        )
        return Report(columns, rows, self._draw(groups), _results(groups), notes)

    def _draw(self, groups: dict[str, dict[int, list[Finished]]]) -> Figure:
        figure, axes = canvas(6.4, 3.6)
        for place, (case, found) in enumerate(groups.items()):
            colour = BLUE if case == "psi" or case in STARTS else VERMILION
            psnrs, between = ([_mean(runs, metric) for runs in found.values()] for metric in METRICS[:2])
            axes.plot([place] * len(psnrs), psnrs, "o", color=colour, ms=4)
            axes.plot([place] * len(between), between, "_", color=colour, ms=9)
        axes.set_xticks(range(len(groups)), list(groups), rotation=45, ha="right", fontsize=7)
        axes.set_ylabel("dB on the pixels (dots), between them (dashes)")
        return figure


def _on_grid(run: Finished) -> float:
    return float(run.summary["grid_psnr"])


def _between(run: Finished) -> float:
    return float(run.summary["off_grid_psnr"])


def _log_ratio(run: Finished) -> float:
    return float(np.median(log_ratios(run)[1].max(axis=1)))


METRICS: tuple[Metric, ...] = (_on_grid, _between, _log_ratio)


def _mean(runs: Iterable[Finished], metric: Metric) -> float:
    return statistics.fmean(metric(run) for run in runs)


def _by_seed(done: dict[str, Finished], case: str) -> dict[int, list[Finished]]:
    """Runs of the seeds that are reported; a seed has one for each image."""
    start = STARTS.get(case)
    found: dict[int, list[Finished]] = {}
    for run in done.values():
        config = run.config
        same = config.init_options == start and config.init == "scales" if start is not None else config.init == "pytorch"
        if same and config.options["kind"] == (case if start is None else "psi") and config.seed > 40:
            found.setdefault(config.seed, []).append(run)
    return found


def _results(groups: dict[str, dict[int, list[Finished]]]) -> dict[str, dict[str, Any]]:
    """By the names that the ledger reads: ψ and the best of what it is compared with, or the other way round."""
    values = {
        (case, metric): [_mean(runs, metric) for runs in found.values()] for case, found in groups.items() for metric in METRICS
    }

    def best(cases: Iterable[str], metric: Metric) -> str:
        return max(cases, key=lambda case: statistics.fmean(values[case, metric]))

    pairs = {
        "next2": ("psi", best(NOT_ORTHOGONAL, _on_grid), _on_grid),
        "open3": (best(ORDERS, _on_grid), "psi", _on_grid),
        "open4": (best(STARTS, _between), "psi", _between),
        "first3": ("psi", "gabor", _log_ratio),
    }
    results: dict[str, dict[str, Any]] = {}
    for name, (first, second, metric) in pairs.items():
        entry: dict[str, Any] = {
            "first": mean_and_error(values[first, metric]),
            "second": mean_and_error(values[second, metric]),
        }
        entry |= {"cases": [first, second], "trials": len(groups[first])}
        results[f"ablation-{name}"] = entry | ({"scale": "log10"} if metric is _log_ratio else {})
    return results
