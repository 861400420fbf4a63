"""Gauss–Newton steps: the network replaced by its linearization, whose least-squares problem conjugate gradients solve.

Near a fit the sum of squares is almost a quadratic function of the weights.  Adam gets there fast and then goes on at the pace
of its learning rate; conjugate gradients on the linearization go at the pace of its condition, preconditioned by the squared
norms of the Jacobian's columns.  A network of linear layers with an activation φ between them has a Jacobian that is never
formed: with the layers' inputs and slopes φ′ kept, J times a vector costs two products of a layer's size for each layer and Jᵀ
times a vector two more, where a step of Adam needs three, and no activation is evaluated.

When nothing is left to gain: a measurement m_i that is computed in floating point is known to a unit in its last place, at
most ε|m_i|.  With e_i of that size the sum of squares Σ r_i² becomes Σ r_i² + 2 Σ r_i e_i + Σ e_i².  If the signs of the e_i
are independent, the middle term has the standard deviation 2ε √(Σ r_i² m_i²); the last one is at most ε² Σ m_i²; and a sum of
squares is itself rounded, by about ε times its size.  A step that promises less than these three together, or keeps less of
its promise, is none: what it gains on one processor is lost on another, which adds the same numbers in another order.  Errors
made in hidden layers are larger, but they are the same for the same weights, and steps see and correct them; so they do not
count here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bwtheory.nn import INR
from bwtheory.nn.activations import derivative_of, is_elementwise
from bwtheory.nn.calibration import default_products
from bwtheory.nn.chunked import KEEP_BYTES
from bwtheory.nn.network import unknown_part
from bwtheory.nn.products import Products
from bwtheory.nn.workers import Result, Workers, one_thread, threads_for
from bwtheory.tasks.operators import LinearOperator
from bwtheory.training.gradient import predict

DAMPING = 1e-4  # of a layer's preconditioner, relative to its largest entry
HALVINGS = 10  # of a step that does not lower the loss


@dataclass(frozen=True)
class _Part:
    """The network at a chunk of coordinates: each linear layer's input (n, K), and the slopes (n, K) after it, if any."""

    coordinates: Tensor
    inputs: list[Tensor]
    slopes: list[Tensor | None]


@dataclass(frozen=True)
class _Changes:
    """Of each layer the changes of its weight (M, K), transposed too, and of its bias (M,); of the skip connection."""

    layers: list[tuple[Tensor, Tensor, Tensor]]
    skip: Tensor | None


