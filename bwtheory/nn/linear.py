"""The linear maps of a network, of real and of complex numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear as apply_linear

from bwtheory.nn.activations import Activation


class LinearToPairs(nn.Linear):
    """A real linear map to complex numbers, pairs (N, 2K) with all real parts first: the imaginary ones are 0."""

    def forward(self, x: Tensor) -> Tensor:
        values = super().forward(x)
        return torch.cat([values, torch.zeros_like(values)], dim=-1)


class ComplexLinear(nn.Module):
    """A linear map of complex numbers, pairs (N, 2K) with all real parts first.

    The weight (M, K, 2) and bias (M, 2) are real parameters, real and imaginary parts last, so that every cast, optimizer and
    file format takes them.  They start as, and can be loaded from, the complex ones (M, K) and (M,) of ``torch.nn.Linear``.
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        real = torch.get_default_dtype()
        start = nn.Linear(in_features, out_features, dtype=torch.cdouble if real == torch.float64 else torch.cfloat)
        self.weight = nn.Parameter(torch.view_as_real(start.weight.detach()).to(real))
        self.bias = nn.Parameter(torch.view_as_real(start.bias.detach()).to(real))

    def forward(self, x: Tensor) -> Tensor:
        return apply_linear(x, *real_map(self))

    def extra_repr(self) -> str:
        """As ``torch.nn.Linear`` has it."""
        return f"in_features={self.in_features}, out_features={self.out_features}"

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        for name in ("weight", "bias"):
            value = state_dict.get(prefix + name)
            if isinstance(value, Tensor) and value.is_complex():
                state_dict[prefix + name] = torch.view_as_real(value)
        super()._load_from_state_dict(state_dict, prefix, *arguments)


Linear = nn.Linear | ComplexLinear


def real_map(linear: Linear) -> tuple[Tensor, Tensor]:
    """Weight and bias of what a linear layer does with real numbers, those of pairs among them."""
    if isinstance(linear, ComplexLinear):
        real, imaginary = linear.weight.unbind(-1)
        upper, lower = torch.cat([real, -imaginary], dim=1), torch.cat([imaginary, real], dim=1)
        return torch.cat([upper, lower]), linear.bias.t().flatten()
    if isinstance(linear, LinearToPairs):
        weight, bias = linear.weight, linear.bias
        return torch.cat([weight, torch.zeros_like(weight)]), torch.cat([bias, torch.zeros_like(bias)])
    return linear.weight, linear.bias


class Maps(NamedTuple):
    """Linear maps of one shape, before they are built: as many as ``number`` says."""

    kind: type[nn.Linear] | type[ComplexLinear]
    in_features: int
    out_features: int
    number: int = 1
    bias: bool = True

    def build(self) -> list[Linear]:
        """The maps."""
        changed = {} if self.bias else {"bias": False}
        return [self.kind(self.in_features, self.out_features, **changed) for _ in range(self.number)]

    @property
    def parameters(self) -> int:
        """Real numbers in all of them."""
        each = (self.in_features + self.bias) * self.out_features * (2 if self.kind is ComplexLinear else 1)
        return self.number * each


class Layer(NamedTuple):
    """A linear map, and the activation after it if there is one."""

    linear: Linear
    activation: Activation | None
