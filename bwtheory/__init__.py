"""bwtheory: "ReLUs Are Sufficient for Learning Implicit Neural Representations", derived, checked and sharpened.

Names are imported when they are first used, so that ``import bwtheory`` stays cheap.
"""

from __future__ import annotations

import importlib

_HOME = {
    "BSplineWavelet": "wavelet",
    "ReLUFamily": "families",
    "WaveletFamily": "families",
    "IntervalWaveletFamily": "families",
    "Enclosure": "spectrum",
    "gershgorin_discs": "spectrum",
    "PiecewiseLinear": "variation",
    "total_variation": "variation",
    "relu_to_bwrelu": "representation",
    "bwrelu_to_relu": "representation",
    "load": "training.run",
}

__all__ = list(_HOME)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'bwtheory' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bwtheory.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
