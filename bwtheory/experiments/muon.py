"""Muon against Adam: every second pixel is trained on, so that both axes are seen, with the stable rank of what was learned."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report
from bwtheory.experiments.labels import label
from bwtheory.plots import BLACK, BLUE, SKY, VERMILION, canvas
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES = (1e-3, 3e-3, 1e-2, 3e-2)
OPTIMIZERS = {"adam": "Adam", "muon": "Muon"}
# PSNR in dB on a grid of 64² with Adam and with Muon, as arXiv 2512.14366 reports it
REPORTED = {"relu": (21, 28), "bw-relu": (37, 45)}


@dataclass(frozen=True)
class Case:
    """A network: its activation, options, start, and how a figure shows it."""

    activation: str
    options: dict[str, float]
    init: str
    colour: str

    @property
    def name(self) -> str:
        """As folders and results have it."""
        return self.activation + f"-{self.init}" * (self.init != "pytorch")

    @property
    def label(self) -> str:
        """As tables have it."""
        return label(self.activation) + f", {self.init}" * (self.init != "pytorch")


CASES = (
    Case("relu", {}, "pytorch", BLACK),
    Case("bw-relu", {"c": 9.0}, "pytorch", SKY),
    Case("bw-relu", {"c": 1.5}, "scales", BLUE),
    Case("siren", {"omega_0": 30.0}, "pytorch", VERMILION),
)


Points = dict[tuple[str, str], list[tuple[float, float]]]  # on the grid and between, by case and optimizer


class MuonAgainstAdam(Experiment):
    """Four networks of width 64 on 64×64 pixels of a photograph, four learning rates for each optimizer, 300 steps."""

    name = "muon"
    title = "Muon against Adam: every second pixel is trained on"
    takes = ("image", "seeds", "epochs", "shrink", "activations")
    epochs, width, shrink = 300, 64, 4

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        runs = {}
        options = {"every": 2, "shrink": budget.shrink or self.shrink}
        epochs = budget.epochs or self.epochs
        rates = RATES if budget.full else RATES[1:3]
        seeds = budget.seed_list(quick=1, full=2)
        for case, optimizer, rate, seed in itertools.product(_cases(budget), OPTIMIZERS, rates, seeds):
            given: dict[str, Any] = {"task": "signal", "source": budget.image or "camera", "activation": case.activation}
            given |= {"optimizer": optimizer, "lr": rate, "seed": seed, "init": case.init, "epochs": epochs, "decay": 0.1}
            given |= {"hidden_features": self.width, "device": budget.device, "log_every": epochs, "log_stable_rank": True}
            runs[f"{case.name}-{optimizer}-lr{rate:g}-seed{seed}"] = with_preset(given, case.options, options)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        rows: list[list[str]] = []
        results: dict[str, dict[str, Any]] = {}
        points: Points = {}
        for case, optimizer in itertools.product(_cases(budget), OPTIMIZERS):
            groups = _by_rate(done, f"{case.name}-{optimizer}-lr")
            if not groups:
                continue
            axes = {rate: (_mean(found, "grid_psnr"), _mean(found, "off_grid_psnr")) for rate, found in groups.items()}
            points[case.name, optimizer] = list(axes.values())
            best = [max(axes.items(), key=lambda found: found[1][0])[0], max(axes.items(), key=lambda found: found[1][1])[0]]
            cells = [cell for rate in best for cell in (f"{axes[rate][0]:.1f} / {axes[rate][1]:.1f}", f"{rate:g}")]
            ranks = _stable_ranks(groups[best[0]])
            reported = REPORTED.get(case.name, ("", ""))[list(OPTIMIZERS).index(optimizer)]
            rows.append([case.label, OPTIMIZERS[optimizer], *cells, *(f"{rank:.1f}" for rank in ranks.values()), str(reported)])
            results[f"{self.name}-{case.name}-{optimizer}"] = {
                "by_rate": {f"{rate:g}": pair for rate, pair in axes.items()},
                "stable_rank": ranks,
                "trials": len(groups[best[0]]),
            }
        columns = (
            *("", "optimizer", "best on the grid", "lr", "best between", "lr"),
            *("stable rank, weights", "features", "reported, dB on the grid"),
        )
        run = next(iter(done.values()))
        notes = (
            "Pairs are dB on the grid of pixels / between them, means over seeds. Stable ranks ‖A‖²_F/‖A‖² at the end, of the "
            "run that is best on the grid: means over the matrices between hidden layers, and over the layers' features.",
            "Reported: by arXiv 2512.14366 for 64×64 pixels, with settings of its own.",
            f"{run.summary['source']}, width {run.config.hidden_features}, {run.config.epochs} steps; learning rates "
            f"{', '.join(f'{rate:g}' for rate in sorted({each.config.lr for each in done.values()}))} for both.",
        )
        return Report(columns, rows, self._draw(points), results, notes)

    def _draw(self, points: Points) -> Figure:
        figure, axes = canvas(5.0, 3.6)
        cases = {case.name: case for case in CASES}
        for (case_name, optimizer), found in points.items():
            case = cases[case_name]
            marker, face = ("o", case.colour) if optimizer == "muon" else ("s", "none")
            name = f"{case.label}, {OPTIMIZERS[optimizer]}"
            axes.plot(*zip(*found), marker, color=case.colour, mfc=face, ms=5, ls="none", label=name)
        axes.set(xlabel="dB on the grid of pixels", ylabel="dB between them")
        axes.legend(fontsize=6)
        return figure


def _cases(budget: Budget) -> tuple[Case, ...]:
    return tuple(case for case in CASES if not budget.activations or case.activation in budget.activations)


def _by_rate(done: dict[str, Finished], prefix: str) -> dict[float, list[Finished]]:
    groups: dict[float, list[Finished]] = {}
    for key, run in done.items():
        if key.startswith(prefix):
            groups.setdefault(run.config.lr, []).append(run)
    return groups


def _mean(runs: Sequence[Finished], name: str) -> float:
    return statistics.fmean(run.summary[name] for run in runs)


def _stable_ranks(runs: Sequence[Finished]) -> dict[str, float]:
    last = [run.metrics()[-1]["stable_rank"] for run in runs]
    return {kind: statistics.fmean(value for row in last for value in row[kind]) for kind in ("weights", "features")}
