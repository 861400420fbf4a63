"""The network: coordinates in, values out, plain linear layers and one activation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bwtheory.nn.activations import Activation, build_activation


class INR(nn.Module):
    """Implicit neural representation: linear layers with an activation between them, linear output.

    Parameters
    ----------
    in_features, out_features : coordinates in, values out, >= 1
    hidden_features, hidden_layers : width and depth, >= 1
    activation : a name of ``bwtheory.nn.ACTIVATIONS``, "package.module:Class", or a subclass of ``Activation``
    options : of the activation: c, omega_0, sigma_0, …; unknown ones are refused by name

    The layers in ``hidden`` and ``output`` are plain ``torch.nn.Linear``; a scale such as c is not folded into their weights.

    Raises
    ------
    ValueError
        For sizes < 1, an unknown activation, or an option that it does not have.

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
        **options,
    ):
        super().__init__()
        sizes = {"in_features": in_features, "out_features": out_features}
        sizes |= {"hidden_features": hidden_features, "hidden_layers": hidden_layers}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"An INR needs {name} >= 1; got {size}.")
        self.in_features = in_features
        self.activation = build_activation(activation, options)
        width = self.activation.width(hidden_features)
        dtype = self.activation.dtype_after_first_layer
        inputs = [self.activation.encoded_features(in_features)] + [width] * (hidden_layers - 1)
        self.hidden = nn.ModuleList(nn.Linear(n, width, dtype=dtype if layer else None) for layer, n in enumerate(inputs))
        self.output = nn.Linear(width, out_features, dtype=dtype)
        with torch.no_grad():
            for layer, linear in enumerate(self.linears):
                self.activation.initialize(linear, layer if linear is not self.output else -1)

    @property
    def linears(self) -> list[nn.Linear]:
        """The hidden layers and the output layer, in order."""
        return [layer for layer in (*self.hidden, self.output) if isinstance(layer, nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_features) coordinates -> (N, out_features) values."""
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise ValueError(f"Coordinates have shape (N, {self.in_features}); got {tuple(x.shape)}.")
        x = self.activation.encode(x)
        for linear in self.hidden:
            x = self.activation(linear(x))
        values = self.output(x)
        return values.real if values.is_complex() else values

    def count_parameters(self) -> int:
        """Trainable real numbers; a complex weight counts as two."""
        return sum(p.numel() * (2 if p.is_complex() else 1) for p in self.parameters() if p.requires_grad)
