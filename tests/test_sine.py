"""Sine and cosine of the kernels: within the bound that ``bwtheory/nn/sine.py`` derives, for every number."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch
from seeds import seeded

from bwtheory.nn import kernels, sine
from bwtheory.nn.sine import LIMIT, REACH

NUMBERS = {torch.float32: np.float32, torch.float64: np.float64}
BOUND = 2  # machine precisions
COLUMNS = 100


@pytest.fixture(autouse=True)
def forty_digits():
    with mpmath.workdps(40):
        yield


@pytest.fixture(params=NUMBERS, ids=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def numba():
    return pytest.importorskip("numba")


def arguments(dtype: torch.dtype) -> np.ndarray:
    """Of every size, close to multiples of π/2, on both sides of where ways part, and special ones."""
    number, random = NUMBERS[dtype], np.random.default_rng(seeded())
    kind, most = np.finfo(number), int(LIMIT / math.pi)
    sizes = 2.0 ** random.uniform(-40, math.log2(LIMIT), 4000)
    far = 2.0 ** random.uniform(math.log2(LIMIT), kind.maxexp - 1e-3, 200)
    quarters = (random.integers(-most, most, 4000) * (math.pi / 2)).astype(number)
    quarters += random.integers(-3, 4, quarters.size) * np.spacing(quarters)
    ends = np.nextafter(number([LIMIT, LIMIT, math.pi / 2, math.pi / 2]), number([0, np.inf, 0, 2]))
    special = [0.0, kind.smallest_subnormal, kind.tiny, kind.max, math.inf, math.nan, LIMIT, 0.25, 0.5, 1.0, 3.0, 8.0]
    x = np.concatenate([part.astype(number) for part in (sizes, far, quarters, ends, np.array(special))])
    x = np.concatenate([x, np.ones(-x.size % COLUMNS, number)])  # whole rows
    return np.concatenate([x, -x])


def wide(x: np.ndarray) -> np.ndarray:
    """With more digits: float32 numbers in float64, others by mpmath."""
    return x.astype(np.float64) if x.dtype == np.float32 else of_each(mpmath.mpf, x)


def exact(function: str, x: np.ndarray) -> np.ndarray:
    """Of wide numbers; infinity has neither sine nor cosine."""
    if x.dtype == np.float64:
        with np.errstate(invalid="ignore"):
            return getattr(np, function)(x)
    of_one = getattr(mpmath, function)
    return of_each(lambda v: of_one(v) if mpmath.isfinite(v) else mpmath.nan, x)


def of_each(function: Callable, x: np.ndarray) -> np.ndarray:
    return np.array([function(v) for v in x.ravel().tolist()], dtype=object).reshape(x.shape)


def errors(found: np.ndarray, right: np.ndarray, relative: bool = False) -> np.ndarray:
    """In machine precisions; the same numbers have to be nan."""
    unknown = right != right
    assert np.array_equal(np.isnan(found), unknown)
    known = right[~unknown]
    size = np.abs(known) if relative else 1
    return (np.abs(found[~unknown] - known) / size).astype(float) / np.finfo(found.dtype).eps


def rows(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x.reshape(1, -1, COLUMNS).copy())


def sines(x: np.ndarray) -> np.ndarray:
    u, value = rows(x), torch.empty(1, x.size // COLUMNS, COLUMNS, dtype=torch.from_numpy(x).dtype)
    kernels.sine_of_sum(u, torch.zeros_like(u[:, :1]), value, 0.0)
    return value.numpy().ravel()


def cosines(x: np.ndarray) -> np.ndarray:
    gradient = torch.ones_like(rows(x))
    kernels.sine_pull(gradient, rows(x), 0.0)
    return gradient.numpy().ravel()


@pytest.mark.parametrize(("kernel", "function"), [(sines, "sin"), (cosines, "cos")], ids=["sine", "cosine"])
def test_every_number_is_within_the_bound(kernel, function, dtype, numba):
    x = arguments(dtype)
    assert errors(kernel(x), exact(function, wide(x))).max() < BOUND


def test_both_at_once_are_within_the_bound(dtype, numba):
    """WIRE's wavelet, whose envelope is 1 here."""
    x = arguments(dtype)
    x[~(np.abs(x) < np.sqrt(np.finfo(x.dtype).max))] = 3  # the envelope has squares
    assert (np.abs(x) > LIMIT).any()
    u = torch.cat([rows(x), torch.zeros_like(rows(x))], dim=-1)
    value = torch.full_like(u, torch.nan)
    kernels.gabor_of_sum(u, torch.zeros_like(u[:, :1]), value, 0.0)
    for found, function in zip(value.chunk(2, dim=-1), ("cos", "sin")):
        assert errors(found.numpy().ravel(), exact(function, wide(x))).max() < BOUND


def test_sines_of_small_numbers_are_relatively_exact(dtype, numba):
    """Nothing is reduced below π/2.  Of the least numbers, all but r is below rounding."""
    x = arguments(dtype)
    x = np.where(np.abs(x) < 1.5, x, x.dtype.type(0.7))
    x[x == 0] = 1
    assert errors(sines(x), exact("sin", wide(x)), relative=True).max() < BOUND
    tiny = np.full(COLUMNS, np.finfo(x.dtype).smallest_subnormal)
    assert np.array_equal(sines(tiny), tiny)


