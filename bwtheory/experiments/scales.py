"""Figures 7, 8 and 9: the scale c of BW-ReLU, the variation norm and the quality of the reconstruction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, ledger_name, mean_and_error, plus_minus
from bwtheory.experiments.interpolation import rank_correlation
from bwtheory.plots import BLACK, BLUE, GREEN, VERMILION, canvas
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ScaleSweep(Experiment):
    """BW-ReLU at several c on one problem.

    The figures' networks are trained "to the same training loss": those of the other scales stop as soon as they reach the
    final loss of the reference scale, within ten times its epochs.  ``--faithful`` is the other reading of Figure 7, what its
    published script does when it is run: learning rate 3e-3 for every c, no stop, 100 000 epochs for c = 1 and 2.
    """

    takes = ("image", "seeds", "epochs", "shrink", "faithful")
    keeps_runs = True

    def __init__(
        self, name: str, task: str, scales: tuple[float, ...], same_loss_as: float | None = None, image: str = "camera"
    ):
        self.name, self.task, self.scales, self.reference, self.image = name, task, scales, same_loss_as, image
        self.title = f"Figure {name.removeprefix('fig')}: scale, variation norm and PSNR"

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        runs = {}
        for seed in budget.seed_list(quick=1):
            for c in sorted(self.scales, key=lambda c: c != self.reference):
                config = self._config(budget, c, seed)
                if self.reference is not None and not budget.faithful and c != self.reference:
                    reference = done.get(f"c{self.reference:g}-seed{seed}")
                    if reference is None:
                        continue
                    longer, loss = 10 * config.epochs, reference.summary["loss"]
                    config = replace(config, epochs=longer, decay_epochs=config.epochs, stop_at_loss=loss)
                runs[f"c{c:g}-seed{seed}"] = config
        return runs

    def _config(self, budget: Budget, c: float, seed: int) -> TrainingConfig:
        fields, options = budget.settings({"epochs": 150, "hidden_features": 96}, quick_shrink=8)
        given = {"task": self.task, "source": budget.image or self.image, "seed": seed, **fields}
        if budget.faithful and self.name == "fig7":
            given["lr"] = 3e-3
            if budget.full and not budget.epochs and c < 3:
                given["epochs"] = 100_000
        return with_preset(given, {"c": c}, options, budget.faithful)

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        rows = []
        for c in self.scales:
            found = [run for key, run in done.items() if key.startswith(f"c{c:g}-seed")]
            norms = [run.summary["variation_norm"] for run in found]
            invariant = [run.summary["variation_norm_invariant"] for run in found]
            losses = [f"{run.summary['loss']:.3g}" for run in found]
            epochs = [str(run.summary["epochs"]) for run in found]
            psnrs = [run.summary["psnr"] for run in found]
            cells = [plus_minus(norms, 0), plus_minus(invariant, 0), plus_minus(psnrs)]
            rows.append([f"{c:g}", *cells, ", ".join(losses), ", ".join(epochs)])
        seeds = sorted({key.rsplit("seed", 1)[1] for key in done})
        seeds = [seed for seed in seeds if all(f"c{c:g}-seed{seed}" in done for c in self.scales)]
        per_seed = [[done[f"c{c:g}-seed{seed}"] for c in self.scales] for seed in seeds]
        norm = [rank_correlation([(r.summary["variation_norm"], r.summary["psnr"]) for r in group]) for group in per_seed]
        invariant = [
            rank_correlation([(r.summary["variation_norm_invariant"], r.summary["psnr"]) for r in group]) for group in per_seed
        ]
        sha256 = next(iter(done.values())).summary["sha256"]
        names = [ledger_name(name, self.name, budget, sha256) for name in (self.name, f"{self.name}-invariant")]
        results: dict[str, dict[str, Any]] = {
            name: {"first": mean_and_error(taus), "trials": len(seeds)} for name, taus in zip(names, (norm, invariant))
        }
        table = [
            [[run.summary[what] for run in column] for column in zip(*per_seed)] for what in ("variation_norm", "psnr_paper")
        ]
        if len(seeds) > 1:
            values = [[float(np.mean(column)), float(np.std(column, ddof=1))] for columns in table for column in columns]
            results[ledger_name(f"{self.name}-values", self.name, budget, sha256)] = {"values": values, "trials": len(seeds)}
        notes: tuple[str, ...] = (
            f"Rank correlation of PSNR with (53): {plus_minus(norm)}, with its invariant form: {plus_minus(invariant)}.",
            f"{self.task} on {next(iter(done.values())).summary['source']}; means ± standard errors over {len(seeds)} seeds.",
        )
        late = [key for key, run in done.items() if 0 < run.config.stop_at_loss < run.summary["loss"]]
        if late:
            notes += (f"Did not reach the loss of c = {self.reference:g} in ten times its epochs: {', '.join(sorted(late))}.",)
        columns = ("c", "Σ‖·‖_V, (53)", "invariant form", "PSNR, dB", "final losses", "epochs")
        return Report(columns, rows, self._draw(done), results, notes)

    def _draw(self, done: dict[str, Finished]) -> Figure:
        figure, axes = canvas(8.0, 3.0, ncols=2)
        for c, colour, marker in zip(self.scales, (BLACK, GREEN, BLUE, VERMILION), "so^v"):
            found = [run for key, run in done.items() if key.startswith(f"c{c:g}-seed")]
            for axis, name in zip(axes, ("variation_norm", "variation_norm_invariant")):
                values = [run.summary[name] for run in found]
                axis.plot(values, [run.summary["psnr"] for run in found], marker, color=colour, label=f"$c = {c:g}$")
        axes[0].set(xlabel=r"$\Sigma\|\cdot\|_V$, (53)", ylabel="PSNR, dB")
        axes[1].set_xlabel("its invariant form")
        axes[0].legend(fontsize=8)
        return figure
