"""Adam by Appendix D against Adam that hands over to Gauss–Newton steps, on the problem of Figure 5."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bwtheory.experiments.architectures import COMPARED, STYLES
from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, ledger_name, mean_and_error, plus_minus
from bwtheory.experiments.labels import label
from bwtheory.nn import INR
from bwtheory.plots import BLACK, canvas
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.gauss_newton import refuse_gauss_newton

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GOAL = 108.0  # dB
ADAM, IN_ALL = 200, 400  # epochs: steps of Adam, and with them iterations of conjugate gradients
METHODS = {"adam": "Adam", "gauss-newton": f"Adam for {ADAM}, then Gauss–Newton"}


class FewerSteps(Experiment):
    """The same networks, seeds and learning rates; Adam's schedule up to the change is Appendix D's over 1000 epochs."""

    name = "gauss-newton"
    title = "Signal representation with Gauss–Newton steps"
    takes = ("image", "seeds", "shrink", "activations")
    runs_of = ("fig5",)
    keeps_runs = True

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        runs = {}
        fields, options = budget.settings({"hidden_features": 128}, quick_shrink=4)
        for activation in budget.activations or COMPARED[:2]:
            refuse_gauss_newton(INR(2, 1, 2, 2, activation))
            for seed in budget.seed_list(quick=1):
                given = {"task": "signal", "source": budget.image or "camera", "activation": activation, "seed": seed, **fields}
                runs[f"{activation}-seed{seed}"] = with_preset(given, {}, options)
                given |= {"epochs": IN_ALL, "gauss_newton_after": ADAM}
                runs[f"{activation}-gauss-newton-seed{seed}"] = with_preset(given, {}, options)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        rows, results = [], {}
        groups: dict[tuple[str, str], list[Finished]] = {}
        for run in done.values():
            method = "adam" if run.config.gauss_newton_after is None else "gauss-newton"
            groups.setdefault((run.config.activation, method), []).append(run)
        for (activation, method), found in groups.items():
            psnr, published = ([run.summary[name] for run in found] for name in ("psnr", "psnr_paper"))
            epochs = sorted(run.epochs_to(GOAL) for run in found)
            there = sum(map(math.isfinite, epochs))
            middle = epochs[len(epochs) // 2]  # no mean of a number and ∞
            cells = [str(found[0].config.epochs), plus_minus(psnr), f"{min(psnr):.2f}", plus_minus(published)]
            cells += [f"{there} of {len(found)}", "∞" if math.isinf(middle) else f"{middle:.0f}"]
            rows.append([f"{label(activation)}, {METHODS[method]}", *cells])
            key = ledger_name(f"{activation.rpartition(':')[2]}-{method}", "fig5", budget, found[0].summary["sha256"])
            results[key] = {
                "psnr": mean_and_error(psnr),
                "psnr_paper": mean_and_error(published),
                "values": {str(run.config.seed): run.summary["psnr"] for run in found},
                "epochs_to_goal": {str(run.config.seed): _finite(run.epochs_to(GOAL)) for run in found},
                "trials": len(found),
            }
        goal = f"{GOAL:.0f} dB"
        columns = ("", "epochs", "PSNR, dB", "least", "PSNR as published, dB", f"reach {goal}", f"epochs to {goal}")
        notes = (
            "Last iterate; mean ± standard error over seeds, and the median of the epochs (of two in the middle the higher). "
            "An epoch is a step of Adam or an iteration of conjugate gradients; `bwtheory bench` says what the one costs of "
            "the other.",
            f"signal on {next(iter(done.values())).summary['source']}.",
        )
        return Report(columns, rows, self._draw(groups), results, notes)

    def _draw(self, groups: dict[tuple[str, str], list[Finished]]) -> Figure:
        figure, axes = canvas(6.4, 3.6)
        for (activation, method), found in groups.items():
            colour, _ = STYLES.get(activation, (BLACK, "-"))
            for number, run in enumerate(found):
                rows = run.metrics()
                name = f"{label(activation)}, {METHODS[method]}" if number == 0 else None
                style = "-" if method == "gauss-newton" else ":"
                axes.plot(
                    [row["epoch"] for row in rows], [row["psnr"] for row in rows], style, color=colour, lw=1.2, label=name
                )
        axes.axhline(GOAL, color="0.6", lw=0.6)
        axes.set_xlabel("epoch: a step of Adam, or an iteration of conjugate gradients")
        axes.set_ylabel("PSNR, dB")
        axes.legend(fontsize=8)
        return figure


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
