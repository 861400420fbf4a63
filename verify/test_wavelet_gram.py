"""Theorem 3.3 and its proof: the Gram matrix of the wavelets."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import sympy
from sympy import Rational, oo

from bwtheory.claims import Result, check
from bwtheory.families import WaveletFamily
from bwtheory.gram.wavelets import wavelet_inner_product
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.wavelet import BSplineWavelet, TruncatedPowerSpline

from .printed import rounds_to

PSI = BSplineWavelet(2)
JACOBIAN = Rational(2) / (PSI.support[1] - PSI.support[0])
N = sympy.Symbol("n", positive=True)
LINE = (Fraction(-(10**6)), Fraction(10**6))


def in_t(ends: list[str]) -> tuple[Fraction, Fraction]:
    """An interval of x as one of t = (3/2)(x+1)."""
    low, high = (Fraction(end) for end in ends)
    scale = 1 / Fraction(int(JACOBIAN.p), int(JACOBIAN.q))
    return (low + 1) * scale, (high + 1) * scale


@cache
def symbol_range() -> tuple[Rational, Rational]:
    """Range of the Toeplitz symbol of one normalized scale, from its values at cos θ = ±1 and at stationary points."""
    symbol = PSI.gram_symbol() * JACOBIAN
    points = [sympy.S(-1), sympy.S(1), *(r for r in sympy.roots(symbol.diff(), multiple=True) if -1 < r < 1)]
    values = [symbol.eval(p) for p in points]
    return min(values), max(values)


@cache
def certified_kappa(levels: int):
    return WaveletFamily(levels).certified_condition_number()


@check("thm-3.3", "eq-19", "eq-47")
def bounded_condition_number(bound: str) -> Result:
    """κ(G_ψ) < bound for every J.

    The supports lie inside D, so wavelets of different scales are orthogonal and G_ψ is block diagonal; the block of
    scale j is the 2^j × 2^j section of one banded Toeplitz matrix with symbol (2/3)(⟨ψ,ψ⟩ + 2Σ⟨ψ,ψ(·−s)⟩cos sθ).  The
    eigenvalues of a section lie strictly inside the symbol's range and fill it as the section grows, so sup_J κ is
    exactly max/min of the symbol, and no J attains it.  The statement is true exactly if the bound is at least that
    supremum.  Certified values for J = 1, …, 10 have to agree: all below the bound, and increasing.
    """
    low, high = symbol_range()
    supremum = high / low
    limit = oo if bound == "oo" else Rational(bound)
    kappas = [certified_kappa(levels) for levels in range(1, 11)]
    below = all(k.upper < limit for k in kappas)
    increasing = all(a.upper < b.lower for a, b in zip(kappas, kappas[1:]))
    numbers = {"symbol's range": f"[{low}, {high}]", "sup κ": str(supremum), "κ at J = 10": f"{kappas[-1].lower:.9f}"}
    return Result(bool(limit >= supremum) and below and increasing, numbers)


@cache
def bounds_of_kappa_by_block_size() -> tuple[sympy.Expr, sympy.Expr]:
    """Lower and upper bound of κ of the n × n Toeplitz block, n >= 3; derived in the check below."""
    f, (_, _, second) = PSI.gram_symbol().as_expr(), PSI.autocorrelation
    (c,) = f.free_symbols
    near, far = (sympy.pi / (N + k) for k in (1, 3))
    largest = f.subs(c, sympy.cos(near)), f.subs(c, sympy.cos(near)) + second * 4 / (N + 1) * sympy.sin(near) ** 2
    smallest = f.subs(c, -sympy.cos(near)), f.subs(c, -sympy.cos(far))
    return largest[1] / smallest[0], largest[0] / smallest[1]


@check("thm-3.3-rate")
def rate_of_convergence(constant: str, base: int) -> Result:
    """base^J·(9/4 − κ(G_ψ)) → constant·π², 9/4 standing for the supremum, which is computed.

    By interlacing, κ(G_ψ) is that of the largest block T, n = 2^(J−1).  Let P = tridiag(1, 0, 1), f the symbol as a
    polynomial of c = cos θ, a₂ = ⟨ψ, ψ(·−2)⟩ < 0 and E the matrix with 1 in its first and last diagonal entry.  T =
    f(P/2) + a₂E, since P² has 2 on its diagonal except in two corners; P/2 has the eigenvalues cos(kπ/(n+1)) and f
    increases on [−1, 1].

    - λ_max <= f(cos φ), φ = π/(n+1), as a₂E <= 0, and >= f(cos φ) + a₂·(4/(n+1))·sin²φ, from the sine vector.
    - λ_min <= f(−cos φ), as a₂E <= 0, and >= f(−cos(π/(n+3))): T is the central section of f(P/2) of size n + 2.

    Both bounds of κ are expanded for n → ∞, and compared with certified κ at J = 3, …, 10.  The statement is true
    exactly if both limits are its constant.
    """
    low_f, high_f = symbol_range()
    supremum, second = high_f / low_f, PSI.autocorrelation[2]
    increasing = PSI.gram_symbol().diff().count_roots(-1, 1) == 0 and PSI.gram_symbol().diff().eval(0) > 0
    low, high = bounds_of_kappa_by_block_size()
    slack = 1e-12  # rounding of the bounds; at J = 10 they are 1e-8 apart
    agree = all(
        float(low.subs(N, 2 ** (j - 1))) <= certified_kappa(j).upper * (1 + slack)
        and certified_kappa(j).lower * (1 - slack) <= float(high.subs(N, 2 ** (j - 1)))
        for j in range(3, 11)
    )
    e = sympy.Symbol("e", positive=True)
    gaps = [sympy.series((supremum - bound).subs(N, 1 / e), e, 0, 3).removeO() / e**2 for bound in (low, high)]
    leading = [sympy.limit(sympy.expand(gap), e, 0) for gap in gaps]
    power = sympy.Rational(base, 4)  # n² = 4^(J−1)
    stated = Rational(constant) * sympy.pi**2
    holds = second < 0 and increasing and agree and power == 1 and all(sympy.simplify(4 * x - stated) == 0 for x in leading)
    numbers = {"4^J(9/4 − κ) tends to": f"{4 * leading[0] / sympy.pi**2}·π²"}
    numbers["4^J(9/4 − κ) at J = 10"] = f"{float((Fraction(9, 4) - Fraction(certified_kappa(10).lower)) * 4**10):.4f}"
    return Result(holds, numbers)


@check("thm-3.3-factor")
def growth_without_the_factor(exponent: str, constant: str) -> Result:
    """κ = Θ(K^p) for the neurons without 2^{j/2}, and, where a constant is stated, κ/(K+1)^p tends to it.

    The block of scale j is then 2^{−j} times the normalized one, whose spectrum lies in the symbol's range [l, u].
    Scale 0 is the number ‖ψ_{0,0}‖² = m; the others reach at most u/2, so λ_max = m if u/2 <= m.  The smallest
    eigenvalue is that of the finest scale, at least 2^{−(J−1)}l, and tends to l after multiplication by 2^{J−1}, as the
    sections' spectra fill the range; it is at most 2^{−(J−1)}m, a diagonal entry.  With K + 1 = 2^J: ½(K+1) <= κ <=
    (m/l)·½(K+1), and κ/(K+1) → m/(2l).
    """
    low, high = symbol_range()
    norm = PSI.norm_squared * JACOBIAN
    width, p = sympy.Symbol("W", positive=True), Rational(exponent)  # K + 1
    limits = [sympy.limit(width / 2 * factor / width**p, width, oo) for factor in (1, norm / low)]
    theta = high / 2 <= norm and all(0 < x < oo for x in limits)
    family = WaveletFamily(12, normalized=False)
    numbers = {"κ/(K+1) at J = 12": f"{family.condition_number() / (family.size + 1):.5f}"}
    numbers[f"limit of κ/(K+1)^{p}"] = "∞" if limits[1] == oo else str(limits[1])
    return Result(theta and (not constant or limits[1] == Rational(constant)), numbers)


@check("thm-3.3-span")
def represents_affine_functions(family: str, degree: int) -> Result:
    """x^degree lies in the span of the family on D.

    Theorem 3.3's wavelets have their supports in D and two vanishing moments, so every function of their span is
    orthogonal to 1 and x: the best approximation of either is 0.  The error is ‖u‖² − rᵀG⁻¹r with r_i = ∫uφ_i, from the
    Gram matrix and an integral that is exact on the knots; κ < 9/4, so rounding stays below 1e-12 of ‖u‖².
    """
    basis = WaveletFamily(6) if family == "theorem" else IntervalWaveletFamily(4)
    knots = basis.knots()
    widths, middle = np.diff(knots), (knots[:-1] + knots[1:]) / 2

    def integral(values) -> np.ndarray:  # Simpson's rule is exact for the quadratics here
        left, centre, right = (values(x) for x in (knots[:-1], middle, knots[1:]))
        return ((left + 4 * centre + right) * widths).sum(axis=-1) / 6

    moments = integral(lambda x: basis(x) * x**degree)
    norm_squared = float(integral(lambda x: x ** (2 * degree)))
    error = norm_squared - moments @ np.linalg.solve(basis.gram(), moments)
    numbers = {"squared relative error": f"{abs(error) / norm_squared:.3f}", "κ": f"{basis.condition_number():.4f}"}
    return Result(error <= 1e-12 * norm_squared, numbers)


@check("thm-3.3-scales")
def scales_reach_across_the_domain(shifts: str) -> Result:
    """At every scale the supports of the wavelets cover D, up to the gap that half a support leaves at an end.

    Theorem 3.3's shifts k < 2^j reach t = (2^j + 2)/2^j only, whereas D ends at t = 3: scale j leaves the interval (1 +
    2^{1−j}, 3] to coarser scales.  The union of the supports of each scale is computed for J = 6; a number n for the
    shifts stands for k = 0, …, n·2^j − 1.
    """
    multiple = [range(int(shifts) * 2**j) for j in range(6)] if shifts.isdigit() else shifts
    family = WaveletFamily(6, shifts=multiple)
    reach = {}
    for (level, _), (left, right) in zip(family.index, family.supports()):
        low, high = reach.get(level, (math.inf, -math.inf))
        reach[level] = min(low, left), max(high, right)
    covered = all(low <= -1 and high >= 1 for low, high in reach.values())
    return Result(covered, {f"scale {j} reaches from": f"{reach[j][0]:.4f} to {reach[j][1]:.4f}" for j in (0, 1, 5)})


@check("thm-3.3-approximation")
def approximation_of_a_cosine(family: str, error: str) -> Result:
    """inf over J of the relative L²(D) error of the best approximation of cos πx is at most the stated one.

    cos πx is orthogonal to 1 and x on D, so the vanishing moments of the neurons (thm-3.3-span) cost nothing here.

    *Theorem 3.3's neurons.*  A wavelet of scale j >= 1 has its support in t <= (2^j + 2)/2^j <= 2, so on t ∈ [2, 3] the
    whole span is one-dimensional for every J: multiples of ψ_{0,0}.  The squared error is at least min_a ∫(u −
    aψ_{0,0})² over that interval: exact, independent of J.  *IntervalWaveletFamily(6)*: an upper bound of the infimum,
    ‖u‖² − rᵀG⁻¹r, with three Gauss points per cell (h < 0.02: quadrature error below 1e-12).
    """
    if family == "theorem":
        floor = _floor_of_the_error()
        return Result(bool(floor <= Rational(error)), {"error, every J, at least": f"{float(floor):.5f}"})
    basis = IntervalWaveletFamily(6)
    knots = basis.knots()
    nodes, weights = np.polynomial.legendre.leggauss(3)
    widths = np.diff(knots)
    x = (knots[:-1, None] + widths[:, None] * (nodes + 1) / 2).ravel()
    w = (widths[:, None] * weights / 2).ravel()
    moments = (basis(x) * np.cos(np.pi * x)) @ w
    best = moments @ np.linalg.solve(basis.gram(), moments)
    reached = math.sqrt(max(0.0, 1 - best))  # ‖cos π·‖² = 1 on D
    return Result(reached <= float(Fraction(error)), {"error at J = 6": f"{reached:.1e}"})


@cache
def _floor_of_the_error() -> sympy.Expr:
    """min_a of the relative L² error of aψ_{0,0} on t ∈ [2, 3], where ψ has two affine pieces."""
    t = sympy.Symbol("t")
    start, omega = max(Rational(2**j + 2, 2**j) for j in range(1, 8)), sympy.pi * JACOBIAN
    squared = t / 2 + sympy.sin(2 * omega * t) / (4 * omega)  # cos π(2t/3 − 1) = −cos(ωt)
    uu, up, pp = squared.subs(t, PSI.support[1]) - squared.subs(t, start), sympy.S(0), sympy.S(0)
    for i, piece in enumerate(PSI.pieces[:-1]):
        a, b = Rational(i, 2), Rational(i + 1, 2)
        if a >= start:
            f = sympy.expand(sum(value * (2 * (t - a)) ** p for p, value in enumerate(piece)))
            primitive = -f * sympy.sin(omega * t) / omega - f.diff(t) * sympy.cos(omega * t) / omega**2
            up += primitive.subs(t, b) - primitive.subs(t, a)
            pp += sympy.integrate(f**2, (t, a, b))
    return sympy.sqrt((uu - up**2 / pp) * JACOBIAN)


@check("text-remedy", "text-remedy-rate")
def shifted_wavelets_are_well_conditioned(spacings: list[str], exponent: int) -> Result:
    """κ of ψ(· − k·δ), k = 1, …, K, is Θ(K^exponent), for each spacing δ of the list; exponent 0: bounded.

    The Gram matrix is a section of a Toeplitz matrix whose symbol is a polynomial in c = cos θ with rational
    coefficients ⟨ψ, ψ(·−sδ)⟩, nonnegative on [−1, 1].  Without a zero there (counted by Sturm's theorem) κ stays below
    max/min.

    Let (1−c)^m divide it, with a quotient q > 0 on [−1, 1].  The form of the section lies between min q and max q times
    that of (1−c)^m, Σ|Δ^m w|²/2^m over all of Z, w extended by 0.  For m = 2: the pentadiagonal (6, −4, 1) is at least
    the square of tridiag(−1, 2, −1), so its least eigenvalue is at least (2−2cos(π/(n+1)))², of order n⁻⁴, and w_j =
    (j(n+1−j))² has ‖Δ²w‖²/‖w‖² = O(n⁻⁴).  λ_max lies between the diagonal entry and the symbol's maximum.  So κ =
    Θ(K^{2m}).  At δ = 1/2, m = 2: Σ_k ψ(· − k/2) and Σ_k k·ψ(· − k/2) vanish, as ψ has two vanishing moments.
    """
    numbers, orders = {}, []
    c = sympy.Symbol("c")
    for spacing in spacings:
        delta = Rational(spacing)
        products = [PSI.inner_product(s * delta) for s in range(int(PSI.support[1] / delta) + 1)]
        symbol = sympy.Poly(products[0] + 2 * sum(a * sympy.chebyshevt(s, c) for s, a in enumerate(products) if s), c)
        order = 0
        while symbol.eval(1) == 0:
            symbol, order = sympy.quo(symbol, sympy.Poly(1 - c, c)), order + 1
        positive = symbol.count_roots(-1, 1) == 0 and symbol.eval(0) > 0
        orders.append(2 * order if positive and order in (0, 2) else None)
        numbers[f"κ at spacing {spacing}"] = f"Θ(K^{2 * order})" if order else "bounded"
    return Result(None if None in orders else set(orders) == {exponent}, numbers)


@check("next-2-gram")
def localized_but_not_orthogonal(bound: str) -> Result:
    """κ < bound for K neighbouring hats σ(x) − 2σ(x−1) + σ(x−2), three ReLUs each, at one scale, for every K.

    Their Gram matrix is Toeplitz with symbol (2 + cos θ)/3; the supremum of κ is the ratio of its values at θ = 0 and
    π.  No two neighbours are orthogonal, and there is one scale only.
    """
    hat = TruncatedPowerSpline([0, 1, 2], [1, -2, 1])
    diagonal, neighbour = hat.inner_product(0), hat.inner_product(1)
    supremum = (diagonal + 2 * neighbour) / (diagonal - 2 * neighbour)
    return Result(supremum <= Rational(bound), {"sup κ": str(supremum)})


@check("eq-38", "eq-36")
def norms_of_the_neurons(value: str, domain: list[str], shifts: list[int]) -> Result:
    """‖ψ_{j,k}‖² on the domain equals the value, for j = 0, …, 4 and k over the given shifts (all of Theorem 3.3's for
    an empty list): exact integrals of the pieces over the domain, with 2^j and dx = (2/3)dt.

    *Every j*, for supports inside of the domain: the substitution 2^j t − k turns 2^j ∫ψ(2^j t − k)² dt into ∫ψ².
    """
    interval = in_t(domain)
    norms = {
        2**j * wavelet_inner_product(2, (j, k), (j, k), interval) * Fraction(int(JACOBIAN.p), int(JACOBIAN.q))
        for j in range(5)
        for k in (shifts or range(2**j))
    }
    return Result(norms == {Fraction(value)}, {"values of ‖ψ_{j,k}‖²": ", ".join(str(n) for n in sorted(norms)[:4])})


@check("eq-35")
def norm_of_the_wavelet(value: str) -> Result:
    """‖ψ‖² = ∫_0^3 ψ², exact, from the pieces."""
    return Result(PSI.norm_squared == Rational(value), {"‖ψ‖²": str(PSI.norm_squared)})


@check("lemma-hats")
def orthogonal_to_hats(spacing: str) -> Result:
    """⟨ψ, h(· − nδ)⟩ = 0 for the hat h of half width δ = spacing and every n: exact, from the pieces, for every hat that meets
    the support.  Those that do not are orthogonal trivially.
    """
    delta = Rational(spacing)
    hat = TruncatedPowerSpline([0, delta, 2 * delta], [1 / delta, -2 / delta, 1 / delta])
    reach = int(PSI.support[1] / delta) + 1
    products = {n: _product_with_hat(hat, n * delta) for n in range(-2, reach)}
    return Result(not any(products.values()), {"⟨ψ, h(· − nδ)⟩": ", ".join(map(str, products.values()))})


def products_with_the_first(levels: int, domain: list[str], coarse_shifts: list[int]) -> dict[tuple[int, int], Fraction]:
    """⟨ψ_{0,0}, ψ(2^j t − k)⟩ over the domain: exact integrals of the pieces, which know nothing of orthogonality."""
    index = [(0, k) for k in coarse_shifts] + [(j, k) for j in range(1, levels) for k in range(2**j)]
    return {one: wavelet_inner_product(2, (0, 0), one, in_t(domain)) for one in index}


@check("eq-39")
def first_row_vanishes(levels: int, first_column: int, domain: list[str]) -> Result:
    """(G_ψ)_{0,ℓ} = 0 for every ℓ from the stated first column to K−1, for this J and, if J >= 2, for every other one.

    *Every J.*  The support of ψ_{0,0} is D, so over D each integral is the one over R.  ψ_{0,0} is continuous and affine
    between the integers of scale j >= 1, hence a combination of hats at these, and ψ(2^j· − k) is orthogonal to all of
    them (lemma-hats).  *This J, and over other domains:* each integral is computed from the pieces.
    """
    products = list(products_with_the_first(levels, domain, [0]).values())
    holds = not any(products[first_column:])
    return Result(holds, {"⟨ψ_{0,0}, ψ_{0,0}⟩": str(products[0] * Fraction(int(JACOBIAN.p), int(JACOBIAN.q)))})


@check("eq-39-radius")
def first_gershgorin_radius(radius: str, levels: int, shifts: list[int], domain: list[str]) -> Result:
    """R₁ = Σ_{ℓ≥1}|(G_ψ)_{0,ℓ}|, from exact integrals of the pieces with 2^{j/2} and dx = (2/3)dt; every J as for (39)."""
    products = products_with_the_first(levels, domain, shifts)
    del products[0, 0]
    total = sum((sympy.sqrt(2) ** j * abs(sympy.Rational(value)) for (j, _), value in products.items()), sympy.S(0))
    found = sympy.simplify(total * JACOBIAN)
    return Result(found == Rational(radius), {"R₁": str(found)})


@check("eq-40", "eq-41", "text-semiorth")
def orthogonal_across_scales(domain: list[str], supports: str) -> Result:
    """⟨ψ_{j,k}, ψ_{i,ℓ}⟩ over the domain is 0 for i ≠ j and all shifts, or all those with one support inside of the
    domain.

    On R: for i < j, ψ_{i,k} is continuous and affine between the integers of the scale j, hence a combination of hats
    at these integers, and ψ(2^j·−ℓ) is orthogonal to all of them (computed: ⟨ψ, N₂(·−n)⟩ = 0 for every n that
    overlaps).  Over D the integral equals the one over R as soon as one of the two supports lies inside D.  If the
    boundary cuts both, nothing makes it vanish: exact integrals over all pairs of scales up to 3 and all shifts that
    meet D decide.
    """
    interval = LINE if domain == ["-oo", "oo"] else in_t(domain)
    for i in range(3):
        for j in range(i + 1, 4):
            for k in range(-3, 3 * 2**i + 1):
                for shift in range(-3, 3 * 2**j + 1):
                    pair = ((i, k), (j, shift))
                    if supports == "one inside" and not any(_inside(*one, interval) for one in pair):
                        continue
                    value = wavelet_inner_product(2, *pair, interval)
                    if value:
                        return Result(False, {f"∫_D ψ(2^{i}t−({k}))ψ(2^{j}t−({shift})) dt": str(value)})
    return Result(True)


def _product_with_hat(hat: TruncatedPowerSpline, shift: Rational) -> Rational:
    """∫ψ(t)h(t − shift)dt for a shift by half-integers, piece by piece."""
    total = Rational(0)
    for number, piece in enumerate(PSI.pieces):
        other = number - int(2 * shift)
        if 0 <= other < len(hat.pieces):
            total += sum(a * b / (p + q + 1) for p, a in enumerate(piece) for q, b in enumerate(hat.pieces[other]))
    return total / 2


def _inside(j: int, k: int, interval) -> bool:
    return interval[0] <= Fraction(k, 2**j) and Fraction(k, 2**j) + Fraction(3, 2**j) <= interval[1]


@check("eq-43")
def far_shifts_do_not_meet(distance: int) -> Result:
    """⟨ψ(·), ψ(·−s)⟩ = 0 for all s ≥ distance: the supports [0, 3] and [s, s+3] overlap in an interval only for s < 3."""
    products = {s: PSI.inner_product(s) for s in range(distance, distance + 10)}
    return Result(not any(products.values()), {f"at distance {distance}": str(products[distance])})


@check("eq-44", "eq-45")
def same_scale_inner_product(shift: int, value: str) -> Result:
    """With t = (3/2)(x+1), ⟨ψ_{j,k}, ψ_{j,k+s}⟩ = (2/3)∫ψ(t)ψ(t−s)dt: the supports lie inside D, so the integral is the
    one over R, a rational number computed from the pieces of ψ.
    """
    exact = PSI.inner_product(shift) * JACOBIAN
    return Result(rounds_to(exact, value), {"exact value": f"{exact} = {float(exact):.10f}"})


@check("eq-46")
def spectrum_in_the_disc(centre: str, neighbours: int, upper_limit: str) -> Result:
    """Every eigenvalue is within ρ = neighbours·(|C₁|+|C₂|) of the centre, and ρ < the limit, with the exact C₁ and C₂.

    The eigenvalues fill the symbol's range as J grows and never leave it, so the disc has to contain that range.
    """
    c1, c2 = (PSI.inner_product(s) * JACOBIAN for s in (1, 2))
    radius = neighbours * (abs(c1) + abs(c2))
    low, high = symbol_range()
    holds = Rational(centre) - radius <= low and high <= Rational(centre) + radius and radius < Rational(upper_limit)
    return Result(holds, {"ρ": f"{radius} = {float(radius):.7f}", "exact range of the spectrum": f"({low}, {high})"})


@check("eq-46-count")
def neighbours_at_a_distance(distance: int, at_most: int) -> Result:
    """The number of neurons of one scale at a given distance from a neuron, counted in Theorem 3.3's family, is at most
    the stated one, and the stated one occurs.
    """
    counts = {sum(abs(k - p) == distance for p in range(2**j)) for j in range(6) for k in range(2**j)}
    return Result(max(counts) == at_most, {"counts that occur": ", ".join(map(str, sorted(counts)))})


@check("thm-B.1")
def gershgorin(radius_factor: str, quantifier: str, sums: str) -> Result:
    """For Ax = λx let |x_i| be the largest entry: (λ − a_ii)x_i = Σ_{j≠i} a_ij x_j gives |λ − a_ii| ≤ R_i.  So every
    eigenvalue lies in some disc, and applied to Aᵀ, in some column disc, too.  The converse, an eigenvalue in every
    disc, is false, and no smaller radius will do.

    Checked exactly on matrices with known eigenvalues: two on which wrong versions fail, and seeded full matrices PΛP⁻¹
    with P and Λ of Gaussian integers, whose eigenvalues are complex and not the centres of discs.
    """
    matrices = [
        (sympy.Matrix([[0, 1], [1, 0]]), (-1, 1)),
        (sympy.Matrix([[1, 6], [Rational(1, 2), -1]]), (-2, 2)),
        *_seeded_matrices(),
    ]
    return Result(all(_discs_hold(*one, Rational(radius_factor), quantifier, sums) for one in matrices))


@cache
def _seeded_matrices() -> list[tuple[sympy.Matrix, tuple]]:
    rng = np.random.default_rng(0)

    def gaussian() -> sympy.Expr:
        return int(rng.integers(-2, 3)) + sympy.I * int(rng.integers(-2, 3))

    found: list[tuple[sympy.Matrix, tuple]] = []
    while len(found) < 3:
        basis = sympy.Matrix(3, 3, lambda i, j: gaussian())
        values = tuple(gaussian() for _ in range(3))
        if sympy.expand(basis.det()) != 0:
            matrix = (basis * sympy.diag(*values) * basis.inv()).applyfunc(lambda z: sympy.expand(sympy.radsimp(z)))
            if not any(z == 0 for z in matrix):
                found.append((matrix, values))
    return found


def _discs_hold(matrix: sympy.Matrix, eigenvalues: tuple, factor: Rational, quantifier: str, sums: str) -> bool:
    n = matrix.rows
    table = matrix if sums == "rows" else matrix.T
    discs = [(table[i, i], factor * sum(abs(table[i, j]) for j in range(n) if j != i)) for i in range(n)]
    inside = [[bool(sympy.Abs(sympy.expand(value - c)) <= r) for c, r in discs] for value in eigenvalues]
    lines = inside if quantifier == "each eigenvalue" else zip(*inside)
    return all(any(line) for line in lines)
