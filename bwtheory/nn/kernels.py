"""ψ, ReLU, sines and WIRE's wavelet on a CPU with few passes over memory, compiled by Numba at the first use.

For ψ torch alone needs 8 passes forward and 7 back, here it is one each; ``torch.compile`` fuses them too, but needs a C++
compiler.  A kernel runs in the thread that calls it, and lets others run meanwhile: those of ``nn.workers`` have chunks
of their own.  Numba has no vectorized functions without another library: sines and cosines are those of ``nn.sine``,
exponentials are torch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from bwtheory.nn.sine import FASTMATH, LIMIT, Number, sine_and_cosine

ReLUs = tuple[tuple[float, float], ...]
Array = np.ndarray[tuple[Any, ...], np.dtype[Number]]


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


def is_checked(x: object) -> bool:
    """Whether shapes and types can be looked at: not those of FX's stand-ins, and TorchScript's tracer would warn."""
    return isinstance(x, Tensor) and not torch.jit.is_tracing()


def usable(v: Tensor) -> bool:
    """Whether the kernels take this tensor: a plain one of float32 or float64 numbers in the CPU's memory."""
    return is_plain(v) and v.device.type == "cpu" and v.dtype in (torch.float32, torch.float64) and has_numba() and in_memory(v)


def in_memory(v: Tensor) -> bool:
    """Whether a tensor has its numbers in memory: not a batch of ``torch.autograd.grad`` with ``is_grads_batched``."""
    try:
        v.data_ptr()
    except RuntimeError:
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


def relu_of_sum(u: Tensor, bias: Tensor, out: Tensor) -> None:
    """Write max(u + bias, 0) to out, which may be u; shapes as in ``three_relus_of_sum``."""
    beside, in_place = _relu(u.dtype)
    if out is u:
        in_place(u.numpy(), bias.numpy())
    else:
        beside(u.numpy(), bias.numpy(), out.numpy())


def sine_of_sum(u: Tensor, bias: Tensor, out: Tensor, rate: float) -> None:
    """Write sin(kw), w = u + bias, k = rate·|w| + 1, to out; u becomes w.  Shapes as in ``three_relus_of_sum``.

    The sine is within 2ε of that of its argument, ε the machine precision; kw has three roundings unless the rate is 0.
    """
    _sine(u.dtype, rate != 0)[0](u.numpy(), bias.numpy(), out.numpy(), rate)


def sine_pull(gradient: Tensor, u: Tensor, rate: float) -> None:
    """Multiply a gradient by k·cos(ku), k = rate·|u| + 1, with a cosine as good as ``sine_of_sum``'s sine; shapes (k, n, K)."""
    _sine(u.dtype, rate != 0)[1](gradient.numpy(), u.numpy(), rate)


