"""The command that repeats a run."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any, Literal

from bwtheory.catalogue import TASKS
from bwtheory.training import flags
from bwtheory.training.config import WHERE_IT_RUNS, TrainingConfig, with_preset


def repeating_command(config: TrainingConfig) -> str | None:
    """``bwtheory train …`` with the flags that the preset of the task and activation does not imply.

    None if no command makes this configuration, as for a run of a Python program.
    """
    found = []
    for preset in ("recommended", "paper", "faithful"):
        with suppress(ValueError):  # of a preset that refuses it
            found.append(_words(config, preset))
    commands = [shlex.join(words) for words in found if words is not None]
    return min(commands, key=len, default=None)


def _words(config: TrainingConfig, preset: Literal["recommended", "paper", "faithful"]) -> list[str] | None:
    source = _source_flag(config)
    if source is None:
        return None
    faithful, recommended = preset == "faithful", preset == "recommended"
    asked_for = {"task": config.task, "source": config.source, "activation": config.activation}
    base = with_preset(asked_for, faithful=faithful, recommended=recommended)
    training = {f.name for f in fields(flags.Training)}
    given = {
        name: value
        for name, value in vars(config).items()
        if name in training and name not in WHERE_IT_RUNS and value != getattr(base, name)
    }
    start = {"init": config.init} if config.init != base.init else {}
    start |= {n: v for n, v in config.init_options.items() if base.init_options.get(n) != v}
    options = {name: value for name, value in config.options.items() if base.options.get(name) != value}
    asked = {name: value for name, value in config.task_options.items() if base.task_options.get(name) != value}
    made = with_preset({**asked_for, **given, **_fields_of_start(start)}, options, asked, faithful, recommended)
    if _what_is_trained(made) != _what_is_trained(config):
        return None
    words = ["bwtheory", "train", config.task, f"--{source}", config.source]
    if config.activation != "bw-relu":
        words += ["--activation", config.activation]
    named = {f.name for f in fields(flags.ActivationOptions)}
    measured = {f.name for f in fields(flags.Measurement)}
    for name, value in start.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    for name, value in {**given, **asked}.items():
        if name == "sinogram" or name == "activation":
            continue
        if name not in training and name not in measured:
            return None
        flag = _flag(name, value)
        if flag is None:
            return None
        words += flag
    for name, value in options.items():
        if name == "learnable" and value is True:
            words.append("--learnable-c")
        elif name in named:
            words += [f"--{name.replace('_', '-')}", str(value)]
        elif isinstance(value, bool | int | float):
            words += ["--option", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
        else:
            return None
    words += {"recommended": [], "paper": ["--preset", "paper"], "faithful": ["--faithful"]}[preset]
    words += ["--device", config.device] if config.device != "auto" else []
    return words + (["--compile", "True"] if config.compile else [])


def _fields_of_start(start: dict[str, Any]) -> dict[str, Any]:
    """Fields of a configuration from the flags about its start."""
    numbers = {name: value for name, value in start.items() if name != "init"}
    return ({"init": start["init"]} if "init" in start else {}) | ({"init_options": numbers} if numbers else {})


def _source_flag(config: TrainingConfig) -> str | None:
    choices = TASKS[config.task].sources
    if config.task_options.get("sinogram"):
        return "sinogram" if "sinogram" in choices else None
    return next(iter(choices), None)


def _flag(name: str, value: Any) -> list[str] | None:
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        return [flag]
    if value is False or value is None:  # flags only switch on
        return None
    return [flag, *map(str, value)] if isinstance(value, list | tuple) else [flag, str(value)]


def _what_is_trained(config: TrainingConfig) -> TrainingConfig:
    usual: dict[str, Any] = {f.name: f.default for f in fields(TrainingConfig) if f.name in WHERE_IT_RUNS}
    options = {name: list(v) if isinstance(v, tuple) else v for name, v in config.task_options.items()}
    return replace(config, **{**usual, "task_options": options})
