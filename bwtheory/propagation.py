"""How size, slope and reach of ψ networks pass from layer to layer at the start, for wide layers.

Everything is about the argument u of ψ: for a network ψ(c(Wz + b)) it is c times the pre-activation.  With n features h in a
layer, weights w ~ U(±g/√n) and biases b ~ U(centre ± spread), all independent, u = Σ w h + b has at a point x, over neurons,
the distribution of b + σG with σ² = g²q/3, q the mean of h² over the n features, and G normal as n grows.  So

    q′ = E ψ(u)²           the mean square of the next layer's features,
    χ = (g²/3) E ψ′(u)²    by which a small difference between two points, and a gradient on its way back, grows in square.

χ < 1 is order: points become alike with depth, and gradients vanish.  χ > 1 is chaos.  Mean squares D of the derivatives of
features along an axis pass as differences do, D′ = (g²/3) E ψ′(u)² · D, so that √(D/q) is how rough a layer is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from bwtheory.starts import Scales
from bwtheory.two_scale import truncated_power_coefficients

COEFFICIENTS = np.array([float(a) for a in truncated_power_coefficients(2)])
KNOTS = np.arange(len(COEFFICIENTS)) / 2
SUPPORT = (float(KNOTS[0]), float(KNOTS[-1]))
SLOPES = np.cumsum(COEFFICIENTS)[:-1]  # of the six pieces
_VALUES = np.concatenate([[0.0], np.cumsum(SLOPES) / 2])  # at the knots
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)  # exact for polynomials of degree 31 on each piece
_WIDE = 9.0  # standard deviations beyond which a normal density is below 1e-18 of its peak


def psi(u: np.ndarray) -> np.ndarray:
    """ψ, 0 outside of its support."""
    values: np.ndarray = np.interp(u, KNOTS, _VALUES, left=0.0, right=0.0)
    return values


def psi_slope(u: np.ndarray) -> np.ndarray:
    """ψ′, at a knot that on its left."""
    piece = np.clip(np.ceil(2 * np.asarray(u)).astype(int) - 1, 0, len(SLOPES) - 1)
    return np.where((np.asarray(u) > SUPPORT[0]) & (np.asarray(u) <= SUPPORT[1]), SLOPES[piece], 0.0)


@dataclass(frozen=True)
class Moments:
    """Of ψ(u): E ψ², E ψ′², and the probability that u is in the support."""

    square: float
    slope_square: float
    active: float


def moments(sigma: float, centre: float, spread: float) -> Moments:
    """Of ψ at u = b + σG, b uniform within centre ± spread and G normal: to some 12 digits by Gauss–Legendre quadrature.

    σ and spread are >= 0 and not both 0.
    """
    if not (sigma >= 0 and spread >= 0 and sigma + spread > 0):
        raise ValueError(f"Moments need sigma, spread >= 0, not both 0; got {sigma} and {spread}.")
    edges = [centre - spread, centre + spread]
    steps = sigma * np.concatenate([-np.geomspace(_WIDE, 0.25, 12), np.geomspace(0.25, _WIDE, 12)])
    cuts = np.concatenate([KNOTS, edges, *(edge + steps for edge in edges)])
    cuts = np.unique(np.clip(cuts, *SUPPORT))
    half = np.diff(cuts) / 2
    u = (cuts[:-1] + half)[:, None] + half[:, None] * _NODES
    weight = half[:, None] * _WEIGHTS * _density(u, sigma, centre, spread)
    return Moments(*(float((weight * f).sum()) for f in (psi(u) ** 2, psi_slope(u) ** 2, np.ones_like(u))))


def _density(u: np.ndarray, sigma: float, centre: float, spread: float) -> np.ndarray:
    if spread == 0:
        return np.exp(-(((u - centre) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))
    if sigma == 0:
        return (np.abs(u - centre) < spread) / (2 * spread)
    density: np.ndarray = (ndtr((u - centre + spread) / sigma) - ndtr((u - centre - spread) / sigma)) / (2 * spread)
    return density


@dataclass(frozen=True)
class Deeper:
    """The weights and biases of deeper layers at the start."""

    gain: float
    centre: float
    spread: float

    def at(self, q: float) -> Moments:
        """Of a layer that gets features of mean square q."""
        return moments(self.gain * math.sqrt(q / 3), self.centre, self.spread)

    def next(self, q: float) -> float:
        """q′, the mean square of the next layer's features."""
        return self.at(q).square

    def growth(self, q: float) -> float:
        """χ at features of mean square q."""
        return self.gain**2 / 3 * self.at(q).slope_square

    def fixed_points(self) -> list[tuple[float, bool]]:
        """Mean squares q = q′ > 0, least first, and whether features near one come nearer to it."""
        grid = np.geomspace(1e-12, float(np.max(_VALUES**2)), 400)
        surplus = np.array([self.next(q) - q for q in grid])
        found = [
            brentq(lambda q: self.next(q) - q, low, high, xtol=1e-15)
            for low, high, before, after in zip(grid, grid[1:], surplus, surplus[1:])
            if before * after < 0
        ]
        return [(q, self.next(q * 1.001) - self.next(q) < 0.001 * q) for q in found]

    def settled(self) -> float:
        """The mean square that features of any size come to after many layers: the largest attracting fixed point, or 0."""
        return max((q for q, attracting in self.fixed_points() if attracting), default=0.0)


