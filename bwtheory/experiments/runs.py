"""Many runs: do those that are planned and not done, and remember which diverged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from bwtheory.experiments.experiment import Finished
from bwtheory.files import read_bytes, write_text
from bwtheory.tasks import Task, build_task, data_hash
from bwtheory.training.command import with_absolute_source
from bwtheory.training.config import WHERE_IT_RUNS, TrainingConfig
from bwtheory.training.devices import settled
from bwtheory.training.run import RunDirectory, build_network
from bwtheory.training.session import Diverged, train

DIVERGED = "diverged.txt"
TASKS_KEPT = 4  # a projection matrix takes up to a gigabyte

Plan = Callable[[dict[str, Finished], dict[str, str]], dict[str, TrainingConfig]]


def finish_runs(
    plan: Plan, folder: Path, kept: Sequence[Path] = (), after: Callable[[str, Finished], None] | None = None
) -> tuple[dict[str, Finished], dict[str, str]]:
    """Train what is planned and neither finished nor diverged, until nothing more is planned; returns both by name.

    Parameters
    ----------
    plan : from the finished and the diverged runs (with the reason) to all runs by name, as far as they are known
    folder : gets a run directory for each
    kept : folders where finished runs with the same settings are found, too
    after : called with each run that is finished, new or not

    Raises
    ------
    ValueError
        For bad settings, or a folder that holds a run with other settings.
    KeyboardInterrupt
        After saving; the same call goes on.
    """
    done: dict[str, Finished] = {}
    failed: dict[str, str] = {}
    tasks: dict[str, Task] = {}
    hashes: dict[str, str | None] = {}  # decoding an image for each of its runs takes longer than all else here
    while True:
        planned = plan(done, failed)
        waiting = [key for key in planned if key not in done and key not in failed]
        if not waiting:
            return done, failed
        for key in waiting:
            config = with_absolute_source(planned[key])
            run = RunDirectory(folder / key)
            if not run.config_file.exists():
                before = (RunDirectory(place / key) for place in kept if (place / key).is_dir())
                run = next((found for found in before if not _difference(found, config, hashes)), run)
            own = config
            if run.config_file.exists():
                difference = _difference(run, config, hashes)
                if difference:
                    raise ValueError(f"{run.path} holds a run with {difference}; choose another --out, or delete it.")
                own = run.read_config()
            if (run.path / DIVERGED).exists():
                failed[key] = read_bytes(run.path / DIVERGED).decode("utf-8", "replace")
                continue
            if not run.is_finished(own):
                task = _task(config, tasks)
                if not run.config_file.exists():
                    size = build_network(config, task.channels).count_parameters()
                    own = settled(config, size, len(task.coordinates))
                    run = RunDirectory.create(run.path, own)
                try:
                    train(own, task, run)
                except Diverged as error:
                    failed[key] = str(error)
                    write_text(run.path / DIVERGED, str(error))
                    continue
            done[key] = Finished(run, config, run.read_summary())
            if after:
                after(key, done[key])


def _task(config: TrainingConfig, tasks: dict[str, Task]) -> Task:
    """A configuration's task, the last few of which are kept."""
    data = json.dumps([config.task, config.source, config.coords, config.task_options])
    if data not in tasks:
        while len(tasks) >= TASKS_KEPT:
            del tasks[next(iter(tasks))]
        tasks[data] = build_task(config.task, config.source, config.coords, config.task_options)
    return tasks[data]


def _difference(run: RunDirectory, planned: TrainingConfig, hashes: dict[str, str | None]) -> str:
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
