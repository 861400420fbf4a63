"""bwtheory: "ReLUs Are Sufficient for Learning Implicit Neural Representations", derived, checked and sharpened.

Names are imported when they are first used, so that ``import bwtheory`` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bwtheory.families import ReLUFamily, WaveletFamily
    from bwtheory.gram.spectrum import Enclosure, Spectrum, gershgorin_discs
    from bwtheory.interval import IntervalWaveletFamily
    from bwtheory.representation import bwrelu_to_relu, relu_to_bwrelu
    from bwtheory.training.api import fit
    from bwtheory.training.fitted import Fit, grid, load
    from bwtheory.variation import PiecewiseLinear, total_variation
    from bwtheory.wavelet import BSplineWavelet

_HOME = {
    "BSplineWavelet": "wavelet",
    "ReLUFamily": "families",
    "WaveletFamily": "families",
    "IntervalWaveletFamily": "interval",
    "Enclosure": "gram.spectrum",
    "Spectrum": "gram.spectrum",
    "gershgorin_discs": "gram.spectrum",
    "PiecewiseLinear": "variation",
    "total_variation": "variation",
    "relu_to_bwrelu": "representation",
    "bwrelu_to_relu": "representation",
    "Fit": "training.fitted",
    "fit": "training.api",
    "grid": "training.fitted",
    "load": "training.fitted",
}

__all__ = [  # written out for type checkers; a test compares it with the table
    "BSplineWavelet",
    "Enclosure",
    "Fit",
    "IntervalWaveletFamily",
    "PiecewiseLinear",
    "ReLUFamily",
    "Spectrum",
    "WaveletFamily",
    "bwrelu_to_relu",
    "fit",
    "gershgorin_discs",
    "grid",
    "load",
    "relu_to_bwrelu",
    "total_variation",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bwtheory' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bwtheory.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
