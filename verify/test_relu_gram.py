"""Theorem 3.1: the Gram matrix of ReLUs."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import sympy
from flint import arb
from sympy import Rational, oo

from bwtheory.claims import Result, check
from bwtheory.families import ReLUFamily
from bwtheory.gram.relu import relu_gram_exact

from .printed import rounds_to

K = sympy.Symbol("K", positive=True)
SPACING = 2 / K


@cache
def certified_ratio(size: int, exponent: int = 4):
    """κ(G_σ)/K^exponent for equally spaced biases, an enclosure's two ends."""
    kappa = ReLUFamily.uniform(size).certified_condition_number()
    return kappa.lower / size**exponent, kappa.upper / size**exponent


@cache
def hat_quotient() -> Rational:
    """The largest (s/3)/‖v‖² of a hat on an interval of length s = d₁ + d₂ = 1, at its stationary point d₁ = d₂."""
    d = sympy.Symbol("d", positive=True)
    weights = [1 / d, -(1 / d + 1 / (1 - d)), 1 / (1 - d)]
    quotient = sympy.cancel(Rational(1, 3) / sum(v**2 for v in weights))
    candidates = [r for r in sympy.real_roots(sympy.numer(sympy.together(quotient.diff(d)))) if 0 < r < 1]
    return max(quotient.subs(d, r) for r in candidates)


@cache
def lower_bound_for_perturbed_biases():
    """A lower bound of κ for all K >= 3 and all biases within ε < 1 of equal spacing; see the check below."""
    epsilon = sympy.Symbol("epsilon", positive=True)
    x = sympy.Symbol("x", positive=True)
    sum_of_features = (x + 1 - epsilon) ** 2 / (2 * SPACING)
    largest = sympy.integrate(sum_of_features**2, (x, -1 + epsilon, 1)) / K
    smallest = hat_quotient() * (2 * (2 + 2 * epsilon) / (K - 2)) ** 3
    return sympy.simplify((largest / smallest).subs(epsilon, Rational(1, 2)))


@cache
def upper_bound_for_equal_spacing():
    """trace(G) · ‖S‖² / λ_min(M), a bound of κ for all K."""
    n = sympy.Symbol("n", positive=True, integer=True)
    trace = sympy.summation((n * SPACING) ** 3 / 3, (n, 1, K))
    mass, differences = SPACING / 6, 4 / SPACING
    return sympy.simplify(trace * differences**2 / mass)


@check("lemma-narrow-hat")
def largest_quotient_of_a_hat(constant: str) -> Result:
    """Three neighbouring ReLUs whose knots span s make a hat f = Σv_iσ(x − b_i) of height 1 with ‖f‖² ≤ s/3, and ‖f‖²/‖v‖² is
    at most s³ times the stated number, which is attained: s³/72 for equal gaps, its only stationary point.
    """
    return Result(hat_quotient() == Rational(constant), {"largest (s/3)/‖v‖² at s = 1": str(hat_quotient())})


