"""Networks on all coordinates, chunk by chunk: values, and the gradient of a loss of all of them."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from bwtheory.nn import INR
from bwtheory.tasks.operators import LinearOperator
from bwtheory.training.explicit import BLOCK, ExplicitNetworks, Memory, Pass
from bwtheory.training.workers import Workers

KEEP_BYTES = 2**31  # of features between two passes; more are computed twice
MALLOC_TRIM_THRESHOLD, MALLOC_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def keep_freed_memory() -> None:
    """Let the C library keep up to a gigabyte of freed memory for the next chunk; nothing on other systems than Linux.

    By default glibc gives tensors of a few MB back to the system, and the next chunk pays for one page fault in 4 kB.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):
            library.mallopt(MALLOC_MMAP_THRESHOLD, 2**25)  # the largest that it takes
            library.mallopt(MALLOC_TRIM_THRESHOLD, 2**30)


class ChunkedNetworks:
    """Networks of one shape on all coordinates, in chunks that fit the caches: memory does not grow with their number.

    Gradients are accumulated exactly, into the parameters' ``grad``, which must be there (``start``).

    Parameters
    ----------
    networks : trained in place; their shapes and everything but their parameters and buffers (weights, c) are the first one's
    chunk : coordinates at once, of all networks together
    compiled : compile what is not a product, or, with autograd, a network
    explicit : without autograd, several networks as one batched network; by default where the activation can do that
    """

    def __init__(self, networks: Sequence[INR], chunk: int, compiled: bool = False, explicit: bool | None = None):
        if compiled:
            torch.compiler.reset()  # graphs of earlier networks would count as recompilations of these
        explicit = networks[0].activation.has_pull() if explicit is None else explicit
        self._parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
        self._way = (_Explicit if explicit else _Autograd)(networks, chunk, compiled)

    def start(self) -> None:
        """Set the gradients to zero."""
        for parameter in self._parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            else:
                parameter.grad.zero_()

    def least_squares(self, x: Tensor, y: Tensor, operator: LinearOperator | None = None) -> tuple[Tensor, Tensor]:
        """Add the gradients of the mean squared errors over all measurements; returns these (k,), and the values (k, N, C).

        An operator couples all values: its adjoint gives the gradient with respect to them, which goes back through the
        networks in a second pass.  Features are kept for it up to 2 GB, and beyond that computed again.
        """
        way, count, channels = self._way, len(self._way.networks), y.shape[1]
        if operator is None:
            return way.least_squares(x, y)
        values = way.forward(x, keep=len(x) * _bytes_to_keep(way.networks) <= KEEP_BYTES)
        residual = operator(values.movedim(0, 1).flatten(1)) - y.repeat(1, count)
        gradient = (operator.adjoint(residual) * (2 / y.numel())).unflatten(1, (count, channels)).movedim(1, 0)
        way.backward(x, gradient)
        return residual.unflatten(1, (count, channels)).square().mean((0, 2)), values


