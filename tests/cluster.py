"""Runs on a cluster whose workers and scheduler are killed with -9: ``python -m tests.cluster``, some minutes.

A scheduler and two workers on this machine train 20 runs.  Workers are killed five times at random moments and started again,
the scheduler once; then the same with workers that see no file of this process; then, without kills, the workers of
``--workers 2``.  Every run has to end as an undisturbed one does, bit for bit, and no run may begin anew where its checkpoint
can be seen.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

# What workers import before their first run; checkpoints are written often, as a run takes a second.
READY = "import bwtheory.experiments.remote; from bwtheory.training import callbacks; callbacks.CHECKPOINT_EVERY_SECONDS = 0.1"
BLIND = READY + "; bwtheory.experiments.remote._sees = lambda path: False"


class Processes:
    """A scheduler and workers of this machine, which are started again when they have been killed."""

    def __init__(self, folder: Path, workers: int = 2, blind: bool = False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._folder, self._preload = folder, BLIND if blind else READY
        self._names = ["scheduler", *(f"worker{n}" for n in range(workers))]
        self.processes: dict[str, subprocess.Popen] = {}
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._keeper = threading.Thread(target=self._keep)

    def __enter__(self) -> Processes:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._keeper.join()
        for process in self.processes.values():
            process.kill()
            process.wait()

    def kill(self, name: str) -> bool:
        """With -9; false if it was not there."""
        with self._lock:
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                return False
            process.kill()
            process.wait()
            return True

    def _keep(self) -> None:
        while not self._ended.wait(0.1):
            with self._lock:
                for name in self._names:
                    if name not in self.processes or self.processes[name].poll() is not None:
                        self.processes[name] = self._start(name)

    def _start(self, name: str) -> subprocess.Popen:
        where = self._folder / name
        where.mkdir(parents=True, exist_ok=True)
        if name == "scheduler":
            words = ["dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show"]
        else:
            words = ["dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name]
            words += ["--local-directory", str(where), "--memory-limit", "0", "--preload", self._preload]
        environment = {**os.environ, "TMPDIR": str(where), "OMP_NUM_THREADS": "1"}
        with open(where / "log", "a") as log:
            command = [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:]]
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def plan(folder: Path, runs: int, epochs: int) -> dict:
    """Configurations by name, of an image that is written to the folder."""
    from bwtheory.training.config import with_preset

    y, x = np.mgrid[0:24, 0:33]
    picture = folder / "picture.png"
    if not picture.exists():
        Image.fromarray((127 + 80 * np.sin(x / 3) + 40 * np.cos(y / 2)).astype(np.uint8)).save(picture)
    given = {"source": str(picture), "epochs": epochs, "hidden_features": 32, "hidden_layers": 2, "device": "cpu"}
    return {f"run{n}": with_preset({**given, "seed": 40 + n, "log_every": 50}) for n in range(runs)}


def undisturbed(planned: dict, folder: Path) -> None:
    """The runs, one after the other, with one thread."""
    from bwtheory.experiments.runs import finish_runs
    from bwtheory.nn.workers import one_thread

    with one_thread():
        finish_runs(lambda done, failed: planned, folder)


def on_cluster(planned: dict, folder: Path, address: str) -> None:
    """The runs, by the workers of a scheduler that may not be there yet."""
    from bwtheory.experiments.cluster import open_cluster
    from bwtheory.experiments.runs import finish_runs

    until = time.monotonic() + 60
    while True:
        try:
            with open_cluster(address, None) as cluster:
                finish_runs(lambda done, failed: planned, folder, cluster=cluster)
            return
        except OSError:
            if time.monotonic() > until:
                raise


def differing(ours: Path, expected: Path, keys: list[str]) -> list[str]:
    """Files of runs that are not the same; weights without their header, which has the engine's name, too."""
    return [
        f"{key}/{name}"
        for key in keys
        for name in ("metrics.jsonl", "weights.safetensors", "reconstruction.png")
        if (ours / key / name).read_bytes() != (expected / key / name).read_bytes()
    ]


def epochs_of(folder: Path) -> dict[str, int]:
    """How far the runs' checkpoints are."""
    from bwtheory.training.sealed import open_checkpoint

    return {
        path.parent.name: open_checkpoint(path.read_bytes(), str(path))["epoch"] for path in folder.glob("run*/checkpoint.pt")
    }


def disturb(processes: Processes, folder: Path | None, kills: int, draw: random.Random, works: Callable[[], bool]) -> list[str]:
    """Kill random workers, and the scheduler once in the middle; what was killed.

    With a folder each kill is while a run is under way, and a checkpoint that goes back is an error: a run has begun anew.
    Without one, where checkpoints are in the workers' own folders, kills come by the clock.
    """
    killed: list[str] = []
    far: dict[str, int] = {}
    while works() and len(killed) < kills:
        time.sleep(draw.uniform(0.3, 1.5) if folder else draw.uniform(4, 8))
        now = epochs_of(folder) if folder else {}
        if any(now.get(key, 0) < epoch for key, epoch in far.items()):
            raise AssertionError(f"A run has begun anew: {far}, then {now}.")
        far = now
        under_way = folder is None or any(epoch and not (folder / key / "summary.json").exists() for key, epoch in now.items())
        name = "scheduler" if len(killed) == kills // 2 and kills > 1 else f"worker{draw.randrange(2)}"
        if under_way and processes.kill(name):
            killed.append(name)
    return killed


def main() -> None:
    """The whole of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--kills", type=int, default=6, help="one of them of the scheduler")
    parser.add_argument("--epochs", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    draw = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planned = plan(folder, asked.runs, asked.epochs)
        undisturbed(planned, folder / "expected")
        print(f"{asked.runs} undisturbed runs are done.", flush=True)
        failed = False
        for way, blind in (("shared", False), ("sent back", True)):
            with Processes(folder / f"processes {way}", blind=blind) as processes:
                work = threading.Thread(target=on_cluster, args=(planned, folder / way, processes.address))
                work.start()
                killed = disturb(processes, None if blind else folder / way, asked.kills, draw, work.is_alive)
                work.join()
            other = differing(folder / way, folder / "expected", list(planned))
            failed |= bool(other)
            print(f"{way}: killed {', '.join(killed)}; {len(planned)} runs, differing files: {other or 'none'}", flush=True)
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
