"""ψ for torch: one fused function for training, and the sum of seven ReLUs that defines it.

Breakpoints and slopes come from ``bwtheory.two_scale``, as do those of ``BSplineWavelet(2)``.  ψ is symmetric about 3/2, so
with v = z − 3/2 it is three ReLUs of |v|, ψ(z) = Σ a_i σ(t_i − |v|) with t_i = 3/2 − k_i for the first three knots k_i: no
large terms that cancel, and exactly 0 outside of the support.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from bwtheory.nn import kernels
from bwtheory.two_scale import truncated_power_coefficients

# (k, a): the seven ReLUs, half-integers apart, from 0 to the end of the support
RELUS = tuple((i / 2, float(a)) for i, a in enumerate(truncated_power_coefficients(2)))
CENTRE = RELUS[-1][0] / 2
# (t_i, a_i): distance of the first three knots from the centre, and their coefficients
_HALF = tuple((CENTRE - knot, coefficient) for knot, coefficient in RELUS[: len(RELUS) // 2])
(_REACH, _FIRST), *_OTHERS = _HALF
_NEXT_ABOVE = {
    dtype: {t: float(torch.nextafter(torch.tensor(t, dtype=dtype), torch.tensor(math.inf, dtype=dtype))) for t, _ in _HALF}
    for dtype in (torch.float32, torch.float64, torch.bfloat16)
}


class _CentredPsi(torch.autograd.Function):
    """ψ(v + 3/2) with the gradient of its seven ReLUs: at a knot the slope on its left, since torch's ReLU has slope 0 at 0.

    The time goes into passes over memory.  There are 8 here and 7 back, one for each torch function, unless a compiler fuses
    them or Numba does.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(v: Tensor) -> Tensor:
        if kernels.usable(v):
            return kernels.three_relus(v, _HALF)
        inward = (_REACH - v.abs()).relu_()  # distance from the end of the support, exactly 0 outside
        value = inward * _FIRST
        for t, a in _OTHERS:
            value.add_(softshrink(inward, _REACH - t), alpha=a)  # of a number >= 0 it is σ(inward − (3/2 − t)) = σ(t − |v|)
        return value

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (v,) = context.saved_tensors
        fused = kernels.usable(v) and kernels.usable(gradients[0])
        if fused and not torch.is_grad_enabled():  # a second derivative needs functions that torch knows
            pulled = gradients[0].clone(memory_format=torch.contiguous_format)
            kernels.three_relus_pull(pulled, v, _HALF)
            return pulled
        return _pull(gradients[0], v)


def _pull(gradient: Tensor, v: Tensor) -> Tensor:
    slope = _where_within(gradient, v, _REACH).mul_(-_FIRST)  # right of the centre
    for t, a in _OTHERS:
        slope.add_(_where_within(gradient, v, t), alpha=-a)
    return torch.ops.aten.leaky_relu_backward(slope, v, -1.0, False)  # times −1 where v <= 0


def _where_within(gradient: Tensor, v: Tensor, t: float) -> Tensor:
    """The gradient where −t < v <= t, 0 elsewhere; torch's function has strict bounds."""
    return torch.ops.aten.hardtanh_backward(gradient, v, -t, _NEXT_ABOVE[v.dtype][t])


def psi_of_centred(v: Tensor) -> Tensor:
    """ψ(v + 3/2): for callers who can subtract the centre at no cost, as a linear layer can in its bias."""
    return _CentredPsi.apply(v)


def evaluate_centred(v: Tensor, bias: Tensor, value: Tensor) -> None:
    """Write ``psi_of_centred`` of v + bias to ``value``, without autograd; v becomes v + bias."""
    if kernels.usable(v):
        kernels.three_relus_of_sum(v, bias, value, _HALF)
    else:
        value.copy_(psi_of_centred(v.add_(bias)))


def pull_centred(v: Tensor, gradient: Tensor) -> None:
    """The gradient with respect to ψ(v + 3/2) becomes that with respect to v."""
    if kernels.usable(v):
        kernels.three_relus_pull(gradient, v, _HALF)
    else:
        gradient.copy_(_pull(gradient, v))


def psi(z: Tensor) -> Tensor:
    """The second-order B-spline wavelet ψ of a real floating tensor of any shape, equation (2), fused.

    Exactly 0 outside of (0, 3).  The gradient is that of the sum of seven ReLUs, knots included.
    """
    return psi_of_centred(z - CENTRE)


def psi_seven_relus(z: Tensor) -> Tensor:
    """ψ as equation (2) writes it, seven ReLUs: slow, and wrong by rounding far from the support; the definition for tests."""
    return sum(
        (a * torch.relu(z - k) for k, a in RELUS),
        torch.zeros_like(z),
    )