def deeper(start: Scales | None, c: float, width: int) -> Deeper:
    """What the deeper layers of ψ(c(Wz + b)) with so many neurons start with; PyTorch's default for None."""
    if start is None:
        return Deeper(c, 0.0, c / math.sqrt(width))
    middle, reach = sum(SUPPORT) / 2, (SUPPORT[1] - SUPPORT[0]) / 2
    centre = middle if start.bias_centre is None else start.bias_centre
    spread = reach if start.bias_spread is None else start.bias_spread
    return Deeper(c if start.gain is None else start.gain, centre, spread)


def gain_of_unit_growth(centre: float, spread: float) -> float:
    """The edge of chaos: the least gain at which χ, where the features have settled, reaches 1; inf if none up to 1000 does.

    χ may jump there, where larger features than those before become a fixed point.
    """
    gains = np.geomspace(0.01, 1000, 120)
    growth = [_settled_growth(gain, centre, spread) for gain in gains]
    for low, high, before, after in zip(gains, gains[1:], growth, growth[1:]):
        if before < 1 <= after:
            return float(brentq(lambda gain: _settled_growth(gain, centre, spread) - 1, low, high, xtol=1e-9))
    return math.inf


@cache
def _settled_growth(gain: float, centre: float, spread: float) -> float:
    layer = Deeper(float(gain), centre, spread)
    return layer.growth(layer.settled())


def gain_of_unit_argument(centre: float, spread: float) -> float:
    """The gain with which the random part of the argument settles at variance 1: g²q/3 = 1 for q = E ψ(b + G)²."""
    return math.sqrt(3 / moments(1.0, centre, spread).square)


def dead_in_first_layer(d: int, c: float) -> float:
    """Probability that a neuron of a first layer by PyTorch's default is 0 on all of [−1, 1]^d.

    With w and b in units of 1/√d the argument ranges over c(b ± Σ|w_i|)/√d.  It misses (0, 3) below if b <= −Σ|w_i|, and above
    if b − Σ|w_i| >= t = 3√d/c; the sum of d uniform numbers is below a <= 1 with density s^(d−1)/(d−1)!, so that
    P(b >= Σ|w_i| + t) = (1 − t)₊^(d+1)/(2(d+1)!).  A start by scales has 0: the middle of each neuron is in the domain.
    """
    t = 3 * math.sqrt(d) / c
    return (1 + max(0.0, 1 - t) ** (d + 1)) / (2 * math.factorial(d + 1))


@dataclass(frozen=True)
class FirstLayer:
    """At places x, over neurons: E ψ², E ψ′², and the mean square of the derivative of ψ along a coordinate axis; each (Q,)."""

    square: np.ndarray
    slope_square: np.ndarray
    derivative_square: np.ndarray


def first_layer(start: Scales, d: int, places: np.ndarray, samples: int = 64) -> FirstLayer:
    """Of a first layer by scales, at places (Q, d) in [−1, 1]^d, d = 1 or 2.

    They are means over log-uniform s, directions and x₀ of functions of s·d·(x − x₀) + 3/2, by the midpoint rule with so many
    points an axis: within some 0.1 %.
    """
    if d not in (1, 2):
        raise ValueError(f"The first layer's moments are for 1 or 2 coordinates; got {d}.")
    middle = (2 * np.arange(samples) + 1) / samples - 1
    scales = np.exp(np.interp((middle + 1) / 2, [0, 1], np.log([start.smallest_scale, start.largest_scale])))
    reach = 2.0 * math.sqrt(d) * 1.01
    distances = np.linspace(-reach, reach, 32 * samples + 1)
    u = scales[:, None] * distances + sum(SUPPORT) / 2
    slopes = psi_slope(u) ** 2
    by_distance = (psi(u) ** 2).mean(0), slopes.mean(0), (scales[:, None] ** 2 * slopes).mean(0) / d
    angles = np.pi * (np.arange(samples) + 0.5) / samples
    found = np.empty((3, len(places)))
    for number, x in enumerate(places):
        distance = x[0] - middle
        if d == 2:
            distance = np.cos(angles)[:, None, None] * distance[:, None] + np.sin(angles)[:, None, None] * (x[1] - middle)
        found[:, number] = [np.interp(distance, distances, table).mean() for table in by_distance]
    return FirstLayer(*found)
