"""The learning wing's networks: implicit neural representations with BW-ReLU and with the activations it is compared to."""

from bwtheory.nn.activations import ACTIVATIONS, Activation, BWReLU, resolve_activation
from bwtheory.nn.conditioning import FeatureConditioning, feature_singular_values
from bwtheory.nn.conversion import from_relu, to_relu
from bwtheory.nn.network import INR
from bwtheory.nn.norms import variation_norm, variation_norm_invariant
from bwtheory.nn.wavelet import psi, psi_seven_relus

__all__ = [
    "ACTIVATIONS",
    "INR",
    "Activation",
    "BWReLU",
    "FeatureConditioning",
    "feature_singular_values",
    "from_relu",
    "psi",
    "psi_seven_relus",
    "resolve_activation",
    "to_relu",
    "variation_norm",
    "variation_norm_invariant",
]
