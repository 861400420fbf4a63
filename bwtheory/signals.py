"""Ctrl-C, SIGTERM and SIGHUP: what they mean before, within and after training.  Imports nothing that takes time."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal asks to stop.

    number : of the signal
    saved : whether all that was computed has been written before this was raised
    """

    def __init__(self, number: int, saved: bool = False):
        super().__init__(signal.Signals(number).name)
        self.number, self.saved = int(number), saved

    @property
    def status(self) -> int:
        """Exit status of a command that was stopped by it."""
        return 128 + self.number


def status_of_stop(stop: KeyboardInterrupt) -> int:
    """Exit status of a command that ``stop`` has ended: 130 for Python's own answer to Ctrl-C."""
    return stop.status if isinstance(stop, Interrupted) else 128 + signal.SIGINT


def _raise(number: int, frame: FrameType | None) -> None:
    exit_when_stopped()  # a second one ends the command at once: an exception within the answer to the first is a traceback
    raise Interrupted(number)


def _exit(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


def raise_when_stopped() -> None:
    """For a command: the next of the signals raises ``Interrupted``, one after it ends the command, unless ignored (nohup)."""
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


def exit_when_stopped() -> None:
    """For a command that has only begun, and imports: each of the signals ends it, unless it is ignored.

    An exception within somebody's import ends as a traceback, or is swallowed.
    """
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


@contextmanager
def importing() -> Iterator[None]:
    """``exit_when_stopped`` for as long as it lasts, in a command that called ``raise_when_stopped`` before."""
    ours = signal.getsignal(signal.SIGINT) is _raise and threading.current_thread() is threading.main_thread()
    if ours:
        exit_when_stopped()
    try:
        yield
    finally:
        if ours:
            raise_when_stopped()


@contextmanager
def deferred() -> Iterator[list[int]]:
    """Collects signals instead of raising them, so that nothing is cut in half; a second one is raised at once.

    SIGTERM and SIGHUP are left alone where the program has a handler of its own, or ignores them.  Only the main thread may set
    handlers; elsewhere nothing is collected.
    """
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            raise Interrupted(number)
        received.append(number)

    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                handler = signal.getsignal(number)
                if number == signal.SIGINT or handler in (signal.SIG_DFL, _raise, _exit):
                    before[number] = handler
                    signal.signal(number, note)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
