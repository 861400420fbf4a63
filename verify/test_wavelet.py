"""Section 1: the wavelet as seven ReLUs, its support, and the network of such groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import sympy
from sympy import Rational

from bwtheory.claims import Result, check
from bwtheory.wavelet import BSplineWavelet, TruncatedPowerSpline

Neuron = tuple[Fraction, tuple[Fraction, ...], Fraction]  # (v, w, b) of v·σ(wᵀx − b)


def normal_form(neurons: Iterable[Neuron], slope: Sequence[Fraction] = (), constant: Fraction = Fraction(0)):
    """Gradient jump of a ReLU network across each hyperplane, its affine rest, and its constant.

    Two networks are the same function on R^d exactly when these agree: ReLUs with different hyperplanes are linearly
    independent modulo affine functions.
    """
    jumps: dict[tuple, Fraction] = defaultdict(Fraction)
    rest = [Fraction(s) for s in slope]
    for v, w, b in neurons:
        rest = rest or [Fraction(0)] * len(w)
        lead = next((c for c in w if c), None)
        if lead is None:
            constant += v * max(-b, Fraction(0))
            continue
        direction, place, size = tuple(c / lead for c in w), b / lead, v * abs(lead)
        jumps[direction, place] += size
        if lead < 0:  # σ(−z) = σ(z) − z
            rest = [r - size * c for r, c in zip(rest, direction)]
            constant += size * place
    return {key: jump for key, jump in jumps.items() if jump}, rest, constant


def slope_jumps(spline: TruncatedPowerSpline) -> list[tuple[Fraction, Fraction]]:
    """(knot, jump of the slope) of a piecewise-linear spline that is 0 on the left, read off its polynomial pieces."""
    slopes = [Fraction(0)] + [2 * Fraction(int(c.p), int(c.q)) for _, c in spline.pieces]
    first = Fraction(int(spline.relu_knots[0].p), int(spline.relu_knots[0].q))
    return [(first + Fraction(i, 2), after - before) for i, (before, after) in enumerate(zip(slopes, slopes[1:]))]


def wavelet_neurons(v: Fraction, w: Sequence[Fraction], b: Fraction) -> list[Neuron]:
    """v·ψ(wᵀx − b) as kinks, from the pieces of ψ."""
    return [(v * jump, tuple(w), b + knot) for knot, jump in slope_jumps(BSplineWavelet(2))]


def sample_neurons(count: int, dimension: int) -> list[Neuron]:
    """Rational output weights, input weights and biases in general position; the first is ψ(x₁) itself."""
    first = (Fraction(1), (Fraction(1),) + (Fraction(0),) * (dimension - 1), Fraction(0))
    others = [
        (
            Fraction(7 * k + 2, 3),
            tuple(Fraction((-1) ** (k + i) * (5 * k + 3 * i + 1), 4 + i) for i in range(dimension)),
            Fraction(11 * k - 4, 13),
        )
        for k in range(1, count)
    ]
    return [first, *others]


@check("eq-1")
def network_is_additive(parameters: list[str], atoms_depend_on: list[str]) -> Result:
    """A linear combination of atoms: f_θ is additive in the output weights when the atoms, that is w_k and b_k, are
    kept. f at the sum of two settings of the named parameters is compared with the sum of the two networks, by
    normal form, for d = 2; additivity in one neuron's parameters is additivity of the sum over neurons. The
    parameters on which the atoms depend are found the same way: changing them changes the hyperplane or the
    direction of the kink.
    """
    first = {"v": Fraction(2), "w": (Fraction(1), Fraction(-3)), "b": Fraction(1, 2)}
    second = {"v": Fraction(-5), "w": (Fraction(2), Fraction(1)), "b": Fraction(4, 3)}
    second |= {name: first[name] for name in first if name not in parameters}
    total = {name: _sum(first[name], second[name]) if name in parameters else first[name] for name in first}

    def neuron(theta: dict) -> Neuron:
        return theta["v"], theta["w"], theta["b"]

    additive = normal_form([neuron(total)]) == normal_form([neuron(first), neuron(second)])
    changed = {"v": Fraction(3), "w": (Fraction(1), Fraction(2)), "b": Fraction(5)}
    atoms = [name for name in first if _kink_places(first | {name: changed[name]}) != _kink_places(first)]
    return Result(additive and sorted(atoms) == sorted(atoms_depend_on), {"atoms depend on": ", ".join(atoms)})


def _sum(a, b):
    return tuple(x + y for x, y in zip(a, b)) if isinstance(a, tuple) else a + b


def _kink_places(theta: dict) -> set:
    jumps, _, _ = normal_form([(theta["v"], theta["w"], theta["b"])])
    return set(jumps)


@check("eq-2", "eq-2-appendix")
def seven_relus_are_the_wavelet(knots: list[str], coefficients: list[str], order: int) -> Result:
    """The wavelet is derived from the two-scale relation of Chui and Wang, ψ(x) = Σ q_n N_m(2x − n) with
    q_n = (−1)^n 2^{1−m} Σ_l C(m, l) N_{2m}(n+1−l), and N_m is expanded in truncated powers σ^{m−1}.  The printed sum
    of ReLUs is the same function exactly when both have the same polynomial pieces on every half-unit cell and
    the same tail.
    """
    printed = TruncatedPowerSpline(list(map(Rational, knots)), list(map(Rational, coefficients)), degree=1)
    derived = BSplineWavelet(order)
    same = printed.relu_knots[0] == derived.relu_knots[0] and printed.pieces == derived.pieces
    return Result(same, {"derived coefficients": ", ".join(map(str, derived.relu_coefficients))})


@check("eq-2-wavelet")
def is_the_minimal_wavelet(knots: list[str], coefficients: list[str], length: str) -> Result:
    """The definition, without the formula for q_n. V₀ and V₁ are the continuous piecewise-linear functions with
    knots in Z and in Z/2. A function of V₁ supported in [0, L] is given by its values at 1/2, 1, …, L − 1/2; with
    the mass matrix (1/12)(1, 4, 1) of the half-unit hats, orthogonality to every hat N₂(x − k) is a finite linear
    system over Q. The statement holds when its solutions form a line for the given L, there is none for L − 1/2,
    and the printed function is on the line (supports that begin at a half-integer lie in one of these). The values
    at half-integers are then the q_n.
    """
    printed = TruncatedPowerSpline(list(map(Rational, knots)), list(map(Rational, coefficients)), degree=1)
    values = [piece[0] for piece in printed.pieces[1:]]
    solutions = _wavelets_on(Rational(length))
    shorter = _wavelets_on(Rational(length) - Rational(1, 2))
    fits = printed.is_compactly_supported and printed.relu_knots[0] == 0
    on_line = len(solutions) == 1 and fits and _parallel(solutions[0], values[:-1])
    numbers = {
        "dimension of the solutions": str(len(solutions)),
        "for a support shorter by 1/2": str(len(shorter)),
        "values at 1/2, 1, …": ", ".join(map(str, values[:-1])),
    }
    return Result(on_line and not shorter, numbers)


def _wavelets_on(length: Rational) -> list[sympy.Matrix]:
    """Basis of the V₁ functions supported in [0, length] and orthogonal to V₀, as values at 1/2, …, length − 1/2."""
    nodes = range(1, int(2 * length))
    hat = {1: 1, 2: 2, 3: 1}  # twice N₂ at 1/2, 1, 3/2
    rows = [
        [sum(weight * hat.get(n + step - 2 * k, 0) for step, weight in ((-1, 1), (0, 4), (1, 1))) for n in nodes]
        for k in range(-2, int(length) + 2)
    ]
    return sympy.Matrix(rows).nullspace()


def _parallel(vector: sympy.Matrix, values: Sequence[Rational]) -> bool:
    return len(vector) == len(values) and any(values) and sympy.Matrix([list(vector), list(values)]).rank() == 1


@check("text-compact-psi")
def is_compactly_supported(knots: list[str], coefficients: list[str], support: list[str]) -> Result:
    """To the right of its last knot Σ a_i σ(x − k_i) is (Σ a_i) x − Σ a_i k_i, so the support is compact exactly when
    Σ a_i = Σ a_i k_i = 0.  The support is then read off the exact pieces.
    """
    spline = TruncatedPowerSpline(list(map(Rational, knots)), list(map(Rational, coefficients)), degree=1)
    tail = spline.pieces[-1]
    numbers = {"tail": f"{tail[0]} + {2 * tail[1]}·(x − {spline.relu_knots[-1]})"}
    if not spline.is_compactly_supported:
        return Result(False, numbers)
    return Result(spline.support == tuple(map(Rational, support)), numbers)


@check("fig-1-left")
def relus_needed(count: int) -> Result:
    """σ(wx − b) is affine but for one kink, so a sum of n ReLUs (plus any affine function) has at most n kinks. The
    kinks of ψ are the places where consecutive exact pieces differ in slope. On R their number is needed, and
    equation (2) shows that it suffices. Each of the ReLUs, and each sum of some but not all of them, has an
    unbounded support or not according to Σ a_i and Σ a_i k_i over the chosen ones; all 2ⁿ − 2 sums are tried.
    """
    kinks = [(knot, jump) for knot, jump in slope_jumps(BSplineWavelet(2)) if jump]
    local = sum(
        not sum(a for _, a in chosen) and not sum(a * k for k, a in chosen)
        for mask in range(1, 2 ** len(kinks) - 1)
        for chosen in [[kink for i, kink in enumerate(kinks) if mask >> i & 1]]
    )
    values = [piece[0] for piece in BSplineWavelet(2).pieces]
    numbers = {
        "kinks": ", ".join(str(k) for k, _ in kinks),
        "max ψ": str(max(values)),
        "min ψ": str(min(values)),
        "proper sub-sums of compact support": str(local),
    }
    return Result(len(kinks) == count and not local, numbers)


@check("eq-3", "eq-13", "fig-1-right")
def groups_of_relus(neurons: int, dimension: int, offsets: list[str], outputs: list[str], count: int) -> Result:
    """Neuron k becomes the ReLUs v_k a_i σ(w_kᵀx − (b_k + k_i)). That this is v_k ψ(w_kᵀx − b_k) for every v, w, b
    in every dimension is the identity Σ a_i σ(z − k_i) = ψ(z) on R, composed with z = w_kᵀx − b_k.

    Both sides are brought to a normal form: the jump of the gradient across every hyperplane, the affine rest, the
    constant. It decides equality on all of R^d, because ReLUs with distinct hyperplanes are linearly independent
    modulo affine functions. ψ enters through the slopes of its exact pieces. The first of the K neurons is ψ(x₁)
    itself, so agreement is the identity on R; the others have rational weights in general position, of both signs.
    """
    bw = sample_neurons(neurons, dimension)
    layout = list(zip(map(Fraction, offsets), map(Fraction, outputs)))
    relus = [(v * a, w, b + k) for v, w, b in bw for k, a in layout]
    target = [relu for v, w, b in bw for relu in wavelet_neurons(v, w, b)]
    same = normal_form(relus) == normal_form(target)
    return Result(same and len(relus) == count, {"ReLU neurons": str(len(relus))})


@check("eq-3-count")
def relus_of_a_network(count: str, minimal: bool, network: str) -> Result:
    """A ReLU network has a kink across at most as many hyperplanes as it has neurons, so Σ v_k ψ(w_kᵀx − b_k) needs
    one ReLU for each hyperplane across which its gradient jumps; on R with w_k > 0 it needs no more, since the sum
    of right-facing ReLUs with these jumps has, like the network, nothing to the left of the first kink. Hyperplanes
    w_kᵀx = b_k + i/2 that coincide are counted once.

    Theorem 3.3's family, t = (3/2)(x+1): with s = 2^{J−1−j}, level j has the knots ms, 0 ≤ m ≤ 2^{j+1} + 4, in units of
    2^{−J}; the last is 2^J + 4s.  The finest level, s = 1, takes 0, …, 2^J + 4.  Level j's knots up to 2^J + 2s are knots of
    level j+1 (multiples of s, hence of s/2, and not beyond its last).  The multiples of s above that, 2^J + 3s and 2^J + 4s,
    lie beyond the last knot of every finer level: two new ones, for every J and j.  Together 2^J + 5 + 2(J−1) = K + 2J + 4.
    "generic" takes biases that are no multiples of each other: 7K hyperplanes, none of which coincide.

    Decided for every J >= 1, from the difference to the stated number, which must have the form a·2^J + bJ + c.  The number
    needed is also counted, for J = 1, …, 7 with output weights in general position.  ``minimal`` says that no smaller number
    will do.
    """
    J = sympy.Symbol("J", integer=True, positive=True)
    size = 2**J - 1
    needed = size + 2 * J + 4 if network == "theorem-3.3" else 7 * size
    counted = [_kinks(levels, network) for levels in range(1, 8)]
    agrees = counted == [needed.subs(J, levels) for levels in range(1, 8)]
    excess = sympy.expand(sympy.sympify(count, locals={"J": J, "K": size}) - needed)
    holds = agrees and (excess == 0 if minimal else _never_negative(excess, J))
    return Result(holds, {"needed/7K for J = 1, …, 7": ", ".join(f"{n}/{7 * (2**j - 1)}" for j, n in enumerate(counted, 1))})


def _never_negative(excess: sympy.Expr, J: sympy.Symbol) -> bool:
    """Whether a·2^J + bJ + c >= 0 for every J >= 1, where its first value and all its differences a·2^J + b say so."""
    power = sympy.Symbol("power")
    a, b = (excess.subs(2**J, power).coeff(unknown, 1) for unknown in (power, J))
    c = sympy.expand(excess - a * 2**J - b * J)
    return not c.free_symbols and a >= 0 and 2 * a + b >= 0 and excess.subs(J, 1) >= 0


def _kinks(levels: int, network: str) -> int:
    relus: list[Neuron] = []
    index = [(j, k) for j in range(levels) for k in range(2**j)]
    for n, (j, k) in enumerate(index):
        place = Fraction(k) if network == "theorem-3.3" else Fraction(n, 1009)
        scale = Fraction(2) ** j if network == "theorem-3.3" else Fraction(1)
        relus += wavelet_neurons(Fraction(n * n + 1, n + 2), (scale,), place)
    jumps, _, _ = normal_form(relus)
    return len(jumps)


@check("eq-3-floating")
def relu_sum_in_floating_point(dtypes: list[str], reaches: list[float], roundings: int, growth: int) -> Result:
    """Right of the support the exact value is 0. In floating point with unit roundoff u each of the seven terms
    carries at most nine roundings: of a_i, of x − k_i, of the product, and of the six additions that follow the
    first one. So |computed| ≤ γ₉ Σ|a_i| |x − k_i| ≤ γ₉·(Σ|a_i|)·|x| with γ_n = nu/(1 − nu) (Higham, *Accuracy and
    Stability*, ch. 3).

    The sum is evaluated term by term, as (2) is written and as the published code does, at 20 000 representable
    numbers between the end of the support and the given reach; ``growth`` is the power of |x| in the bound. The
    statement with 0 roundings is that the computed function, too, vanishes there.
    """
    psi = BSplineWavelet(2)
    size, end = float(psi.variation), float(psi.support[1])
    holds, numbers = True, {}
    for dtype, reach in zip(dtypes, reaches):
        x = np.concatenate([np.linspace(end, 10, 10_000), np.linspace(10, reach, 10_000)]).astype(dtype)
        unit = float(np.finfo(dtype).eps) / 2
        error = np.abs(psi.evaluate_relu_form(x).astype(np.float64))
        gamma = roundings * unit / (1 - roundings * unit)
        holds = holds and bool(np.all(error <= gamma * size * x.astype(np.float64) ** growth))
        numbers[f"{dtype}, worst for x ≤ 10"] = f"{error[x <= 10].max():.2g}"
        numbers[f"{dtype}, worst for x ≤ {reach:g}"] = f"{error.max():.2g}"
    return Result(holds, numbers)


@check("text-compact-dim")
def neuron_is_compact(dimension: int, weight: list[str]) -> Result:
    """ψ(wᵀx − b) is non-zero only where 0 < wᵀx − b < 3. The closure of this set is a polyhedron, and it is bounded
    exactly when no direction d ≠ 0 has wᵀd = 0 (if it is not empty and wᵀ has a kernel it contains a line). The
    kernel has dimension d − 1 for w ≠ 0: it is trivial for d = 1 only. For w = 0 the neuron is constant.
    """
    w = sympy.Matrix([[Rational(c) for c in weight[:dimension]]])
    kernel = len(w.nullspace())
    return Result(kernel == 0, {"directions along which the neuron is constant": str(kernel)})


@check("text-compact-strips")
def neurons_do_not_meet(weights: list[list[str]], biases: list[str]) -> Result:
    """Two neurons act on each other where both supports, the open strips 0 < w_kᵀx − b_k < 3, meet. For linearly
    independent w₁, w₂ the map x ↦ (w₁ᵀx, w₂ᵀx) is onto R², so they meet whatever the biases. For w₂ = λw₁ the
    strips are two intervals in s = w₁ᵀx, (b₁, b₁+3) and (b₂, b₂+3)/λ, and the exact ends decide.
    """
    w = sympy.Matrix([[Rational(c) for c in row] for row in weights])
    left, right = BSplineWavelet(2).support
    if w.rank() == 2:
        return Result(False, {"rank of (w₁, w₂)": "2"})
    lead = next(i for i in range(w.cols) if w[0, i])
    ratio = w[1, lead] / w[0, lead]
    first, second = (Rational(b) for b in biases)
    ends = sorted([(second + left) / ratio, (second + right) / ratio])
    apart = ends[1] <= first + left or ends[0] >= first + right
    return Result(bool(apart), {"rank of (w₁, w₂)": "1"})


@check("text-compact-overlap")
def translates_do_not_meet(distance: str) -> Result:
    """ψ and ψ(· − s), s > 0, both differ from 0 on an interval of length 3 − s when s is less than the length of
    the support, and on none when it is not. So all neurons of one scale at distance ≥ s leave each other alone
    exactly when s is at least that length. The exact inner products show that overlap also is interaction in the
    least-squares sense.
    """
    psi = BSplineWavelet(2)
    length = psi.support[1] - psi.support[0]
    shifts = [Rational(n, 2) for n in range(1, int(2 * length) + 1)]
    numbers = {f"⟨ψ, ψ(· − {s})⟩/‖ψ‖²": str(psi.inner_product(s) / psi.norm_squared) for s in shifts}
    return Result(Rational(distance) >= length, numbers)