def test_a_number_does_not_depend_on_its_neighbours(dtype, numba):
    """Those beyond the limit go another way than the others in their row."""
    x = np.linspace(-50, 50, 3 * COLUMNS, dtype=NUMBERS[dtype])
    mixed = x.copy()
    mixed[[5, 150, 151, 299]] = [1e30, -np.inf, np.nan, -2 * LIMIT]
    for kernel in (sines, cosines):
        found, alone = kernel(mixed), kernel(x)
        same = np.isin(np.arange(x.size), [5, 150, 151, 299], invert=True)
        assert np.array_equal(found[same], alone[same]) and not np.isin(found[[5, 299]], alone[[5, 299]]).any()


@pytest.mark.parametrize("rate", [0.0, 1 / 30, 2.0])
def test_the_growing_sine_and_its_pull(rate, dtype, numba):
    """sin(kw), k = r|w| + 1, w = z + b, and g·k·cos(kw): k has two roundings, kw and each product another one.

    r is one of the type's numbers, w as it was rounded.  Both sides of the limit.
    """
    torch.manual_seed(seeded())
    rate = float(NUMBERS[dtype](rate))
    u, bias = 50 * torch.randn(2, 28, 10, dtype=dtype), torch.randn(2, 1, 10, dtype=dtype)
    u[:, ::7] *= 5000
    sums, value, gradient = u + bias, torch.full_like(u, torch.nan), torch.randn_like(u)
    kernels.sine_of_sum(u, bias, value, rate)
    assert torch.equal(u, sums)
    pulled = gradient.clone()
    kernels.sine_pull(pulled, u, rate)
    w, g = wide(u.numpy()), wide(gradient.numpy())
    k, half = rate * np.abs(w) + 1, float(np.finfo(NUMBERS[dtype]).eps) / 2
    assert 0.01 < (np.abs(k * w) > LIMIT).mean() < 0.9
    error = 2 * BOUND * half + (3 * half * np.abs(k * w) if rate else 0)
    assert (np.abs(value.numpy() - exact("sin", k * w)) <= error).all()
    assert (np.abs(pulled.numpy() - g * k * exact("cos", k * w)) <= np.abs(g) * k * (error + 4 * half)).all()


def test_pi_is_in_parts(dtype):
    """What n multiplies, in the reduction, is exact for the first two; what the last one lacks is far below a rounding of 1."""
    number, halves = NUMBERS[dtype], math.ceil(2 * LIMIT / math.pi)
    parts = sine.parts_of_pi(number)
    for part in parts[:2]:
        for n in (halves, halves - 1, halves - 2, halves - 3, 3):
            assert Fraction(float(number(n / 2) * part)) == Fraction(n, 2) * Fraction(float(part))
    missing = mpmath.pi - mpmath.fsum(map(float, parts))
    assert abs(missing) * halves / 2 < np.finfo(number).eps / 16
    assert abs(mpmath.mpf(sine.PI.numerator) / sine.PI.denominator - mpmath.pi) < 1e-38


def off(dtype: torch.dtype, coefficients: tuple[float, ...]) -> float:
    """How far r + r³q(r²) is off, by half of the machine precision."""
    points = [mpmath.mpf(REACH.numerator) / REACH.denominator * i / 400 for i in range(401)]
    q = [mpmath.mpf(float(c)) for c in reversed(coefficients)]
    worst = max(abs(r + r**3 * mpmath.polyval(q, r * r) - mpmath.sin(r)) for r in points)
    return float(worst / (np.finfo(NUMBERS[dtype]).eps / 2))


def test_the_polynomial_is_as_good_as_the_bound_takes_it_to_be(dtype):
    """With one term less it is not, nor with a coefficient whose term is wrong by 2ε where it is largest."""
    right = sine.coefficients(NUMBERS[dtype])
    assert off(dtype, right) < 0.7
    assert off(dtype, right[:-1]) > BOUND
    for place, c in enumerate(right):
        wrong = float(c) + 2 * np.finfo(NUMBERS[dtype]).eps / float(REACH) ** (3 + 2 * place)
        assert off(dtype, (*right[:place], wrong, *right[place + 1 :])) > BOUND


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="The names of instructions are those of x86.")
def test_the_loops_are_vectors(dtype, numba):
    """Products of packed numbers; a loop that LLVM does not understand has only scalar ones, and takes ten times as long."""
    number = NUMBERS[dtype]
    one = np.zeros((1, 1, 2), number)
    functions = [
        *((function, (one, one, one, 0.0)[-n:]) for function, n in zip(kernels._sine_functions(number, False, False), (4, 3))),
        *((function, (one, one, one, 0.5)[-n:]) for function, n in zip(kernels._sine_functions(number, True, False), (4, 3))),
        (kernels._gabor_functions(number, False)[1], (one, one, 0.0)),
    ]
    packed = re.compile(r"\bv?(?:mul|fmadd\d+|fnmadd\d+)p" + ("s" if number is np.float32 else "d"))
    for function, given in functions:
        function(*given)
        (assembly,) = function.inspect_asm().values()
        assert len(packed.findall(assembly)) >= sine.TERMS[number], function
