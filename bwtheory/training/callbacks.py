"""What is done between two steps: stop, save, log, keep the best, show how far it is.  Each is called with ``Measured``."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Task as ProgressTask
from rich.text import Text

from bwtheory.files import parse_json
from bwtheory.training.loop import Measured

CHECKPOINT_EVERY_SECONDS = 20.0


class StopAtLoss:
    """Stops as soon as the loss is at most ``enough``."""

    def __init__(self, enough: float):
        self.enough = enough

    def __call__(self, measured: Measured) -> bool:
        return measured.loss <= self.enough


class Checkpoint:
    """Saves now and then, and at the epoch ``always_at``: a loss has been read then, so these weights are known to be good.

    It comes before the log, which is continued from where the checkpoint says.
    """

    def __init__(self, save: Callable[[], None], always_at: int | None):
        self._save, self._always_at, self._saved = save, always_at, time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self._saved > CHECKPOINT_EVERY_SECONDS

    def __call__(self, measured: Measured) -> None:
        if measured.epoch == self._always_at or self.is_due:
            self._save()
            self._saved = time.monotonic()


class Log:
    """Rows, one JSON object a line, at most one for an epoch.

    Parameters
    ----------
    file : open to append to
    name : of the file, for messages
    written : what is in it already
    describe : makes a row of ``Measured``; the second argument says whether it is the last one
    is_due : whether an epoch has a row

    Attributes
    ----------
    row : the last one that was added, None before
    sha256 : of all rows, those of earlier calls too
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        written: bytes,
        describe: Callable[[Measured, bool], dict[str, Any]],
        is_due: Callable[[int], bool],
    ):
        self.file, self._describe, self._is_due = file, describe, is_due
        self.row: dict[str, Any] | None = None
        self._sha256 = hashlib.sha256(written)
        last = parse_json(written.splitlines()[-1], name) if written else {}
        if not isinstance(last, dict):  # of the first versions, which noted no hash of their logs
            raise ValueError(f"{name} is damaged: its last line is not an object with named values.")
        self._epoch = last.get("epoch")

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def __call__(self, measured: Measured) -> None:
        if self._is_due(measured.epoch):
            self.add(measured)

    def add(self, measured: Measured, last: bool = False) -> None:
        """Add a row, unless the epoch has one."""
        if measured.epoch == self._epoch:
            return
        self.row, self._epoch = self._describe(measured, last), measured.epoch
        line = json.dumps(self.row).encode() + b"\n"
        self.file.write(line)
        self._sha256.update(line)


class KeepBest:
    """Keeps the weights of the row with the least held-out error: its loss, epoch and state."""

    def __init__(self, log: Log, kept: dict[str, Any] | None):
        self._log, self.kept = log, kept

    def __call__(self, measured: Measured) -> None:
        row = self._log.row
        if row is None or row["epoch"] != measured.epoch:
            return
        if self.kept is None or row["held_out_loss"] < self.kept["loss"]:
            weights = {name: value.detach().clone() for name, value in measured.network.state_dict().items()}
            self.kept = {"loss": row["held_out_loss"], "epoch": measured.epoch, "network": weights}


class Bar:
    """A line of a progress display: epochs, and what the last row says."""

    def __init__(self, progress: Progress, log: Log, name: str, epochs: int, completed: int, score: str, unit: str):
        self._progress, self._log, self._score, self._unit = progress, log, score, unit
        self._task = progress.add_task(name, total=epochs, completed=completed, loss="", score="")

    def __call__(self, measured: Measured) -> None:
        row = self._log.row
        shown: dict[str, Any] = {}
        if row is not None and row["epoch"] == measured.epoch:
            shown = {"loss": f"loss {measured.loss:.3e}", "score": f"{row[self._score]:.4g} {self._unit}"}
        self._progress.update(self._task, completed=measured.epoch, **shown)


class _Rate(ProgressColumn):
    def render(self, task: ProgressTask) -> Text:
        return Text(f"{task.speed:.3g} /s" if task.speed else "")


def progress_display(wanted: bool = True) -> Progress:
    """Bars on a terminal or in a notebook; nothing elsewhere, or if nobody wants them."""
    what = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    how = TextColumn("{task.fields[loss]}"), TextColumn("{task.fields[score]}"), _Rate(), TimeRemainingColumn()
    notebook = Console().is_jupyter and importlib.util.find_spec("ipywidgets") is not None  # Rich would warn at every line
    terminal = getattr(sys.stderr, "isatty", bool)()  # there may be no stderr, or one without isatty
    shown = wanted and (notebook or terminal)
    # Rich before 14.3 writes a line feed after a bar that it has not shown
    console = Console() if notebook else Console(stderr=True, quiet=not shown)
    return Progress(*what, *how, console=console, disable=not shown)


def say(progress: Progress, sentence: str) -> None:
    """A sentence above the bars, or on stderr."""
    if progress.disable:
        print(sentence, file=sys.stderr)
    else:
        progress.console.print(sentence, markup=False, soft_wrap=True)
