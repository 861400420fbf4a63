"""Theorem 3.1: the Gram matrix of ReLUs."""

from __future__ import annotations

import math
from functools import cache

import sympy
from scipy.optimize import brentq
from sympy import Rational, oo

from bwtheory.claims import Result, check
from bwtheory.families import ReLUFamily

K = sympy.Symbol("K", positive=True)
SPACING = 2 / K


@cache
def certified_ratio(size: int, exponent: int = 4):
    """κ(G_σ)/K^exponent for equally spaced biases, an enclosure's two ends."""
    kappa = ReLUFamily.uniform(size).certified_condition_number()
    return kappa.lower / size**exponent, kappa.upper / size**exponent


@cache
def lower_bound_for_perturbed_biases():
    """A lower bound of κ for all K >= 3 and all biases within ε < 1 of equal spacing; see the check below."""
    epsilon = sympy.Symbol("epsilon", positive=True)
    x, first, second = sympy.symbols("x d1 d2", positive=True)
    sum_of_features = (x + 1 - epsilon) ** 2 / (2 * SPACING)
    largest = sympy.integrate(sum_of_features**2, (x, -1 + epsilon, 1)) / K
    weights = [1 / first, -(1 / first + 1 / second), 1 / second]
    quotient = (first + second) / 3 / sum(v**2 for v in weights)
    triple = 2 * (2 + 2 * epsilon) / (K - 2)
    smallest = quotient.subs({first: triple / 2, second: triple / 2})
    return sympy.simplify((largest / smallest).subs(epsilon, Rational(1, 2)))


@cache
def upper_bound_for_equal_spacing():
    """trace(G) · ‖S‖² / λ_min(M), a bound of κ for all K."""
    n = sympy.Symbol("n", positive=True, integer=True)
    trace = sympy.summation((n * SPACING) ** 3 / 3, (n, 1, K))
    mass, differences = SPACING / 6, 4 / SPACING
    return sympy.simplify(trace * differences**2 / mass)


@check("thm-3.1", "text-cubic", "thm-3.1-o1")
def growth_of_the_condition_number(exponent: str, relation: str, biases: str = "perturbed") -> Result:
    """Two bounds that hold for every K, derived symbolically and compared with K^p as K → ∞.

    **Lower bound**, for any biases with |b_j − (−1 + 2(j−1)/K)| ≤ ε < 1, sorted.  λ_max ≥ 1ᵀG1/K = (1/K)∫(Σσ(x−b_j))²,
    and Σσ(x−b_j) ≥ Σσ(x−ε−(−1+(j−1)h)) ≥ (x+1−ε)²/(2h), a left Riemann sum of a decreasing function of the bias, h =
    2/K; so λ_max ≥ cK.  Among K points in an interval of length 2+2ε some three consecutive ones lie within s ≤
    2(2+2ε)/(K−2).  The weights (1/d₁, −1/d₁−1/d₂, 1/d₂) on these three ReLUs give a hat of height 1 on an interval of
    length s = d₁+d₂, whose squared norm on D is at most s/3; the quotient (s/3)/‖v‖² is largest for d₁ = d₂, where it
    is s³/72.  So λ_min ≤ s³/72 = O(K⁻³) and κ ≥ cK⁴ (for coincident biases κ = ∞).

    **Upper bound**, for equal spacing.  G = S⁻ᵀMS⁻¹ with second differences S, ‖S‖² ≤ ‖S‖₁‖S‖_∞ = (4/h)², and the hats'
    mass matrix M, whose smallest eigenvalue is at least h/6 by Gershgorin (last row: half a hat).  λ_min ≥
    (h/6)/(4/h)², λ_max ≤ trace.

    "κ = Ω(K^p)" is true if the lower bound divided by K^p has a positive limit, and false if the upper bound divided by
    K^p tends to 0.  "κ = Θ(K^p)" needs the upper bound, too, which perturbed biases do not have: o(1) is much more than
    the spacing, and two of them may coincide.  Both bounds are also compared with certified values at K = 10, 100,
    1000.
    """
    p = Rational(exponent)
    low, high = lower_bound_for_perturbed_biases(), upper_bound_for_equal_spacing()
    sizes = (10, 100, 1000)
    values = {size: certified_ratio(size) for size in sizes}
    bracketed = all(low.subs(K, n) <= values[n][1] * n**4 and values[n][0] * n**4 <= high.subs(K, n) for n in sizes)
    at_least = sympy.limit(low / K**p, K, oo) > 0
    at_most = sympy.limit(high / K**p, K, oo) < oo and biases == "equal spacing"
    holds = at_least if relation == "at least" else at_least and at_most
    numbers = {f"κ/K⁴ at K = {n}": f"{values[n][0]:.5f}" for n in sizes}
    return Result(bool(bracketed) and bool(holds), numbers)


