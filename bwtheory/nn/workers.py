"""Threads that share out chunks: each runs torch's functions by itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from bwtheory.nn.kernels import is_plain
from bwtheory.nn.products import Products

Result = TypeVar("Result")


@contextmanager
def one_thread() -> Iterator[None]:
    """torch with one thread, everywhere: MKL has one number for all threads.

    Between two parallel functions OpenMP's threads wait actively, for some milliseconds, on cores that others could use.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_turn = threading.RLock()


def _new_turn() -> None:  # another thread may have had it when the process was forked
    global _turn
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_turn)


@contextmanager
def one_caller() -> Iterator[None]:
    """One caller at a time: each takes all cores, and the numbers of threads are those of the whole process."""
    with _turn:
        yield


class Workers:
    """Threads that each take a share of some chunks.

    A product or a pass over memory that two threads share ends with a barrier, and both wait for it.  One that a thread does
    alone on a chunk of its own has none, and the chunk stays in its core's cache.

    Parameters
    ----------
    products : what multiplies matrices in them, and may have threads besides torch's
    """

    def __init__(self, products: Products) -> None:
        self._products = products
        self._pool: ThreadPoolExecutor | None = None
        self._owner = (0, 0)

    def share(self, work: Callable[[int, range], Result], count: int, threads: int) -> list[Result]:
        """``work`` on a thread's number and its part of range(count); results in the order of the threads.

        The parts depend on the number of threads only.  A single one is left to the calling thread, with all of torch's
        threads; several have one each.
        """
        if threads == 1:
            with one_caller(), self._products.with_threads(torch.get_num_threads()):
                return [work(0, range(count))]
        owner = (os.getpid(), threads)
        if self._pool is None or self._owner != owner:  # a forked child has none of its parent's threads
            self._pool, self._owner = ThreadPoolExecutor(threads), owner

        def alone(thread: int) -> Result:
            torch.set_num_threads(1)
            return work(thread, range(thread, count, threads))

        with one_caller(), one_thread(), self._products.with_threads(1):
            futures = [self._pool.submit(alone, thread) for thread in range(threads)]
            try:
                return [future.result() for future in futures]
            finally:
                wait(futures)


def threads_for(count: int, x: Tensor) -> int:
    """How many threads share out so many chunks of x: torch's, at most one a chunk, and one if x is not on the CPU.

    One too while somebody records torch's functions: each thread has its own modes, and in ours nothing would be recorded.
    """
    return max(1, min(torch.get_num_threads(), count)) if x.device.type == "cpu" and is_plain(x) else 1
