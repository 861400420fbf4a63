"""Runs on a cluster of dask.distributed: a local one, or one whose scheduler runs already.

The scheduler gets a few runs for each worker at a time, and this process says what comes next.  All that has to survive is in
the run folders: a worker that dies loses what came after its last checkpoint, and a scheduler that dies loses nothing.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

import bwtheory
from bwtheory.experiments.remote import ARRIVING, Job, Outcome, files_of, finish_run, forget, unpack
from bwtheory.experiments.runs import Plan, Runs, Waiting
from bwtheory.files import read_bytes, write_bytes
from bwtheory.nn.workers import one_thread
from bwtheory.training.callbacks import progress_display, say
from bwtheory.training.config import TrainingConfig
from bwtheory.training.devices import pick_device

AHEAD = 2  # runs for each worker that the scheduler has at a time
LEAST = 4  # such runs, if no worker has come yet
DEATHS = 5  # times that dask gives a run up, each after four workers that died of it
DAMAGED = 3  # times that a run comes back damaged
CONNECT_SECONDS = 10.0  # for a scheduler to answer
BACK_SECONDS = 120.0  # for a scheduler to come back
POLL_SECONDS = 0.5
SILENCE_SECONDS = 15.0  # without a worker, before it is mentioned
SEEN_SECONDS = 30.0  # for a file that a worker has written to be seen here: network file systems remember what was not there


@contextmanager
def open_cluster(scheduler: str | None, workers: int | None) -> Iterator[DaskCluster | None]:
    """A cluster of so many local workers, or that of a scheduler's address; None if neither is asked for.

    Meanwhile torch has one thread here, as it has in a worker.

    Raises
    ------
    ValueError
        For both at once, no workers, an address that makes no sense, or without the package distributed.
    OSError
        If no scheduler answers.
    """
    if scheduler is None and workers is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise ValueError("--workers starts workers here, and --scheduler takes those of one that runs: give one of the two.")
    if workers is not None and workers < 1:
        raise ValueError(f"A cluster needs workers >= 1; got {workers}.")
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ValueError("A cluster needs the packages dask and distributed: pip install 'bwtheory[cluster]'.") from None
    with ExitStack() as stack:
        stack.enter_context(one_thread())
        address = scheduler or stack.enter_context(_local_workers(workers or 1))
        yield stack.enter_context(DaskCluster(address))


@contextmanager
def _local_workers(count: int) -> Iterator[str]:
    """The address of a scheduler in this process with workers of their own processes, which are started again if they die."""
    import dask
    from distributed import LocalCluster

    quiet = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.limit": "1h"}
    with (
        dask.config.set(quiet),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,  # a run says itself what does not fit
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster.scheduler_address


class DaskCluster:
    """The workers of a scheduler; a context manager.

    Parameters
    ----------
    address : of the scheduler, such as tcp://10.0.0.1:8786
    """

    def __init__(self, address: str):
        self.address = address
        self._attempt = 0

    def __enter__(self) -> DaskCluster:
        self._client = self._connected(CONNECT_SECONDS)
        for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what it says is said here, in a sentence
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # of a scheduler that is gone
            self._client.close(timeout=5)

    def _connected(self, seconds: float) -> Any:
        from distributed import Client

        try:
            return Client(self.address, timeout=seconds, set_as_default=False)
        except (OSError, TimeoutError):
            raise OSError(f"No scheduler answers at {self.address}.") from None

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function says on one of the workers; it waits for one."""
        return self._client.submit(function, *arguments, pure=False).result()

    def pick_device(self, name: str) -> str:
        """The device that this name means on a worker."""
        return name if name == "cpu" else str(self.ask(pick_device, name))

    def finish(self, plan: Plan, runs: Runs) -> None:
        """Train on the workers what is planned, until nothing more is planned."""
        runs.folder.mkdir(parents=True, exist_ok=True)
        for left in (*runs.folder.glob(".shared-*"), *runs.folder.glob(f"{ARRIVING}*")):  # by a process that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        mark = runs.folder / f".shared-{secrets.token_hex(8)}"
        write_bytes(mark, b"")
        try:
            with progress_display() as progress:
                _Sweep(self, plan, runs, mark.name, progress).carry_out()
        finally:
            mark.unlink(missing_ok=True)

    def submit(self, job: Job) -> Any:
        """A future of what a worker says."""
        self._attempt += 1
        return self._client.submit(finish_run, job, key=f"bwtheory-{job.mark}-{job.key}-{self._attempt}", pure=False)

    def wait(self, futures: list[Any]) -> bool:
        """Until one of these has ended, or for a moment; whether the scheduler is there."""
        from distributed import wait

        with suppress(Exception):  # a time that is over, or futures that are gone: their states say it
            wait(futures, timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
        return bool(self._client.status == "running")

    def workers(self) -> int:
        """How many there are now."""
        try:
            return len(self._client.nthreads())
        except Exception:  # of a scheduler that has gone meanwhile
            return 0

    def come_back(self) -> None:
        """Wait for the scheduler; OSError, which says what is kept, if it does not come."""
        with suppress(Exception):
            self._client.close(timeout=1)
        until = time.monotonic() + BACK_SECONDS
        while True:
            try:
                self._client = self._connected(CONNECT_SECONDS)
                return
            except OSError:
                if time.monotonic() > until:
                    raise OSError(
                        f"No scheduler answers at {self.address} any more. Finished runs and checkpoints are kept: start it "
                        "again, and repeat the command."
                    ) from None
                time.sleep(POLL_SECONDS)

    def forget(self, sweep: str) -> None:
        """Tell the workers that nothing of these runs is needed any more."""
        with suppress(Exception):  # a worker that is gone, or shares the folder, has nothing to delete
            self._client.run(forget, sweep, on_error="ignore")


class _Sweep:
    """The runs of one call of ``finish``: which are at the workers, and what becomes of them."""

    def __init__(self, cluster: DaskCluster, plan: Plan, runs: Runs, mark: str, progress: Progress):
        self._cluster, self._plan, self._runs, self._mark, self._progress = cluster, plan, runs, mark, progress
        self._planned: dict[str, TrainingConfig] = {}
        self._known: deque[str] = deque()  # planned, and not yet handed out
        self._has_news = True  # since they were planned
        self._waiting: dict[str, Waiting] = {}
        self._futures: dict[str, Any] = {}
        self._jobs: dict[str, Job] = {}
        self._deaths: dict[str, int] = {}
        self._damaged: dict[str, int] = {}
        self._bar = progress.add_task("runs", loss="", score="", total=None)
        self._alone_since: float | None = time.monotonic()

    def carry_out(self) -> None:
        """All of it."""
        while True:
            total = self._hand_out()
            self._progress.update(self._bar, total=total, completed=len(self._runs.done) + len(self._runs.failed))
            if not self._futures:
                break
            if not self._cluster.wait(list(self._futures.values())):
                self._lost_scheduler()
                continue
            self._mention_missing_workers()
            for key in [key for key, future in self._futures.items() if future.status != "pending"]:
                self._ended(key, self._futures.pop(key))
                self._has_news = True
        if self._jobs:
            self._cluster.forget(next(iter(self._jobs.values())).sweep)

    def _hand_out(self) -> int:
        """Submit as many of the missing runs as the workers need; the number of all planned ones.

        Planning again may take long for many runs: it is left until the known ones are handed out, and something has ended.
        """
        room = max(LEAST, AHEAD * self._cluster.workers())
        while len(self._futures) < room:
            if not self._known and self._has_news:
                self._planned, self._has_news = self._plan(self._runs.done, self._runs.failed), False
                self._known = deque(key for key in self._runs.missing(self._planned) if key not in self._futures)
            if not self._known:
                break
            key = self._known.popleft()
            job = self._runs.look(key, self._planned[key])
            if job is None:
                self._has_news = True
            else:
                self._submit(job)
        return len(self._planned)

    def _submit(self, waiting: Waiting, contents: dict[str, bytes] | None = None) -> None:
        key = waiting.key
        if key not in self._jobs:
            where = socket.gethostname(), str(self._runs.folder.resolve()), self._mark
            config = waiting.config
            self._jobs[key] = Job(key, config.to_json(), *where, files_of(config), bwtheory.__version__)
        self._waiting[key] = waiting
        self._futures[key] = self._cluster.submit(replace(self._jobs[key], contents=contents or {}))

    def _ended(self, key: str, future: Any) -> None:
        """Take what a worker says; a run that was lost is asked for again."""
        from distributed import KilledWorker

        waiting = self._waiting[key]
        if future.status == "error":
            error = future.exception()
            if not isinstance(error, KilledWorker):
                raise error
            self._deaths[key] = self._deaths.get(key, 0) + 1
            if self._deaths[key] == DEATHS:
                raise ValueError(
                    f"The workers that trained {key} have died {4 * DEATHS} times; their memory may be too small for it."
                ) from None
            self._submit(waiting)
            return
        try:
            outcome: Outcome | None = future.result(timeout=600) if future.status == "finished" else None
        except Exception:  # whatever a connection that breaks off raises; what the run itself raises is above
            outcome = None
        if outcome is None:
            self._submit(waiting)
        elif outcome.missing:
            files = self._jobs[key].files
            self._submit(waiting, {files[path]: read_bytes(Path(path)) for path in outcome.missing})
        else:
            self._take(waiting, outcome)

    def _take(self, waiting: Waiting, outcome: Outcome) -> None:
        key, run = waiting.key, waiting.run
        if outcome.archive is not None:
            try:
                unpack(outcome, run.path, waiting.config)
            except ValueError:
                self._damaged[key] = self._damaged.get(key, 0) + 1
                if self._damaged[key] == DAMAGED:
                    raise
                self._submit(waiting)
                return
        if outcome.diverged is not None:
            self._runs.failed[key] = outcome.diverged
            return
        until = time.monotonic() + SEEN_SECONDS
        while not run.summary_file.exists() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        self._runs.note(waiting)

    def _lost_scheduler(self) -> None:
        say(self._progress, f"The scheduler at {self._cluster.address} is gone; waiting for it to come back.")
        self._cluster.come_back()
        say(self._progress, "It is back; runs continue from their checkpoints.")
        waiting = [self._waiting[key] for key in self._futures]
        self._futures = {}
        for job in waiting:
            self._submit(job)

    def _mention_missing_workers(self) -> None:
        if self._cluster.workers():
            self._alone_since = time.monotonic()
        elif self._alone_since is not None and time.monotonic() - self._alone_since > SILENCE_SECONDS:
            say(self._progress, f"No worker has come to {self._cluster.address} yet; waiting for one.")
            self._alone_since = None
