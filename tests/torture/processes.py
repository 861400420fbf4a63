"""Child processes that start within milliseconds: forks of one that has imported and compiled everything once.

torch must not have started threads in the parent, which a fork would not take along; ``warm_up`` checks it.
"""

from __future__ import annotations

import fcntl
import gc
import os
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.torture.parents import ends_with_its_parent
from tests.torture.report import CRASH, HANG, SENTENCE, TRACEBACK, Fault

WALL_SECONDS, CPU_SECONDS = 30.0, 30  # of a child; what it does takes below a second on an idle machine
GIGABYTE = 2**30
PIPE = 2**20  # bytes of output that a child may leave; one that says more stands still, and counts as a hang
_warm: list[int] = []


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit status (negative: the signal that killed it; None: it was stopped as a hang), and output."""

    status: int | None
    out: str
    err: str

    def faults(self, case: str, names: Sequence[str] = (), statuses: Sequence[int] = (0, 2)) -> list[Fault]:
        """What is wrong with how a command ended: it hung, crashed, showed a traceback, or refused without a right sentence.

        A refusal is exit status 2 and one line ``bwtheory: …`` on stderr, with one of ``names`` in it if there are any, and no
        warning of Python's; while something is trained there may be other lines before it.
        """
        if self.status is None or self.status == -signal.SIGXCPU:
            return [Fault(HANG, case, self.err)]
        if "Traceback (most recent call last)" in self.err:
            return [Fault(TRACEBACK, case, self.err)]
        if self.status < 0 and self.status not in statuses:
            return [Fault(CRASH, case, f"signal {-self.status}: {self.err}")]
        if self.status not in statuses:
            return [Fault(SENTENCE, case, f"exit status {self.status}: {self.err}")]
        if self.status == 2:
            said = [line for line in self.err.splitlines() if re.match("bwtheory: (?!note: )", line)]
            if len(said) != 1 or len(said[0]) < 20 or "Warning: " in self.err:
                return [Fault(SENTENCE, case, self.err)]
            if names and not any(name in said[0] for name in names):
                return [Fault(SENTENCE, f"{case}: names none of {', '.join(names)}", said[0])]
        return []


class Child:
    """A forked process that calls ``work`` and exits with what it returns, in a session and with output files of its own.

    Parameters
    ----------
    work : its exceptions end the child as they end Python
    folder : its current folder
    limits : of ``resource``, such as ``{resource.RLIMIT_FSIZE: 1000}``
    """

    def __init__(self, work: Callable[[], int | None], folder: Path, limits: dict[int, int] | None = None):
        if not _warm:
            raise RuntimeError("Call warm_up first: each child would import and compile by itself.")
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(2)]  # files would be subject to a limit on the size of files
        self._outputs = [reader for reader, _ in pipes]
        for reader in self._outputs:
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE)
            os.set_blocking(reader, False)
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._be_the_child(work, folder, limits or {}, [writer for _, writer in pipes])
        for _, writer in pipes:
            os.close(writer)
        self.status: int | None = None
        self._ended = False

    def _be_the_child(self, work: Callable[[], int | None], folder: Path, limits: dict[int, int], outputs: list[int]) -> None:
        status = 1
        try:
            ends_with_its_parent()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the harness answers it, and what is tried must do so by itself
            os.setsid()
            os.chdir(folder)
            with open(os.devnull, "rb") as nothing:
                os.dup2(nothing.fileno(), 0)
            for number, output in enumerate(outputs, 1):
                os.dup2(output, number)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for name, value in ({resource.RLIMIT_CPU: CPU_SECONDS} | limits).items():
                resource.setrlimit(name, (value, resource.getrlimit(name)[1]))
            try:
                status = work() or 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                traceback.print_exc()
            for stream in (sys.stdout, sys.stderr):
                if stream is not None and not stream.closed:
                    stream.flush()
        finally:
            os._exit(status & 255)

    def send(self, number: int) -> bool:
        """Send a signal; whether the process was still running."""
        if self._poll():
            return False
        os.kill(self.pid, number)
        return True

    def running(self) -> bool:
        """Whether it has not ended."""
        return not self._poll()

    def wait(self, seconds: float = WALL_SECONDS) -> Ended:
        """Until it ends; after so many seconds it is stopped, with what it started, and counts as a hang."""
        ends, pause, hung = time.monotonic() + seconds, 0.001, False
        while not self._poll():
            if time.monotonic() > ends:
                hung = True
                os.killpg(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                break
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        texts = []
        for reader in self._outputs:
            try:
                texts.append(os.read(reader, PIPE).decode("utf-8", "backslashreplace"))
            except BlockingIOError:  # nothing was said, and a grandchild could still say something
                texts.append("")
            os.close(reader)
        return Ended(None if hung else self.status, *texts)

    def _poll(self) -> bool:
        if not self._ended:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended, self.status = True, os.waitstatus_to_exitcode(status)
        return self._ended


def run_child(work: Callable[[], int | None], folder: Path, limits: dict[int, int] | None = None) -> Ended:
    """``Child``, and how it ended."""
    return Child(work, folder, limits).wait()


def command(words: Sequence[object]) -> Callable[[], int | None]:
    """The command ``bwtheory`` with these words, for ``Child``."""

    def work() -> int | None:
        from bwtheory.cli import main

        return main([str(word) for word in words])

    return work


def more_memory(gigabytes: float) -> int:
    """For RLIMIT_AS: what this process has mapped, and so much more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize() + int(gigabytes * GIGABYTE)


def warm_up() -> None:
    """Import what runs need, compile the kernels, and check that no thread has been started."""
    if _warm:
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    from tests.torture.examples import warm_up_examples

    warm_up_examples()
    threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
    if threads > 1:
        raise RuntimeError(f"{threads} threads run here, and a forked process would have one of them; set OMP_NUM_THREADS=1.")
    gc.collect()
    gc.freeze()  # forks share the memory until somebody writes to it
    _warm.append(os.getpid())
