"""Equation (53) and its reparametrization-invariant form, differentiable; plain arrays: ``bwtheory.variation``."""

from __future__ import annotations

import torch
from torch import Tensor

from bwtheory.nn.activations import BWReLU, has_function_of
from bwtheory.nn.network import INR
from bwtheory.two_scale import truncated_power_coefficients


def variation_norm(network: INR) -> Tensor:
    """16c (Σ_k ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + Σ_{ℓ≥2} Σ_k ‖w⁽ℓ⁾_k‖), equation (53), for any depth >= 1; a scalar tensor.

    It is the sum of the layers' norms (30), not a property of the function: c → c/α, W_ℓ → αW_ℓ for all hidden layers keeps the
    function and, for more than one hidden layer, changes the value.  With ``linear_layers`` every layer has output weights of
    its own and the sum is 16c Σ_ℓ Σ_k ‖v⁽ℓ⁾_k‖‖w⁽ℓ⁾_k‖.

    With ``input_scale`` and ``output_scale`` it is the norm of the network between the two scalings.

    Raises
    ------
    ValueError
        If the activation is not BW-ReLU.
    """
    return _total_variation() * _scale(network) * torch.stack(_layer_sums(network)).sum()


def variation_norm_invariant(network: INR) -> Tensor:
    """16 (c² Σ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + c Σ‖w⁽²⁾_k‖ + … + Σ‖w⁽ᴸ⁾_k‖): (53) with every layer cut after its scaling.

    It does not change under c → c/α, W_ℓ → αW_ℓ; for one hidden layer, or with ``linear_layers``, it is (53).  Errors as above.
    """
    c = _scale(network)
    if _has_output_weights(network):
        return variation_norm(network)
    sums = _layer_sums(network)
    units: list[Tensor | float] = [c] * len(sums)  # what is left of the scaling when each layer but the last absorbs its own
    if len(sums) > 1:
        units[0], units[-1] = c * c, 1.0
    return _total_variation() * torch.stack([unit * total for unit, total in zip(units, sums)]).sum()


def _scale(network: INR) -> Tensor | float:
    for _, activation in network.layers():
        if activation is not None and not has_function_of(activation, BWReLU):
            raise ValueError(f"The norm (53) is about BW-ReLU networks; got {type(activation).__name__}.")
    assert isinstance(network.activation, BWReLU)
    return network.activation.c


def _has_output_weights(network: INR) -> bool:
    """Whether after every activation comes a linear map without one, more than once."""
    layers = network.layers()
    return len(layers) > 2 and all(layer.activation is None for layer in layers[1::2])


def _layer_sums(network: INR) -> list[Tensor]:
    weights = [layer.linear.weight for layer in network.layers()]
    if _has_output_weights(network):
        return [(w.norm(dim=1) * v.norm(dim=0)).sum() for w, v in zip(weights[::2], weights[1::2])]
    first = (weights[0].norm(dim=1) * weights[1].norm(dim=0)).sum()
    return [first, *(weight.norm(dim=0).sum() for weight in weights[2:])]


def _total_variation() -> float:
    return float(sum(abs(a) for a in truncated_power_coefficients(2)))  # 16, that of ψ′: ``BSplineWavelet(2).variation``
