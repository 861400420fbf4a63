"""The network: coordinates in, values out, plain linear layers and one activation."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear as apply_linear

from bwtheory.nn.activations import Activation, build_activation


class INR(nn.Module):
    """Implicit neural representation: linear layers with an activation between them, linear output.

    Parameters
    ----------
    in_features, out_features : coordinates in, values out, >= 1
    hidden_features, hidden_layers : width and depth, >= 1
    activation : a name of ``bwtheory.nn.ACTIVATIONS``, "package.module:Class", or a subclass of ``Activation``
    linear_layers : a further linear layer after each activation but the last (the published code's ``--lin-layers``)
    skip : add a linear function of the coordinates to the output
    input_scale : the coordinates are multiplied by it first
    output_scale, output_shift : the values are output_scale·(last layer) + output_shift; 1/2 and 1/2 for a network that is to
        learn values of [0, 1] as numbers of [−1, 1]
    options : of the activation: c, omega_0, sigma_0, …; unknown ones are refused by name

    All layers are plain ``torch.nn.Linear``; a scale such as c is not folded into their weights.

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
        activation: str | type[Activation] = "bw-relu",
        linear_layers: bool = False,
        skip: bool = False,
        input_scale: float = 1.0,
        output_scale: float = 1.0,
        output_shift: float = 0.0,
        **options,
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
        width = self.activation.width(hidden_features)
        dtype = self.activation.dtype_after_first_layer
        inputs = [self.activation.encoded_features(in_features)] + [width] * (hidden_layers - 1)
        self.hidden = nn.ModuleList(nn.Linear(n, width, dtype=dtype if layer else None) for layer, n in enumerate(inputs))
        between = hidden_layers - 1 if linear_layers else 0
        self.between = nn.ModuleList(nn.Linear(width, width, dtype=dtype) for _ in range(between))
        self.output = nn.Linear(width, out_features, dtype=dtype)
        self.skip = nn.Linear(in_features, out_features, bias=False) if skip else None
        with torch.no_grad():
            hidden = list(self.hidden)
            for linear in self.linears:
                self.activation.initialize(linear, hidden.index(linear) if linear in hidden else -1)

    @property
    def linears(self) -> list[nn.Linear]:
        """All layers from the coordinates to the output, in order, without the skip connection."""
        order: list[nn.Module] = []
        for layer, linear in enumerate(self.hidden):
            order += [self.between[layer - 1], linear] if layer and len(self.between) else [linear]
        return [linear for linear in (*order, self.output) if isinstance(linear, nn.Linear)]

    def features(self, x: Tensor) -> list[Tensor]:
        """(N, in_features) coordinates -> the hidden layers' features, each (N, width): Φᵀ of equation (8)."""
        return [self.activation.features(hidden) for hidden in self._hidden_layers(x)]

    def check_coordinates(self, x: Tensor) -> None:
        """ValueError for coordinates of another shape than (N, in_features)."""
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise ValueError(f"Coordinates have shape (N, {self.in_features}); got {tuple(x.shape)}.")

    def _hidden_layers(self, x: Tensor) -> list[Tensor]:
        self.check_coordinates(x)
        z = self.activation.encode(self.input_scale * x)
        found: list[Tensor] = []
        hidden, between = cast(list[nn.Linear], list(self.hidden)), cast(list[nn.Linear], list(self.between))
        for layer, linear in enumerate(hidden):
            if layer and between:
                z = apply_linear(z, *self.activation.prepared(between[layer - 1], active=False))
            z = self.activation.layer(z, linear)
            found.append(z)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_features) coordinates -> (N, out_features) values."""
        values = apply_linear(self._hidden_layers(x)[-1], *self.activation.prepared(self.output, active=False))
        values = (values.real if values.is_complex() else values)[:, : self.out_features]  # real parts come first
        values = values if self.skip is None else values + self.skip(self.input_scale * x)
        plain = self.output_scale == 1 and self.output_shift == 0
        return values if plain else self.output_scale * values + self.output_shift

    def count_parameters(self) -> int:
        """Trainable real numbers; a complex weight counts as two."""
        return sum(p.numel() * (2 if p.is_complex() else 1) for p in self.parameters() if p.requires_grad)


def to_double(network: INR) -> INR:
    """The network itself, all numbers in float64 or complex128; ``Module.double`` leaves complex ones alone."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_complex() or tensor.is_floating_point():
            tensor.data = tensor.data.to(torch.complex128 if tensor.is_complex() else torch.float64)
    return network
