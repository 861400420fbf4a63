"""The functions that activations are made of: each as torch's functions, and with fewer passes over memory for plain tensors.

ψ's breakpoints and slopes come from ``bwtheory.two_scale``, as those of ``BSplineWavelet(2)`` do, without SymPy, which takes
long to import.  ψ is symmetric about 3/2, so with v = z − 3/2 it is three ReLUs of |v|, ψ(z) = Σ a_i σ(t_i − |v|) with
t_i = 3/2 − k_i for the first three knots k_i: no large terms that cancel, and exactly 0 outside of the support.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from bwtheory.nn import kernels
from bwtheory.nn.kernels import is_plain
from bwtheory.two_scale import truncated_power_coefficients

# (k, a): the seven ReLUs, half-integers apart, from 0 to the end of the support
RELUS = tuple((i / 2, float(a)) for i, a in enumerate(truncated_power_coefficients(2)))
CENTRE = RELUS[-1][0] / 2
# (t_i, a_i): distance of the first three knots from the centre, and their coefficients
HALF = tuple((CENTRE - knot, coefficient) for knot, coefficient in RELUS[: len(RELUS) // 2])
(_REACH, _FIRST), *_OTHERS = HALF
_NEXT_ABOVE = {
    dtype: {t: t + torch.finfo(dtype).eps * 2.0 ** math.floor(math.log2(t)) for t, _ in HALF}
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16)
}


def applied(function: type[torch.autograd.Function], *arguments: object) -> Tensor:
    """The value of a function that says its own gradient; torch's ``apply`` has no types."""
    apply: Callable[..., Tensor] = function.apply
    return apply(*arguments)


def psi(z: Tensor) -> Tensor:
    """The second-order B-spline wavelet ψ of a real floating tensor of any shape, equation (2).

    Exactly 0 outside of (0, 3).  The gradient is that of the sum of seven ReLUs, knots included.
    """
    return psi_of_centred(z - CENTRE)


def psi_of_centred(v: Tensor) -> Tensor:
    """ψ(v + 3/2)."""
    return applied(_CentredPsi, v) if is_plain(v) and v.dtype in _NEXT_ABOVE else _defined_psi(v)


def psi_seven_relus(z: Tensor) -> Tensor:
    """ψ as equation (2) writes it, seven ReLUs: slow, and wrong by rounding far from the support; the definition for tests."""
    return sum(
        (a * torch.relu(z - k) for k, a in RELUS),
        torch.zeros_like(z),
    )


def psi_slope_of_centred(v: Tensor) -> Tensor:
    """ψ′(v + 3/2), at a knot the slope on its left."""
    return pulled_through_psi(torch.ones_like(v), v)


def _defined_psi(v: Tensor) -> Tensor:
    """ψ(v + 3/2) of functions that every tracer, compiler and transform of torch knows, with the slopes of its seven ReLUs.

    A ReLU has slope 0 where its argument is 0, so at a knot the slope is the one on its left.
    """
    distance = torch.where(v > 0, v, -v)
    terms = [a * (t - distance).masked_fill((v <= -t) | (v > t), 0.0) for t, a in HALF]  # what is not a number stays so
    return terms[0] + terms[1] + terms[2]


class _CentredPsi(torch.autograd.Function):
    """ψ(v + 3/2) and its gradient.

    The time goes into passes over memory.  There are 8 here and 7 back, one for each torch function, unless Numba fuses them.
    """

    @staticmethod
    def forward(v: Tensor) -> Tensor:
        return kernels.three_relus(v, HALF) if kernels.usable(v) else value_of_psi(v)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (v,) = context.saved_tensors
        fused = kernels.usable(v) and kernels.usable(gradients[0])
        if fused and not torch.is_grad_enabled():  # a second derivative needs functions that torch knows
            pulled = gradients[0].clone(memory_format=torch.contiguous_format)
            kernels.three_relus_pull(pulled, v, HALF)
            return pulled
        return pulled_through_psi(gradients[0], v)


def value_of_psi(v: Tensor) -> Tensor:
    """ψ(v + 3/2), not to be differentiated."""
    inward = (_REACH - v.abs()).relu_()  # distance from the end of the support, exactly 0 outside
    value = inward * _FIRST
    for t, a in _OTHERS:
        value.add_(softshrink(inward, _REACH - t), alpha=a)  # of a number >= 0 it is σ(inward − (3/2 − t)) = σ(t − |v|)
    return value


