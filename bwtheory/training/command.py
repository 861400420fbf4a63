"""What ``bwtheory train`` does: one run a seed, or the continuation of runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from bwtheory.catalogue import GIVEN
from bwtheory.files import locked
from bwtheory.tasks import TASKS, Task, absolute_options, absolute_source, build_task, data_hash
from bwtheory.tasks.sources import require_data
from bwtheory.training.config import TrainingConfig
from bwtheory.training.devices import pick_device, settled
from bwtheory.training.estimate import announcement, can_be_previewed, preview
from bwtheory.training.judgement import last_lines, of_seeds
from bwtheory.training.run import RunDirectory, build_network, create_missing_runs, create_runs
from bwtheory.training.session import Diverged, require_trainable, train_together

FEW_RUNS = 5  # no more need a word about how to stop them


def start_runs(
    first: TrainingConfig, seeds: int | Sequence[int], out: Path, together: bool = False, smaller: bool = False
) -> int:
    """Check everything that can be checked, then train the seeds one after another, or together; returns the exit status.

    ``seeds`` is how many, from the configuration's seed on, or which.  ``smaller`` trains on an image with a quarter of the
    sides.  Raises ``Diverged`` at the end if a run has diverged.
    """
    chosen = range(first.seed, first.seed + seeds) if isinstance(seeds, int) else seeds
    if not chosen:
        raise ValueError(f"Training needs seeds >= 1; got {seeds}.")
    pick_device(first.device)
    first = with_absolute_source(preview(first) if smaller else first)
    task = build_task(first.task, first.source, first.coords, first.task_options)
    network = build_network(first, task.channels)
    first = settled(first, network.count_parameters(), len(task.coordinates))
    require_trainable(first, task, network)
    first = replace(first, together=len(chosen) if together else 1)
    hint = "--preview" if can_be_previewed(first) and not smaller else ""
    long = announcement(first, task, network, 1 if together else len(chosen), hint)
    configs = [replace(first, seed=seed, place=n if together else 0) for n, seed in enumerate(chosen)]
    name = Path(first.source.rpartition(":")[2] if first.task == "physics" else first.source).stem
    names = [f"{name}-{config.run_name}{'-preview' * smaller}" for config in configs]
    runs = list(zip(configs, create_runs(out, dict(zip(names, configs)))))
    for note in (*task.notes, *([] if long is None else [long])):  # after all that could be refused: a refusal is one sentence
        print(f"bwtheory: note: {note}", file=sys.stderr)
    if (said := plan_in_words(chosen, out)) is not None:
        print(f"bwtheory: note: {said}", file=sys.stderr)
    scores = []
    for group in [runs] if together else [[one] for one in runs]:
        scores += _train_and_report(group, task)
    if len(scores) > 1:
        print(of_seeds(task.score_name, task.score_unit, scores))
    return 0


def plan_in_words(seeds: Sequence[int], out: Path) -> str | None:
    """What is said before runs begin: how many, and with which seeds; None for one run."""
    if len(seeds) == 1:
        return None
    consecutive = list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    which = f"{seeds[0]} to {seeds[-1]}" if consecutive else ", ".join(map(str, seeds))
    go_on = f" Ctrl-C stops, and `bwtheory train --resume {shlex.quote(str(out))}` continues." if len(seeds) > FEW_RUNS else ""
    return f"{len(seeds)} runs, seeds {which}.{go_on}"


def with_absolute_source(config: TrainingConfig) -> TrainingConfig:
    """Files are found again from elsewhere; names of built-in data stay."""
    source, options = absolute_source(config.task, config.source), absolute_options(config.task_options)
    return replace(config, source=source, task_options=options)


def resume_runs(folder: Path, task: str | None = None, trust: bool = False, epochs: int | None = None) -> int:
    """Continue a run, or all runs of a folder, each with its own configuration; returns the exit status.

    Parameters
    ----------
    folder : a run directory, or a folder of them
    task : what their task is to be, if it is named
    epochs : how many epochs they are to have, if more than they have now; finished ones go on, too
    trust : whether they may execute code that is no part of this package

    Raises
    ------
    ValueError
        If there is none, one is damaged or of another task, has more epochs already, or names code that is not to be trusted.
    """
    if RunDirectory(folder).has_files or not folder.is_dir():
        runs = [RunDirectory(folder)]
    else:
        create_missing_runs(folder)
        runs = [RunDirectory(path.parent) for path in sorted(folder.glob("*/config.json"))]
        if not runs:
            raise ValueError(f"{folder} holds no run directory to resume.")
    configs = [run.read_config() for run in runs]
    for run, config in zip(runs, configs):
        if task is not None and config.task != task:
            raise ValueError(f"{run.path} is a run of the task {config.task!r}, not {task!r}.")
        if epochs is not None:
            config.extended(epochs)  # refuses fewer
        run.refuse_foreign_code(config, trust)
    waiting: list[list[tuple[TrainingConfig, RunDirectory]]] = []
    finished: list[tuple[TrainingConfig, RunDirectory]] = []
    for run, config in zip(runs, configs):
        if epochs is not None and epochs > config.epochs:
            _require_data(run, config)  # a finished run that cannot go on stays finished
            config = run.extend(epochs)
        elif run.is_finished(config):
            finished.append((config, run))
            continue
        _require_network(run, config)
        pick_device(config.device)
        group = next((group for group in waiting if _were_together(config, [other for other, _ in group])), None)
        if group is None:
            waiting.append([(config, run)])
        else:
            group.append((config, run))
    for config, run in finished:
        _report_finished(run, config)
    for group in waiting:
        _train_and_report(group, _task_of(*group[0]))
    return 0


def _were_together(config: TrainingConfig, others: Sequence[TrainingConfig]) -> bool:
    """Whether a run can have been trained in one network with others: the same settings, and a place that none of them has."""
    return config.shared_settings == others[0].shared_settings and config.place not in [other.place for other in others]


def _require_network(run: RunDirectory, config: TrainingConfig) -> None:
    """ValueError, with the file named, if a configuration is not that of the run's checkpoint, or where none is, of no network.

    Said before the task is built: an edited field may be one of that.
    """
    if run.load_checkpoint(config) is None and not config.foreign_code:
        try:
            with torch.device("meta"):  # takes no memory
                build_network(config, 1)
        except ValueError as error:
            raise ValueError(f"{run.config_file} cannot be used: {error}") from None


def _require_data(run: RunDirectory, config: TrainingConfig) -> None:
    """ValueError if the data of a run are not where they were, or are not what they were, or if its log is damaged."""
    _refuse_data_of_programs(config, run)
    try:
        require_data(TASKS[config.task].needs, config.source)
        now = data_hash(config.task, config.source, config.task_options)
    except ValueError as error:
        raise ValueError(f"{run.path} needs its data, at the path in its config.json: {error}") from None
    then = (run.load_checkpoint(config) or {}).get("sha256")
    if now and then and now != then:
        raise ValueError(f"{run.path} was started on other data: the SHA-256 of {config.source} is not that of its checkpoint.")
    if run.is_finished(config):
        try:
            run.read_metrics()
        except FileNotFoundError:
            raise ValueError(f"{run.metrics_file} is gone, which this finished run had written.") from None


def _report_finished(run: RunDirectory, config: TrainingConfig) -> None:
    with locked(run.path):
        problem = run.restore(config)
    if problem:
        print(f"{problem.rstrip('.')} and written again.", file=sys.stderr)
    print(f"{run.path} is finished after {config.epochs} epochs; --resume {run.path} --epochs N trains on to N.")


def _refuse_data_of_programs(config: TrainingConfig, run: RunDirectory) -> None:
    if config.task == GIVEN:
        raise ValueError(
            f"{run.path} was trained on arrays of a Python program; call bw.fit with them and run={str(run.path)!r}."
        )


def _task_of(config: TrainingConfig, run: RunDirectory) -> Task:
    """The task of a configuration that was read from a file: its options may have any type."""
    _refuse_data_of_programs(config, run)
    try:
        return build_task(config.task, config.source, config.coords, config.task_options)
    except (TypeError, OverflowError, MemoryError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(
            f"{run.config_file} cannot be used: there is no task {config.task!r} with task_options {config.task_options}: "
            f"{reason.rstrip('.')}."
        ) from None


def _train_and_report(group: list[tuple[TrainingConfig, RunDirectory]], task: Task) -> list[float]:
    """Train runs together, say how each has ended, and return their scores; ``Diverged`` if one has."""
    first, run = group[0]
    folder = run.path if len(group) == 1 else run.path.parent
    go_on = f"bwtheory train {first.task} --resume {shlex.quote(str(folder))}{' --trust' * bool(first.foreign_code)}"
    try:
        outcomes = train_together([config for config, _ in group], task, [run for _, run in group])
    except KeyboardInterrupt as stopped:
        if getattr(stopped, "saved", False):
            what = "Interrupted; everything is saved."
        else:
            what = "Stopped at once; what was computed since the last checkpoint is lost, nothing before it."
        with suppress(OSError):  # of a terminal that has been closed
            print(f"\n{what} Continue with: {go_on}", file=sys.stderr)
        raise
    except OSError as error:
        raise OSError(f"{error}. Nothing saved before is lost; continue with: {go_on}") from None
    for (config, run), found in zip(group, outcomes):
        if not isinstance(found, Diverged):
            score = f"{found[task.score_name]:.4g} {task.score_unit}".rstrip()
            what = f"{task.score_name} {score} after {found['kept_epoch']} epochs on {task.source}"
            print(f"{run.path}: {what} ({config.settings_from})")
            for line in last_lines(config, found, run.read_metrics(), run.path):
                print(f"  {line}")
    for found in outcomes:
        if isinstance(found, Diverged):
            raise found
    return [found[task.score_name] for found in outcomes if not isinstance(found, Diverged)]
