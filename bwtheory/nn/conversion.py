"""BW-ReLU networks as plain ReLU networks, equation (3), and shallow ReLU networks as BW-ReLU ones, Proposition 3.2."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from bwtheory.nn.activations import BWReLU
from bwtheory.nn.network import INR
from bwtheory.nn.wavelet import RELUS


@torch.no_grad()
def to_relu(network: INR) -> nn.Sequential:
    """The same function as ``torch.nn.Linear`` and ``torch.nn.ReLU`` only: 7K neurons for every hidden layer of K.

    In float64 the two agree to rounding; in float32 the seven ReLUs of a neuron cancel only up to 1e-7 times their size, which
    grows with the distance from the support.

    Raises
    ------
    ValueError
        If the activation is not BW-ReLU, or if the network has a skip connection.
    """
    if not isinstance(network.activation, BWReLU):
        raise ValueError(f"Only BW-ReLU networks are sums of ReLUs; got {type(network.activation).__name__}.")
    if network.skip is not None:
        raise ValueError("A skip connection is no layer of a sequence; this network has one.")
    like = network.output.weight
    knots = like.new_tensor([knot for knot, _ in RELUS])
    coefficients = like.new_tensor([coefficient for _, coefficient in RELUS])
    c = network.activation.c.to(like)
    layers: list[nn.Module] = []
    maps = _maps_between_activations(network)
    for number, (weight, bias) in enumerate(maps):
        if number:  # the seven ReLUs of a neuron feed its one output weight
            weight = (weight.unsqueeze(-1) * coefficients).flatten(1)
        if number < len(maps) - 1:
            weight = (c * weight).repeat_interleave(len(knots), dim=0)
            bias = (c * bias.unsqueeze(-1) - knots).flatten()
        else:
            weight, bias = network.output_scale * weight, network.output_scale * bias + network.output_shift
        layers.append(_linear(weight, bias))
        if number < len(maps) - 1:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def _maps_between_activations(network: INR) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(weight, bias) of the hidden layers and the output; a linear layer between two is multiplied into the second."""
    linears = network.linears
    maps: list[tuple[torch.Tensor, torch.Tensor]] = [(network.input_scale * linears[0].weight, linears[0].bias)]
    step = 2 if len(network.between) else 1
    for number in range(step, len(linears) - 1, step):
        weight, bias, before = linears[number].weight, linears[number].bias, linears[number - 1]
        maps.append((weight @ before.weight, weight @ before.bias + bias) if step == 2 else (weight, bias))
    return [*maps, (network.output.weight, network.output.bias)]


@torch.no_grad()
def from_relu(network: nn.Sequential, domain: tuple[float, float] = (-1.0, 1.0)) -> INR:
    """Proposition 3.2: Linear(1, K), ReLU, Linear(K, m) as an equal INR with K BW-ReLU neurons on the domain.

    Weights, biases and domain are arbitrary; with |w| = 1 and knots in [−1, 1] on [−1, 1] the result has the paper's
    weights 24v and w/4.  Outside of the domain the two differ.

    Raises
    ------
    ValueError
        For another architecture, weights that are not finite, or an empty domain.
    """
    layers = list(network)
    if [type(layer) for layer in layers] != [nn.Linear, nn.ReLU, nn.Linear] or network[0].in_features != 1:
        raise ValueError(f"Proposition 3.2 is about Linear(1, K), ReLU, Linear(K, m); got {network}.")
    first, last = (layer for layer in layers if isinstance(layer, nn.Linear))
    w, v = first.weight.double().cpu().numpy()[:, 0], last.weight.double().cpu().numpy().T
    b = np.zeros_like(w) if first.bias is None else -first.bias.double().cpu().numpy()
    from bwtheory.representation import relu_to_bwrelu  # imports SymPy, which no other network needs

    v, w, b = relu_to_bwrelu(v, w, b, domain)
    result = INR(1, last.out_features, hidden_features=len(w), hidden_layers=1, activation=BWReLU).to(first.weight)
    like = first.weight
    result.hidden[0] = _linear(like.new_tensor(w).unsqueeze(1), like.new_tensor(-b))
    bias = like.new_zeros(last.out_features) if last.bias is None else last.bias
    result.output = _linear(like.new_tensor(v.T), bias)
    return result


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias)
    return linear
