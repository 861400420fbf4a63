"""Figures 4, 5 and 6: five architectures on one imaging problem, with Appendix D's settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, ledger_name, mean_and_error, plus_minus
from bwtheory.experiments.labels import label
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, VERMILION, canvas
from bwtheory.tasks import ImageTask, build_task
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COMPARED = ("bw-relu", "siren", "wire", "relu-pe", "relu")
STYLES = dict(zip(COMPARED, ((BLUE, "-"), (VERMILION, "--"), (GREEN, "-."), (ORANGE, (0, (5, 1))), (BLACK, ":"))))


class Architectures(Experiment):
    """BW-ReLU, SIREN, WIRE, ReLU with positional encoding and plain ReLU (whose settings the paper does not give)."""

    takes = ("image", "seeds", "epochs", "shrink", "activations", "faithful")
    keeps_runs = True

    def __init__(self, name: str, task: str, title: str):
        self.name, self.task = name, task
        self.title = f"Figure {name.removeprefix('fig')}: {title}"

    def architectures(self, budget: Budget) -> tuple[str, ...]:
        """Those of the paper, or those asked for."""
        return budget.activations or COMPARED

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        runs = {}
        for activation in self.architectures(budget):
            for seed in budget.seed_list(quick=1):
                given: dict[str, Any] = {"task": self.task, "source": budget.image or "camera", "activation": activation}
                fields, options = budget.settings({"epochs": 150, "hidden_features": 128}, quick_shrink=4)
                config = with_preset({**given, "seed": seed, **fields}, {}, options, budget.faithful)
                runs[f"{activation}-seed{seed}"] = config
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        groups = {a: self._group(done, a) for a in self.architectures(budget)}
        groups = {a: found for a, found in groups.items() if found}
        rows: list[list[str]] = []
        results: dict[str, dict[str, Any]] = {}
        for activation, found in groups.items():
            metrics = {name: [run.summary[name] for run in found] for name in ("psnr", "psnr_paper", "ssim")}
            oracle = [run.summary["oracle"]["psnr"] for run in found]
            worst = max(run.summary["max_error"] for run in found)
            cells = [plus_minus(metrics["psnr"]), plus_minus(metrics["psnr_paper"]), plus_minus(metrics["ssim"], 4)]
            parameters = str(found[0].summary["parameters"])
            rows.append([label(activation), *cells, f"{worst:.1e}", plus_minus(oracle), parameters, str(len(found))])
            results |= self._result(budget, activation, found, metrics)
        if self.name == "fig5" and set(groups) == set(COMPARED):
            results |= self._speed(budget, groups)
        columns = ("", "PSNR, dB", "PSNR as published, dB", "SSIM", "largest error", "oracle PSNR, dB", "parameters", "runs")
        notes = (
            "Last iterate; mean ± standard error over seeds. *As published*: the published code's formula for this problem. "
            "*Oracle*: the logged epoch that is best against the truth, which nobody who needs the image knows.",
            f"{self.task} on {next(iter(groups.values()))[0].summary['source']}.",
        )
        return Report(columns, rows, self._draw(groups), results, notes)

    def _group(self, done: dict[str, Finished], activation: str) -> list[Finished]:
        return [run for key, run in done.items() if key.startswith(f"{activation}-seed")]

    def _result(
        self, budget: Budget, activation: str, found: list[Finished], metrics: dict[str, list[float]]
    ) -> dict[str, Any]:
        """By the PSNR as published; under the name that the ledger reads only for the paper's image and protocol."""
        name = ledger_name(f"{self.name}-{activation.rpartition(':')[2]}", self.name, budget, found[0].summary["sha256"])
        mean, error = mean_and_error(metrics["psnr_paper"])
        row: dict[str, Any] = {"mean": mean, "standard_error": error, "trials": len(found), "metric": "psnr_paper"}
        row["psnr"] = mean_and_error(metrics["psnr"])
        row["oracle"] = mean_and_error([run.summary["oracle"]["psnr"] for run in found])
        row["ssim"] = mean_and_error(metrics["ssim"])
        row["values"] = {str(run.config.seed): run.summary["psnr_paper"] for run in found}
        row["max_errors"] = {str(run.config.seed): run.summary["max_error"] for run in found}
        return {name: row}

    def _speed(self, budget: Budget, groups: dict[str, list[Finished]]) -> dict[str, dict[str, Any]]:
        """Epochs to 40 dB: BW-ReLU's and those of the fastest other architecture; nothing unless two of them get there."""
        epochs = {activation: [run.epochs_to(40.0) for run in found] for activation, found in groups.items()}
        means = {activation: mean_and_error(found) for activation, found in epochs.items() if np.isfinite(found).all()}
        others = [pair for activation, pair in means.items() if activation != "bw-relu"]
        if "bw-relu" not in means or not others:
            return {}
        name = ledger_name("fig5-fast", self.name, budget, groups["bw-relu"][0].summary["sha256"])
        return {name: {"first": means["bw-relu"], "second": min(others), "trials": len(epochs["bw-relu"])}}

    def _draw(self, groups: dict[str, list[Finished]]) -> Figure:
        config = next(iter(groups.values()))[0].config
        task = build_task(config.task, config.source, config.coords, config.task_options)
        assert isinstance(task, ImageTask)
        columns = math.ceil((len(groups) + 3) / 2)  # truth, reconstructions, and two places for the curves
        ratio = task.shape[0] / task.shape[1]
        figure, grid = canvas(2.3 * columns, 2 * (2.3 * ratio + 0.45), nrows=2, ncols=columns)
        panels: list[Axes] = list(np.ravel(grid))
        curves = figure.add_subplot(grid[1, -1].get_gridspec()[1, -2:])
        for place in panels[-2:]:
            place.remove()
        _show(panels[0], task.image(task.truth), "truth")
        for panel, (activation, found) in zip(panels[1:], groups.items()):
            run = next((run for run in found if (run.run.path / task.reconstruction_name).exists()), None)
            if run is None:
                panel.set_axis_off()
                continue
            caption = f"{label(activation)}: {run.summary['psnr']:.2f} dB"
            with Image.open(run.run.path / task.reconstruction_name) as picture:
                _show(panel, np.asarray(picture) / 255, caption)
        for panel in panels[len(groups) + 1 : -2]:
            panel.set_axis_off()
        for activation, found in groups.items():
            colour, style = STYLES.get(activation, (BLACK, "-"))
            for number, run in enumerate(found):
                metrics = run.metrics()
                epochs, psnrs = [m["epoch"] for m in metrics], [m["psnr"] for m in metrics]
                shown = label(activation) if number == 0 else None
                curves.plot(epochs, psnrs, color=colour, ls=style, lw=1.2, label=shown)
        curves.set_xlabel("epoch")
        curves.set_title("PSNR, dB", fontsize=9)
        curves.legend(fontsize=7)
        return figure


def _show(panel: Axes, image: np.ndarray, caption: str) -> None:
    """Show an image of shape (H, W), (H, W, 1) or (H, W, 3), values in [0, 1]."""
    panel.imshow(image[..., 0] if image.shape[2:] == (1,) else image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    panel.set_title(caption, fontsize=9)
    panel.set_axis_off()
