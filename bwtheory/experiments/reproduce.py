"""``bwtheory reproduce``: do an experiment's runs, skip those that are done, and report."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bwtheory.experiments import EXPERIMENTS
from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report
from bwtheory.experiments.runs import Cluster, finish_runs, seconds_of
from bwtheory.experiments.tables import Table, wide_console
from bwtheory.experiments.trials import TrialsExperiment, finish_trials
from bwtheory.files import locked, write_bytes, write_text
from bwtheory.plots import in_style, save
from bwtheory.training.run import json_bytes
from bwtheory.units import duration


def reproduce(
    name: str,
    budget: Budget,
    out: Path,
    results: Path | None = None,
    write: bool = False,
    cluster: Cluster | None = None,
) -> Path:
    """Finish an experiment and write its table, figure and results; what is finished already is read, not run again.

    Parameters
    ----------
    name : of ``EXPERIMENTS``
    budget : how much of it
    out : a folder; the experiment gets one of its own in it, with a run directory for each run
    results : the checkout's results/ or None; runs that are kept there are done
    write : keep there the runs that took long and, if none of the protocol's seeds is missing, what the ledger reads
    cluster : trains the runs elsewhere, as ``finish_runs`` takes it

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
    if write and (results is None or not budget.full or budget.epochs or budget.shrink):
        raise ValueError("Only runs of the full protocol are written to results/: --full, and neither --epochs nor --shrink.")
    experiment = EXPERIMENTS[name]
    for option in ("image", "seeds", "epochs", "shrink", "activations", "faithful", "target"):
        if getattr(budget, option) and option not in experiment.takes:
            raise ValueError(f"The experiment {name} has no option {option!r}; it has: {', '.join(experiment.options_taken)}.")
    if budget.more_images and "more_images" not in experiment.takes:
        raise ValueError(f"The experiment {name} takes one image; got {len(budget.images)}.")
    protocol = f"{name}-{'full' if budget.full else 'quick'}{'-faithful' * budget.faithful}"
    folder, kept = out / protocol, results and results / "runs" / protocol
    known = [kept, *(kept.with_name(protocol.replace(name, other, 1)) for other in experiment.runs_of)] if kept else []
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if isinstance(experiment, TrialsExperiment):
            _finish_trials(experiment, budget, folder, results if write else None)
            return folder
        seconds = seconds_of(experiment.plan(budget, {}), [folder / "runs", *known])
        if seconds:
            print(f"The runs planned so far take about {duration(seconds)} one after the other here.", file=sys.stderr)
        done, failed = finish_runs(
            lambda done, failed: experiment.plan_besides(budget, done, failed), folder / "runs", known, cluster=cluster
        )
        if not done:
            raise ValueError(f"No run of {name} has finished: {'; '.join(failed.values())}")
        _report(experiment, budget, done, failed, folder)
        if write and results and kept:
            if not failed:
                _to_results(experiment, budget, folder, results)
            for key, finished in done.items() if experiment.keeps_runs else ():
                if kept.parent not in finished.run.path.parents:
                    _keep(finished, kept / key)
    return folder


def _finish_trials(experiment: TrialsExperiment, budget: Budget, folder: Path, results: Path | None) -> None:
    trials = finish_trials(experiment, budget, folder)
    with in_style():
        report = experiment.report_trials(budget, trials)
    facts = [{**trial.facts, **trial.settings, "settings_from": "this experiment"} for trial in trials.values()]
    _write(experiment, report, facts, budget, folder)
    if results:
        _to_results(experiment, budget, folder, results)


def _to_results(experiment: Experiment, budget: Budget, folder: Path, results: Path) -> None:
    """What the ledger reads, if no seed of the protocol is missing."""
    if budget.reductions:
        return
    _merge(folder / "results.json", results / f"{experiment.name}.json")
    if not budget.activations:
        write_bytes(results / f"{experiment.name}.md", (folder / "table.md").read_bytes())


