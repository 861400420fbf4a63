"""Beyond the paper, 6 and 9: bounds of ψ′ for all levels, by vanishing moments and a dual family; proofs in docs/theorems."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import sympy
from sympy import Rational, sqrt

from bwtheory.claims import Result, check
from bwtheory.families import WaveletFamily
from bwtheory.gram.wavelets import wavelet_pieces

from .test_beyond import kappa_of, sampled_functions

COSINE = sympy.Symbol("c")
Pieces = list[list[Fraction]]  # coefficients in u on [0, 1] for each half-unit cell of [0, 3]


def psi() -> Pieces:
    """The pieces of ψ."""
    return [list(piece) for piece in wavelet_pieces(2)]


def derivative(pieces: Pieces) -> Pieces:
    """d/dt, with cells of width ½."""
    return [[2 * p * c for p, c in enumerate(piece)][1:] for piece in pieces]


def primitive(pieces: Pieces) -> Pieces:
    """The integral from the left; ValueError unless it is 0 from 3 on, which takes a vanishing moment."""
    result, value = [], Fraction(0)
    for piece in pieces:
        result.append([value, *(c / (2 * (p + 1)) for p, c in enumerate(piece))])
        value = sum(result[-1], Fraction(0))
    if value:
        raise ValueError(f"The integral over R is {value}, not 0.")
    return result


def shift_symbol(pieces: Pieces) -> sympy.Poly:
    """Σ_s ⟨g, g(· − s)⟩ e^{isθ} as a polynomial in c = cos θ, exact, for a function g with these pieces."""

    def product(s: int) -> Rational:
        total = sum(
            (a * b / (p + q + 1) / 2)
            for i in range(2 * s, 6)
            for p, a in enumerate(pieces[i])
            for q, b in enumerate(pieces[i - 2 * s])
        )
        return Rational(Fraction(total))

    return sympy.Poly(sum((2 if s else 1) * product(s) * sympy.chebyshevt(s, COSINE) for s in range(3)), COSINE)


def largest_quotient(above: sympy.Poly, below: sympy.Poly) -> Rational:
    """max of above/below over c in [−1, 1], exact, where it is at an end, or a ValueError; ``below`` is positive."""
    end = max((-1, 1), key=lambda c: above.eval(c) / below.eval(c))
    value = above.eval(end) / below.eval(end)
    rest = sympy.div(value * below - above, sympy.Poly(COSINE - end, COSINE))[0]  # value·below − above is 0 at the end
    if rest.count_roots(-1, 1) or (value * below - above).eval(0) <= 0:
        raise ValueError(f"{above.as_expr()} by {below.as_expr()} is not largest at an end.")
    return value


@cache
def energy() -> Rational:
    """∫ψ′²."""
    return Rational(sum((c * c / 2 for (c,) in derivative(psi())), Fraction(0)))


@cache
def upper_bound() -> sympy.Expr:
    """An upper bound of the eigenvalues of {ψ′_{j,k}}, norm 1, any levels and shifts; see ``stiffness_is_bounded``."""
    slopes = derivative(psi())
    jumps = [b[0] - a[0] for a, b in zip([[Fraction(0)], *slopes], [*slopes, [Fraction(0)]])]
    jumps_squared = sum((abs(sum(jumps[start::2], Fraction(0))) ** 2 for start in (0, 1)), Fraction(0))
    if any(len({j > 0 for j in jumps[start::2]}) > 1 for start in (0, 1)):
        raise ValueError("The jumps of a phase have different signs, and their symbol need not be largest at 0.")
    at_integers = psi()[2][0], psi()[4][0]  # ψ(1) and ψ(2)
    near = (abs(at_integers[0]) + abs(at_integers[1])) ** 2  # knots 1 apart: each coefficient meets two
    far = at_integers[0] ** 2 + at_integers[1] ** 2  # further apart: no coefficient meets two
    root = sqrt(Rational(jumps_squared))
    levels = 1 / sqrt(2) * sqrt(Rational(near)) + sqrt(Rational(far)) / 2 / (1 - 1 / sqrt(2))  # Σ 2^{−n/2}, n >= 2
    one = largest_quotient(shift_symbol(slopes), sympy.Poly(1, COSINE))
    return sympy.expand((one + 2 * root * levels) / energy())


@cache
def dual_bound() -> sympy.Expr:
    """An upper bound of the inverses of those eigenvalues."""
    f, first = shift_symbol(psi()), primitive(psi())
    one = largest_quotient(shift_symbol(first), f**2)
    second = largest_quotient(shift_symbol(primitive(first)), f**2)
    coarse = largest_quotient(sympy.Poly(1, COSINE), f)
    return energy() * (one + 2 * sqrt(coarse * second))


@cache
def stiffness_kappa(levels: int, norm: str) -> float:
    """κ of the stiffness matrix of Theorem 3.3's neurons, with norm 1 in H¹ or in L²."""
    scale = np.array([2.0**j if norm == "L2" else 1.0 for j, _ in WaveletFamily(levels).index])
    return kappa_of(sampled_functions(levels, 1) * scale[:, None])


