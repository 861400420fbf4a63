"""Conditioning of a network's hidden features: all singular values, and the three condition numbers made of them."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bwtheory.nn.linear import real_map
from bwtheory.nn.network import INR


@torch.no_grad()
def feature_singular_values(network: INR, x: Tensor) -> list[np.ndarray]:
    """Singular values of every hidden layer's feature matrix Φ (K, N) at the coordinates x (N, d), equation (8).

    Computed in float64, largest first, min(K, N) of them for each layer; those below 1e-16 times the largest are rounding.
    """
    network = copy.deepcopy(network).cpu().double()
    return [torch.linalg.svdvals(phi).numpy() for phi in network.features(x.cpu().double())]


@torch.no_grad()
def stable_ranks(network: INR, x: Tensor) -> dict[str, list[float]]:
    """``stable_rank`` of the weights between hidden layers, and of every hidden layer's features at coordinates x (N, d)."""
    weights = [real_map(layer.linear)[0] for layer in network.layers()[1:-1]]
    return {"weights": [stable_rank(w) for w in weights], "features": [stable_rank(phi) for phi in network.features(x)]}


def stable_rank(matrix: Tensor) -> float:
    """‖A‖²_F / ‖A‖², between 1 and the rank of A (n, m); 0 for a matrix of zeros."""
    matrix = matrix.cpu().to(torch.complex128 if matrix.is_complex() else torch.float64)
    matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.mT
    squares = torch.linalg.eigvalsh(matrix.mH @ matrix)
    largest = float(squares[-1])
    return float(squares.sum()) / largest if largest > 0 else 0.0


@dataclass(frozen=True)
class FeatureConditioning:
    """The three numbers that "the condition number of the feature embedding matrix" can mean, for Φ (K, N).

    ``neurons``: κ(ΦΦᵀ), K×K, as printed after (8); inf for K > N.  ``samples``: κ(ΦᵀΦ), N×N; inf for N > K.
    ``published``: σ₁/σ_min over the min(K, N) singular values of Φ, as the published code has it.
    """

    neurons: float
    samples: float
    published: float

    @classmethod
    def of(cls, singular_values: np.ndarray, neurons: int, samples: int) -> FeatureConditioning:
        """From all min(K, N) singular values, largest first."""
        largest, smallest = float(singular_values[0]), float(singular_values[-1])
        published = largest / smallest if smallest > 0 else math.inf
        squared = published * published
        return cls(squared if neurons <= samples else math.inf, squared if samples <= neurons else math.inf, published)
