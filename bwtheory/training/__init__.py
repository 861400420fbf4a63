"""Fitting networks: presets as data, one loop, the run directory.

Names are imported when they are first used: the command line reads flags and presets without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bwtheory.training.api import Step, fit
    from bwtheory.training.config import TrainingConfig, with_preset
    from bwtheory.training.fitted import Fit, grid, load
    from bwtheory.training.run import RunDirectory
    from bwtheory.training.session import Diverged, train, train_together

_HOME = {
    "Diverged": "session",
    "Fit": "fitted",
    "RunDirectory": "run",
    "Step": "api",
    "TrainingConfig": "config",
    "fit": "api",
    "grid": "fitted",
    "load": "fitted",
    "train": "session",
    "train_together": "session",
    "with_preset": "config",
}

__all__ = [  # written out for type checkers; a test compares it with the table
    "Diverged",
    "Fit",
    "RunDirectory",
    "Step",
    "TrainingConfig",
    "fit",
    "grid",
    "load",
    "train",
    "train_together",
    "with_preset",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bwtheory.training' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bwtheory.training.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