class GaussNewton:
    """Least squares of a network's values on all coordinates, seen through an operator if there is one.

    Parameters
    ----------
    network : trained in place
    x, y : coordinates (N, d) and measurements (M, C)
    operator : from the values (N, C) to the measurements, or None
    chunk : coordinates at once
    products : what multiplies matrices; by default what ``BWTHEORY_ENGINE`` names, or torch's

    Attributes
    ----------
    size : number of parameters

    Raises
    ------
    ValueError
        For complex weights, for parameters that are none of a linear layer's, such as a learnable c, for what is not in the
        network's ``layers()``, and for an activation that is not elementwise.
    """

    def __init__(
        self,
        network: INR,
        x: Tensor,
        y: Tensor,
        operator: LinearOperator | None,
        chunk: int,
        products: Products | None = None,
    ):
        refuse_gauss_newton(network)
        self._products = products or default_products()
        self.network, self.x, self.y, self.operator, self.chunk = network, x, y, operator, chunk
        self._layers = network.layers()
        self._own = [p for linear, _ in self._layers for p in (linear.weight, linear.bias)]
        self._own += [network.skip.weight] if network.skip is not None else []
        self.size = sum(p.numel() for p in self._own)
        self._transposed_weights = [linear.weight.detach().T.contiguous() for linear, _ in self._layers]
        self._workers, self._threads = Workers(self._products), threads_for(-(-len(x) // chunk), x)
        self._parts: list[_Part] | None = None
        self._residual, self._loss, self._rounding, self._checked = torch.empty(0), math.nan, math.nan, False

    @torch.no_grad()
    def linearize(self) -> tuple[Tensor, Tensor]:
        """At the present weights: the mean squared error (1,) and the values (1, N, C)."""
        self._transposed_weights = [linear.weight.T.contiguous() for linear, _ in self._layers]
        values = predict(self.network, self.x, self.chunk, self._products)
        measured = self.operator(values) if self.operator else values
        self._residual = self.y - measured
        loss = self._residual.square().mean()
        self._loss = float(loss)
        self._rounding = float(_rounding_of_squares(self._residual, measured)) / self.y.numel()
        width = sum(linear.in_features + linear.out_features for linear, _ in self._layers)
        keep = len(self.x) * width * self.x.element_size() <= KEEP_BYTES
        self._parts = None
        if keep:
            found = self._share(lambda places: [(place.start, self._part(place)) for place in places])
            self._parts = [part for _, part in sorted(itertools.chain(*found), key=lambda pair: pair[0])]
        return loss.unsqueeze(0), values.unsqueeze(0)

    @torch.no_grad()
    def solve(self, iterations: int, interrupted: Sequence[object] = ()) -> Tensor | None:
        """A step that lowers the loss by more than its rounding, a vector of all parameters; None if there is none, or
        ``interrupted`` has become true.

        At most so many iterations of preconditioned conjugate gradients on min ‖J step − residual‖², from 0 (Nocedal and
        Wright 2006, algorithm 5.3), until the gradient is √ε times what it was; then halved until the loss is lower.
        """
        with one_thread() if self._threads > 1 and not self.operator else nullcontext():  # operators use torch's own threads
            step = self._residual.new_zeros(self.size)
            negative_gradient = self._transposed(self.operator.adjoint(self._residual) if self.operator else self._residual)
            weights = self._preconditioner()
            direction = towards = weights * negative_gradient
            size = _dot(negative_gradient, towards)
            enough, gain = torch.finfo(size.dtype).eps * size, torch.zeros_like(size)
            for _ in range(iterations):
                if interrupted:
                    return None
                image = self.curvature(direction)
                length = torch.where(size > enough, size / _dot(direction, image), 0.0)  # on the device: nothing waits for it
                step += length * direction
                gain += length * size
                negative_gradient -= length * image
                towards = weights * negative_gradient
                before, size = size, _dot(negative_gradient, towards)
                direction = towards + torch.where(size > enough, size / before, 0.0) * direction
        return self._shortened(step, gain)

    @torch.no_grad()
    def curvature(self, vector: Tensor) -> Tensor:
        """JᵀJ times a vector of all parameters, AᵀA between the two if there is an operator A: what an iteration costs."""
        changes = self._changes(vector)
        if self.operator:
            pushed = self._residual.new_empty(len(self.x), self.network.out_features)

            def push(places: Iterable[slice]) -> None:
                for place in places:
                    pushed[place] = self._pushed(self._part_at(place), changes)

            self._share(push)
            return self._transposed(self.operator.adjoint(self.operator(pushed)))

        def push_and_pull(places: Iterable[slice]) -> Tensor:
            total = torch.zeros_like(vector)
            for place in places:
                part = self._part_at(place)
                self._add_pulled(part, self._pushed(part, changes), self._shaped(total))
            return total

        return _sum_of(self._share(push_and_pull))

    @torch.no_grad()
    def move(self, step: Tensor) -> None:
        """Add a step to the parameters."""
        for p, change in zip(self._own, self._shaped(step)):
            p += change

    def _shortened(self, step: Tensor, gain: Tensor) -> Tensor | None:
        """The first of step, step/2, step/4, … that lowers the loss, if the linearization's squares are less by a ``gain``."""
        if not float(gain) / self.y.numel() > self._rounding:
            return None
        start = [p.clone() for p in self._own]
        for _ in range(HALVINGS):
            self.move(step)
            values = predict(self.network, self.x, self.chunk, self._products)
            loss = (self.y - (self.operator(values) if self.operator else values)).square().mean()
            for p, before in zip(self._own, start):
                p.copy_(before)
            if self._loss - float(loss) > self._rounding:
                return step
            step = step / 2
        return None

    def _shaped(self, vector: Tensor) -> list[Tensor]:
        """Views of a vector of all parameters, one for each."""
        return [part.view_as(p) for part, p in zip(vector.split([p.numel() for p in self._own]), self._own)]

    def _share(self, work: Callable[[Iterable[slice]], Result]) -> list[Result]:
        """``work`` on a share of all chunks in each thread, without autograd."""

        @torch.no_grad()
        def share(thread: int, chunks: range) -> Result:
            return work(slice(number * self.chunk, (number + 1) * self.chunk) for number in chunks)

        return self._workers.share(share, -(-len(self.x) // self.chunk), self._threads)

    def _part_at(self, place: slice) -> _Part:
        return self._parts[place.start // self.chunk] if self._parts is not None else self._part(place)

    def _part(self, place: slice) -> _Part:
        x = self.x[place]
        z, inputs, slopes = self.network.activation.encode(self.network.input_scale * x), [], []
        for (linear, activation), transposed in zip(self._layers, self._transposed_weights):
            inputs.append(z)
            z = self._product(z, transposed, linear.weight).add_(linear.bias)
            slopes.append(None if activation is None else derivative_of(activation, z))
            z = z if activation is None else activation(z)
        return _Part(x, inputs, slopes)

    def _changes(self, vector: Tensor) -> _Changes:
        shaped = self._shaped(vector)
        layers = [(change, change.T.contiguous(), bias) for change, bias in zip(shaped[::2], shaped[1::2])]
        return _Changes(layers, shaped[-1].T if self.network.skip is not None else None)

    def _pushed(self, part: _Part, changes: _Changes) -> Tensor:
        """J times a change of the parameters, at a chunk: (n, C)."""
        change: Tensor | None = None
        layers = zip(changes.layers, self._layers, self._transposed_weights, part.inputs, part.slopes)
        for (weight_change, transposed_change, bias_change), (linear, _), transposed, inputs, slope in layers:
            own = self._product(inputs, transposed_change, weight_change).add_(bias_change)
            if change is not None:
                matrices = transposed.unsqueeze(0), linear.weight.unsqueeze(0)
                self._products.add_product(own.unsqueeze(0), change.unsqueeze(0), *matrices, torch.empty_like)()
            change = own
            if slope is not None:
                change.mul_(slope)
        assert change is not None
        if changes.skip is not None:
            change = torch.addmm(change, self.network.input_scale * part.coordinates, changes.skip)
        return self.network.output_scale * change if self.network.output_scale != 1 else change

    def _add_pulled(self, part: _Part, pull: Tensor, total: list[Tensor], squared: bool = False) -> None:
        """Add Jᵀ times a change of the values (n, C), at a chunk; ``squared`` adds the squares of its terms instead."""
        pull = self.network.output_scale * pull if self.network.output_scale != 1 else pull
        if self.network.skip is not None:
            self._add_outer(total[-1], pull, self.network.input_scale * part.coordinates, squared)
        for number in range(len(self._layers) - 1, -1, -1):
            slope = part.slopes[number]
            if slope is not None:  # the last layer's is the caller's
                pull = pull * slope if number == len(self._layers) - 1 else pull.mul_(slope)
            self._add_outer(total[2 * number], pull, part.inputs[number], squared)
            total[2 * number + 1] += (pull.square() if squared else pull).sum(0)
            if number:
                pull = self._product(pull, self._layers[number][0].weight, self._transposed_weights[number])

    def _product(self, x: Tensor, weights: Tensor, transposed: Tensor) -> Tensor:
        """(n, K) times (K, M), which is also there transposed."""
        x = x.contiguous()
        out = x.new_empty(len(x), weights.shape[1])
        self._products.product(*(tensor.unsqueeze(0) for tensor in (x, weights, transposed, out)))()
        return out

    def _add_outer(self, total: Tensor, pull: Tensor, inputs: Tensor, squared: bool) -> None:
        if squared:
            pull, inputs = pull.square(), inputs.square()
        self._products.outer(total.unsqueeze(0), pull.unsqueeze(0), inputs.unsqueeze(0), torch.empty_like)()

    def _transposed(self, change: Tensor) -> Tensor:
        """Jᵀ times a change of the values (N, C)."""

        def pull(places: Iterable[slice]) -> Tensor:
            total = self._residual.new_zeros(self.size)
            for place in places:
                self._add_pulled(self._part_at(place), change[place], self._shaped(total))
            return total

        return _sum_of(self._share(pull))

    def _preconditioner(self) -> Tensor:
        """The inverse squared norms of J's columns, those of a layer bounded by 1/``DAMPING`` of the least."""
        channels = torch.eye(self.network.out_features, dtype=self.x.dtype, device=self.x.device)

        def squares(places: Iterable[slice]) -> Tensor:
            norms = self._residual.new_zeros(self.size)
            for place in places:
                part = self._part_at(place)
                for channel in channels:
                    self._add_pulled(part, channel.expand(len(part.coordinates), -1), self._shaped(norms), squared=True)
            return norms

        norms = _sum_of(self._share(squares))
        for own in self._shaped(norms):
            own += DAMPING * own.max() + torch.finfo(own.dtype).tiny
        return norms.reciprocal()


def refuse_gauss_newton(network: nn.Module) -> None:
    """ValueError for a network that Gauss–Newton steps are not made for: complex weights, a learnable c, unknown parts."""
    unknown = unknown_part(network)
    if unknown is not None:
        raise ValueError(f"Gauss-Newton steps need a network that is its linear layers and activations, but {unknown}.")
    assert isinstance(network, INR)
    layers = network.layers()
    if any(activation is not None and activation.complex_features for _, activation in layers):
        raise ValueError("Gauss-Newton steps are for networks with real weights, not for WIRE.")
    linears = [*network.linears, network.skip] if network.skip is not None else network.linears
    own = {p for linear in linears for p in linear.parameters()}
    others = [name for name, p in network.named_parameters() if p.requires_grad and p not in own]
    if others:
        raise ValueError(f"Gauss-Newton steps train linear layers only, not {others[0]}.")
    for _, activation in layers:
        if activation is not None and not is_elementwise(activation):
            raise ValueError(f"Gauss-Newton steps need an elementwise activation; {type(activation).__name__} is not.")


def _rounding_of_squares(residual: Tensor, measured: Tensor) -> Tensor:
    """What the sum of squares of the residual y − m may change by if each m is a unit in its last place off."""
    eps = torch.finfo(measured.dtype).eps
    changes = 2 * eps * (residual * measured).norm() + (eps * measured).square().sum()
    return torch.add(changes, residual.square().sum(), alpha=eps)


def _sum_of(totals: list[Tensor]) -> Tensor:
    for other in totals[1:]:
        totals[0] += other
    return totals[0]


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a, b) if a.device.type == "mps" else torch.dot(a.double(), b.double()).to(a.dtype)  # MPS has no float64
