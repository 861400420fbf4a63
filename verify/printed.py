"""When a number is the one that is printed."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy


def rounds_to(number: Any, printed: str) -> bool:
    """Whether a number, rounded to the digits printed, is the printed one.

    A printed decimal fraction stands for every number within half a unit of its last digit.  A printed integer or quotient
    (4, 7/2, -1/162) stands for itself alone.

    Parameters
    ----------
    number : exact (SymPy, Fraction, int), or an mpmath number that is accurate to more digits than are printed
    printed : the digits on the page
    """
    stands_for = sympy.Rational(printed)
    if "." not in printed:
        return not isinstance(number, mpmath.mpf) and bool(sympy.sympify(number) == stands_for)
    half_unit = sympy.Rational(1, 2 * 10 ** len(printed.partition(".")[2]))
    if isinstance(number, mpmath.mpf):
        return abs(number - _as_float(stands_for)) <= _as_float(half_unit)
    return bool(abs(sympy.sympify(number) - stands_for) <= half_unit)


def _as_float(value: sympy.Rational) -> mpmath.mpf:
    return mpmath.mpf(int(value.p)) / int(value.q)
