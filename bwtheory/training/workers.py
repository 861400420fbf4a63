"""Threads that share out chunks: each runs torch's functions by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Result = TypeVar("Result")


class Workers:
    """As many threads as torch has.

    A product or a pass over memory that two threads share ends with a barrier, and both wait for it.  One that a thread does
    alone on a chunk of its own has none, and the chunk stays in its core's cache.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._owner = (0, 0)

    def threads(self, count: int) -> int:
        """How many share out so many chunks."""
        return min(torch.get_num_threads(), count)

    def share(self, work: Callable[[int, range], Result], count: int, threads: int) -> list[Result]:
        """``work`` on a thread's number and its part of range(count); results in the order of the threads.

        The parts depend on the number of threads only.  While they work torch's own threads do not; a single thread has these.
        """
        parts = [range(first, count, threads) for first in range(threads)]
        if threads == 1:
            return [work(0, parts[0])]
        owner = (os.getpid(), threads)
        if self._pool is None or self._owner != owner:  # a forked child has none of its parent's threads
            self._pool, self._owner = ThreadPoolExecutor(threads), owner
        before = torch.get_num_threads()

        def alone(thread: int) -> Result:
            torch.set_num_threads(1)  # of this thread
            return work(thread, parts[thread])

        try:
            return list(self._pool.map(alone, range(threads)))
        finally:
            torch.set_num_threads(before)
