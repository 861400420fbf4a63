"""What public functions accept, checked once at the edge: what does not fit is a ValueError of one sentence.

The rules, the same everywhere:

* A number is real: an int, float, Fraction, Decimal, SymPy real, a NumPy scalar, or a subclass of these.  Text, truth values,
  complex numbers, masked entries, dates and None are no numbers, and nothing is converted in silence.
* A *point* at which a function is evaluated may be NaN, and then so is the value.  Every other number is finite.
* A result that leaves the range of float64 where the arguments did not is refused, never returned as inf or NaN.
* What is legal but large is refused only where its memory exceeds what this machine has free, with both numbers.
"""

from __future__ import annotations

import numbers
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result", float, NDArray[Any])
_TEXT_LIMIT = 60


def shown(value: Any) -> str:
    """A value as an error message shows it: one short line, whatever it is."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, numbers.Integral) and int(value).bit_length() > 200:
        return f"an integer of {int(value).bit_length()} bits"
    if isinstance(value, Fraction) and max(abs(value.numerator), value.denominator).bit_length() > 200:
        return "a fraction of very long integers"
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"a {type(value).__name__} of {len(value)}" if len(value) > 4 else _short(_members(value))
    try:
        return _short(repr(value))
    except ValueError:  # Python refuses to write integers of thousands of digits
        return f"a {type(value).__name__} of very many digits"


def _members(value: Iterable[Any]) -> str:
    inside = ", ".join("…" if isinstance(v, (list, tuple, set, dict)) else shown(v) for v in value)
    return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_LIMIT else line[: _TEXT_LIMIT - 1] + "…"


# --- Numbers ---------------------------------------------------------------------------------------------------------


def integer(sentence: str, name: str, value: Any, least: int = 1, at_most: int | None = None) -> int:
    """An int in the range; ``sentence`` says what needs it, as in "A family needs K >= 1 neurons"."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral) or int(value) < least:
        raise ValueError(f"{sentence}; got {name}={shown(value)}.")
    if at_most is not None and int(value) > at_most:
        raise ValueError(f"{sentence}, and {name} <= {at_most} here; got {name}={shown(value)}.")
    return int(value)


def truth_value(name: str, value: Any) -> bool:
    """True or False, and nothing that merely counts as one."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is True or False; got {shown(value)}.")
    return bool(value)


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """One of the strings."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"There is no {name} {shown(value)}; there are {', '.join(choices)}.")
    return value


def exact_number(name: str, value: Any) -> Fraction:
    """A finite rational number as it is; floats are the dyadic rationals that they are."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and not np.ma.is_masked(value):
        value = value.item() if value.dtype != np.longdouble else value[()]
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be a real number; got the truth value {value}.")
    try:
        if isinstance(value, numbers.Rational):
            return Fraction(int(value.numerator), int(value.denominator))
        if isinstance(value, (numbers.Real, Decimal)):
            return Fraction(*value.as_integer_ratio())  # type: ignore[union-attr]
    except (OverflowError, ValueError):
        raise ValueError(f"{name} must be finite; got {shown(value)}.") from None
    except AttributeError:
        pass
    raise ValueError(f"{name} must be a real number; got {shown(value)}{_cause(value)}.")


def exact_array(name: str, values: Any) -> NDArray[Any]:
    """Object array of Fractions, finite; shape as given."""
    array = number_array(name, values)
    exact = np.empty(array.shape, dtype=object)
    entries = array.ravel()
    exact.ravel()[:] = [exact_number(name, x) for x in (entries if array.dtype.itemsize > 8 else entries.tolist())]
    return exact


def real_array(name: str, values: Any, finite: bool = True, one: str = "") -> NDArray[np.float64]:
    """float64 array of the shape given, each number rounded to the nearest float64; a copy unless it was one already.

    ``name`` is what messages call all of the numbers, and ``one`` a single one of them.
    """
    array = floating_array(name, values)
    with np.errstate(over="ignore"):
        result = array.astype(np.float64, copy=False)
    if not finite:
        if result is not array and np.any(np.isinf(result) & np.isfinite(array)):
            raise ValueError(f"{name}: some numbers are beyond the largest float64, 1.8e308.")
        return result
    wrong = np.argwhere(~np.isfinite(result))
    if len(wrong):
        first = tuple(wrong[0])
        position = f"number {first[0] + 1}" if len(first) == 1 else f"entry {tuple(int(i) for i in first)}" if first else "it"
        where = f"{one} {position}".strip()
        beyond = ", beyond the largest float64, 1.8e308" if np.isfinite(array[first]) else ""
        raise ValueError(f"{name} must be finite; {where} is {array[first]}{beyond}.")
    return result


def floating_array(name: str, values: Any) -> NDArray[Any]:
    """Array of a floating type: that of the values if it is one, float64 for integers and exact numbers; NaN is allowed."""
    array = number_array(name, values)
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind in "iu":
        return array.astype(np.float64)
    return np.array([_nearest_float(name, x) for x in array.ravel()], dtype=float).reshape(array.shape)


def _nearest_float(name: str, value: Any) -> float:
    if isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be real numbers; got the truth value {value}.")
    symbolic = getattr(value, "is_number", False) is True and getattr(value, "is_real", False) is True  # SymPy: sqrt(2)
    if isinstance(value, (numbers.Real, Decimal)) or symbolic:
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{name} must be finite; {shown(value)} is beyond the largest float64, 1.8e308.") from None
        except (TypeError, ValueError):
            pass
    raise ValueError(f"{name} must be real numbers; one is {shown(value)}{_cause(value)}.")


def number_array(name: str, values: Any) -> NDArray[Any]:
    """The values as an array of numbers or of objects that may be numbers; what NumPy would convert in silence is refused."""
    if isinstance(values, (str, bytes, bytearray, dict, set, frozenset, Iterator)) or values is None:
        raise ValueError(f"{name} must be real numbers in an array or a list; got {shown(values)}{_cause(values)}.")
    _refuse_hidden(name, values)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{name} must be real numbers in an array or a list; NumPy says: {_short(str(error))}") from None
    if array.dtype.kind not in "iufO":
        raise ValueError(f"{name} must be real numbers; got {_KINDS.get(array.dtype.kind, f'the type {array.dtype}')}.")
    return array


_KINDS = {
    "b": "truth values: write 1.0 and 0.0 if these are meant",
    "c": "complex numbers: take .real if the imaginary parts are to be dropped",
    "U": "text: convert it to numbers first",
    "S": "text: convert it to numbers first",
    "M": "dates",
    "m": "time differences",
    "V": "records with fields: take one field",
}


def _refuse_hidden(name: str, values: Any) -> None:
    """Masked arrays, and truth values between numbers, of which NumPy makes numbers."""
    refuse_masked(name, values)
    if isinstance(values, (list, tuple)):
        for value in values:
            if isinstance(value, (bool, np.bool_)):
                raise ValueError(f"{name} must be real numbers; got the truth value {value}.")
            if isinstance(value, (list, tuple)):
                _refuse_hidden(name, value)


def refuse_masked(name: str, values: Any) -> None:
    """ValueError for a masked array with masked entries, or lists of such: NumPy takes the numbers under the mask."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"{name} must be real numbers; {int(np.ma.getmaskarray(values).sum())} are masked: fill or drop them first."
        )
    if isinstance(values, (list, tuple)):
        for value in values:
            if isinstance(value, (list, tuple, np.ma.MaskedArray)):
                refuse_masked(name, value)


