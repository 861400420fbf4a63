"""Activations: how coordinates are encoded, how wide a layer is, how it starts, what it applies, and a fast way to do that.

Each class is initialized as its own paper says.  Options have the names of those papers; layers are numbered from 0.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bwtheory import catalogue
from bwtheory.nn.functional import (
    CENTRE,
    bell,
    gabor,
    growing_sine,
    psi,
    psi_slope_of_centred,
)
from bwtheory.nn.fused import Fused, FusedBell, FusedGabor, FusedGrowingSine, FusedPsi, FusedReLU, FusedSine
from bwtheory.nn.initialization import finer_, siren_
from bwtheory.nn.kernels import is_checked
from bwtheory.options import check_options, refuse_other_types

CONSTANTS = ("fixed_c",)  # that a network's weights carry along, though another activation has no use for them


class Activation(nn.Module):
    """What varies between INR architectures: a subclass defines ``forward`` and whatever else it needs.

    With a ``derivative`` too, networks are trained without autograd, and faster with ``kernels``.  A subclass that redefines
    ``forward`` has neither from its parents: they are of another function.
    """

    kernels: ClassVar[type[Fused] | None] = None  # for this class's forward and derivative
    complex_features: ClassVar[bool] = False  # pairs of real numbers, all real parts first, after the first layer
    tuned_options: tuple[str, ...] = ()  # options that depend on the data, and that its own paper would tune
    costly: bool = True  # several of PyTorch's functions one after the other: worth compiling on a CPU, if not by Numba
    window: ClassVar[tuple[float, float] | None] = None  # of the argument, that a start by scales puts neurons into
    steps: ClassVar[tuple[float, float] | None] = None  # of such a start, see ``bwtheory.starts``; None for no change

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

    @property
    def argument_scale(self) -> float:
        """a, where the activation is a fixed function of a·z: c, ω₀ or σ₀."""
        return 1.0

    def forward(self, z: Tensor) -> Tensor:
        """The activation of the pre-activations z, elementwise: the definition."""
        raise NotImplementedError

    def derivative(self, z: Tensor) -> Tensor:
        """The derivative of ``forward`` at z, elementwise; here by autograd."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = self(z)
            if not value.requires_grad:
                return torch.zeros_like(z)
            return torch.autograd.grad(value.sum(), z, allow_unused=True, materialize_grads=True)[0]

    def extra_repr(self) -> str:
        """The options."""
        names = [name for name in inspect.signature(type(self)).parameters if hasattr(self, name)]
        values = {name: getattr(self, name) for name in names}
        numbers = {name: v.tolist() if isinstance(v, Tensor) and not v.is_meta else v for name, v in values.items()}
        return ", ".join(f"{name}={value!r}" for name, value in numbers.items())

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        for name in CONSTANTS:
            state_dict.pop(prefix + name, None)
        super()._load_from_state_dict(state_dict, prefix, *arguments)


def kernels_of(activation: Activation) -> Fused | None:
    """What evaluates an activation without autograd; None if nothing is known about the function but its ``forward``."""
    if activation.kernels is not None and _age(activation, "kernels") <= min(
        _age(activation, "forward"), _age(activation, "derivative")
    ):
        return activation.kernels(activation)
    return Fused(activation) if _has_derivative(activation) else None


def derivative_of(activation: Activation, z: Tensor) -> Tensor:
    """The derivative of an activation at z: by its class, or by autograd if that says nothing about this ``forward``."""
    return activation.derivative(z) if _has_derivative(activation) else Activation.derivative(activation, z)


def has_function_of(activation: nn.Module, cls: type[Activation]) -> bool:
    """Whether an activation is of a class and its function has not been redefined."""
    return isinstance(activation, cls) and type(activation).forward is cls.forward and "forward" not in vars(activation)


def _has_derivative(activation: Activation) -> bool:
    own = type(activation).derivative is not Activation.derivative or "derivative" in vars(activation)
    return own and _age(activation, "derivative") <= _age(activation, "forward")


def _age(activation: Activation, name: str) -> int:
    """How many classes there are before the one that ``name`` comes from; −1 for one that this object has for itself."""
    if name in vars(activation):
        return -1
    return next(number for number, cls in enumerate(type(activation).__mro__) if name in vars(cls))


