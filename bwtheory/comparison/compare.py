"""``bwtheory compare``: tune every method alike, then run all at equal steps and at equal time."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from bwtheory.baselines import BASELINES, Baseline, Estimate
from bwtheory.baselines.grids import between_pixels_of
from bwtheory.comparison.protocol import TUNING_SEED, Protocol, read_json, write_json
from bwtheory.comparison.tuning import Axis, Point, best_point, edges, propose
from bwtheory.experiments.decision import LEAST_TRIALS
from bwtheory.experiments.experiment import Finished
from bwtheory.experiments.runs import Cluster, finish_runs
from bwtheory.experiments.statistics import POWER, detectable, images_for
from bwtheory.files import locked
from bwtheory.nn import INR
from bwtheory.nn.calibration import products_of_run
from bwtheory.nn.workers import one_thread
from bwtheory.tasks import ImageTask, build_task, data_hash
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gradient import ChunkedNetworks, keep_freed_memory
from bwtheory.training.run import build_network, build_optimizer
from bwtheory.units import duration

ITERATES = 4  # of a stopping rule, by those of the tuned method
ROUNDS, SECONDS = 7, 1.0  # of the timing of steps: at least so many rounds, and so long for each network
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Tuned:
    """The search for a method's settings: points by score, in dB, in the order in which they were tried."""

    axes: list[Axis]
    scores: dict[Point, float]

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the best point."""
        best = best_point(self.scores)
        return {axis.name: axis.value(place) for axis, place in zip(self.axes, best)}

    @property
    def at_an_edge(self) -> list[str]:
        """What may have its optimum beyond the values tried."""
        return edges(self.axes, self.scores)


@dataclass
class Comparison:
    """A comparison in its folder: what has been done of it, and what that says.

    step_seconds : of a step, by activation, size and number of coordinates, measured side by side
    tuned : by activation or baseline
    runs, failed : finished and diverged runs by ``key``
    estimates : of the baselines: by name, size and image, a row of metrics
    not_applicable : baselines that refuse the task, with the reason
    """

    protocol: Protocol
    folder: Path
    step_seconds: dict[str, float] = field(default_factory=dict)
    tuned: dict[str, Tuned] = field(default_factory=dict)
    runs: dict[str, Finished] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    estimates: dict[tuple[str, int, str], dict[str, Any]] = field(default_factory=dict)
    not_applicable: dict[str, str] = field(default_factory=dict)
    _coordinates: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def baselines(self) -> list[str]:
        """Those that apply."""
        return [name for name in self.protocol.baselines if name not in self.not_applicable]

    @property
    def budgets(self) -> list[str]:
        """What is made equal, in turn."""
        return (["steps"] if self.protocol.steps else []) + ["time"]

    @property
    def tables(self) -> list[tuple[str, int]]:
        """What is made equal, and the size: the sizes at which no settings were chosen are compared in one way only."""
        first, *others = self.protocol.parameters
        return [(budget, first) for budget in self.budgets] + [(self.budgets[0], size) for size in others]

    @property
    def comparisons(self) -> int:
        """Differences to the first activation that are tested; each has its share of 5 %."""
        protocol = self.protocol
        return (len(protocol.activations) - 1) * len(self.tables) + len(self.baselines) * len(protocol.parameters)

    def steps(self, budget: str, activation: str, parameters: int, image: str) -> int:
        """Of a run: those given, or as many as fit into the time."""
        if budget != "time":
            assert self.protocol.steps is not None
            return self.protocol.steps
        return max(1, round(self.seconds(parameters, image) / self.seconds_of_step(activation, parameters, image)))

    def key(self, budget: str, activation: str, parameters: int, image: str, seed: int) -> str:
        """Name of a run's folder; a run of as many steps in the same time is the same run."""
        if budget == "time" and self.steps(budget, activation, parameters, image) == self.protocol.steps:
            budget = "steps"
        return f"{budget}-{activation.rpartition(':')[2]}-{parameters}-{Path(image).stem}-seed{seed}"

    def seconds(self, parameters: int, image: str) -> float:
        """The time budget on an image: what was given, or what the first activation takes for its steps."""
        if self.protocol.budget is not None:
            return self.protocol.budget
        assert self.protocol.steps is not None
        return self.protocol.steps * self.seconds_of_step(self.protocol.activations[0], parameters, image)

    def seconds_of_step(self, activation: str, parameters: int, image: str) -> float:
        """As measured at a number of coordinates within a factor of two, and in proportion to it."""
        count = self.coordinates(image)
        near = min(self.measured_at(), key=lambda size: abs(math.log(size / count)))
        return self.step_seconds[f"{activation}@{parameters}@{near}"] * count / near

    def measured_at(self) -> list[int]:
        """Numbers of coordinates at which steps are measured: every image has one within a factor of two."""
        found: list[int] = []
        for image in (*self.protocol.images, *self.protocol.tuning_images):
            count = self.coordinates(image)
            if all(abs(math.log2(count / size)) > 1 for size in found):
                found.append(count)
        return found

    def begin(self, image: str) -> tuple[str, ...]:
        """Build an image's task once; what its user should know of it."""
        task = self.protocol.build_task(image)
        self._coordinates[image] = len(task.coordinates)
        return task.notes

    def coordinates(self, image: str) -> int:
        """Points at which a network is evaluated in one step."""
        if image not in self._coordinates:
            self._coordinates[image] = len(self.protocol.build_task(image).coordinates)
        return self._coordinates[image]


