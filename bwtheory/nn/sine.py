"""Sine and cosine in plain arithmetic, which LLVM turns into vectors: a part of kernels that Numba compiles.

With n the whole number (for a cosine, the half-integer) closest to x/π, and r = x − nπ, the sine or cosine of x is ±sin r.

**Reduction.**  π = π₁ + π₂ + π₃, the first two short enough for nπ₁ and nπ₂ to be exact where |x| <= ``LIMIT``.  Then x − nπ₁
and the next difference are exact, too, except in a cosine of |x| < 1; the last difference is rounded.  |r| <= ``REACH``, which
is above π/2 because x/π is rounded before n is.

**Polynomial.**  sin r ≈ r + r³q(r²), where q interpolates (sin r − r)/r³ at zeros of a Chebyshev polynomial of r: computed in
exact arithmetic, then rounded.  With 4 terms in float32 and 8 in float64 it is off by less than 0.7u, u half of the machine
precision ε.

**Error.**  Below 2ε = 4u.  The term r³q has three relative roundings and is r − sin r <= 0.59 in size; q is off by 0.19u, times
r³ <= 4; the sum is rounded by 0.5u; r by u, in a cosine of |x| < 0.6 three times, times |cos r|.  That is at most 3.1u, at the
largest r, and 3.9u with the polynomial and π₃'s rounding.  The bound holds whether a product and a sum are rounded once (fma,
which Numba may use here) or twice.  Beyond the limit the kernels take the C library's sine of a float64.  sin(−0) is 0.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

Number = np.floating[Any]

PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459")
FASTMATH = {"contract"}  # for Numba: a product and a sum may be one instruction
LIMIT = 2.0**16  # of |x|: n has 15 bits, and another one for a half
REACH = Fraction(math.pi / 2 + 2.0**-6)  # of |r|: in float32, x/π is off by up to 0.0035
TERMS = {np.float32: 4, np.float64: 8}


def parts_of_pi(number: type[Number]) -> tuple[Number, Number, Number]:
    """π as a sum of three, the first two short: 16 bits times these are exact in ``number``."""
    digits = np.finfo(number).nmant + 1
    parts: list[Fraction] = []
    for last in (digits - 18, digits - 6):  # 2 bits stand before the point
        parts.append(Fraction(math.floor((PI - sum(parts)) * 2**last), 2**last))
    return number(float(parts[0])), number(float(parts[1])), number(float(PI - sum(parts)))


def coefficients(number: type[Number]) -> tuple[Number, ...]:
    """Those of q(z), the constant first: (sin √z − √z)/√z³ interpolated at zeros of a Chebyshev polynomial, then rounded."""
    terms = TERMS[number]
    angles = ((2 * i + 1) * math.pi / (4 * terms + 4) for i in range(terms))
    nodes = [(REACH * Fraction(round(2**30 * math.cos(angle)), 2**30)) ** 2 for angle in angles]
    differences = [_cubic_part(z) for z in nodes]  # Newton's divided ones, in place
    for order in range(1, terms):
        for i in reversed(range(order, terms)):
            differences[i] = (differences[i] - differences[i - 1]) / (nodes[i] - nodes[i - order])
    found: list[Fraction] = []
    for difference, node in zip(reversed(differences), reversed(nodes)):  # found · (z − node) + difference
        found = [a - node * b for a, b in zip([difference, *found], [*found, Fraction(0)])]
    return tuple(number(float(c)) for c in found)


def _cubic_part(z: Fraction) -> Fraction:
    """(sin √z − √z)/√z³, to within 3 to the power of 24 by 50 factorial: below any rounding here."""
    return sum(((-1) ** k * z ** (k - 1) / math.factorial(2 * k + 1) for k in range(1, 25)), Fraction(0))


def sine_and_cosine(number: type[Number]) -> tuple[Any, Any]:
    """Functions of a number, |x| <= ``LIMIT``, for those that Numba compiles with ``fastmath={"contract"}``, or without."""
    from numba.extending import register_jitable

    inlined = register_jitable(fastmath=FASTMATH)  # by LLVM
    integer, sign = (np.int32, 31) if number is np.float32 else (np.int64, 63)
    pi_1, pi_2, pi_3 = parts_of_pi(number)
    first, *others = coefficients(number)[::-1]
    rest = tuple(others)
    inverse, half = number(float(1 / PI)), number(0.5)
    magic = number(1.5 * 2 ** np.finfo(number).nmant)  # n + magic has no bits after the point, and the last one is n's

    @inlined
    def of_reduced(x: Number, n: Number, shifted: Number) -> Number:
        r = ((x - n * pi_1) - n * pi_2) - n * pi_3
        z = r * r
        q = first
        for c in rest:
            q = q * z + c
        value = r + (r * z) * q
        odd = integer(integer(number(shifted).view(integer)) << sign)
        return number(integer(odd ^ number(value).view(integer)).view(number))

    @inlined
    def sine(x: Number) -> Number:
        shifted = x * inverse + magic
        return of_reduced(x, shifted - magic, shifted)

    @inlined
    def cosine(x: Number) -> Number:
        shifted = (x * inverse - half) + magic
        return -of_reduced(x, (shifted - magic) + half, shifted)

    return sine, cosine
