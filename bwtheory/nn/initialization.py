"""How layers start, where their paper says something else than PyTorch's default."""

from __future__ import annotations

import math

from torch import nn


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
