"""Experiments of many small trials, each computed whole: a line of a file each, so that the same command goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bwtheory.experiments.experiment import Budget, Experiment, Report
from bwtheory.files import open_log, parse_json, read_bytes
from bwtheory.training.reports import environment

FILE = "trials.jsonl"


@dataclass(frozen=True)
class Trial:
    """A finished trial.

    settings : from which it follows, with its ``seed``
    result : what was found
    facts : device and versions
    """

    settings: dict[str, Any]
    result: dict[str, Any]
    facts: dict[str, Any]


class TrialsExperiment(Experiment):
    """An experiment without run directories; its trials are computed on the CPU."""

    def settings(self, budget: Budget) -> dict[str, dict[str, Any]]:
        """All trials by name: numbers and texts, a ``seed`` among them, from which a trial follows."""
        raise NotImplementedError

    def carry_out(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The result of one trial, as JSON has it."""
        raise NotImplementedError

    def report_trials(self, budget: Budget, trials: Mapping[str, Trial]) -> Report:
        """What the finished trials say."""
        raise NotImplementedError


def finish_trials(experiment: TrialsExperiment, budget: Budget, folder: Path) -> dict[str, Trial]:
    """Carry out what ``folder`` does not have yet, a line at a time; all trials by name, in the order of the plan.

    ValueError if the folder has a trial of the same name with other settings.  After an interrupt the same call goes on.
    """
    planned = experiment.settings(budget)
    done = read_trials(folder / FILE)
    for name, settings in planned.items():
        if name in done and done[name].settings != settings:
            raise ValueError(f"{folder / FILE} has a trial {name} with other settings; choose another --out, or delete it.")
    with open_log(folder / FILE) as file:
        file.truncate(_whole_lines(folder / FILE))
        file.seek(0, os.SEEK_END)
        for name, settings in planned.items():
            if name not in done:
                done[name] = Trial(settings, experiment.carry_out(settings), environment("cpu"))
                row = {"name": name, "settings": settings, "result": done[name].result, "facts": done[name].facts}
                file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
    return {name: done[name] for name in planned}


def read_trials(file: Path) -> dict[str, Trial]:
    """The trials of a file by name; none if it is not there.  A last line that was cut off is left out."""
    if not file.exists():
        return {}
    lines = read_bytes(file)[: _whole_lines(file)].splitlines()
    rows = [parse_json(line, f"{file}, line {number}") for number, line in enumerate(lines, 1)]
    return {row["name"]: Trial(row["settings"], row["result"], row["facts"]) for row in rows}


def _whole_lines(file: Path) -> int:
    """Bytes up to the last line feed."""
    return read_bytes(file).rfind(b"\n") + 1
