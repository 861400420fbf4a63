"""Activations evaluated, and gone back through, without autograd: scales in the weights before, few passes over memory."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from bwtheory.nn import kernels
from bwtheory.nn.functional import (
    CENTRE,
    HALF,
    bell,
    gabor,
    growing_sine,
    pulled_through_gabor,
    pulled_through_growing_sine,
    pulled_through_psi,
    value_of_psi,
)


class Fused:
    """How an activation is evaluated, and gone back through, in place and without autograd.

    This class is made of definition and derivative.  One for an activation can fold its scale into the weights before it, or
    pass over memory less often.  Only ``prepared`` may depend on parameters.
    """

    in_place: ClassVar[bool] = False  # ``evaluate`` and ``pull`` get one tensor for u and value: half of the memory
    numba: ClassVar[bool] = False  # with Numba few passes over memory, and other roundings than without

    def __init__(self, activation: Any):
        self.activation = activation

    def prepared(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight (n, K) and bias (n,) of the layer before ``evaluate``: a scale is free here, there are fewer of them."""
        return weight, bias

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        """Write the activation at u + bias to ``value``; u becomes what ``pull`` needs, here u + bias."""
        value.copy_(self.activation(u.add_(bias)))

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        """The gradient with respect to ``value``, of ``evaluate``, becomes that with respect to u; all may be overwritten."""
        gradient.mul_(self.activation.derivative(u))


class FusedPsi(Fused):
    """ψ(cz): c and the shift to the centre are in the weights."""

    numba = True

    def prepared(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        c = self.activation.c
        return c * weight, c * bias - CENTRE

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        if kernels.usable(u):
            kernels.three_relus_of_sum(u, bias, value, HALF)
        else:
            value.copy_(value_of_psi(u.add_(bias)))

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        if kernels.usable(u):
            kernels.three_relus_pull(gradient, u, HALF)
        else:
            gradient.copy_(pulled_through_psi(gradient, u))


class FusedReLU(Fused):
    """max(0, z), in place: the value says where the slope is 1."""

    in_place = True

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        if kernels.usable(u):
            kernels.relu_of_sum(u, bias, value)
        else:
            torch.add(u, bias, out=value).clamp_(min=0)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        torch.ops.aten.threshold_backward.grad_input(gradient, value, 0.0, grad_input=gradient)


class FusedSine(Fused):
    """sin(ω₀z): ω₀ is in the weights."""

    numba = True

    def prepared(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        omega_0 = self.activation.omega_0
        return omega_0 * weight, omega_0 * bias

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        if kernels.usable(u):
            kernels.sine_of_sum(u, bias, value, 0.0)
        else:
            torch.sin(u.add_(bias), out=value)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        if kernels.usable(u):
            kernels.sine_pull(gradient, u, 0.0)
        else:
            gradient.mul_(u.cos_())


class FusedGrowingSine(FusedSine):
    """FINER's sine, ω₀ in the weights."""

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        rate = 1 / self.activation.omega_0
        if kernels.usable(u):
            kernels.sine_of_sum(u, bias, value, rate)
        else:
            value.copy_(growing_sine(u.add_(bias), rate))

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        rate = 1 / self.activation.omega_0
        if kernels.usable(u):
            kernels.sine_pull(gradient, u, rate)
        else:
            gradient.copy_(pulled_through_growing_sine(gradient, u, rate))


class FusedBell(Fused):
    """exp(−(σ₀z)²): σ₀ is in the weights."""

    def prepared(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        sigma_0 = self.activation.sigma_0
        return sigma_0 * weight, sigma_0 * bias

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        value.copy_(bell(u.add_(bias)))

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        gradient.mul_(value).mul_(u).mul_(-2.0)


class FusedGabor(Fused):
    """WIRE's wavelet, ω₀ in the weights: what is left is the rate (σ₀/ω₀)²."""

    numba = True

    @property
    def _rate(self) -> float:
        return float(self.activation.sigma_0 / self.activation.omega_0) ** 2

    def prepared(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        omega_0 = self.activation.omega_0
        return omega_0 * weight, omega_0 * bias

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        if kernels.usable(u):
            kernels.gabor_of_sum(u, bias, value, self._rate)
        else:
            value.copy_(gabor(u.add_(bias), self._rate))

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        if kernels.usable(u):
            kernels.gabor_pull(gradient, u, value, self._rate)
        else:
            gradient.copy_(pulled_through_gabor(gradient, u, value, self._rate))
