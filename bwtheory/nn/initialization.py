"""How layers start: as their paper says where that is not PyTorch's default, or by scales, see ``bwtheory.starts``."""

from __future__ import annotations

import math

import torch
from torch import nn

from bwtheory.starts import Scales


def siren_(linear: nn.Linear, layer: int, omega_0: float) -> None:
    """Weights U(±1/n) in the first layer, 0, and U(±√(6/n)/ω₀) in all others (Sitzmann et al. 2020)."""
    n = linear.in_features
    bound = 1 / n if layer == 0 else math.sqrt(6 / n) / omega_0
    nn.init.uniform_(linear.weight, -bound, bound)


def finer_(linear: nn.Linear, layer: int, omega_0: float, first_bias_scale: float) -> None:
    """SIREN's weights, and biases U(±first_bias_scale) in the first layer (Liu et al. 2024)."""
    siren_(linear, layer, omega_0)
    if layer == 0:
        nn.init.uniform_(linear.bias, -first_bias_scale, first_bias_scale)


def first_by_scales_(linear: nn.Linear, start: Scales, window: tuple[float, float], scale: float, reach: float) -> None:
    """Neurons of log-uniform scale and uniform direction, with their middle at a point uniform in [−reach, reach]^d.

    Parameters
    ----------
    window : the interval of the activation's argument that a neuron is centred on
    scale : of the pre-activations in the argument, u = scale·z
    """
    weight = nn.functional.normalize(torch.randn_like(linear.weight), dim=1)
    low, high = math.log(start.smallest_scale), math.log(start.largest_scale)
    weight *= torch.empty_like(linear.bias).uniform_(low, high).exp().unsqueeze(1)
    middle = torch.empty_like(weight).uniform_(-reach, reach)
    bias = sum(window) / 2 - (weight * middle).sum(1)
    linear.weight.copy_(weight / scale)
    linear.bias.copy_(bias / scale)


def deeper_by_scales_(linear: nn.Linear, start: Scales, window: tuple[float, float], scale: float) -> None:
    """Weights U(±gain/√n) and biases U(centre ± spread), both in the activation's argument u = scale·z."""
    if start.gain is not None:
        bound = start.gain / math.sqrt(linear.in_features) / scale
        nn.init.uniform_(linear.weight, -bound, bound)
    centre, spread = bias_interval(start, window)
    nn.init.uniform_(linear.bias, (centre - spread) / scale, (centre + spread) / scale)


def passing_(linear: nn.Linear) -> None:
    """A layer without an activation that keeps the mean square of its features, for the widths of its input."""
    bound = math.sqrt(3 / linear.in_features)
    nn.init.uniform_(linear.weight, -bound, bound)
    nn.init.zeros_(linear.bias)


def bias_interval(start: Scales, window: tuple[float, float]) -> tuple[float, float]:
    """Centre and spread of the deeper biases in the activation's argument."""
    low, high = window
    centre = (low + high) / 2 if start.bias_centre is None else start.bias_centre
    return centre, (high - low) / 2 if start.bias_spread is None else start.bias_spread
