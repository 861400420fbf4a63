"""What an experiment is: runs to do, and what to make of the finished ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.tasks.images import IMAGE_OF_FIGURE
from bwtheory.training.config import TrainingConfig
from bwtheory.training.run import RunDirectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Budget:
    """How much of an experiment to do.

    ``full`` is the paper's protocol where the paper has one; other seeds, epochs or a
    smaller image make the protocol a reduced one.
    Without ``full`` the budget is minutes on two cores, on a built-in image.  ``more_images`` are those besides ``image``.
    ``target`` is a PSNR in dB that runs are to reach; it changes what is reported, not what is run.
    """

    full: bool = False
    image: str | None = None
    seeds: int | None = None
    epochs: int | None = None
    shrink: int | None = None
    activations: tuple[str, ...] = ()
    faithful: bool = False
    device: str = "cpu"
    more_images: tuple[str, ...] = ()
    target: float | None = None

    def __post_init__(self) -> None:
        for name, most in {"seeds": 10_000, "epochs": 10**9, "shrink": 10**9}.items():
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"An experiment needs {name} from 1 to {most:,}; got {value}.")
        if self.target is not None and not math.isfinite(self.target):
            raise ValueError(f"A target is a finite PSNR in dB; got {self.target}.")

    @property
    def images(self) -> tuple[str, ...]:
        """All images that were asked for."""
        return (self.image, *self.more_images) if self.image else ()

    @property
    def reductions(self) -> list[str]:
        """What is less than the full protocol, in words; no verdict rests on such runs."""
        found = [] if self.full else ["quick settings"]
        found += [f"{name} {getattr(self, name)}" for name in ("seeds", "epochs", "shrink") if getattr(self, name) is not None]
        return found

    def settings(self, quick: dict[str, Any], quick_shrink: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fields of a configuration and options of an image task: quick ones or none, and what was asked for."""
        fields = {} if self.full else dict(quick)
        options = {} if self.full else {"shrink": quick_shrink}
        fields |= {"epochs": self.epochs} if self.epochs else {}
        options |= {"shrink": self.shrink} if self.shrink else {}
        return fields | {"device": self.device}, options

    def seed_list(self, quick: int, full: int = 5) -> range:
        """Seeds from 40 on."""
        return range(40, 40 + (self.seeds or (full if self.full else quick)))


@dataclass(frozen=True)
class Finished:
    """A finished run, read from its directory; its configuration as planned, which knows where the data are."""

    run: RunDirectory
    config: TrainingConfig
    summary: dict[str, Any]

    def metrics(self) -> list[dict[str, Any]]:
        """The logged steps."""
        return self.run.read_metrics()

    def epochs_to(self, psnr: float) -> float:
        """The first logged epoch with a PSNR of so many dB; inf if there is none."""
        return next((row["epoch"] for row in self.metrics() if row["psnr"] >= psnr), math.inf)


@dataclass(frozen=True)
class Report:
    """Of an experiment: a table, a figure, and results by the names that the ledger reads.

    A note says what the table cannot: which readings were taken, what is missing.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figure: Figure
    results: dict[str, dict[str, Any]]
    notes: Sequence[str] = field(default_factory=tuple)


class Experiment:
    """An experiment of the paper."""

    name: str
    title: str
    takes: tuple[str, ...] = ("seeds", "epochs")  # fields of a Budget that this experiment knows
    runs_of: tuple[str, ...] = ()  # other experiments that have some of the same runs, by the same names
    keeps_runs = False  # whether what the report needs of each run is kept in results/, because it takes long

    @property
    def options_taken(self) -> tuple[str, ...]:
        """As the command line calls them: several images are one option."""
        return tuple(name for name in self.takes if name != "more_images")

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        """All runs by their folder's name, as far as they are known once ``done`` are finished."""
        raise NotImplementedError

    def plan_besides(self, budget: Budget, done: dict[str, Finished], failed: Collection[str]) -> dict[str, TrainingConfig]:
        """``plan`` for an experiment that needs to know which runs have diverged."""
        return self.plan(budget, done)

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        """What the finished runs say."""
        raise NotImplementedError


def ledger_name(name: str, experiment: str, budget: Budget, sha256: str) -> str:
    """A result's name: the one that the ledger reads only for the paper's image and settings."""
    if IMAGE_OF_FIGURE.get(experiment) != sha256:
        name += "-other-image"
    return name + "-as-published" * budget.faithful


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error s/√n; nan for the error of a single value."""
    array = np.asarray(values, dtype=float)
    error = array.std(ddof=1) / math.sqrt(len(array)) if len(array) > 1 else math.nan
    return float(array.mean()), float(error)


def plus_minus(values: Sequence[float], digits: int = 2) -> str:
    """Mean ± standard error, as a table shows it."""
    mean, error = mean_and_error(values)
    return f"{mean:.{digits}f}" + (f" ± {error:.{digits}f}" if len(values) > 1 else "")