class BWReLU(Activation):
    """ψ(cz), the paper's activation, equation (29); PyTorch's default initialization.

    Parameters
    ----------
    c : scale > 0
    learnable : train log c with the weights
    """

    kernels = FusedPsi
    tuned_options: tuple[str, ...] = ("c",)
    window = (0.0, 2 * CENTRE)  # the support
    steps = (4.0, 2.0)

    def __init__(self, c: float = 1.0, learnable: bool = False):
        super().__init__()
        if not (c > 0 and math.isfinite(c)):
            raise ValueError(f"The scale c must be positive and finite; got c={c}.")
        self.learnable = learnable
        if learnable:
            self.log_c = nn.Parameter(torch.tensor(math.log(c)))
        else:
            self._c = float(c)

    @property
    def c(self) -> Tensor | float:
        """The scale, a tensor of one element if it is learnable."""
        return self.log_c.exp() if self.learnable else self._c

    @c.setter
    def c(self, value: float) -> None:
        if self.learnable:
            with torch.no_grad():
                self.log_c.fill_(math.log(value))
        else:
            self._c = float(value)

    @property
    def argument_scale(self) -> float:
        c = self.c
        return float(c.detach() if isinstance(c, Tensor) else c)

    def forward(self, z: Tensor) -> Tensor:
        return psi(self.c * z)

    def derivative(self, z: Tensor) -> Tensor:
        return psi_slope_of_centred(self.c * z - CENTRE) * self.c

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not self.learnable:  # no buffer: a number cannot be forgotten on the way by the meta device, nor rounded by a cast
            destination[prefix + "fixed_c"] = torch.tensor(self._c, dtype=torch.float64, device="cpu")

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        found = state_dict.get(prefix + "fixed_c")
        if found is not None and not self.learnable and not found.is_meta:
            self._c = float(found)
        super()._load_from_state_dict(state_dict, prefix, *arguments)


class ReLU(Activation):
    """max(0, z); PyTorch's default initialization."""

    kernels = FusedReLU
    costly = False
    window = (-1.0, 1.0)  # about the kink

    def forward(self, z: Tensor) -> Tensor:
        return torch.relu(z)

    def derivative(self, z: Tensor) -> Tensor:
        return (z > 0).to(z.dtype)


class ReLUPositional(ReLU):
    """ReLU after [x, sin(2^i πx), cos(2^i πx)], i < frequencies (Mildenhall et al. 2020)."""

    tuned_options: tuple[str, ...] = ("frequencies",)

    def __init__(self, frequencies: int = 7):
        super().__init__()
        if frequencies < 1:
            raise ValueError(f"A positional encoding has frequencies >= 1; got {frequencies}.")
        self.frequencies = frequencies

    def encoded_features(self, in_features: int) -> int:
        return in_features * (1 + 2 * self.frequencies)

    def encode(self, x: Tensor) -> Tensor:
        phases = torch.stack([x * (PI_OF_FLOAT32 * 2.0**i) for i in range(self.frequencies)], dim=-1).flatten(1)
        return torch.cat([x, phases.sin(), phases.cos()], dim=1)


PI_OF_FLOAT32 = 13176795 / 2**22  # in float64 too: networks have been trained with it, and casts keep their function


class ReLUFourier(ReLU):
    """ReLU after [cos 2πBx, sin 2πBx] with B ~ N(0, sigma²), fixed (Tancik et al. 2020); at most 8 coordinates."""

    directions: Tensor
    tuned_options: tuple[str, ...] = ("sigma",)

    def __init__(self, sigma: float = 10.0, frequencies: int = 256):
        super().__init__()
        if not sigma > 0 or frequencies < 1:
            raise ValueError(f"Fourier features need sigma > 0 and frequencies >= 1; got {sigma} and {frequencies}.")
        self.sigma, self.frequencies = sigma, frequencies
        self.register_buffer("directions", sigma * torch.randn(8, frequencies))
        self._coordinates = 8  # no more than those of x, whose shape a tracer may not know

    @classmethod
    def options_of_width(cls, hidden_features: int) -> dict[str, Any]:
        return {"frequencies": hidden_features}  # 256 for width 256 in the paper

    def encoded_features(self, in_features: int) -> int:
        if in_features > len(self.directions):
            raise ValueError(f"Fourier features take up to {len(self.directions)} coordinates; got {in_features}.")
        self._coordinates = in_features
        return 2 * self.directions.shape[1]

    def encode(self, x: Tensor) -> Tensor:
        phases = 2 * math.pi * x @ self.directions[: self._coordinates]
        return torch.cat([phases.cos(), phases.sin()], dim=1)


class Siren(Activation):
    """sin(ω₀z), weights U(±1/n) in the first layer and U(±√(6/n)/ω₀) after it (Sitzmann et al. 2020)."""

    kernels = FusedSine
    tuned_options: tuple[str, ...] = ("omega_0",)
    costly = False
    window: ClassVar[tuple[float, float] | None] = (-math.pi, math.pi)  # a period

    def __init__(self, omega_0: float = 30.0):
        super().__init__()
        if not omega_0 > 0:
            raise ValueError(f"The frequency omega_0 must be positive; got {omega_0}.")
        self.omega_0 = omega_0

    def initialize(self, linear: nn.Linear, layer: int) -> None:
        siren_(linear, layer, self.omega_0)

    @property
    def argument_scale(self) -> float:
        return self.omega_0

    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(self.omega_0 * z)

    def derivative(self, z: Tensor) -> Tensor:
        return self.omega_0 * torch.cos(self.omega_0 * z)


