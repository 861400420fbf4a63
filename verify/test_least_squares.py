"""Section 1's remarks on ReLUs and Section 3 up to Theorem 3.1: the least-squares problem for the output weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations, combinations_with_replacement, product

import sympy
from flint import fmpq, fmpq_mat
from sympy import Rational

from bwtheory.claims import Result, check
from bwtheory.families import WaveletFamily
from bwtheory.gram.relu import relu_gram_exact
from bwtheory.wavelet import BSplineWavelet

from .test_wavelet import Neuron, normal_form, slope_jumps

Feature = Callable[[Fraction], Fraction]
Polynomial = list[Fraction]  # coefficients of 1, x, x², …


# --- Section 1: what one ReLU does to the others --------------------------------------------------------------------


@check("text-global-reach")
def neuron_reaches_all_of_the_domain(largest_bias: str, domain: list[str]) -> Result:
    """σ(x − b) is 0 on [r₁, b] and positive on (b, r₂]. It contributes to all of D exactly when the length of the
    first part, min(b, r₂) − r₁, is not positive. The statement is about every bias up to the largest one; the dead
    part grows with b, so the largest bias decides.
    """
    (r1, r2), b = map(Rational, domain), Rational(largest_bias)
    dead = max(min(b, r2) - r1, 0)
    return Result(dead == 0, {"share of D on which σ(x − b) is 0": str(dead / (r2 - r1))})


@cache
def cosine_of_ratio() -> tuple[sympy.Expr, sympy.Symbol]:
    """cos of the angle between σ(x − b) and σ(x − b') in L²(−∞, r₂), as a function of r = (r₂ − b')/(r₂ − b)."""
    y, s, r = sympy.symbols("y s r", positive=True)  # y = r₂ − x, s = r₂ − b, so r₂ − b' = r s
    dot = sympy.integrate((s - y) * (r * s - y), (y, 0, r * s))
    norms = sympy.integrate((s - y) ** 2, (y, 0, s)) * sympy.integrate((r * s - y) ** 2, (y, 0, r * s))
    return sympy.simplify(dot / sympy.sqrt(norms)), r


@check("text-global-coherence")
def coherence_is_at_least(largest_bias: str, at_least: str) -> Result:
    """With s = 1 − b, s' = 1 − b', r = s'/s for −1 ≤ b ≤ b' < 1: ⟨σ(·−b), σ(·−b')⟩ = s'²(3s − s')/6 and ‖σ(·−b)‖² =
    s³/3, so cos = √r (3 − r)/2, a function of the ratio r alone. d/dr = 3(1 − r)/(4√r) ≥ 0 on (0, 1], so the least
    value over all −1 ≤ b ≤ b' ≤ B is the one at the least r, (1 − B)/2; for B = 1 it is the limit 0. SymPy
    integrates, simplifies, differentiates; the comparison is between exact numbers.
    """
    cosine, r = cosine_of_ratio()
    falls = sympy.solveset(sympy.diff(cosine, r) < 0, r, sympy.Interval.Lopen(0, 1))
    least = sympy.limit(cosine, r, (1 - Rational(largest_bias)) / 2, "+")
    numbers = {"cos": str(sympy.factor(cosine)), "least cosine": str(least)}
    return Result(falls is sympy.S.EmptySet and bool(least >= Rational(at_least)), numbers)


@check("text-coherence-close")
def close_biases_are_collinear(relative_to: str) -> Result:
    """The statement: if |b − b'| is small compared with e(b) then the cosine is close to 1, uniformly in −1 ≤ b <
    b' < 1.

    cos = √r(3 − r)/2 increases in r, from 0 at r = 0 to 1 at r = 1, and 1 − r = (b' − b)/(1 − b). With s = 1 − b ∈
    (0, 2], b' − b ≤ δ·e(b) says 1 − r ≤ δ·e/s, and 1 − r may be anything below min(1, δM), M = sup e/s. If M = ∞, r
    comes arbitrarily close to 0 for every δ, and the least cosine is 0; if M < ∞ the least cosine is cos at r = 1 −
    δM, which tends to 1. The check decides whether M is finite from the limit at s → 0 (e is continuous elsewhere).
    For e = 1 the path b = 1 − ε, b' = 1 − ε² shows it: b' − b → 0 and cos → 0.
    """
    cosine, r = cosine_of_ratio()
    s, b = sympy.symbols("s b", positive=True)
    growth = sympy.limit(sympy.sympify(relative_to, locals={"b": b}).subs(b, 1 - s) / s, s, 0, "+")
    worst = 0 if growth == sympy.oo else 1
    numbers = {
        "lim e(b)/(1 − b) at b → 1": str(growth),
        "limit of the least cosine as δ → 0": str(sympy.limit(cosine, r, worst)),
    }
    return Result(bool(sympy.limit(cosine, r, worst) == 1), numbers)


# --- (4)–(6): one sign, a skip connection, no skip connection -------------------------------------------------------


@check("eq-4")
def weight_becomes_a_sign(weights: list[str], factor_sign: int) -> Result:
    """For w ≠ 0, σ(wx − b) = α σ((w/α)x − b/α) with α = |w| > 0, and w/α = ±1. For w = 0 the neuron is the constant
    σ(−b); the only constant multiple of σ(±x − b') on an interval is 0. So one neuron can take the place of another
    exactly when their normal forms (kink, affine rest, constant) agree; the check tries α = ±|w| and, for w = 0,
    can find no α. Biases of both signs are tried; that all b behave alike is the homogeneity itself.
    """
    failures = []
    for w, b in product(map(Fraction, weights), (Fraction(-2, 3), Fraction(5, 7))):
        alpha = factor_sign * abs(w)
        replaced = [(alpha, (w / alpha,), b / alpha)] if alpha else []
        if normal_form([(Fraction(1), (w,), b)]) != normal_form(replaced, slope=[Fraction(0)] * (not alpha)):
            failures.append(f"w = {w}, b = {b}")
    return Result(not failures, {"not reproduced": "; ".join(failures) or "none"})


@check("eq-5-identity")
def reflection_identity(sign: int) -> Result:
    """z = σ(z) − σ(−z), so σ(z) = z + σ(−z). Both sides are compared by normal form: the kink at 0, the slope, the
    constant.
    """
    left = normal_form([(Fraction(1), (Fraction(1),), Fraction(0))])
    right = normal_form([(Fraction(sign), (Fraction(-1),), Fraction(0))], slope=[Fraction(1)])
    at_minus_one = -1 + sign * 1
    return Result(left == right, {"σ(−1)": "0", f"z {'+' if sign > 0 else '−'} σ(−z) at z = −1": str(at_minus_one)})


@check("eq-5")
def skip_connection_replaces_signs(skip: bool, constant: bool, output_sign: int) -> Result:
    """For w = −1: vσ(−x − b) = v(−x − b) + vσ(x + b). So Σ v_k σ(w_k x − b_k) = c + ax + Σ v_k σ(x − w_k b_k) with
    the same K, the same v, a = −Σ_{w_k=−1} v_k and c = −Σ_{w_k=−1} v_k b_k. Both sides are compared by normal form
    for four neurons in general position, two of each sign; by linearity one neuron of each sign decides.
    """
    network: list[Neuron] = [
        (Fraction(v), (Fraction(w),), Fraction(b)) for v, w, b in ((2, 1, "1/3"), (-3, -1, "1/5"), (5, -1, "-1/2"), (1, 1, 0))
    ]
    left = [neuron for neuron in network if neuron[1][0] < 0]
    slope = -sum(v for v, _, _ in left) if skip else Fraction(0)
    offset = -sum(v * b for v, _, b in left) if constant else Fraction(0)
    rewritten = [(v if w[0] > 0 else output_sign * v, (Fraction(1),), w[0] * b) for v, w, b in network]
    same = normal_form(network) == normal_form(rewritten, [slope], offset)
    return Result(same, {"a": str(slope), "c": str(offset)})


@check("eq-6")
def skip_connection_is_redundant(extra_neurons: int, domain: list[str], bias_range: list[str]) -> Result:
    """The functions (5) on D = [r₁, r₂] with f(r₁) = c = u(r₁) are c + a(x − r₁) + Σ v_k σ(x − b_k), knots b_k
    inside of D. A function (6) equal to one of them with all v_k ≠ 0 must have a neuron at every knot: K are taken,
    and each knot has to lie in the range of biases. The neurons left over have biases b ≤ r₁ in the range, are x −
    b on D, and have to produce a(x − r₁) for every a: with c fixed this means x − r₁ ∈ span{x − b}. One neuron does
    it if b = r₁ is allowed; two different b < r₁ also do. The span is decided by exact rank, with the best biases
    that the range allows.
    """
    (r1, r2), (low, high) = map(Rational, domain), map(Rational, bias_range)
    knots_reachable = low <= r1 and r2 <= high
    top = min(r1, high)
    usable = [top - (top - low) * Rational(n, max(extra_neurons, 1)) for n in range(extra_neurons)] if low <= top else []
    rows = [[1, -b] for b in usable]
    spanned = sympy.Matrix(rows).rank() if rows else 0
    with_slope = sympy.Matrix([*rows, [1, -r1]]).rank()
    carried = spanned == with_slope
    numbers = {"slope carried": str(bool(carried)), "every knot of D allowed": str(bool(knots_reachable))}
    return Result(bool(carried and knots_reachable), numbers)


# --- Exact least squares in L²(D) -----------------------------------------------------------------------------------


def integrate(polynomial: Polynomial, low: Fraction, high: Fraction) -> Fraction:
    return sum((c * (high ** (p + 1) - low ** (p + 1)) / (p + 1) for p, c in enumerate(polynomial)), Fraction(0))


def times(f: Polynomial, g: Polynomial) -> Polynomial:
    result = [Fraction(0)] * (len(f) + len(g) - 1)
    for p, a in enumerate(f):
        for q, b in enumerate(g):
            result[p + q] += a * b
    return result


def plus(f: Polynomial, g: Polynomial) -> Polynomial:
    return [(f[p] if p < len(f) else 0) + (g[p] if p < len(g) else 0) for p in range(max(len(f), len(g)))]


def value(polynomial: Polynomial, x: Fraction) -> Fraction:
    return sum((c * x**p for p, c in enumerate(polynomial)), Fraction(0))


def line_through(feature: Feature, low: Fraction, high: Fraction) -> Polynomial:
    slope = (feature(high) - feature(low)) / (high - low)
    return [feature(low) - slope * low, slope]


def relu(bias: Fraction) -> Feature:
    return lambda x: max(x - bias, Fraction(0))


def wavelet(level: int, shift: int) -> Feature:
    """ψ(2^j·(3/2)(x+1) − k), without the factor 2^{j/2}."""
    kinks = slope_jumps(BSplineWavelet(2))
    length = Fraction(int(BSplineWavelet(2).support[1]))
    return lambda x: sum(a * max(2**level * length * (x + 1) / 2 - shift - k, Fraction(0)) for k, a in kinks)


def cells(features: str, domain: Sequence[Fraction], biases: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]]:
    """Intervals of D on which every feature is affine."""
    low, high = domain
    width = Fraction(1, 2 * int(BSplineWavelet(2).support[1]))  # in x, of a half unit of the finer level
    grid = biases if features == "relu" else [n * width - 1 for n in range(int(2 / width) + 1)]
    points = sorted({low, high, *(b for b in grid if low < b < high)})
    return list(zip(points, points[1:]))


def basis(features: str, biases: Sequence[Fraction]) -> list[Feature]:
    return [relu(b) for b in biases] if features == "relu" else [wavelet(0, 0), wavelet(1, 0), wavelet(1, 1)]


def integral_of_product(f: list[Polynomial], g: list[Polynomial], pieces) -> Fraction:
    return sum((integrate(times(p, q), *ends) for p, q, ends in zip(f, g, pieces)), Fraction(0))


def solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    a = fmpq_mat([[fmpq(c.numerator, c.denominator) for c in row] for row in matrix])
    b = fmpq_mat([[fmpq(c.numerator, c.denominator)] for c in right])
    return [Fraction(int(row[0].p), int(row[0].q)) for row in a.solve(b).tolist()]


class Objective:
    """½∫_D (target − Σ v_k φ_k)² dx for piecewise-linear φ_k and a polynomial target, exact."""

    def __init__(
        self,
        features: str,
        biases: Sequence[str],
        domain: Sequence[str],
        target: Polynomial,
        more: Sequence[Feature] = (),
    ):
        places = [Fraction(b) for b in biases]
        self.pieces = cells(features, [Fraction(d) for d in domain], places)
        self.lines = [[line_through(f, *ends) for ends in self.pieces] for f in [*basis(features, places), *more]]
        self.target = [target for _ in self.pieces]
        self.gram = [[integral_of_product(f, g, self.pieces) for g in self.lines] for f in self.lines]
        self.right = [integral_of_product(self.target, f, self.pieces) for f in self.lines]

    def __call__(self, v: Sequence[Fraction]) -> Fraction:
        residual = self.target
        for weight, lines in zip(v, self.lines):
            residual = [plus(r, [-weight * c for c in line]) for r, line in zip(residual, lines)]
        return integral_of_product(residual, residual, self.pieces) / 2

    def minimum(self) -> Fraction:
        """At the solution of the normal equations."""
        return self(solve(self.gram, self.right))

    def gradient(self, v: Sequence[Fraction]) -> list[Fraction]:
        """Exact, because central differences of a quadratic are: from values of the objective alone."""
        return [(self(_moved(v, i, 1)) - self(_moved(v, i, -1))) / 2 for i in range(len(v))]

    def hessian(self) -> list[list[Fraction]]:
        """From values of the objective alone."""
        zero = [Fraction(0)] * len(self.lines)
        at = [self(_moved(zero, i, 1)) for i in range(len(zero))]
        return [
            [self(_moved(_moved(zero, i, 1), j, 1)) - at[i] - at[j] + self(zero) for j in range(len(zero))]
            for i in range(len(zero))
        ]


def _moved(v: Sequence[Fraction], i: int, step: int) -> list[Fraction]:
    return [x + step * (i == n) for n, x in enumerate(v)]


TARGET = [Fraction(c) for c in ("2", "-1/3", "1", "1/2")]  # u = 2 − x/3 + x² + x³/2: no symmetry, u(−1) ≠ 0
BIASES = ("-1", "-1/3", "1/2")


def shifted(target: Polynomial, offset: Fraction) -> Polynomial:
    return plus(target, [-offset])


@check("eq-9")
def residual_of_the_model(offset_at: str, domain: list[str]) -> Result:
    """(6) on D = [r₁, r₂] has c = u(r₁), so the residual u − f_θ is u − u(r₁) − Σ v_k σ(x − b_k). (9) subtracts u
    at the stated place. The two agree for every u exactly when the place is r₁; the check compares them for u(x) =
    x³/2 + x² − x/3 + 2.
    """
    r1 = Fraction(domain[0])
    difference = value(TARGET, Fraction(offset_at)) - value(TARGET, r1)
    return Result(difference == 0, {"u(place) − u(r₁)": str(difference)})


@check("eq-6-constant")
def fixed_constant_is_optimal(target: list[str], biases: list[str]) -> Result:
    """With b_k ≥ r₁ every function (6) has f(r₁) = c, so c = u(r₁) asks for interpolation at r₁. The best L² fit
    with a free c solves the normal equations with the feature 1 added. The two minimal losses are computed in
    rational arithmetic; nothing is lost exactly when they are equal.
    """
    u = [Fraction(c) for c in target]
    pinned = Objective("relu", biases, ["-1", "1"], shifted(u, value(u, Fraction(-1)))).minimum()
    free = Objective("relu", biases, ["-1", "1"], u, more=[lambda x: Fraction(1)]).minimum()
    return Result(pinned == free, {"loss with c = u(r₁)": f"{float(pinned):.5g}", "with c free": f"{float(free):.5g}"})


@check("eq-10", "eq-17")
def quadratic_form_has_the_minimiser(
    features: str, quadratic: str, linear: str, domain: list[str], constant_removed: bool, loss_domain: list[str]
) -> Result:
    """½∫(u₀ − Σ v_k φ_k)² = ½vᵀGv − rᵀv + ½∫u₀². The form αvᵀGv − βrᵀv has the gradient 2αGv − βr and, for G > 0,
    the only minimiser (β/2α)G⁻¹r; the loss has G⁻¹r. So they are equivalent exactly when β = 2α.

    The check makes no use of this expansion: it computes the minimiser of the printed form from exact r and G on
    the domain on which they are said to be integrated, and evaluates the exact gradient of the loss there, by
    central differences of the loss (exact, because it is quadratic). u(x) = x³/2 + x² − x/3 + 2; three ReLUs at −1,
    −1/3, 1/2, or the three wavelets of J = 2.
    """
    offset = value(TARGET, Fraction(-1)) if features == "relu" else Fraction(0)
    loss = Objective(features, BIASES, loss_domain, shifted(TARGET, offset))
    form = Objective(features, BIASES, domain, shifted(TARGET, offset if constant_removed else Fraction(0)))
    try:
        solution = solve(form.gram, form.right)
    except ZeroDivisionError:
        return Result(False, {"G": "singular"})
    factor = Fraction(linear) / (2 * Fraction(quadratic))
    gradient = loss.gradient([factor * x for x in solution])
    return Result(not any(gradient), {"minimiser of the form / minimiser of the loss": str(factor)})


@check("eq-11")
def right_side_is_the_gradient(offset: str, sign: int, domain: list[str]) -> Result:
    """The gradient of (9) at v = 0 is −r. It is computed from exact values of (9) by central differences, and
    compared with ∫(u − offset·u(−1))σ(x − b_i) dx over the stated domain, times the sign.
    """
    at_end = value(TARGET, Fraction(-1))
    loss = Objective("relu", BIASES, ["-1", "1"], shifted(TARGET, at_end))
    stated = Objective("relu", BIASES, domain, shifted(TARGET, Fraction(offset) * at_end)).right
    gradient = loss.gradient([Fraction(0)] * len(BIASES))
    return Result([-g for g in gradient] == [sign * r for r in stated], {"r": ", ".join(map(str, stated))})


@check("eq-12")
def gram_matrix_is_the_hessian(factor: str, domain: list[str]) -> Result:
    """The Hessian of (9) is G. It is computed from exact values of (9) by second differences, which are exact for a
    quadratic, and compared with factor·∫σ(x − b_i)σ(x − b_j) dx over the stated domain, in the closed form of
    ``bwtheory.gram``.
    """
    loss = Objective("relu", BIASES, ["-1", "1"], TARGET)
    stated = relu_gram_exact([Fraction(b) for b in BIASES], [1] * len(BIASES), [Fraction(d) for d in domain])
    same = loss.hessian() == [[Fraction(factor) * g for g in row] for row in stated]
    return Result(same, {"G₁₁": str(stated[0][0])})


@check("eq-12-analogous")
def samples_tend_to_the_integral(factor: str, quantile: str) -> Result:
    """Samples x_i = X(i/N) with an increasing X: (1/N)Σ g(x_i) → ∫₀¹ g(X(s)) ds, a Riemann sum, which is (1/|D|)∫_D
    g exactly when X is the uniform quantile 2s − 1. The sums are done in closed form: with X(s_b) = b, Σ_{i ≥ s_b
    N} (X(i/N) − b)(X(i/N) − b') is a polynomial in N, and SymPy takes the limit. It is compared with the exact
    integrals for b, b' ∈ {−1, −1/2, 1/8}.
    """
    n, i, s = sympy.symbols("N i s", positive=True)
    curve = sympy.sympify(quantile, locals={"s": s})
    scale = sympy.sympify(factor, locals={"N": n})
    biases = [Rational(-1), Rational(-1, 2), Rational(1, 8)]
    exact = relu_gram_exact([Fraction(int(b.p), int(b.q)) for b in biases], [1] * 3, (-1, 1))
    worst = sympy.S(0)
    for row, col in combinations_with_replacement(range(3), 2):
        roots = [root for root in sympy.solve(curve - biases[col], s) if root <= 1]
        start = roots[0] if roots else 0  # s > 0 hides the root 0 of the first bias
        summand = sympy.expand(((curve - biases[row]) * (curve - biases[col])).subs(s, i / n))
        total = sympy.summation(summand, (i, start * n, n))
        limit = sympy.limit(sympy.simplify(scale * total), n, sympy.oo)
        difference = limit - Rational(exact[row][col].numerator, exact[row][col].denominator)
        worst = max(worst, abs(difference))
    return Result(worst == 0, {"largest difference from G in the limit": str(worst)})


# --- (7), (8): the sampled problem ----------------------------------------------------------------------------------


@cache
def _sampled_problem() -> tuple[sympy.Matrix, sympy.Matrix, sympy.Matrix]:
    phi = sympy.Matrix(2, 3, sympy.symbols("p:2:3"))
    return phi, sympy.Matrix(sympy.symbols("v:2")), sympy.Matrix(sympy.symbols("y:3"))


@check("eq-7")
def minima_agree(quadratic: str, linear: str, norms_added: str) -> Result:
    """‖Φᵀv − y‖² = vᵀΦΦᵀv − 2(Φy)ᵀv + ‖y‖², an identity of polynomials in all entries of Φ, v and y, expanded by
    SymPy for K = 2, N = 3 (every coefficient is a sum over samples, so more of them change nothing). The two
    objectives differ by ‖y‖², which does not depend on θ: same minimisers, but not the same minimum. The minima are
    equal exactly when the difference of the objectives is 0.
    """
    phi, v, y = _sampled_problem()
    residual = phi.T * v - y
    form = Rational(quadratic) * v.dot(phi * phi.T * v) - Rational(linear) * (phi * y).dot(v)
    difference = sympy.expand(residual.dot(residual) - form - Rational(norms_added) * y.dot(y))
    return Result(difference == 0, {"difference of the objectives": str(sympy.factor(difference))[:60]})


@check("eq-7-offset")
def residual_of_the_samples(labels_minus_c: str) -> Result:
    """The network (6) at the samples is c + (Φᵀv)_i, so its residuals are Φᵀv − (y − c·1). In (7) they are Φᵀv − y.
    Compared as polynomials for K = 2, N = 3 with a free c.
    """
    phi, v, y = _sampled_problem()
    c, ones = sympy.Symbol("c"), sympy.ones(3, 1)
    network = c * ones + phi.T * v
    difference = sympy.expand((network - y) - (phi.T * v - (y - Rational(labels_minus_c) * c * ones)))
    return Result(difference == sympy.zeros(3, 1), {"each residual is off by": str(difference[0])})


def feature_matrix(biases: Sequence[Fraction], signs: Sequence[int], samples: Sequence[Fraction]) -> list[list[Fraction]]:
    """Φ of (8), with signs w_k = ±1."""
    return [[max(w * x - b, Fraction(0)) for x in samples] for b, w in zip(biases, signs)]


def grid(count: int) -> list[Fraction]:
    """count equispaced samples of [−1, 1], ends included."""
    return [Fraction(2 * i, count - 1) - 1 for i in range(count)]


@check("eq-8")
def shape_and_rows(rows: str, columns: str, gram: str) -> Result:
    """Φ_i = [σ(x_1 − b_i), …, σ(x_N − b_i)] for each of K neurons and N samples. The sizes are compared for several
    (K, N), and (Φᵀv)_i with the value of Σ v_k σ(x − b_k) at x_i; the product that is named must be the K × K
    matrix of inner products of neurons.
    """
    holds = True
    for K, N in ((2, 5), (4, 3), (3, 3)):
        biases = [Fraction(2 * k, K) - 1 for k in range(K)]
        phi = sympy.Matrix(feature_matrix(biases, [1] * K, grid(N)))
        size = {"K": K, "N": N}
        named = phi * phi.T if gram == "ΦΦᵀ" else phi.T * phi
        between_neurons = [[sum(phi[a, i] * phi[b, i] for i in range(N)) for b in range(K)] for a in range(K)]
        holds = holds and phi.shape == (size[rows], size[columns]) and named.tolist() == between_neurons
    return Result(holds)


@check("eq-8-name")
def condition_numbers_agree(power: int) -> Result:
    """The singular values of Φ are the square roots of the eigenvalues of ΦΦᵀ, so κ(ΦΦᵀ) = κ(Φ)² with κ(Φ) =
    σ_max/σ_min. Both are computed exactly and apart for two ReLUs at −1 and 0 and five equispaced samples: the
    eigenvalues of ΦΦᵀ (2×2) and the singular values from the nonzero eigenvalues of ΦᵀΦ (5×5); the statement is
    κ(ΦΦᵀ) = κ(Φ)^power.
    """
    phi = sympy.Matrix(feature_matrix([Fraction(-1), Fraction(0)], [1, 1], grid(5)))
    small = sorted((phi * phi.T).eigenvals(), key=sympy.N)
    large = sorted((x for x in (phi.T * phi).eigenvals() if x != 0), key=sympy.N)
    kappa, of_phi = small[-1] / small[0], sympy.sqrt(large[-1] / large[0])
    same = sympy.simplify(kappa - of_phi**power) == 0
    return Result(bool(same), {"κ(ΦΦᵀ)": f"{float(kappa):.6g}", "κ(Φ)": f"{float(of_phi):.6g}"})


@check("eq-8-rank")
def hessian_is_nonsingular(neurons: int, samples: int) -> Result:
    """rank ΦΦᵀ = rank Φ ≤ min(K, N): with K > N the matrix is singular and λ_max/λ_min = ∞ for every activation.
    ReLUs with b_k ≥ −1 lose a further dimension to a sample at −1, where all of them are 0. The rank is computed
    over Q for b_j = −1 + 2(j−1)/K and N equispaced samples with both ends, the samples of the published univariate
    script.
    """
    biases = [Fraction(2 * k, neurons) - 1 for k in range(neurons)]
    phi = feature_matrix(biases, [1] * neurons, grid(samples))
    rank = fmpq_mat([[fmpq(c.numerator, c.denominator) for c in row] for row in phi]).rank()
    return Result(rank == neurons, {"rank of ΦΦᵀ": f"{rank} of {neurons}"})


# --- Gradient descent -----------------------------------------------------------------------------------------------


@check("text-kappa")
def ratio_is_the_condition_number(eigenvalues: list[str]) -> Result:
    """The condition number of a nonsingular symmetric A is ‖A‖‖A⁻¹‖ = max|λ|/min|λ|. λ₁/λ_m, largest over smallest
    eigenvalue, is that number for positive definite A; for others it may be negative, or less than 1 in absolute
    value.
    """
    spectrum = sorted(map(Fraction, eigenvalues))
    ratio = spectrum[-1] / spectrum[0]
    size = max(map(abs, spectrum)) / min(map(abs, spectrum))
    return Result(ratio == size, {"λ₁/λ_m": str(ratio), "‖A‖‖A⁻¹‖": str(size)})


@check("text-gd-hessian")
def hessian_of_the_objective(factor: str) -> Result:
    """The second derivatives of ‖Φᵀv − y‖², taken by SymPy for K = 2, N = 3 with symbols for all entries, are those
    of 2ΦΦᵀ.
    """
    phi, v, y = _sampled_problem()
    residual = phi.T * v - y
    hessian = sympy.hessian(residual.dot(residual), list(v))
    return Result(sympy.expand(hessian - Rational(factor) * phi * phi.T) == sympy.zeros(2, 2))


@check("text-gd", "text-gd-singular")
def steps_are_governed_by(biases: list[str], signs: list[int], target: str, counted: str, rate: str) -> Result:
    """Gradient descent on ½‖Φᵀv − y‖² with step η from v = 0: the gradient g_t = Φ(Φᵀv_t − y) obeys g_{t+1} = (I −
    ηΦΦᵀ)g_t. In the eigenbasis of ΦΦᵀ the component at λ is multiplied by 1 − ηλ; components that Φy does not have
    stay 0, and λ = 0 is never among them, because Φy is in the range of Φ. So the best fixed step leaves the factor

    ρ = min_η max{|1 − ηλ| : λ excited by Φy} = (κ − 1)/(κ + 1), κ = largest/smallest *excited* eigenvalue,

    attained at η = 2/(λ_max + λ_min). With all eigenvalues excited κ is κ(ΦΦᵀ): the worst case over targets. A
    target in one eigenspace is reached in a single step whatever κ(ΦΦᵀ) is; a singular ΦΦᵀ, κ = ∞, still gives
    linear convergence.

    The check computes Φ at five equispaced samples in rational arithmetic, its eigenspaces, the projections of Φy,
    and ρ as the minimum of a convex piecewise-linear function of η (over all its breakpoints); it then takes three
    steps of gradient descent and sees ‖g‖ shrink by ρ or more in each. The statement is that ρ = rate(k), k the
    condition number of the eigenvalues that are counted: "all", "nonzero", "excited".
    """
    x, k = sympy.symbols("x k")
    samples = grid(5)
    phi = sympy.Matrix(feature_matrix([Fraction(b) for b in biases], signs, samples))
    labels = sympy.Matrix([sympy.sympify(target).subs(x, Rational(s.numerator, s.denominator)) for s in samples])
    spaces = {eigenvalue: sympy.Matrix.hstack(*vectors) for eigenvalue, _, vectors in (phi * phi.T).eigenvects()}
    start = phi * labels
    excited = [eigenvalue for eigenvalue, space in spaces.items() if any(space.T * start)]
    best, step = _best_step(excited)
    chosen = {"all": list(spaces), "nonzero": [e for e in spaces if e], "excited": excited}[counted]
    kappa = max(chosen) / min(chosen) if min(chosen) else sympy.oo
    claimed = sympy.limit(sympy.sympify(rate, locals={"k": k}), k, kappa)
    numbers = {"counted κ": str(kappa), "its rate": str(claimed), "actual rate": str(best)}
    return Result(bool(claimed == best) and _descends(phi, labels, step, best), numbers)


def _best_step(eigenvalues: list[Rational]) -> tuple[Rational, Rational]:
    """(rate, step): the minimum over η of max |1 − ηλ|, at a zero of one term or a crossing of two."""
    candidates = [1 / e for e in eigenvalues] + [2 / (e + f) for e, f in combinations(eigenvalues, 2)]
    return min((max(abs(1 - step * e) for e in eigenvalues), step) for step in candidates)


def _descends(phi: sympy.Matrix, labels: sympy.Matrix, step: Rational, rate: Rational) -> bool:
    v, norms = sympy.zeros(phi.rows, 1), []
    for _ in range(4):
        gradient = phi * (phi.T * v - labels)
        norms.append(gradient.dot(gradient))
        v = v - step * gradient
    return all(after <= rate**2 * before for before, after in zip(norms, norms[1:]))


# --- Orthogonal ReLUs -----------------------------------------------------------------------------------------------


@check("text-orthogonal-conditioned")
def hypotheses_give_condition_one(hypotheses: list[str]) -> Result:
    """Orthogonal neurons have a diagonal Gram matrix, and its condition number is the ratio of the largest and the
    smallest squared norm. It is 1, "perfectly well conditioned", exactly when the norms are equal too. All pairs of
    ReLUs on [−1, 1] with biases in {−1, −3/4, …, 3/4} and signs ±1 that satisfy the stated hypotheses are tried,
    with exact Gram matrices [[p, q], [q, r]]: κ = 1 means p = r and q = 0.
    """
    neurons = [(Fraction(n, 4), w) for n in range(-4, 4) for w in (1, -1)]
    tried, broken = 0, None
    for (b, w), (c, z) in combinations(neurons, 2):
        (p, q), (_, r) = relu_gram_exact([b, c], [w, z], (-1, 1))
        satisfied = {"orthogonal": q == 0, "equal norms": p == r}
        if not all(satisfied[h] for h in hypotheses):
            continue
        tried += 1
        if q or p != r:
            example = f"σ({'−' * (w < 0)}x − ({b})), σ({'−' * (z < 0)}x − ({c}))"
            broken = broken or (example + (f": κ = {max(p, r) / min(p, r)}" if not q else ": not orthogonal"))
    return Result(
        tried > 0 and broken is None,
        {"pairs that satisfy the hypotheses": str(tried), "first exception": broken or "none"},
    )


@check("text-orthogonal-1d", "text-orthogonal-2d")
def orthogonal_relus_are_impossible(dimension: int, neurons: int, signs: list[int]) -> Result:
    """ReLUs are ≥ 0, so ⟨σ(ℓ₁), σ(ℓ₂)⟩ = 0 on D exactly when {ℓ₁ > 0} and {ℓ₂ > 0} do not meet inside D.

    *At most one neuron per vertex.* On a polytope an affine ℓ takes its maximum at a vertex, so a neuron that is
    not 0 on D is active at a vertex. Neurons that are active at the same vertex are both active near it, and not
    orthogonal. So pairwise orthogonal neurons are at most as many as there are vertices: 2^d on [−1, 1]^d. (On a
    disc, which has no corners, there is no bound: ReLUs σ(w_kᵀx − cos(π/K)) at the angles 2πk/K are active on caps
    of half-angle π/K, which are disjoint.)

    *That many exist.* At the vertex s ∈ {±1}^d put σ(sᵀx − (d − 1)). Two of them are both positive somewhere on D
    exactly when max_x min(ℓ₁, ℓ₂) > 0; by the minimax theorem this is min over λ ∈ [0, 1] of max over vertices of
    λℓ₁ + (1 − λ)ℓ₂, a convex piecewise-linear function of λ, evaluated exactly at its breakpoints.

    The statement "no ``neurons`` ReLUs on the cube are pairwise orthogonal", for weights with entries of the
    allowed signs, is false when the check finds that many among the corner neurons and true when they exceed the
    number of vertices at which some allowed ℓ has its maximum.
    """
    corners = list(product((-1, 1), repeat=dimension))
    allowed = [s for s in corners if all(c in signs for c in s)]
    lines = [(s, Fraction(1 - dimension)) for s in allowed]
    disjoint = all(_largest_common_value(f, g, corners) <= 0 for f, g in combinations(lines, 2))
    alive = all(max(_affine(line, x) for x in corners) > 0 for line in lines)
    possible = len(allowed) if disjoint and alive else 1
    numbers = {"vertices": str(len(allowed)), "orthogonal family found": str(possible)}
    if neurons <= possible:
        return Result(False, numbers)
    return Result(True if neurons > len(allowed) else None, numbers)


def _affine(line: tuple[Sequence[int], Fraction], x: Sequence[int]) -> Fraction:
    return sum((Fraction(a * c) for a, c in zip(line[0], x)), line[1])


def _largest_common_value(f, g, vertices) -> Fraction:
    """max over the polytope of min(f, g), as min over λ of max over vertices of λf + (1 − λ)g."""
    values = [(_affine(f, x), _affine(g, x)) for x in vertices]
    breakpoints = {Fraction(0), Fraction(1)}
    for (a, b), (c, d) in combinations(values, 2):
        if a - b != c - d:
            breakpoints.add((d - b) / ((a - b) - (c - d)))
    return min(max(t * a + (1 - t) * b for a, b in values) for t in breakpoints if 0 <= t <= 1)


# --- (13), (16)–(18): the same for wavelets -------------------------------------------------------------------------


@check("eq-16-affine")
def affine_part_is_not_lost(target: list[str]) -> Result:
    """ψ has two vanishing moments, ∫ψ = ∫xψ = 0, and every ψ_{j,k} of Theorem 3.3 has its support inside D = [−1,
    1]. So all of them are orthogonal to 1 and x on D, for every J, and Σ v_k ψ_{j,k} cannot reduce the error below
    the norm of the affine part of u: adding c + ax to (16) lowers its minimum by exactly ½‖P₁u‖², P₁ the projection
    onto affine functions. Nothing is lost for the targets with P₁u = 0 only. The check computes the moments of ψ,
    the place of the supports, and ‖P₁u‖² for a polynomial u from its exact Legendre coefficients.
    """
    psi = BSplineWavelet(2)
    vanishing = psi.moment(0) == 0 and psi.moment(1) == 0
    inside = all(abs(WaveletFamily(levels=J).supports()).max() <= 1 for J in range(1, 7))
    u = [Fraction(c) for c in target]
    mean, slope = (integrate(times(u, p), Fraction(-1), Fraction(1)) for p in ([Fraction(1)], [Fraction(0), Fraction(1)]))
    lost = mean**2 / 2 + slope**2 * Fraction(3, 2)
    numbers = {"∫ψ, ∫xψ": f"{psi.moment(0)}, {psi.moment(1)}", "‖P₁u‖², out of reach": str(lost)}
    return Result(not (vanishing and inside and lost), numbers)


@check("eq-16", "eq-18")
def gram_matrix_is_regular(levels: list[int], domain: list[float]) -> Result:
    """(16) and (18) integrate over [0, 1], the half t > 3/2 of the range of t = (3/2)(x+1). The support of ψ_{j,k}
    ends at t = (k+3)/2^j ≤ 1 + 2/2^j, so for j ≥ 2 no support reaches t > 3/2, and at j = 1 only that of ψ_{1,1}
    does. So for every J ≥ 2 the matrix (18) of Theorem 3.3's family has the rank 2 (ψ_{0,0} and ψ_{1,1}) instead of
    K = 2^J − 1, and κ(G_ψ) = ∞.

    Independence on the stated domain is decided exactly, by supports and, for cut wavelets, by the rank of their
    polynomial pieces over Q.
    """
    families = [WaveletFamily(levels=J, domain=(domain[0], domain[1])) for J in levels]
    reasons = [family.singular_reason() for family in families]
    return Result(not any(reasons), {f"J = {J}": reason or "independent" for J, reason in zip(levels, reasons)})
