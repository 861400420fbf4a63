"""Activations behind one interface: how coordinates are encoded, how wide a layer is, how it starts, what it applies.

Each class is initialized as its own paper says.  Options have the names of those papers; layers are numbered from 0.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear as apply_linear

from bwtheory.nn.wavelet import CENTRE, evaluate_centred, psi, psi_of_centred, pull_centred
from bwtheory.options import check_options


class Activation(nn.Module):
    """What varies between INR architectures.  A subclass of your own overrides ``forward`` and whatever else it needs."""

    dtype_after_first_layer: torch.dtype | None = None  # complex for activations with complex weights
    tuned_options: tuple[str, ...] = ()  # options that depend on the data, and that its own paper would tune
    costly: bool = True  # several of PyTorch's functions one after the other: worth compiling on a CPU

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        of_forward = ("prepared", "of_prepared", "evaluate", "pull", "layer", "features", "value_and_slope")
        for definition, shortcuts in {"forward": of_forward, "of_prepared": ("evaluate", "pull")}.items():
            for name in shortcuts:
                if cls._age(definition) < cls._age(name):  # an inherited shortcut is for another function
                    setattr(cls, name, getattr(Activation, name))

    @classmethod
    def _age(cls, name: str) -> int:
        """How many classes there are before the one that ``name`` comes from."""
        return next(number for number, parent in enumerate(cls.__mro__) if name in parent.__dict__)

    def encode(self, x: Tensor) -> Tensor:
        """Coordinates (N, d) before the first layer; (N, encoded_features(d))."""
        return x

    def encoded_features(self, in_features: int) -> int:
        """Number of features that ``encode`` makes of d coordinates."""
        return in_features

    def width(self, hidden_features: int) -> int:
        """Neurons of a hidden layer for a nominal width."""
        return hidden_features

    @classmethod
    def options_of_width(cls, hidden_features: int) -> dict[str, Any]:
        """Options that grow with the width, for a network of another size than its paper's."""
        return {}

    def initialize(self, linear: nn.Linear, layer: int) -> None:
        """Set the weights of hidden layer ``layer``, or of the output layer (-1); PyTorch's default stands without it."""

    def forward(self, z: Tensor) -> Tensor:
        """The activation of the pre-activations z, elementwise: the definition."""
        raise NotImplementedError

    def value_and_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The activation and its derivative at real pre-activations z, elementwise."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = self(z)
            slope = torch.autograd.grad(value.sum(), z)[0] if value.requires_grad else torch.zeros_like(z)
        return value.detach(), slope

    def prepared(self, linear: nn.Linear, active: bool = True) -> tuple[Tensor, Tensor]:
        """Weight (n, K) and bias (n,) of a real layer, if ``active`` of one before ``of_prepared``: a scale is free here."""
        return linear.weight, linear.bias

    def of_prepared(self, u: Tensor) -> Tensor:
        """The activation at what a layer with prepared weights gives."""
        return self(u)

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        """Write ``of_prepared(u + bias)`` to ``value`` without autograd; u becomes what ``pull`` needs, here u + bias."""
        value.copy_(self.of_prepared(u.add_(bias)))

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        """The gradient with respect to ``value``, of ``evaluate``, becomes that with respect to u; all may be overwritten.

        Where a class has this, and no ``layer`` of its own, networks are trained without autograd.  Neither function may depend
        on parameters or buffers: ``prepared`` and ``encode`` may, ``encode`` on buffers only.
        """
        raise NotImplementedError

    @classmethod
    def has_pull(cls) -> bool:
        """Whether ``evaluate`` and ``pull`` say all that there is about a layer."""
        return cls.pull is not Activation.pull and cls.layer is Activation.layer

    def layer(self, x: Tensor, linear: nn.Linear) -> Tensor:
        """``forward(linear(x))``, by way of the prepared weights."""
        return self.of_prepared(apply_linear(x, *self.prepared(linear)))

    def features(self, x: Tensor) -> Tensor:
        """The features (N, K) that a layer has made, if ``layer`` keeps them in another form."""
        return x