class Finer(Siren):
    """sin(ω₀(|z|+1)z), the factor |z|+1 detached; SIREN's weights, first biases U(±first_bias_scale) (Liu et al. 2024)."""

    kernels = FusedGrowingSine
    window: ClassVar[tuple[float, float] | None] = None  # its scales come from the biases
    tuned_options: tuple[str, ...] = ("omega_0", "first_bias_scale")
    costly = True

    def __init__(self, omega_0: float = 30.0, first_bias_scale: float = 20.0):
        super().__init__(omega_0)
        self.first_bias_scale = first_bias_scale

    def initialize(self, linear: nn.Linear, layer: int) -> None:
        finer_(linear, layer, self.omega_0, self.first_bias_scale)

    def forward(self, z: Tensor) -> Tensor:
        return growing_sine(self.omega_0 * z, 1 / self.omega_0)

    def derivative(self, z: Tensor) -> Tensor:
        """With no factor detached: the function's, not the one that FINER's gradient descent takes."""
        size, u = z.abs(), self.omega_0 * z
        return self.omega_0 * (2 * size + 1) * torch.cos((size + 1) * u)


class Gauss(Activation):
    """exp(−(σ₀z)²) (Ramasinghe and Lucey 2022, in the parametrization of WIRE's code); PyTorch's default initialization."""

    kernels = FusedBell
    tuned_options: tuple[str, ...] = ("sigma_0",)
    window = (-1.5, 1.5)  # above a tenth of the peak, as wide as the support of ψ

    def __init__(self, sigma_0: float = 10.0):
        super().__init__()
        if not sigma_0 > 0:
            raise ValueError(f"The scale sigma_0 must be positive; got {sigma_0}.")
        self.sigma_0 = sigma_0

    @property
    def argument_scale(self) -> float:
        return self.sigma_0

    def forward(self, z: Tensor) -> Tensor:
        return bell(self.sigma_0 * z)

    def derivative(self, z: Tensor) -> Tensor:
        u = self.sigma_0 * z
        return -2 * self.sigma_0 * u * bell(u)


class Wire(Activation):
    """Complex Gabor wavelet exp(iω₀z − |σ₀z|²), real first layer, complex ones after it (Saragadam et al. 2023).

    A complex weight counts as two real ones, so a layer has ⌊hidden_features/√2⌋ neurons.  A complex number is a pair of real
    ones, all real parts first: the same products, elementwise functions without complex arithmetic, and casts that work.
    """

    kernels = FusedGabor
    complex_features = True
    tuned_options: tuple[str, ...] = ("omega_0", "sigma_0")

    def __init__(self, omega_0: float = 20.0, sigma_0: float = 10.0):
        super().__init__()
        if not (omega_0 > 0 and sigma_0 > 0):
            raise ValueError(f"omega_0 and sigma_0 must be positive; got {omega_0} and {sigma_0}.")
        self.omega_0, self.sigma_0 = omega_0, sigma_0

    def width(self, hidden_features: int) -> int:
        return max(1, int(hidden_features / math.sqrt(2)))

    def forward(self, z: Tensor) -> Tensor:
        """Pairs (…, 2K) to pairs (…, 2K)."""
        if is_checked(z) and (z.is_complex() or z.shape[-1] % 2):
            raise ValueError(f"WIRE takes complex numbers as pairs (…, 2K), real parts first; got {z.dtype} {tuple(z.shape)}.")
        return gabor(self.omega_0 * z, (self.sigma_0 / self.omega_0) ** 2)

    def derivative(self, z: Tensor) -> Tensor:
        raise ValueError("A function of complex numbers such as WIRE's has no derivative number by number.")


