"""ψ on a CPU in one pass over memory forward and one back, compiled by Numba at the first use, where Numba is installed.

torch alone needs 8 passes and 7; ``torch.compile`` fuses them too, but takes a C++ compiler and many seconds.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

BLOCK = 16384  # numbers that a thread takes at once
_LOCK = threading.Lock()  # not every threading layer of Numba may be entered by two threads
_forked = False  # a child of a process that has used the threads may not use them


def _note_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


@cache
def has_numba() -> bool:
    """Whether Numba is installed, and works with this NumPy."""
    try:
        import numba  # noqa: F401
    except Exception:  # it says in several ways that it does not
        return False
    return True


def usable(v: Tensor) -> bool:
    """Whether the kernels take this tensor: real numbers in the CPU's memory, not a compiler's or vmap's stand-in for one."""
    real = v.device.type == "cpu" and v.dtype in (torch.float32, torch.float64)
    if torch.compiler.is_compiling() or not real or _forked or not has_numba():
        return False
    try:
        v.data_ptr()
    except RuntimeError:
        return False
    return True


def three_relus(v: Tensor, relus: tuple[tuple[float, float], ...]) -> Tensor:
    """Σ a·σ(t − |v|) over three pairs (t, a)."""
    out = torch.empty(v.shape, dtype=v.dtype)
    _run(0, v, (_flat(v), _flat(out)), relus)
    return out


def three_relus_backward(gradient: Tensor, v: Tensor, relus: tuple[tuple[float, float], ...]) -> Tensor:
    """The gradient times the derivative of ``three_relus``: at a knot the one on its left."""
    out = torch.empty(v.shape, dtype=v.dtype)
    _run(1, v, (_flat(gradient), _flat(v), _flat(out)), relus)
    return out


def _flat(x: Tensor) -> Any:
    return x.detach().contiguous().view(-1).numpy()


def _run(which: int, v: Tensor, arrays: tuple[Any, ...], relus: tuple[tuple[float, float], ...]) -> None:
    import numba

    number = arrays[0].dtype.type
    constants = [number(x) for pair in relus for x in pair]
    with _LOCK:
        function = _compiled(number, len(constants))[which]
        numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        function(*arrays, *constants)


@cache
def _compiled(number: type[np.floating], constants: int) -> tuple[Any, Any]:
    """The two functions, compiled for numbers of a type; kept on disk if that is possible."""
    threads = torch.get_num_threads()
    for keep in (True, False):
        try:
            functions = _functions(keep)
            for function, arrays in zip(functions, (2, 3)):
                function(*[np.zeros(1, number)] * arrays, *[number(0)] * constants)
            torch.set_num_threads(threads)  # Numba starts its threads by setting the number that torch reads, too
            return functions
        except (OSError, RuntimeError):  # there is no place for the cache, or no room
            if not keep:
                raise
    raise AssertionError


def _functions(keep: bool) -> tuple[Any, Any]:
    from numba import njit, prange

    def forward(v, out, t0, a0, t1, a1, t2, a2):
        zero = v.dtype.type(0)
        for block in prange((v.size + BLOCK - 1) // BLOCK):
            stop = min(v.size, (block + 1) * BLOCK)
            x, y = v[block * BLOCK : stop], out[block * BLOCK : stop]  # slices, whose indices are known to be >= 0
            for i in range(x.size):
                u = abs(x[i])
                r0, r1, r2 = t0 - u, t1 - u, t2 - u  # what is not a number stays so
                y[i] = a0 * (zero if r0 < zero else r0) + a1 * (zero if r1 < zero else r1) + a2 * (zero if r2 < zero else r2)

    def backward(gradient, v, out, t0, a0, t1, a1, t2, a2):
        zero = v.dtype.type(0)
        for block in prange((v.size + BLOCK - 1) // BLOCK):
            stop = min(v.size, (block + 1) * BLOCK)
            g, x, y = gradient[block * BLOCK : stop], v[block * BLOCK : stop], out[block * BLOCK : stop]
            for i in range(x.size):
                z = x[i]
                slope = (a0 if -t0 < z <= t0 else zero) + (a1 if -t1 < z <= t1 else zero) + (a2 if -t2 < z <= t2 else zero)
                y[i] = g[i] * (-slope if z > zero else slope)

    compiled = njit(parallel=True, error_model="numpy", cache=keep)
    return compiled(forward), compiled(backward)
