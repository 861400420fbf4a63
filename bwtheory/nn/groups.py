"""Activations of the width of ψ, one property of ψ changed at a time: what an ablation compares.  Not for other use."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bwtheory.nn.activations import Activation
from bwtheory.wavelet import BSplineWavelet

WIDTH = 3.0  # of ψ's support
FINE = 1536  # pieces of a curve that is no polygon
NORM = 0.5  # ‖ψ‖, which all have
KINDS = {
    "psi": "ψ: local, two vanishing moments, orthogonal across scales",
    "hat": "one hat on the same support: local, no vanishing moment",
    "zero-mean": "three hats, −½, 1, −½: local, two vanishing moments, not orthogonal across scales",
    "random": "random values at the same knots: local, nothing else",
    "wave": "a sine: orthogonal across scales, not local",
    "gabor": "a Gaussian times a cosine",
    "order-3": "the B-spline wavelet of order 3, as wide as ψ",
}


class Group(Activation):
    """g(cz) for a function g of ``KINDS`` on [0, 3] with ψ's norm: linear between equally spaced knots, 0 outside of [0, 3].

    A wave goes on for ever.  With six pieces g is a sum of seven ReLUs, as ψ is.
    """

    tuned_options: tuple[str, ...] = ("c",)
    window = (0.0, WIDTH)
    steps: ClassVar[tuple[float, float] | None] = (4.0, 2.0)  # of BW-ReLU
    values: Tensor
    slopes: Tensor

    def __init__(self, c: float = 3.0, kind: str = "psi"):
        super().__init__()
        if not (c > 0 and math.isfinite(c)):
            raise ValueError(f"The scale c must be positive and finite; got c={c}.")
        if kind not in KINDS:
            raise ValueError(f"There is no group {kind!r}; there are {', '.join(KINDS)}.")
        self.c, self.kind = c, kind
        values = torch.from_numpy(knot_values(kind))
        self._pieces = len(values) - 1
        self.register_buffer("values", values[:-1].float(), persistent=False)
        self.register_buffer("slopes", values.diff().float(), persistent=False)

    @property
    def argument_scale(self) -> float:
        return self.c

    def _place(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Number of the piece, place in it, and whether there is one."""
        t = z * (self.c * self._pieces / WIDTH)
        if self.kind == "wave":
            t = t.remainder(self._pieces)
        number = t.floor().clamp(0, self._pieces - 1)
        return number.long(), t - number, (t >= 0) & (t < self._pieces)

    def forward(self, z: Tensor) -> Tensor:
        number, place, inside = self._place(z)
        return torch.where(inside, self.values[number] + self.slopes[number] * place, torch.zeros_like(z))

    def derivative(self, z: Tensor) -> Tensor:
        number, _, inside = self._place(z)
        return torch.where(inside, self.slopes[number] * (self.c * self._pieces / WIDTH), torch.zeros_like(z))


def knot_values(kind: str) -> np.ndarray:
    """Values at equally spaced knots of [0, 3], both ends included, of a function with the L² norm of ψ."""
    seven = np.linspace(0, WIDTH, 7)
    u = np.linspace(-1, 1, FINE + 1)  # from the middle, in half widths
    if kind == "psi":
        values = BSplineWavelet(2)(seven)
    elif kind == "hat":
        values = 1 - np.abs(seven - WIDTH / 2) / (WIDTH / 2)
    elif kind == "zero-mean":
        values = np.array([0, 0, -0.5, 1, -0.5, 0, 0])
    elif kind == "random":
        values = np.r_[0, np.random.default_rng(0).standard_normal(5), 0]
    elif kind == "wave":
        values = np.sin(2 * np.pi * u)
    elif kind == "gabor":
        values = np.exp(-((3 * u) ** 2)) * np.cos(2 * np.pi * u)
    else:
        order = int(kind.removeprefix("order-"))
        values = BSplineWavelet(order)((u + 1) / 2 * (2 * order - 1))
    values = np.asarray(values, dtype=float)
    a, b = values[:-1], values[1:]
    squares = ((a * a + a * b + b * b) / 3).mean() * WIDTH  # of a polygon, exactly
    return values * (NORM / math.sqrt(squares))
