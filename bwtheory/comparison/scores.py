"""The numbers of a comparison: scores and differences by method, budget and size, for the report and the figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bwtheory.baselines import BASELINES
from bwtheory.comparison.compare import Comparison
from bwtheory.experiments.experiment import Finished
from bwtheory.experiments.statistics import Difference, Scores, mean_and_seed_error, paired_difference
from bwtheory.tasks.sources import BUILT_IN

if TYPE_CHECKING:
    pass

EQUAL = {"steps": "equal steps", "time": "equal time"}


def scores(done: Comparison, budget: str, method: str, size: int, metric: Callable[[dict[str, Any]], float]) -> Scores:
    """Of a network or a baseline: by image, a number of each summary."""
    found: dict[str, list[float]] = {}
    for image in done.protocol.images:
        if method in BASELINES:
            rows = [done.estimates[method, size, image]]
        else:
            rows = [run.summary for run in finished(done, budget, method, size, image)]
        if rows:
            found[image] = [metric(row) for row in rows]
    return found


def differences(done: Comparison, budget: str, size: int) -> dict[str, Difference]:
    """PSNR of every other method minus that of the first activation; all intervals of a report hold together with 95 %.

    A method with a failed run has none: what is left of it would be a choice of easy cases.
    """
    protocol = done.protocol
    first = scores(done, budget, protocol.activations[0], size, psnr_of)
    found = {}
    for name in (*protocol.activations[1:], *done.baselines):
        complete = not any(failed_runs(done, budget, each, size) for each in (name, protocol.activations[0]))
        there = scores(done, budget, name, size, psnr_of) if complete else {}
        found[name] = paired_difference(there, first, done.comparisons)
    return found


def ranked(done: Comparison, budget: str, size: int) -> dict[str, Scores]:
    """PSNR of the methods without a failed run, to rank them."""
    names = (*done.protocol.activations, *done.baselines)
    return {name: scores(done, budget, name, size, psnr_of) for name in names if not failed_runs(done, budget, name, size)}


def title_of(done: Comparison) -> str:
    protocol = done.protocol
    options = "".join(f", {name.replace('_', ' ')} {value}" for name, value in protocol.options.items())
    size = f", longer side about {protocol.side}" if protocol.side else ""
    return f"{protocol.task}{options}: {counted(len(protocol.images), 'image')}{size}, {counted(protocol.seeds, 'seed')}"


def finished(done: Comparison, budget: str, name: str, size: int, image: str) -> list[Finished]:
    keys = [done.key(budget, name, size, image, seed) for seed in done.protocol.seed_list]
    return [done.runs[key] for key in keys if key in done.runs]


def runs_of(done: Comparison, budget: str, name: str, size: int) -> list[Finished]:
    return [run for image in done.protocol.images for run in finished(done, budget, name, size, image)]


def failed_runs(done: Comparison, budget: str, name: str, size: int) -> int:
    """How many runs have diverged."""
    if name in BASELINES:
        return 0
    keys = (done.key(budget, name, size, image, seed) for image in done.protocol.images for seed in done.protocol.seed_list)
    return sum(key in done.failed for key in keys)


def parameters_in_words(done: Comparison, budget: str, name: str, size: int) -> str:
    if name in BASELINES:
        counts = [done.estimates[name, size, image]["parameters"] for image in done.protocol.images]
    else:
        counts = [run.summary["parameters"] for run in runs_of(done, budget, name, size)]
    if None in counts:
        return "pixels"
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} … {max(counts):,}"


def number_or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def value_of(metric: str) -> Callable[[dict[str, Any]], float]:
    return lambda row: number_or_nan(row.get(metric))


def psnr_of(row: dict[str, Any]) -> float:
    return float(row["psnr"])


def mean_of_known(found: Scores) -> float:
    known = {image: there for image, there in found.items() if math.isfinite(sum(there))}
    return mean_in_words(known)


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def mean_in_words(found: Scores) -> float:
    return mean_and_seed_error(found)[0] if found else math.nan


def name_of(image: str) -> str:
    return image if image in BUILT_IN else Path(image).stem
