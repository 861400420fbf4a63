"""Beyond the paper: nine theorems that sharpen or complete it.  docs/theorems/ has the proofs in full."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import sympy
from flint import arb, fmpq, fmpq_mat
from numpy.polynomial.legendre import leggauss
from sympy import Rational

from bwtheory.claims import Result, check
from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram.wavelets import wavelet_pieces
from bwtheory.interval import IntervalWaveletFamily
from bwtheory.two_scale import cardinal_bspline_at_integer, truncated_power_coefficients, two_scale_coefficients
from bwtheory.wavelet import BSplineWavelet

from .printed import rounds_to
from .test_relu_gram import beam_constant

PSI = BSplineWavelet(2)


def rank(rows: list[list[Fraction]]) -> int:
    """Of a rational matrix, exact."""
    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in rows]).rank()


@cache
def symbol() -> sympy.Poly:
    """f as a polynomial in cos θ."""
    return PSI.gram_symbol()


# --- 1: any placement ------------------------------------------------------------------------------------------------


@cache
def largest_of_t(size: int) -> tuple[Fraction, Fraction]:
    """An enclosure of λ_max(T_n): T_n is the Gram matrix of n ReLUs with gaps 1, h⁻³ times that of gaps h = 2/n."""
    enclosure = ReLUFamily.uniform(size).spectrum("certified").largest
    scale = Fraction(size, 2) ** 3
    return Fraction(enclosure.lower) * scale, Fraction(enclosure.upper) * scale


def placements(size: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Biases and orientations on which a bound for all of them is tried."""
    equal = (2 * np.arange(size) + 1) / size - 1
    right, halves = np.ones(size), np.where(np.arange(size) < size // 2, -1.0, 1.0)
    return {
        "equal": (2 * np.arange(size) / size - 1, right),
        "towards 1": (1 - 2 * ((size - np.arange(size)) / size) ** 1.5, right),
        "random": (np.sort(np.random.default_rng(size).uniform(-1, 1, size)), right),
        "facing outward": (equal * halves, halves),
        "facing inward": (equal * -halves, -halves),
        "alternating": (equal * np.resize([1.0, -1.0], size), np.resize([1.0, -1.0], size)),
    }


@cache
def kappa_of_placement(size: int, name: str) -> tuple[float, float]:
    """An enclosure of κ(G_σ)."""
    biases, signs = placements(size)[name]
    kappa = ReLUFamily(biases, signs).certified_condition_number()
    return kappa.lower, kappa.upper


@cache
def equal_spacing(size: int) -> tuple[float, float]:
    """An enclosure of κ(G_σ) at b_j = −1 + 2(j−1)/K."""
    kappa = ReLUFamily.uniform(size).certified_condition_number()
    return kappa.lower, kappa.upper


@cache
def zigzag_factor() -> Rational:
    """‖f‖²·n³/(s³λ) for the zigzag: s/3 against Σ(2/a + 2/b)² with n sums a + b that add up to at most 2s."""
    a = sympy.Symbol("a", positive=True)
    slope = 2 / a + 2 / (1 - a)
    (best,) = [r for r in sympy.real_roots(sympy.numer(sympy.together(slope.diff(a)))) if 0 < r < 1]
    return 3 * (slope.subs(a, best) / 2) ** 2  # Jensen: Σ 1/(a + b)² >= n³/(2s)²


@check("beyond-1", "beyond-1-mixed")
def any_placement_is_quartic(factor: str, lost: int, neurons: str) -> Result:
    """κ(G_σ) >= factor·λ_max(T_{n − lost}) for K >= 3 biases in [−1, 1), n = K if all face one way, or "half": n = ⌈K/2⌉
    for any orientations; "mixed": n = K for any orientations.

    *Proof for 48 and 2.* Let s_i be the length from the i-th bias, counted from the right, to 1. The zigzag with the values
    0, 1, −1, 1, … at the i rightmost biases and at 1 has ‖f‖² = s_i/3. Its slopes change at i − 2 biases by at least 2/a +
    2/b >= 8/(a + b), and the sums a + b add up to at most 2s_i: so ‖v‖² >= 16(i−2)³/s_i² by Jensen. Hence s_i³ >= 48 λ_min
    (i−2)³. The entries g(s, s') grow with both distances and are homogeneous of degree 3, so that by Perron λ_max >= 48
    λ_min λ_max(T). With both orientations ⌈K/2⌉ neurons face one way; their matrix is a principal part of G_σ, and its
    eigenvalues lie between those of G_σ.

    The factor is derived by SymPy. A bound that is larger than the proved one is refuted if certified κ of one of six
    placements at K = 8, 20, or of equal spacing up to K = 4096, is below it; a bound that is smaller must hold for all of
    these.
    """
    bound = Rational(factor)
    proved = bound <= zigzag_factor() and lost >= 2

    def claimed(size: int, end: int) -> Fraction:
        n = (-(-size // 2) if neurons == "half" else size) - lost
        return Fraction(int(bound.p), int(bound.q)) * largest_of_t(n)[end] if n > 0 else Fraction(0)

    names = [name for name, (_, signs) in placements(2).items() if neurons != "all" or (signs > 0).all()]
    tried = [(K, kappa_of_placement(K, name)) for K in (8, 20) for name in names]
    tried += [(K, equal_spacing(K)) for K in (64, 1024, 4096)]
    refuted = any(upper < claimed(K, 0) for K, (_, upper) in tried)
    ratio = equal_spacing(4096)[0] / float(48 * largest_of_t(4094)[0])
    numbers = {"proved factor": str(zigzag_factor()), "κ/(48 λ_max(T_{K−2})), equal spacing, K = 4096": f"{ratio:.5f}"}
    return Result(False if refuted else True if proved else None, numbers)


@check("beyond-1-equal")
def equal_spacing_is_asymptotically_optimal(constant: str, shift: str) -> Result:
    """Equal spacing: κ(G_σ) <= constant/β⁴·(K + shift)⁴, β the first root of cos β cosh β = −1.

    *Proof for 48 and ½.* λ_min > h³/48 (lemma-least-eigenvalue), and λ_max = h³ λ_max(T_K). The kernel g(s, t) =
    ∫σ(s−u)σ(t−u)du is convex in s and in t, so by Jensen T_ij = g(i, j) is at most the mean of g over the cells [i−½, i+½]
    × [j−½, j+½]. These means are the matrix of the integral operator with kernel g in the orthonormal indicators of the
    cells, so λ_max(T_K) is at most the operator's largest eigenvalue on [0, K+½], (K+½)⁴/β⁴.

    From below, T_ij >= g(s, t) on [i−1, i] × [j−1, j] gives λ_max(T_n) >= n⁴/β⁴ for the bound of beyond-1: 48/β⁴ is the
    limit. A smaller bound is refuted by certified κ at K = 3, 16, 64, 1024, 4096.
    """
    mu = beam_constant() / 16  # β⁻⁴
    c, extra = Rational(constant), Rational(shift)
    proved = c >= 48 and extra >= Rational(1, 2)
    sizes = (3, 16, 64, 1024, 4096)
    bounds = [mu * int(c.p) / int(c.q) * (K + mpmath.mpf(int(extra.p)) / int(extra.q)) ** 4 for K in sizes]
    slack = 1e-12  # rounding of the bound; the closest comparison below is one of 1e-6
    refuted = any(bound * (1 + slack) < equal_spacing(K)[0] for K, bound in zip(sizes, bounds))
    numbers = {f"κ by the bound at K = {K}": f"{equal_spacing(K)[1] / float(bound):.6f}" for K, bound in zip(sizes, bounds)}
    return Result(False if refuted else True if proved else None, numbers)


# --- 2: the complete basis -------------------------------------------------------------------------------------------


def nodal_values(cells: int, boundary: str) -> list[list[Fraction]]:
    """The wavelets of a level with this many coarse cells at the fine nodes, exact; "folded" or without boundary wavelets."""
    q = two_scale_coefficients(2)
    rows = []
    for n in range(cells):
        row = [Fraction(0)] * (2 * cells + 1)
        if boundary == "folded" or 0 < n < cells - 1:
            for i, value in enumerate(q):
                place = abs(2 * n - 1 + i)
                row[place if place <= 2 * cells else 4 * cells - place] += value
            for end in {0, 2 * cells} if n in (0, cells - 1) else ():
                row[end] *= 2  # ψ(s + 1) and ψ(s + 2) meet there: the sum is even, and folding adds a node to itself
            rows.append(row)
    return rows


def refined(values: list[Fraction]) -> list[Fraction]:
    """The same piecewise-linear function on a grid of half the width."""
    middle = [(a + b) / 2 for a, b in zip(values, values[1:])]
    return [v for pair in zip(values, [*middle, Fraction(0)]) for v in pair][:-1]


def product(f: list[Fraction], g: list[Fraction]) -> Fraction:
    """Σ over cells of the integral of two piecewise-linear functions, for cells of width 6."""
    return sum((2 * a * b + a * d + c * b + 2 * c * d for a, c, b, d in zip(f, f[1:], g, g[1:])), Fraction(0))


def all_functions(levels: int, boundary: str) -> list[tuple[int, list[Fraction]]]:
    """Level (−1 for the hats) and values on the finest grid of every function of the basis."""
    result = [(-1, [Fraction(int(n == i)) for i in range(4)]) for n in range(4)]
    result += [(j, row) for j in range(levels) for row in nodal_values(3 * 2**j, boundary)]
    for number, (level, values) in enumerate(result):
        for _ in range(levels - level - 1):
            values = refined(values)
        result[number] = level, values
    return result


@check("beyond-2-span")
def basis_spans_the_relus(boundary: str, levels: list[int]) -> Result:
    """The functions span the 3·2^J + 1 dimensions of all piecewise-linear functions on their grid, as a constant and 3·2^J
    ReLUs do, and different levels are orthogonal; exact nodal values and ranks over Q for these J.

    *Every J*: V_{j+1} = V_j ⊕ W_j has 3·2^j more dimensions than V_j; by even reflection at 0 and at 3 the functions of W_j
    are wavelets on the line, which are orthogonal to hats of V_j (lemma-hats), and the block below shows that they are
    independent.
    """
    good, numbers = True, {}
    for J in levels:
        functions = all_functions(J, boundary)
        orthogonal = all(product(f, g) == 0 for i, f in functions for j, g in functions if i < j)
        dimensions = rank([values for _, values in functions])
        numbers[f"rank at J = {J}"] = f"{dimensions} of {3 * 2**J + 1}"
        good = good and orthogonal and dimensions == 3 * 2**J + 1
    return Result(good, numbers)


@cache
def blocks_are_the_symbol() -> bool:
    """54/4 of the block of wavelets of norm 1 is (7 − C)(2 + C), C the path's matrix with eigenvalues cos(πn/N); exact, N =
    3, 6, 12.

    All entries away from the corners are those of N = 12: the identity is one of banded matrices.
    """
    for cells in (3, 6, 12):
        rows = nodal_values(cells, "folded")
        gram = sympy.Matrix([[Rational(product(f, g)) for g in rows] for f in rows]) / 6 / 2  # cells of width 1/2
        path = sympy.zeros(cells)
        for n in range(cells):
            for beside in (n - 1, n + 1):
                path[n, min(max(beside, 0), cells - 1)] += Rational(1, 2)
        c = sympy.Symbol("c")
        coefficients = sympy.Poly(symbol().as_expr().subs(symbol().gen, c), c).all_coeffs()
        value = sum((a * path**p for p, a in enumerate(reversed(coefficients))), sympy.zeros(cells))
        if gram != value:
            return False
    return True


def coarse_range(coarse: str) -> tuple[sympy.Expr, sympy.Expr]:
    """The extreme eigenvalues of the coarse block for functions of norm 1."""
    if coarse == "orthonormal":
        return sympy.S(1), sympy.S(1)
    mass = sympy.Matrix(4, 4, lambda i, j: Rational({0: 4 if i in (1, 2) else 2, 1: 1}.get(abs(i - j), 0)))
    scaled = sympy.Matrix(4, 4, lambda i, j: mass[i, j] / sympy.sqrt(mass[i, i] * mass[j, j]))
    values = sorted(scaled.eigenvals(), key=sympy.N)
    return values[0], values[-1]


@check("beyond-2", "beyond-2-hats")
def complete_basis_is_well_conditioned(coarse: str, bound: str, relation: str) -> Result:
    """κ of the complete basis is below the bound, or equal to it, for every J >= 1.

    The levels are orthogonal (beyond-2-span). The block of a level with N = 3·2^j wavelets of norm 1 is 4f(C) (computed
    exactly), C the matrix of the path with a loop at each end, whose eigenvalues are cos(πn/N), n < N, with cosines as
    vectors. f increases with cos θ. So the blocks' eigenvalues lie in (4f(π), 4f(0)], the upper end is attained at every
    level, and the lower one is the limit. With the coarse block's eigenvalues in [a, b]: κ = max(4f(0), b)/min(4f(π − π/N),
    a), N = 3·2^{J−1}, which grows with J.
    """
    low, high = 4 * symbol().eval(-1), 4 * symbol().eval(1)
    slope = symbol().diff()
    increasing = slope.count_roots(-1, 1) == 0 and slope.eval(0) > 0
    a, b = coarse_range(coarse)
    first = 4 * symbol().as_expr().subs(symbol().gen, sympy.cos(sympy.pi - sympy.pi / 3))
    largest = sympy.Max(high, b)
    at_one, limit = sympy.nsimplify(largest / sympy.Min(first, a)), largest / sympy.Min(low, a)
    is_constant = at_one == limit
    stated = Rational(bound)
    holds = limit == stated if relation == "is" else (limit < stated if is_constant else limit <= stated)
    if relation == "is" and not is_constant:
        holds = False
    certified = [IntervalWaveletFamily(J, coarse).certified_condition_number() for J in (1, 2, 5, 20)]
    agree = all(k.lower <= float(limit) * (1 + 1e-15) for k in certified) and abs(certified[-1].upper - float(limit)) < 1e-10
    numbers = {"κ at J = 1": str(at_one), "limit": str(limit), "κ at J = 20": f"{certified[-1].lower:.12f}"}
    return Result(bool(holds) and increasing and blocks_are_the_symbol() and agree, numbers)


@check("beyond-2-value")
def kappa_at_each_level(cells: int) -> Result:
    """κ = f(0)/f(π − π/(cells·2^{J−1})) with an orthonormal coarse level, for every J (see beyond-2); compared with
    enclosures of the family at J = 1, …, 8.
    """
    for J in range(1, 9):
        cosine = sympy.cos(sympy.pi - sympy.pi / (cells * 2 ** (J - 1)))
        stated = (symbol().eval(1) / symbol().as_expr().subs(symbol().gen, cosine)).evalf(30)
        if float(stated) not in IntervalWaveletFamily(J).certified_condition_number():
            return Result(False, {"first J that differs": str(J)})
    return Result(blocks_are_the_symbol(), {"κ at J = 8": f"{IntervalWaveletFamily(8).condition_number():.9f}"})


@check("beyond-2-nullity")
def nullity_of_cut_wavelets(slope: int, shift: int) -> Result:
    """The wavelets of J levels that meet D, cut off at its ends, have the nullity slope·(J − shift).

    *Every J.* The cut wavelets of a level are the N functions of the complete basis and, at each end, one more, say ψ(s +
    1) cut off. It is orthogonal to all hats of its grid but the half hat at the end. A coarser half hat has the coefficient
    1 there, so that at each end the additional functions of all levels have parallel projections to the hats of level 0 and
    lie, up to these, in the span of the complete basis's wavelets: 2 dimensions for 2J functions. Exact ranks of the Gram
    matrices for J = 1, …, 4.
    """
    found = []
    for J in range(1, 5):
        family = WaveletFamily(J, shifts="covering")
        found.append(family.size - rank([list(row) for row in family.exact_pencil()[0]]))
    return Result(found == [slope * (J - shift) for J in range(1, 5)], {"nullity at J = 1, 2, 3, 4": str(found)})


@check("beyond-2-periodic")
def periodic_wavelets(kappa: str, least_levels: int) -> Result:
    """With period 3 in t, κ of the wavelets of J levels is the stated number for every J from the least one on.

    A level has N = 3·2^j shifts and a circulant matrix with the eigenvalues f(2πn/N). f(0) is among them at every level,
    and f(π) if N is even, so from level 1 on. All others lie between.
    """
    values = {symbol().eval(sympy.cos(2 * sympy.pi * n / 3)) for n in range(3)}
    if least_levels > 1:
        values |= {symbol().eval(-1), symbol().eval(1)}
    found = max(values) / min(values)
    return Result(found == Rational(kappa), {f"κ from J = {least_levels} on": str(found)})


# --- 3: spacings -----------------------------------------------------------------------------------------------------


@cache
def autocorrelation(shift: Fraction) -> Fraction:
    """⟨ψ, ψ(· − s)⟩ = Σ a_i a_j |s + (j − i)/2|³/12 for any s: |x|³/12 has the fourth derivative δ, and ψ″ = Σ a_i δ_{i/2}."""
    a = truncated_power_coefficients(2)
    return (
        sum((p * q * abs(shift + Fraction(j - i, 2)) ** 3 for i, p in enumerate(a) for j, q in enumerate(a)), Fraction(0)) / 12
    )


@cache
def spaced_symbol(spacing: Fraction) -> sympy.Poly:
    """Σ_s ⟨ψ, ψ(· − sδ)⟩ e^{isθ} as a polynomial in c = cos θ."""
    c = sympy.Symbol("c")
    products = [autocorrelation(s * spacing) for s in range(int(3 / spacing) + 1)]
    terms = [(2 if s else 1) * Rational(p) * sympy.chebyshevt(s, c) for s, p in enumerate(products)]
    return sympy.Poly(sum(terms), c)


@cache
def range_of_symbol(spacing: Fraction) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Its least and largest value on [−1, 1]: at the ends and the stationary points, with 40 digits."""
    polynomial = spaced_symbol(spacing)
    points = [sympy.S(-1), sympy.S(1)]
    if polynomial.degree() > 1:
        points += [
            r for r in sympy.Poly(polynomial.diff(), polynomial.gen).nroots(n=40, maxsteps=200) if r.is_real and -1 < r < 1
        ]
    values = [mpmath.mpf(str(polynomial.eval(p).evalf(40))) for p in points]
    return min(values), max(values)


@check("beyond-3")
def stable_spacings(multiple: int) -> Result:
    """κ of ψ(· − kδ), k = 1, …, K, is bounded for all K exactly if 1/(multiple·δ) is not a positive integer.

    The symbol is (1/δ)Σ_n |ψ̂((θ + 2πn)/δ)|². |ψ̂(ω)| = (4/3)(1−c)²(2−c)/ω², c = cos(ω/2), is 0 exactly for ω ∈ 4πZ. So the
    symbol has a zero exactly if all (θ + 2πn)/δ are in 4πZ, that is if 2π/δ is, and θ = 0. The check counts exact zeros on
    [−1, 1] (Sturm) for 19 rational δ.
    """
    pairs = [*((n, 1) for n in (3, 2, 1)), (3, 2), (9, 10), (3, 4), (2, 3), (3, 5), (2, 5), (3, 8), (3, 10), (2, 9)]
    spacings = [Fraction(*pair) for pair in [*pairs, *((1, n) for n in range(2, 9))]]
    wrong = []
    for spacing in spacings:
        polynomial = spaced_symbol(spacing)
        stable = polynomial.degree() < 1 or polynomial.count_roots(-1, 1) == 0
        if stable is ((1 / (multiple * spacing)).denominator == 1):
            wrong.append(spacing)
    return Result(not wrong, {"spacings at which it differs": ", ".join(map(str, wrong)) or "none"})


@check("beyond-3-values")
def suprema_at_spacings(spacings: list[str], values: list[str]) -> Result:
    """sup over K of κ at these spacings: largest by smallest value of the symbol, to the digits given."""
    found = []
    for spacing in map(Fraction, spacings):
        low, high = range_of_symbol(spacing)
        found.append(high / low)
    agree = all(rounds_to(value, printed) for value, printed in zip(found, values, strict=True))
    return Result(agree, {f"sup κ at δ = {s}": mpmath.nstr(v, 8) for s, v in zip(spacings, found)})


def cardinal_power(c: sympy.Expr) -> sympy.Expr:
    """(9/16)ω⁴|ψ̂(ω)|² with c = cos(ω/2)."""
    return (1 - c) ** 4 * (2 - c) ** 2


@cache
def least_at_fine_spacings(least: Fraction) -> bool:
    """Whether M³ times the symbol at δ = 1/M is at least this for all θ and odd M, and is equal to it at θ = π; exact.

    With p = sin²(θ/4) and c = cos(Mθ/2) the claim is P(c, p) >= 0 for the polynomial below, here for *all* |c| <= 1 and 0 <=
    p <= 1, and P(0, 1/2) = 0. P(−c, 1 − p) = P(c, p), so c >= 0 is enough. For 0 < c < 1 the discriminant with respect to p
    has no zero and P > 0 at p = 0, 1: so the number of roots in (0, 1) does not depend on c, and at c = 1/2 there is none.
    """
    c, p = sympy.symbols("c p")
    level = 432 * Rational(least.numerator, least.denominator)  # 9·768/16
    left, right = cardinal_power(c), cardinal_power(-c)
    P = left * (3 - 2 * p) * (1 - p) ** 2 + right * (1 + 2 * p) * p**2 - level * p**2 * (1 - p) ** 2
    P = sympy.expand(P)
    if P.subs({c: 0, p: Rational(1, 2)}) != 0 or sympy.expand(P.subs({c: -c, p: 1 - p}, simultaneous=True) - P) != 0:
        return False
    _, factors = sympy.factor_list(sympy.discriminant(P, p), c)
    inner = [sympy.Poly(factor, c).count_roots(0, 1) for factor, _ in factors if factor not in (c, c - 1)]
    ends = [sympy.expand(P.subs(p, 0) - 3 * left), sympy.expand(P.subs(p, 1) - 3 * right)]
    inside = sympy.Poly(P.subs(c, Rational(1, 2)), p).count_roots(0, 1)
    return not any(inner) and ends == [0, 0] and inside == 0 and all(_never_negative(P.subs(c, value), p) for value in (0, 1))


def _never_negative(polynomial: sympy.Expr, p: sympy.Symbol) -> bool:
    """On [0, 1], exact: no root of odd order inside, and positive between the others."""
    _, factors = sympy.Poly(polynomial, p).sqf_list()
    roots = {r for factor, order in factors if order % 2 for r in sympy.real_roots(factor) if 0 < r < 1}
    places = (Rational(n, 97) for n in range(1, 97))
    return not roots and sympy.Poly(polynomial, p).eval(next(x for x in places if polynomial.subs(p, x) != 0)) > 0


@check("beyond-3-fine")
def fine_spacings_are_quartic(constant: str, exponent: int, least: str) -> Result:
    """δ^exponent·sup κ tends to the constant along δ = 1/M, M odd, and M³ times the symbol is at least ``least``, its value
    at π.

    With c = cos(ω/2): |ψ̂(ω)|² = (16/9)(1−c)⁴(2−c)²/ω⁴ <= 256/ω⁴. The least value is exact for all odd M, see
    ``least_at_fine_spacings``. The largest one is between M·max|ψ̂|² and that plus (16/3)M⁻³: at most one of the arguments
    M(θ + 2πn), |θ| <= π, is below πM, and the others are at least (2n − 1)πM, with Σ 1/(2n−1)⁴ = π⁴/96 on either side. So
    the limit is max|ψ̂|²/least. max|ψ̂|² is the one stationary point below ω = 2π (docs/theorems), with 30 digits. Both
    bounds are compared with the roots' values for M = 3, 7, 15.
    """
    with mpmath.workdps(30):
        squared = mpmath.findroot(
            lambda w: mpmath.diff(lambda u: (1 - mpmath.cos(u / 2)) ** 2 * (2 - mpmath.cos(u / 2)) / u**2, w), 5.1
        )
        c = mpmath.cos(squared / 2)
        largest = mpmath.mpf(16) / 9 * (1 - c) ** 4 * (2 - c) ** 2 / squared**4
        bottom = Fraction(least)
        limit = largest * bottom.denominator / bottom.numerator
    agree, ratios = least_at_fine_spacings(bottom), {}
    for M in (3, 7, 15):
        low, high = range_of_symbol(Fraction(1, M))
        agree = agree and abs(low * bottom.denominator * M**3 / bottom.numerator - 1) < mpmath.mpf("1e-20")
        agree = agree and -mpmath.mpf("1e-20") < high / M - largest <= mpmath.mpf(16) / 3 / M**4
        ratios[M] = high / low / mpmath.mpf(M) ** exponent
    tends = abs(ratios[15] / limit - 1) < 2e-5 and abs(ratios[15] - limit) < abs(ratios[7] - limit) < abs(ratios[3] - limit)
    numbers = {f"κ/M^{exponent} at M = {M}": mpmath.nstr(v, 8) for M, v in ratios.items()}
    return Result(agree and tends and rounds_to(limit, constant), numbers | {"limit": mpmath.nstr(limit, 8)})


# --- 4: finite samples -----------------------------------------------------------------------------------------------


@cache
def sampled_kappa(levels: int, each: int, where: str) -> float:
    """κ(ΦΦᵀ) of Theorem 3.3's neurons on the grid of ends or of midpoints, ``each`` samples to a cell of 2^−J in t."""
    count = 3 * 2**levels * each
    x = 2 * np.arange(count + 1) / count - 1 if where == "ends" else (2 * np.arange(count) + 1) / count - 1
    values = np.linalg.svd(WaveletFamily(levels)(x), compute_uv=False)
    return float((values[0] / values[-1]) ** 2)


@check("beyond-4", "beyond-4-midpoints")
def samples_change_little(where: str, extra: str) -> Result:
    """κ(ΦΦᵀ) < (9/4)(1 + e/m²) on the grid of m intervals for each cell, ends included; on their midpoints < (9/4)m²/(m² −
    e), m >= 2; for every J.

    On a cell f is linear, from a to b. The trapezoidal sum of f² is ∫f² + (b−a)²h/(6m²), the midpoint sum ∫f² −
    (b−a)²h/(12m²) (SymPy, for every m), and (b−a)² <= 4·(a² + ab + b²) = 12∫f²/h, with equality at b = −a. So the sums lie
    between ∫f² and (1 + 2/m²)∫f², or between (1 − 1/m²)∫f² and ∫f². f is 0 at the ends of D, so that the plain sum is the
    trapezoidal one. A smaller e is refuted by κ(ΦΦᵀ) at J = 6.
    """
    a, b, m, i = sympy.symbols("a b m i", positive=True)
    value = a + (b - a) * (i if where == "ends" else i + Rational(1, 2)) / m
    total = sympy.summation(sympy.expand(value**2), (i, 0, m - 1)) / m
    if where == "ends":
        total += (b**2 - a**2) / 2 / m
    off = sympy.factor(sympy.simplify(total - (a**2 + a * b + b**2) / 3))
    part = sympy.simplify(off * m**2 / (b - a) ** 2)  # 1/6 or −1/12, times 12: e
    proved = abs(12 * part)
    e = Fraction(extra)
    pairs = [(6, each) for each in ((1, 2, 3) if where == "ends" else (2, 3))]
    bounds = [Fraction(9, 4) * ((1 + e / n**2) if where == "ends" else n**2 / (n**2 - e)) for _, n in pairs]
    kappas = [sampled_kappa(J, n, where) for J, n in pairs]
    slack = 1e-9  # LAPACK: 1e-13
    refuted = any(kappa > float(bound) * (1 + slack) for kappa, bound in zip(kappas, bounds))
    holds = False if refuted else True if part.is_constant() and Rational(extra) >= proved else None
    return Result(holds, {f"κ at J = 6, m = {n}": f"{kappa:.4f}" for (_, n), kappa in zip(pairs, kappas)})


@check("beyond-4-relu")
def samples_do_not_help_relus(factor: str, exponent: int) -> Result:
    """κ(ΦΦᵀ) >= factor·mean((x+1)²)(K−2)^exponent for K >= 3 increasing biases with b₁ = −1 and any N samples in D.

    *Proof for 4 and 3.* λ_max is at least the squared norm of the first neuron, Σ(x+1)². For λ_min let f be the sum with
    alternating signs of hats of height 1 over neighbouring gaps: a zigzag as in beyond-1, with f² <= 1 at every sample and
    the slopes' changes as there: ‖Φᵀv‖² <= N and ‖v‖² >= 16(K−2)³/4, as s <= 2. An exponent that is too large is refuted by
    equal spacing on 20 K samples at K = 64.
    """
    K = 64
    x = np.linspace(-1, 1, 20 * K)
    features = ReLUFamily.uniform(K)(x)
    values = np.linalg.svd(features, compute_uv=False)  # κ(Φ) is about 1e4: known to 1e-12
    kappa = float((values[0] / values[-1]) ** 2)
    stated = float(Fraction(factor)) * float(np.mean((x + 1) ** 2)) * (K - 2.0) ** exponent
    proved = Rational(factor) <= zigzag_factor() / 3 / 4 and exponent <= 3
    numbers = {"κ(ΦΦᵀ) at K = 64, N = 1280": f"{kappa:.4g}", "stated bound": f"{stated:.4g}"}
    return Result(False if kappa < stated else True if proved else None, numbers)


# --- 5: random biases ------------------------------------------------------------------------------------------------

RANDOM_SIZES = (16, 64, 256, 1024)
SEEDS = 101


@cache
def random_kappas(size: int) -> tuple[list[float], bool]:
    """κ for each seed, and whether λ_min lies between μ/96 and μ/3 for all of them; see the check."""
    kappas, inside = [], True
    for seed in range(SEEDS):
        biases = np.sort(np.random.default_rng([seed, size]).uniform(-1, 1, size))
        spectrum = ReLUFamily(biases).spectrum("structured")
        kappas.append(spectrum.condition_number)
        gaps = np.diff(np.r_[biases, 1.0])
        mu = min(float(np.min((gaps[1:] + gaps[:-1]) * np.minimum(gaps[1:], gaps[:-1]) ** 2)), float(gaps[-1] ** 3))
        inside = inside and mu / 96 <= spectrum.smallest <= mu / 3
    return kappas, inside


@check("beyond-5")
def random_biases_are_worse(exponent: int) -> Result:
    """κ(G_σ) = Θ_P(K^exponent) for independent biases that are uniform on [−1, 1].

    With the gaps g_i let μ = min_i (g_i + g_{i+1})·min(g_i, g_{i+1})², and g³ for the last one. For the values y_i at the
    biases ∫f² >= Σ y_i²(g_i + g_{i+1})/6 and ‖v‖² <= 8Σ y_i²(1/g_i² + 1/g_{i+1}²), so λ_min >= μ/96; hats give λ_min <=
    μ/3. The gaps are like 1/K times independent exponential variables, for which P(μ <= εK⁻⁵) is between positive multiples
    of √ε: μ is of order K⁻⁵ in probability, and λ_max of order K.

    Tried on 101 seeds for each K of 16, 64, 256, 1024: both bounds of λ_min, and that the medians of κ grow with the slope
    of this exponent in logarithmic scales, to within ½. P(κ > cK⁶) falls like c^(−1/2), so that the logarithm of a median
    over 101 seeds has an error of about 2·(1/(2·½))/√101 < 0.3, and the slope over log 64 one below 0.1.
    """
    medians = [float(np.median(random_kappas(K)[0])) for K in RANDOM_SIZES]
    slope = float(np.polyfit(np.log(RANDOM_SIZES), np.log(medians), 1)[0])
    numbers = {f"median of κ/K⁶ at K = {K}": f"{m / K**6:.1f}" for K, m in zip(RANDOM_SIZES, medians)}
    return Result(abs(slope - exponent) < 0.5 and all(random_kappas(K)[1] for K in RANDOM_SIZES), numbers)


# --- 6: trained biases -----------------------------------------------------------------------------------------------


@cache
def sampled_functions(levels: int, derivative: int) -> np.ndarray:
    """ψ_{j,k} or ψ'_{j,k} at two Gauss points of each cell, times the roots of the weights: products are exact integrals."""
    cells = 3 * 2**levels
    nodes, weights = leggauss(2)
    t = ((np.arange(cells)[:, None] + (nodes + 1) / 2) * 3 / cells).ravel()
    pieces = np.array([[float(c) for c in piece] for piece in wavelet_pieces(2)])
    rows = []
    for j, k in WaveletFamily(levels).index:
        u = 2 * (2.0**j * t - k)
        cell = np.floor(u).astype(int)
        inside = (cell >= 0) & (cell < len(pieces))
        value, slope = pieces[np.clip(cell, 0, len(pieces) - 1)].T
        rows.append(np.where(inside, slope if derivative else value + slope * (u - cell), 0.0))
    features = np.array(rows) * np.sqrt(np.tile(weights, cells))
    return features / np.linalg.norm(features, axis=1)[:, None]


def kappa_of(features: np.ndarray) -> float:
    """κ of the Gram matrix of the rows by LAPACK: known to K·2^-53·κ of itself."""
    values = np.linalg.eigvalsh(features @ features.T)
    return float(values[-1] / values[0])


@check("beyond-6")
def tangent_features(values: list[str], features: str) -> Result:
    """κ of {ψ_{j,k}, ψ'_{j,k}}, all with norm 1, for Theorem 3.3's neurons of J = 2, 3, … levels, or of one of the two
    kinds alone.

    ψ'_{j,k} is the derivative with respect to the bias. Products of features are exact with two Gauss points for each cell,
    up to rounding; K·2^-53·κ < 2e-10 for K = 254 and κ <= 5100.
    """
    found = []
    for J in range(2, 2 + len(values)):
        parts = {"both": [0, 1], "ψ": [0], "ψ'": [1]}[features]
        found.append(kappa_of(np.vstack([sampled_functions(J, derivative) for derivative in parts])))
    agree = all(rounds_to(mpmath.mpf(value), printed) for value, printed in zip(found, values))
    return Result(agree, {f"κ at J = {J}": f"{value:.6g}" for J, value in enumerate(found, 2)})


@check("beyond-6-weights")
def all_tangent_features_are_dependent(levels: int, features: str) -> Result:
    """The features {ψ_{j,k}, ψ'_{j,k}, tψ'_{j,k}} of output weights, biases and input weights are linearly dependent for J
    levels, and so for every larger number, as it has them among its own.

    On each cell of length 2^-J in t they are affine. The rank of their values at both ends of all cells is computed over Q.
    """
    cells = 3 * 2**levels
    pieces = wavelet_pieces(2)
    rows = []
    for j, k in WaveletFamily(levels).index:
        values, slopes, products = [], [], []
        for n in range(cells):
            place = Fraction(2 * (2**j * 3 * n - k * cells), cells)  # of the cell's left end in half-units of the wavelet
            for step in (Fraction(0), Fraction(2**j * 6, cells)):
                inside = 0 <= place < len(pieces)
                constant, slope = pieces[math.floor(place)] if inside else (Fraction(0), Fraction(0))
                values.append(constant + slope * (place + step - math.floor(place)) if inside else Fraction(0))
                slopes.append(slope)
                products.append(slope * (place + step))
        rows += [row for row, name in zip((values, slopes, products), ("ψ", "ψ'", "tψ'")) if name in features.split(", ")]
    dimensions = rank(rows)
    return Result(dimensions < len(rows), {"rank": f"{dimensions} of {len(rows)}"})


@check("beyond-6-scale")
def tangent_features_at_one_scale(supremum: str) -> Result:
    """sup over K of κ of {ψ(· − k), ψ'(· − k)}, norm 1, k = 1, …, K, on the line.

    The matrix is block Toeplitz with the symbol [[A, iB], [−iB, D]]: A and D are those of ψ and ψ' by their norms, and B =
    2Σ b_s sin sθ from b_s = ⟨ψ, ψ'(· − s)⟩. κ's supremum is the largest by the smallest eigenvalue over θ, found on a grid
    of 10⁵ points; at a smooth extremum the grid's error is of order 10⁻⁹.
    """
    theta = np.linspace(0, np.pi, 10**5 + 1)
    pieces = [[Fraction(c) for c in piece] for piece in wavelet_pieces(2)]
    slopes = [2 * p[1] for p in pieces]

    def products(kind: str, s: int) -> float:
        total = Fraction(0)
        for i in range(max(0, 2 * s), min(6, 6 + 2 * s)):
            mean = pieces[i][0] + pieces[i][1] / 2
            total += (mean if kind == "cross" else slopes[i]) * slopes[i - 2 * s] / 2
        return float(total)

    a = [float(p) / float(PSI.norm_squared) for p in PSI.autocorrelation]
    A = a[0] + 2 * sum(c * np.cos(s * theta) for s, c in enumerate(a) if s)
    energy = products("slopes", 0)
    D = 1 + 2 * sum(products("slopes", s) / energy * np.cos(s * theta) for s in (1, 2))
    scale = math.sqrt(float(PSI.norm_squared) * energy)
    B = 2 * sum(products("cross", s) / scale * np.sin(s * theta) for s in (1, 2))
    root = np.hypot((A - D) / 2, B)
    found = float(((A + D) / 2 + root).max() / ((A + D) / 2 - root).min())
    return Result(rounds_to(mpmath.mpf(found), supremum), {"sup κ": f"{found:.6f}"})


# --- 7: every order --------------------------------------------------------------------------------------------------


def spline_symbol(order: int, c: sympy.Expr) -> sympy.Expr:
    """Φ_m as a polynomial in cos ω: Σ_k N_{2m}(m + k) cos kω."""
    values = [cardinal_bspline_at_integer(2 * order, order + k) for k in range(order)]
    return sum((2 if k else 1) * Rational(v) * sympy.chebyshevt(k, c) for k, v in enumerate(values))


@check("beyond-7")
def symbol_of_each_order(orders: list[int], factors: str) -> Result:
    """The symbol of the integer shifts of ψ_m is Φ_m(θ/2)Φ_m(θ/2 + π)Φ_m(θ), or another product of these; identities of
    polynomials in cos(θ/2), exact, for these m.
    """
    x = sympy.Symbol("x")
    for m in orders:
        exact = BSplineWavelet(m).gram_symbol()
        known = {"half": x, "half + π": -x, "whole": 2 * x**2 - 1}
        stated = sympy.Integer(1)
        for name in factors.split(", "):
            stated *= spline_symbol(m, known[name])
        if sympy.expand(exact.as_expr().subs(exact.gen, 2 * x**2 - 1) - stated) != 0:
            return Result(False, {"first order that differs": str(m)})
    return Result(True)


@check("beyond-7-values")
def kappa_of_each_order(values: list[str]) -> Result:
    """sup κ of all integer shifts of ψ_m at one scale, m = 1, 2, …: exact algebraic numbers, rounded to the digits given."""
    found = [BSplineWavelet(m).gram_condition_number() for m in range(1, len(values) + 1)]
    numbers = [value if value.is_Rational else mpmath.mpf(str(value.evalf(30))) for value in found]
    agree = all(rounds_to(value, printed) for value, printed in zip(numbers, values))
    return Result(agree, {f"κ of order {m}": str(sympy.N(value, 10)) for m, value in enumerate(found, 1)})


def height(a: mpmath.mpf) -> mpmath.mpf:
    """h(a) = (2 sin²a/(a²(π−a)))²: the leading term of the m-th root of f_m(2a)."""
    return (2 * mpmath.sin(a) ** 2 / (a**2 * (mpmath.pi - a))) ** 2


@cache
def peak() -> tuple[mpmath.mpf, mpmath.mpf]:
    """Where h is largest, and its largest value by that at π/2, with 60 digits; ln h is concave on (0, π/2]."""
    with mpmath.workdps(60):
        a = mpmath.findroot(lambda u: 2 * mpmath.cot(u) - 2 / u + 1 / (mpmath.pi - u), 0.57)
        return a, height(a) / height(mpmath.pi / 2)


@cache
def kappa_by_product(order: int) -> mpmath.mpf:
    """κ_m by the product of beyond-7: its largest value is stationary near the peak of h, its least one at θ = π."""
    with mpmath.workdps(60):
        values = [cardinal_bspline_at_integer(2 * order, order + k) for k in range(order)]
        exact = [mpmath.mpf(v.numerator) / v.denominator for v in values]

        def f(a: mpmath.mpf) -> mpmath.mpf:
            factors = (
                exact[0] + 2 * sum(v * mpmath.cos(k * w) for k, v in enumerate(exact) if k) for w in (a, a + mpmath.pi, 2 * a)
            )
            return mpmath.fprod(factors)

        return f(mpmath.findroot(lambda u: mpmath.diff(f, u), peak()[0])) / f(mpmath.pi / 2)


@check("beyond-7-ratio")
def growth_of_kappa_with_the_order(limit: str, factor: str) -> Result:
    """κ_m/L^m tends to the factor for L = the limit, the largest value of (π³ sin²a/(8a²(π−a)))² on (0, π); so κ_{m+1}/κ_m
    → L.

    *Proof for ½* (docs/theorems). f_m(2a) = h(a)^m R_m(a) on [0, π/2], where R_m is a product of three sums 1 + Σ r^{2m},
    |r| <= 1, and so falls with m. ln h is strictly concave on (0, π/2], since its second derivative is below 2(−2/3 + 4/π²)
    < 0, and h(0) > h(π/2), as π⁴ > 64: so h has one peak inside and is least at π/2. At the peak R_m → 1; at π/2 R_m → 2,
    as θ = π lies between two equal terms, and near it f_m >= h(a)^m + h(π − a)^m, which is 2h(π/2)^m cosh(4δm/π) up to a
    factor that tends to 1.

    Tried: κ_m/L^m at m = 8, 12, 24 with 60 digits is within 3·0.48^m of the factor, where 0.48 bounds r² at the peak.
    """
    a, largest = peak()
    with mpmath.workdps(60):
        ratio = ((mpmath.pi - a) / (mpmath.pi + a)) ** 2
        stated = mpmath.mpf(Rational(factor).p) / Rational(factor).q
        scaled = {m: kappa_by_product(m) / largest**m for m in (8, 12, 24)}
        near = ratio < 0.48 and all(abs(value - stated) < 3 * mpmath.mpf("0.48") ** m for m, value in scaled.items())
    numbers = {"L": mpmath.nstr(largest, 10)} | {f"κ_{m}/L^{m}": mpmath.nstr(v, 10) for m, v in scaled.items()}
    return Result(near and rounds_to(largest, limit), numbers)


@check("beyond-7-gershgorin")
def discs_end_at_an_order(last_order: int) -> Result:
    """Gershgorin's discs prove a bounded κ for the orders m = 1, …, last and for no larger one: 2Σ|⟨ψ, ψ(·−s)⟩| < ‖ψ‖².

    Exact for m = 1, …, 10. *For m >= 10*: they fail if the symbol f_m is anywhere at least 2‖ψ_m‖², twice its mean. As in
    beyond-7-ratio f_m(2a) = h(a)^m R_m(a) with R_m >= 1 that falls with m, so with h* = max h the mean grows at most, and
    the largest value at least, by h* with each order. So h*^10 >= 2‖ψ_10‖² is enough; h(0.57) <= h* in ball arithmetic.
    """
    proves = {
        m: 2 * sum(map(abs, BSplineWavelet(m).autocorrelation[1:])) < BSplineWavelet(m).norm_squared for m in range(1, 11)
    }
    a = arb(57) / 100
    below = ((2 * a.sin() ** 2 / (a**2 * (arb.pi() - a))) ** 2) ** 10
    twice = 2 * BSplineWavelet(10).norm_squared
    fails_from_there = bool(below > arb(int(twice.p)) / int(twice.q))
    largest = max(m for m, good in proves.items() if good)
    numbers = {"largest order": str(largest), "h(0.57)^10/(2‖ψ_10‖²)": f"{float(below) / float(twice):.4f}"}
    return Result(fails_from_there and all(bool(good) is (m <= last_order) for m, good in proves.items()), numbers)


@check("beyond-7-variation")
def variation_of_each_order(base: int) -> Result:
    """The total variation of ψ_m^{(m−1)} is base^m.

    *Every m.* The jumps are the coefficients of 2^{m−1}(1 − z)^m Σq_n z^n. (−1)^n q_n > 0, so they alternate, and their
    absolute values add up to the value at z = −1: 2^{m−1}·2^m·Σ|q_n| = 2^{m−1}·2^m·2, as Σ|q_n| = 2^{1−m}·2^m. Computed for
    m = 1, …, 12.
    """
    found = [BSplineWavelet(m).variation for m in range(1, 13)]
    alternating = all((-1) ** n * q > 0 for m in range(1, 13) for n, q in enumerate(two_scale_coefficients(m)))
    return Result(alternating and found == [base**m for m in range(1, 13)], {"at m = 1, 2, 3": ", ".join(map(str, found[:3]))})


# --- 8: ridges -------------------------------------------------------------------------------------------------------

Line = tuple[Fraction, Fraction, Fraction]  # a, b, c: a x + b y − c


def clipped(polygon: list[tuple[Fraction, Fraction]], axis: int, end: int, sign: int) -> list[tuple[Fraction, Fraction]]:
    """The part of a convex polygon where sign·(coordinate − end) >= 0."""
    result = []
    for p, q in zip(polygon, polygon[1:] + polygon[:1]):
        u, v = sign * (p[axis] - end), sign * (q[axis] - end)
        if u >= 0:
            result.append(p)
        if u * v < 0:
            r = u / (u - v)
            result.append((p[0] + r * (q[0] - p[0]), p[1] + r * (q[1] - p[1])))
    return result


def integral_over(polygon: list[tuple[Fraction, Fraction]], f: tuple, g: tuple, axis: int) -> Fraction:
    """∫ (f_0 + f_1 u)(g_0 + g_1 z) over a convex polygon, z = u or v by the axis: exact, by midpoints of sides of triangles."""
    total, p = Fraction(0), polygon[0]
    for q, r in zip(polygon[1:], polygon[2:]):
        area = abs((q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1])) / 2
        middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in ((p, q), (q, r), (r, p))]
        total += area * sum((f[0] + f[1] * m[0]) * (g[0] + g[1] * m[axis]) for m in middles) / 3
    return total


def profile_pieces(profile: str) -> list[tuple[Fraction, Fraction]]:
    """Constant and slope on the half-units of [0, 3]: of ψ, or of the hat on [0, 3], which has a mean."""
    if profile == "ψ":
        return [(p[0] - n * p[1], 2 * p[1]) for n, p in enumerate(wavelet_pieces(2))]
    return [(Fraction(0), Fraction(2, 3))] * 3 + [(Fraction(2), Fraction(-2, 3))] * 3


def ridge_product(first: Line, second: Line, profile: str) -> Fraction:
    """∫ over [−1, 1]² of the product of two ridges, times a positive number; exact, cell by cell.

    The coordinates are u of the first ridge and v of the second one, or for parallel ridges u and one that is orthogonal.
    """
    pieces = profile_pieces(profile)
    (a, b, c), (d, e, _) = first, second
    parallel = a * e == b * d
    lines = (first, (-b, a, Fraction(0)) if parallel else second)
    corners = [tuple(p * x + q * y - r for p, q, r in lines) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    total = Fraction(0)
    for i in range(6):
        strip = clipped(clipped(corners, 0, Fraction(i, 2), 1), 0, Fraction(i + 1, 2), -1)
        for j in range(6):
            if parallel:  # the same direction, and a distance of half-units
                other = i + 2 * (c - second[2])
                cell = strip if other == j else []
                g = (pieces[j][0] + pieces[j][1] * (c - second[2]), pieces[j][1])
                total += sum((integral_over(part, pieces[i], g, 0) for part in [cell] if len(part) > 2), Fraction(0))
                continue
            cell = clipped(clipped(strip, 1, Fraction(j, 2), 1), 1, Fraction(j + 1, 2), -1)
            if len(cell) > 2:
                total += integral_over(cell, pieces[i], pieces[j], 1)
    return total


@check("beyond-8")
def ridges_are_orthogonal(first: list[str], second: list[str], profile: str) -> Result:
    """∫ over [−1, 1]² of ψ(a·x − b)ψ(c·x − d) is 0, for the ridges (a, b) and (c, d).

    If the strips 0 < a·x − b < 3 and 0 < c·x − d < 3 meet only inside of the domain, the substitution u = a·x − b, v = c·x
    − d makes the integral (∫ψ)²/|det| = 0; in more dimensions, u and v and coordinates that are orthogonal to both. The
    integral is computed exactly, as a sum over polygons.
    """
    lines = [tuple(map(Fraction, line)) for line in (first, second)]
    value = ridge_product(*lines, profile)
    return Result(value == 0, {"∫ times a positive number": f"{float(value):.6g}" if value else "0"})


# --- 9: second-order problems ----------------------------------------------------------------------------------------


@check("beyond-9")
def derivatives_vanish_almost_everywhere(derivative: int) -> Result:
    """The derivatives of this order of a ψ-network are 0 almost everywhere, for any depth and any weights.

    ψ is affine on each of its pieces (their degrees are read off), and compositions and sums of piecewise affine maps are
    piecewise affine: outside of finitely many hyperplanes' pieces all second derivatives are 0. A loss of second
    derivatives at samples then has the gradient 0 with respect to all weights, for almost all samples.
    """
    degree = max(p for piece in PSI.pieces for p, c in enumerate(piece) if c)
    return Result(derivative > degree, {"degree of the pieces": str(degree)})


@check("beyond-9-weak")
def weak_form_is_well_conditioned(values: list[str], norm: str) -> Result:
    """κ of the stiffness matrix ∫ψ'_{j,k}ψ'_{i,l} of Theorem 3.3's neurons, normalized in this norm, for J = 2, 3, … levels."""
    found = []
    for J in range(2, 2 + len(values)):
        features = sampled_functions(J, 1)
        if norm == "L2":  # ψ_{j,k} with norm 1 has a slope of the order of 2^j
            features = features * np.array([2.0**j for j, _ in WaveletFamily(J).index])[:, None]
        found.append(kappa_of(features))
    agree = all(rounds_to(mpmath.mpf(value), printed) for value, printed in zip(found, values))
    return Result(agree, {f"κ at J = {J}": f"{value:.5g}" for J, value in enumerate(found, 2)})