class _Explicit:
    """By ``ExplicitNetworks``; on a CPU each thread has chunks of its own."""

    def __init__(self, networks: Sequence[INR], chunk: int, compiled: bool):
        self.networks, self._all = networks, ExplicitNetworks(networks, compiled)
        whole = max(1, chunk // len(networks))
        self._rows = whole if whole < BLOCK else whole - whole % BLOCK
        self._workers, self._kept = Workers(), False
        self._memories: list[Memory] = []
        self._passes: dict[tuple[int, int, int], Pass] = {}

    def least_squares(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        count = len(self.networks)
        values = y.new_empty(count, len(x), y.shape[1])

        @torch.no_grad()
        def work(thread: int, chunks: range) -> Tensor:
            loss = y.new_zeros(count, 1, 1)
            for place in self._places(x, chunks):
                own = self._pass(thread, len(x[place]))
                values[:, place] = own.forward(x[place])
                residual = torch.sub(own.values, y[place], out=own.gradient)
                loss.baddbmm_(residual.view(count, 1, -1), residual.view(count, -1, 1))
                residual.mul_(2 / y.numel())
                own.backward()
            return loss

        self._all.read()
        losses = self._share(work, x)
        self._add()
        return torch.stack(losses).sum(0).flatten() / y.numel(), values

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        self._kept = keep
        values = x.new_empty(len(self.networks), len(x), self.networks[0].out_features)

        def work(thread: int, chunks: range) -> None:
            for number, place in zip(chunks, self._places(x, chunks)):
                values[:, place] = self._pass(thread, len(x[place]), number if keep else 0).forward(x[place])

        self._all.read()
        self._share(work, x)
        return values

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        kept = self._kept

        def work(thread: int, chunks: range) -> None:
            for number, place in zip(chunks, self._places(x, chunks)):
                own = self._pass(thread, len(x[place]), number if kept else 0)
                if not kept:
                    own.forward(x[place])
                own.gradient.copy_(gradient[:, place])
                own.backward()

        self._share(work, x)
        self._add()

    def _share(self, work: Callable[[int, range], Any], x: Tensor) -> list[Any]:
        count = -(-len(x) // self._rows)
        threads = self._workers.threads(count) if x.device.type == "cpu" else 1
        while len(self._memories) < threads:
            self._memories.append(Memory(self._all))
        return self._workers.share(work, count, threads)

    def _places(self, x: Tensor, chunks: range) -> Iterator[slice]:
        return (slice(number * self._rows, min((number + 1) * self._rows, len(x))) for number in chunks)

    def _pass(self, thread: int, rows: int, number: int = 0) -> Pass:
        """The pass of a thread at so many coordinates, or of a chunk whose features are kept."""
        key = thread, rows, number
        if key not in self._passes:
            self._passes[key] = Pass(self._all, rows, self._memories[thread])
        return self._passes[key]

    def _add(self) -> None:
        self._all.add([memory.totals for memory in self._memories])
        for memory in self._memories:
            torch._foreach_zero_(memory.totals)


class _Autograd:
    """By autograd, one network after the other: for activations of any kind."""

    def __init__(self, networks: Sequence[INR], chunk: int, compiled: bool):
        self.networks, self._chunk = networks, chunk
        self._kept: list[list[Tensor]] = []
        self._functions: list[Callable[[Tensor], Tensor]] = [torch.compile(n) if compiled else n for n in networks]

    def least_squares(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        values, losses = y.new_empty(len(self.networks), len(x), y.shape[1]), y.new_zeros(len(self.networks))
        for number, function in enumerate(self._functions):
            parts = zip(x.split(self._chunk), y.split(self._chunk), values[number].split(self._chunk))
            for part, target, place in parts:
                found = function(part)
                loss = (found - target).square().sum() / y.numel()
                loss.backward()
                losses[number] += loss.detach()
                place.copy_(found.detach())
        return losses, values

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        with torch.set_grad_enabled(keep):
            found = [[function(part) for part in x.split(self._chunk)] for function in self._functions]
        self._kept = found if keep else []
        return torch.stack([torch.cat(parts).detach() for parts in found])

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        kept, self._kept = self._kept, []
        for number, function in enumerate(self._functions):
            for place, (part, pull) in enumerate(zip(x.split(self._chunk), gradient[number].split(self._chunk))):
                (kept[number][place] if kept else function(part)).backward(pull)


def _bytes_to_keep(networks: Sequence[INR]) -> int:
    """Of one coordinate, between the passes: what each layer gets and what it makes of it."""
    return len(networks) * sum(2 * linear.weight.shape[0] * linear.weight.element_size() for linear in networks[0].linears)


@torch.no_grad()
def predict(function: Callable[[Tensor], Tensor], x: Tensor, chunk: int) -> Tensor:
    """Values (N, C) at coordinates (N, d), chunk by chunk, into one tensor: many small ones would keep the heap in pieces."""
    values = torch.empty(0)
    for start in range(0, len(x), chunk):
        found = function(x[start : start + chunk])
        values = found.new_empty(len(x), found.shape[1]) if start == 0 else values
        values[start : start + chunk] = found
    return values
