"""Values and gradients of networks as a list of products and activations, most of them into memory that is there.

For layers whose activation has ``pull``, see ``bwtheory.nn.Activation``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bwtheory.nn import INR
from bwtheory.nn.activations import Activation

BLOCK = 128  # rows of a product on a CPU: MKL has a faster way for up to 160 of them
THIN = 32  # a product with fewer columns is not worth blocks


class ExplicitNetworks:
    """Networks of one shape, batched: their prepared weights (k, n, K), again transposed, and biases (k, 1, n).

    Parameters
    ----------
    networks : their shapes and everything but their parameters and buffers are the first one's
    compiled : compile what the activation does
    """

    def __init__(self, networks: Sequence[INR], compiled: bool = False):
        self.networks, self.first = networks, networks[0]
        hidden = list(self.first.hidden)
        self.active = [linear in hidden for linear in self.first.linears]
        self._linears = [network.linears for network in networks]
        self._prepared = self._prepare()
        self.own = [torch.empty_like(tensor) for tensor in self._prepared]
        layers = len(self.active)
        self.weights, self.biases = self.own[: 2 * layers : 2], self.own[1 : 2 * layers : 2]
        self.transposed = [weight.transpose(1, 2).contiguous() for weight in self.weights]
        self.evaluate, self.pull = self.first.activation.evaluate, self.first.activation.pull
        if compiled:
            self.evaluate = torch.compile(self.evaluate, dynamic=False)
            self.pull = torch.compile(self.pull, dynamic=False)

    def read(self) -> None:
        """Read the networks' weights; again after each change of them."""
        self._prepared = self._prepare()
        for own, prepared in zip(self.own, self._prepared):
            own.copy_(prepared.detach())
        for transposed, weight in zip(self.transposed, self.weights):
            transposed.copy_(weight.transpose(1, 2))

    def add(self, totals: Sequence[list[Tensor]]) -> None:
        """Add gradients with respect to what is read to the parameters' ``grad``."""
        sums = totals[0]
        for others in totals[1:]:
            torch._foreach_add_(sums, others)
        trained = [number for number, prepared in enumerate(self._prepared) if prepared.requires_grad]
        torch.autograd.backward([self._prepared[number] for number in trained], [sums[number] for number in trained])

    def bytes_of(self, rows: int) -> int:
        """What a pass at so many coordinates holds."""
        widths = [self.first.in_features, self.transposed[0].shape[1] * len(self.networks)]
        widths += [(1 + active) * bias.numel() for active, bias in zip(self.active, self.biases)]
        return rows * sum(widths) * self.biases[0].element_size()

    def _prepare(self) -> list[Tensor]:
        found = []
        for number, active in enumerate(self.active):
            pairs = []
            for network, linears in zip(self.networks, self._linears):
                weight, bias = network.activation.prepared(linears[number], active)
                if number == len(self.active) - 1:
                    weight, bias = weight[: network.out_features], bias[: network.out_features]  # real parts come first
                    weight, bias = network.output_scale * weight, network.output_scale * bias + network.output_shift
                pairs.append((weight, bias.unsqueeze(0)))
            found += [torch.stack(tensors) for tensors in zip(*pairs)]
        if self.first.skip is not None:
            scale = self.first.output_scale * self.first.input_scale
            found.append(torch.stack([scale * network.skip.weight for network in self.networks if network.skip is not None]))
        return found


def is_explicit(network: INR) -> bool:
    """Whether a network of this kind can be trained so: all parameters of its activation are in the prepared weights."""
    activation = network.activation
    own = [p for p in activation.parameters() if p.requires_grad]
    if not activation.has_pull() or not own:
        return activation.has_pull()
    hidden = list(network.hidden)
    prepared = [tensor for linear in network.linears for tensor in activation.prepared(linear, linear in hidden)]
    reached = torch.autograd.grad(torch.stack([t.real.sum() for t in prepared]).sum(), own, allow_unused=True)
    return all(gradient is not None for gradient in reached)


