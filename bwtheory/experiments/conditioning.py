"""Condition numbers of the hidden features during training: Figure 2, and the same on images (Next Checks 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.plots import BLUE, GREEN, SKY, VERMILION, canvas
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALES = (1.0, 3.0, 9.0)
STYLES: dict[str | float, tuple[str, str]] = {"relu": (VERMILION, "-"), 1.0: (SKY, "--"), 3.0: (BLUE, "-"), 9.0: (GREEN, "-.")}
Groups = dict[tuple[tuple[int, int], str | float], list[Finished]]  # runs by (K, hidden layers) and activation or scale
LIMIT = 16.0  # log10 of σ₁/σ_min: what float64 can tell from a singular matrix


def log_ratios(finished: Finished) -> tuple[np.ndarray, np.ndarray]:
    """Epochs (T,) and log₁₀ σ₁/σ_min of every hidden layer's features (T, layers), at most 16: singular to rounding."""
    rows = [row for row in finished.metrics() if "singular_values" in row]
    ratios = [
        [spectrum[0] / spectrum[-1] if spectrum[-1] > 0 else np.inf for spectrum in row["singular_values"]] for row in rows
    ]
    return np.array([row["epoch"] for row in rows]), np.minimum(np.log10(ratios), LIMIT)


def numerical_rank(finished: Finished) -> list[int]:
    """Of every hidden layer's features after training: singular values above max(K, N)·2⁻⁵²·σ₁, NumPy's rule."""
    spectra = [row for row in finished.metrics() if "singular_values" in row][-1]["singular_values"]
    config = finished.config
    samples = config.task_options["samples"] if config.task == "univariate" else config.condition_sample
    size = max(config.hidden_features, samples)
    return [int((np.array(spectrum) > size * np.finfo(float).eps * spectrum[0]).sum()) for spectrum in spectra]


