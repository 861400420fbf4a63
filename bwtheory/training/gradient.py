"""Networks on all coordinates, chunk by chunk: values, and the gradient of a loss of all of them."""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap

from bwtheory.nn import INR
from bwtheory.tasks.operators import LinearOperator

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

    Several networks are evaluated as one batched network.  Gradients are accumulated exactly, into the parameters' ``grad``,
    which must be there (``start``).

    Parameters
    ----------
    networks : trained in place; their shapes and everything but their parameters and buffers (weights, c) are the first one's
    chunk : coordinates at once
    compiled : one compiled function for a chunk's values, gradients and their accumulation
    """

    def __init__(self, networks: Sequence[INR], chunk: int, compiled: bool = False):
        self.networks, self.chunk = networks, chunk
        self._parameters = [_trained(network) for network in networks]
        self._compiled: Callable[..., tuple[Tensor, Tensor]] | None = None
        self._function = self._values
        if compiled:
            torch.compiler.reset()  # graphs of earlier networks would count as recompilations of these
            warnings.filterwarnings("ignore", "Torchinductor does not support code generation for complex operators")
            self._compiled, self._function = torch.compile(self._in_one_graph, dynamic=False), torch.compile(self._values)

    def start(self) -> None:
        """Set the gradients to zero."""
        for parameters in self._parameters:
            for parameter in parameters.values():
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                else:
                    parameter.grad.zero_()

    def least_squares(self, x: Tensor, y: Tensor, operator: LinearOperator | None = None) -> tuple[Tensor, Tensor]:
        """Add the gradients of the mean squared errors over all measurements; returns these (k,), and the values (k, N, C).

        An operator couples all values: its adjoint gives the gradient with respect to them, which goes back through the
        networks in a second pass.  Features are kept for it up to 2 GB, and beyond that computed again.
        """
        count, channels = len(self.networks), y.shape[1]
        values = y.new_empty(count, len(x), channels)
        places = values.split(self.chunk, dim=1)
        if operator is None:
            losses = y.new_zeros(count)
            for part, target, place in zip(x.split(self.chunk), y.split(self.chunk), places):
                loss, found = self._add_gradient(part, _squares, target, y.numel())
                losses += loss
                place.copy_(found)
            return losses, values
        keep = len(x) * self._bytes_to_keep() <= KEEP_BYTES
        kept = []
        for part, place in zip(x.split(self.chunk), places):
            with torch.set_grad_enabled(keep):
                found = self._function(part) if len(part) == self.chunk else self._values(part)
            place.copy_(found.detach())
            kept += [found] if keep else []
        residual = operator(values.movedim(0, 1).flatten(1)) - y.repeat(1, count)
        gradient = (operator.adjoint(residual) * (2 / y.numel())).unflatten(1, (count, channels)).movedim(1, 0)
        for number, (part, pull) in enumerate(zip(x.split(self.chunk), gradient.split(self.chunk, dim=1))):
            if keep:
                kept[number].backward(pull)
            else:
                self._add_gradient(part, _inner_product, pull)
        return residual.unflatten(1, (count, channels)).square().mean((0, 2)), values

    def _bytes_to_keep(self) -> int:
        """Of one coordinate, between the passes: what each layer gets and what it makes of it."""
        width = sum(2 * linear.weight.shape[0] * linear.weight.element_size() for linear in self.networks[0].linears)
        return len(self.networks) * width

    def _values(self, x: Tensor, parameters: list[dict[str, Tensor]] | None = None) -> Tensor:
        """(k, n, C) at a chunk x (n, d)."""
        first = self.networks[0]
        if len(self.networks) == 1:
            return (functional_call(first, parameters[0], (x,)) if parameters else first(x)).unsqueeze(0)
        parameters = parameters or self._parameters
        weights = {name: torch.stack([own[name] for own in parameters]) for name in parameters[0]}
        named = [dict(network.named_buffers()) for network in self.networks]
        buffers = {name: torch.stack([own[name] for own in named]) for name in named[0]}
        return vmap(lambda weights, buffers: functional_call(first, (weights, buffers), (x,)))(weights, buffers)

    def _add_gradient(self, x: Tensor, objective: Callable[..., Tensor], *data: Any) -> tuple[Tensor, Tensor]:
        """Add the gradient of objective(values, *data) at a chunk x; returns the objective (k,) and the values."""
        if self._compiled and len(x) == self.chunk:  # another size would have to be compiled for
            with torch.no_grad():
                parameters = [{name: p.detach() for name, p in own.items()} for own in self._parameters]
                gradients = [{name: p.grad for name, p in own.items()} for own in self._parameters]
                return self._compiled(parameters, gradients, x, objective, *data)
        values = self._values(x)
        result = objective(values, *data)
        result.sum().backward()
        return result.detach(), values.detach()

    def _in_one_graph(
        self,
        parameters: list[dict[str, Tensor]],
        gradients: list[dict[str, Tensor]],
        x: Tensor,
        objective: Callable[..., Tensor],
        *data: Any,
    ) -> tuple[Tensor, Tensor]:
        def of(parameters: list[dict[str, Tensor]]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            values = self._values(x, parameters)
            result = objective(values, *data)
            return result.sum(), (result, values)

        found, (_, (result, values)) = grad_and_value(of, has_aux=True)(parameters)
        for total, new in zip(gradients, found):
            for name, gradient in total.items():
                gradient.add_(new[name])
        return result, values


def _trained(network: INR) -> dict[str, Tensor]:
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}


def _squares(values: Tensor, target: Tensor, count: int) -> Tensor:
    return (values - target).square().sum((1, 2)) / count


def _inner_product(values: Tensor, pull: Tensor) -> Tensor:
    return (values * pull).sum((1, 2))


@torch.no_grad()
def predict(function: Callable[[Tensor], Tensor], x: Tensor, chunk: int) -> Tensor:
    """Values (N, C) at coordinates (N, d), chunk by chunk, into one tensor: many small ones would keep the heap in pieces."""
    values = torch.empty(0)
    for start in range(0, len(x), chunk):
        found = function(x[start : start + chunk])
        values = found.new_empty(len(x), found.shape[1]) if start == 0 else values
        values[start : start + chunk] = found
    return values
