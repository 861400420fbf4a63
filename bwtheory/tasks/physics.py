"""Operators of one's own, as deepinv has them: an object with ``A`` and ``A_adjoint`` on tensors (1, C, H, W)."""

from __future__ import annotations

import copy
import hashlib
import importlib
from typing import Any, Self

import torch
from torch import Tensor

from bwtheory.tasks.measured import MeasuredTask, measured_task
from bwtheory.tasks.operators import LinearOperator, require_adjoint

BEYOND_UNIT = 2.0  # an image up to this is taken for one in [0, 1], with noise and overshoots; of levels, 255 is usual


class PhysicsOperator(LinearOperator):
    """A linear operator with methods ``A`` and ``A_adjoint``, such as a ``deepinv.physics.LinearPhysics``.

    The C channels of an image may depend on each other in what is measured, so values have a multiple of C columns, one image
    after the other, and images go through the operator one by one.

    Parameters
    ----------
    physics : ``A`` takes (1, C, H, W) to (1, C, …), for C = 1 to (1, …), real; ``A_adjoint`` takes that back; both on the CPU
    shape : (H, W)
    channels : C
    dtype : the one that ``physics`` computes in; whatever the operator is asked for, it is no more accurate

    Attributes
    ----------
    physics, channels : as above
    measured_shape : of what ``A`` returns

    Raises
    ------
    ValueError
        If ``physics`` has no such methods, does not keep the channels, has complex values, or if ``A_adjoint`` is not the
        transpose of ``A`` to ``TOLERANCE``, by the dot products of three pairs of random vectors: then one is not linear, or
        an approximation.
    """

    def __init__(self, physics: Any, shape: tuple[int, int], channels: int = 1, dtype: torch.dtype = torch.float32):
        _require_methods(physics)
        self.physics, self.channels, self._inner, self._home = physics, channels, dtype, torch.device("cpu")
        image, kept = torch.zeros(1, channels, *shape, dtype=dtype), (1, channels) if channels > 1 else (1,)
        measured = self._tried("A", image)
        if not isinstance(measured, Tensor) or measured.is_complex() or measured.shape[: len(kept)] != kept:
            wanted = "(" + "".join(f"{side}, " for side in kept) + "…)"
            raise ValueError(
                f"A takes an image (1, {channels}, H, W) to a real tensor {wanted}; it returned {_named(measured)}."
            )
        back = self._tried("A_adjoint", measured)
        if not isinstance(back, Tensor) or back.is_complex() or back.shape != image.shape:
            raise ValueError(f"A_adjoint takes what A returns to a real tensor {_named(image)}; it returned {_named(back)}.")
        self.measured_shape = tuple(measured.shape)
        super().__init__(shape, measured.numel() // channels)
        require_adjoint(self, type(physics).__name__, channels)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        moved = super().to(device, dtype)
        if moved.device != self._home and callable(getattr(self.physics, "to", None)):  # without it, it stays where it is
            moved.physics, moved._home = copy.deepcopy(self.physics).to(moved.device), moved.device  # a module moves in place
        return moved

    def _forward(self, values: Tensor) -> Tensor:
        return self._each(self.physics.A, values, (1, self.channels, *self.shape))

    def _adjoint(self, measurements: Tensor) -> Tensor:
        return self._each(self.physics.A_adjoint, measurements, self.measured_shape)

    def _each(self, apply: Any, columns: Tensor, shape: tuple[int, ...]) -> Tensor:
        if columns.shape[1] % self.channels:
            raise ValueError(f"This operator takes {self.channels} columns for each image; got {columns.shape[1]}.")
        parts = columns.to(self._home, self._inner).T.split(self.channels)
        found = [apply(part.reshape(shape)).reshape(self.channels, -1) for part in parts]
        return torch.cat(found).T.to(columns.device, columns.dtype)

    @torch.no_grad()
    def _tried(self, method: str, tensor: Tensor) -> Any:
        try:
            return getattr(self.physics, method)(tensor)
        except (RuntimeError, TypeError) as error:
            what, reason = f"{type(self.physics).__name__}.{method}", " ".join(str(error).split())
            raise ValueError(f"{what} does not take a tensor {_named(tensor)}: {reason}") from None


def physics(
    source: str, coords: str = "stretch", *, noise_std: float = 0.0, held_out: float = 0.0, data_seed: int = 0
) -> MeasuredTask:
    """Recover an image from what an operator of one's own has measured.

    Parameters
    ----------
    source : "package.module:function"; the function takes nothing and returns (physics, y) or (physics, y, x): an operator as
        ``PhysicsOperator`` takes it, measurements (1, C, …) and, if it is known, the image (1, C, H, W); what is trained on is
        divided by its largest value if that is above 2
    coords : as ``pixel_coordinates`` takes them
    noise_std, held_out : as ``measured_task`` takes them
    data_seed : of PyTorch's generator while the function is called, and of what is held out

    Raises
    ------
    ValueError
        If there is no such function, or if what it returns does not fit.
    """
    module, colon, name = source.partition(":")
    if not colon:
        raise ValueError(f"A physics is given as package.module:function; got {source!r}.")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"The physics {source!r} cannot be imported: {error}.") from None
    if not callable(function):
        raise ValueError(f"The physics {source!r} is no function.")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(data_seed)
        found = function()
    if not (isinstance(found, tuple) and len(found) in (2, 3) and all(_is_batch_of_one(part) for part in found[1:])):
        raise ValueError(
            f"{source} returns (physics, y) or (physics, y, x) with real, finite tensors y and x (1, C, …) on the CPU."
        )
    forward, y, x = found[0], found[1], found[2] if len(found) == 3 else None
    _require_methods(forward)
    with torch.no_grad():
        image = forward.A_adjoint(y) if x is None else x
    if image.ndim != 4:
        raise ValueError(f"The image of {source}, x or A_adjoint(y), is to be (1, C, H, W); got {tuple(image.shape)}.")
    channels, height, width = image.shape[1:]
    operator = PhysicsOperator(forward, (height, width), channels, y.dtype)
    if y.shape != operator.measured_shape:
        raise ValueError(f"The measurements y of {source} are {tuple(y.shape)}, and A gives {operator.measured_shape}.")
    sha256 = hashlib.sha256()
    for part in found[1:]:
        sha256.update(f"{tuple(part.shape)} {part.dtype}".encode() + part.detach().contiguous().numpy().tobytes())
    truth = None if x is None else x.detach().double().reshape(channels, -1).T
    measurements = y.detach().double().reshape(channels, -1).T
    scale, notes = _scale(largest_value(operator, measurements, truth), x is not None, source)
    return measured_task(
        name,
        sha256.hexdigest(),
        (height, width),
        coords,
        measurements,
        truth,
        operator,
        scale=scale,
        noise_std=noise_std,
        held_out=held_out,
        data_seed=data_seed,
        notes=notes,
    )