@check("lemma-least-eigenvalue")
def least_eigenvalue_of_equal_spacing(divisor: int) -> Result:
    """M ≥ (h³/N)SSᵀ for every K, with second differences S (1, −2, 1)/h and the hats' mass matrix M: so λ_min(G) > h³/N.

    N/h·(M − h³/N·SSᵀ) has the symbol N(4+2c)/6 − (2−2c)², c = cos θ.  If it is negative somewhere, long sections are not
    positive semi-definite.  It is 4(1+c)(7−c) for N = 48, and there the last two rows, where S and M end, do no harm
    (computed exactly); a larger N is weaker.
    """
    c = sympy.Symbol("c", real=True)
    symbol = sympy.Poly(divisor * (4 + 2 * c) / 6 - (2 - 2 * c) ** 2, c)
    least = min(symbol.eval(end) for end in (-1, 1))  # concave: the least value on [−1, 1] is at an end
    holds = least >= 0 and divisor >= 48 and smallest_eigenvalue_bound_holds_at_the_end()
    return Result(holds, {"least value of the symbol": str(least)})


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
    K^p tends to 0 (equal spacing belongs to the class); in between these bounds do not decide it.  "κ = Θ(K^p)" needs κ
    = O(K^p), too, decided by the same two bounds for equal spacing; perturbed biases do not have it: o(1) is much more
    than the spacing, and moving one bias by 2/K onto its neighbour makes κ infinite.  Both bounds are also compared
    with certified values at K = 10, 100, 1000.
    """
    p = Rational(exponent)
    low, high = lower_bound_for_perturbed_biases(), upper_bound_for_equal_spacing()
    sizes = (10, 100, 1000)
    values = {size: certified_ratio(size) for size in sizes}
    bracketed = all(low.subs(K, n) <= values[n][1] * n**4 and values[n][0] * n**4 <= high.subs(K, n) for n in sizes)
    over, under = sympy.limit(low / K**p, K, oo), sympy.limit(high / K**p, K, oo)
    at_least = True if over > 0 else False if under == 0 else None
    at_most = True if under < oo else False if over == oo else None
    if biases == "perturbed" and math.isinf(kappa_with_two_neighbours_coinciding(10)):
        at_most = False
    parts = [at_least] if relation == "at least" else [at_least, at_most]
    holds = False if False in parts or not bracketed else None if None in parts else True
    return Result(holds, {f"κ/K⁴ at K = {n}": f"{values[n][0]:.5f}" for n in sizes})


def kappa_with_two_neighbours_coinciding(size: int) -> float:
    biases = [Fraction(2 * j, size) - 1 for j in range(size)]
    biases[1] = biases[0]
    return ReLUFamily(biases).condition_number()


@cache
def smallest_eigenvalue_bound_holds_at_the_end(size: int = 6) -> bool:
    """Exact: SGSᵀ = M, and 48/h·(M − h³/48·SSᵀ) = BᵀB − (its last two rows) + a positive definite 2 × 2 block.

    Away from their last two rows M and SSᵀ are banded Toeplitz, so one size shows them all.
    """
    h = Rational(2, size)
    gram = sympy.Matrix(relu_gram_exact([Fraction(2 * j, size) - 1 for j in range(size)], [1] * size, (-1, 1)))
    weights = {0: 1, 1: -2, 2: 1}
    second = sympy.Matrix(size, size, lambda i, j: weights.get(j - i, 0)) / h
    mass = second * gram * second.T
    excess = 48 / h * (mass - h**3 / 48 * second * second.T)
    r = 7 - 4 * sympy.sqrt(3)
    filter_ = {0: -r, 1: 1 - r, 2: sympy.S(1)}
    convolution = sympy.Matrix(size + 2, size, lambda i, j: filter_.get(i - j, 0)) / sympy.sqrt(r)
    kept = convolution[:size, :]
    rest = (excess - kept.T * kept).applyfunc(sympy.radsimp)
    end = rest[size - 2 :, size - 2 :]
    rest[size - 2 :, size - 2 :] = sympy.zeros(2)
    return rest.is_zero_matrix and bool(end[0, 0] > 0) and bool(end.det() > 0)


@cache
def beam_constant() -> mpmath.mpf:
    """μ = (2/β)⁴, β the only root of cos β cosh β = −1 in (π/2, π), enclosed by a sign change in ball arithmetic."""
    with mpmath.workdps(30):
        beta = mpmath.findroot(lambda b: mpmath.cos(b) * mpmath.cosh(b) + 1, 1.875)
        below, above = (arb(mpmath.nstr(beta + e, 25)) for e in (mpmath.mpf("-1e-12"), mpmath.mpf("1e-12")))
        assert below.cos() * below.cosh() > -1 and above.cos() * above.cosh() < -1
        return (2 / beta) ** 4


@cache
def bounds_of_kappa_over_mu() -> tuple[sympy.Expr, sympy.Expr]:
    """Lower and upper bound of κ(G_σ)/μ for equal spacing, valid for all K >= 3; the check below derives them."""
    c = sympy.cos(sympy.pi / (K - 1))
    largest = [1 / SPACING, (1 + 1 / K) ** 4 / SPACING]
    smallest = [SPACING**3 / 48, SPACING**3 / 6 * (4 - 2 * c) / (2 + 2 * c) ** 2]
    return largest[0] / smallest[1], largest[1] / smallest[0]


@cache
def bounds_agree_with_certified_values() -> bool:
    mu = float(beam_constant())
    slack = 1e-12  # rounding of the two bounds themselves; the brackets are wider than 1e-4
    sizes = (3, 10, 100, 2**14)
    low, high = ([float(bound.subs(K, n)) * mu for n in sizes] for bound in bounds_of_kappa_over_mu())
    ratios = [certified_ratio(n) for n in sizes]
    return all(
        a * (1 - slack) <= upper * n**4 and lower * n**4 <= b * (1 + slack)
        for n, a, b, (lower, upper) in zip(sizes, low, high, ratios)
    )


@check("thm-3.1-constant", "thm-3.1-bounds")
def limit_of_the_scaled_condition_number(constant: str, exponent: int, quantity: str) -> Result:
    """Two bounds of κ for every K >= 3 at equal spacing h = 2/K, whose ratio tends to 1.

    **λ_max.**  hG is the integral operator with kernel k(⌊s⌋, ⌊t⌋) on step functions, k(s, t) = ∫_D σ(x−s)σ(x−t) dx and
    ⌊s⌋ the bias below s.  k >= 0 decreases in s and t, so k(s, t) <= k(⌊s⌋, ⌊t⌋) <= k(s−h, t−h), and by Perron the
    largest eigenvalues are ordered the same way.  Left: μ, the one of k on [−1, 1]: with φ = ∫σ(·−t)f(t)dt, f = φ″,
    kf = μf means φ = μφ⁗, φ(−1) = φ′(−1) = φ″(1) = φ‴(1) = 0, a cantilever of length 2: μ = (2/β)⁴, β the first
    root of cos β cosh β = −1.  Right: biases in [−1−h, 1−h], at most those of a cantilever of length 2+h: μ(1+1/K)⁴.

    **λ_min from below.**  SGSᵀ = M with second differences S and the hats' mass matrix M (computed).  48/h·(M −
    h³/48·SSᵀ) has the symbol 28 + 24c − 4c² = 4(1+c)(7−c) >= 0, c = cos θ, which is |a|² for the filter a = (−r, 1−r,
    1)/√r, r = 7−4√3.  Its form is Σ_{i<=K}((a∗w)_i)² plus, on the last two coordinates, where S and M end, a positive
    definite block (computed exactly).  So λ_min > h³/48 = 1/(6K³): no eigenvalue splits off at the ends.

    **λ_min from above.**  v = Sᵀw with w_j = (−1)^j sin(jφ), j <= K−2, φ = π/(K−1): wᵀMw = (h/6)(4−2cos φ)‖w‖² and
    wᵀSSᵀw >= ((2+2cos φ)/h)²‖w‖², since the pentadiagonal (6, −4, 1) is the square of (−1, 2, −1) plus 1 in two corners.

    "limit": κ/K^exponent tends to the constant, to all digits given.  "bound": κ <= constant·(K+1)^exponent for every
    K >= 3, true exactly if the constant is at least the limit.  All is compared with certified κ up to K = 2^14.
    """
    low, high = bounds_of_kappa_over_mu()
    proved = bounds_agree_with_certified_values()
    limits = {sympy.limit(bound / K**exponent, K, oo) for bound in (low, high)}
    numbers = {"κ/K⁴ at K = 2^14": f"{certified_ratio(2**14)[0]:.6f}", "3(2/β)⁴": mpmath.nstr(3 * beam_constant(), 10)}
    if not proved or len(limits) != 1 or (limit := limits.pop()) == oo:
        return Result(False, numbers)
    value = mpmath.mpf(sympy.Rational(limit).p) / sympy.Rational(limit).q * beam_constant()
    if quantity == "bound":
        shape = sympy.simplify(high / (K + 1) ** exponent)
        return Result(shape.is_constant() and value <= mpmath.mpf(constant), numbers)
    return Result(rounds_to(value, constant), numbers)


@cache
def neurons_for_a_condition_number() -> sympy.Expr:
    """The largest K for which some placement has κ(G_σ) <= x, bounded from above; the check below derives it."""
    x, a, largest, t = sympy.symbols("x a L t", positive=True)
    blocks = 1 + sympy.log(x, 2) / 3
    total = sympy.Rational(8, 7) * 3 * largest * t**3 + 2 * (2 * a) / t
    best = total.subs(t, (a / largest) ** Rational(1, 4)).subs(a, (largest / x / hat_quotient()) ** Rational(-1, 3))
    return 2 * blocks + sympy.simplify(best)


def placements(size: int) -> dict[str, list[Fraction]]:
    """Sample placements on [−1, 1) on which the bound for all of them is tried."""
    rng = np.random.default_rng(size)
    graded = [1 - Fraction(2) * Fraction(3, 4) ** j for j in range(size)]
    return {
        "equal": [Fraction(2 * j, size) - 1 for j in range(size)],
        "graded": graded,
        "towards 1": [1 - 2 * Fraction(size - j, size) ** 2 for j in range(size)],
        "random": sorted({Fraction(int(n), 1000) for n in rng.choice(np.arange(-1000, 1000), size, replace=False)}),
    }


@cache
def placement_bounds_agree_with_certified_values() -> bool:
    (x,) = neurons_for_a_condition_number().free_symbols
    for size in (3, 8, 20):
        for biases in placements(size).values():
            kappa = ReLUFamily(biases).certified_condition_number().upper
            if kappa < 3 * (size - 2) ** 3 or size > neurons_for_a_condition_number().subs(x, kappa).evalf():
                return False
    return True


@cache
def bounded_ratio_of_equal_angles() -> Rational | None:
    """Least upper bound of κ of the *normalized* ReLUs at 1 − b_j = 2·4^(1−j), for all K; None if there is none."""

    def poisson(rho: Rational, cosine) -> Rational:
        return (1 - rho**2) / (1 - 2 * rho * cosine + rho**2)

    rho, c = Rational(1, 2), sympy.Symbol("c", real=True)
    wave = (3 * poisson(rho, c) - poisson(rho**3, c)) / 2
    monotone = sympy.Poly(sympy.numer(sympy.together(wave.diff(c))), c).count_roots(-1, 1) == 0
    ends = [wave.subs(c, e) for e in (-1, 1)]
    return max(ends) / min(ends) if monotone and min(ends) > 0 else None


@check("text-separated")
def condition_of_separated_neurons(placement: str, exponent: str, features: str) -> Result:
    """κ = Ω(K^p), for equal spacing or for any placement of K right-facing ReLUs with biases in [−1, 1).

    *Equal spacing*: the bounds of thm-3.1.  *Any placement.*  Let s_j = 1 − b_j; G_jk = s'²(3s − s')/6 for s' <= s,
    homogeneous, so the largest s is 2 without loss of generality, and λ_max >= G_11 = 8/3.  Three biases within δ give
    λ_min <= δ³/72 (thm-3.1's hat).  Three of all K lie within 4/(K−2): κ >= 3(K−2)³, whatever the placement.

    *For K⁴*, let n_i biases have 2^−i < s <= 2^(1−i).  Three of them lie within 2·2^−i/(n_i−2), so n_i <= 2 + 2^(1−i)a,
    a = (72λ_min)^(−1/3); and all G_jk among them are >= 8^−i/3, so n_i <= 3·8^i λ_max.  The smallest s has λ_min <=
    s³/3, so i <= (log₂κ)/3.  Summing, with the first bound from a block 2^i >= t on and the second one before, gives K
    <= 2(1 + (log₂κ)/3) + (24/7)λ_max t³ + 4a/t, and at t = (a/λ_max)^(1/4): K <= 2 + ⅔log₂κ + (52/7)(κ/72)^(1/4).  So
    κ = Ω(K⁴) for every placement, and more than K⁴ is false, as equal spacing shows.  Both bounds are tried on
    certified values of equal, graded and random placements.

    *Normalized ReLUs are another matter*, and (7) is not about them: at 1 − b_j = 2r^(j−1) their Gram matrix is
    Toeplitz with entries (3ρⁿ − ρ³ⁿ)/2, ρ = √r, and symbol (3P_ρ − P_{ρ³})/2 of two Poisson kernels; at ρ = 1/2 its
    range is a bounded positive interval, so κ stays bounded.  Such a family resolves only the right end of D.
    """
    numbers = {"3(K−2)³ at K = 1000": f"{3 * 998**3:.4g}", "κ, equal spacing": f"{certified_ratio(1000)[0] * 1e12:.4g}"}
    if features == "normalized":
        ratio = bounded_ratio_of_equal_angles()
        numbers = {"least upper bound of κ at r = 1/4": str(ratio)}
        return Result(False if placement == "any" and ratio is not None else None, numbers)
    p = Rational(exponent)
    if sympy.limit(upper_bound_for_equal_spacing() / K**p, K, oo) == 0:
        return Result(False, numbers)
    if placement == "equal":
        return Result(sympy.limit(lower_bound_for_perturbed_biases() / K**p, K, oo) > 0 or None, numbers)
    size = neurons_for_a_condition_number()
    (x,) = size.free_symbols
    shown = sympy.limit(size / x ** (1 / p), x, oo) < oo and placement_bounds_agree_with_certified_values()
    return Result(True if shown else None, numbers)


@check("text-separated-best")
def equal_spacing_is_no_worse(biases: list[str]) -> Result:
    """κ(G_σ) of K equally spaced biases −1 + 2(j−1)/K is at most that of the given K biases; both certified."""
    other = ReLUFamily([Fraction(b) for b in biases]).certified_condition_number()
    equal = ReLUFamily.uniform(len(biases)).certified_condition_number()
    numbers = {"κ, equal spacing": f"{equal.lower:.6g}", "κ, the given biases": f"{other.lower:.6g}"}
    return Result(True if equal.upper <= other.lower else False if other.upper < equal.lower else None, numbers)
