"""Theorem 3.3 and its proof: the Gram matrix of the wavelets."""

from __future__ import annotations

from sympy import Rational

from bwtheory.claims import Result, check
from bwtheory.families import WaveletFamily
from bwtheory.wavelet import BSplineWavelet


def rounds_to(exact: Rational, printed: str) -> bool:
    """Whether an exact number, rounded to the digits printed, is the printed number."""
    half_unit = Rational(1, 2 * 10 ** len(printed.partition(".")[2]))
    return abs(exact - Rational(printed)) <= half_unit


@check("eq-44", "eq-45")
def same_scale_inner_product(shift: int, value: str) -> Result:
    """With t = (3/2)(x+1), ⟨ψ_{j,k}, ψ_{j,k+s}⟩ = (2/3)∫ψ(t)ψ(t−s)dt: the supports lie inside D, so the integral is the
    one over R, a rational number computed from the pieces of ψ.
    """
    psi = BSplineWavelet(2)
    exact = psi.inner_product(shift) * 2 / (psi.support[1] - psi.support[0])
    return Result(rounds_to(exact, value), {"exact value": f"{exact} = {float(exact):.10f}"})


@check("eq-39")
def first_row_vanishes(levels: int, first_column: int) -> Result:
    """The exact entries (G_ψ)_{0,ℓ} are computed and compared with 0 for ℓ from the stated first column to K−1."""
    row = WaveletFamily(levels=levels).gram()[0]
    return Result(not row[first_column:].any(), {"(G_ψ)_{0,0}": f"{row[0]:.10f}"})
