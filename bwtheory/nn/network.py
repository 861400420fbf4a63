"""The network: coordinates in, values out, plain linear layers and one activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from bwtheory.nn import chunked
from bwtheory.nn.activations import Activation, Elementwise, build_activation, kernels_of
from bwtheory.nn.explicit import kernels_known
from bwtheory.nn.initialization import deeper_by_scales_, first_by_scales_, passing_
from bwtheory.nn.kernels import is_checked
from bwtheory.nn.linear import ComplexLinear, Layer, Linear, LinearToPairs, Maps, real_map
from bwtheory.starts import Scales, named_start


class Plan(NamedTuple):
    """The linear maps of a network, before they are built."""

    first: Maps
    deeper: Maps
    between: Maps
    output: Maps
    skip: Maps

    @classmethod
    def of(
        cls,
        activation: Activation,
        in_features: int,
        out_features: int,
        hidden_features: int,
        hidden_layers: int,
        linear_layers: bool = False,
        skip: bool = False,
    ) -> Plan:
        """What ``INR`` builds for these sizes, with nothing but arithmetic."""
        width, encoded = activation.width(hidden_features), activation.encoded_features(in_features)
        first, other = (LinearToPairs, ComplexLinear) if activation.complex_features else (nn.Linear, nn.Linear)
        return cls(
            first=Maps(first, encoded, width),
            deeper=Maps(other, width, width, hidden_layers - 1),
            between=Maps(other, width, width, hidden_layers - 1 if linear_layers else 0),
            output=Maps(other, width, out_features),
            skip=Maps(nn.Linear, in_features, out_features, int(skip), bias=False),
        )


class INR(nn.Module):
    """Implicit neural representation: linear layers with an activation between them, linear output.

    Parameters
    ----------
    in_features, out_features : coordinates in, values out, >= 1
    hidden_features, hidden_layers : width and depth, >= 1
    activation : a name of ``bwtheory.nn.ACTIVATIONS`` or of an elementwise function of ``torch.nn.functional``,
        "package.module:Class", or a subclass of ``Activation`` or of ``torch.nn.Module``, an instance, or a function
    linear_layers : a further linear layer after each activation but the last (the published code's ``--lin-layers``)
    skip : add a linear function of the coordinates to the output
    input_scale : the coordinates are multiplied by it first
    output_scale, output_shift : the values are output_scale·(last layer) + output_shift; 1/2 and 1/2 for a network that is to
        learn values of [0, 1] as numbers of [−1, 1]
    init : how the weights start: "pytorch" (PyTorch's default, for SIREN and FINER what their papers say), "scales" or "edge",
        see ``bwtheory.starts``, or a ``Scales`` with other numbers; ``parameter_groups`` has the step sizes that go with it
    options : of the activation: c, omega_0, sigma_0, …; unknown ones are refused by name

    All layers are plain ``torch.nn.Linear``, WIRE's later ones ``ComplexLinear``; a scale such as c is not folded into their
    weights.  ``layers()`` is what everything else that knows about a network's inside reads.

    Raises
    ------
    ValueError
        For sizes < 1, a scale that is not positive, an unknown activation, or an option that it does not have.

    Examples
    --------
    >>> INR(2, 1, hidden_features=8, hidden_layers=2, activation="bw-relu", c=3.0)(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden_features: int = 300,
        hidden_layers: int = 3,
        activation: str | type[nn.Module] | nn.Module | Callable[..., Tensor] = "bw-relu",
        linear_layers: bool = False,
        skip: bool = False,
        input_scale: float = 1.0,
        output_scale: float = 1.0,
        output_shift: float = 0.0,
        init: str | Scales = "pytorch",
        **options: Any,
    ):
        super().__init__()
        sizes = {"in_features": in_features, "out_features": out_features}
        sizes |= {"hidden_features": hidden_features, "hidden_layers": hidden_layers}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"An INR needs {name} >= 1; got {size}.")
        for name, scale in {"input_scale": input_scale, "output_scale": output_scale}.items():
            if not (scale > 0 and math.isfinite(scale)):
                raise ValueError(f"An INR needs a positive, finite {name}; got {scale}.")
        self.in_features, self.out_features, self.input_scale = in_features, out_features, input_scale
        self.output_scale, self.output_shift = output_scale, output_shift
        self.activation = build_activation(activation, options)
        plan = Plan.of(self.activation, in_features, out_features, hidden_features, hidden_layers, linear_layers, skip)
        self.hidden = nn.ModuleList([*plan.first.build(), *plan.deeper.build()])
        self.between = nn.ModuleList(plan.between.build())
        (self.output,) = plan.output.build()
        self.skip = next(iter(plan.skip.build()), None)
        self.start = named_start(init) if isinstance(init, str) else init
        with torch.no_grad():
            number = 0
            for linear, active in self.layers():
                self.activation.initialize(cast(nn.Linear, linear), -1 if active is None else number)
                number += active is not None
            if self.start is not None:
                self._start_by_scales(self.start)

    def _start_by_scales(self, start: Scales) -> None:
        """Hidden layers as ``start`` says; the output layer stays as it is."""
        window, scale = self.activation.window, self.activation.argument_scale
        name = type(self.activation).__name__
        if window is None:
            raise ValueError(f"A start by scales puts neurons where an activation varies; {name} does not say where that is.")
        if type(self.activation).encode is not Activation.encode:
            raise ValueError(f"A start by scales puts neurons into the domain of the coordinates, and {name} encodes these.")
        first, *deeper = (cast(nn.Linear, linear) for linear, active in self.layers()[:-1] if active is not None)
        first_by_scales_(first, start, window, scale, self.input_scale)
        for linear in deeper:
            deeper_by_scales_(linear, start, window, scale)
        for between in self.between:
            passing_(cast(nn.Linear, between))

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Groups for an optimizer of ``torch.optim``, with the step sizes of the start: all parameters in one for "pytorch".

        A group's ``lr`` is ``lr`` times its ``lr_multiple``; a schedule multiplies by that again.

        Examples
        --------
        >>> net = INR(2, 1, 8, 2, c=2.0, init="scales")
        >>> [group["lr_multiple"] for group in net.parameter_groups(1e-3)]
        [2.0, 1.0, 1.0]
        """
        if self.start is None:
            return [{"params": list(self.parameters()), "lr": lr, "lr_multiple": 1.0}]
        scale = self.activation.argument_scale
        first_step, bias_step = self.activation.steps or (scale, scale)
        first_step, bias_step = self.start.first_step or first_step, self.start.bias_step or bias_step
        first, *deeper = (linear for linear, active in self.layers()[:-1] if active is not None)
        biases = [linear.bias for linear in (first, *deeper)]
        apart = {id(parameter) for parameter in (first.weight, *biases)}
        others = [parameter for parameter in self.parameters() if id(parameter) not in apart]
        groups = (([first.weight], first_step / scale), (biases, bias_step / scale), (others, 1.0))
        return [{"params": params, "lr": lr * multiple, "lr_multiple": multiple} for params, multiple in groups]

    def layers(self) -> list[Layer]:
        """All linear maps from the encoded coordinates to the output, each with the activation after it, in order."""
        order: list[Layer] = []
        hidden, between = cast(list[Linear], list(self.hidden)), cast(list[Linear], list(self.between))
        for number, linear in enumerate(hidden):
            if number and between:
                order.append(Layer(between[number - 1], None))
            order.append(Layer(linear, self.activation))
        return [*order, Layer(self.output, None)]

    @property
    def linears(self) -> list[Linear]:
        """The linear maps of ``layers()``, without the skip connection."""
        return [layer.linear for layer in self.layers()]

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_features) coordinates -> (N, out_features) values."""
        self.check_coordinates(x)
        if chunked.pays(self, x) and reason_for_autograd(self) is None:
            return chunked.values(self, x)
        x = self.input_scale * x
        z = self.activation.encode(x)
        for linear, activation in self.layers():
            z = linear(z)
            z = z if activation is None else activation(z)
        values = z[:, : self.out_features]  # real parts come first
        values = values if self.skip is None else values + self.skip(x)
        plain = self.output_scale == 1 and self.output_shift == 0
        return values if plain else self.output_scale * values + self.output_shift

    def features(self, x: Tensor) -> list[Tensor]:
        """(N, in_features) coordinates -> the hidden layers' features, each (N, width): Φᵀ of equation (8)."""
        self.check_coordinates(x)
        z = self.activation.encode(self.input_scale * x)
        features: list[Tensor] = []
        for linear, activation in self.layers():
            z = linear(z)
            if activation is not None:
                z = activation(z)
                features.append(torch.complex(*z.chunk(2, dim=-1)) if activation.complex_features else z)
        return features

    def check_coordinates(self, x: Tensor) -> None:
        """ValueError for coordinates of another shape than (N, in_features), or of another type than the weights."""
        if not is_checked(x):
            return
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise ValueError(f"Coordinates have shape (N, {self.in_features}); got {tuple(x.shape)}.")
        dtype = getattr(getattr(self.hidden[0], "weight", None), "dtype", x.dtype)
        if x.dtype != dtype and not any(torch.is_autocast_enabled(device) for device in ("cpu", "cuda", "mps")):
            raise ValueError(f"The network's numbers are {dtype}, the coordinates' {x.dtype}.")

    def count_parameters(self) -> int:
        """Trainable real numbers; a complex one counts as two."""
        return real_numbers(self)

    def extra_repr(self) -> str:
        """Sizes, and scales that are not 1."""
        scales = {"input_scale": 1.0, "output_scale": 1.0, "output_shift": 0.0}
        changed = [f", {name}={getattr(self, name)}" for name, usual in scales.items() if getattr(self, name) != usual]
        return f"{self.in_features}, {self.out_features}" + "".join(changed)

    def __prepare_scriptable__(self) -> INR:
        """What ``torch.jit.script`` asks for."""
        raise ValueError("TorchScript cannot compile an INR's Python; record it by torch.jit.trace or torch.export instead.")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> INR:
        def real(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            if changed.is_complex():
                raise ValueError(f"The numbers of an INR are real, WIRE's are pairs of real ones; got {changed.dtype}.")
            return changed

        apply: Callable[..., object] = super()._apply  # which has no types
        apply(real, recurse)
        return self


def real_numbers(module: nn.Module) -> int:
    """How many a module trains; a complex number is two."""
    return sum(p.numel() * (2 if p.is_complex() else 1) for p in module.parameters() if p.requires_grad)


def unknown_part(network: nn.Module) -> str | None:
    """What a network is besides its ``layers()``, in words: whoever reads these would miss it.  None for nothing."""
    if not isinstance(network, INR):
        return f"{type(network).__name__} is no INR"
    if type(network).forward is not INR.forward or "forward" in vars(network):
        return f"{type(network).__name__} has a forward that is not INR's"
    for name, module in network.named_modules():
        if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks:
            return f"{name or 'the network'} has a hook"
    for linear, _ in network.layers():
        if type(linear) not in (nn.Linear, LinearToPairs, ComplexLinear) or "forward" in vars(linear):
            return f"{type(linear).__name__} is no plain linear layer"
        if linear.bias is None:
            return "a linear layer has no bias"
    if network.skip is not None and type(network.skip) is not nn.Linear:
        return f"{type(network.skip).__name__} is no plain linear layer"
    return None


def reason_for_autograd(network: nn.Module) -> str | None:
    """Why a network has to be trained by autograd, in words; None if it can be trained without."""
    unknown = unknown_part(network)
    if unknown is not None:
        return unknown
    assert isinstance(network, INR)
    layers = network.layers()
    for _, activation in layers:
        if activation is not None and kernels_of(activation) is None:
            return f"nothing says what the derivative of {_name(activation)} is"
        if activation is not None and activation.complex_features != network.activation.complex_features:
            return f"{_name(activation)} takes other numbers than {_name(network.activation)}"
    in_linears = {p for linear, _ in layers for p in linear.parameters()}
    others = [p for p in network.activation.parameters() if p.requires_grad and p not in in_linears]
    others += [p for _, a in layers if a is not None and a is not network.activation for p in a.parameters() if p.requires_grad]
    if not others:
        return None
    with torch.enable_grad():
        maps = [
            real_map(linear) if activation is None else kernels_known(activation).prepared(*real_map(linear))
            for linear, activation in layers
        ]
        reached = torch.autograd.grad(torch.stack([t.sum() for pair in maps for t in pair]).sum(), others, allow_unused=True)
    return None if all(gradient is not None for gradient in reached) else f"{_name(network.activation)} has parameters"


def _name(activation: Activation) -> str:
    return activation.name if isinstance(activation, Elementwise) else type(activation).__name__


def with_real_pairs(state: Any) -> Any:
    """A state with the complex numbers of earlier versions as ``ComplexLinear`` has them, (…, 2)."""
    if isinstance(state, dict):
        return {name: with_real_pairs(value) for name, value in state.items()}
    return torch.view_as_real(state) if isinstance(state, Tensor) and state.is_complex() else state
