"""Signals at random moments to runs that are started, resumed and killed again, until they have ended.

What counts is where they end: bit for bit where an undisturbed run does.  Half of the signals come after a random time, half at
a random call of the file system, so that many fall into a save.  A process that is asked to end, by Ctrl-C, SIGTERM or SIGHUP,
must save its last step, and must not say so if it has not.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.torture.examples import (
    TRAINED,
    Steps,
    checkpoint_every,
    difference,
    outcome,
    resume_words,
    train_words,
    write_data,
)
from tests.torture.processes import Child, Ended, command, run_child, warm_up
from tests.torture.report import LOST, TRACEBACK, WRONG, Budget, Fault, Report

KILLS_OF_A_CHAIN = 6
SIGNALS = {
    "SIGKILL": (signal.SIGKILL,),
    "SIGINT": (signal.SIGINT,),
    "SIGINT twice": (signal.SIGINT, signal.SIGINT),
    "SIGTERM": (signal.SIGTERM,),
    "SIGHUP": (signal.SIGHUP,),
}
WEIGHTS = (5, 1, 1, 1, 1)  # how often each comes
FILE_CALLS = ("open", "replace", "fsync", "rename", "unlink", "ftruncate", "close")
ENDED_BY = {  # exit statuses that a signal may lead to; 0 if it comes after the end
    "SIGKILL": (-signal.SIGKILL, 0),
    "SIGINT": (130, 0),
    "SIGINT twice": (130, 0),
    "SIGTERM": (128 + signal.SIGTERM, -signal.SIGTERM, 0),
    "SIGHUP": (128 + signal.SIGHUP, -signal.SIGHUP, 0),
}
LONGER = {  # examples of other commands: words, the folder of runs is {out}
    "compare": "compare signal --image {data}/picture.png --tune-on {data}/colour.png --activations relu --steps 40 "
    "--parameters 120 --hidden-layers 1 --trials 3 --seeds 2 --out {out}",
    "reproduce": "reproduce fig5 --quick --epochs 60 --seeds 2 --image {data}/picture.png --activations relu siren --out {out}",
}
EXTENDED = ("bw-relu", 75)  # a finished run that is to have more epochs
DRAW = "render {run} --size 9x7 --out {out}/r.png"


def run(seed: int, count: int, seconds: float) -> Report:
    """Chains of kills until so many signals have hit a running process, or the time is over."""
    warm_up()
    report, budget, chance = Report("kills"), Budget(count, seconds), random.Random(f"kills {seed}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data")
        examples = _Undisturbed(folder)
        sorts = [*TRAINED, *LONGER, "extended"]
        turn = 0
        while budget.more(report.tried):
            example = sorts[turn % len(sorts)] if turn < len(sorts) else chance.choice(list(TRAINED))
            if turn % 6 == 5:
                _start_of_python(folder, chance, report)
            if turn % 3 == 2:
                _drawing(folder, examples, chance, report)
            _chain(example, folder / f"chain{turn}", examples, chance, report)
            turn += 1
        report.seconds = budget.used
    return report


class _Undisturbed:
    """What runs end with that nobody disturbs, and how long they take; each is made when it is first asked for."""

    def __init__(self, folder: Path):
        self.data, self._folder = folder / "data", folder / "undisturbed"
        self._known: dict[str, tuple[dict[str, Any], float, int]] = {}

    def words(self, example: str, out: Path) -> list[str]:
        if example in LONGER:
            return LONGER[example].format(data=self.data, out=out).split()
        if example == "extended":
            return [*resume_words(EXTENDED[0], out), "--epochs", str(EXTENDED[1])]
        if out.is_dir() and any(out.glob("*/config.json")):
            return resume_words(example, out)
        return train_words(example, self.data, out)

    def begin(self, example: str, out: Path) -> None:
        """What is there before the first kill: nothing but a folder, or a finished run."""
        out.parent.mkdir(exist_ok=True)
        if example == "extended":
            _ = self[EXTENDED[0]]
            shutil.copytree(self.finished(EXTENDED[0]), out)
        else:
            out.mkdir()

    def finished(self, example: str) -> Path:
        """The folder of the undisturbed runs."""
        return self._folder / example

    def __getitem__(self, example: str) -> tuple[dict[str, Any], float, int]:
        """The outcome, the seconds that it took, and the number of calls of the file system."""
        if example not in self._known:
            out = self._folder / example
            calls = self._folder / f"{example}.calls"
            self.begin(example, out)
            started = time.monotonic()
            work = _noting_calls(command(self.words(example, out)), calls)
            ended = run_child(checkpoint_every(0.1 if example in LONGER else 0.0, work), self._folder)
            if ended.status != 0:
                raise RuntimeError(f"The example {example!r} does not end undisturbed: {ended}")
            self._known[example] = outcome(out), time.monotonic() - started, calls.stat().st_size
        return self._known[example]


def _chain(example: str, out: Path, examples: _Undisturbed, chance: random.Random, report: Report) -> None:
    right, lasts, calls = examples[example]
    history: list[str] = []
    examples.begin(example, out)
    steps, saved = Steps(), _epochs_saved(out)
    for _ in range(3 if example in LONGER else chance.randint(1, KILLS_OF_A_CHAIN)):
        name = chance.choices(list(SIGNALS), WEIGHTS)[0]
        every = 0.1 if example in LONGER else chance.choice([0.0, 1e9])
        work = checkpoint_every(every, steps.count(command(examples.words(example, out))))
        if chance.random() < 0.5:
            at = chance.randint(1, calls)
            how = f"{name} at call {at} of the file system"
            child = Child(_at_call(work, at, SIGNALS[name]), out.parent)
            hit = True
        else:
            delay = chance.uniform(0, lasts)
            how = f"{name} after {delay:.3f} s"
            child = Child(work, out.parent)
            time.sleep(delay)
            hit = child.send(SIGNALS[name][0])
            for number in SIGNALS[name][1:]:
                time.sleep(chance.choice([0.0, 0.001, 0.01]))
                child.send(number)
        ended = child.wait()
        history.append(f"{how}, checkpoints {every:g} s apart")
        case = f"{example}: {'; '.join(history)}"
        if hit and ended.status != 0:
            unsaved = 0 if example in LONGER or name == "SIGKILL" else saved + steps.made - _epochs_saved(out)
            faults = ended.faults(case, statuses=ENDED_BY[name])
            if unsaved > 0 and ("everything is saved" in ended.err or name != "SIGINT twice"):
                faults.append(Fault(LOST, case, f"{unsaved} of {saved + steps.made} steps are not saved: {ended.err}"))
            report.add(name, faults)
        elif ended.status != 0:
            report.faults += ended.faults(case, statuses=(0,))
        if ended.status == 0:
            break
        saved = _epochs_saved(out)
    last = run_child(command(examples.words(example, out)), out.parent)
    case = f"{example}: {'; '.join(history)}; and undisturbed to the end"
    faults = last.faults(case, statuses=(0,))
    if not faults:
        wrong = difference(outcome(out), right)
        faults = [Fault(LOST if "missing" in wrong else WRONG, case, wrong)] if wrong else []
    report.faults += faults
    shutil.rmtree(out)


def _drawing(folder: Path, examples: _Undisturbed, chance: random.Random, report: Report) -> None:
    """A picture is drawn where there is one, and the process killed at a call of the file system: the old one or the new."""
    _ = examples["bw-relu"]
    (run_folder,) = examples.finished("bw-relu").glob("*-seed40")
    out = folder / "drawn"
    out.mkdir()
    work = command(DRAW.format(run=run_folder, out=out).split())
    if run_child(work, folder).status != 0:
        raise RuntimeError("The run cannot be drawn.")
    new = (out / "r.png").read_bytes()
    (out / "r.png").write_bytes(b"what was here before")
    at = chance.randint(1, 12)
    ended = run_child(_at_call(work, at, SIGNALS["SIGKILL"]), folder)
    case = f"render, SIGKILL at call {at} of the file system"
    faults = ended.faults(case, statuses=ENDED_BY["SIGKILL"])
    if (out / "r.png").read_bytes() not in (new, b"what was here before"):
        faults.append(Fault(LOST, case, "neither the old picture nor the new one is there"))
    if ended.status:
        report.add("SIGKILL of a drawing", faults)
    else:
        report.faults += faults
    again = run_child(work, folder)
    left = [path.name for path in out.iterdir() if path.name != "r.png"]
    if again.status != 0 or (out / "r.png").read_bytes() != new or left:
        report.faults.append(Fault(LOST, f"{case}; and once more", f"left over: {left}, {again.err}"))
    shutil.rmtree(out)


def _epochs_saved(out: Path) -> int:
    """Epochs in the checkpoints of all runs of a folder."""
    import torch

    return sum(int(torch.load(path, weights_only=True)["epoch"]) for path in out.glob("*/checkpoint.pt"))


def _at_call(work: Callable[[], int | None], number: int, signals: tuple[int, ...]) -> Callable[[], int | None]:
    """``work`` in a process that gets signals at a call of the file system."""

    def disturbed() -> int | None:
        def strike(count: int) -> None:
            if count == number:
                for each in signals:
                    os.kill(os.getpid(), each)

        with _watched_calls(strike):
            return work()

    return disturbed


def _noting_calls(work: Callable[[], int | None], file: Path) -> Callable[[], int | None]:
    """``work``, with a byte in a file for each call of the file system."""

    def noted() -> int | None:
        with file.open("ab", buffering=0) as notes, _watched_calls(lambda count: notes.write(b".")):
            return work()

    return noted


@contextmanager
def _watched_calls(at: Callable[[int], object]) -> Iterator[None]:
    """Functions of ``os`` that change files say so before they do it: the first, second, … call."""
    count = 0
    real = {name: getattr(os, name) for name in FILE_CALLS}

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            at(count)
            return function(*arguments, **named)

        return call

    for name, function in real.items():
        setattr(os, name, watched(function))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def _start_of_python(folder: Path, chance: random.Random, report: Report) -> None:
    """Ctrl-C, SIGTERM or SIGHUP to a process that still imports."""
    name = chance.choice(["SIGINT", "SIGINT", "SIGTERM", "SIGHUP"])
    delay = chance.uniform(0.05, 2.5)
    out = folder / f"start{report.tried}"
    words = [sys.executable, "-m", "bwtheory", *train_words("bw-relu", folder / "data", out)]
    words[words.index("--epochs") + 1] = "100000"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    process.send_signal(SIGNALS[name][0])
    try:
        err = process.communicate(timeout=60)[1]
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        err, status = process.communicate()[1], None
    case = f"a new Python: {name} after {delay:.3f} s"
    # Before its own code runs, Python itself answers: SIGINT kills it, or shows a traceback of its site module.
    allowed = (*ENDED_BY[name], -SIGNALS[name][0])
    if "Traceback" in err and "bwtheory" not in err:
        err = err.replace("Traceback", "Python's own traceback")
    faults = Ended(status, "", err).faults(case, statuses=allowed)
    report.add(f"{name} at the start", [fault for fault in faults if fault.what != TRACEBACK or "bwtheory" in fault.said])
