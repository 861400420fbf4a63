"""Threads that share out chunks: each runs torch's functions by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Result = TypeVar("Result")


class Workers:
    """As many threads as torch has, each with a share of some chunks.

    A product or a pass over memory that two threads share ends with a barrier, and both wait for it.  One that a thread does
    alone on a chunk of its own has none, and the chunk stays in its core's cache.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._owner = (0, 0)

    def share(self, work: Callable[[int, range], Result], count: int, on_cpu: bool = True) -> list[Result]:
        """``work`` on a thread's number and its part of range(count); results in the order of the threads.

        The parts depend on the number of threads only.  A single part, and what is not done on the CPU, is left to the calling
        thread, with all of torch's threads.  Otherwise torch has one thread, everywhere, until all are done: MKL has one number
        for all threads.
        """
        threads = max(1, min(torch.get_num_threads(), count)) if on_cpu else 1
        parts = [range(first, count, threads) for first in range(threads)]
        if threads == 1:
            return [work(0, parts[0])]
        owner = (os.getpid(), threads)
        if self._pool is None or self._owner != owner:  # a forked child has none of its parent's threads
            self._pool, self._owner = ThreadPoolExecutor(threads), owner
        before = torch.get_num_threads()

        def alone(thread: int) -> Result:
            torch.set_num_threads(1)
            return work(thread, parts[thread])

        futures = [self._pool.submit(alone, thread) for thread in range(threads)]
        try:
            return [future.result() for future in futures]
        finally:
            wait(futures)
            torch.set_num_threads(before)
