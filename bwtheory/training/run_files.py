"""What the files of a run's folder are called, and that nothing else is written over them.  Imports no torch."""

from __future__ import annotations

import os
from pathlib import Path

CONFIG, METRICS, CHECKPOINT = "config.json", "metrics.jsonl", "checkpoint.pt"
WEIGHTS, SUMMARY, ERROR_MAP = "weights.safetensors", "summary.json", "error.png"
RECONSTRUCTION = "reconstruction"  # with the suffix of what was learned


READ_AGAIN = (CONFIG, METRICS, CHECKPOINT, WEIGHTS, SUMMARY)


def has_files_of_run(folder: Path) -> bool:
    """Whether a folder has a file of a run that is read again, be it damaged or the only one."""
    return any(os.path.lexists(folder / name) for name in READ_AGAIN)


def not_a_run(folder: Path) -> ValueError:
    """The error of a folder without a run's settings."""
    return ValueError(f"{folder} is no run directory: it has no {CONFIG}.")


def require_run(folder: Path) -> None:
    """ValueError for a folder without a run's settings."""
    if not os.path.lexists(folder / CONFIG):
        raise not_a_run(folder)


def refuse_run_folder(folder: Path) -> None:
    """ValueError if a folder that other things are to be written to is a run's."""
    if _is_run(folder):
        raise ValueError(f"{folder} is the folder of a run; choose another --out.")


def refuse_file_of_run(target: Path) -> None:
    """ValueError if a file that is to be written is one of a run; what is drawn of it may lie beside these."""
    if (target.name in (*READ_AGAIN, ERROR_MAP) or target.stem == RECONSTRUCTION) and _is_run(target.parent):
        raise ValueError(f"{target} is a file of the run in this folder; choose another --out.")


def _is_run(folder: Path) -> bool:
    """Whether it has a run's settings, and something that was computed: other programs have a config.json, too."""
    return os.path.lexists(folder / CONFIG) and any(os.path.lexists(folder / name) for name in READ_AGAIN if name != CONFIG)