def _cause(value: Any) -> str:
    """The likely mistake behind a value that is no number, for the end of a sentence."""
    if isinstance(value, (str, bytes, bytearray)):
        return ", text: convert it to a number first"
    if isinstance(value, complex):
        return ", a complex number: take .real if the imaginary part is to be dropped"
    if isinstance(value, Iterator):
        return ", which can be read once only: make a list of it first"
    if isinstance(value, (set, frozenset, dict)):
        return ", which has no order: make a list of it first"
    return ""


# --- Points and intervals --------------------------------------------------------------------------------------------


def points(values: Any) -> NDArray[np.float64]:
    """Points x of shape (N,), float64; NaN and infinite ones are allowed."""
    x = real_array("Points", values, finite=False)
    if x.ndim != 1:
        raise ValueError(f"Points have shape (N,); got {x.shape}.")
    return x


def interval(domain: Any) -> tuple[float, float]:
    """Ends r1 < r2 as float64, infinite ones allowed."""
    try:
        ends = real_array("The ends of a domain", domain, finite=False)
    except ValueError as error:
        raise ValueError(f"A domain is a pair of numbers (r1, r2); got {shown(domain)}. {error}") from None
    if ends.shape != (2,):
        raise ValueError(f"A domain is a pair of numbers (r1, r2); got {shown(domain)}.")
    r1, r2 = map(float, ends)
    if not r1 < r2:
        raise ValueError(f"The domain [{r1:g}, {r2:g}] is empty; it needs r1 < r2.")
    return r1, r2


# --- Results and resources -------------------------------------------------------------------------------------------


def in_range(what: str, result: Result) -> Result:
    """The result, if it is finite: for results of finite arguments."""
    if not np.all(np.isfinite(result)):
        raise ValueError(f"{what} leaves the range of float64 (largest number 1.8e308): bring the arguments to a scale near 1.")
    return result


def enough_memory(what: str, needed: int) -> None:
    """ValueError if something would take more bytes than are free."""
    free = available_memory()
    if needed > free:
        raise ValueError(f"{what} would take {_size(needed)} of memory, and {_size(free)} are free here.")


def available_memory() -> int:
    """Bytes that this process can still use: what the system has free, a container's limit and the process's own."""
    if not hasattr(os, "sysconf"):
        return sys.maxsize
    import resource

    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    meminfo, group = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
    if meminfo.is_file():
        limits += [1024 * int(line.split()[1]) for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable")]
    for limit, used in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        if (group / limit).is_file() and (group / used).is_file():
            text = (group / limit).read_text().strip()
            limits += [max(int(text) - int((group / used).read_text()), 0)] if text.isdigit() else []
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return min(limits) if soft == resource.RLIM_INFINITY else min(*limits, soft)


def _size(count: int) -> str:
    power = min((count.bit_length() - 1) // 10, 5) if count else 0
    unit = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")[power]
    amount = count >> 10 * power if power == 5 else count / 2 ** (10 * power)
    return f"{amount:.3g} {unit}" if amount < 10**6 else f"2^{count.bit_length() - 1} bytes"