class Elementwise(Activation):
    """Any elementwise function of tensors, or a module that is one; PyTorch's default initialization, gradients by autograd.

    Parameters
    ----------
    function : such as ``torch.nn.functional.gelu`` or ``torch.nn.PReLU()``
    options : are given to the function with each call
    """

    def __init__(self, function: Callable[..., Tensor], **options: Any):
        super().__init__()
        self.function, self.options = function, options
        try:
            elementwise = is_elementwise(self)
        except Exception as error:  # whatever a function that is something else makes of a row of numbers
            reason = str(error).strip().partition("\n")[0].removesuffix(", but expected one of:")
            raise ValueError(f"{self.name} cannot be applied to a tensor of pre-activations: {reason}.") from None
        if not elementwise:
            raise ValueError(f"An activation is elementwise and gives the same twice; {self.name} is not.")
        if not _is_differentiable(self):
            raise ValueError(
                f"{self.name} has no derivative that PyTorch's autograd knows: no layer before it could be trained."
            )

    @property
    def name(self) -> str:
        """What the function is called."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def forward(self, z: Tensor) -> Tensor:
        return self.function(z, **self.options)

    def extra_repr(self) -> str:
        """The function, if it is not a module shown below, and its options."""
        shown = [] if isinstance(self.function, nn.Module) else [self.name]
        return ", ".join(shown + [f"{name}={value!r}" for name, value in self.options.items()])


@torch.no_grad()
def is_elementwise(activation: nn.Module) -> bool:
    """Whether an activation of real numbers gives for a matrix what it gives for each of its numbers, here to three digits."""
    like = next((p for p in activation.parameters()), torch.empty(0, dtype=torch.float32, device="cpu"))
    if like.is_meta:
        return True  # as far as can be seen
    z = torch.linspace(-2.0, 2.0, 9, dtype=like.dtype, device=like.device).view(3, 3)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        whole = activation(z)
        each = torch.cat([activation(number.view(1, 1)) for number in z.flatten()])
    same_shape = isinstance(whole, Tensor) and whole.shape == z.shape and whole.dtype == z.dtype
    return same_shape and torch.allclose(whole, each.view(3, 3), rtol=1e-3, equal_nan=True)


def _is_differentiable(activation: nn.Module) -> bool:
    """Whether autograd goes through an activation to its argument, be the derivative zero everywhere."""
    like = next((p for p in activation.parameters()), torch.empty(0, dtype=torch.float32, device="cpu"))
    if like.is_meta or like.is_inference():
        return True  # as far as can be seen
    with torch.inference_mode(False), torch.enable_grad():
        z = torch.ones(1, 1, dtype=like.dtype, device=like.device, requires_grad=True)
        try:
            value = activation(1 * z)  # which it may change in place
            return bool(value.requires_grad) and torch.autograd.grad(value, z, allow_unused=True)[0] is not None
        except (RuntimeError, TypeError, NotImplementedError):  # of NumPy's functions, and PyTorch's without a derivative
            return False


class _Catalogued(Mapping[str, type[Activation]]):
    """The classes of ``bwtheory.catalogue``, each imported when it is asked for."""

    def __getitem__(self, name: str) -> type[Activation]:
        module, _, cls = catalogue.ACTIVATIONS[name].home.partition(":")
        found: type[Activation] = getattr(importlib.import_module(f"bwtheory.nn.{module}"), cls)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(catalogue.ACTIVATIONS)

    def __len__(self) -> int:
        return len(catalogue.ACTIVATIONS)


ACTIVATIONS = _Catalogued()


def resolve_activation(activation: Any) -> type[Activation]:
    """The class of an activation: of a name, a "package.module:Class" string, a class, an instance, a module or a function.

    Raises
    ------
    ValueError
        If there is no such name, module or class, or what there is cannot be applied to a tensor.
    """
    found = _imported(activation)
    cls = found if isinstance(found, type) else type(found)
    if issubclass(cls, Activation):
        if cls.forward is Activation.forward:
            raise ValueError(f"{cls.__name__} does not say what it applies: it has no `forward` but that of Activation.")
        return cls
    if not (issubclass(cls, nn.Module) or (callable(found) and not isinstance(found, type))):
        raise ValueError(
            "An activation is a name, a subclass of bwtheory.nn.Activation or torch.nn.Module, an instance or a function; "
            f"got {activation!r}."
        )
    return Elementwise


def build_activation(activation: Any, options: dict[str, Any]) -> Activation:
    """An instance with these options; ValueError names an option that the activation does not have."""
    found = _imported(activation)
    cls = resolve_activation(found)
    if isinstance(found, type):
        check_options(found.__name__, found, options)
        refuse_other_types(found, options)
        found = found(**options)
    elif isinstance(found, nn.Module) and options:
        raise ValueError(f"The options of {type(found).__name__} are in the instance; got {next(iter(options))!r} besides.")
    elif not isinstance(found, nn.Module):
        return Elementwise(found, **options)
    return found if isinstance(found, cls) else Elementwise(found)


def _imported(activation: Any) -> Any:
    """What a string means, a built-in activation first; anything else is what it is."""
    if not isinstance(activation, str):
        return activation
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    module, colon, name = activation.partition(":")
    if not colon and not activation.startswith("_") and callable(getattr(nn.functional, activation, None)):
        return getattr(nn.functional, activation)
    if not colon:
        raise ValueError(
            f"There is no activation {activation!r}; there are {', '.join(ACTIVATIONS)}, "
            "functions of torch.nn.functional such as gelu, and your own as package.module:Class."
        )
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"The activation {activation!r} cannot be imported: {error}.") from None