def largest_value(operator: LinearOperator, measurements: Tensor, truth: Tensor | None) -> float:
    """The largest absolute value of an image: of the truth (H·W, C), or about that of one with these measurements (M, C).

    An image that nobody knows is about αAᵀy, with the α for which αAAᵀy is nearest to y.
    """
    if truth is not None:
        return float(truth.abs().max())
    image = operator.adjoint(measurements)
    again = operator(image)
    power = float(again.square().sum())
    return float(image.abs().max()) * (abs(float((again * measurements).sum())) / power if power > 0 else 0.0)


def _scale(largest: float, is_known: bool, source: str) -> tuple[float, tuple[str, ...]]:
    """What 1 of the network's values is: 1 for images in [0, 1] or so, else their largest value; and a note on that."""
    if not largest > BEYOND_UNIT:
        return 1.0, ()
    what = "is" if is_known else "seems to be"
    return largest, (f"The image of {source} {what} in a range up to {largest:.4g}; training and PSNR are relative to that.",)


def _require_methods(physics: Any) -> None:
    for method in ("A", "A_adjoint"):
        if not callable(getattr(physics, method, None)):
            raise ValueError(f"A physics has methods A and A_adjoint; {type(physics).__name__} has no {method}.")


def _named(found: Any) -> str:
    return f"{tuple(found.shape)} in {found.dtype}" if isinstance(found, Tensor) else type(found).__name__


def _is_batch_of_one(tensor: Any) -> bool:
    if not (isinstance(tensor, Tensor) and tensor.is_floating_point() and tensor.device.type == "cpu"):
        return False
    return tensor.ndim > 1 and len(tensor) == 1 and bool(tensor.isfinite().all())
