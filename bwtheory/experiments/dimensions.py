"""The scale c, the variation norm (53) and generalization for functions of two, three and four variables."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.random import Generator

from bwtheory.experiments.choices import Choice, Network, at_equal_loss, correlations, regrets
from bwtheory.experiments.experiment import Budget, Report, mean_and_error, plus_minus
from bwtheory.experiments.trials import Trial, TrialsExperiment
from bwtheory.nn import INR, variation_norm
from bwtheory.plots import BLUE, GREEN, ORANGE, SKY, VERMILION, canvas
from bwtheory.training.api import Step, fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALES = (1.25, 1.75, 2.5, 3.5, 5.0)
DIMENSIONS = (2, 3, 4)
SAMPLES, HELD_OUT, TEST = 400, 40, 2000
EVERY = 10  # steps between two looks at a network
Function = Callable[[np.ndarray], np.ndarray]


def ridges(d: int, draw: Generator) -> Function:
    """Σ v max(0, u·x − t) over six directions u: piecewise linear."""
    u, t, v = _directions(d, 6, draw), draw.uniform(-0.7, 0.7, 6), draw.choice([-1.0, 1.0], 6)
    return lambda x: np.maximum(0, x @ u.T - t) @ v


def waves(d: int, draw: Generator) -> Function:
    """Σ cos(π k·x + φ)/|k| over six wave vectors k with entries −1, 0, 1: smooth."""
    k = draw.integers(-1, 2, (6, d)).astype(float)
    k[:, 0] = 1  # none is 0
    phase = draw.uniform(0, 2 * np.pi, 6)
    return lambda x: np.cos(np.pi * x @ k.T + phase) @ (1 / np.linalg.norm(k, axis=1))


def cones(d: int, draw: Generator) -> Function:
    """Distance to the nearest of three points: kinks on curved sets and at points."""
    centres = draw.uniform(-0.7, 0.7, (3, d))
    return lambda x: np.linalg.norm(x[:, None] - centres, axis=2).min(axis=1)


def bumps(d: int, draw: Generator) -> Function:
    """Σ v exp(−|x − x₀|²/(2·0.4²)) over six centres: smooth and local."""
    centres, v = draw.uniform(-0.8, 0.8, (6, d)), draw.choice([-1.0, 1.0], 6)
    return lambda x: np.exp(-((x[:, None] - centres) ** 2).sum(axis=2) / (2 * 0.4**2)) @ v


def halfspaces(d: int, draw: Generator) -> Function:
    """Σ v 1[u·x > t] over three directions u: jumps."""
    u, t, v = _directions(d, 3, draw), draw.uniform(-0.4, 0.4, 3), np.array([1.0, -1.0, 0.5])
    return lambda x: (x @ u.T > t) @ v


TARGETS: dict[str, Callable[[int, Generator], Function]] = {
    "ridges": ridges,
    "waves": waves,
    "cones": cones,
    "bumps": bumps,
    "half-spaces": halfspaces,
}
COLOURS = dict(zip(TARGETS, (BLUE, SKY, GREEN, ORANGE, VERMILION)))


class HigherDimensions(TrialsExperiment):
    """BW-ReLU at five scales c on five kinds of functions of d variables; the seed draws function, samples and weights.

    400 random samples in [−1, 1]^d, 40 of them held out; the functions are divided by their standard deviation.  Generalization
    is measured at 2000 other points, in dB of the function's variance.
    """

    name = "open2"
    title = "Scale, variation norm and generalization by dimension"
    takes = ("seeds", "epochs")
    epochs, width, layers, rate = 250, 32, 3, 1e-2

    def settings(self, budget: Budget) -> dict[str, dict[str, Any]]:
        targets = list(TARGETS) if budget.full else list(TARGETS)[:2]
        epochs = budget.epochs or (self.epochs if budget.full else 60)
        return {
            f"{target}-d{d}-seed{seed}": {"target": target, "d": d, "seed": seed, "epochs": epochs}
            for target, d, seed in itertools.product(targets, DIMENSIONS, budget.seed_list(quick=1))
        }

    def carry_out(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """By c, the logged steps: training loss, norm, loss on what is held out, quality in dB."""
        samples = sample(settings["target"], settings["d"], settings["seed"])
        (x, y), test = samples["trained"], samples["test"]
        found = {}
        for c in SCALES:
            steps: list[dict[str, float]] = []

            def look(step: Step, steps: list[dict[str, float]] = steps) -> None:
                if step.number % EVERY == 0:
                    network = cast(INR, step.network)
                    errors = {name: _error(network, *samples[name]) for name in ("held_out", "test")}
                    norm = float(variation_norm(network).detach())
                    quality = 10 * math.log10(float(np.var(test[1])) / errors["test"])
                    steps.append({"loss": step.loss, "norm": norm, "held_out": errors["held_out"], "quality": quality})

            network: dict[str, Any] = {"hidden_features": self.width, "hidden_layers": self.layers, "c": c, "init": "pytorch"}
            training: dict[str, Any] = {"steps": settings["epochs"], "lr": self.rate, "decay": 0.1, "seed": settings["seed"]}
            fit((x, y), "bw-relu", preset="paper", device="cpu", progress=False, callbacks=look, **network, **training)
            found[f"{c:g}"] = steps
        return found

    def report_trials(self, budget: Budget, trials: Mapping[str, Trial]) -> Report:
        choices = _choices(trials)
        targets = list(dict.fromkeys(choice.target for choice in choices))
        lost = regrets(choices)
        results: dict[str, dict[str, Any]] = {}
        for name, dimensions in {"": (3, 4), **{f"-d{d}": (d,) for d in DIMENSIONS}}.items():
            here = [choice for choice in choices if int(choice.problem) in dimensions]
            for end in (False, True):
                taus = {target: statistics.fmean(correlations(here, target, end)) for target in targets}
                entry = {"first": mean_and_error(list(taus.values())), "by_target": taus, "trials": len(taus)}
                results[f"{self.name}{name}{'-end' * end}"] = entry
        rows = []
        for d in DIMENSIONS:
            entries = [results[f"{self.name}-d{d}{end}"] for end in ("", "-end")]
            best = [_best_scale(choices, str(d), target) for target in targets]
            losses = [plus_minus([found[str(d), target] for target in targets]) for found in lost.values()]
            shown = [plus_minus(list(entry["by_target"].values())) for entry in entries]
            rows.append([f"d = {d}", *shown, ", ".join(f"{c:g}" for c in best), *losses])
        columns = ("", "τ, equal loss", "τ, end of training", "best c", *(f"regret, dB: {rule}" for rule in lost))
        seeds = len({choice.seed for choice in choices})
        notes = (
            f"τ: rank correlation (Kendall) of the norm (53) and the quality at points not trained on, over "
            f"c = {', '.join(f'{c:g}' for c in SCALES)}; means over {seeds} seeds, then mean ± standard error over "
            f"{len(targets)} kinds of functions: {', '.join(targets)}.",
            "Equal loss and regret: as in next3. Best c: at equal loss, by kind of function. "
            f"{SAMPLES - HELD_OUT} samples, width {self.width}, {self.layers} hidden layers, learning rate {self.rate:g}.",
        )
        return Report(columns, rows, self._draw(choices, targets, results), results, notes)

    def _draw(self, choices: Sequence[Choice], targets: Sequence[str], results: Mapping[str, Mapping[str, Any]]) -> Figure:
        figure, grid = canvas(9.0, 3.2, ncols=len(DIMENSIONS), sharey=True)
        for axes, d in zip(grid, DIMENSIONS):
            for target in targets:
                here = [choice for choice in choices if choice.problem == str(d) and choice.target == target]
                columns = list(zip(*(choice.equal for choice in here)))
                norms = [statistics.fmean(network.norm for network in column) for column in columns]
                qualities = [statistics.fmean(network.quality for network in column) for column in columns]
                axes.plot(norms, qualities, "o-", color=COLOURS[target], ms=4, lw=1, label=target)
            mean, error = results[f"{self.name}-d{d}"]["first"]
            axes.set_title(f"d = {d}: τ of norm and quality {mean:+.2f} ± {error:.2f}", fontsize=9)
            axes.set(xlabel="variation norm (53)", xscale="log")
        grid[0].set_ylabel("dB at other points, equal training loss")
        grid[0].legend(fontsize=7)
        return figure


def sample(target: str, d: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Points (N, d) and values (N, 1) that are trained on, held out, and tested at, of a drawn function."""
    draw = np.random.default_rng([seed, d, list(TARGETS).index(target)])
    function = TARGETS[target](d, draw)
    x = draw.uniform(-1, 1, (SAMPLES + TEST, d))
    values = function(x)[:, None]
    values = (values - values.mean()) / values.std()
    ends = (0, SAMPLES - HELD_OUT, SAMPLES, SAMPLES + TEST)
    return {name: (x[a:b], values[a:b]) for name, a, b in zip(("trained", "held_out", "test"), ends, ends[1:])}


