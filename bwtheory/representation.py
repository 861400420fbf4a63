"""ReLU networks written with BW-ReLU neurons (Proposition 3.2) and back (equation (3)).

A shallow network is three plain arrays: output weights v (K,) or (K, m), input weights w (K,) or (K, d), biases b (K,).
Its neurons are v_k σ(w_kᵀx − b_k) or v_k ψ(c(w_kᵀx − b_k)), with the paper's sign of the bias (torch adds it instead).

Every function here is exact on exact input: arrays of Fractions (or SymPy Rationals) give arrays of Fractions; arrays of
floats or integers give float64 arrays.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bwtheory import checks
from bwtheory.wavelet import BSplineWavelet

__all__ = ["bwrelu_to_relu", "identity_interval", "relu_to_bwrelu", "wavelet_relus"]

Neurons = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


@cache
def wavelet_relus() -> tuple[NDArray[Any], NDArray[Any]]:
    """The ReLUs of ψ, equation (2): ψ(x) = Σ_i coefficients[i] σ(x − knots[i]).

    Returns
    -------
    knots, coefficients : read-only object arrays of Fractions, shape (7,), knots increasing from 0.
    """
    psi = BSplineWavelet(order=2)
    knots = checks.exact_array("Knots", psi.relu_knots)
    coefficients = checks.exact_array("Coefficients", psi.relu_coefficients)
    knots.flags.writeable = coefficients.flags.writeable = False
    return knots, coefficients


def identity_interval(scale: Any = 4) -> tuple[float, Fraction]:
    """Where σ(x) = (s/ψ'(0+)) ψ(x/s) holds, for the scale s: the largest interval containing 0.

    It is (−∞, s·t₁], t₁ the first positive knot of ψ: up to there only the ReLU at 0 is active. For the paper's s = 4
    this is σ(x) = 24 ψ(x/4) on (−∞, 2]; Appendix A needs it on w_k x − b_k ∈ [−2, 2], so s = 4 is the smallest scale that
    serves the whole class of Proposition 3.2.

    Raises ValueError unless the scale is positive and finite.
    """
    knots, _ = wavelet_relus()
    return -math.inf, positive_scale(scale) * knots[1]


def relu_to_bwrelu(v: ArrayLike, w: ArrayLike, b: ArrayLike, domain: tuple[Any, Any] = (-1, 1)) -> Neurons:
    """BW-ReLU neurons equal to the ReLU neurons on the domain: Proposition 3.2, equations (14), (15), (31)-(34).

    Each v_k σ(w_kᵀx − b_k) becomes (s/ψ'(0+)) v_k ψ((w_kᵀx − b_k)/s) with one scale s for the whole network: the smallest
    power of two for which w_kᵀx − b_k <= s·t₁ on the domain (t₁ the first positive knot of ψ), for these biases and for all
    that put the knot of neuron k inside the domain. With |w_k| = 1 and b_k ∈ [−1, 1] on [−1, 1] this is s = 4: the paper's
    24 v_k, w_k/4, b_k/4. Beyond that class the paper's 1/4 is not enough (w = 2, b = −1 reaches 3 > 2). A power of two
    makes w/s and b/s exact in floating point; only s/ψ'(0+)·v_k can round.

    What the change of neurons does, and does not do:

    * On the domain the features ψ((w_kᵀx − b_k)/s) are the ReLU features times one constant ψ'(0+)/s. Any Gram matrix of
      them is a multiple of the ReLU's, so its condition number is *exactly* the ReLU's: representation power is kept,
      and so is the ill-conditioning of Theorem 3.1.
    * The norm formula (25) of the result is Σ|ψ''|/ψ'(0+) = 16·24/4 = 96 times the ReLU formula (22), whatever s is.
      On R that is right for one neuron; on the domain the function, hence the total variation of f', has not changed.

    Parameters
    ----------
    v : (K,) or (K, m);  w : (K,) or (K, d);  b : (K,). A constant c of the network carries over unchanged.
    domain : (r1, r2), r1 < r2. For w of shape (K, d) the domain is the cube [r1, r2]^d.

    Returns
    -------
    v, w, b of the BW-ReLU network, in the shapes of the input.

    Raises
    ------
    ValueError for mismatched shapes, values that are no finite real numbers, an empty domain, or where float64 would lose
    digits of w/s or b/s by underflow; Fractions have no such limit.
    """
    v, w, b = as_neurons(v, w, b)
    low, high = as_domain(domain)
    knots, coefficients = wavelet_relus()
    scale: Any = _power_of_two_at_least(_largest_reach(w, b, low, high) / knots[1])
    gain: Any = scale / coefficients[0]
    if w.dtype != object:
        scale, gain = _as_float("The reach of wᵀx − b on the domain", scale), _as_float("The gain", gain)
    inverse = 1 / scale
    return (
        _scaled("An output weight", gain, v),
        _scaled("An input weight", inverse, w, exactly=True),
        _scaled("A bias", inverse, b, exactly=True),
    )


def bwrelu_to_relu(v: ArrayLike, w: ArrayLike, b: ArrayLike, scale: Any = 1) -> Neurons:
    """The 7K ReLU neurons of a BW-ReLU network with K neurons: equation (3), with the scale c of (29).

    Neuron 7k + i of the result is v_k q_i σ(c w_kᵀx − (c b_k + t_i)), where ψ = Σ_i q_i σ(· − t_i). On float input the
    coefficients q_i (sixths) are rounded, so that outside the support of a neuron the seven ReLUs cancel only up to
    rounding errors of size 1e-16·|v_k c w_kᵀx|; on Fractions they cancel exactly.

    Parameters
    ----------
    v : (K,) or (K, m);  w : (K,) or (K, d);  b : (K,);  scale : c > 0.

    Returns
    -------
    v, w, b of the ReLU network: shapes as on input with 7K in place of K.

    Raises
    ------
    ValueError for mismatched shapes, values that are no finite real numbers, a scale that is not positive, or results that
    leave the range of float64.
    """
    v, w, b = as_neurons(v, w, b)
    c: Any = positive_scale(scale)
    knots, coefficients = wavelet_relus()
    if w.dtype != object:
        c, knots, coefficients = _as_float("The scale", c), knots.astype(float), coefficients.astype(float)
    per_neuron, count = len(knots), len(b)
    with np.errstate(over="ignore"):
        output = np.repeat(v, per_neuron, axis=0).T * np.tile(coefficients, count)
    if v.dtype != object:
        checks.in_range("An output weight times a coefficient of ψ", output)
    w, b = _scaled("An input weight", c, w), _scaled("A bias", c, b)
    return output.T, np.repeat(w, per_neuron, axis=0), np.repeat(b, per_neuron) + np.tile(knots, count)


def _largest_reach(w: NDArray[Any], b: NDArray[Any], low: Fraction, high: Fraction) -> Fraction:
    """Largest wᵀx − b on the cube, over the given neurons and over all biases whose knot meets the cube."""
    w, b = checks.exact_array("Input weights", w).reshape(len(b), -1), checks.exact_array("Biases", b)
    spans = ((high - low) * np.abs(w)).sum(axis=1)
    tops = np.maximum(low * w, high * w).sum(axis=1) - b
    return max([*spans, *tops], default=Fraction(0))


def _power_of_two_at_least(bound: Fraction) -> Fraction:
    if bound <= 0:  # no neuron is ever active: every scale will do
        return Fraction(1)
    power = Fraction(2) ** (bound.numerator.bit_length() - bound.denominator.bit_length() - 1)
    while power < bound:
        power *= 2
    return power


def as_neurons(v: ArrayLike, w: ArrayLike, b: ArrayLike) -> Neurons:
    """Checked v, w, b: all Fractions where any of them is an object array, otherwise all float64."""
    given = {"Output weights v": v, "Input weights w": w, "Biases b": b}
    if any(_dtype(name, values) is np.dtype(object) for name, values in given.items()):
        return exact_neurons(v, w, b)
    v, w, b = (checks.real_array(name, values) for name, values in given.items())
    _refuse_shapes(v, w, b)
    return v, w, b


def exact_neurons(v: ArrayLike, w: ArrayLike, b: ArrayLike) -> Neurons:
    """Checked v, w, b as Fractions: floats are taken as the dyadic rationals they are."""
    given = {"Output weights v": v, "Input weights w": w, "Biases b": b}
    v, w, b = (checks.exact_array(name, values) for name, values in given.items())
    _refuse_shapes(v, w, b)
    return v, w, b


def _dtype(name: str, values: ArrayLike) -> np.dtype:
    return checks.number_array(name, values).dtype


def _refuse_shapes(v: NDArray[Any], w: NDArray[Any], b: NDArray[Any]) -> None:
    shapes = [v.shape, w.shape, b.shape]
    if any(not 1 <= len(s) <= 2 for s in shapes) or len(b.shape) != 1 or len({s[0] for s in shapes}) != 1:
        raise ValueError(
            "A network of K neurons needs v of shape (K,) or (K, m), w of shape (K,) or (K, d) and b of shape (K,); "
            f"got v {v.shape}, w {w.shape}, b {b.shape}."
        )


def as_domain(domain: tuple[Any, Any]) -> tuple[Fraction, Fraction]:
    """The exact end points r1 < r2 of a bounded interval."""
    ends = checks.exact_array("The end points of the domain", domain)
    if ends.shape != (2,) or ends[0] >= ends[1]:
        raise ValueError(f"The domain needs two end points r1 < r2; got {checks.shown(domain)}.")
    return ends[0], ends[1]


def positive_scale(scale: Any) -> Fraction:
    """The scale c of ψ(c·), exact."""
    c = checks.exact_number("The scale", scale)
    if c <= 0:
        raise ValueError(f"The scale must be positive; got {checks.shown(scale)}.")
    return c


def float_scale(scale: Any) -> float:
    """The scale c of ψ(c·), rounded to float64."""
    return _as_float("The scale", positive_scale(scale))


def _as_float(name: str, exact: Fraction) -> float:
    try:
        nearest = float(exact)
    except OverflowError:
        nearest = math.inf
    if not 0 < nearest < math.inf:
        raise ValueError(f"{name} leaves the range of float64, 5e-324 to 1.8e308: give Fractions, or numbers near 1.")
    return nearest


def _scaled(name: str, factor: Any, values: NDArray[Any], exactly: bool = False) -> NDArray[Any]:
    """factor·values; in float64 ValueError where a number overflows or vanishes, or is rounded though it must not be."""
    if values.dtype == object:
        return np.asarray(factor * values)
    with np.errstate(over="ignore"):
        result: NDArray[Any] = factor * values
        lost = (result == 0) & (values != 0) if not exactly else result / factor != values
    if np.any(lost) or not np.isfinite(result).all():
        raise ValueError(f"{name} times {factor:g} leaves the range of float64: give Fractions, which are exact.")
    return result