def gabor_of_sum(u: Tensor, bias: Tensor, out: Tensor, rate: float) -> None:
    """Write exp(iw − rate·|w|²) to out, where w = u + bias, which u becomes; pairs (k, n, 2K), all real parts first.

    Magnitudes below ε², ε the machine precision, are 0: products of denormal numbers take ten times as long.
    """
    add_bias, rotate, _ = _gabor(u.dtype)
    add_bias(u.numpy(), bias.numpy(), out.numpy(), rate)
    out[..., : out.shape[-1] // 2].exp_()
    rotate(out.numpy(), u.numpy(), torch.finfo(u.dtype).eps ** 2)


def gabor_pull(gradient: Tensor, u: Tensor, value: Tensor, rate: float) -> None:
    """The gradient with respect to ``gabor_of_sum``'s value, all contiguous, becomes that with respect to u."""
    _gabor(u.dtype)[2](gradient.numpy(), u.numpy(), value.numpy(), rate)


@cache
def _kernels(dtype: torch.dtype, relus: ReLUs) -> tuple[Any, ...]:
    number = _number(dtype)
    numbers = np.zeros((1, 1, 1), number)
    arguments = [(numbers[0, 0],) * 2, (numbers,) * 3, (numbers[0, 0],) * 2]
    return _compiled(lambda keep: _functions([number(x) for pair in relus for x in pair], keep), arguments)


@cache
def _relu(dtype: torch.dtype) -> tuple[Any, ...]:
    numbers = np.zeros((1, 1, 1), _number(dtype))
    return _compiled(lambda keep: _relu_functions(_number(dtype)(0), keep), [(numbers,) * 3, (numbers,) * 2])


@cache
def _sine(dtype: torch.dtype, grows: bool) -> tuple[Any, ...]:
    numbers = np.zeros((1, 1, 1), _number(dtype))
    arguments = [(numbers, numbers, numbers, 0.0), (numbers, numbers, 0.0)]
    return _compiled(lambda keep: _sine_functions(_number(dtype), grows, keep), arguments)


@cache
def _gabor(dtype: torch.dtype) -> tuple[Any, ...]:
    pairs = np.zeros((1, 1, 2), _number(dtype))
    arguments = [(pairs, pairs, pairs, 1.0), (pairs, pairs, 1.0), (pairs, pairs, pairs, 1.0)]
    return _compiled(lambda keep: _gabor_functions(_number(dtype), keep), arguments)


def _number(dtype: torch.dtype) -> type[Number]:
    return np.float32 if dtype == torch.float32 else np.float64


def _compiled(make: Callable[[bool], tuple[Any, ...]], arguments: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Functions, compiled for arguments like these; kept on disk if that is possible, as ``make`` is told."""
    for keep in (True, False):
        try:
            found = make(keep)
            for function, given in zip(found, arguments):
                function(*given)
            return found
        except (OSError, RuntimeError):  # there is no place for the cache, or no room
            if not keep:
                raise
    raise AssertionError


def _relu_functions(zero: Number, keep: bool) -> tuple[Any, Any]:
    from numba import njit

    compiled = njit(error_model="numpy", nogil=True, cache=keep)

    @compiled
    def beside(u: Array, bias: Array, out: Array) -> None:
        for network in range(u.shape[0]):
            b = bias[network, 0]
            for row in range(u.shape[1]):
                x, y = u[network, row], out[network, row]
                for i in range(b.size):
                    z = x[i] + b[i]
                    y[i] = zero if z < zero else z  # what is not a number stays so

    @compiled
    def in_place(u: Array, bias: Array) -> None:  # two names for one array would keep the compiler from vectors
        for network in range(u.shape[0]):
            b = bias[network, 0]
            for row in range(u.shape[1]):
                x = u[network, row]
                for i in range(b.size):
                    z = x[i] + b[i]
                    x[i] = zero if z < zero else z

    return beside, in_place


def _sine_functions(number: type[Number], grows: bool, keep: bool) -> tuple[Any, Any]:
    from numba import njit
    from numba.extending import register_jitable

    compiled = njit(error_model="numpy", nogil=True, cache=keep, fastmath=FASTMATH)
    sine, cosine = sine_and_cosine(number)
    one = number(1)

    @register_jitable(fastmath=FASTMATH)
    def growing(w: Number, rate: Number) -> Number:
        return rate * abs(w) + one

    @register_jitable
    def constant(w: Number, rate: Number) -> Number:
        return one

    factor = growing if grows else constant

    @compiled
    def of_sum(u: Array, bias: Array, out: Array, rate: float) -> None:
        growth = number(rate)
        bound = number(2 * LIMIT / (1 + math.sqrt(1 + 4 * rate * LIMIT)))  # of |w|: the argument is LIMIT
        for network in range(u.shape[0]):
            b = bias[network, 0]
            for row in range(u.shape[1]):
                x, y = u[network, row], out[network, row]
                far = False
                for i in range(b.size):
                    w = x[i] + b[i]
                    x[i] = w
                    y[i] = sine(factor(w, growth) * w)
                    far |= not abs(w) <= bound  # what is not a number, too
                if far:
                    for i in range(b.size):
                        if not abs(x[i]) <= bound:
                            y[i] = number(math.sin(np.float64(factor(x[i], growth) * x[i])))

    @compiled
    def pull(gradient: Array, u: Array, rate: float) -> None:
        growth, bound = number(rate), number(2 * LIMIT / (1 + math.sqrt(1 + 4 * rate * LIMIT)))
        for network in range(u.shape[0]):
            for row in range(u.shape[1]):
                g, x = gradient[network, row], u[network, row]
                far = False
                for i in range(x.size):
                    k = factor(x[i], growth)
                    slope = k * cosine(k * x[i])
                    is_far = not abs(x[i]) <= bound
                    g[i] *= one if is_far else slope
                    far |= is_far
                if far:
                    for i in range(x.size):
                        if not abs(x[i]) <= bound:
                            k = factor(x[i], growth)
                            g[i] *= k * number(math.cos(np.float64(k * x[i])))

    return of_sum, pull


def _gabor_functions(number: type[Number], keep: bool) -> tuple[Any, Any, Any]:
    from numba import njit

    compiled = njit(error_model="numpy", nogil=True, cache=keep)
    sine, cosine = sine_and_cosine(number)
    zero, one, two, limit = number(0), number(1), number(2), number(LIMIT)

    @compiled
    def add_bias(u: Array, bias: Array, out: Array, rate: float) -> None:
        scale, size = number(rate), u.shape[2] // 2
        for network in range(u.shape[0]):
            first, second = bias[network, 0, :size], bias[network, 0, size:]
            for row in range(u.shape[1]):
                a, b = u[network, row, :size], u[network, row, size:]
                y = out[network, row, :size]
                for i in range(size):
                    p, q = a[i] + first[i], b[i] + second[i]
                    a[i], b[i] = p, q
                    y[i] = -(q + scale * (p * p + q * q))

    @compiled
    def rotate(out: Array, u: Array, least: float) -> None:
        bound, size = number(least), out.shape[2] // 2
        for network in range(out.shape[0]):
            for row in range(out.shape[1]):
                x, y, a = out[network, row, :size], out[network, row, size:], u[network, row, :size]
                far = False
                for i in range(size):
                    length = zero if x[i] <= bound else x[i]
                    c, s = cosine(a[i]), sine(a[i])
                    is_far = not abs(a[i]) <= limit
                    x[i] = length * (one if is_far else c)
                    y[i] = length * (one if is_far else s)
                    far |= is_far
                if far:
                    for i in range(size):
                        if not abs(a[i]) <= limit:
                            x[i] *= number(math.cos(np.float64(a[i])))
                            y[i] *= number(math.sin(np.float64(a[i])))

    @compiled
    def pull(gradient: Array, u: Array, value: Array, rate: float) -> None:
        double, size = two * number(rate), u.shape[2] // 2
        for network in range(u.shape[0]):
            for row in range(u.shape[1]):
                g, h = gradient[network, row, :size], gradient[network, row, size:]
                x, y = value[network, row, :size], value[network, row, size:]
                a, b = u[network, row, :size], u[network, row, size:]
                for i in range(size):
                    along = g[i] * x[i] + h[i] * y[i]  # with the logarithm's real part
                    across = h[i] * x[i] - g[i] * y[i]  # and with its imaginary part
                    g[i] = across - double * a[i] * along
                    h[i] = -(along + double * b[i] * along)

    return add_bias, rotate, pull


def _functions(relus: list[Number], keep: bool) -> tuple[Any, Any, Any]:
    from numba import njit
    from numba.extending import register_jitable

    t0, a0, t1, a1, t2, a2 = relus
    zero = t0 - t0
    compiled = njit(error_model="numpy", nogil=True, cache=keep)

    @register_jitable(inline="always")
    def value(v: Number) -> Number:
        u = abs(v)
        r0, r1, r2 = t0 - u, t1 - u, t2 - u  # what is not a number stays so
        return a0 * (zero if r0 < zero else r0) + a1 * (zero if r1 < zero else r1) + a2 * (zero if r2 < zero else r2)

    @compiled
    def forward(v: Array, out: Array) -> None:
        for i in range(v.size):
            out[i] = value(v[i])

    @compiled
    def of_sum(v: Array, bias: Array, out: Array) -> None:
        for network in range(v.shape[0]):
            b = bias[network, 0]
            for row in range(v.shape[1]):
                x, y = v[network, row], out[network, row]
                for i in range(b.size):
                    x[i] += b[i]
                    y[i] = value(x[i])

    @compiled
    def pull(gradient: Array, v: Array) -> None:
        for i in range(v.size):
            x = v[i]
            slope = (a0 if -t0 < x <= t0 else zero) + (a1 if -t1 < x <= t1 else zero) + (a2 if -t2 < x <= t2 else zero)
            gradient[i] *= -slope if x > zero else slope

    return forward, of_sum, pull
