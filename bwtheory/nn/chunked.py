"""A network at many coordinates, chunk by chunk: a chunk's features fit a core's cache, and each thread has its own chunks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.modules import module as torch_modules

from bwtheory.nn.activations import ACTIVATIONS
from bwtheory.nn.calibration import known_products
from bwtheory.nn.explicit import ExplicitNetworks, Memory, Pass
from bwtheory.nn.functional import applied
from bwtheory.nn.kernels import in_memory, is_plain
from bwtheory.nn.products import BLOCK, Products
from bwtheory.nn.workers import Workers, one_caller, one_thread, threads_for
from bwtheory.processor import chunk_for

if TYPE_CHECKING:
    from bwtheory.nn.network import INR

KEEP_BYTES = 2**31  # of features between two passes; more are computed twice
FEW = 2 * BLOCK  # coordinates of a call
HOOKS = tuple(f"_global_{when}_hooks" for when in ("forward", "forward_pre", "backward", "backward_pre"))  # of all modules
LEAST = 1e9  # operations in the products of a call: with fewer there is less to gain than threads cost


class Chunks:
    """Networks of one shape on all coordinates, without autograd.

    Parameters
    ----------
    networks : without a ``reason_for_autograd``; shapes and everything but their parameters and buffers are the first one's
    chunk : coordinates that go through a network at once; several networks share them
    products : what multiplies matrices
    compiled : compile what the activation does
    """

    def __init__(self, networks: Sequence[INR], chunk: int, products: Products, compiled: bool = False):
        self.networks, self.products, self._all = networks, products, ExplicitNetworks(networks, products, compiled)
        whole = max(1, chunk // len(networks))
        self._rows = whole if whole < BLOCK else whole - whole % BLOCK
        self._workers, self._number, self._kept = Workers(products), 1, False
        self._passes: dict[tuple[int, int, int], Pass] = {}
        self._memories: dict[int, Memory] = {}
        self._made_for: tuple[object, ...] = ()

    def bytes_to_keep(self, rows: int) -> int:
        """What a pass at so many coordinates keeps for the way back."""
        return self._all.bytes_of(rows)

    def least_squares(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared errors (k,) and values (k, N, C); the gradients of the errors are added to the parameters' ``grad``."""
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
            losses = self._share(work, x)
            self._all.add(self._totals())
            return torch.stack(losses).sum(0) / y.numel(), values

    def forward(self, x: Tensor, keep: bool) -> Tensor:
        """Values (k, N, C) at coordinates (N, d); with ``keep`` the features stay for ``backward``."""
        self._kept = keep
        values = x.new_empty(len(self.networks), len(x), self.networks[0].out_features)

        def work(thread: int, chunks: range) -> None:
            for number, place in zip(chunks, self._places(x, chunks)):
                values[:, place] = self._pass(thread, len(x[place]), number if keep else 0).forward(x[place])

        with self._threads(x):
            self._all.read()
            self._share(work, x)
        return values

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        """Add the gradients of the parameters to their ``grad``, from that with respect to the values (k, N, C)."""
        with self._threads(x):
            self._pull(x, gradient)
            self._all.add(self._totals())

    def gradients(self, x: Tensor, gradient: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """As ``backward``, but with respect to these tensors of the networks, which are left alone.  Frees the memory."""
        with self._threads(x):
            self._pull(x, gradient)
            found = self._all.gradients(self._totals(), tensors)
        self._passes, self._memories, self._made_for = {}, {}, ()
        return found

    def _pull(self, x: Tensor, gradient: Tensor) -> None:
        kept = self._kept

        def work(thread: int, chunks: range) -> None:
            for number, place in zip(chunks, self._places(x, chunks)):
                own = self._pass(thread, len(x[place]), number if kept else 0)
                if not kept:
                    own.forward(x[place])
                own.gradient.copy_(gradient[:, place])
                own.backward()

        self._share(work, x)
        self._kept = False  # activations may have put their derivatives there

    @contextmanager
    def _threads(self, x: Tensor) -> Iterator[None]:
        """Settles how many threads share out the chunks of x; torch has one itself if they are several."""
        self.networks[0].check_coordinates(x)
        with one_caller():
            self._number = threads_for(-(-len(x) // self._rows), x)
            with one_thread() if self._number > 1 else nullcontext():
                yield

    def _share(self, work: Callable[[int, range], Any], x: Tensor) -> list[Any]:
        """``work`` on all chunks, with totals that are 0 before."""
        made_for = len(x), self._number, self._kept, is_plain(x)
        if made_for != self._made_for:
            self._passes, self._memories, self._made_for = {}, {}, made_for
        for memory in self._memories.values():
            torch._foreach_zero_(memory.totals)
        return self._workers.share(work, -(-len(x) // self._rows), self._number)

    def _totals(self) -> list[list[Tensor]]:
        return [self._memories[thread].totals for thread in sorted(self._memories)]

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


def pays(network: INR, x: Tensor) -> bool:
    """Whether a call of a network at coordinates x is faster by ``values``, and cannot be told from one layer by layer.

    Not if the coordinates want gradients, or somebody records, transforms or watches torch's functions; nor with an activation
    that has parameters or is from elsewhere, and may do what only autograd sees.
    """
    if not is_plain(x) or x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or len(x) < FEW:
        return False
    linears, tensors = network.linears, _tensors(network).values()
    if 2.0 * len(x) * sum(linear.weight.numel() for linear in linears) < LEAST:
        return False
    known = {id(tensor) for tensor in tensors}
    return (
        not x.requires_grad
        and type(network.activation) in ACTIVATIONS.values()
        and not any(True for _ in network.activation.parameters())
        and not torch.is_autocast_enabled("cpu")
        and not any(getattr(torch_modules, name, None) for name in HOOKS)
        and all(id(linear.weight) in known for linear in linears)  # it is no replica of ``DataParallel``
        and all(is_plain(tensor) and tensor.device == x.device and tensor.dtype == x.dtype for tensor in tensors)
    )


def values(network: INR, x: Tensor) -> Tensor:
    """Values (N, C) at coordinates (N, d), with gradients of any order with respect to the network's parameters."""
    tensors = _tensors(network)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors.values())
    if not keep:
        with torch.no_grad():
            return _chunks(network, x).forward(x, keep=False)[0]
    return applied(_Values, network, list(tensors), x, *tensors.values())


class _Values(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, network: INR, names: list[str], x: Tensor, *tensors: Tensor) -> Tensor:
        # Another network of the same numbers: what the weights' own hooks do is left to whoever asked for gradients.
        ctx.inputs = [tensor.detach().requires_grad_(tensor.requires_grad) for tensor in tensors]
        ctx.network = copy.deepcopy(network, {id(tensor): alias for tensor, alias in zip(tensors, ctx.inputs)})
        with torch.enable_grad():  # of what is made of the weights before they multiply
            ctx.chunks = _chunks(ctx.network, x)
            found: Tensor = ctx.chunks.forward(x, keep=ctx.chunks.bytes_to_keep(len(x)) <= KEEP_BYTES)
        ctx.names = names
        ctx.save_for_backward(x, *tensors)
        return found[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, *tensors = ctx.saved_tensors
        numbers = [number for number, needed in enumerate(ctx.needs_input_grad[3:]) if needed]
        found: Sequence[Tensor | None]
        if torch.is_grad_enabled() or not in_memory(gradient):  # for derivatives of higher order, or several at once
            with torch.enable_grad():
                coordinates = x.detach().requires_grad_()  # so it goes layer by layer
                views = [tensor.view_as(tensor) for tensor in tensors]  # which have no hooks either
                again = functional_call(ctx.network, dict(zip(ctx.names, views)), (coordinates,))
            wanted = [views[number] for number in numbers]
            found = torch.autograd.grad(again, wanted, gradient, create_graph=torch.is_grad_enabled(), allow_unused=True)
        else:
            found = ctx.chunks.gradients(x, gradient.unsqueeze(0), [ctx.inputs[number] for number in numbers])
        by_number = dict(zip(numbers, found))
        return None, None, None, *(by_number.get(number) for number in range(len(tensors)))


def _tensors(network: INR) -> dict[str, Tensor]:
    """Parameters and buffers by name."""
    return dict(network.named_parameters()) | dict(network.named_buffers())


def _chunks(network: INR, x: Tensor) -> Chunks:
    width = network.linears[0].out_features
    chunk = chunk_for(width)
    threads = 1 if len(x) > chunk else torch.get_num_threads()
    return Chunks([network], chunk, known_products(chunk, width, threads, x.dtype))