def compare(
    protocol: Protocol,
    folder: Path,
    progress: Progress | None = None,
    spread: float | None = None,
    cluster: Cluster | None = None,
) -> Comparison:
    """Do a comparison, or go on with it: what is finished in the folder is not done again.

    ``spread`` is the usual standard deviation in dB of differences between images, to say beforehand what can be seen.
    A cluster trains the runs elsewhere, as ``finish_runs`` takes it; methods without a network are computed here.

    Raises
    ------
    ValueError
        For settings that make no sense, or a folder with another comparison.
    KeyboardInterrupt
        After saving; the same call goes on.
    """
    say = progress or Console(stderr=True, highlight=False, markup=False).print
    done = Comparison(protocol, folder)
    images = dict.fromkeys((*protocol.images, *protocol.tuning_images))
    notes = [note for image in images for note in done.begin(image)]  # what is wrong with one shows before anything is written
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        protocol.save(folder / "protocol.json")
        for note in notes:  # after all that could be refused: a refusal is one sentence
            say(f"note: {note}")
        say(what_can_be_seen(done, spread))
        _carry_out(done, say, cluster)
    return done


def _carry_out(done: Comparison, say: Progress, cluster: Cluster | None) -> None:
    protocol, folder = done.protocol, done.folder
    done.step_seconds = _step_seconds(done, folder / "step_seconds.json", say)
    say(f"{_count_runs(done):,} runs; their steps take about {duration(_total_seconds(done))}; what is done is not done again.")
    for name in protocol.baselines:
        try:
            _baseline(done, name, say)
        except ValueError as error:
            done.not_applicable[name] = str(error)
    done.runs, done.failed = finish_runs(
        lambda runs, failed: _plan(done, runs, failed), folder / "runs", after=_report_run(say), cluster=cluster
    )
    if not any(name in done.runs for name in _planned_reports(done)):
        raise ValueError(f"No run that would be reported has finished; the first reason: {next(iter(done.failed.values()))}")


def what_can_be_seen(done: Comparison, spread: float | None = None) -> str:
    """What differences the images can show; in dB, if ``spread`` is given, as in ``compare``."""
    protocol = done.protocol
    images, tests = len(protocol.images), done.comparisons
    if not tests:
        return "One method alone: nothing is compared."
    if images < LEAST_TRIALS:
        size = detectable(LEAST_TRIALS, tests)
        at_five = f", and {LEAST_TRIALS} would show {_of_spread(size, spread)}"
        return f"With {images} image{'s' * (images > 1)} nothing is decided: that takes {LEAST_TRIALS} at least{at_five}."
    size = detectable(images, tests)
    half = images_for(size / 2, tests)
    more = "" if half is None else f" {half} images would show half of that."
    return f"{images} images show {_of_spread(size, spread)}, with probability {POWER:.0%}, in {tests} comparisons.{more}"


def _of_spread(size: float, spread: float | None) -> str:
    if spread is None:
        return f"a difference of {size:.1f} standard deviations of the differences between images"
    return f"a difference of {size * spread:.1f} dB, if methods differ between images as in our study (by {spread:.1f} dB)"


