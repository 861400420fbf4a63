"""Variation norms: the exact total variation of f', and the formulas (20)-(30) and (53) computed from weights.

In one dimension the variation norm of a piecewise-linear f is TV(f'), the sum of its slope jumps in absolute value.  The
paper's formulas are sums over neurons.  They agree with the norm for a single neuron on R; for a network they are upper
bounds, since jumps of different neurons at one place add before their absolute value is taken, and on a bounded domain
since knots outside do not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bwtheory.representation import (
    as_domain,
    as_neurons,
    bwrelu_to_relu,
    exact_array,
    finite_array,
    positive_scale,
)
from bwtheory.wavelet import BSplineWavelet


@dataclass(frozen=True)
class PiecewiseLinear:
    """A continuous piecewise-linear f: affine left of all knots, and a jump of its slope at each knot; exact.

    Attributes
    ----------
    knots : increasing Fractions, all distinct, none with a zero jump
    jumps : for each knot the jump of f' there, a tuple of m Fractions (m outputs)
    left_value, left_slope : m Fractions each; f(x) = left_value + left_slope·x for x left of the first knot
    """

    knots: tuple[Fraction, ...]
    jumps: tuple[tuple[Fraction, ...], ...]
    left_value: tuple[Fraction, ...]
    left_slope: tuple[Fraction, ...]

    @classmethod
    def from_relu(cls, v: ArrayLike, w: ArrayLike, b: ArrayLike, constant: Any = 0, slope: Any = 0) -> PiecewiseLinear:
        """constant + slope·x + Σ v_k σ(w_k x − b_k), the numbers taken as the rationals they are.

        Parameters
        ----------
        v : (K,) or (K, m);  w, b : (K,); w_k may be negative, or 0 for a constant neuron

        Raises
        ------
        ValueError
            For mismatched shapes, values that are not finite, or w of more than one dimension.
        """
        v, w, b = as_neurons(v, w, b)
        if w.ndim != 1:
            raise ValueError(f"A univariate network has input weights of shape (K,); got {w.shape}.")
        v = exact_array(v, "output weights").reshape(len(b), -1)
        w, b = exact_array(w, "input weights"), exact_array(b, "biases")
        outputs = v.shape[1]
        value = [Fraction(constant)] * outputs
        left_slope = [Fraction(slope)] * outputs
        jumps: dict[Fraction, list[Fraction]] = {}
        for v_k, w_k, b_k in zip(v, w, b):
            if w_k == 0:
                value = [c + x * max(-b_k, Fraction(0)) for c, x in zip(value, v_k)]
                continue
            if w_k < 0:  # σ(wx − b) is wx − b left of its knot
                value = [c - x * b_k for c, x in zip(value, v_k)]
                left_slope = [s + x * w_k for s, x in zip(left_slope, v_k)]
            at = jumps.setdefault(b_k / w_k, [Fraction(0)] * outputs)
            jumps[b_k / w_k] = [j + x * abs(w_k) for j, x in zip(at, v_k)]
        kept = {t: tuple(j) for t, j in sorted(jumps.items()) if any(j)}
        return cls(tuple(kept), tuple(kept.values()), tuple(value), tuple(left_slope))

    @classmethod
    def from_bwrelu(cls, v: ArrayLike, w: ArrayLike, b: ArrayLike, scale: Any = 1, constant: Any = 0) -> PiecewiseLinear:
        """constant + Σ v_k ψ(c(w_k x − b_k)), c the scale: each ψ expanded into its ReLUs.  Arguments and errors as above."""
        v, w, b = as_neurons(v, w, b)
        exact = exact_array(v, "output weights"), exact_array(w, "input weights"), exact_array(b, "biases")
        return cls.from_relu(*bwrelu_to_relu(*exact, scale=scale), constant=constant)

    def __call__(self, x: Any) -> tuple[Fraction, ...]:
        """The m exact values at one rational point."""
        at = Fraction(x)
        values = [c + s * at for c, s in zip(self.left_value, self.left_slope)]
        for knot, jump in zip(self.knots, self.jumps):
            if knot < at:
                values = [y + j * (at - knot) for y, j in zip(values, jump)]
        return tuple(values)


def total_variation(f: PiecewiseLinear, domain: tuple[Any, Any] | None = None) -> Fraction | float:
    """TV(f') on R, or on the inside of a domain: the sum over knots of the Euclidean length of the jump.

    Returns an exact Fraction for a scalar function, a float for vector-valued ones.

    Raises
    ------
    ValueError
        For an empty domain.
    """
    low, high = (-math.inf, math.inf) if domain is None else as_domain(domain)
    return _sum_of_lengths([jump for knot, jump in zip(f.knots, f.jumps) if low < knot < high])


def _sum_of_lengths(vectors: Sequence[Sequence[Fraction]]) -> Fraction | float:
    if all(len(vector) == 1 for vector in vectors):
        return sum((abs(vector[0]) for vector in vectors), Fraction(0))
    return math.fsum(math.sqrt(sum(x * x for x in vector)) for vector in vectors)


def relu_norm_formula(v: ArrayLike, w: ArrayLike) -> float:
    """Σ_k ‖v_k‖₂‖w_k‖₂, equation (22): a number of the weights.

    It is the variation norm of Σ v_k σ(w_kᵀx − b_k) on R^d if no two neurons share a hyperplane, or those that do have
    output weights in one direction; an upper bound otherwise, without any bound on the ratio.

    Parameters
    ----------
    v : (K,) or (K, m);  w : (K,) or (K, d)

    Raises
    ------
    ValueError
        For unequal K or values that are not finite.
    """
    lengths = [_row_lengths(finite_array(a, name)) for a, name in ((v, "output weights"), (w, "input weights"))]
    if lengths[0].shape != lengths[1].shape:
        raise ValueError(f"Output and input weights belong to the same K neurons; got {len(lengths[0])} and {len(lengths[1])}.")
    return math.fsum(lengths[0] * lengths[1])


def bwrelu_norm_formula(v: ArrayLike, w: ArrayLike, scale: float = 1) -> float:
    """16 c Σ_k ‖v_k‖₂‖w_k‖₂, equations (25) and (30), with 16 = TV(ψ'): a number of the weights.

    Exact for one neuron on R^d and invariant under (c, w, b) → (c/α, αw, αb); an upper bound for networks and on bounded
    domains.  Parameters and errors as for ``relu_norm_formula``; the scale c has to be positive.
    """
    return float(positive_scale(scale)) * float(BSplineWavelet(2).variation) * relu_norm_formula(v, w)


def deep_norm_formula(weights: Sequence[ArrayLike], scale: float = 1) -> float:
    """Equation (53) for W_L ψ(c W_{L−1} ψ(… ψ(c W_0 x))): 16c (Σ ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + Σ_{ℓ≥2} Σ_k ‖w⁽ℓ⁾_k‖).

    w⁽⁰⁾_k is row k of W_0, w⁽ℓ⁾_k column k of W_ℓ.  The sum of the layers' norms, with the layers cut as (49)-(51) do.  It is
    not invariant under c → c/α, W_ℓ → αW_ℓ (ℓ < L), which leaves the function unchanged, except for one hidden layer.

    Parameters
    ----------
    weights : W_0, …, W_L (L >= 1), W_ℓ of shape (n_{ℓ+1}, n_ℓ)

    Raises
    ------
    ValueError
        For fewer than two matrices, shapes that do not chain, or values that are not finite.
    """
    matrices = _chained(weights)
    return float(positive_scale(scale)) * float(BSplineWavelet(2).variation) * math.fsum(_layer_sums(matrices))


def deep_norm_invariant(weights: Sequence[ArrayLike], scale: float = 1) -> float:
    """Equation (53) with every layer cut after its scaling: 16 (c² Σ‖w⁽¹⁾_k‖‖w⁽⁰⁾_k‖ + c Σ‖w⁽²⁾_k‖ + … + Σ‖w⁽ᴸ⁾_k‖).

    The layers are cW_1 ψ(cW_0 x), cW_2 ψ(x), …, W_L ψ(x), so that c and the weights that feed a ψ enter only as products: the
    value does not change under c → c/α, W_ℓ → αW_ℓ (ℓ < L).  For one hidden layer it is (30).  Like (53) it is a number
    of the weights, not of the function.  Parameters and errors as for ``deep_norm_formula``.
    """
    matrices = _chained(weights)
    c = float(positive_scale(scale))
    scaled = [c * matrix for matrix in matrices[:-1]] + [matrices[-1]]
    return float(BSplineWavelet(2).variation) * math.fsum(_layer_sums(scaled))


def _layer_sums(matrices: Sequence[np.ndarray]) -> list[float]:
    first = math.fsum(_row_lengths(matrices[0]) * _row_lengths(matrices[1].T))
    return [first, *(math.fsum(_row_lengths(matrix.T)) for matrix in matrices[2:])]


def _row_lengths(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows.reshape(len(rows), -1), axis=1)


def _chained(weights: Sequence[ArrayLike]) -> list[np.ndarray]:
    matrices = [finite_array(matrix, "weights") for matrix in weights]
    shapes = [matrix.shape for matrix in matrices]
    if len(shapes) < 2 or any(len(s) != 2 for s in shapes) or any(a[0] != b[1] for a, b in zip(shapes, shapes[1:])):
        raise ValueError(f"A network needs matrices W_0, …, W_L (L >= 1) whose shapes (n_out, n_in) chain; got {shapes}.")
    return matrices


def merged_norm(v: ArrayLike, w: ArrayLike, b: ArrayLike) -> Fraction | float:
    """The variation norm of Σ v_k σ(w_kᵀx − b_k) on R^d: neurons on one hyperplane merged before lengths are taken.

    The second derivative of v σ(wᵀx − b) is the measure v‖w‖ on the hyperplane wᵀx = b, whichever way the neuron faces, so
    the masses of neurons on one hyperplane add as vectors.  A property of the function.  Coincidence is decided in exact
    arithmetic, the floats taken as the rationals they are.

    Parameters
    ----------
    v : (K,) or (K, m);  w : (K,) or (K, d);  b : (K,); neurons with w_k = 0 are constants and count nothing

    Raises
    ------
    ValueError
        For mismatched shapes or values that are not finite.
    """
    v, w, b = as_neurons(v, w, b)
    count = len(b)
    outputs = exact_array(v, "output weights").reshape(count, -1)
    inputs, biases = exact_array(w, "input weights").reshape(count, -1), exact_array(b, "biases")
    masses: dict[tuple[Fraction, ...], list[Fraction]] = {}
    lengths: dict[tuple[Fraction, ...], float] = {}
    for v_k, w_k, b_k in zip(outputs, inputs, biases):
        lead = next((x for x in w_k if x), None)
        if lead is None:
            continue
        plane = (*(x / lead for x in w_k), b_k / lead)  # the same for every multiple of (w, b)
        lengths[plane] = math.sqrt(sum(x * x for x in plane[:-1]))
        mass = masses.setdefault(plane, [Fraction(0)] * len(v_k))
        masses[plane] = [m + x * abs(lead) for m, x in zip(mass, v_k)]
    if inputs.shape[1] == 1:
        return _sum_of_lengths(list(masses.values()))
    return math.fsum(float(_sum_of_lengths([mass])) * lengths[plane] for plane, mass in masses.items())