class Memory:
    """What a thread has of its own: totals of gradients, and room for gradients with respect to features."""

    def __init__(self, networks: ExplicitNetworks):
        self.totals = [torch.zeros_like(own) for own in networks.own]
        for number, transposed in enumerate(networks.transposed):
            if transposed.shape[1] < transposed.shape[2]:  # a product with few rows is faster than one with few columns
                self.totals[2 * number] = torch.zeros_like(transposed).transpose(1, 2)
        self._room: dict[tuple[int, int], Tensor] = {}

    def gradient(self, like: Tensor, number: int) -> Tensor:
        """Room in the shape of a tensor; another one for the next number."""
        key = number % 2, like.numel()
        if key not in self._room:
            self._room[key] = torch.empty_like(like)
        return self._room[key].view_as(like)


class Pass:
    """Forward and back at so many coordinates.

    Attributes
    ----------
    values : (k, n, C), of ``forward``
    gradient : (k, n, C), with respect to them, before ``backward``
    """

    def __init__(self, networks: ExplicitNetworks, rows: int, memory: Memory):
        self._networks, first = networks, networks.first
        like, count = networks.weights[0], len(networks.networks)
        room = partial(torch.empty, dtype=like.dtype, device=like.device)
        totals = memory.totals
        self._x = room(rows, first.in_features)
        self._z = z = room(count, rows, networks.transposed[0].shape[1])
        self._forward: list[Callable[[], Any]] = []
        self._backward: list[Callable[[], Any]] = []
        for number, (active, weight, bias) in enumerate(zip(networks.active, networks.transposed, networks.biases)):
            u = room(count, rows, weight.shape[2])
            self._forward.append(_product(z, weight, u))
            back: list[Callable[[], Any]] = []
            gradient = memory.gradient(u, number)
            if active:
                value = torch.empty_like(u)
                self._forward.append(partial(networks.evaluate, u, bias, value))
                back.append(partial(networks.pull, u, value, gradient))
            else:
                value = u
                self._forward.append(partial(u.add_, bias))
            back.append(partial(_add_rows, totals[2 * number + 1], gradient))
            back.append(_outer_product(totals[2 * number], gradient, z))
            if number:
                back.append(_product(gradient, networks.weights[number], memory.gradient(z, number - 1)))
            self._backward = back + self._backward
            z = value
        self.values, self.gradient = z, gradient
        if first.skip is not None:
            x, skip = self._x.expand(count, -1, -1), networks.own[-1]
            self._forward.append(partial(z.baddbmm_, x, skip.transpose(1, 2)))
            self._backward.insert(0, _outer_product(totals[-1], gradient, x))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Values (k, n, C) at coordinates (n, d), until the next call."""
        networks, first = self._networks, self._networks.first
        self._x.copy_(x)
        x = x if first.input_scale == 1 else first.input_scale * x
        if type(first.activation).encode is Activation.encode:
            self._z.copy_(x)
        else:
            for place, network in zip(self._z, networks.networks):
                place.copy_(network.activation.encode(x))
        for call in self._forward:
            call()
        return self.values

    @torch.no_grad()
    def backward(self) -> None:
        """Add the gradients with respect to all weights to the memory's totals."""
        for call in self._backward:
            call()


def _add_rows(total: Tensor, gradient: Tensor) -> None:
    total += gradient.sum(1, keepdim=True)  # no product: these may be rounded


def _outer_product(total: Tensor, gradient: Tensor, z: Tensor) -> Callable[[], Any]:
    """Add the sum over n of the products of gradient (k, n, M) and z (k, n, K) to (k, M, K), later."""
    if total.is_contiguous():
        return partial(total.baddbmm_, gradient.transpose(1, 2), z)
    return partial(total.transpose(1, 2).baddbmm_, z.transpose(1, 2), gradient)


def _product(x: Tensor, weights: Tensor, out: Tensor) -> Callable[[], Any]:
    """(k, n, K) times (k, K, M), later."""
    if len(x) == 1:
        rows = rows_at_once(x, weights)
        x, weights, out = (
            x.view(-1, rows, x.shape[2]),
            weights.expand(x.shape[1] // rows, -1, -1),
            out.view(-1, rows, out.shape[2]),
        )
    return partial(torch.bmm, x, weights, out=out)


def rows_at_once(x: Tensor, weights: Tensor) -> int:
    """How many of the rows of x (…, n, K), a divisor of n, a product with weights (…, K, M) should take at once."""
    rows = x.shape[-2]
    return BLOCK if x.device.type == "cpu" and rows % BLOCK == 0 and min(weights.shape[-2:]) >= THIN else rows
