"""Section 1: the wavelet as seven ReLUs."""

from __future__ import annotations

from bwtheory.claims import Result, check
from bwtheory.wavelet import BSplineWavelet, TruncatedPowerSpline


@check("eq-2")
def seven_relus_are_the_wavelet(knots: list[str], coefficients: list[str], order: int) -> Result:
    """The wavelet is derived from the two-scale relation of Chui and Wang, ψ(x) = Σ q_n N_m(2x − n) with
    q_n = (−1)^n 2^{1−m} Σ_l C(m, l) N_{2m}(n+1−l), and N_m is expanded in truncated powers σ^{m−1}.  The printed sum
    of ReLUs is the same function exactly when both have the same polynomial pieces on every half-unit cell and
    the same tail.
    """
    printed = TruncatedPowerSpline(knots, coefficients, degree=1)
    derived = BSplineWavelet(order)
    same = printed.relu_knots[0] == derived.relu_knots[0] and printed.pieces == derived.pieces
    return Result(same, {"derived coefficients": ", ".join(map(str, derived.relu_coefficients))})