def _count_runs(done: Comparison) -> int:
    """Runs of networks, trials of the tuning included, finished or not."""
    protocol = done.protocol
    return len(protocol.activations) * protocol.trials * len(protocol.tuning_images) + len(set(_planned_reports(done)))


def _planned_reports(done: Comparison) -> list[str]:
    """Keys of the runs that are reported."""
    protocol = done.protocol
    return [
        done.key(budget, activation, size, image, seed)
        for activation in protocol.activations
        for budget, size in done.tables
        for image in protocol.images
        for seed in protocol.seed_list
    ]


def _total_seconds(done: Comparison) -> float:
    """Of the steps of all networks, finished or not."""
    protocol, total = done.protocol, 0.0
    for name in protocol.activations:
        for image in protocol.tuning_images:
            size = protocol.parameters[0]
            steps = done.steps(done.budgets[0], name, size, image)
            total += protocol.trials * steps * done.seconds_of_step(name, size, image)
        for image in protocol.images:
            for size in protocol.parameters:
                steps = sum({done.steps(budget, name, size, image) for budget, each in done.tables if each == size})
                total += protocol.seeds * steps * done.seconds_of_step(name, size, image)
    return total


def _report_run(say: Progress) -> Callable[[str, Finished], None]:
    def report(name: str, finished: Finished) -> None:
        checkpoint = finished.run.checkpoint_file
        if checkpoint.exists():
            checkpoint.unlink()  # of a finished run; the weights stay
            say(f"{name}: {finished.summary['psnr']:.2f} dB")

    return report


def _plan(done: Comparison, runs: dict[str, Finished], failed: dict[str, str]) -> dict[str, TrainingConfig]:
    """Trials first, as far as their search has come; then, for the activations that are tuned, the runs that are reported."""
    protocol = done.protocol
    planned: dict[str, TrainingConfig] = {}
    for activation in protocol.activations:
        axes = protocol.axes(activation)
        scores: dict[Point, float] = {}
        while (point := propose(axes, scores, protocol.trials)) is not None:
            trial = {}
            for image in protocol.tuning_images:
                name = done.key(f"trial{len(scores)}", activation, protocol.parameters[0], image, TUNING_SEED)
                trial[name] = _config(
                    done, done.budgets[0], activation, protocol.settings(activation, point), image, TUNING_SEED
                )
            planned |= trial
            if not all(name in runs or name in failed for name in trial):
                break
            found = [runs[name].summary["psnr"] if name in runs else -math.inf for name in trial]
            scores[point] = statistics.fmean(found)
        else:
            done.tuned[activation] = Tuned(axes, scores)
    for activation in protocol.activations if all(name in done.tuned for name in protocol.activations) else ():
        chosen = done.tuned[activation].settings
        for budget, parameters in done.tables:
            for image in protocol.images:
                for seed in protocol.seed_list:
                    name = done.key(budget, activation, parameters, image, seed)
                    planned[name] = _config(done, budget, activation, chosen, image, seed, parameters)
    return planned


def _config(
    done: Comparison,
    budget: str,
    activation: str,
    chosen: dict[str, Any],
    image: str,
    seed: int,
    parameters: int | None = None,
) -> TrainingConfig:
    size = parameters or done.protocol.parameters[0]
    return done.protocol.network(activation, chosen, image, size, seed, done.steps(budget, activation, size, image))


def _step_seconds(done: Comparison, file: Path, say: Progress) -> dict[str, float]:
    """Median seconds of a step of every network, with the settings that its search starts from, in interleaved rounds."""
    if file.exists():
        seconds: dict[str, float] = read_json(file)
        return seconds
    protocol = done.protocol
    keep_freed_memory()
    steps = {}
    for count in done.measured_at():
        image = next(image for image in (*protocol.images, *protocol.tuning_images) if done.coordinates(image) == count)
        task = build_task(protocol.task, image, "stretch", protocol.task_options(image))
        assert isinstance(task, ImageTask)
        for activation in protocol.activations:
            axes = protocol.axes(activation)
            start = protocol.settings(activation, (0.0,) * len(axes))
            for parameters in protocol.parameters:
                config = protocol.network(activation, start, image, parameters, TUNING_SEED, steps=1)
                steps[f"{activation}@{parameters}@{count}"] = _step(config, task)
    say("Measuring a step of each network …")
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()  # the first one may compile
    began = time.perf_counter()
    while len(times[next(iter(times))]) < ROUNDS or time.perf_counter() - began < SECONDS * len(steps):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - started)
    found = {name: statistics.median(seconds) for name, seconds in times.items()}
    write_json(file, found)
    return found