@check("thm-3.1-constant")
def limit_of_the_scaled_condition_number(constant: str, exponent: int) -> Result:
    """λ_max/K tends to μ/2, μ the largest eigenvalue of the integral operator with kernel ∫_D σ(x−s)σ(x−t) dx.  With u
    = ∫σ(·−t)f(t)dt its eigenfunctions satisfy u = μu'''', u(−1) = u'(−1) = u''(1) = u'''(1) = 0: a cantilever beam of
    length 2, so μ = (2/β)⁴ with cos β cosh β = −1.  λ_min·K³ tends to 1/6: inside, SᵀM⁻¹S is Toeplitz with symbol
    (2−2cos θ)²/h² ÷ h(2+cos θ)/3, largest at θ = π, where it is 48/h³ (no eigenvalue splits off at the ends).  Hence
    κ/K⁴ → 3(2/β)⁴.

    The check takes certified values at K and 2K, removes the 1/K term, and asks for the stated digits; the remaining
    O(1/K²) is estimated by the change from one K to the next.
    """

    def extrapolated(size: int) -> float:
        coarse, fine = (sum(certified_ratio(n, exponent)) / 2 for n in (size, 2 * size))
        return 2 * fine - coarse

    value, change = extrapolated(2**13), abs(extrapolated(2**13) - extrapolated(2**12))
    half_unit = 0.5 * 10.0 ** -len(constant.partition(".")[2])
    beta = brentq(lambda b: math.cos(b) * math.cosh(b) + 1, 1.5, 2.5)
    numbers = {"extrapolated κ/K⁴": f"{value:.6f}", "3(2/β)⁴": f"{3 * (2 / beta) ** 4:.6f}"}
    return Result(abs(value - float(constant)) <= half_unit + change, numbers)


@check("text-separated")
def condition_of_separated_neurons(separation: str) -> Result:
    """κ unbounded in K, for the placement that separates K right-facing ReLUs best.

    *By bias* that is equal spacing, and κ ≥ cK⁴ (Theorem 3.1's check).  *By angle* it is not: the cosine of two ReLUs
    is √r(3−r)/2 with r = (1−b')/(1−b), so biases with 1−b_j = 2r^{j−1} make all neighbouring angles equal.  The Gram
    matrix of the normalized ReLUs is then Toeplitz with entries (3ρⁿ − ρ³ⁿ)/2, ρ = √r, and symbol (3P_ρ − P_{ρ³})/2 of
    two Poisson kernels, whose range at ρ = 1/2 is a bounded positive interval: κ stays below its ratio for every K, and
    tends to 1 as r → 0.  Such a family resolves only the right end of D.
    """
    if separation == "bias":
        growth = sympy.limit(lower_bound_for_perturbed_biases(), K, oo)
        return Result(growth == oo, {"κ at K = 1000": f"{certified_ratio(1000)[0] * 1000**4:.4g}"})

    def symbol(rho: Rational, cosine: int) -> Rational:
        return (1 - rho**2) / (1 - 2 * rho * cosine + rho**2)

    rho = Rational(1, 2)
    ends = [(3 * symbol(rho, c) - symbol(rho**3, c)) / 2 for c in (-1, 1)]
    theta = sympy.Symbol("theta", real=True)
    wave = (3 * symbol(rho, theta) - symbol(rho**3, theta)) / 2
    monotone = sympy.Poly(sympy.numer(sympy.together(wave.diff(theta))), theta).count_roots(-1, 1) == 0
    bounded = monotone and min(ends) > 0
    return Result(not bounded, {"least upper bound of κ at r = 1/4": str(max(ends) / min(ends))})
