"""Operators with ``A`` and ``A_adjoint``, and functions as ``--physics`` takes them; no deepinv is needed."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Mixing:
    """Even columns of an image whose channels are mixed by a matrix: what happens to one channel depends on the others."""

    def __init__(self, channels: int = 1):
        self.matrix = torch.eye(channels) + torch.arange(channels) / 4

    def A(self, x: Tensor) -> Tensor:
        return torch.einsum("dc,bchw->bdhw", self.matrix, x)[..., ::2]

    def A_adjoint(self, y: Tensor) -> Tensor:
        x = torch.zeros(*y.shape[:3], 2 * y.shape[3])
        x[..., ::2] = torch.einsum("dc,bdhw->bchw", self.matrix, y)
        return x


def image(channels: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(10.0), torch.arange(14.0), indexing="ij")
    return torch.stack([(1 + torch.sin(x / 3 + n) * torch.cos(y / 2)) / 2 for n in range(channels)])[None]


def gray() -> tuple:
    return Mixing(), Mixing().A(image(1)), image(1)


def colour() -> tuple:
    return Mixing(3), Mixing(3).A(image(3))


def complex_image() -> tuple:
    return Mixing(2), Mixing(2).A(image(2)), image(2)


def noisy() -> tuple:
    y = Mixing().A(image(1))
    return Mixing(), y + 0.1 * torch.randn(y.shape)


def no_tuple() -> Tensor:
    return image(1)


def no_operator() -> tuple:
    return math, image(1)


def two_images() -> tuple:
    return Mixing(), torch.cat([image(1), image(1)])


def not_finite() -> tuple:
    return Mixing(), image(1) / 0


def other_measurements() -> tuple:
    return Mixing(), image(1), image(1)


def flat_image() -> tuple:
    return Mixing(), image(1), image(1)[0]


not_callable = 3