class BWReLU(Activation):
    """ψ(cz), the paper's activation, equation (29); PyTorch's default initialization.

    Parameters
    ----------
    c : scale > 0
    learnable : train log c with the weights
    """

    fixed_c: Tensor
    tuned_options: tuple[str, ...] = ("c",)
    costly = False

    def __init__(self, c: float = 1.0, learnable: bool = False):
        super().__init__()
        if not (c > 0 and math.isfinite(c)):
            raise ValueError(f"The scale c must be positive and finite; got c={c}.")
        self.learnable = learnable
        if learnable:
            self.log_c = nn.Parameter(torch.tensor(math.log(c)))
        else:
            self.register_buffer("fixed_c", torch.tensor(float(c)))

    @property
    def c(self) -> Tensor:
        """The scale, a tensor of one element."""
        return self.log_c.exp() if self.learnable else self.fixed_c

    def forward(self, z: Tensor) -> Tensor:
        return psi(self.c.to(z.dtype) * z)

    def prepared(self, linear: nn.Linear, active: bool = True) -> tuple[Tensor, Tensor]:
        return _scaled(linear, self.c.to(linear.weight.dtype), -CENTRE) if active else (linear.weight, linear.bias)

    def of_prepared(self, u: Tensor) -> Tensor:
        return psi_of_centred(u)

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        evaluate_centred(u, bias, value)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        pull_centred(u, gradient)


class ReLU(Activation):
    """max(0, z); PyTorch's default initialization."""

    costly = False

    def forward(self, z: Tensor) -> Tensor:
        return torch.relu(z)

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        torch.add(u, bias, out=value).clamp_(min=0)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        torch.ops.aten.threshold_backward.grad_input(gradient, value, 0.0, grad_input=gradient)


class ReLUPositional(ReLU):
    """ReLU after [x, sin(2^i πx), cos(2^i πx)], i < frequencies (Mildenhall et al. 2020)."""

    octaves: Tensor
    tuned_options: tuple[str, ...] = ("frequencies",)

    def __init__(self, frequencies: int = 7):
        super().__init__()
        if frequencies < 1:
            raise ValueError(f"A positional encoding has frequencies >= 1; got {frequencies}.")
        self.register_buffer("octaves", math.pi * 2.0 ** torch.arange(frequencies), persistent=False)

    def encoded_features(self, in_features: int) -> int:
        return in_features * (1 + 2 * len(self.octaves))

    def encode(self, x: Tensor) -> Tensor:
        phases = (x.unsqueeze(-1) * self.octaves.to(x.dtype)).flatten(1)
        return torch.cat([x, phases.sin(), phases.cos()], dim=1)


class ReLUFourier(ReLU):
    """ReLU after [cos 2πBx, sin 2πBx] with B ~ N(0, sigma²), fixed (Tancik et al. 2020); at most 8 coordinates."""

    directions: Tensor
    tuned_options: tuple[str, ...] = ("sigma",)

    def __init__(self, sigma: float = 10.0, frequencies: int = 256):
        super().__init__()
        if not sigma > 0 or frequencies < 1:
            raise ValueError(f"Fourier features need sigma > 0 and frequencies >= 1; got {sigma} and {frequencies}.")
        self.register_buffer("directions", sigma * torch.randn(8, frequencies))

    @classmethod
    def options_of_width(cls, hidden_features: int) -> dict[str, Any]:
        return {"frequencies": hidden_features}  # 256 for width 256 in the paper

    def encoded_features(self, in_features: int) -> int:
        if in_features > len(self.directions):
            raise ValueError(f"Fourier features take up to {len(self.directions)} coordinates; got {in_features}.")
        return 2 * self.directions.shape[1]

    def encode(self, x: Tensor) -> Tensor:
        phases = 2 * math.pi * x @ self.directions[: x.shape[1]].to(x.dtype)
        return torch.cat([phases.cos(), phases.sin()], dim=1)


class Siren(Activation):
    """sin(ω₀z), weights U(±1/n) in the first layer and U(±√(6/n)/ω₀) after it (Sitzmann et al. 2020)."""

    tuned_options: tuple[str, ...] = ("omega_0",)
    costly = False

    def __init__(self, omega_0: float = 30.0):
        super().__init__()
        if not omega_0 > 0:
            raise ValueError(f"The frequency omega_0 must be positive; got {omega_0}.")
        self.omega_0 = omega_0

    def initialize(self, linear: nn.Linear, layer: int) -> None:
        n = linear.in_features
        bound = 1 / n if layer == 0 else math.sqrt(6 / n) / self.omega_0
        nn.init.uniform_(linear.weight, -bound, bound)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(self.omega_0 * z)

    def prepared(self, linear: nn.Linear, active: bool = True) -> tuple[Tensor, Tensor]:
        return _scaled(linear, self.omega_0 if active else 1.0)

    def of_prepared(self, u: Tensor) -> Tensor:
        return torch.sin(u)

    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        torch.sin(u.add_(bias), out=value)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        gradient.mul_(u.cos_())


