"""BW-ReLU networks as plain ReLU networks, equation (3), and shallow ReLU networks as BW-ReLU ones, Proposition 3.2."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bwtheory.nn.activations import Activation, BWReLU, ReLU, has_function_of
from bwtheory.nn.functional import RELUS
from bwtheory.nn.linear import Layer
from bwtheory.nn.network import INR, unknown_part


@torch.no_grad()
def to_relu(network: INR | nn.Sequential) -> nn.Sequential:
    """The same function as ``torch.nn.Linear`` and ``torch.nn.ReLU`` only: 7K neurons for every hidden layer of K BW-ReLUs.

    In float64 the two agree to rounding; in float32 the seven ReLUs of a neuron cancel only up to 1e-7 times their size, which
    grows with the distance from the support.

    Parameters
    ----------
    network : an INR, or a sequence of ``torch.nn.Linear``, ``BWReLU`` and ``torch.nn.ReLU``

    Raises
    ------
    ValueError
        For other activations and layers, an encoding of the coordinates, or a skip connection.
    """
    layers = _layers_of(network)
    knots, coefficients = (layers[0].linear.weight.new_tensor(numbers) for numbers in zip(*RELUS))
    converted: list[nn.Module] = []
    map_so_far: tuple[Tensor, Tensor] | None = None
    for number, (linear, activation) in enumerate(layers):
        weight: Tensor = linear.weight
        bias: Tensor = weight.new_zeros(len(weight)) if linear.bias is None else linear.bias
        if map_so_far is None and number and isinstance(layers[number - 1].activation, BWReLU):
            weight = (weight.unsqueeze(-1) * coefficients).flatten(1)  # the seven ReLUs of a neuron feed its one output weight
        elif map_so_far is not None:
            weight, bias = weight @ map_so_far[0], weight @ map_so_far[1] + bias
        elif not number and isinstance(network, INR):
            weight = network.input_scale * weight
        map_so_far = weight, bias
        if activation is None and number < len(layers) - 1:
            continue
        if isinstance(activation, BWReLU):
            weight = (activation.c * weight).repeat_interleave(len(knots), dim=0)
            bias = (activation.c * bias.unsqueeze(-1) - knots).flatten()
        elif activation is None and isinstance(network, INR):
            weight, bias = network.output_scale * weight, network.output_scale * bias + network.output_shift
        converted += [_linear(weight, bias), *([nn.ReLU()] if activation is not None else [])]
        map_so_far = None
    return nn.Sequential(*converted)


def _layers_of(network: INR | nn.Sequential) -> list[Layer]:
    """The layers of a network that is a sum of ReLUs."""
    if isinstance(network, INR):
        if network.skip is not None:
            raise ValueError("A skip connection cannot be a layer of a sequence; this network has one.")
        unknown = unknown_part(network)
        if unknown is None and type(network.activation).encode is not Activation.encode:
            unknown = f"{type(network.activation).__name__} encodes the coordinates"
        if unknown is not None:
            raise ValueError(f"Only what a network's layers say can be written as ReLUs, and {unknown}.")
        layers = network.layers()
    else:
        layers = []
        for module in _flat(network):
            if type(module) is nn.Linear:
                layers.append(Layer(module, None))
            elif layers and layers[-1].activation is None and isinstance(module, nn.ReLU | Activation):
                layers[-1] = Layer(layers[-1].linear, ReLU() if isinstance(module, nn.ReLU) else module)
            elif type(module) is not nn.Identity:
                raise ValueError(
                    f"Only linear layers, each with a BW-ReLU or a ReLU after it or none, are sums of ReLUs; got {module}."
                )
        if not layers:
            raise ValueError("A sequence without a layer is not a network.")
        if isinstance(layers[-1].activation, BWReLU):
            raise ValueError("A sequence that ends with a BW-ReLU has no layer for its seven ReLUs to go into.")
    for _, activation in layers:
        if activation is not None and not (has_function_of(activation, BWReLU) or has_function_of(activation, ReLU)):
            raise ValueError(f"Only BW-ReLU networks are sums of ReLUs; got {type(activation).__name__}.")
    return layers


def _flat(network: nn.Sequential) -> list[nn.Module]:
    return [part for module in network for part in (_flat(module) if isinstance(module, nn.Sequential) else [module])]


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
