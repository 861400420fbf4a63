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
    relu_norm_formula,
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
    """Exact networks (v, w, b): univariate single neurons, generic ones, generic ones and some with shared knots; or, with
    lengths that are integers, networks R² → R² (Pythagorean triples).
    """
    if kind == "plane":
        return plane_networks()
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
            [fractions(2, 3), fractions(1, -5), fractions(0, 0)],  # one knot, output weights in one direction
            [fractions(*((-1) ** k for k in range(9))), one * np.ones(9, dtype=object), fractions(*range(9))],
        ]
    return chosen


def plane_networks() -> list[list]:
    """Networks R² → R² of ReLUs: one neuron, two on different lines, two on one line with output weights in one direction,
    orthogonal, opposite.
    """
    outputs = {"one": [(3, 4)], "different": [(3, 4), (4, -3)], "aligned": [(3, 4), (6, 8)]}
    outputs |= {"orthogonal": [(3, 4), (-4, 3)], "opposite": [(3, 4), (-6, -8)]}
    chosen = []
    for name, v in outputs.items():
        w, b = [(3, 4), (-6, -8)], [1, -2]  # one line; the second neuron faces the other way
        if name == "different":
            b = [1, 2]
        chosen.append([np.array(v), np.array(w[: len(v)]), np.array(b[: len(v)])])
    return chosen


