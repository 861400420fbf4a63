"""``bwtheory reproduce``: do an experiment's runs, skip those that are done, and report."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import bwtheory
from bwtheory.experiments import EXPERIMENTS
from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report
from bwtheory.plots import save
from bwtheory.tasks import Task, build_task
from bwtheory.training.config import TrainingConfig
from bwtheory.training.loop import Diverged, train
from bwtheory.training.run import RunDirectory

DIVERGED = "diverged.txt"
WHERE_IT_RUNS = ("device", "chunk", "compile", "settings_from")  # may differ between a finished run and the plan


def reproduce(name: str, budget: Budget, out: Path, results: Path | None = None) -> Path:
    """Finish an experiment and write its table, figure and results; what is finished already is read, not run again.

    Parameters
    ----------
    name : of ``EXPERIMENTS``
    budget : how much of it
    out : a folder; the experiment gets one of its own in it, with a run directory for each run
    results : a folder for the result files that the ledger reads, or None; only full protocols are written there

    Returns
    -------
    The experiment's folder.

    Raises
    ------
    ValueError
        For an unknown experiment, bad settings, or a folder that holds a run with other settings.
    KeyboardInterrupt
        After saving; the same command goes on.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"There is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}.")
    experiment = EXPERIMENTS[name]
    folder = out / f"{name}-{'full' if budget.full else 'quick'}{'-faithful' * budget.faithful}"
    done, failed = _run_all(experiment, budget, folder)
    if not done:
        raise ValueError(f"No run of {name} has finished: {'; '.join(failed.values())}")
    report = experiment.report(budget, done)
    notes = [*report.notes, *(f"{key} diverged and is in no mean: {why}" for key, why in failed.items())]
    if budget.reductions:
        notes.append(f"Reduced protocol: {', '.join(budget.reductions)}. No verdict rests on it.")
    _write(experiment, replace(report, notes=notes), done, budget, folder, results)
    return folder


def _run_all(experiment: Experiment, budget: Budget, folder: Path) -> tuple[dict[str, Finished], dict[str, str]]:
    done: dict[str, Finished] = {}
    failed: dict[str, str] = {}
    tasks: dict[str, Task] = {}
    while True:
        planned = experiment.plan(budget, done)
        waiting = [key for key in planned if key not in done and key not in failed]
        if not waiting:
            return done, failed
        key, config = waiting[0], planned[waiting[0]]
        if Path(config.source).is_file():
            config = replace(config, source=str(Path(config.source).resolve()))
        run = RunDirectory(folder / "runs" / key)
        if run.config_file.exists():
            config = _same(run, config)
        if (run.path / DIVERGED).exists():
            failed[key] = (run.path / DIVERGED).read_text(encoding="utf-8")
            continue
        if not run.summary_file.exists():
            data = json.dumps([config.task, config.source, config.coords, config.task_options])
            if data not in tasks:
                tasks[data] = build_task(config.task, config.source, config.coords, config.task_options)
            if not run.config_file.exists():
                run = RunDirectory.create(run.path, config)
            try:
                train(config, tasks[data], run)
            except Diverged as error:
                (run.path / DIVERGED).write_text(str(error), encoding="utf-8")
                continue
        done[key] = Finished(run, config, run.read_summary())


def _same(run: RunDirectory, planned: TrainingConfig) -> TrainingConfig:
    """The run's own configuration, if it is the planned one up to where it runs; else ValueError."""
    found = run.read_config()
    then, now = found.to_json(), planned.to_json()
    for name in now:
        if name == "source":
            then[name], now[name] = Path(then[name]).name, Path(now[name]).name
        if name not in WHERE_IT_RUNS and then[name] != now[name]:
            raise ValueError(
                f"{run.path} holds a run with {name} = {then[name]!r}, not {now[name]!r}; choose another --out, or delete it."
            )
    return found


def _write(
    experiment: Experiment, report: Report, done: dict[str, Finished], budget: Budget, folder: Path, results: Path | None
) -> None:
    save(report.figure, folder, "figure")
    table = Table(title=experiment.title, title_style="bold")
    for column in report.columns:
        table.add_column(column, justify="left" if column == report.columns[0] else "right")
    for row in report.rows:
        table.add_row(*row)
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    for note in report.notes:
        console.print(note, highlight=False)
    lines: list[str] = [
        f"# {experiment.title}",
        "",
        _markdown_row(report.columns),
        _markdown_row(["---"] * len(report.columns)),
    ]
    lines += [_markdown_row(row) for row in report.rows]
    lines += ["", *(f"- {note}" for note in report.notes), ""]
    (folder / "table.md").write_text("\n".join(lines), encoding="utf-8")
    console.print(f"{folder / 'table.md'}, {folder / 'figure.png'}", highlight=False)
    if not report.results:
        return
    where = _provenance(done, budget)
    targets = [folder / "results"]
    if results is not None and budget.full and not budget.reductions:
        targets.append(results)
    for target in targets:
        target.mkdir(parents=True, exist_ok=True)
        for name, result in report.results.items():
            text = json.dumps({**result, "provenance": where}, indent=2, ensure_ascii=False) + "\n"
            (target / f"{name}.json").write_text(text, encoding="utf-8")


def _markdown_row(cells) -> str:
    return f"| {' | '.join(cells)} |"


def _provenance(done: dict[str, Finished], budget: Budget) -> dict[str, Any]:
    runs = list(done.values())

    def all_of(name: str) -> Any:
        values = sorted({str(run.summary[name]) for run in runs})
        return values[0] if len(values) == 1 else values

    return {
        "protocol": "full" if not budget.reductions else f"reduced: {', '.join(budget.reductions)}",
        "command": "bwtheory reproduce",
        "runs": sorted(done),
        "seeds": sorted({run.config.seed for run in runs}),
        **{name: all_of(name) for name in ("source", "sha256", "settings_from", "device", "device_name", "threads", "kernel")},
        **{name: all_of(name) for name in ("torch", "numpy", "bwtheory", "python")},
        "reported_with": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "version": bwtheory.__version__,
    }
