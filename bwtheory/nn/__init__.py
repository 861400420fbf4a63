"""The learning wing's networks: implicit neural representations with BW-ReLU and with the activations it is compared to."""

from bwtheory.nn.activations import ACTIVATIONS, Activation, BWReLU, Elementwise, resolve_activation
from bwtheory.nn.conditioning import FeatureConditioning, feature_singular_values, stable_rank, stable_ranks
from bwtheory.nn.conversion import from_relu, to_relu
from bwtheory.nn.functional import psi, psi_seven_relus
from bwtheory.nn.fused import Fused
from bwtheory.nn.linear import ComplexLinear, Layer
from bwtheory.nn.network import INR
from bwtheory.nn.norms import variation_norm, variation_norm_invariant

__all__ = [
    "ACTIVATIONS",
    "INR",
    "Activation",
    "BWReLU",
    "ComplexLinear",
    "Elementwise",
    "FeatureConditioning",
    "Fused",
    "Layer",
    "feature_singular_values",
    "from_relu",
    "psi",
    "psi_seven_relus",
    "resolve_activation",
    "stable_rank",
    "stable_ranks",
    "to_relu",
    "variation_norm",
    "variation_norm_invariant",
]