def plane_relus(v, w, b) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The seven ReLUs of each ψ neuron of a plane network."""
    coefficients, knots = (np.array([float(x) for x in numbers]) for numbers in (PSI.relu_coefficients, PSI.relu_knots))
    outputs = (v[:, None, :] * coefficients[:, None]).reshape(-1, v.shape[1])
    return outputs, np.repeat(w, len(knots), axis=0), (b[:, None] + knots).ravel()


def are_aligned(v, w, b) -> bool:
    """Whether output weights of univariate ReLUs that share a knot have one sign; in the plane networks, with two neurons,
    whether they are on different lines or v₁ is a positive multiple of v₂.
    """
    if np.ndim(w) == 1:
        knots: dict[Fraction, set[bool]] = {}
        for v_k, w_k, b_k in zip(v, w, b):
            if v_k * w_k != 0:
                knots.setdefault(b_k / w_k, set()).add(v_k > 0)
        return all(len(signs) == 1 for signs in knots.values())
    if len(v) == 1 or any(b[0] * x != b[1] * y for x, y in zip(w[1], w[0])):
        return True
    return bool(v[0] @ v[1] > 0 and (v[0] @ v[1]) ** 2 == (v[0] @ v[0]) * (v[1] @ v[1]))


@check("eq-21", "eq-22", "eq-22-vectors", "eq-24", "eq-25", "eq-30", "eq-30-networks")
def formula_against_the_norm(
    neuron: str, factor: str, kind: str, relation: str, domain: str = "R", scale: str = "1", power: int = 1
) -> Result:
    """factor·c^power·Σ‖v_k‖‖w_k‖ against the exact norm of Σ v_k ζ(c(w_kᵀx − b_k)), in rational arithmetic.

    A neuron v σ(w x − b) has one kink, of size |v||w|; ψ has seven, whose sizes add up to TV(ψ') = Σ|a_i| = 16, and c
    multiplies every slope.  For one neuron on R the formula is therefore the norm, and by projection along w so it is
    on R^d.  For a network it is the triangle inequality: kinks of different neurons at one place add, as vectors, before
    lengths are taken.  So equality holds exactly if neurons that share a hyperplane have output weights in one direction
    (Minkowski), whichever way they face.  They do not at Theorem 3.3's dyadic knots, nor in σ(x) − σ(−x) = x, whose norm
    is 0 and whose formula is 2.  On a bounded domain kinks outside do not count.

    *equal*, *at most*: for every network of the kind.  *equal exactly if aligned*: at most, with equality for the aligned
    ones (each kink of ψ counted as a neuron) and for no other.  The networks: single neurons, networks in general
    position, some with shared knots; in the plane, with v and w of integer length, so that the lengths are exact.
    """
    c = Fraction(scale)
    ends = None if domain == "R" else (-1, 1)
    for v, w, b in networks(kind):
        if kind == "plane":
            relus = (v, w, b) if neuron == "ReLU" else plane_relus(v, w, b)
            norm, total = Fraction(merged_norm(*relus, ends)), Fraction(relu_norm_formula(v, w))
            aligned = are_aligned(v, w, b)
        else:
            norm = total_variation(expand(neuron, v, w, b, c), ends)
            total = sum(abs(x) * abs(y) for x, y in zip(v, w))
            aligned = are_aligned(*((v, w, b) if neuron == "ReLU" else bwrelu_to_relu(v, w, b, scale=c)))
        formula = Fraction(factor) * c**power * total
        agree = {"equal": norm == formula, "at most": norm <= formula}
        agree["equal exactly if aligned"] = norm <= formula and (norm == formula) == aligned
        if not agree[relation]:
            shown = {"a network with norm": norm, "and formula": formula}
            return Result(False, {k: f"{float(x):.6g}" if kind == "plane" else str(x) for k, x in shown.items()})
    return Result(True)


@check("eq-25-index")
def formula_with_and_without_index(indexed: list[str]) -> Result:
    """TV(ψ')·Σ_k ‖v_k‖‖w_k‖ on a network of three different neurons in general position, where it is the norm, with the
    index k on the letters listed; a letter without index is the first neuron's weight.
    """
    v, w, b = (list(a[:3]) for a in networks("generic")[1])
    terms = [abs(v[k if "v" in indexed else 0]) * abs(w[k if "w" in indexed else 0]) for k in range(3)]
    norm = total_variation(PiecewiseLinear.from_bwrelu(v, w, b))
    formula = Fraction(str(PSI.variation)) * sum(terms)
    return Result(norm == formula, {"norm": str(norm), "formula": str(formula)})


@check("eq-25-gap")
def distance_of_formula_and_norm(ratio: str, scales: str, sharp: bool = True) -> Result:
    """The formula is at most `ratio` times the norm, and (`sharp`) not at most any smaller number times.

    For one scale and integer shifts: jumps at half-integers involve three neurons, so the norm is at least (|a₃| − |a₁|
    − |a₅|) Σ|v_k| = (8/3) Σ|v_k|, a sixth of the formula.  Σ(−1)^k ψ(x−k) comes arbitrarily close: of K neurons, each
    further one adds the same to the norm (8/3, computed between K = 20 and K = 40 as two equal steps) and 16 to the
    formula, so that the ratio tends to the quotient.  For several scales there is no such number: the wavelet expansion
    of one kink over J scales has bounded norm, while the formula grows in proportion to J.
    """
    if scales == "one":
        odd = [abs(a) for a in PSI.relu_coefficients[1::2]]
        bound = Fraction(str(PSI.variation / (odd[1] - odd[0] - odd[2])))
        norms = [
            total_variation(PiecewiseLinear.from_bwrelu([(-1) ** k for k in range(n)], [1] * n, range(n))) for n in (20, 30, 40)
        ]
        steps = {b - a for a, b in zip(norms, norms[1:])}
        reached = Fraction(str(PSI.variation)) * 10 / min(steps)
        asked = Fraction(ratio)
        holds = len(steps) == 1 and asked >= bound and (asked <= reached or not sharp)
        return Result(holds, {"bound": str(bound), "ratio per further neuron of Σ(−1)^k ψ(x−k)": str(reached)})
    ratios = {}
    for levels in (1, 2, 4, 8):
        v, w, b = multiscale_kink(levels)
        ratios[levels] = bwrelu_norm_formula(v, w) / float(total_variation(PiecewiseLinear.from_bwrelu(v, w, b)))
    numbers = {f"ratio for {levels} scales": f"{value:.3f}" for levels, value in ratios.items()}
    return Result(max(ratios.values()) <= float(Fraction(ratio)), numbers)


@check("text-weights")
def same_function_same_formula(quantity: str) -> Result:
    """Weight settings of one function: ψ = (1+t)ψ(x) − tψ(x) and, as ψ(3−x) = ψ(x), ψ = (1+t)ψ(x) − tψ(3−x), for t = 0,
    1, 5; that they are one function is checked exactly.  A property of the function has one value for all of them.
    """
    end = int(PSI.support[1])
    settings = [(fractions(1 + t, -t), fractions(1, w), fractions(0, b)) for t in (0, 1, 5) for w, b in ((1, 0), (-1, -end))]
    assert len({PiecewiseLinear.from_bwrelu(*setting) for setting in settings}) == 1
    values = sorted({_measured(quantity, *setting) for setting in settings})
    return Result(len(values) == 1, {"values": ", ".join(f"{x:g}" for x in values)})


def _measured(quantity: str, v, w, b) -> float:
    if quantity == "merged norm":
        return float(merged_norm(*bwrelu_to_relu(v, w, b)))
    if quantity == "formula (25) with equal neurons merged":
        merged: dict[tuple, Fraction] = {}
        for v_k, *neuron in zip(v, w, b):
            merged[tuple(neuron)] = merged.get(tuple(neuron), Fraction(0)) + v_k
        v, w = [*merged.values()], [w_k for w_k, _ in merged]
    if quantity == "weight decay":
        return float(sum(v * v) + sum(w * w))
    return bwrelu_norm_formula(v, w)


@check("text-tv")
def total_variation_is_the_integral(derivative: str) -> Result:
    """TV(f') = ∫|f''| for every f whose derivative has the stated property; f'' is the derivative of f' where it exists.

    If f' is absolutely continuous, it is the integral of f'' and the variation is ∫|f''|.  Witnesses for the rest: for 0
    ≤ r ≤ 1/2 let f' = F_r rise from 0 to 1 by 2^-n on each of 2^n intervals of length r^n, for every n, and be constant
    elsewhere: F_{1/2}(x) = x, F_{1/3} is the Cantor function, F_0 jumps.  The total variation is 1.  The intervals have
    total length (2r)^n: for r < 1/2 it tends to 0, so that F_r' = 0 almost everywhere and ∫|f''| = 0.  The rise on short
    intervals decides the properties: F_r is continuous iff r > 0; Hölder continuous with exponent h iff r^h ≥ 1/2; it is
    absolutely continuous, and Lipschitz, iff 2r ≥ 1.  The statement has to hold for each of five r that has the property.
    """
    has_property = {
        "of bounded variation": lambda r: True,
        "continuous": lambda r: r > 0,
        "Hölder continuous (1/2)": lambda r: 4 * r >= 1,
        "absolutely continuous": lambda r: 2 * r >= 1,
        "Lipschitz continuous": lambda r: 2 * r >= 1,
    }[derivative]
    for r in map(Fraction, ("0", "1/5", "1/3", "2/5", "1/2")):
        intervals, rise = [(Fraction(0), Fraction(1))], Fraction(1)
        lengths = []
        for _ in range(8):
            intervals = [half for a, b in intervals for half in ((a, a + (b - a) * r), (b - (b - a) * r, b))]
            rise /= 2
            lengths.append(sum((b - a for a, b in intervals), Fraction(0)))
        variation = rise * len(intervals)
        ratio = lengths[1] / lengths[0] if lengths[0] else Fraction(0)  # the same at every stage: the limit is 0 or 1
        integral = Fraction(int(ratio == 1))
        if has_property(r) and variation != integral:
            return Result(False, {"r": str(r), "TV(f')": str(variation), "∫|f''|": str(integral)})
    return Result(True)


@check("text-directions")
def directions_without_second_derivative(which: str) -> Result:
    """The second derivative of σ(wᵀx − b) along a unit vector u is (uᵀw)² δ(wᵀx − b): along a line it is one jump of
    the slope of size |uᵀw|.  The jump is computed as a second difference across the kink, exactly, for w = (3, 4) and
    rational unit vectors; the directions in which it is 0 are compared with those stated.
    """
    w = fractions(3, 4)
    directions = [(1, 0), (0, 1), ("3/5", "4/5"), ("4/5", "-3/5"), ("5/13", "12/13"), ("-12/13", "5/13")]
    jumps = {}
    for direction in directions:
        u = fractions(*direction)
        along = [max(t * (u @ w), Fraction(0)) for t in (-1, 0, 1)]  # from a point of the kink
        jumps[direction] = along[0] - 2 * along[1] + along[2]
    vanish = {d for d, jump in jumps.items() if jump == 0}
    parallel = {d for d in directions if (fractions(*d) @ w) ** 2 == w @ w}
    stated = {
        "all but the neuron's own": set(directions) - parallel,
        "orthogonal to w": {d for d in directions if fractions(*d) @ w == 0},
        "none": set(),
        "the neuron's own": parallel,
    }
    return Result(vanish == stated[which], {"jumps": ", ".join(str(j) for j in jumps.values())})


@check("text-impulse")
def impulse_in_the_own_direction(multiple: str) -> Result:
    """Along u = w/‖w‖ the slope of σ(wᵀx − b) jumps from 0 to ‖w‖, for w = (3, 4)."""
    w = fractions(3, 4)
    u = w / 5
    jump = max(u @ w, Fraction(0)) - max(-(u @ w), Fraction(0))
    return Result(jump == Fraction(multiple) * 5, {"jump": str(jump), "‖w‖": "5"})


@check("text-radon", "text-radon-odd")
def radon_transform_of_the_laplacian(dimension: int, filter_power: int) -> Result:
    """N(f) = ∫∫ |Λ^e R{Δf}(u, t)| dt du, Λ = |∂_t|, can be finite and not 0 for a ReLU neuron in dimension d.

    *Necessary: e = d − 1.*  For f = σ(wᵀx), f(sx) = s f(x), so N(f(s·)) = s N(f).  On the other hand R multiplies by
    s^−(d−1), Δ by s², Λ^e by s^e and dt by 1/s: N(f(s·)) = s^(2+e−d) N(f) for every f.  With another e than d − 1 these
    agree only if N(f) is 0 or ∞.  Without a filter (e = 0, d ≥ 2) it is ∞: Δf is the positive measure ‖w‖·area on the
    hyperplane, the Radon transform of a positive measure keeps its mass for each u, and the hyperplane has infinite area.

    *Sufficient.*  By the slice theorem the t-Fourier transform of Λ^e R{Δf}(u, ·) is |ρ|^e times that of Δf at ρu.  Δf
    depends on wᵀx alone, so its transform lives on the line R·w.  Other u meet it in ρ = 0 only, where a constant in t is
    left, which Λ^e removes for e > 0; near u = ±w/‖w‖ the area element |ρ|^(d−1) of directions cancels against Λ^(d−1).
    What is left is ‖w‖ δ(t − b/‖w‖) at u = w/‖w‖ and its mirror image: the norm ‖w‖ of (21), up to a constant.

    Checked here is the exponent, from the slice theorem with f a Gaussian: the value at t = 0 of Λ^e ∂_t² R f(s·) at s = 1
    and 2, over s for dt.
    """
    rho = sympy.Symbol("rho", positive=True)
    peaks = [
        sympy.integrate(rho ** (filter_power + 2) * sympy.exp(-((rho / s) ** 2) / 4), (rho, 0, sympy.oo)) / s**dimension
        for s in (1, 2)
    ]
    exponent = sympy.log(peaks[1] / peaks[0] / 2, 2)
    exponent = sympy.nsimplify(sympy.simplify(exponent))
    return Result(exponent == 1, {"N(f(sx)) = s^p N(f), p": str(exponent), "for a ReLU": "1"})


@check("text-homogeneous")
def activation_is_homogeneous(activations: list[str], scales: list[str]) -> Result:
    """ζ(cz) = cζ(z) for all z: compared as piecewise-linear functions for each c and each activation of the lists.

    Leaky ReLU: σ(z) − σ(−z)/100; linear: σ(z) − σ(−z) = z. *Every c > 0*: a function with one knot, at 0, and the value 0
    there is given by its slopes on both sides, and c multiplies both.
    """
    negative_part = {"ReLU": 0, "leaky ReLU": Fraction(-1, 100), "linear": -1}
    for c in map(Fraction, scales):
        for name in activations:
            if name == "ψ":
                scaled = PiecewiseLinear.from_bwrelu([1], [c], [0])
                multiple = PiecewiseLinear.from_bwrelu([c], [1], [0])
            else:
                v = fractions(1, negative_part[name])
                scaled = PiecewiseLinear.from_relu(v, [c, -c], [0, 0])
                multiple = PiecewiseLinear.from_relu(c * v, [1, -1], [0, 0])
            if scaled != multiple:
                return Result(False, {"counterexample": f"{name}, c = {c}"})
    return Result(True)


@check("text-sine")
def sine_keeps_its_range(domain: str, scale: str) -> Result:
    """The range of sin(cx) is that of sin x.  On R both are [−1, 1]; on [−1, 1] sin(cx) reaches sin c only as long as c
    < π/2.
    """
    c = float(Fraction(scale))
    reach = math.inf if domain == "R" else 1.0
    heights = [1.0 if k * reach >= math.pi / 2 else math.sin(k * reach) for k in (1.0, c)]
    return Result(heights[0] == heights[1], {"heights": ", ".join(f"{h:.5f}" for h in heights)})


@check("text-support", "text-support-gauss")
def extent_under_scaling(activation: str, extent: str, power: int) -> Result:
    """The extent of ζ(cx), its support or the set where |ζ| is at least half of its maximum, has length c^power times that
    of ζ(x), both finite, for c = 1/2, 2, 5.

    ψ: first and last knot of the exact expansion.  The Gaussian exp(−(cx)²) and |Gabor|, which is a Gaussian, are positive
    everywhere: the support is R for every c.  The set where they are at least 1/2 is |x| ≤ √(ln 2)/c.
    """
    x, scale = sympy.symbols("x c", positive=True)
    threshold = sympy.Rational(1, 2) if extent == "half width" else 0
    edge = sympy.solve(sympy.exp(-((scale * x) ** 2)) - threshold, x)
    lengths = {}
    for c in map(sympy.Rational, ("1", "1/2", "2", "5")):
        if activation == "ψ":
            f = PiecewiseLinear.from_bwrelu([1], [1], [0], scale=Fraction(str(c)))
            lengths[c] = sympy.Rational(str(f.knots[-1] - f.knots[0]))
        else:
            lengths[c] = 2 * edge[0].subs(scale, c) if edge else sympy.oo
    finite = all(length.is_finite for length in lengths.values())
    holds = finite and all(sympy.simplify(length - lengths[1] * c**power) == 0 for c, length in lengths.items())
    return Result(holds, {f"c = {c}": f"{float(length):.5g}" for c, length in lengths.items()})


@check("eq-26")
def scale_is_absorbed(weights: str, biases: str) -> Result:
    """Σ v_k ψ(c(w_k x − b_k)) = Σ v_k ψ(w'_k x − b'_k) for every network, with w' and b' the multiple of w and b stated (c^1,
    c^0 or c^-1), as exact piecewise-linear functions; c = 9.
    """
    v, w, b = networks("generic")[2]
    c = Fraction(9)
    multiple = {"times c": c, "kept": Fraction(1), "over c": 1 / c}
    absorbed = PiecewiseLinear.from_bwrelu(v, multiple[weights] * w, multiple[biases] * b)
    return Result(PiecewiseLinear.from_bwrelu(v, w, b, scale=c) == absorbed)


SUBSTITUTIONS = {"(v, w, b)": (0, 0, 0), "(v, cw, cb)": (0, 1, 1), "(v, cw, b)": (0, 1, 0), "(v, w/c, b/c)": (0, -1, -1)}


@check("eq-28")
def objectives_agree(substitution: str, power: int) -> Result:
    """Objective (27) at (v, w, b) against (28), with penalty ‖w‖²/c^power, at the substituted parameters.

    With (v, cw, cb) both terms agree identically.  Evaluated exactly at three seeded parameter settings, five data points,
    squared loss, λ = 1/3, c = 3.
    """
    rng = np.random.default_rng(1)
    c, decay = Fraction(3), Fraction(1, 3)
    data = [(Fraction(n, 3), Fraction(int(rng.integers(-5, 5)))) for n in range(-2, 3)]
    for _ in range(3):
        v, w, b = (fractions(*(int(n) for n in rng.integers(1, 9, 4))) / 5 for _ in range(3))
        f = PiecewiseLinear.from_bwrelu(v, w, b, scale=c)
        first = sum((f(x)[0] - y) ** 2 for x, y in data) + decay * (v @ v + w @ w)
        v2, w2, b2 = (c**e * a for e, a in zip(SUBSTITUTIONS[substitution], (v, w, b)))
        g = PiecewiseLinear.from_bwrelu(v2, w2, b2)
        second = sum((g(x)[0] - y) ** 2 for x, y in data) + decay * (v2 @ v2 + w2 @ w2 / c**power)
        if first != second:
            return Result(False, {"(27)": f"{float(first):.4f}", "(28)": f"{float(second):.4f}"})
    return Result(True)


@check("eq-28-minimisers")
def minimisers_correspond(substitution: str, scale: str) -> Result:
    """A minimiser of (27), its parameters substituted as stated, is one of (28): on a problem that is solved exactly.

    In general (27) at (v, w, b) is (28) at (v, cw, cb), an identity (eq-28) and a bijection of parameters, so that minimal
    values agree and minimisers correspond by it.  To see that they are not the same parameters: ζ(z) = z (a network is then
    vwx − vb, and (26)-(28) are for any ζ), one neuron, data (0, −1), (2, 1), squared loss.  For the penalty λ(v² + w²/γ) and
    inner scale a (a = c, γ = 1 in (27), a = 1, γ = c² in (28)), with p = avw, the loss is at least 2(1 − p)², with equality
    for b = w, and the penalty at least 2λ|p|/(a√γ) by AM-GM, with equality for v² = w²/γ.  The quadratic in p has its
    minimum at 1 − λ/(2a√γ), and a√γ = c in both.  λ = 2c − c²/2 makes the minimiser of (27) v = w = b = 1/2.
    """
    c = Fraction(scale)
    decay = 2 * c - c * c / 2

    def objective(v: Fraction, w: Fraction, b: Fraction, inner: Fraction, gamma: Fraction) -> Fraction:
        loss = sum((y - inner * v * (w * x - b)) ** 2 for x, y in ((0, -1), (2, 1)))
        return loss + decay * (v * v + w * w / gamma)

    p = 1 - decay / (2 * c)
    least = 2 * (1 - p) ** 2 + 2 * decay * p / c
    half = Fraction(1, 2)
    assert objective(half, half, half, c, Fraction(1)) == least
    v, w, b = (c**e * half for e in SUBSTITUTIONS[substitution])
    value = objective(v, w, b, Fraction(1), c * c)
    return Result(value == least, {"least value of (27) and (28)": str(least), "(28) there": str(value)})


@check("text-input-weights")
def larger_scale_larger_weights(quantity: str, power: int) -> Result:
    """If c grows, the quantity does not fall, at minimisers of (28) with penalty λ(Σ‖v‖² + Σ‖w‖²/c^power).

    Let (L, V, W) be the loss, Σ‖v‖² and Σ‖w‖² at a minimiser for c and (L', V', W') for c' > c.  Each is no worse than the
    other for its own objective; adding the two inequalities, L and V drop out: (1/c² − 1/c'²)(W − W') ≤ 0, so W ≤ W'.  No
    property of ζ, the loss or the data is used.  It says nothing of V, nor of the weights of (27), which are w/c.  Checked
    on 200 seeded finite problems, each a choice among 40 triples (L, V, W), and c = 1, 2, 3.
    """
    rng = np.random.default_rng(4)
    for _ in range(200):
        triples = rng.integers(1, 10**6, (40, 3)).tolist()
        values = []
        for c in map(Fraction, (1, 2, 3)):
            _, out, inner = min(triples, key=lambda t: t[0] + t[1] + t[2] / c**power)
            values.append({"Σ‖w‖² of (28)": inner, "Σ‖w‖² of (27)": inner / c**2, "Σ‖v‖²": out}[quantity])
        if values != sorted(values):
            return Result(False, {"at c = 1, 2, 3": ", ".join(f"{float(x):.0f}" for x in values)})
    return Result(True)


@check("text-path", "text-path-psi")
def weight_decay_is_the_norm(neuron: str, penalty: str) -> Result:
    """The least penalty among weights of one neuron's function is the same multiple of its norm for every neuron.

    (v/α, αw, αb), α > 0, are all weights of a ReLU neuron that keep its direction; ½(v² + w²) ≥ |v||w| with equality for
    |v| = |w|, which some α reaches.  So weight decay is the variation norm, provided that biases are free: with b² added
    the least value is |v|√(w² + b²), and |v| + |w| would give 2√(|v||w|).  ψ is not homogeneous: no α ≠ 1 keeps the
    function, and ½(v² + w²) stays, which is not a function of |v||w|.  Exact: α runs over the minimiser (α² = |v|/q with
    q = |w| or √(w² + b²); of six neurons those with rational α and q are used) and seven other numbers; those that keep
    the function are found by comparing functions; the norm is the exact TV(f').
    """
    terms, square = {
        "weights": (lambda v, w, b: (v * v + w * w) / 2, lambda w, b: w * w),
        "weights and biases": (lambda v, w, b: (v * v + w * w + b * b) / 2, lambda w, b: w * w + b * b),
        "lengths": (lambda v, w, b: v + w, lambda w, b: w * w),
    }[penalty]
    ratios = []
    for v, w, b in ((2, 8, 1), (3, 12, 5), (9, 1, 2), (5, 5, 3), (5, 4, 3), (13, 12, 5)):
        q = math.isqrt(square(w, b))
        balance = Fraction(math.isqrt(v * q), q)
        if q * q != square(w, b) or balance**2 != Fraction(v, q):
            continue
        function = expand(neuron, [Fraction(v)], [Fraction(w)], [Fraction(b)], Fraction(1))
        least = min(
            terms(v / a, a * w, a * b)
            for a in {balance, *(Fraction(n, 4) for n in (1, 2, 3, 4, 8, 12, 16))}
            if expand(neuron, [v / a], [a * w], [a * b], Fraction(1)) == function
        )
        ratios.append(least / total_variation(function))
    return Result(len(set(ratios)) == 1, {"penalty over norm": ", ".join(map(str, ratios))})


@check("text-smooth")
def norm_increases_with_scale(networks_at: str, scales: list[float], norms: list[float], relation: str) -> Result:
    """‖g_θ‖_V increases with c, or is proportional to c^p: for fixed weights, by (30), where the norms are computed exactly for
    every c; or in the printed figure, whose three networks were trained at different c.
    """
    exact = [Fraction(str(c)) for c in scales]
    values = [Fraction(str(n)) for n in norms]
    if networks_at == "fixed weights":
        v, w, b = networks("generic")[1]
        values = [total_variation(PiecewiseLinear.from_bwrelu(v, w, b, scale=c)) for c in exact]
    ordered = [value for _, value in sorted(zip(exact, values))]
    holds = {
        "increases": all(a < b for a, b in zip(ordered, ordered[1:])),
        "decreases": all(a > b for a, b in zip(ordered, ordered[1:])),
        "proportional": len({value / c for c, value in zip(exact, values)}) == 1,
        "proportional to c²": len({value / c**2 for c, value in zip(exact, values)}) == 1,
    }[relation]
    return Result(holds, {f"norm at c = {c:g}": f"{float(n):.6g}" for c, n in zip(scales, values)})


@check("eq-52")
def composition_of_layers(scales: list[int]) -> Result:
    """(48) against the composition of W₁ψ(c^p₁ W₀x), W₂ψ(c^p₂ x), W₃ψ(c^p₃ x), with the stated powers p of c, evaluated
    exactly at ten rational points of small seeded networks, c = 3; some of the values have to be different from 0.
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
        y = W[0] @ x
        for matrix, power in zip(W[1:], scales):
            y = matrix @ psi(c**power * y)
        values.append((whole[0], y[0]))
    return Result(all(a == b for a, b in values) and any(a for a, _ in values))


@cache
def deep_weights() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    return tuple(rng.standard_normal(s) for s in ((6, 2), (6, 6), (6, 6), (1, 6)))


@check("eq-53")
def sum_over_layers(layers: list[int], factor: str, scale_power: int, first_layer: str = "columns") -> Result:
    """factor·c^power·(Σ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + Σ_ℓ Σ_k ‖w⁽ℓ⁾_k‖) over the stated layers, against the sum of (30) for the
    three shallow networks (49)-(51): W₁ψ(cW₀x), W₂ψ(cIx), W₃ψ(cIx).  w⁽⁰⁾_k is row k of W₀ and w⁽ℓ⁾_k column k of W_ℓ: the
    weights into and out of neuron k.  Tolerance 1e-12: about a hundred terms.
    """
    W, c = deep_weights(), 3.0
    identity = np.eye(6)
    expected = sum(bwrelu_norm_formula(v.T, w, c) for v, w in ((W[1], W[0]), (W[2], identity), (W[3], identity)))
    out = np.linalg.norm(W[1], axis={"columns": 0, "rows": 1}[first_layer])
    first = (out * np.linalg.norm(W[0], axis=1)).sum() if 1 in layers else 0.0
    columns = [np.linalg.norm(W[k], axis=0).sum() for k in layers if k > 1]
    printed = float(Fraction(factor)) * c**scale_power * (first + sum(columns))
    return Result(
        math.isclose(printed, expected, rel_tol=1e-12), {"formula": f"{printed:.4f}", "sum of (30)": f"{expected:.4f}"}
    )


@check("eq-53-invariance")
def unchanged_by_reparametrization(powers: list[int]) -> Result:
    """TV(ψ')·(c^p₁ Σ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + c^p₂ Σ‖w⁽²⁾_k‖ + c^p₃ Σ‖w⁽³⁾_k‖) is one number for all (c, W) of one function.

    c → c/α and W₀, W₁, W₂ → α·(W₀, W₁, W₂) leaves every pre-activation cW_ℓ(·) and so the function unchanged (biases
    likewise).  The three sums are multiplied by α², α and 1, so p = (2, 1, 0) is invariant and nothing else is.  Each term
    is evaluated at α = 1, 2, 4: powers of two, so that the parameters are exact and values differ by rounding only, 1e-12
    relative.  The formulas of (53) and its invariant form in ``bwtheory.variation`` are checked to be p = (1, 1, 1) and (2,
    1, 0).
    """
    W, c = deep_weights(), 3.0
    values = []
    for alpha in (1, 2, 4):
        scaled = [*(alpha * M for M in W[:-1]), W[-1]]
        value = _layered(powers, scaled, c / alpha)
        values.append(value)
        for known, formula in (([1, 1, 1], deep_norm_formula), ([2, 1, 0], deep_norm_invariant)):
            assert math.isclose(_layered(known, scaled, c / alpha), formula(scaled, c / alpha), rel_tol=1e-12)
    same = all(math.isclose(value, values[0], rel_tol=1e-12) for value in values)
    return Result(same, {f"α = {alpha}": f"{value:.4f}" for alpha, value in zip((1, 2, 4), values)})


def _layered(powers: list[int], W, c: float) -> float:
    sums = [
        float(np.linalg.norm(W[1], axis=0) @ np.linalg.norm(W[0], axis=1)),
        *(float(np.linalg.norm(M, axis=0).sum()) for M in W[2:]),
    ]
    return float(PSI.variation) * math.fsum(c**p * total for p, total in zip(powers, sums))


@check("eq-53-composition")
def sum_bounds_the_composition(inner: str, rule: str) -> Result:
    """TV(g') for g(x) = ψ(aψ(x)), two hidden layers of one neuron with c = 1, W₀ = W₂ = 1, W₁ = a, against a number made of
    the layers' norms 16a and 16: their sum (53), or their product.

    Norms of second derivatives do not add along compositions: (G∘h)'' = G''(h)h'² + G'(h)h'', and both terms are products.
    TV(g') is exact: the breakpoints of g are those of h = aψ and the points where h meets a knot of ψ; slopes between
    neighbouring ones are difference quotients.
    """
    a = Fraction(inner)
    outer = PiecewiseLinear.from_bwrelu([1], [1], [0])
    h = PiecewiseLinear.from_bwrelu([a], [1], [0])
    points = {h.knots[0] - 1, *h.knots, h.knots[-1] + 1}
    for x, y in zip(h.knots, h.knots[1:]):
        low, high = h(x)[0], h(y)[0]
        points |= {
            x + (y - x) * (t - low) / (high - low) for t in outer.knots if low != high and 0 < (t - low) / (high - low) < 1
        }
    grid = sorted(points)
    heights = [outer(h(x)[0])[0] for x in grid]
    slopes = [(q - p) / (y - x) for x, y, p, q in zip(grid, grid[1:], heights, heights[1:])]
    variation = sum((abs(t - s) for s, t in zip(slopes, slopes[1:])), Fraction(0))
    layers = [a * Fraction(str(PSI.variation)), Fraction(str(PSI.variation))]
    bound = sum(layers) if rule == "sum" else math.prod(layers)
    return Result(variation <= bound, {"TV(g')": str(variation), rule: str(bound)})
