"""A network on all coordinates, chunk by chunk: values, and the gradient of a loss of all of them."""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value

from bwtheory.nn import INR
from bwtheory.tasks.operators import LinearOperator

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


class ChunkedNetwork:
    """A network on all coordinates in chunks that fit the caches: memory does not grow with their number.

    Gradients are accumulated exactly, into the parameters' ``grad``, which must be there (``start``).

    Parameters
    ----------
    network : trained in place
    chunk : coordinates at once
    compiled : one compiled function for a chunk's values, gradients and their accumulation
    """

    def __init__(self, network: INR, chunk: int, compiled: bool = False):
        self.network, self.chunk = network, chunk
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._names = [name for name, p in network.named_parameters() if p.requires_grad]
        self._compiled: Callable[..., tuple[Tensor, Tensor]] | None = None
        self._function: Callable[[Tensor], Tensor] = network
        if compiled:
            torch.compiler.reset()  # graphs of an earlier network would count as recompilations of this one
            warnings.filterwarnings("ignore", "Torchinductor does not support code generation for complex operators")
            self._compiled, self._function = torch.compile(self._in_one_graph, dynamic=False), torch.compile(network)

    def start(self) -> None:
        """Set the gradient to zero."""
        for parameter in self._parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            else:
                parameter.grad.zero_()

    def least_squares(self, x: Tensor, y: Tensor, operator: LinearOperator | None = None) -> tuple[Tensor, Tensor]:
        """Add the gradient of the mean squared error over all measurements; returns it, and the values (N, C).

        An operator couples all values: its adjoint gives the gradient with respect to them, which goes back through the
        network in a second pass.
        """
        if operator is None:
            total, values = y.new_zeros(()), torch.empty_like(y)
            for part, target, place in zip(x.split(self.chunk), y.split(self.chunk), values.split(self.chunk)):
                loss, found = self._add_gradient(part, _squares, target, y.numel())
                total += loss
                place.copy_(found)
            return total, values
        values = predict(self._function, x, self.chunk)
        residual = operator(values) - y
        gradient = operator.adjoint(residual) * (2 / y.numel())
        for part, pull in zip(x.split(self.chunk), gradient.split(self.chunk)):
            self._add_gradient(part, _inner_product, pull)
        return residual.square().mean(), values

    def _add_gradient(self, x: Tensor, objective: Callable[..., Tensor], *data: Any) -> tuple[Tensor, Tensor]:
        """Add the gradient of objective(values, *data) at a chunk x; returns the objective and the values."""
        if self._compiled and len(x) == self.chunk:  # another size would have to be compiled for
            with torch.no_grad():
                parameters = [p.detach() for p in self._parameters]
                return self._compiled(parameters, [p.grad for p in self._parameters], x, objective, *data)
        values = self.network(x)
        result = objective(values, *data)
        result.backward()
        return result.detach(), values.detach()

    def _in_one_graph(
        self, parameters: list[Tensor], gradients: list[Tensor], x: Tensor, objective: Callable[..., Tensor], *data: Any
    ) -> tuple[Tensor, Tensor]:
        def of(parameters: list[Tensor]) -> tuple[Tensor, Tensor]:
            values = functional_call(self.network, dict(zip(self._names, parameters)), (x,))
            return objective(values, *data), values

        found, (result, values) = grad_and_value(of, has_aux=True)(parameters)
        for total, new in zip(gradients, found):
            total.add_(new)
        return result, values


def _squares(values: Tensor, target: Tensor, count: int) -> Tensor:
    return (values - target).square().sum() / count


def _inner_product(values: Tensor, pull: Tensor) -> Tensor:
    return (values * pull).sum()


@torch.no_grad()
def predict(function: Callable[[Tensor], Tensor], x: Tensor, chunk: int) -> Tensor:
    """Values (N, C) at coordinates (N, d), chunk by chunk, into one tensor: many small ones would keep the heap in pieces."""
    values = torch.empty(0)
    for start in range(0, len(x), chunk):
        found = function(x[start : start + chunk])
        values = found.new_empty(len(x), found.shape[1]) if start == 0 else values
        values[start : start + chunk] = found
    return values
