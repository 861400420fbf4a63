"""Runs as a report needs them: read, and evaluated where their data are still here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bwtheory.tasks import Task, build_task
from bwtheory.torch_settings import usual_settings
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gradient import predict
from bwtheory.training.run import RunDirectory

NOT_A_SETTING = ("seed", "device", "chunk", "compile", "together", "place", "log_every", "log_details", "settings_from")
NOT_TO_BE_HAD = (ValueError, TypeError, OverflowError, MemoryError, RuntimeError, OSError)  # of a configuration from a file


@dataclass(frozen=True)
class Run:
    """What the folder of a run says.

    name : short, and no other run's of the same report
    config : None if it cannot be read; then there is nothing else
    rows, summary : empty if they are not there
    problems : sentences on what is damaged or missing
    """

    name: str
    folder: Path
    config: TrainingConfig | None
    rows: Sequence[dict[str, Any]] = ()
    summary: dict[str, Any] = field(default_factory=dict)
    finished: bool = False
    problems: tuple[str, ...] = ()

    @property
    def setting(self) -> TrainingConfig | None:
        """What runs that differ in their seed, and in where they ran, have in common."""
        if self.config is None:
            return None
        usual: dict[str, Any] = {f.name: f.default for f in fields(TrainingConfig) if f.name in NOT_A_SETTING}
        return replace(self.config, **usual)


@dataclass(frozen=True)
class Evaluated:
    """A run's network with its task: values (P, C) on the task's grid, in float64."""

    network: nn.Module
    config: TrainingConfig
    task: Task
    values: np.ndarray

    @usual_settings()
    def at(self, coordinates: np.ndarray) -> np.ndarray:
        """Values (N, C) at coordinates (N, d)."""
        x = torch.as_tensor(coordinates, dtype=torch.float64 if self.config.double else torch.float32)
        return predict(self.network, x, self.config.chunk_size).double().numpy()


def names_of(folders: Sequence[Path]) -> list[str]:
    """The last part of each folder's path, or as many parts as tell it from the others."""
    parts = [folder.resolve().parts for folder in folders]
    found = []
    for own in parts:
        count = next((n for n in range(1, len(own)) if sum(p[-n:] == own[-n:] for p in parts) == 1), len(own))
        found.append("/".join(own[-count:]))
    return found


def read(folder: Path, name: str) -> Run:
    """A run from its folder; what cannot be read is one of its ``problems``."""
    directory = RunDirectory(folder)
    try:
        config = directory.read_config()
    except ValueError as error:
        return Run(name, folder, None, problems=(str(error),))
    rows, summary, finished, problems = [], {}, False, []
    try:
        summary = directory.read_summary()
        finished = directory.is_finished(config)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except ValueError as error:
        problems.append(str(error))
    try:
        rows = directory.read_metrics()
    except (FileNotFoundError, NotADirectoryError):
        problems.append(f"{folder} has no metrics.jsonl: there are no curves.")
    except ValueError as error:
        problems.append(str(error))
    return Run(name, folder, config, rows, summary, finished, tuple(problems))


def evaluate(run: Run, tasks: dict[str, Task]) -> tuple[Evaluated | None, str]:
    """The run's network and data, or None and a sentence that says what is missing.

    Foreign code is refused before.  ``tasks`` are those that have been built already, by what they are built of.
    """
    assert run.config is not None
    try:
        network, problem = RunDirectory(run.folder).learned(run.config)
    except NOT_TO_BE_HAD as error:
        return None, f"The network cannot be evaluated: {_one_line(error)}"
    data = TrainingConfig(run.config.source, run.config.task, run.config.task_options, run.config.coords)
    key = repr(data)
    if key not in tasks:
        try:
            tasks[key] = build_task(data.task, data.source, data.coords, data.task_options)
        except NOT_TO_BE_HAD as error:
            return None, f"There is nothing to compare it with: {_one_line(error)}"
    task = tasks[key]
    known = run.summary.get("sha256")
    if known is not None and known != task.sha256:
        return None, (
            f"There is nothing to compare it with: the data at {run.config.source} are not those it was trained on, "
            "their SHA-256 differs."
        )
    x = task.grid.to(torch.float64 if run.config.double else torch.float32)
    try:
        values = predict(network.eval(), x, run.config.chunk_size).double().numpy()
    except NOT_TO_BE_HAD as error:
        return None, f"The network cannot be evaluated: {_one_line(error)}"
    if not np.isfinite(values).all():
        return None, "The network's values are not finite."
    return Evaluated(network, run.config, task, values), problem


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:500] or type(error).__name__
    return f"{text.rstrip('.')}."
