"""``bwtheory presets``: the settings that runs have when no flag sets them, in a table, with their sources."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Annotated, Any

import tyro

from bwtheory.catalogue import ACTIVATIONS, TASKS
from bwtheory.cli.edge import bad_input_is_a_sentence
from bwtheory.cli.train import TaskName
from bwtheory.training import flags
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.presets import FAITHFUL_SOURCE, FAITHFUL_TASK, PRESETS, RECOMMENDED
from bwtheory.units import short

EXPLANATION = (
    "recommended  the default of `bwtheory train`: our settings where we have some that are good between the pixels, "
    "else those of the row below",
    "paper        --preset paper: Appendix D of the paper for its three tasks and four networks; ours, not tuned, elsewhere",
    "faithful     --faithful: the published code where it differs from the paper; its row has only what differs",
)
_IN_COLUMNS = ("source", "task", "activation", "options", "task_options", "settings_from")
_COLUMNS = ("epochs", "hidden_features", "hidden_layers", "lr", "decay")
_TITLES = ("epochs", "width", "layers", "--lr", "--decay")


def presets(
    task: tyro.conf.Positional[Annotated[TaskName | None, tyro.conf.arg(metavar="[TASK]")]] = None,
    *,
    activation: str | None = None,
) -> int:
    """List the settings that runs have when no flag sets them, and say where they come from.

    Args:
        task: one task; all without it
        activation: one activation; all without it
    """
    with bad_input_is_a_sentence():
        if activation is not None:
            flags.refuse_activation(activation)
    show(task, activation)
    return 0


def rows(task: str | None = None, activation: str | None = None) -> Iterator[list[str]]:
    """Task, activation, preset, the five numbers that all have, other settings, and where they come from.

    The published code's row has only what differs from the paper's.
    """
    for name in TASKS if task is None else (task,):
        known = [each for each in ACTIVATIONS if (name, each) in PRESETS or task is not None]
        for each in known if activation is None else (activation,):
            paper = _config(name, each, "paper")
            if (name, each) in RECOMMENDED:
                yield _row(_config(name, each, "recommended"), "recommended")
            yield _row(paper, "paper")
            if name in FAITHFUL_TASK:
                yield _row(_config(name, each, "faithful"), "faithful", paper)


def _row(config: TrainingConfig, kind: str, beside: TrainingConfig | None = None) -> list[str]:
    numbers = [(getattr(config, column), beside and getattr(beside, column)) for column in _COLUMNS]
    others = {name: value for name, value in _others(config).items() if beside is None or _others(beside).get(name) != value}
    return [
        *(config.task, config.activation, kind),
        *("" if now == then else short(now) for now, then in numbers),
        " ".join(_flag(name, value) for name, value in others.items()),
        config.settings_from if beside is None else FAITHFUL_SOURCE,
    ]


def show(task: str | None = None, activation: str | None = None) -> None:
    """Print the table, and what the presets are."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Settings without a flag", title_style="bold")
    for title in ("task", "activation", "preset"):
        table.add_column(title, no_wrap=True)
    for title in _TITLES:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("others")
    table.add_column("from")
    before: list[str] = []
    for row in rows(task, activation):
        table.add_row(*("" if same else cell for same, cell in zip(_repeated(row, before), row)))
        before = row
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(table)
    for line in EXPLANATION:
        console.print(line, highlight=False, markup=False)
    if task is None and activation is None:
        console.print(
            "Pairs that are not in the table have the task's row with the activation's usual scale and rate: ", end=""
        )
        console.print("`bwtheory presets TASK` lists them.", highlight=False, markup=False)


def _repeated(row: list[str], before: list[str]) -> list[bool]:
    """Cells of the first two columns that say what the row above says."""
    same = [bool(before) and row[:n] == before[:n] for n in (1, 2)]
    return [*same, *[False] * (len(row) - 2)]


def _config(task: str, activation: str, kind: str) -> TrainingConfig:
    return with_preset(
        {"task": task, "source": "", "activation": activation}, faithful=kind == "faithful", recommended=kind == "recommended"
    )


def _others(config: TrainingConfig) -> dict[str, Any]:
    """Options, and the fields without a column that differ from the usual."""
    found: dict[str, Any] = {**config.options, **config.task_options}
    for each in fields(config):
        if each.name not in (*_IN_COLUMNS, *_COLUMNS, "init_options") and getattr(config, each.name) != each.default:
            found[each.name] = getattr(config, each.name)
    return found


def _flag(name: str, value: Any) -> str:
    flag = f"--{name.replace('_', '-')}"
    return flag if value is True else f"{flag} {short(value)}"
