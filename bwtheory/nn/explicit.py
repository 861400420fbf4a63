"""Values and gradients of networks as a list of products and activations, most of which write into tensors that are reused.

For networks that are their ``layers()`` and nothing else, with activations that have a derivative or ``Fused`` kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bwtheory.nn.activations import Activation, kernels_of
from bwtheory.nn.fused import Fused
from bwtheory.nn.linear import real_map
from bwtheory.nn.products import Products

if TYPE_CHECKING:
    from bwtheory.nn.network import INR


class ExplicitNetworks:
    """Networks of one shape, batched: their prepared weights (k, n, K), again transposed, and biases (k, 1, n).

    Parameters
    ----------
    networks : their shapes and everything but their parameters and buffers are the first one's
    products : what multiplies matrices
    compiled : compile what the activation does
    """

    def __init__(self, networks: Sequence[INR], products: Products, compiled: bool = False):
        self.networks, self.first, self.products = networks, networks[0], products
        self._layers = [network.layers() for network in networks]
        self._kernels = [
            [None if activation is None else kernels_known(activation) for _, activation in layers] for layers in self._layers
        ]
        self._prepared = self._prepare()
        self.own = [torch.empty_like(tensor) for tensor in self._prepared]
        layers = len(self._layers[0])
        self.weights, self.biases = self.own[: 2 * layers : 2], self.own[1 : 2 * layers : 2]
        self.transposed = [weight.transpose(1, 2).contiguous() for weight in self.weights]
        made = {id(activation): kernels_known(activation) for _, activation in self._layers[0] if activation is not None}
        ways = {number: (kernels.evaluate, kernels.pull) for number, kernels in made.items()}
        if compiled:
            fixed = partial(torch.compile, dynamic=False)
            ways = {number: (fixed(evaluate), fixed(pull)) for number, (evaluate, pull) in ways.items()}
        # evaluate and pull for each layer, None for one without an activation: the first network's, for all of them
        self.ways = [None if activation is None else ways[id(activation)] for _, activation in self._layers[0]]
        in_place = {number: kernels.in_place and not compiled for number, kernels in made.items()}
        self.in_place = [activation is None or in_place[id(activation)] for _, activation in self._layers[0]]

    def read(self) -> None:
        """Read the networks' weights; again after each change of them."""
        self._prepared = self._prepare()
        for own, prepared in zip(self.own, self._prepared):
            own.copy_(prepared.detach())
        for transposed, weight in zip(self.transposed, self.weights):
            transposed.copy_(weight.transpose(1, 2))

    def add(self, totals: Sequence[list[Tensor]]) -> None:
        """Add gradients with respect to what is read to the parameters' ``grad``."""
        torch.autograd.backward(*self._trained(totals))

    def gradients(self, totals: Sequence[list[Tensor]], tensors: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """Gradients with respect to parameters, from those with respect to what was read."""
        prepared, sums = self._trained(totals)
        return torch.autograd.grad(prepared, tensors, sums, retain_graph=True, allow_unused=True)

    def _trained(self, totals: Sequence[list[Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
        """What depends on parameters that are trained, with the sum of its gradients."""
        sums = totals[0]
        for others in totals[1:]:
            torch._foreach_add_(sums, others)
        pairs = [(prepared, total) for prepared, total in zip(self._prepared, sums) if prepared.requires_grad]
        return [prepared for prepared, _ in pairs], [total for _, total in pairs]

    def bytes_of(self, rows: int) -> int:
        """What a pass at so many coordinates holds."""
        widths = [self.first.in_features, self.transposed[0].shape[1] * len(self.networks)]
        widths += [(1 if in_place else 2) * bias.numel() for in_place, bias in zip(self.in_place, self.biases)]
        return rows * sum(widths) * self.biases[0].element_size()

    def _prepare(self) -> list[Tensor]:
        found: list[Tensor] = []
        last = len(self._layers[0]) - 1
        for number in range(last + 1):
            pairs = []
            for network, layers, kernels in zip(self.networks, self._layers, self._kernels):
                weight, bias = real_map(layers[number].linear)
                fused = kernels[number]
                weight, bias = (weight, bias) if fused is None else fused.prepared(weight, bias)
                if number == last:
                    weight, bias = weight[: network.out_features], bias[: network.out_features]  # real parts come first
                    weight, bias = network.output_scale * weight, network.output_scale * bias + network.output_shift
                pairs.append((weight, bias.unsqueeze(0)))
            found += [torch.stack(tensors) for tensors in zip(*pairs)]
        if self.first.skip is not None:
            scale = self.first.output_scale * self.first.input_scale
            found.append(torch.stack([scale * network.skip.weight for network in self.networks if network.skip is not None]))
        return found


def kernels_known(activation: Activation) -> Fused:
    """``kernels_of`` an activation that has some."""
    kernels = kernels_of(activation)
    assert kernels is not None
    return kernels


class Memory:
    """What each thread has: totals of gradients, and scratch buffers for gradients with respect to features."""

    def __init__(self, networks: ExplicitNetworks):
        self.totals = [torch.zeros_like(own) for own in networks.own]
        for number, transposed in enumerate(networks.transposed):
            if transposed.shape[1] < transposed.shape[2]:  # a product with few rows is faster than one with few columns
                self.totals[2 * number] = torch.zeros_like(transposed).transpose(1, 2)
        self._buffers: dict[tuple[int, int], Tensor] = {}
        self._spare: dict[int, Tensor] = {}

    def spare(self, like: Tensor) -> Tensor:
        """A scratch buffer in the shape of a total, for a product that is added to it."""
        if like.numel() not in self._spare:
            self._spare[like.numel()] = torch.empty_like(like)
        return self._spare[like.numel()].view_as(like)

    def gradient(self, like: Tensor, number: int) -> Tensor:
        """A scratch buffer in the shape of a tensor; another one for the next number."""
        key = number % 2, like.numel()
        if key not in self._buffers:
            self._buffers[key] = torch.empty_like(like)
        return self._buffers[key].view_as(like)


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
        buffer = partial(torch.empty, dtype=like.dtype, device=like.device)
        totals, products = memory.totals, networks.products
        self._x = buffer(rows, first.in_features)
        self._z = z = buffer(count, rows, networks.transposed[0].shape[1])
        self._forward: list[Callable[[], Any]] = []
        self._backward: list[Callable[[], Any]] = []
        matrices = zip(networks.weights, networks.transposed)
        for number, (way, (weight, transposed), bias) in enumerate(zip(networks.ways, matrices, networks.biases)):
            u = buffer(count, rows, weight.shape[1])
            self._forward.append(products.product(z, transposed, weight, u))
            back: list[Callable[[], Any]] = []
            gradient = memory.gradient(u, number)
            if way is None:
                value = u
                self._forward.append(partial(u.add_, bias))
            else:
                value, (evaluate, pull) = u if networks.in_place[number] else torch.empty_like(u), way
                self._forward.append(partial(evaluate, u, bias, value))
                back.append(partial(pull, u, value, gradient))
            back.append(partial(_add_rows, totals[2 * number + 1], gradient))
            back.append(products.outer(totals[2 * number], gradient, z, memory.spare))
            if number:
                back.append(products.product(gradient, weight, transposed, memory.gradient(z, number - 1)))
            self._backward = back + self._backward
            z = value
        self.values, self.gradient = z, gradient
        if first.skip is not None:
            x, skip = self._x.expand(count, -1, -1), networks.own[-1]
            self._forward.append(partial(z.baddbmm_, x, skip.transpose(1, 2)))
            self._backward.insert(0, products.outer(totals[-1], gradient, x, memory.spare))

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
