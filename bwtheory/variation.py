"""Variation norms: the exact total variation of f', and the formulas (20)-(30) and (53) computed from weights.

In one dimension the variation norm of a piecewise-linear f is TV(f'), the sum of its slope jumps in absolute value.  The
paper's formulas are sums over neurons.  On R they are the norm as long as no two neurons share a knot (a hyperplane), so
for a single neuron and for almost all weights; in general they are upper bounds, since jumps at one place add before
their absolute value is taken, and on a bounded domain since knots outside do not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_toeplitz

from bwtheory import checks
from bwtheory.representation import as_domain, bwrelu_to_relu, exact_neurons, float_scale, wavelet_relus
from bwtheory.wavelet import BSplineWavelet


@dataclass(frozen=True)
class PiecewiseLinear:
    """A continuous piecewise-linear f: affine left of all knots, and a jump of its slope at each knot; exact.

    Attributes
    ----------
    knots : increasing Fractions, all distinct, none with a zero jump
    jumps : for each knot the jump of f' there, a tuple of m Fractions (m outputs)
    left_value, left_slope : m Fractions each; f(x) = left_value + left_slope·x for x left of the first knot

    Raises
    ------
    ValueError
        For knots that do not increase, or parts whose shapes do not fit each other.
    """

    knots: tuple[Fraction, ...]
    jumps: tuple[tuple[Fraction, ...], ...]
    left_value: tuple[Fraction, ...]
    left_slope: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        for name in ("knots", "jumps", "left_value", "left_slope"):
            exact = checks.exact_array(f"{name} of a piecewise-linear function", getattr(self, name))
            frozen = tuple(map(tuple, exact)) if exact.ndim == 2 else tuple(exact.ravel())
            if exact.ndim != (2 if name == "jumps" and exact.size else 1):
                raise ValueError(f"{name} of a piecewise-linear function has another shape than {exact.shape}.")
            object.__setattr__(self, name, frozen)
        outputs = len(self.left_value)
        if len(self.left_slope) != outputs or len(self.jumps) != len(self.knots) or not outputs:
            raise ValueError(
                f"A piecewise-linear function has one jump for each of its {len(self.knots)} knots, and one value and slope on "
                f"the left for each output; got {len(self.jumps)} jumps, {outputs} values and {len(self.left_slope)} slopes."
            )
        if any(len(jump) != outputs or not any(jump) for jump in self.jumps):
            raise ValueError(f"Each jump has {outputs} numbers, one for each output, and they are not all zero.")
        if any(later <= earlier for earlier, later in zip(self.knots, self.knots[1:])):
            raise ValueError("The knots of a piecewise-linear function must increase.")

    @classmethod
    def from_relu(cls, v: ArrayLike, w: ArrayLike, b: ArrayLike, constant: Any = 0, slope: Any = 0) -> PiecewiseLinear:
        """constant + slope·x + Σ v_k σ(w_k x − b_k): equation (1) for d = 1, with the affine part of (4)-(6).

        Weights are taken as the rationals they are (floats are dyadic), and knots b_k/w_k are compared as rationals: neurons
        at one knot are merged, and vanish if their jumps cancel.  So two networks are the same function exactly if the
        objects are equal.

        Parameters
        ----------
        v : (K,) or (K, m);  w, b : (K,); w_k may be negative, or 0 for a constant neuron
        constant, slope : a number, or m of them

        Raises
        ------
        ValueError
            For mismatched shapes, values that are not finite, or w of more than one dimension.
        """
        v, w, b = exact_neurons(v, w, b)
        if w.ndim != 1:
            raise ValueError(f"A univariate network has input weights of shape (K,); got {w.shape}.")
        outputs = v.shape[1] if v.ndim == 2 else 1
        if not outputs:
            raise ValueError(f"A function has at least one output; got output weights of shape {v.shape}.")
        v = v.reshape(len(b), outputs)
        value, left_slope = _per_output(constant, outputs, "constant"), _per_output(slope, outputs, "slope")
        jumps: dict[Fraction, list[Fraction]] = {}
        for v_k, w_k, b_k in zip(v, w, b):
            if w_k == 0:
                value = [c + x * max(-b_k, Fraction(0)) for c, x in zip(value, v_k)]
                continue
            if w_k < 0:  # σ(wx − b) is wx − b left of its knot
                value = [c - x * b_k for c, x in zip(value, v_k)]
                left_slope = [s + x * w_k for s, x in zip(left_slope, v_k)]
            at = jumps.setdefault(b_k / w_k, [Fraction(0)] * outputs)
            at[:] = [j + x * abs(w_k) for j, x in zip(at, v_k)]
        kept = {t: tuple(j) for t, j in sorted(jumps.items()) if any(j)}
        return cls(tuple(kept), tuple(kept.values()), tuple(value), tuple(left_slope))

    @classmethod
    def from_bwrelu(
        cls, v: ArrayLike, w: ArrayLike, b: ArrayLike, scale: Any = 1, constant: Any = 0, slope: Any = 0
    ) -> PiecewiseLinear:
        """constant + slope·x + Σ v_k ψ(c(w_k x − b_k)), c the scale of (29): each ψ expanded into its ReLUs, equation (3).

        Parameters and errors as for ``from_relu``; the scale c has to be positive.
        """
        return cls.from_relu(*bwrelu_to_relu(*exact_neurons(v, w, b), scale=scale), constant=constant, slope=slope)

    def __call__(self, x: Any) -> tuple[Fraction, ...]:
        """The m exact values at one rational point; ValueError for a point that is none, NaN included."""
        at = checks.exact_number("A point", x)
        values = [c + s * at for c, s in zip(self.left_value, self.left_slope)]
        for knot, jump in zip(self.knots, self.jumps):
            if knot < at:
                values = [y + j * (at - knot) for y, j in zip(values, jump)]
        return tuple(values)


def total_variation(f: PiecewiseLinear, domain: tuple[Any, Any] | None = None) -> Fraction | float:
    """TV(f') on R, or on the open interval (r1, r2): the sum over knots of the Euclidean length of the jump.

    A property of the function.  It is lower semicontinuous only: σ(x) − σ(x − ε) is within ε of 0 and has TV(f') = 2.

    Returns
    -------
    An exact Fraction for one output; for m > 1 outputs, whose lengths are irrational, a float with a relative error of a
    few 1e-16.

    Raises
    ------
    ValueError
        For an f that is no PiecewiseLinear, an empty or unbounded domain, or a float beyond the largest.
    """
    if not isinstance(f, PiecewiseLinear):
        raise ValueError(
            f"The total variation is that of a PiecewiseLinear, made by from_relu or from_bwrelu; got {checks.shown(f)}."
        )
    low, high = (-math.inf, math.inf) if domain is None else as_domain(domain)
    inside = [jump for knot, jump in zip(f.knots, f.jumps) if low < knot < high]
    if len(f.left_value) == 1:
        return sum((abs(jump[0]) for jump in inside), Fraction(0))
    return _sum("The total variation", (_length(jump) for jump in inside))


def _length(vector: Iterable[Fraction]) -> float:
    """Euclidean length; hypot, as the squares of extreme entries may overflow where the length does not."""
    return math.hypot(*map(float, vector))


def _sum(what: str, terms: Iterable[float]) -> float:
    """math.fsum, in float64's range."""
    try:
        return float(checks.in_range(what, math.fsum(terms)))
    except OverflowError:
        return float(checks.in_range(what, math.inf))


def _per_output(number: Any, outputs: int, name: str) -> list[Fraction]:
    numbers = checks.exact_array(f"The {name}", number).ravel().tolist()
    if len(numbers) not in (1, outputs):
        raise ValueError(f"The {name} of a function with {outputs} outputs is 1 or {outputs} numbers; got {len(numbers)}.")
    return numbers if len(numbers) == outputs else numbers * outputs


def relu_norm_formula(v: ArrayLike, w: ArrayLike) -> float:
    """Σ_k ‖v_k‖₂‖w_k‖₂, equation (22): a number of the weights.

    It is the variation norm of Σ v_k σ(w_kᵀx − b_k) on R^d exactly if, on every hyperplane that several neurons share, their
    output weights point in one direction; so it is for one neuron, equation (21), and for almost all weights.  Otherwise it
    is larger, by any factor: σ(x) − σ(−x) = x has norm 0 and formula 2.  The norm itself is ``merged_norm``.

    Parameters
    ----------
    v : (K,) or (K, m);  w : (K,) or (K, d).  Biases do not enter.

    Raises
    ------
    ValueError
        For unequal K or values that are not finite.
    """
    v, w = checks.real_array("Output weights v", v), checks.real_array("Input weights w", w)
    if any(a.ndim not in (1, 2) for a in (v, w)) or len(v) != len(w):
        raise ValueError(
            f"K neurons need v of shape (K,) or (K, m) and w of shape (K,) or (K, d); got {v.shape} and {w.shape}."
        )
    return _sum("The norm formula", _products(_row_lengths(v), _row_lengths(w)))


def bwrelu_norm_formula(v: ArrayLike, w: ArrayLike, scale: float = 1) -> float:
    """16 c Σ_k ‖v_k‖₂‖w_k‖₂, equations (25) and (30), with 16 = TV(ψ'): a number of the weights.

    Invariant under (c, w, b) → (c/α, αw, αb), which leaves the function as it is.  On R^d it is the variation norm for one
    neuron, (24), and for almost all weights; on a bounded domain, or where neurons share hyperplanes, an upper bound.  For
    univariate neurons v_jk ψ(2^j x − k), k integer:

    * one scale: norm <= formula <= 6 norm.  At a half-integer only three neurons meet, so that the jumps there add up to at
      least (|a₃| − |a₁| − |a₅|) Σ|v_k| = (8/3) Σ|v_k|.  The 6 is sharp: Σ (−1)^k ψ(x − k) has no jumps at the inner
      integers and 8/3 at the inner half-integers.
    * J scales: the ratio is unbounded, it can grow in proportion to J (``multiscale_kink``).

    Parameters and errors as for ``relu_norm_formula``; the scale c has to be positive.
    """
    factor = float_scale(scale) * float(BSplineWavelet(2).variation)
    return float(checks.in_range("The norm formula", factor * relu_norm_formula(v, w)))


def multiscale_kink(levels: int, kink: Fraction = Fraction(1, 3)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The scales 0, …, J − 1 of the wavelet expansion of |x − kink|/2: formula (25) grows like J, the norm stays below 6.

    With P_j the L²(R) projection onto the linear splines on the grid of spacing 2^-j, the network Σ_jk v_jk ψ(2^j x − k) is
    P_J f − P_0 f.  The norm of each P_j f is at most 3 TV(f') = 3: its jumps are the inverse of the Toeplitz matrix
    (1/6, 4/6, 1/6), of ℓ¹ norm 3, applied to averages of f''.  Each scale is a dilated copy of 2^-j times one function of the
    fractional part of 2^j·kink, so each adds the same to (25) if 2^j·kink stays 1/3 or 2/3 modulo 1: (46/9) J for the kink
    1/3.  For dyadic kinks P_j f = f from some scale on.

    Parameters
    ----------
    levels : J >= 1;  kink : a rational or a float, taken as the rational it is

    Returns
    -------
    v, w, b : float64 arrays of shape (61 J,).  The infinitely many v_jk decay by 2 − √3 per shift; those below 1e-16 of the
        largest are left out, the others rounded.  ``PiecewiseLinear.from_bwrelu`` is exact for the weights returned.

    Raises
    ------
    ValueError
        For levels < 1 or a kink that is not finite.
    """
    levels = checks.integer("An expansion has levels >= 1", "levels", levels, at_most=1000)
    at = checks.exact_number("The kink", kink)
    shifts = np.arange(-30, 31)
    autocorrelation = np.zeros(len(shifts))
    inner_products = BSplineWavelet(2).autocorrelation
    autocorrelation[: len(inner_products)] = [float(g) for g in inner_products]
    scales = []
    for j in range(levels):
        nearest = math.floor(2**j * at)
        moments = [float(_twice_integrated_wavelet(2**j * at - nearest - int(k))) for k in shifts]
        v = solve_toeplitz(autocorrelation, np.array(moments)) / 2**j
        scales.append((v, np.full(len(shifts), 2.0**j), nearest + shifts.astype(float)))
    v, w, b = (np.concatenate(parts) for parts in zip(*scales))
    return v, w, b


def _twice_integrated_wavelet(x: Fraction) -> Fraction:
    """Θ with Θ'' = ψ, so that ⟨|· − x|/2, ψ⟩ = Θ(x); supported on ψ's support, as ψ has two vanishing moments."""
    return sum((a * max(x - t, Fraction(0)) ** 3 for t, a in zip(*wavelet_relus())), Fraction(0)) / 6


def deep_norm_formula(weights: Sequence[ArrayLike], scale: float = 1) -> float:
    """Equation (53) for W_L ψ(c W_{L−1} ψ(… ψ(c W_0 x))): 16c (Σ ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + Σ_{ℓ≥2} Σ_k ‖w⁽ℓ⁾_k‖).

    w⁽⁰⁾_k is row k of W_0, w⁽ℓ⁾_k column k of W_ℓ; biases do not enter.  It is the sum of (30) over the layers as (49)-(51) cut
    them.  What it is not:

    * a property of the function.  c → c/α, W_ℓ → αW_ℓ and biases likewise (ℓ < L) changes nothing but the parameters, and
      the sums by the factors α, 1, …, 1, 1/α (for L = 1 by 1: then it is (30)).  With A_ℓ = cW_ℓ (ℓ < L) fixed, three hidden
      layers have 16 (S₁/c + S₂ + c S₃): any value from 16 (S₂ + 2√(S₁S₃)) up, by the choice of c alone.  Values at
      different c are therefore not comparable; ``deep_norm_invariant`` is the form that does not depend on the choice.
    * a bound on the variation of the composition: ψ(4ψ(x)) has (53) equal to 80 and TV(f') = 3104/9.

    Parameters
    ----------
    weights : W_0, …, W_L (L >= 1), W_ℓ of shape (n_{ℓ+1}, n_ℓ) as in torch

    Raises
    ------
    ValueError
        For fewer than two matrices, shapes that do not chain, values that are not finite, or a scale that is not positive.
    """
    matrices = _chained(weights)
    factor = float_scale(scale) * float(BSplineWavelet(2).variation)
    return float(checks.in_range("The norm (53)", factor * _sum("The norm (53)", _layer_sums(matrices))))


def deep_norm_invariant(weights: Sequence[ArrayLike], scale: float = 1) -> float:
    """(53) of the same function with c = 1, c absorbed: 16 (c² Σ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + c Σ‖w⁽²⁾_k‖ + … + Σ‖w⁽ᴸ⁾_k‖).

    The layers are cW_1 ψ(cW_0 x), cW_2 ψ(x), …, W_L ψ(x): every hidden weight is measured in the units of the pre-activation
    that ψ sees.  c and the weights that feed a ψ enter only as products, so c → c/α, W_ℓ → αW_ℓ (ℓ < L) leaves the value as
    it is.  For one hidden layer it is (30), c Σ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ times 16.

    Still a number of the weights: copying a neuron of a hidden layer after the first, with half the output weights each,
    keeps the function and raises the value, and like (53) it does not bound the variation of the composition.
    Parameters and errors as for ``deep_norm_formula``.
    """
    matrices = _chained(weights)
    c = float_scale(scale)
    with np.errstate(over="ignore"):
        absorbed = [checks.in_range("c times a weight", c * matrix) for matrix in matrices[:-1]] + [matrices[-1]]
    total = _sum("The norm (53)", _layer_sums(absorbed))
    return float(checks.in_range("The norm (53)", float(BSplineWavelet(2).variation) * total))


def _layer_sums(matrices: Sequence[np.ndarray]) -> list[float]:
    first = _sum("The norm (53)", _products(_row_lengths(matrices[0]), _row_lengths(matrices[1].T)))
    return [first, *(_sum("The norm (53)", _row_lengths(matrix.T)) for matrix in matrices[2:])]


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(a * b)


def _row_lengths(rows: np.ndarray) -> np.ndarray:
    """Euclidean lengths of the rows, of the rows times a power of two: squares leave float64 where the lengths do not."""
    rows = rows.reshape(len(rows), -1) if rows.size else np.zeros((len(rows), 1))
    _, exponents = np.frexp(np.max(np.abs(rows), axis=1))
    with np.errstate(over="ignore"):
        return np.asarray(np.ldexp(np.linalg.norm(np.ldexp(rows, -exponents[:, None]), axis=1), exponents))


def _chained(weights: Sequence[ArrayLike]) -> list[np.ndarray]:
    if isinstance(weights, (str, bytes, dict)) or not hasattr(weights, "__len__"):
        raise ValueError(f"A network is a list of its matrices W_0, …, W_L; got {checks.shown(weights)}.")
    matrices = [checks.real_array(f"Weights W_{number}", matrix) for number, matrix in enumerate(weights)]
    shapes = [matrix.shape for matrix in matrices]
    if len(shapes) < 2 or any(len(s) != 2 for s in shapes) or any(a[0] != b[1] for a, b in zip(shapes, shapes[1:])):
        raise ValueError(f"A network needs matrices W_0, …, W_L (L >= 1) whose shapes (n_out, n_in) chain; got {shapes}.")
    return matrices


def merged_norm(v: ArrayLike, w: ArrayLike, b: ArrayLike, domain: tuple[Any, Any] | None = None) -> Fraction | float:
    """The variation norm of Σ v_k σ(w_kᵀx − b_k) on R^d: neurons on one hyperplane merged before lengths are taken.

    The second derivative of v σ(wᵀx − b) is the measure v‖w‖ on the hyperplane wᵀx = b, whichever way the neuron faces, so
    the masses of neurons on one hyperplane add as vectors.  A property of the function.  Coincidence is decided in exact
    arithmetic, the floats taken as the rationals they are, and without square roots.

    Parameters
    ----------
    v : (K,) or (K, m);  w : (K,) or (K, d);  b : (K,); neurons with w_k = 0 are constants and count nothing
    domain : (r1, r2) for the norm on the open cube (r1, r2)^d, to which only the hyperplanes that meet it contribute; None
        for R^d.

    Returns
    -------
    An exact Fraction for d = m = 1, where it is ``total_variation``; otherwise a float with a relative error of a few 1e-16.

    Raises
    ------
    ValueError
        For mismatched shapes, values that are not finite or an empty domain.
    """
    v, w, b = exact_neurons(v, w, b)
    if w.ndim == 1 or w.shape[1] == 1:
        return total_variation(PiecewiseLinear.from_relu(v, w.reshape(len(b)), b), domain)
    outputs = v.reshape(len(b), v.shape[1] if v.ndim == 2 else 1)
    masses: dict[tuple[Fraction, ...], list[Fraction]] = {}
    for v_k, w_k, b_k in zip(outputs, w, b):
        largest = max(w_k, key=abs, default=Fraction(0))
        if largest:
            plane = (*(x / largest for x in w_k), b_k / largest)  # the same for every multiple of (w, b)
            mass = masses.setdefault(plane, [Fraction(0)] * len(v_k))
            mass[:] = [m + x * abs(largest) for m, x in zip(mass, v_k)]
    cube = None if domain is None else as_domain(domain)
    kept = ((mass, normal) for (*normal, offset), mass in masses.items() if _meets(normal, offset, cube))
    return _sum("The norm", (_length(mass) * _length(normal) for mass, normal in kept))


def _meets(normal: Sequence[Fraction], offset: Fraction, cube: tuple[Fraction, Fraction] | None) -> bool:
    """Whether the hyperplane normalᵀx = offset meets the open cube (all of space for None)."""
    if cube is None:
        return True
    low, high = (sum((pick(x * end for end in cube) for x in normal), Fraction(0)) for pick in (min, max))
    return low < offset < high