class Finer(Siren):
    """sin(ω₀(|z|+1)z), the factor |z|+1 detached; SIREN's weights, first biases U(±first_bias_scale) (Liu et al. 2024)."""

    tuned_options: tuple[str, ...] = ("omega_0", "first_bias_scale")
    costly = True
    prepared = Siren.prepared

    def __init__(self, omega_0: float = 30.0, first_bias_scale: float = 20.0):
        super().__init__(omega_0)
        self.first_bias_scale = first_bias_scale

    def initialize(self, linear: nn.Linear, layer: int) -> None:
        super().initialize(linear, layer)
        if layer == 0:
            nn.init.uniform_(linear.bias, -self.first_bias_scale, self.first_bias_scale)

    def forward(self, z: Tensor) -> Tensor:
        return _SineOfGrowing.apply(self.omega_0 * z, 1 / self.omega_0)

    def value_and_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        size, u = z.abs(), self.omega_0 * z
        return torch.sin((size + 1) * u), self.omega_0 * (2 * size + 1) * torch.cos((size + 1) * u)  # with no factor detached

    def of_prepared(self, u: Tensor) -> Tensor:
        return _SineOfGrowing.apply(u, 1 / self.omega_0)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        gradient.copy_(_SineOfGrowing.pulled(gradient, u, 1 / self.omega_0))


