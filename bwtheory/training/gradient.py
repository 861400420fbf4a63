"""Networks on all coordinates, chunk by chunk: values, and the gradient of a loss of all of them."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from bwtheory.nn import INR, ComplexLinear
from bwtheory.nn.calibration import default_products
from bwtheory.nn.kernels import is_plain
from bwtheory.nn.network import real_map
from bwtheory.nn.products import BLOCK, Products
from bwtheory.tasks.operators import Operator
from bwtheory.torch_settings import usual_settings
from bwtheory.training.explicit import ExplicitNetworks, Memory, Pass, is_explicit
from bwtheory.training.workers import Workers, one_thread, threads_for

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

    Gradients are accumulated exactly, into the parameters' ``grad``.

    Parameters
    ----------
    networks : trained in place, INRs or other modules from (N, d) to (N, C); their shapes and everything but their parameters,
        buffers and c are the first one's
    chunk : coordinates that go through a network at once
    compiled : compile what is not a product, or, with autograd, a network
    explicit : without autograd, several networks as one batched network that shares a chunk among them; by default where the
        activation can do that
    products : what multiplies matrices where there is no autograd; by default what ``BWTHEORY_ENGINE`` names, or torch's
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        chunk: int,
        compiled: bool = False,
        explicit: bool | None = None,
        products: Products | None = None,
    ):
        if compiled:
            torch.compiler.reset()  # graphs of earlier networks would count as recompilations of these
        explicit = all(map(is_explicit, networks)) if explicit is None else explicit
        self._parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
        self._networks = networks
        self._way: _Explicit | _Autograd
        if explicit:
            inrs = [network for network in networks if isinstance(network, INR)]
            self._way = _Explicit(inrs, chunk, compiled, products or default_products())
        else:
            self._way = _Autograd(networks, chunk, compiled)

    def start(self) -> None:
        """Set the gradients to zero."""
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()

    def values(self, x: Tensor) -> Tensor:
        """(k, N, C) at coordinates (N, d)."""
        self._check(x)
        return self._way.forward(x, keep=False)

    @torch.enable_grad()
    def least_squares(self, x: Tensor, y: Tensor, operator: Operator | None = None) -> tuple[Tensor, Tensor]:
        """Add the gradients of the mean squared errors over all measurements; returns these (k,), and the values (k, N, C).

        An operator couples all values: what it pulls back is the gradient with respect to them, which goes back through the
        networks in a second pass.  Features are kept for it up to 2 GB, and beyond that computed again.
        """
        self._check(x)
        if not len(x):
            raise ValueError("There are no coordinates to fit values at.")
        for parameter in self._parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        way, count, channels = self._way, len(self._networks), y.shape[1]
        if operator is None:
            return way.least_squares(x, y)
        values = way.forward(x, keep=way.bytes_to_keep(len(x)) <= KEEP_BYTES)
        columns = values.movedim(0, 1).flatten(1)
        residual = operator(columns) - y.repeat(1, count)
        gradient = (operator.pull(columns, residual) * (2 / y.numel())).unflatten(1, (count, -1)).movedim(1, 0)
        way.backward(x, gradient)
        return residual.unflatten(1, (count, channels)).square().mean((0, 2)), values

    def _check(self, x: Tensor) -> None:
        first = self._networks[0]
        if isinstance(first, INR):
            first.check_coordinates(x)


class _Explicit:
    """By ``ExplicitNetworks``; on a CPU each thread has chunks of its own."""

    def __init__(self, networks: Sequence[INR], chunk: int, compiled: bool, products: Products):
        self.networks, self._all = networks, ExplicitNetworks(networks, products, compiled)
        whole = max(1, chunk // len(networks))
        self._rows = whole if whole < BLOCK else whole - whole % BLOCK
        self._workers, self._number, self._kept = Workers(products), 1, False
        self._passes: dict[tuple[int, int, int], Pass] = {}
        self._memories: dict[int, Memory] = {}
        self._made_for: tuple[object, ...] = ()

    def bytes_to_keep(self, rows: int) -> int:
        return self._all.bytes_of(rows)

    def least_squares(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        count = len(self.networks)
        values = y.new_empty(count, len(x), y.shape[1])

        @torch.no_grad()
        def work(thread: int, chunks: range) -> Tensor:
            loss = y.new_zeros(count)
            for place in self._places(x, chunks):
                own = self._pass(thread, len(x[place]))
                values[:, place] = own.forward(x[place])
                residual = torch.sub(own.values, y[place], out=own.gradient)
                loss += residual.square().sum((1, 2))
                residual.mul_(2 / y.numel())
                own.backward()
            return loss

        with self._threads(x):
            self._all.read()
            losses = self._share(work, x, backward=True)
            return torch.stack(losses).sum(0) / y.numel(), values

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        self._kept = keep
        values = x.new_empty(len(self.networks), len(x), self.networks[0].out_features)

        def work(thread: int, chunks: range) -> None:
            for number, place in zip(chunks, self._places(x, chunks)):
                values[:, place] = self._pass(thread, len(x[place]), number if keep else 0).forward(x[place])

        with self._threads(x):
            self._all.read()
            self._share(work, x, backward=False)
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

        with self._threads(x):
            self._share(work, x, backward=True)

    @contextmanager
    def _threads(self, x: Tensor) -> Iterator[None]:
        """Settles how many threads share out the chunks of x; torch has one itself if they are several."""
        self._number = threads_for(-(-len(x) // self._rows), x)
        with one_thread() if self._number > 1 else nullcontext():
            yield

    def _share(self, work: Callable[[int, range], Any], x: Tensor, backward: bool) -> list[Any]:
        """``work`` on all chunks; what it has added to the memories' totals goes ``backward`` to the parameters."""
        made_for = len(x), self._number, self._kept, is_plain(x)
        if made_for != self._made_for:
            self._passes, self._memories, self._made_for = {}, {}, made_for
        for memory in self._memories.values() if backward else ():
            torch._foreach_zero_(memory.totals)
        found = self._workers.share(work, -(-len(x) // self._rows), self._number)
        if backward:
            self._all.add([self._memories[thread].totals for thread in sorted(self._memories)])
        return found

    def _places(self, x: Tensor, chunks: range) -> Iterator[slice]:
        return (slice(number * self._rows, min((number + 1) * self._rows, len(x))) for number in chunks)

    def _pass(self, thread: int, rows: int, number: int = 0) -> Pass:
        """The pass of a thread at so many coordinates, or of a chunk whose features are kept."""
        key = thread, rows, number
        if key not in self._passes:
            if thread not in self._memories:
                self._memories[thread] = Memory(self._all)
            self._passes[key] = Pass(self._all, rows, self._memories[thread])
        return self._passes[key]


class _Autograd:
    """By autograd, one network after the other: for activations of any kind."""

    def __init__(self, networks: Sequence[nn.Module], chunk: int, compiled: bool):
        self.networks, self._chunk = networks, chunk
        self._kept: list[list[Tensor]] = []
        self._functions: list[Callable[[Tensor], Tensor]] = [torch.compile(n) if compiled else n for n in networks]

    def bytes_to_keep(self, rows: int) -> int:
        """What each layer gets and what it makes of it."""
        linears = [module for module in self.networks[0].modules() if isinstance(module, nn.Linear | ComplexLinear)]
        return rows * len(self.networks) * sum(2 * len(real_map(m)[0]) * m.weight.element_size() for m in linears)

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


@usual_settings()
def predict(network: nn.Module, x: Tensor, chunk: int, products: Products | None = None) -> Tensor:
    """Values (N, C) at coordinates (N, d), with the arithmetic of training without a compiler."""
    return ChunkedNetworks([network], chunk, products=products).values(x)[0]
