"""Networks on all coordinates, chunk by chunk: values, and the gradient of a loss of all of them."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from bwtheory.nn import INR, ComplexLinear
from bwtheory.nn.calibration import default_products
from bwtheory.nn.chunked import KEEP_BYTES, Chunks
from bwtheory.nn.linear import real_map
from bwtheory.nn.network import reason_for_autograd
from bwtheory.nn.products import Products
from bwtheory.tasks.operators import LinearOperator
from bwtheory.torch_settings import usual_settings

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

    Gradients are those of all coordinates, in the parameters' ``grad``.

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
        explicit = all(reason_for_autograd(network) is None for network in networks) if explicit is None else explicit
        self._parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
        self._networks = networks
        self._way: Chunks | _Autograd
        if explicit:
            inrs = [network for network in networks if isinstance(network, INR)]
            self._way = Chunks(inrs, chunk, products or default_products(), compiled)
        else:
            self._way = _Autograd(networks, chunk, compiled)

    def values(self, x: Tensor) -> Tensor:
        """(k, N, C) at coordinates (N, d)."""
        return self._way.forward(x, keep=False)

    @torch.enable_grad()
    def least_squares(self, x: Tensor, y: Tensor, operator: LinearOperator | None = None) -> tuple[Tensor, Tensor]:
        """Set the gradients to those of the mean squared errors over all measurements; returns these (k,) and values (k, N, C).

        An operator couples all values: its adjoint gives the gradient with respect to them, which goes back through the
        networks in a second pass.  Features are kept for it up to 2 GB, and beyond that computed again.
        """
        if not len(x):
            raise ValueError("There are no coordinates to fit values at.")
        for parameter in self._parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            else:
                parameter.grad.zero_()
        way, count, channels = self._way, len(self._networks), y.shape[1]
        if operator is None:
            return way.least_squares(x, y)
        values = way.forward(x, keep=way.bytes_to_keep(len(x)) <= KEEP_BYTES)
        residual = operator(values.movedim(0, 1).flatten(1)) - y.repeat(1, count)
        gradient = (operator.adjoint(residual) * (2 / y.numel())).unflatten(1, (count, channels)).movedim(1, 0)
        way.backward(x, gradient)
        return residual.unflatten(1, (count, channels)).square().mean((0, 2)), values


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