def _step(config: TrainingConfig, task: ImageTask) -> Callable[[], None]:
    device = torch.device(config.device)
    network: INR = build_network(config, task.channels).to(device)
    x, y = task.coordinates.to(device, torch.float32), task.measurements.to(device, torch.float32)
    operator = task.operator and task.operator.to(device, torch.float32)
    products, _ = products_of_run(config.engine)
    chunked = ChunkedNetworks([network], config.chunk_size, bool(config.compile), products=products)
    optimizer = build_optimizer(config, network)

    def step() -> None:
        losses, _ = chunked.least_squares(x, y, operator)
        with one_thread():
            optimizer.step()
        losses.tolist()  # waits for a GPU

    return step


def _baseline(done: Comparison, name: str, say: Progress) -> None:
    """Tune a baseline as networks are, then apply it to every image; what is in the folder is read."""
    protocol, baseline = done.protocol, BASELINES[name]
    file = done.folder / "baselines" / f"{name}.json"
    kept: dict[str, dict[str, Any]] = read_json(file) if file.exists() else {}

    def row(image: str, settings: dict[str, Any], parameters: int) -> dict[str, Any]:
        label = json.dumps([image, settings, parameters if baseline.sized else protocol.parameters[0]])
        if label not in kept or kept[label]["sha256"] != data_hash(protocol.task, image, protocol.options):
            kept[label] = _measure(protocol, baseline, image, settings, parameters)
            file.parent.mkdir(exist_ok=True)
            write_json(file, kept)
            say(f"{name}, {Path(image).stem}, {settings}: {kept[label]['psnr']:.2f} dB")
        return kept[label]

    axes = [Axis(**vars(baseline.setting))] if baseline.setting else []
    scores: dict[Point, float] = {}
    size = protocol.parameters[0]
    while axes and (point := propose(axes, scores, protocol.trials)) is not None:
        settings = {axes[0].name: axes[0].value(point[0])}
        scores[point] = statistics.fmean(row(image, settings, size)["psnr"] for image in protocol.tuning_images)
    done.tuned[name] = Tuned(axes, scores or {(): math.nan})
    for parameters in protocol.parameters:
        for image in protocol.images:
            done.estimates[name, parameters, image] = row(image, done.tuned[name].settings, parameters)


def _measure(protocol: Protocol, baseline: Baseline, image: str, settings: dict[str, Any], parameters: int) -> dict[str, Any]:
    task = build_task(protocol.task, image, "stretch", protocol.task_options(image) | {"held_out": 0.0})
    assert isinstance(task, ImageTask)
    started = time.perf_counter()
    sized = {"parameters": parameters} if baseline.sized else {}
    estimate: Estimate = baseline.solve(task, *settings.values(), **sized)
    seconds = time.perf_counter() - started
    found: dict[str, Any] = {**task.metrics(estimate.values), **task.details(estimate.values)}
    found |= {"seconds": seconds, "parameters": estimate.parameters, "note": estimate.note, "source": task.source}
    if task.off_grid is not None:
        function = estimate.function or between_pixels_of(task, estimate.values)
        found["off_grid_psnr"] = task.off_grid_psnr(function(task.off_grid.coordinates))
    if baseline.iterates and task.noise_std:
        found |= _stopping(baseline.iterates(task, ITERATES * max(settings.values())), task)
    return found | {"sha256": task.sha256}


def _stopping(iterates: list[tuple[int, Tensor, float]], task: ImageTask) -> dict[str, Any]:
    """Of an iterative method: the iterate best against the truth, and the first whose residual is that of the noise."""
    psnrs = [task.score(values) for _, values, _ in iterates]
    enough = task.noise_std * math.sqrt(task.measurements.numel())
    first = next((number for number, (_, _, residual) in enumerate(iterates) if residual <= enough), None)
    best = int(np.argmax(psnrs))
    chosen = None if first is None else {"epoch": iterates[first][0], "psnr": psnrs[first]}
    oracle = {"epoch": iterates[best][0], "psnr": psnrs[best]}
    return {"oracle": oracle, "stopping": {"discrepancy": chosen, "held_out": None}}