class _SineOfGrowing(torch.autograd.Function):
    """sin((r|u| + 1)u), the factor r|u| + 1 a constant to the gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, rate: float) -> Tensor:
        return torch.addcmul(u, u.abs(), u, value=rate).sin_()

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        context.rate = inputs[1]
        context.save_for_backward(inputs[0])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _SineOfGrowing.pulled(gradients[0], context.saved_tensors[0], context.rate), None

    @staticmethod
    def pulled(gradient: Tensor, u: Tensor, rate: float) -> Tensor:
        size = u.abs()
        along = gradient * torch.addcmul(u, size, u, value=rate).cos_()
        return torch.addcmul(along, along, size, value=rate)


class Gauss(Activation):
    """exp(−(σ₀z)²) (Ramasinghe and Lucey 2022, in the parametrization of WIRE's code); PyTorch's default initialization."""

    tuned_options: tuple[str, ...] = ("sigma_0",)

    def __init__(self, sigma_0: float = 10.0):
        super().__init__()
        if not sigma_0 > 0:
            raise ValueError(f"The scale sigma_0 must be positive; got {sigma_0}.")
        self.sigma_0 = sigma_0

    def forward(self, z: Tensor) -> Tensor:
        return _Bell.apply(self.sigma_0 * z)

    def prepared(self, linear: nn.Linear, active: bool = True) -> tuple[Tensor, Tensor]:
        return _scaled(linear, self.sigma_0 if active else 1.0)

    def of_prepared(self, u: Tensor) -> Tensor:
        return _Bell.apply(u)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        gradient.mul_(value).mul_(u).mul_(-2.0)


class _Bell(torch.autograd.Function):
    """exp(−u²), and 0 below ε², ε the machine precision: denormal numbers make products on a CPU ten times slower."""

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor) -> Tensor:
        return torch.threshold_((u * u).neg_().exp_(), torch.finfo(u.dtype).eps ** 2, 0.0)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs, output)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        u, value = context.saved_tensors
        return (gradients[0] * value).mul_(u).mul_(-2.0)


class Wire(Activation):
    """Complex Gabor wavelet exp(iω₀z − |σ₀z|²), real first layer, complex ones after it (Saragadam et al. 2023).

    A complex weight counts as two real ones, so a layer has ⌊hidden_features/√2⌋ neurons.  Between the layers a complex number
    is a pair of real ones, all real parts first: the same products, and elementwise functions without complex arithmetic.
    """

    dtype_after_first_layer = torch.cfloat
    tuned_options: tuple[str, ...] = ("omega_0", "sigma_0")

    def __init__(self, omega_0: float = 20.0, sigma_0: float = 10.0):
        super().__init__()
        if not (omega_0 > 0 and sigma_0 > 0):
            raise ValueError(f"omega_0 and sigma_0 must be positive; got {omega_0} and {sigma_0}.")
        self.omega_0, self.sigma_0 = omega_0, sigma_0

    def width(self, hidden_features: int) -> int:
        return max(1, int(hidden_features / math.sqrt(2)))

    def forward(self, z: Tensor) -> Tensor:
        return torch.exp(1j * self.omega_0 * z - (self.sigma_0 * z.abs()) ** 2)

    def prepared(self, linear: nn.Linear, active: bool = True) -> tuple[Tensor, Tensor]:
        scale = self.omega_0 if active else 1.0
        weight, bias = _scaled(linear, scale)
        if not weight.is_complex():  # the first layer: its imaginary parts are 0
            return torch.cat([weight, torch.zeros_like(weight)]), torch.cat([bias, torch.zeros_like(bias)])
        upper, lower = torch.cat([weight.real, -weight.imag], dim=1), torch.cat([weight.imag, weight.real], dim=1)
        return torch.cat([upper, lower]), torch.cat([bias.real, bias.imag])

    def of_prepared(self, u: Tensor) -> Tensor:
        return _GaborPairs.apply(u, (self.sigma_0 / self.omega_0) ** 2)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        gradient.copy_(_GaborPairs.pulled(gradient, u, value, (self.sigma_0 / self.omega_0) ** 2))

    def features(self, x: Tensor) -> Tensor:
        return torch.complex(*x.chunk(2, dim=-1))


class _GaborPairs(torch.autograd.Function):
    """exp(iu − rate·|u|²) as pairs, for u as pairs; below ε² it is 0, see ``_Bell``."""

    generate_vmap_rule = True

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
        return _GaborPairs.pulled(gradients[0], u, value, context.rate), None

    @staticmethod
    def pulled(gradient: Tensor, u: Tensor, value: Tensor, rate: float) -> Tensor:
        (g, h), (x, y), (a, b) = gradient.chunk(2, dim=-1), value.chunk(2, dim=-1), u.chunk(2, dim=-1)
        along = torch.addcmul(g * x, h, y)  # with the logarithm's real part
        across = (h * x).sub_(g * y)  # and with its imaginary part
        first = torch.addcmul(across, a, along, value=-2 * rate)
        return torch.cat([first, torch.addcmul(along, b, along, value=2 * rate).neg_()], dim=-1)


def _scaled(linear: nn.Linear, scale: Tensor | float, shift: float = 0.0) -> tuple[Tensor, Tensor]:
    """Weight and bias of scale·linear(x) + shift: there are fewer of them than of pre-activations."""
    return scale * linear.weight, scale * linear.bias + shift


ACTIVATIONS: dict[str, type[Activation]] = {
    "bw-relu": BWReLU,
    "relu": ReLU,
    "relu-pe": ReLUPositional,
    "relu-rff": ReLUFourier,
    "siren": Siren,
    "wire": Wire,
    "gauss": Gauss,
    "finer": Finer,
}


def resolve_activation(activation: str | type[Activation]) -> type[Activation]:
    """The class behind a name, a "package.module:Class" string or a class.

    Raises
    ------
    ValueError
        If there is no such name, module or class, or the class is no ``Activation``.
    """
    found: object = activation
    if isinstance(activation, str):
        if activation in ACTIVATIONS:
            return ACTIVATIONS[activation]
        module, colon, name = activation.partition(":")
        if not colon:
            raise ValueError(
                f"There is no activation {activation!r}; there are {', '.join(ACTIVATIONS)}, "
                "and your own as package.module:Class."
            )
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"The activation {activation!r} cannot be imported: {error}.") from None
    if not (isinstance(found, type) and issubclass(found, Activation)):
        raise ValueError(f"An activation is a subclass of bwtheory.nn.Activation; got {activation!r}.")
    return found


def build_activation(activation: str | type[Activation], options: dict) -> Activation:
    """An instance with these options; ValueError names an option that the activation does not have."""
    cls = resolve_activation(activation)
    check_options(cls.__name__, cls, options)
    return cls(**options)