def _directions(d: int, count: int, draw: Generator) -> np.ndarray:
    u = draw.standard_normal((count, d))
    directions: np.ndarray = u / np.linalg.norm(u, axis=1, keepdims=True)
    return directions


@torch.no_grad()
def _error(network: INR, x: np.ndarray, y: np.ndarray) -> float:
    values = network(torch.from_numpy(x).float()).double().numpy()
    return float(((values - y) ** 2).mean())


def _choices(trials: Mapping[str, Trial]) -> list[Choice]:
    groups: dict[tuple[str, str], dict[tuple[int, float], list[Network]]] = {}
    for trial in trials.values():
        group = groups.setdefault((str(trial.settings["d"]), trial.settings["target"]), {})
        for c, steps in trial.result.items():
            group[trial.settings["seed"], float(c)] = [Network(float(c), **step) for step in steps]
    return [choice for group, runs in groups.items() for choice in at_equal_loss(*group, runs)]


def _best_scale(choices: Sequence[Choice], problem: str, target: str) -> float:
    here = [choice for choice in choices if (choice.problem, choice.target) == (problem, target)]
    columns = zip(*(choice.equal for choice in here))
    qualities: dict[float, float] = {column[0].c: statistics.fmean(n.quality for n in column) for column in columns}
    return max(qualities, key=lambda c: qualities[c])
