"""Many runs: do those that are planned and not done, and remember which diverged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from bwtheory.experiments.experiment import Finished
from bwtheory.files import read_bytes, write_text
from bwtheory.tasks import Task, build_task, data_hash
from bwtheory.training.command import with_absolute_source
from bwtheory.training.config import WHERE_IT_RUNS, TrainingConfig
from bwtheory.training.devices import settled
from bwtheory.training.estimate import LONG, may_be_long, measured_seconds
from bwtheory.training.run import RunDirectory, build_network
from bwtheory.training.session import Diverged, train

DIVERGED = "diverged.txt"
TASKS_KEPT = 4  # a projection matrix takes up to a gigabyte

Plan = Callable[[dict[str, Finished], dict[str, str]], dict[str, TrainingConfig]]


class Cluster(Protocol):
    """Where runs are trained if not here."""

    def finish(self, plan: Plan, runs: Runs) -> None:
        """As ``finish_runs`` without a cluster: until nothing more is planned."""


@dataclass(frozen=True)
class Waiting:
    """A run that is to be trained, new or begun; its configuration says where the data are on this machine."""

    key: str
    config: TrainingConfig
    run: RunDirectory


class Runs:
    """The runs of a folder.

    Parameters
    ----------
    folder : has a run directory for each
    kept : folders where finished runs with the same settings are found, too
    after : called with each run that is finished, new or not

    Attributes
    ----------
    done, failed : finished runs, and why others diverged, by name
    """

    def __init__(self, folder: Path, kept: Sequence[Path] = (), after: Callable[[str, Finished], None] | None = None):
        self.folder, self._kept, self._after = folder, kept, after
        self.done: dict[str, Finished] = {}
        self.failed: dict[str, str] = {}
        self._hashes: dict[str, str | None] = {}  # decoding an image for each of its runs takes longer than all else here

    def missing(self, planned: Mapping[str, TrainingConfig]) -> list[str]:
        """Names of the runs that are planned and neither finished nor diverged, as far as is known."""
        return [key for key in planned if key not in self.done and key not in self.failed]

    def look(self, key: str, planned: TrainingConfig) -> Waiting | None:
        """What is to be trained; None for a run that has finished or diverged, which is noted.

        ValueError if the folder holds a run with other settings.
        """
        config = with_absolute_source(planned)
        run = RunDirectory(self.folder / key)
        if not run.config_file.exists():
            before = (RunDirectory(place / key) for place in self._kept if (place / key).is_dir())
            run = next((found for found in before if not difference(found, config, self._hashes)), run)
        job = Waiting(key, config, run)
        if run.config_file.exists():
            other = difference(run, config, self._hashes)
            if other:
                raise ValueError(f"{run.path} holds a run with {other}; choose another --out, or delete it.")
            if (run.path / DIVERGED).exists():
                self.failed[key] = read_bytes(run.path / DIVERGED).decode("utf-8", "replace")
                return None
            if run.is_finished(run.read_config()):
                self.note(job)
                return None
        return job

    def note(self, job: Waiting) -> None:
        """A run has finished."""
        self.done[job.key] = Finished(job.run, job.config, job.run.read_summary())
        if self._after:
            self._after(job.key, self.done[job.key])


def finish_runs(
    plan: Plan,
    folder: Path,
    kept: Sequence[Path] = (),
    after: Callable[[str, Finished], None] | None = None,
    cluster: Cluster | None = None,
) -> tuple[dict[str, Finished], dict[str, str]]:
    """Train what is planned and neither finished nor diverged, until nothing more is planned; returns both by name.

    Parameters
    ----------
    plan : from the finished and the diverged runs (with the reason) to all runs by name, as far as they are known
    folder, kept, after : as ``Runs`` takes them
    cluster : trains them elsewhere, several at a time

    Raises
    ------
    ValueError
        For bad settings, or a folder that holds a run with other settings.
    KeyboardInterrupt
        After saving; the same call goes on.
    """
    runs = Runs(folder, kept, after)
    tasks: dict[str, Task] = {}
    if cluster is not None:
        cluster.finish(plan, runs)
    while waiting := runs.missing(planned := plan(runs.done, runs.failed)):
        for key in waiting:
            job = runs.look(key, planned[key])
            if job is None:
                continue
            try:
                carry_out(job.config, job.run, task_of(job.config, tasks))
            except Diverged as error:
                runs.failed[key] = str(error)
            else:
                runs.note(job)
    in_order = {key: runs.done[key] for key in planned if key in runs.done}
    return in_order, {key: runs.failed[key] for key in planned if key in runs.failed}


def seconds_of(planned: Mapping[str, TrainingConfig], folders: Sequence[Path]) -> float:
    """Seconds of the runs that are in none of the folders, one after the other here; 0 if they are less than ``LONG``."""
    tasks: dict[str, Task] = {}
    known: dict[str, float] = {}
    total = 0.0
    for key, config in planned.items():
        if any(RunDirectory(folder / key).summary_file.exists() for folder in folders):
            continue
        data = {name: value for name, value in config.task_options.items() if name != "data_seed"}
        alike = json.dumps(replace(config.shared_settings, task_options=data).to_json(), sort_keys=True)
        if alike not in known:
            task = task_of(config, tasks)
            network = build_network(config, task.channels)
            own = settled(config, network.count_parameters(), len(task.coordinates))
            known[alike] = measured_seconds(own, task, network) if may_be_long(own, task, network, len(planned)) else 0.0
        total += known[alike]
    return total if total >= LONG else 0.0


def carry_out(config: TrainingConfig, run: RunDirectory, task: Task, shows_progress: bool = True) -> None:
    """Train a run, or go on with it; of one that diverges the reason is kept in its folder before ``Diverged`` is raised."""
    if run.config_file.exists():
        config = run.read_config()
    else:
        size = build_network(config, task.channels).count_parameters()
        config = settled(config, size, len(task.coordinates))
        run = RunDirectory.create(run.path, config)
    try:
        train(config, task, run, **({} if shows_progress else {"shows_progress": False}))
    except Diverged as error:
        write_text(run.path / DIVERGED, str(error))
        raise


def task_of(config: TrainingConfig, tasks: dict[str, Task]) -> Task:
    """A configuration's task, the last few of which are kept."""
    data = json.dumps([config.task, config.source, config.coords, config.task_options])
    if data not in tasks:
        while len(tasks) >= TASKS_KEPT:
            del tasks[next(iter(tasks))]
        tasks[data] = build_task(config.task, config.source, config.coords, config.task_options)
    return tasks[data]


def difference(run: RunDirectory, planned: TrainingConfig, hashes: dict[str, str | None]) -> str:
    """In words, what of a run is not as planned; empty if all is, up to where the run runs and where its data lie."""
    found = run.read_config()
    then, now = found.to_json(), planned.to_json()
    then["source"], now["source"] = Path(found.source).name, Path(planned.source).name
    for name in now:
        if name not in WHERE_IT_RUNS and then[name] != now[name]:
            return f"{name} = {then[name]!r}, not {now[name]!r}"
    data = json.dumps([planned.task, planned.source, planned.task_options])
    finished = run.is_finished(found)
    if finished and data not in hashes:
        hashes[data] = data_hash(planned.task, planned.source, planned.task_options)
    if finished and hashes[data] not in (None, run.read_summary()["sha256"]):
        return f"another {Path(found.source).name}: the SHA-256 differs"
    return ""
