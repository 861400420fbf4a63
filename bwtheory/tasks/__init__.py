"""Problems to train on, one file each: what is measured, on which coordinates, against which truth.

Names are imported when they are first used: the command line looks for files, and at options, without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bwtheory.tasks.named import (
        TASKS,
        Problem,
        absolute_options,
        absolute_source,
        build_task,
        data_hash,
        dimensions_of,
    )
    from bwtheory.tasks.sources import FILE_OPTIONS
    from bwtheory.tasks.task import ImageTask, Task

_HOME = {
    "FILE_OPTIONS": "sources",
    "TASKS": "named",
    "ImageTask": "task",
    "Problem": "named",
    "Task": "task",
    "absolute_options": "named",
    "absolute_source": "named",
    "build_task": "named",
    "data_hash": "named",
    "dimensions_of": "named",
}

__all__ = [  # written out for type checkers; a test compares it with the table
    "FILE_OPTIONS",
    "TASKS",
    "ImageTask",
    "Problem",
    "Task",
    "absolute_options",
    "absolute_source",
    "build_task",
    "data_hash",
    "dimensions_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bwtheory.tasks' has no attribute {name!r}")
    return getattr(importlib.import_module(f"bwtheory.tasks.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