@check("beyond-9-bounded")
def stiffness_is_bounded(bound: str, norm: str) -> Result:
    """κ of the stiffness matrix of any finite set of ψ_{j,k}, j and k integers, with norm 1 in H¹ (or L²), is below the
    bound.

    *From above.* F = Σ c_k ψ′(t − k) and G = Σ d_l 2^{n/2} ψ′(2ⁿt − l), n levels finer, have ⟨F, G⟩ = −2^{−n} Σ over the
    knots τ of F of its jump times g(τ), where g = Σ d_l 2^{n/2} ψ(2ⁿt − l) is the integral of 2ⁿG. 2ⁿτ is an integer, and
    at integers ψ is 0 but at 1 and 2. The jumps have Σ[F]² <= 128‖c‖², and Σ g(τ)² <= 2ⁿ‖d‖² V with V = 1 for n = 1 and ½
    for n >= 2. So the block of two levels has a norm of at most 2^{−n/2} √(128 V), and the sum of these over n, with the
    largest value of the symbol at one level, bounds the eigenvalues.

    *From below.* With the dual wavelet ψ̃ = Σ γ_k ψ(· − k), whose symbol is 1/f, the functions −∫ψ̃_{j,k} are dual to
    ψ′_{j,k}. ψ has two vanishing moments: ∫ψ and ∫∫ψ have bounded support, and by one integration by parts blocks of the
    dual family n levels apart have a norm of at most 2^{−n}·√(max 1/f · max S/f²), S the symbol of ∫∫ψ. Their sum bounds
    the inverse of the least eigenvalue.

    All maxima over θ are exact (Sturm). A smaller bound is refuted by κ of Theorem 3.3's neurons at J = 9.
    """
    above, below = upper_bound(), dual_bound()
    proved = norm == "H1" and bool(above * below <= Rational(bound))
    measured = {J: stiffness_kappa(J, norm) for J in (5, 9)}
    refuted = any(kappa > Rational(bound) for kappa in measured.values())
    numbers = {"eigenvalues at most": str(sympy.N(above, 6)), "at least": str(sympy.N(1 / below, 6))}
    numbers |= {"product of the bounds": str(sympy.N(above * below, 6))} | {
        f"κ at J = {J}": f"{k:.4g}" for J, k in measured.items()
    }
    return Result(False if refuted else True if proved else None, numbers)


@cache
def tangent_upper_bound(levels: int) -> float:
    """κ/4^J of {ψ_{j,k}, ψ′_{j,k}} is at most this for all levels below J >= ``levels`` on an interval of length 3."""
    epsilon = math.pi / math.sqrt(108) / 2**levels
    least, largest = Rational(16, 27), Rational(4, 3)  # of the ψ alone, by Theorem 3.3
    inverse = float(1 / least) + float(dual_bound()) * (1 + epsilon) ** 2
    return float(largest + upper_bound()) * inverse * 108 / math.pi**2


def tangent_lower_bound(levels: int) -> float:
    """A lower bound of log₂ κ of the same features of Theorem 3.3's neurons, for J levels; −inf where it says nothing."""
    width, frequency = 2.0**-levels, 2 * math.pi * (2 * levels + 1)
    if width * frequency >= math.pi:
        return -math.inf
    error = (2 / math.pi + math.sqrt(12) / math.pi**2) * width * frequency
    return math.log2(3 / 4) + 2 * math.log2((1 - width * frequency / math.pi) / error)


@check("beyond-6-rate")
def tangent_features_grow_quadratically(exponent: int, factor: str) -> Result:
    """For every J >= 1 κ of {ψ_{j,k}, ψ′_{j,k}}, norm 1, of Theorem 3.3's neurons is at most factor·2^{exponent·J}, and it
    is at least a constant by (2J + 1)² times this power.

    *From above.* p = Σ a ψ and q = Σ b ψ′ are linear and constant on cells of width h = 2^{−J}, so ‖p + q‖² >= (h²/12)‖p′‖²
    >= (h²/12)(π/3)²‖p‖², as p is 0 at the ends of an interval of length 3; ‖q‖ <= ‖p + q‖ + ‖p‖; ‖a‖² <= (27/16)‖p‖²
    (Theorem 3.3) and ‖b‖² is at most a constant times ‖q‖² (beyond-9-bounded). The largest eigenvalue is at most the sum of
    those of both kinds.

    *From below.* docs/theorems: among trigonometric polynomials G of degree 2J + 1 on [0, 1] there is one whose projection
    P G to the piecewise linear functions, and that of its derivative, have no part outside of the span of Theorem 3.3's
    neurons. Then P(G′) and (P G)′ differ by 0.99·h·2π(2J + 1)‖G′‖ at most.

    A power or factor is refuted by a value for J <= 7, or if for some J <= 80 it contradicts the other of the two proved
    bounds.
    """
    stated, proved_factor = Rational(factor), tangent_upper_bound(1)
    measured = {J: kappa_of(np.vstack([sampled_functions(J, order) for order in (0, 1)])) for J in (2, 3, 7)}
    lower = {J: tangent_lower_bound(J) for J in range(1, 81)}
    upper_refuted = any(math.log2(kappa / stated) > exponent * J for J, kappa in measured.items()) or any(
        low > math.log2(stated) + exponent * J for J, low in lower.items()
    )
    lower_refuted = any(low + (exponent - 2) * J > math.log2(proved_factor) + 2 * J for J, low in lower.items())
    proved = exponent == 2 and stated >= proved_factor
    numbers = {"proved factor": f"{proved_factor:.0f}"} | {f"κ/4^J at J = {J}": f"{k / 4**J:.4f}" for J, k in measured.items()}
    return Result(False if upper_refuted or lower_refuted else True if proved else None, numbers)