def _report(experiment: Experiment, budget: Budget, done: dict[str, Finished], failed: dict[str, str], folder: Path) -> None:
    try:
        with in_style():
            report = experiment.report(budget, done)
    except KeyError as missing:
        raise ValueError(
            f"A finished run in {folder / 'runs'} does not report {missing}: another version made it; delete it to do it again."
        ) from None
    notes = [*report.notes, *(f"{key} diverged and is in no mean: {why}" for key, why in failed.items())]
    facts = [{"seed": run.config.seed, **run.summary, "settings_from": run.config.settings_from} for run in done.values()]
    _write(experiment, replace(report, notes=notes), facts, budget, folder)


def _keep(finished: Finished, target: Path) -> None:
    """Copy what reports need, small and without paths: configuration, summary, metrics, and the first seed's picture."""
    target.mkdir(parents=True, exist_ok=True)
    config = replace(finished.config, source=Path(finished.config.source).name)
    write_bytes(target / "config.json", json_bytes(config.to_json()))
    for path in (finished.run.summary_file, finished.run.metrics_file):
        write_bytes(target / path.name, path.read_bytes())
    if finished.config.seed == 40:
        for picture in finished.run.path.glob("reconstruction.*"):
            write_bytes(target / picture.name, picture.read_bytes())


def _write(experiment: Experiment, report: Report, facts: list[dict[str, Any]], budget: Budget, folder: Path) -> None:
    notes = list(report.notes)
    if budget.reductions:
        notes.append(f"Reduced protocol: {', '.join(budget.reductions)}. No verdict rests on it.")
    save(report.figure, folder, "figure")
    table, console = Table(experiment.title, report.columns, report.rows), wide_console()
    table.show(console)
    for note in notes:
        console.print(note, highlight=False)
    lines = [f"# {experiment.title}", "", *table.markdown(), "", *(f"- {note}" for note in notes), ""]
    write_text(folder / "table.md", "\n".join(lines))
    console.print(f"{folder / 'table.md'}, {folder / 'figure.png'}", highlight=False)
    where = _provenance(experiment, facts, budget)
    _write_results(folder / "results.json", {name: {**row, "provenance": where} for name, row in report.results.items()})


def _merge(new: Path, target: Path) -> None:
    """Results of some architectures do not wipe out those of others."""
    before = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    target.parent.mkdir(exist_ok=True)
    _write_results(target, before | json.loads(new.read_text(encoding="utf-8")))


def _write_results(target: Path, results: dict[str, Any]) -> None:
    """One result a line, so that a change can be read."""
    lines = [f"{json.dumps(name)}: {json.dumps(results[name], ensure_ascii=False)}" for name in sorted(results)]
    write_text(target, "{\n" + ",\n".join(lines) + "\n}\n")


def _provenance(experiment: Experiment, facts: list[dict[str, Any]], budget: Budget) -> dict[str, Any]:
    """Of runs or trials, from what each says about itself; earlier versions did not note the commit."""

    def all_of(name: str) -> Any:
        values = sorted({row.get(name) for row in facts}, key=str)
        return values[0] if len(values) == 1 else values

    return {
        "protocol": "full" if not budget.reductions else f"reduced: {', '.join(budget.reductions)}",
        "command": _command(experiment, budget),
        "runs": len(facts),
        "seeds": sorted({row["seed"] for row in facts}),
        "settings_from": sorted({row["settings_from"] for row in facts}),
        **{name: all_of(name) for name in ("source", "sha256", "device", "device_name", "threads", "kernel")},
        **{name: all_of(name) for name in ("torch", "numpy", "bwtheory", "commit", "python")},
        "reported_with": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }


def _command(experiment: Experiment, budget: Budget) -> str:
    words = ["bwtheory reproduce", experiment.name, "--full" if budget.full else "--quick"] + ["--faithful"] * budget.faithful
    words += ["--image", *(Path(image).name for image in budget.images)] * bool(budget.image)
    for name in ("seeds", "epochs", "shrink", "target"):
        words += [f"--{name} {getattr(budget, name)}"] * (getattr(budget, name) is not None)
    return " ".join(words + ["--activations", *budget.activations] * bool(budget.activations))
