"""What a worker of a cluster does: one run at a time, in the folder that it shares, or in one of its own that it sends back."""

from __future__ import annotations

import hashlib
import io
import shutil
import socket
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import bwtheory
from bwtheory.experiments.runs import DIVERGED, carry_out, difference, task_of
from bwtheory.files import InUse, read_bytes, write_bytes
from bwtheory.nn.workers import one_thread
from bwtheory.tasks import FILE_OPTIONS, Task
from bwtheory.training.config import WHERE_IT_RUNS, TrainingConfig
from bwtheory.training.run import RunDirectory
from bwtheory.training.session import Diverged

_ONE_AT_A_TIME = threading.Lock()  # torch has one generator and one number of threads for a process
_TASKS: dict[str, Task] = {}  # of this process
ARRIVING = ".arriving-"  # and the run's name: a folder that is being written
IN_USE_SECONDS = 0.5  # between two looks at a folder that a lost worker still works on


@dataclass(frozen=True)
class Job:
    """A run that a worker is asked for.

    key, config : its name and its configuration, as the asking process plans it
    host, folder, mark : where it belongs, and a file in that folder: a worker that sees it shares the file system
    files : the SHA-256 of the files that the configuration names, by their paths there
    contents : what is in those files, by SHA-256, for a worker that has said that it lacks them
    version : of the package
    """

    key: str
    config: dict[str, Any]
    host: str
    folder: str
    mark: str
    files: Mapping[str, str]
    version: str
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def sweep(self) -> str:
        """A name for the folder, where nobody else has it."""
        return hashlib.sha256(f"{self.host} {self.folder}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Outcome:
    """What a worker answers.

    missing : files whose content it has to be sent first
    diverged : why the run ended before its last epoch
    archive, sha256 : the run's folder as a ZIP archive, and its hash; None where the folder is shared
    """

    key: str
    missing: tuple[str, ...] = ()
    diverged: str | None = None
    archive: bytes | None = None
    sha256: str = ""


def finish_run(job: Job) -> Outcome:
    """Train a run, or go on with it from its checkpoint, with one thread.

    ValueError for what the run refuses, and for another version of the package.
    """
    if job.version != bwtheory.__version__:
        raise ValueError(
            f"A worker on {socket.gethostname()} has bwtheory {bwtheory.__version__}, and this is {job.version}; "
            "install the same."
        )
    with _ONE_AT_A_TIME, one_thread():
        shares = _sees(Path(job.folder) / job.mark)
        home = Path(job.folder) if shares else _scratch(job) / "runs"
        local, missing = _local_files(job)
        if missing:
            return Outcome(job.key, missing=missing)
        config = TrainingConfig.from_json(job.config)
        run = RunDirectory(home / job.key)
        if not shares and run.has_files and not _is_of(run, config):
            shutil.rmtree(run.path)  # of an earlier command with other settings
        diverged = None
        try:
            _finish(run, config, local)
        except Diverged as error:
            diverged = str(error)
        if shares:
            return Outcome(job.key, diverged=diverged)
        archive = pack(run.path)
        return Outcome(job.key, diverged=diverged, archive=archive, sha256=hashlib.sha256(archive).hexdigest())


def forget(sweep: str) -> None:
    """Delete what this machine has kept of the runs of a folder that it does not share."""
    shutil.rmtree(_scratch_root() / sweep, ignore_errors=True)


def pack(folder: Path) -> bytes:
    """A run's folder as an archive; only files, not compressed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                archive.writestr(zipfile.ZipInfo(path.name), read_bytes(path))
    return content.getvalue()


def unpack(outcome: Outcome, target: Path, planned: TrainingConfig) -> None:
    """An archive's files in a run's folder, which is there whole or not at all.

    ValueError if the archive is not what was sent, or not the finished run of this configuration: hashes of its summary, log
    and weights are compared.
    """
    archive = outcome.archive
    if archive is None or hashlib.sha256(archive).hexdigest() != outcome.sha256:
        raise ValueError(f"The run {outcome.key} was damaged on its way from the worker.")
    arriving = target.with_name(f"{ARRIVING}{target.name}")
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir(parents=True)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for name in opened.namelist():
                if Path(name).name != name or name.startswith("."):
                    raise ValueError(f"The archive of the run {outcome.key} names {name[:60]!r}, which a run does not write.")
                write_bytes(arriving / name, opened.read(name))
        run = RunDirectory(arriving)
        other = difference(run, planned, {})
        if other:
            raise ValueError(f"The run {outcome.key} came back with {other}.")
        found = run.read_config()
        if outcome.diverged is None and (not run.is_finished(found) or run.restore(found)):
            raise ValueError(f"The run {outcome.key} came back unfinished, or with damaged weights.")
    except BaseException:
        shutil.rmtree(arriving, ignore_errors=True)
        raise
    shutil.rmtree(target, ignore_errors=True)  # an unfinished run that no worker could see
    arriving.rename(target)


def files_of(config: TrainingConfig) -> dict[str, str]:
    """The SHA-256 of the files that a configuration names, by path."""
    names = [config.source, *(config.task_options.get(option) for option in FILE_OPTIONS)]
    paths = [name for name in names if isinstance(name, str) and Path(name).is_absolute() and Path(name).is_file()]
    return {path: hashlib.sha256(read_bytes(Path(path))).hexdigest() for path in paths}


def _finish(run: RunDirectory, config: TrainingConfig, local: Mapping[str, str]) -> None:
    if config.foreign_code and "" not in sys.path:
        sys.path.append("")  # the current folder, after all that is installed, as the command has it
    options = {
        name: local.get(value, value) if isinstance(value, str) else value for name, value in config.task_options.items()
    }
    task = task_of(replace(config, source=local.get(config.source, config.source), task_options=options), _TASKS)
    while True:
        if (run.path / DIVERGED).exists():
            raise Diverged(read_bytes(run.path / DIVERGED).decode("utf-8", "replace"))
        if run.config_file.exists() and run.is_finished(run.read_config()):
            return
        try:
            carry_out(config, run, task, shows_progress=False)
        except InUse:  # by a worker that the scheduler has lost: it finishes the run, or dies
            time.sleep(IN_USE_SECONDS)
        else:
            return


def _sees(path: Path) -> bool:
    """Whether a file of the asking process is one of this machine, too."""
    return path.is_file()


def _is_of(run: RunDirectory, config: TrainingConfig) -> bool:
    try:
        found = run.read_config()
    except ValueError:
        return False
    return replace(config, **{name: getattr(found, name) for name in WHERE_IT_RUNS}) == found


def _local_files(job: Job) -> tuple[dict[str, str], tuple[str, ...]]:
    """Paths on this machine of the files that a job names, and those that it has to be sent."""
    found, missing = {}, []
    for path, sha256 in job.files.items():
        if sha256 in job.contents:
            copy = _copy_of(job, path, sha256)
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(copy, job.contents[sha256])
        copy = _copy_of(job, path, sha256)
        for place in ([Path(path)] if _sees(Path(path)) else []) + ([copy] if copy.is_file() else []):
            if hashlib.sha256(read_bytes(place)).hexdigest() == sha256:
                found[path] = str(place)
                break
        else:
            missing.append(path)
    return found, tuple(missing)


def _copy_of(job: Job, path: str, sha256: str) -> Path:
    return _scratch(job) / "files" / sha256 / Path(path).name  # a run reports the file's name


def _scratch(job: Job) -> Path:
    return _scratch_root() / job.sweep


def _scratch_root() -> Path:
    """Of this machine, so that a worker that is started again goes on from a checkpoint."""
    return Path(tempfile.gettempdir()) / f"bwtheory-cluster-{hashlib.sha256(str(Path.home()).encode()).hexdigest()[:8]}"
