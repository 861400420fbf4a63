"""Figure 3: does the interpolator of least variation norm generalize best?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import kendalltau

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.nn import INR
from bwtheory.plots import BLACK, BLUE, GREEN, SKY, VERMILION, canvas
from bwtheory.tasks.univariate import TARGETS
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.fitted import load
from bwtheory.variation import PiecewiseLinear, total_variation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALES = (0.5, 2.0, 6.0)
TARGETS_SHOWN = ("steps", "kinks", "smooth")


class Interpolation(Experiment):
    """20 samples of a random function, 100 neurons and a linear skip connection, c = 0.5, 2 and 6 in the network.

    The paper's target is unpublished.  ``steps`` is the family of the published univariate script with weights of our seeds;
    ``kinks`` and ``smooth`` are ours.  A target and its three networks are one trial.
    """

    name = "fig3"
    title = "Figure 3: variation norm and generalization of univariate interpolators"

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        epochs = budget.epochs or (5000 if budget.full else 800)
        trials = budget.seeds or (40 if budget.full else 4)
        runs = {}
        for target in TARGETS_SHOWN:
            for trial in range(trials):
                for c in SCALES:
                    given = {"task": "univariate", "source": target, "seed": 40 + trial, "epochs": epochs}
                    given |= {"device": budget.device, "log_every": 100}
                    config = with_preset(given, {"c": c}, {"data_seed": trial})
                    runs[f"{target}-{trial:02d}-c{c:g}"] = config
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        measured = {key: measure(run) for key, run in done.items()}
        rows: list[list[str]] = []
        results: dict[str, dict[str, Any]] = {}
        for target in TARGETS_SHOWN:
            trials = sorted({key.rsplit("-", 1)[0] for key in done if key.startswith(f"{target}-")})
            trials = [trial for trial in trials if all(f"{trial}-c{c:g}" in done for c in SCALES)]
            table = [[measured[f"{trial}-c{c:g}"] for c in SCALES] for trial in trials]
            for c, column in zip(SCALES, zip(*table)):
                cells = [plus_minus([m[name] for m in column]) for name in ("norm", "variation")]
                errors = [f"{np.median([m[name] for m in column]):.2e}" for name in ("training", "test")]
                rows.append([target, f"{c:g}", *cells, *errors])
            for name, file in (("norm", "fig3"), ("variation", "fig3-variation")):
                first = mean_and_error([rank_correlation([(m[name], -m["test"]) for m in row]) for row in table])
                best = [np.argmin([m[name] for m in row]) == np.argmin([m["test"] for m in row]) for row in table]
                results[f"{file}-{target}"] = {"first": first, "trials": len(trials)}
                chance = {"second": (1 / len(SCALES), 0.0), "trials": len(trials)}
                results[f"fig3-best-{name}-{target}"] = {"first": mean_and_error(best)} | chance
        notes = [f"{name}: {r['first'][0]:.2f} ± {r['first'][1]:.2f} over {r['trials']} targets" for name, r in results.items()]
        columns = ("target", "c", "‖g‖ by (30)", "TV(f′) on [−1, 1]", "training error", "test error")
        notes.insert(0, "Norms: mean ± standard error over targets; errors: root mean squares, median over targets.")
        notes.insert(1, "fig3: rank correlation of (30) and −(test error); fig3-variation: of TV(f′) and −(test error).")
        notes.insert(
            2, "fig3-best: how often the network with the least norm, or TV(f′), has the least test error (chance: 0.33)."
        )
        return Report(columns, rows, self._draw(done, measured), results, notes)

    def _draw(self, done: dict[str, Finished], measured: dict[str, dict[str, float]]) -> Figure:
        figure, axes = canvas(9.0, 5.0, nrows=2, ncols=3)
        x = np.linspace(-1, 1, 1001)
        for c, axis in zip(SCALES, axes[0]):
            key = f"steps-00-c{c:g}"
            if key not in done:
                continue
            config = done[key].config
            samples = np.linspace(-1, 1, 20)
            axis.plot(x, TARGETS["steps"](x, config.task_options["data_seed"]), color=BLACK, lw=0.8, label="target")
            axis.plot(x, load(done[key].run.path, trust=True)(x[:, None])[:, 0], color=BLUE, lw=1.2, label="network")
            axis.plot(samples, TARGETS["steps"](samples, 0), ".", color=VERMILION, ms=5)
            axis.legend(fontsize=7)
            m = measured[key]
            axis.set_title(f"$c = {c:g}$: (30) {m['norm']:.0f}, TV$(f')$ {m['variation']:.0f}", fontsize=9)
        for target, axis in zip(TARGETS_SHOWN, axes[1]):
            for c, colour, marker in zip(SCALES, (GREEN, BLUE, SKY), "os^"):
                points = [m for key, m in measured.items() if key.startswith(f"{target}-") and key.endswith(f"-c{c:g}")]
                norms, errors = [m["variation"] for m in points], [m["test"] for m in points]
                axis.loglog(norms, errors, marker, color=colour, ms=4, mec="white", mew=0.3, label=f"$c = {c:g}$")
            axis.set(title=target, xlabel="TV$(f')$ on $[-1, 1]$")
        axes[1, 0].set_ylabel("test error")
        axes[1, 0].legend(fontsize=7)
        return figure


def measure(finished: Finished) -> dict[str, float]:
    """Norm by (30), exact TV(f′) on [−1, 1] of the trained weights, and root mean squared errors on samples and grid."""
    function = load(finished.run.path, trust=True)
    network, c = function.network, finished.summary["c"]
    assert isinstance(network, INR)
    hidden, output = network.linears
    w, b, v = (t.detach().double().numpy() for t in (hidden.weight[:, 0], hidden.bias, output.weight[0]))
    f = PiecewiseLinear.from_bwrelu(v, w, -b, scale=c)
    return {
        "norm": finished.summary["variation_norm"],
        "variation": float(total_variation(f, (-1, 1))),
        "training": float(np.sqrt(finished.summary["loss"])),
        "test": finished.summary["rmse"],
    }


def rank_correlation(pairs: list[tuple[float, float]]) -> float:
    """Kendall's τ; 0 where it is not defined (equal values)."""
    tau = kendalltau(*zip(*pairs)).statistic
    return 0.0 if np.isnan(tau) else float(tau)
