"""Figure 5 from two starts: do the seeds of the published start that fail succeed from a start by scales, and how fast?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, ledger_name, mean_and_error, plus_minus
from bwtheory.plots import BLUE, VERMILION, canvas
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANGED: dict[str, Any] = {"init": "scales", "init_options": {"smallest_scale": 2.0, "largest_scale": 8.0, "gain": 6.0}}
EPOCHS, SCALE = 300, 6.0
STARTS = {"pytorch": "published start", "scales": "start by scales"}
COLOURS = {"pytorch": VERMILION, "scales": BLUE}


class FigureFiveByStart(Experiment):
    """BW-ReLU of Figure 5 by Appendix D, and the same width, seeds and learning rate from a start by scales.

    The start by scales has first-layer scales from 2 to 8, gain 6 = c, and 300 epochs instead of 1000.
    """

    name = "fig5-start"
    title = "Figure 5 by start: BW-ReLU on the same seeds"
    takes = ("image", "seeds", "epochs", "shrink", "target")
    runs_of = ("fig5",)
    keeps_runs = True

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        fields, options = budget.settings({"epochs": 150, "hidden_features": 128}, quick_shrink=4)
        runs = {}
        for seed in budget.seed_list(quick=1):
            given = {"task": "signal", "source": budget.image or "camera", "activation": "bw-relu", "seed": seed}
            runs[f"bw-relu-seed{seed}"] = with_preset({**given, **fields}, {}, options)
            by_scales = {**given, **CHANGED, "epochs": EPOCHS, "log_details": True, **fields}
            runs[f"bw-relu-scales-seed{seed}"] = with_preset(by_scales, {"c": SCALE}, options)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        """With a target one more column: which runs end with it, and from which logged epoch on."""
        groups = {init: [run for run in done.values() if run.config.init == init] for init in STARTS}
        target = budget.target
        rows, results = [], {}
        for init, found in groups.items():
            published = [run.summary["psnr_paper"] for run in found]
            rows += [[STARTS[init], *_cells(run), *([] if target is None else [_when(run, target)])] for run in found]
            ended = [] if target is None else [f"{sum(_has(run, target) for run in found)} of {len(found)}"]
            rows.append([f"{STARTS[init]}, all", "", "", plus_minus(published), "", "", *ended])
            name = ledger_name(f"{self.name}-{init}", "fig5", budget, next(iter(done.values())).summary["sha256"])
            results[name] = {
                "psnr_paper": mean_and_error(published),
                "values": {str(run.config.seed): run.summary["psnr_paper"] for run in found},
                "worst_pixel": {str(run.config.seed): _share_of_worst_pixel(run) for run in found},
                "trials": len(found),
            }
        columns: tuple[str, ...] = ("", "seed", "epochs", "PSNR as published, dB", "standard, dB", "share of the worst pixel")
        notes: tuple[str, ...] = (
            "Last iterate; the summary rows have mean ± standard error.",
            "Share of the worst pixel: of the sum of squared errors of all pixels, how much the largest error is.",
            f"signal on {next(iter(done.values())).summary['source']}.",
        )
        if target is not None:
            columns += (f"≥ {target:g} dB",)
            notes += (
                f"The last column has the first logged epoch with {target:g} dB by the published code's formula, where the log "
                "has it, of runs that end with it; the summary rows have how many do.",
            )
        return Report(columns, rows, self._draw(groups), results, notes)

    def _draw(self, groups: dict[str, list[Finished]]) -> Figure:
        figure, axes = canvas(6.4, 3.6)
        for init, found in groups.items():
            for number, run in enumerate(found):
                rows = run.metrics()
                epochs, psnrs = [row["epoch"] for row in rows], [row["psnr"] for row in rows]
                axes.plot(epochs, psnrs, color=COLOURS[init], lw=1.1, label=STARTS[init] if number == 0 else None)
        axes.set(xlabel="epoch", ylabel="PSNR, dB")
        axes.legend(fontsize=8)
        return figure


def _has(run: Finished, target: float) -> bool:
    return bool(run.summary["psnr_paper"] >= target)


def _when(run: Finished, target: float) -> str:
    reached = next((row["epoch"] for row in run.metrics() if row.get("psnr_paper", -math.inf) >= target), None)
    return "no" if not _has(run, target) else "yes" if reached is None else f"from {reached}"


def _cells(run: Finished) -> list[str]:
    summary = run.summary
    share = f"{_share_of_worst_pixel(run):.1%}"
    return [str(run.config.seed), str(summary["epochs"]), f"{summary['psnr_paper']:.2f}", f"{summary['psnr']:.2f}", share]


def _share_of_worst_pixel(run: Finished) -> float:
    """(largest error)² over the sum of squared errors."""
    height, width = run.summary["shape"]
    return float(run.summary["max_error"] ** 2 / (height * width * 10 ** (-run.summary["psnr"] / 10)))
