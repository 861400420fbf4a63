"""ψ for torch: one fused function for training, and the sum of seven ReLUs that defines it.

Breakpoints and slopes come from ``bwtheory.wavelet.BSplineWavelet``.  ψ is symmetric about 3/2, so with v = z − 3/2 it is
three ReLUs of |v|, ψ(z) = Σ a_i σ(t_i − |v|) with t_i = 3/2 − k_i for the first three knots k_i: no large terms that cancel,
and exactly 0 outside of the support.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bwtheory.wavelet import BSplineWavelet

_WAVELET = BSplineWavelet(2)
_CENTRE = float(sum(_WAVELET.support)) / 2
# (t_i, a_i): distance of the first three knots from the centre, and their coefficients
_HALF = tuple(
    (_CENTRE - float(knot), float(coefficient))
    for knot, coefficient in zip(_WAVELET.relu_knots[: len(_WAVELET.relu_knots) // 2], _WAVELET.relu_coefficients)
)


class _Psi(torch.autograd.Function):
    """ψ with the gradient of its seven ReLUs: at a knot the slope on its left, since torch's ReLU has slope 0 at 0."""

    @staticmethod
    def forward(context: Any, z: Tensor) -> Tensor:
        v = z - _CENTRE
        context.save_for_backward(v)
        distance = v.abs()
        (first, slope), *others = _HALF
        value = torch.relu(first - distance).mul_(slope)
        for t, a in others:
            value.add_(torch.relu(t - distance), alpha=a)
        return value

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (v,) = context.saved_tensors
        slope = torch.zeros_like(v)
        for t, a in _HALF:
            slope.add_((v > -t) & (v <= t), alpha=a)
        return gradients[0] * torch.where(v > 0, -slope, slope)


def psi(z: Tensor) -> Tensor:
    """The second-order B-spline wavelet ψ of a real floating tensor of any shape, equation (2), fused.

    Exactly 0 outside of (0, 3).  The gradient is that of the sum of seven ReLUs, knots included.
    """
    return _Psi.apply(z)


def psi_seven_relus(z: Tensor) -> Tensor:
    """ψ as equation (2) writes it, seven ReLUs: slow, and wrong by rounding far from the support; the definition for tests."""
    return sum(
        (float(a) * torch.relu(z - float(k)) for k, a in zip(_WAVELET.relu_knots, _WAVELET.relu_coefficients)),
        torch.zeros_like(z),
    )