def pulled_through_psi(gradient: Tensor, v: Tensor) -> Tensor:
    """The gradient with respect to ψ(v + 3/2) times its derivative."""
    slope = _where_within(gradient, v, _REACH).mul_(-_FIRST)  # right of the centre
    for t, a in _OTHERS:
        slope.add_(_where_within(gradient, v, t), alpha=-a)
    pulled: Tensor = torch.ops.aten.leaky_relu_backward(slope, v, -1.0, False)  # times −1 where v <= 0
    return pulled


def _where_within(gradient: Tensor, v: Tensor, t: float) -> Tensor:
    """The gradient where −t < v <= t, 0 elsewhere; torch's function has strict bounds."""
    within: Tensor = torch.ops.aten.hardtanh_backward(gradient, v, -t, _NEXT_ABOVE[v.dtype][t])
    return within


def growing_sine(u: Tensor, rate: float) -> Tensor:
    """sin((r|u| + 1)u), the factor r|u| + 1 a constant to every derivative (FINER)."""
    if is_plain(u):
        return applied(_GrowingSine, u, rate)
    return torch.sin((rate * u.detach().abs() + 1) * u)


class _GrowingSine(torch.autograd.Function):
    @staticmethod
    def forward(u: Tensor, rate: float) -> Tensor:
        return torch.addcmul(u, u.abs(), u, value=rate).sin_()

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        context.rate = inputs[1]
        context.save_for_backward(inputs[0])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return pulled_through_growing_sine(gradients[0], context.saved_tensors[0], context.rate), None


def pulled_through_growing_sine(gradient: Tensor, u: Tensor, rate: float) -> Tensor:
    """The gradient with respect to ``growing_sine`` times its derivative."""
    size = u.detach().abs()
    along = gradient * torch.addcmul(u, size, u, value=rate).cos_()
    return torch.addcmul(along, along, size, value=rate)


def bell(u: Tensor) -> Tensor:
    """exp(−u²), where it is computed with and not recorded 0 below ε², ε the machine precision.

    Products of denormal numbers take ten times as long.
    """
    return applied(_Bell, u) if is_plain(u) else _without_denormals(torch.exp(-(u * u)))


def _without_denormals(value: Tensor) -> Tensor:
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        return torch.threshold(value, torch.finfo(value.dtype).eps ** 2, 0.0)
    return value


class _Bell(torch.autograd.Function):
    @staticmethod
    def forward(u: Tensor) -> Tensor:
        return torch.threshold_((u * u).neg_().exp_(), torch.finfo(u.dtype).eps ** 2, 0.0)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs, output)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        u, value = context.saved_tensors
        pulled: Tensor = (gradients[0] * value).mul_(u).mul_(-2.0)
        return pulled


def gabor(u: Tensor, rate: float) -> Tensor:
    """exp(iu − rate·|u|²) for complex numbers as pairs (…, 2K), all real parts first; small values as in ``bell``."""
    if is_plain(u):
        return applied(_Gabor, u, rate)
    a, b = u.chunk(2, dim=-1)
    envelope = _without_denormals(torch.exp(-b - rate * (a * a + b * b)))
    return torch.cat([envelope * torch.cos(a), envelope * torch.sin(a)], dim=-1)


class _Gabor(torch.autograd.Function):
    @staticmethod
    def forward(u: Tensor, rate: float) -> Tensor:
        a, b = u.chunk(2, dim=-1)
        envelope = torch.addcmul(torch.addcmul(b, b, b, value=rate), a, a, value=rate).neg_().exp_()
        torch.threshold_(envelope, torch.finfo(u.dtype).eps ** 2, 0.0)
        return torch.cat([a.cos().mul_(envelope), a.sin().mul_(envelope)], dim=-1)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        context.rate = inputs[1]
        context.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        u, value = context.saved_tensors
        return pulled_through_gabor(gradients[0], u, value, context.rate), None


def pulled_through_gabor(gradient: Tensor, u: Tensor, value: Tensor, rate: float) -> Tensor:
    """The gradient with respect to ``gabor``, which is ``value`` at u, as that with respect to u."""
    (g, h), (x, y), (a, b) = gradient.chunk(2, dim=-1), value.chunk(2, dim=-1), u.chunk(2, dim=-1)
    along = torch.addcmul(g * x, h, y)  # with the logarithm's real part
    across = (h * x).sub_(g * y)  # and with its imaginary part
    first = torch.addcmul(across, a, along, value=-2 * rate)
    return torch.cat([first, torch.addcmul(along, b, along, value=2 * rate).neg_()], dim=-1)
