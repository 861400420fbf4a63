"""Choosing among networks that differ in the scale c: by their norm, by held-out measurements, or not at all."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bwtheory.experiments.interpolation import rank_correlation


@dataclass(frozen=True)
class Network:
    """What is known of a network at one step of its training.

    c, norm : its scale and its norm (53)
    loss, held_out : mean squared errors of the measurements trained on and of those held out
    quality : in dB, what a choice is to make large and may not look at
    """

    c: float
    loss: float
    norm: float
    held_out: float
    quality: float


@dataclass(frozen=True)
class Choice:
    """Networks that differ in c alone: one problem, target and seed.

    equal : of each c, the first logged step with the loss that all of them reach
    last : of each c, the end of training
    logged : all logged steps of all
    """

    problem: str
    target: str
    seed: int
    equal: tuple[Network, ...]
    last: tuple[Network, ...]
    logged: tuple[Network, ...]

    @property
    def best(self) -> float:
        """The largest quality at equal training loss."""
        return max(network.quality for network in self.equal)


Rule = Callable[[Choice], Network]
RULES: dict[str, Rule] = {
    "least norm": lambda choice: min(choice.equal, key=lambda network: network.norm),
    "least c": lambda choice: min(choice.equal, key=lambda network: network.c),
    "cross-validation": lambda choice: min(choice.equal, key=lambda network: network.held_out),
    "least norm, end of training": lambda choice: min(choice.last, key=lambda network: network.norm),
    "cross-validation, any step": lambda choice: min(choice.logged, key=lambda network: network.held_out),
}
FIXED = "fixed c"  # the best one on other targets of the same problem


def at_equal_loss(problem: str, target: str, runs: Mapping[tuple[int, float], Sequence[Network]]) -> list[Choice]:
    """The choices of one problem and target, from the logged steps by seed and c; a seed that lacks some c is left out.

    The loss that all reach is the least one of the network that gets least far, over seeds and c.
    """
    level = max(min(network.loss for network in steps) for steps in runs.values())
    scales = {c for _, c in runs}
    choices = []
    for seed in dict.fromkeys(seed for seed, _ in runs):
        if any((seed, c) not in runs for c in scales):
            continue
        found = [runs[seed, c] for c in sorted(scales)]
        equal = tuple(next(network for network in steps if network.loss <= level) for steps in found)
        last, logged = tuple(steps[-1] for steps in found), tuple(itertools.chain.from_iterable(found))
        choices.append(Choice(problem, target, seed, equal, last, logged))
    return choices


def correlations(choices: Sequence[Choice], target: str, end: bool) -> list[float]:
    """Kendall's τ of norm and quality over c, of each choice of a target: at the end of training, or at equal loss."""
    return [_tau(choice.last if end else choice.equal) for choice in choices if choice.target == target]


def within_scales(choices: Sequence[Choice]) -> list[float]:
    """Kendall's τ of norm and quality over seeds, for each problem and c, at equal loss; none of a single seed."""
    groups: dict[tuple[str, float], list[Network]] = {}
    for choice in choices:
        for network in choice.equal:
            groups.setdefault((choice.problem, network.c), []).append(network)
    return [_tau(group) for group in groups.values() if len(group) > 1]


def regrets(choices: Sequence[Choice]) -> dict[str, dict[tuple[str, str], float]]:
    """By rule, then by problem and target: dB that a choice loses to the best network at equal loss, mean over seeds.

    ``FIXED`` takes the c with the largest mean quality at equal loss over the other targets of the problem; where there is no
    other target it is missing.
    """
    groups: dict[tuple[str, str], list[Choice]] = {}
    for choice in choices:
        groups.setdefault((choice.problem, choice.target), []).append(choice)
    found = {
        name: {group: statistics.fmean(choice.best - rule(choice).quality for choice in each) for group, each in groups.items()}
        for name, rule in RULES.items()
    }
    fixed: dict[tuple[str, str], float] = {}
    for (problem, target), each in groups.items():
        others = [choice for choice in choices if choice.problem == problem and choice.target != target]
        if others:
            c = _best_scale(others)
            fixed[problem, target] = statistics.fmean(choice.best - _at_scale(choice, c).quality for choice in each)
    return found | ({FIXED: fixed} if len(fixed) == len(groups) else {})


def _best_scale(choices: Sequence[Choice]) -> float:
    scales = [network.c for network in choices[0].equal]
    return max(scales, key=lambda c: statistics.fmean(_at_scale(choice, c).quality for choice in choices))


def _at_scale(choice: Choice, c: float) -> Network:
    return next(network for network in choice.equal if network.c == c)


def _tau(networks: Sequence[Network]) -> float:
    return rank_correlation([(network.norm, network.quality) for network in networks])
