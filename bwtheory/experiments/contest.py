"""Networks on several problems: each is tuned on one instance of a problem and reported on others, by the same search."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.experiments.labels import label
from bwtheory.experiments.statistics import trimmed_mean
from bwtheory.plots import canvas
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TUNED_ON = 40  # the seed of the instance that chooses settings; the reported ones follow
RATE_OF_QUICK = 1  # the second
Pairs = dict[str, list[float]]  # differences in dB by problem, one for each instance


@dataclass(frozen=True)
class Problem:
    """A problem, an instance of which belongs to each seed.

    sources : of its data; one for all seeds, or one for each seed from ``TUNED_ON`` on
    options : of the task; by the same rule, several if there are several sources
    score : of a summary, in dB, the larger the better
    data_seeds : whether the data are drawn by the run's seed
    """

    name: str
    label: str
    task: str
    sources: tuple[str, ...]
    score: str
    options: tuple[dict[str, Any], ...] = ({},)
    data_seeds: bool = True

    def instance(self, seed: int) -> tuple[str, dict[str, Any]]:
        """Source and options of the task for a seed."""
        place = seed - TUNED_ON
        options = dict(self.options[place % len(self.options)])
        return self.sources[place % len(self.sources)], options | ({"data_seed": seed} if self.data_seeds else {})


@dataclass(frozen=True)
class Entrant:
    """A network and what is tried of it: options of the activation with a start, and learning rates.

    cost : CPU time of a step by problem, relative to the first entrant's; 1 where nothing is said
    """

    activation: str
    settings: tuple[tuple[dict[str, float], str], ...]
    rates: tuple[float, ...]
    colour: str
    width: int
    cost: Mapping[str, float] = field(default_factory=dict)


class Contest(Experiment):
    """One search for all: every setting at every rate on the first instance, then the best of them on five others."""

    takes = ("seeds", "epochs")
    problems: tuple[Problem, ...]
    entrants: tuple[Entrant, ...]
    steps: int
    layers = 2
    claims: ClassVar[Mapping[str, tuple[str, ...]]]  # results that the ledger reads: the problems that each is about

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        return self.plan_besides(budget, done, frozenset())

    def plan_besides(self, budget: Budget, done: dict[str, Finished], failed: Collection[str]) -> dict[str, TrainingConfig]:
        """All settings on the first instance of each problem; then the chosen one on the others."""
        runs: dict[str, TrainingConfig] = {}
        seeds = range(TUNED_ON + 1, TUNED_ON + 1 + (budget.seeds or (5 if budget.full else 1)))
        for problem in self.problems:
            chosen: list[tuple[Entrant, int, float]] = []
            for entrant in self.entrants:
                tried = {}
                for which, rate in _search(entrant, budget):
                    key, config = self._run(budget, problem, entrant, which, rate, TUNED_ON)
                    runs[key], tried[key] = config, (entrant, which, rate)
                complete = [key for key in tried if key in done]
                if complete and all(key in done or key in failed for key in tried):
                    chosen.append(tried[max(complete, key=lambda key: _score(done[key], problem))])
            runs |= dict(self._run(budget, problem, *each, seed) for seed in seeds for each in chosen)
        return runs

    def _run(
        self, budget: Budget, problem: Problem, entrant: Entrant, which: int, rate: float, seed: int
    ) -> tuple[str, TrainingConfig]:
        options, init = entrant.settings[which]
        source, data = problem.instance(seed)
        steps = budget.epochs or (self.steps if budget.full else max(1, self.steps // 10))
        steps = max(1, round(steps / entrant.cost.get(problem.name, 1.0)))
        given: dict[str, Any] = {"task": problem.task, "source": source, "activation": entrant.activation, "init": init}
        given |= {"seed": seed, "lr": rate, "epochs": steps, "decay": 0.1, "hidden_features": entrant.width}
        given |= {"hidden_layers": self.layers, "device": budget.device, "log_every": steps}
        return f"{problem.name}-{entrant.activation}-{which}-lr{rate:g}-seed{seed}", with_preset(given, options, data)

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        """A table of problems by networks, the figure of differences, and what the ledger reads."""
        found = {problem.name: self._reported(done, problem) for problem in self.problems}
        scores = {
            problem.name: {name: [_score(run, problem) for run in runs] for name, runs in found[problem.name].items()}
            for problem in self.problems
        }
        pairs, others = differences(scores, self.entrants[0].activation)
        rows = [
            [problem.label, label(name), _settings(runs[0]), str(runs[0].summary["parameters"]), str(runs[0].config.epochs)]
            + [plus_minus([_score(run, problem) for run in runs]), *self.more(problem, runs)]
            for problem in self.problems
            for name, runs in found[problem.name].items()
        ]
        rows += [row for problem in self.problems for row in self.beside(problem, found[problem.name])]
        results: dict[str, dict[str, Any]] = {}
        for problem in self.problems:
            results[f"{self.name}-{problem.name}"] = {
                "scores": {name: mean_and_error(values) for name, values in scores[problem.name].items()},
                "differences": pairs[problem.name],
                "best_other": others[problem.name],
                "trials": len(pairs[problem.name]),
            }
        for claim, names in self.claims.items():
            results[f"{self.name}-{claim}"] = decided({name: pairs[name] for name in names})
        columns = ("problem", "network", "setting", "numbers", "steps", "score, dB", *self.more_columns)
        return Report(columns, rows, self._draw(pairs, others), results, (*self._notes(results), self._edges(found)))

    more_columns: tuple[str, ...] = ()

    def more(self, problem: Problem, runs: Sequence[Finished]) -> list[str]:
        """Cells of ``more_columns``."""
        return []

    def beside(self, problem: Problem, runs: Mapping[str, Sequence[Finished]]) -> list[list[str]]:
        """Rows of methods without a network."""
        return []

    def _notes(self, results: Mapping[str, dict[str, Any]]) -> tuple[str, ...]:
        first = label(self.entrants[0].activation)
        trials = len(self.entrants[0].settings) * len(self.entrants[0].rates)
        return (
            f"Means ± standard errors over instances that did not choose the settings; {trials} settings of each network were "
            "tried on one other instance. Setting: options, start, learning rate.",
            *(
                f"{claim}: {first} minus the best other network, trimmed mean over {', '.join(names)}: "
                f"{results[f'{self.name}-{claim}']['first'][0]:+.2f} ± {results[f'{self.name}-{claim}']['first'][1]:.2f} dB."
                for claim, names in self.claims.items()
            ),
        )

    def _edges(self, found: Mapping[str, Mapping[str, Sequence[Finished]]]) -> str:
        """How often the chosen learning rate is the largest one that was tried, where a larger one might be better still."""
        largest = {entrant.activation: max(entrant.rates) for entrant in self.entrants}
        counts = {
            label(name): sum(name in runs and runs[name][0].config.lr == rate for runs in found.values())
            for name, rate in largest.items()
        }
        words = ", ".join(f"{name} {count}" for name, count in counts.items())
        return f"Problems, of {len(found)}, on which the largest learning rate tried was the best: {words}."

    def _reported(self, done: dict[str, Finished], problem: Problem) -> dict[str, list[Finished]]:
        groups: dict[str, list[Finished]] = {}
        for key, run in done.items():
            if key.startswith(f"{problem.name}-") and run.config.seed > TUNED_ON:
                groups.setdefault(run.config.activation, []).append(run)
        return {each.activation: groups[each.activation] for each in self.entrants if each.activation in groups}

    def _draw(self, pairs: Pairs, others: Mapping[str, str]) -> Figure:
        figure, axes = canvas(6.4, 3.2)
        colours = {entrant.activation: entrant.colour for entrant in self.entrants}
        axes.axhline(0, color="0.6", lw=0.8)
        for place, problem in enumerate(self.problems):
            values, other = pairs[problem.name], others[problem.name]
            axes.plot([place] * len(values), values, "o", color=colours[other], ms=4, alpha=0.7)
            axes.plot([place - 0.25, place + 0.25], [statistics.fmean(values)] * 2, color=colours[other])
        ticks = [f"{problem.label}\nagainst {label(others[problem.name])}" for problem in self.problems]
        axes.set_xticks(range(len(ticks)), ticks, fontsize=6)
        axes.set_ylabel(f"dB, {label(self.entrants[0].activation)} minus the best other")
        axes.set_title(self.finding(pairs), fontsize=8)
        return figure

    def finding(self, pairs: Pairs) -> str:
        """On how many problems the first network is ahead and behind on every instance."""
        ahead, behind = (
            [problem.label for problem in self.problems if all(sign * value > 0 for value in pairs[problem.name])]
            for sign in (1, -1)
        )
        named = [f"{word} on {', '.join(names)}" for word, names in (("ahead", ahead), ("behind", behind)) if names]
        words = "\nand ".join(named) or "neither ahead nor behind"
        return f"{label(self.entrants[0].activation)} is {words} on every instance"


def _search(entrant: Entrant, budget: Budget) -> Iterable[tuple[int, float]]:
    rates = entrant.rates if budget.full else entrant.rates[RATE_OF_QUICK : RATE_OF_QUICK + 1]
    return itertools.product(range(len(entrant.settings)), rates)


def _score(run: Finished, problem: Problem) -> float:
    return float(run.summary[problem.score])


def _settings(run: Finished) -> str:
    config = run.config
    options = ", ".join(f"{name} = {value:g}" for name, value in config.options.items())
    start = "" if config.init == "pytorch" else f", {config.init}"
    return f"{options}{start}, {config.lr:g}"


def differences(scores: Mapping[str, Mapping[str, Sequence[float]]], first: str) -> tuple[Pairs, dict[str, str]]:
    """By problem: the first network's scores minus those of the best other one, instance by instance, and which that is."""
    pairs: Pairs = {}
    best: dict[str, str] = {}
    for problem, found in scores.items():
        others = [name for name in found if name != first]
        best[problem] = max(others, key=lambda name: statistics.fmean(found[name]))
        pairs[problem] = [a - b for a, b in zip(found[first], found[best[problem]], strict=True)]
    return pairs, best


def decided(pairs: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """As the ledger reads it: the trimmed mean of all differences with its error, against 0, and the number that is left."""
    mean = trimmed_mean(np.array([value for values in pairs.values() for value in values]))
    return {"first": [mean.value, mean.standard_error], "second": [0.0, 0.0], "trials": mean.trials}
