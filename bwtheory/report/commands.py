"""The command that repeats a run."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from typing import Any

from bwtheory.catalogue import TASKS
from bwtheory.training import flags
from bwtheory.training.config import TrainingConfig, with_preset

WHERE_IT_RUNS = ("device", "chunk", "compile", "together", "settings_from")  # not what is trained


def repeating_command(config: TrainingConfig) -> str | None:
    """``bwtheory train …`` with the flags that the preset of the task and activation does not imply.

    None if no command makes this configuration, as for a run of a Python program.
    """
    for faithful in (False, True):
        try:
            words = _words(config, faithful)
        except ValueError:  # as a preset refuses it
            continue
        if words is not None:
            return shlex.join(words)
    return None


def _words(config: TrainingConfig, faithful: bool) -> list[str] | None:
    source = _source_flag(config)
    if source is None:
        return None
    base = with_preset({"task": config.task, "source": config.source, "activation": config.activation}, faithful=faithful)
    training = {f.name for f in fields(flags.Training)}
    given = {
        name: value
        for name, value in vars(config).items()
        if name in training and name not in WHERE_IT_RUNS and value != getattr(base, name)
    }
    options = {name: value for name, value in config.options.items() if base.options.get(name) != value}
    asked = {name: value for name, value in config.task_options.items() if base.task_options.get(name) != value}
    made = with_preset(
        {"task": config.task, "source": config.source, "activation": config.activation, **given}, options, asked, faithful
    )
    if _what_is_trained(made) != _what_is_trained(config):
        return None
    words = ["bwtheory", "train", config.task, f"--{source}", config.source]
    if config.activation != "bw-relu":
        words += ["--activation", config.activation]
    named = {f.name for f in fields(flags.ActivationOptions)}
    measured = {f.name for f in fields(flags.Measurement)}
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
    words += ["--faithful"] * faithful
    words += ["--device", config.device] if config.device != "auto" else []
    return words + (["--compile", "True"] if config.compile else [])


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