class UnivariateConditioning(Experiment):
    """Figure 2: sin πx + sin 3πx + sin 5πx from 201 samples by plain gradient descent, as a deleted published script had it.

    Networks of K = 100 < 201 and of K = 300 > 201 neurons, one hidden layer and three; ReLU, and BW-ReLU at c = 1, 3, 9.
    """

    name = "fig2"
    title = "Figure 2: condition of the hidden features while fitting a univariate function"
    samples = 201

    def cells(self, budget: Budget) -> list[tuple[int, int]]:
        """(width, hidden layers)."""
        return [(100, 1), (300, 1), (100, 3), (300, 3)] if budget.full else [(100, 1), (300, 1)]

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        epochs = budget.epochs or (3000 if budget.full else 600)
        runs = {}
        for width, layers in self.cells(budget):
            for activation in ("relu", *SCALES):
                for seed in budget.seed_list(quick=1):
                    given = {"task": "univariate", "source": "sines", "seed": seed, "epochs": epochs, "device": budget.device}
                    given |= {"hidden_features": width, "hidden_layers": layers, "input_scale": np.pi}
                    given |= {"optimizer": "sgd", "lr": 3e-3, "decay": 1.0, "condition_every": max(1, epochs // 50)}
                    given |= {"activation": "relu" if activation == "relu" else "bw-relu", "skip": False}
                    options = {} if activation == "relu" else {"c": activation}
                    key = f"{key_of(activation)}-K{width}-layers{layers}-seed{seed}"
                    config = with_preset(given, options, {"samples": self.samples})
                    runs[key] = replace(config, settings_from="a deleted script of the published code; K, depth and c ours")
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        cells = self.cells(budget)
        groups = {(cell, a): self._group(done, cell, a) for cell in cells for a in ("relu", *SCALES)}
        rows = []
        for (width, layers), activation in groups:
            found = groups[(width, layers), activation]
            worst = [log_ratios(run)[1].max(axis=1) for run in found]
            readings = ["∞" if width > self.samples else _power(2 * np.array([w.max() for w in worst]))]
            readings += ["∞" if width < self.samples else _power(2 * np.array([w.max() for w in worst]))]
            readings += [_power(np.array([w.max() for w in worst])), _power(np.array([w.min() for w in worst]))]
            ranks = [numerical_rank(run) for run in found]
            readings.append(plus_minus([min(rank) for rank in ranks], 0))
            losses = plus_minus([np.log10(run.summary["loss"]) for run in found])
            rows.append([key_of(activation), str(width), str(layers), *readings, losses])
        columns = (
            *("activation", "K", "hidden layers", "max κ(ΦΦᵀ), K×K", "max κ(ΦᵀΦ), N×N", "max σ₁/σ_min"),
            *("min σ₁/σ_min", "final rank", "log₁₀ final loss"),
        )
        notes = (
            f"N = {self.samples} samples; extremes over training of the worst hidden layer, geometric mean over "
            "seeds (standard error of log₁₀).",
            "10^16 for σ₁/σ_min, 10^32 for κ: singular to rounding.  Final rank: singular values above max(K, N)·2⁻⁵²·σ₁.",
        )
        return Report(columns, rows, self._draw(groups, cells), self._results(groups), notes)

    def _group(self, done: dict[str, Finished], cell: tuple[int, int], activation: str | float) -> list[Finished]:
        prefix = f"{key_of(activation)}-K{cell[0]}-layers{cell[1]}-seed"
        return [run for key, run in done.items() if key.startswith(prefix)]

    def _results(self, groups: Groups) -> dict[str, dict[str, Any]]:
        """log₁₀ κ of BW-ReLU's worst layer against ReLU's: largest over training against smallest, and the medians."""
        results = {}
        for (cell, activation), found in groups.items():
            if activation == "relu":
                continue
            relu = groups[cell, "relu"]
            largest = [2 * log_ratios(run)[1].max() for run in found]
            smallest = [2 * log_ratios(run)[1].max(axis=1).min() for run in relu]
            medians = [[2 * float(np.median(log_ratios(run)[1].max(axis=1))) for run in group] for group in (found, relu)]
            losses = ([np.log10(run.summary["loss"]) for run in group] for group in (found, relu))
            name = f"K{cell[0]}-layers{cell[1]}-c{activation:g}"
            for result, pair in (("kappa", (largest, smallest)), ("median", medians), ("loss", losses)):
                first, second = (mean_and_error(values) for values in pair)
                results[f"fig2-{result}-{name}"] = {"first": first, "second": second, "trials": len(found), "scale": "log10"}
        return results

    def _draw(self, groups: Groups, cells: list[tuple[int, int]]) -> Figure:
        figure, axes = canvas(2.6 * len(cells) + 1.2, 5.2, nrows=2, ncols=len(cells), sharex=True, squeeze=False)
        for column, cell in enumerate(cells):
            top, bottom = axes[0, column], axes[1, column]
            for activation in ("relu", *SCALES):
                colour, style = STYLES[activation]
                for number, run in enumerate(groups[cell, activation]):
                    epochs, ratios = log_ratios(run)
                    label = key_of(activation) if number == 0 else None
                    top.plot(epochs, ratios.max(axis=1), color=colour, ls=style, lw=1, label=label)
                    metrics = run.metrics()
                    bottom.semilogy([m["epoch"] for m in metrics], [m["loss"] for m in metrics], color=colour, ls=style, lw=1)
            layers = "one hidden layer" if cell[1] == 1 else f"{cell[1]} hidden layers"
            top.set_title(f"$K = {cell[0]}$, {layers}", fontsize=9)
            bottom.set_xlabel("epoch")
            top.set_ylim(0, LIMIT + 1)
        axes[0, 0].set_ylabel(r"$\log_{10}\,\sigma_1/\sigma_{\min}(\Phi)$, worst layer")
        axes[1, 0].set_ylabel("training loss")
        axes[0, 0].legend(fontsize=8)
        return figure


class TaskConditioning(Experiment):
    """Next Checks 1: the same for deep networks on an image, its super-resolution and its CT, with Appendix D's settings."""

    name = "next1"
    title = "Condition of the hidden features on three imaging tasks"
    takes = ("image", "seeds", "epochs", "shrink")
    tasks = ("signal", "superres", "ct")

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        epochs = budget.epochs or (500 if budget.full else 40)
        runs = {}
        for task in self.tasks:
            for activation in ("relu", "bw-relu"):
                for seed in budget.seed_list(quick=1):
                    given = {"task": task, "source": budget.image or "camera", "activation": activation, "seed": seed}
                    given |= {"epochs": epochs, "condition_every": max(1, epochs // 20), "device": budget.device}
                    given |= {"hidden_features": 256 if budget.full else 64}
                    options = {"shrink": budget.shrink or (8 if budget.full else 16)}
                    runs[f"{task}-{activation}-seed{seed}"] = with_preset(given, {}, options)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        rows: list[list[str]] = []
        results: dict[str, dict[str, Any]] = {}
        figure, axes = canvas(8.5, 3.0, ncols=len(self.tasks), sharey=True)
        for task, axis in zip(self.tasks, axes):
            ratios_of: dict[str, list[np.ndarray]] = {}
            for activation, colour in (("relu", VERMILION), ("bw-relu", BLUE)):
                found = [run for key, run in done.items() if key.startswith(f"{task}-{activation}-seed")]
                curves = [log_ratios(run) for run in found]
                for number, (epochs, ratios) in enumerate(curves):
                    for layer, style in zip(range(ratios.shape[1]), (":", "--", "-")):
                        label = f"{activation}, layer {layer + 1}" if number == 0 else None
                        axis.plot(epochs, ratios[:, layer], color=colour, ls=style, lw=1, label=label)
                ratios_of[activation] = [ratios for _, ratios in curves]
                medians = [np.array([np.median(r[:, layer]) for r in ratios_of[activation]]) for layer in range(3)]
                psnrs = plus_minus([run.summary["psnr"] for run in found])
                rows.append([task, activation, *(_power(median) for median in medians), psnrs])
            axis.set(title=task, xlabel="epoch")
            chosen: dict[str, Callable[[np.ndarray], np.ndarray]] = {
                "kappa": lambda ratios: ratios.max(axis=1),
                "last": lambda ratios: ratios[:, -1],
            }
            for result, choose in chosen.items():
                first = mean_and_error([2 * choose(r).max() for r in ratios_of["bw-relu"]])
                second = mean_and_error([2 * choose(r).min() for r in ratios_of["relu"]])
                trials = len(ratios_of["bw-relu"])
                name = f"next1-{result}-{task}" + "-other-image" * (budget.image is not None)
                results[name] = {"first": first, "second": second, "trials": trials, "scale": "log10"}
        axes[0].set_ylabel(r"$\log_{10}\,\sigma_1/\sigma_{\min}(\Phi)$")
        axes[-1].legend(fontsize=7)
        columns = ("task", "activation", "layer 1", "layer 2", "layer 3", "PSNR, dB")
        notes = (
            "σ₁/σ_min of each hidden layer's features: median over training, geometric mean over seeds (error: of log₁₀).",
            "10^16: singular to rounding, for example with a neuron that is zero on the whole image.",
        )
        return Report(columns, rows, figure, results, notes)


def key_of(activation: str | float) -> str:
    """In names of runs: ReLU, or BW-ReLU with this c."""
    return "relu" if activation == "relu" else f"bw-relu-c{activation:g}"


def _power(logarithms: np.ndarray) -> str:
    return f"10^({plus_minus(list(logarithms), 1)})"
