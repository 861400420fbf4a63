"""Section 4 and (48)-(53): variation norms and the scale c."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import sympy

from bwtheory.claims import Result, check
from bwtheory.representation import bwrelu_to_relu
from bwtheory.variation import (
    PiecewiseLinear,
    bwrelu_norm_formula,
    deep_norm_formula,
    deep_norm_invariant,
    merged_norm,
    multiscale_kink,
    total_variation,
)
from bwtheory.wavelet import BSplineWavelet

PSI = BSplineWavelet(2)


def fractions(*numbers) -> np.ndarray:
    return np.array([Fraction(n) for n in numbers], dtype=object)


def expand(neuron: str, v, w, b, scale) -> PiecewiseLinear:
    if neuron == "ReLU":
        return PiecewiseLinear.from_relu(v, [scale * x for x in w], [scale * x for x in b])
    return PiecewiseLinear.from_bwrelu(v, w, b, scale=scale)


@cache
def networks(kind: str):
    """Exact univariate networks (v, w, b): single neurons, generic ones, and generic ones with neurons that share
    knots.
    """
    rng = np.random.default_rng(0)
    sizes = [1] * 8 if kind == "one neuron" else [2, 3, 5, 8]
    chosen = [[fractions(*(int(n) for n in rng.integers(1, 40, K))) / 7 for _ in range(3)] for K in sizes]
    for v, w, b in chosen:
        v *= rng.choice([-1, 1], len(v))
        w *= rng.choice([-1, 1], len(w))
        b += fractions(*range(len(b))) / 1009  # no two knots of these networks coincide
    if kind == "all":
        one = Fraction(1)
        chosen += [
            [fractions(1, -1), fractions(1, -1), fractions(0, 0)],  # σ(x) − σ(−x) = x
            [fractions(1, -1), fractions(2, 1), fractions(0, 0)],
            [fractions(*((-1) ** k for k in range(9))), one * np.ones(9, dtype=object), fractions(*range(9))],
        ]
    return chosen


@check("eq-21", "eq-22", "eq-24", "eq-25", "eq-30", "eq-30-networks")
def formula_against_the_norm(
    neuron: str, factor: str, kind: str, relation: str, domain: str = "R", scale: str = "1", power: int = 1
) -> Result:
    """factor·c^power·Σ|v_k||w_k| against the exact TV(f') of Σ v_k ζ(c(w_k x − b_k)), in rational arithmetic.

    A neuron v σ(w x − b) has one kink, of size |v||w|; ψ has seven, whose sizes add up to TV(ψ') = Σ|a_i| = 16, and c
    multiplies every slope.  For one neuron on R the formula is therefore the norm, and by projection along w so it is
    on R^d.  For a network it is the triangle inequality: kinks of different neurons at one place add before the
    absolute value is taken.  They do so at Theorem 3.3's dyadic knots all the time, and in σ(x) − σ(−x) = x, whose norm
    is 0 and whose formula is 2.  On a bounded domain kinks outside do not count.  The networks checked: single neurons,
    networks in general position, and some with shared knots.
    """
    c = Fraction(scale)
    ends = None if domain == "R" else (-1, 1)
    for v, w, b in networks(kind):
        norm = total_variation(expand(neuron, v, w, b, c), ends)
        formula = Fraction(factor) * c**power * sum(abs(x) * abs(y) for x, y in zip(v, w))
        if (relation == "equal" and norm != formula) or norm > formula:
            return Result(False, {"a network with norm": str(norm), "and formula": str(formula)})
    return Result(True)


@check("eq-25-index")
def formula_with_and_without_index(indexed: bool) -> Result:
    """A network of three different neurons in general position: Σ_k ‖v_k‖‖w_k‖ or, as printed, the sum over k of one
    ‖v‖‖w‖.
    """
    v, w, b = (list(a[:3]) for a in networks("generic")[1])
    terms = [abs(x) * abs(y) for x, y in zip(v, w)] if indexed else [abs(v[0]) * abs(w[0])] * 3
    norm = total_variation(PiecewiseLinear.from_bwrelu(v, w, b))
    return Result(norm == Fraction(str(PSI.variation)) * sum(terms), {"norm": str(norm)})


@check("eq-25-gap")
def distance_of_formula_and_norm(ratio: str, scales: str) -> Result:
    """The formula is at most `ratio` times the norm.

    For one scale and integer shifts: jumps at half-integers involve three neurons, so the norm is at least (|a₃| − |a₁|
    − |a₅|) Σ|v_k| = (8/3) Σ|v_k|, a sixth of the formula, and Σ(−1)^k ψ(x−k) comes arbitrarily close: each further
    neuron adds 8/3 to the norm and 16 to the formula.  For several scales there is no such number: the wavelet
    expansion of one kink over J scales has bounded norm, while the formula grows in proportion to J.
    """
    if scales == "one":
        odd = [abs(a) for a in PSI.relu_coefficients[1::2]]
        bound = PSI.variation / (odd[1] - odd[0] - odd[2])
        norms = [
            total_variation(PiecewiseLinear.from_bwrelu([(-1) ** k for k in range(n)], [1] * n, range(n))) for n in (20, 40)
        ]
        reached = Fraction(str(PSI.variation)) * 20 / (norms[1] - norms[0])
        exact = sympy.Rational(ratio) >= bound
        return Result(exact, {"bound": str(bound), "ratio per further neuron of Σ(−1)^k ψ(x−k)": str(reached)})
    ratios = {}
    for levels in (1, 2, 4, 8):
        v, w, b = multiscale_kink(levels)
        ratios[levels] = bwrelu_norm_formula(v, w) / float(total_variation(PiecewiseLinear.from_bwrelu(v, w, b)))
    numbers = {f"ratio for {levels} scales": f"{value:.3f}" for levels, value in ratios.items()}
    return Result(max(ratios.values()) <= float(Fraction(ratio)), numbers)


@check("text-weights")
def same_function_same_formula(quantity: str) -> Result:
    """Two weight settings of one function, v ψ split into two halves of opposite excess: (1+t)ψ − tψ = ψ.  A property
    of the function has one value for all t.
    """
    values = set()
    for t in (0, 1, 5):
        v, w, b = fractions(1 + t, -t), fractions(1, 1), fractions(0, 0)
        if quantity == "formula (25)":
            values.add(bwrelu_norm_formula(v, w))
        else:
            values.add(float(merged_norm(*bwrelu_to_relu(v, w, b))))
    return Result(len(values) == 1, {"values": ", ".join(f"{x:g}" for x in sorted(values))})


@check("text-tv")
def total_variation_is_the_integral(derivative: str) -> Result:
    """TV(f') = ∫|f''| for every f whose derivative is `derivative`.

    If f' is absolutely continuous, f' is the integral of f'' and the variation is ∫|f''| (checked on a polynomial).
    Continuity is not enough: let f' be the Cantor function.  Its piecewise-linear approximants all have total variation
    1, so it has; outside intervals of total length (2/3)^n it is locally constant for every n, so f'' = 0 almost
    everywhere and ∫|f''| = 0.
    """
    if derivative == "absolutely continuous":
        x = sympy.Symbol("x", real=True)
        slope = sympy.diff(x**3 - x, x)
        turning = [-1, 0, 1]
        variation = sum(abs(slope.subs(x, b) - slope.subs(x, a)) for a, b in zip(turning, turning[1:]))
        return Result(variation == sympy.integrate(abs(slope.diff(x)), (x, -1, 1)))
    intervals = [(Fraction(0), Fraction(1))]
    rise = Fraction(1)
    for _ in range(8):
        intervals = [half for a, b in intervals for half in ((a, a + (b - a) / 3), (b - (b - a) / 3, b))]
        rise /= 2
    variation, support = rise * len(intervals), sum(b - a for a, b in intervals)
    holds = not (variation == 1 and support < Fraction(1, 20))
    return Result(holds, {"TV of the approximant": str(variation), "length on which it is not constant": str(support)})


@check("text-directions")
def directions_without_second_derivative(which: str) -> Result:
    """The second derivative of σ(wᵀx − b) along a unit vector u is (uᵀw)² δ(wᵀx − b): along a line it is one jump of
    the slope of size |uᵀw|.  The jump is computed as a second difference across the kink, exactly, for w = (3, 4) and
    rational unit vectors.
    """
    w = fractions(3, 4)
    directions = [(1, 0), (0, 1), ("3/5", "4/5"), ("4/5", "-3/5"), ("5/13", "12/13"), ("-12/13", "5/13")]
    jumps = {}
    for direction in directions:
        u = fractions(*direction)
        along = [max(t * (u @ w), Fraction(0)) for t in (-1, 0, 1)]  # from a point of the kink
        jumps[direction] = along[0] - 2 * along[1] + along[2]
    vanish = {d for d, jump in jumps.items() if jump == 0}
    parallel = {d for d in directions if abs(fractions(*d) @ w) == 5}
    orthogonal = {d for d in directions if fractions(*d) @ w == 0}
    expected = set(directions) - parallel if which == "all but the neuron's own" else orthogonal
    return Result(vanish == expected, {"jumps": ", ".join(str(j) for j in jumps.values())})


@check("text-impulse")
def impulse_in_the_own_direction(multiple: str) -> Result:
    """Along u = w/‖w‖ the slope of σ(wᵀx − b) jumps from 0 to ‖w‖, for w = (3, 4)."""
    w = fractions(3, 4)
    u = w / 5
    jump = max(u @ w, Fraction(0)) - max(-(u @ w), Fraction(0))
    return Result(jump == Fraction(multiple) * 5, {"jump": str(jump), "‖w‖": "5"})


@check("text-radon")
def radon_transform_of_the_laplacian(dimension: int) -> Result:
    """The L¹ norm of R{Δf} over directions and offsets is ‖w‖ (up to a constant) for f = σ(wᵀx − b).

    In d = 1 there is one direction and Δf = f'' is a point mass |w|: right.  In d = 2 the Laplacian is ‖w‖ times the
    length measure of a line.  The line {uᵀx = t} crosses it once, for every t, if u is not parallel to w; the line
    integral is ‖w‖/|sin φ| with φ the angle, and its integral over |t| ≤ T grows like T.  The norm in the literature
    applies the ramp filter Λ^{d−1} in t after R, which removes what does not depend on t.  Integrals over |t| ≤ T at T
    = 1 and T = 2 for three directions decide.
    """
    if dimension == 1:
        jump = total_variation(PiecewiseLinear.from_relu([1], [3], [1]))
        return Result(jump == 3)
    sines = [Fraction(3, 5), Fraction(4, 5), Fraction(5, 13)]
    masses = [sum(2 * reach / s for s in sines) for reach in (1, 2)]
    return Result(masses[0] == masses[1], {"mass for |t| ≤ 1": str(masses[0]), "for |t| ≤ 2": str(masses[1])})


@check("text-homogeneous")
def relu_is_homogeneous(scales: list[str]) -> Result:
    """σ(cz) = cσ(z) for all z: compared as piecewise-linear functions for each c of the list."""
    answers = [
        PiecewiseLinear.from_relu([1], [c], [0]) == PiecewiseLinear.from_relu([c], [1], [0]) for c in map(Fraction, scales)
    ]
    return Result(all(answers))


@check("text-sine")
def sine_keeps_its_range(domain: str, scale: str) -> Result:
    """The range of sin(cx) is that of sin x.  On R both are [−1, 1]; on [−1, 1] sin(cx) reaches sin c only as long as c
    < π/2.
    """
    c = float(Fraction(scale))
    reach = math.inf if domain == "R" else 1.0
    heights = [1.0 if k * reach >= math.pi / 2 else math.sin(k * reach) for k in (1.0, c)]
    return Result(heights[0] == heights[1], {"heights": ", ".join(f"{h:.5f}" for h in heights)})


@check("text-support")
def support_under_scaling(power: int) -> Result:
    """The support of ψ(cx) has length 3·c^power, for c = 1/2, 2, 5: first and last knot of the expansion."""
    lengths = {}
    for c in (Fraction(1, 2), Fraction(2), Fraction(5)):
        f = PiecewiseLinear.from_bwrelu([1], [1], [0], scale=c)
        lengths[c] = f.knots[-1] - f.knots[0]
    return Result(all(length == 3 * c**power for c, length in lengths.items()))


@check("eq-26")
def scale_is_absorbed(biases: str) -> Result:
    """Σ v_k ψ(c(w_k x − b_k)) = Σ v_k ψ(w'_k x − b'_k) with w' = cw and b' = cb, as exact piecewise-linear functions;
    or with b' = b where biases are not free to follow.
    """
    v, w, b = networks("generic")[2]
    c = Fraction(9)
    moved = c * b if biases == "free" else b
    return Result(PiecewiseLinear.from_bwrelu(v, w, b, scale=c) == PiecewiseLinear.from_bwrelu(v, c * w, moved))


@check("eq-28", "eq-28-minimisers")
def objectives_agree(substitution: str, power: int) -> Result:
    """Objective (27) at (v, w, b) against (28), with penalty ‖w‖²/c^power, at the substituted parameters.

    With (v, cw, cb) both terms agree identically, so the two problems have the same minimal value and their minimisers
    correspond one to one; they are the same functions and different parameters.  Evaluated exactly at three seeded
    parameter settings, five data points, squared loss, λ = 1/3, c = 3.
    """
    rng = np.random.default_rng(1)
    c, decay = Fraction(3), Fraction(1, 3)
    data = [(Fraction(n, 3), Fraction(int(rng.integers(-5, 5)))) for n in range(-2, 3)]
    for _ in range(3):
        v, w, b = (fractions(*(int(n) for n in rng.integers(1, 9, 4))) / 5 for _ in range(3))
        f = PiecewiseLinear.from_bwrelu(v, w, b, scale=c)
        first = sum((f(x)[0] - y) ** 2 for x, y in data) + decay * (v @ v + w @ w)
        w2, b2 = (c * w, c * b) if substitution == "(v, cw, cb)" else (w, b)
        g = PiecewiseLinear.from_bwrelu(v, w2, b2)
        second = sum((g(x)[0] - y) ** 2 for x, y in data) + decay * (v @ v + w2 @ w2 / c**power)
        if first != second:
            return Result(False, {"(27)": f"{float(first):.4f}", "(28)": f"{float(second):.4f}"})
    return Result(True)


@check("text-smooth")
def norm_increases_with_scale(networks_at: str, scales: list[float], norms: list[float]) -> Result:
    """‖g_θ‖_V increases with c: for fixed weights by (30), which is linear in c; or in the printed figure, whose three
    networks were trained at different c.
    """
    if networks_at == "fixed weights":
        v, w, b = networks("one neuron")[0]
        norms = [float(total_variation(PiecewiseLinear.from_bwrelu(v, w, b, scale=c))) for c in scales]
    increasing = all(a < b for a, b in zip(norms, norms[1:]))
    return Result(increasing, {f"norm at c = {c:g}": f"{n:.6g}" for c, n in zip(scales, norms)})


@check("eq-52")
def composition_of_layers(inner_scale: bool) -> Result:
    """(48) against g⁽³⁾∘g⁽²⁾∘g⁽¹⁾ of (49)-(51), evaluated exactly at rational points for small seeded networks, c = 3;
    some of the values have to be different from 0.
    """
    exact = PiecewiseLinear.from_bwrelu([1], [1], [0])

    def psi(z):
        return np.array([exact(t)[0] for t in z], dtype=object)

    rng, c, values = np.random.default_rng(2), Fraction(3), []
    for _ in range(10):
        W = [
            np.array([fractions(*map(int, row)) / 4 for row in rng.integers(-3, 5, s)])
            for s in ((4, 2), (4, 4), (4, 4), (1, 4))
        ]
        x = fractions(*map(int, rng.integers(1, 9, 2))) / 8
        whole = W[3] @ psi(c * (W[2] @ psi(c * (W[1] @ psi(c * (W[0] @ x))))))
        inner = c if inner_scale else Fraction(1)
        first = W[1] @ psi(c * (W[0] @ x))
        parts = W[3] @ psi(inner * (W[2] @ psi(inner * first)))
        values.append((whole[0], parts[0]))
    return Result(all(a == b for a, b in values) and any(a for a, _ in values))


@cache
def deep_weights() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    return tuple(rng.standard_normal(s) for s in ((6, 2), (6, 6), (6, 6), (1, 6)))


@check("eq-53")
def sum_over_layers(layers: list[int], factor: str, scale_power: int) -> Result:
    """factor·c^power·(Σ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + Σ_ℓ Σ_k ‖w⁽ℓ⁾_k‖) over the stated layers, against the sum of (30) for the
    three shallow networks (49)-(51): W₁ψ(cW₀x), W₂ψ(cIx), W₃ψ(cIx).  Tolerance 1e-12: about a hundred terms.
    """
    W, c = deep_weights(), 3.0
    identity = np.eye(6)
    expected = sum(bwrelu_norm_formula(v.T, w, c) for v, w in ((W[1], W[0]), (W[2], identity), (W[3], identity)))
    columns = [np.linalg.norm(W[k], axis=0).sum() for k in layers if k > 1]
    first = (np.linalg.norm(W[1], axis=0) * np.linalg.norm(W[0], axis=1)).sum() if 1 in layers else 0.0
    printed = float(Fraction(factor)) * c**scale_power * (first + sum(columns))
    return Result(
        math.isclose(printed, expected, rel_tol=1e-12), {"formula": f"{printed:.4f}", "sum of (30)": f"{expected:.4f}"}
    )


@check("eq-53-invariance")
def unchanged_by_reparametrization(form: str) -> Result:
    """c → c/α and W₀, W₁, W₂ → α·(W₀, W₁, W₂) leaves every pre-activation cW_ℓ(·) and so the function unchanged (biases
    likewise).  The norm as printed, and with every layer cut after its scaling, is evaluated at α = 1, 2, 4: powers of
    two, so that the parameters are exact and the values differ by rounding only, 1e-12 relative.
    """
    norm = {"(53)": deep_norm_formula, "invariant": deep_norm_invariant}[form]
    W = deep_weights()
    values = [norm([*(alpha * M for M in W[:-1]), W[-1]], 3.0 / alpha) for alpha in (1, 2, 4)]
    same = all(math.isclose(value, values[0], rel_tol=1e-12) for value in values)
    return Result(same, {f"α = {alpha}": f"{value:.4f}" for alpha, value in zip((1, 2, 4), values)})
