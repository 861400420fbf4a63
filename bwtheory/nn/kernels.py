"""ψ on a CPU in one pass over memory forward and one back, compiled by Numba at the first use, where Numba is installed.

torch alone needs 8 passes and 7; ``torch.compile`` fuses them too, but needs a C++ compiler.  A kernel runs in the thread that
calls it, and lets others run meanwhile: those of ``training.workers`` have chunks of their own.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

ReLUs = tuple[tuple[float, float], ...]


@cache
def has_numba() -> bool:
    """Whether Numba is installed, and works with this NumPy."""
    try:
        import numba  # noqa: F401
    except Exception:  # it says in several ways that it does not
        return False
    return True


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor holds numbers that are only computed with: nobody records, transforms or stands in for what is done.

    A compiler or exporter, TorchScript's and FX's tracing, dispatch modes (``make_fx``, fake tensors), the transforms of
    ``torch.func``, forward-mode derivatives and subclasses of Tensor would not see what reads memory, nor differentiate an
    ``autograd.Function`` in all the ways that they have.
    """
    return (
        type(tensor) in (Tensor, torch.nn.Parameter)
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch._C._len_torch_dispatch_stack()
        and not torch._C._are_functorch_transforms_active()
        and forward_ad.unpack_dual(tensor).tangent is None
    )


def usable(v: Tensor) -> bool:
    """Whether the kernels take this tensor: a plain one of float32 or float64 numbers in the CPU's memory."""
    if not is_plain(v) or v.device.type != "cpu" or v.dtype not in (torch.float32, torch.float64) or not has_numba():
        return False
    try:
        v.data_ptr()
    except RuntimeError:  # a batch of gradients, of ``torch.autograd.grad`` with ``is_grads_batched``
        return False
    return True


def three_relus(v: Tensor, relus: ReLUs) -> Tensor:
    """Σ a·σ(t − |v|) over three pairs (t, a)."""
    out = torch.empty(v.shape, dtype=v.dtype, device=v.device)  # whatever the default device is
    _kernels(v.dtype, relus)[0](v.detach().contiguous().view(-1).numpy(), out.view(-1).numpy())
    return out


def three_relus_of_sum(v: Tensor, bias: Tensor, out: Tensor, relus: ReLUs) -> None:
    """Write ``three_relus`` of v + bias to out; shapes (k, n, K), (k, 1, K) and (k, n, K), contiguous.  v becomes v + bias."""
    _kernels(v.dtype, relus)[1](v.numpy(), bias.numpy(), out.numpy())


def three_relus_pull(gradient: Tensor, v: Tensor, relus: ReLUs) -> None:
    """Multiply a contiguous gradient by the derivative of ``three_relus`` at v: at a knot the one on its left."""
    _kernels(v.dtype, relus)[2](gradient.view(-1).numpy(), v.detach().contiguous().view(-1).numpy())


@cache
def _kernels(dtype: torch.dtype, relus: ReLUs) -> tuple[Any, Any, Any]:
    """The functions, compiled for numbers of a type; kept on disk if that is possible."""
    number = np.float32 if dtype == torch.float32 else np.float64
    numbers = np.zeros((1, 1, 1), number)
    for keep in (True, False):
        try:
            forward, of_sum, pull = found = _functions([number(x) for pair in relus for x in pair], keep)
            forward(numbers[0, 0], numbers[0, 0]), of_sum(numbers, numbers, numbers), pull(numbers[0, 0], numbers[0, 0])
            return found
        except (OSError, RuntimeError):  # there is no place for the cache, or no room
            if not keep:
                raise
    raise AssertionError


def _functions(relus: list[Any], keep: bool) -> tuple[Any, Any, Any]:
    from numba import njit
    from numba.extending import register_jitable

    t0, a0, t1, a1, t2, a2 = relus
    zero = t0 - t0
    compiled = njit(error_model="numpy", nogil=True, cache=keep)

    @register_jitable(inline="always")
    def value(v):
        u = abs(v)
        r0, r1, r2 = t0 - u, t1 - u, t2 - u  # what is not a number stays so
        return a0 * (zero if r0 < zero else r0) + a1 * (zero if r1 < zero else r1) + a2 * (zero if r2 < zero else r2)

    @compiled
    def forward(v, out):
        for i in range(v.size):
            out[i] = value(v[i])

    @compiled
    def of_sum(v, bias, out):
        for network in range(v.shape[0]):
            b = bias[network, 0]
            for row in range(v.shape[1]):
                x, y = v[network, row], out[network, row]
                for i in range(b.size):
                    x[i] += b[i]
                    y[i] = value(x[i])

    @compiled
    def pull(gradient, v):
        for i in range(v.size):
            x = v[i]
            slope = (a0 if -t0 < x <= t0 else zero) + (a1 if -t1 < x <= t1 else zero) + (a2 if -t2 < x <= t2 else zero)
            gradient[i] *= -slope if x > zero else slope

    return forward, of_sum, pull
