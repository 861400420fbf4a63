"""The Chui-Wang wavelet from its two-scale relation, in the standard library's rational arithmetic.

Importing SymPy takes time, and this does not need it.  ``bwtheory.wavelet`` has the same numbers as SymPy's, and all that
follows from them.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb, factorial


def cardinal_bspline_at_integer(order: int, k: int) -> Fraction:
    """N_order(k), the cardinal B-spline of the given order (support [0, order]) at an integer k."""
    if order == 1:
        return Fraction(int(k == 0))
    total = sum((-1) ** i * comb(order, i) * (k - i) ** (order - 1) for i in range(min(k, order) + 1))
    return Fraction(total, factorial(order - 1)) if 0 < k < order else Fraction(0)


@cache
def two_scale_coefficients(order: int) -> tuple[Fraction, ...]:
    """q_0, ..., q_{3m-2} with psi(x) = sum_n q_n N_m(2x - n).

    Source: Chui and Wang (1992), q_n = (-1)^n 2^(1-m) sum_l C(m, l) N_{2m}(n + 1 - l).
    """
    m = order
    return tuple(
        Fraction((-1) ** n, 2 ** (m - 1))
        * sum((comb(m, ell) * cardinal_bspline_at_integer(2 * m, n + 1 - ell) for ell in range(m + 1)), Fraction(0))
        for n in range(3 * m - 1)
    )


@cache
def truncated_power_coefficients(order: int) -> tuple[Fraction, ...]:
    """a_0, ..., a_{4m-2} with psi(x) = sum_i a_i sigma(x - i/2)^(m-1), sigma(z) = max(0, z).

    Uses N_m(x) = (1/(m-1)!) sum_k (-1)^k C(m, k) sigma(x - k)^(m-1).
    """
    m = order
    coefficients = [Fraction(0)] * (4 * m - 1)
    for n, q_n in enumerate(two_scale_coefficients(m)):
        for k in range(m + 1):
            coefficients[n + k] += q_n * (-1) ** k * comb(m, k) * Fraction(2 ** (m - 1), factorial(m - 1))
    return tuple(coefficients)
