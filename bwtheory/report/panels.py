"""Runs evaluated for a page: what each panel shows, and the scale that the panels of a problem share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bwtheory.report import pictures
from bwtheory.report.charts import STYLES, Chart, Line
from bwtheory.report.commands import repeating_command
from bwtheory.report.pictures import Picture
from bwtheory.report.runs import Evaluated, Run, evaluate
from bwtheory.tasks import ImageTask, Task
from bwtheory.tasks.audio import AudioTask
from bwtheory.tasks.task import band_errors
from bwtheory.training import judgement
from bwtheory.training.config import TrainingConfig
from bwtheory.training.error_map import absolute_error, coloured, common_scale
from bwtheory.training.judgement import is_number

Cells = Sequence[str]
HALF_LEVEL = 0.5 / 255  # an error below it is none in an 8-bit image
SOUND_SHOWN = 0.02  # seconds
UNITS = {"psnr": "dB", "snr": "dB", "rmse": "", "residual": ""}
SCORE_LABELS = {
    "psnr": "PSNR",
    "snr": "signal-to-noise ratio",
    "rmse": "root mean squared error",
    "residual": "relative residual",
}


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column names the rows."""

    columns: Cells
    rows: Sequence[Cells]


@dataclass
class Panel:
    """What is shown of one run.

    sentences, advice : what can be said of it, and what to try
    facts : where it comes from, as names and texts
    """

    run: Run
    style: int
    quality: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    command: str | None = None
    reconstruction: Picture | None = None
    error: np.ndarray | None = None
    error_map: Picture | None = None
    crops: tuple[Picture, Picture] | None = None
    bands: list[float | None] = field(default_factory=list)
    plotted: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Problem:
    """Runs on the same data, and what they are compared with."""

    title: str
    panels: list[Panel] = field(default_factory=list)
    truth: Picture | None = None
    true_crop: Picture | None = None
    charts: list[Chart] = field(default_factory=list)
    plotted: list[tuple[float, float]] = field(default_factory=list)
    samples: list[tuple[float, float]] = field(default_factory=list)
    plot_label: str = ""
    scale: tuple[float, float] | None = None

    @property
    def legend(self) -> list[tuple[str, str]]:
        """Of its charts."""
        found = legend_of(self.panels)
        if self.plotted and not found:
            found = [(f"s{self.panels[0].style % STYLES}", "network")]
        return [("truth", "truth" + "; dots: samples" * bool(self.samples)), *found] if self.plotted else found

    @property
    def scale_ticks(self) -> list[tuple[float, str]]:
        """Powers of ten on the scale of the error maps, and half a level of 8 bits: percent of its length, and labels."""
        assert self.scale is not None
        low, high = self.scale
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        every = -(-len(powers) // 6) or 1
        marks = [(10.0**power, f"{10.0**power:g}") for power in powers[::every]]
        return [(100 * math.log(number / low) / math.log(high / low), label) for number, label in marks]

    @property
    def half_level_at(self) -> float | None:
        """Percent of the scale where half a level of 8 bits is; None if it is beyond."""
        assert self.scale is not None
        low, high = self.scale
        return 100 * math.log(HALF_LEVEL / low) / math.log(high / low) if low < HALF_LEVEL < high else None


def problems_of(panels: Sequence[Panel], shown: Sequence[Panel]) -> list[Problem]:
    """Fill in the panels, by the data they share; pictures for those that are shown."""
    tasks: dict[str, Task] = {}
    found: dict[str, Problem] = {}
    for panel in panels:
        config, run = panel.run.config, panel.run
        assert config is not None
        panel.problems += run.problems
        if not run.finished:
            panel.problems.append(unfinished(run))
        panel.command = repeating_command(config)
        panel.facts = facts_of(run, config)
        key = repr((config.task, config.source, config.coords, config.task_options, run.summary.get("sha256")))
        if any(panel is each for each in shown):
            problem = found.setdefault(key, Problem(data_title(run, config)))
            problem.panels.append(panel)
            evaluated, sentence = evaluate(run, tasks)
            panel.problems += [sentence] if sentence else []
            if evaluated is None:
                panel.reconstruction = pictures.of_file(
                    run.folder / "reconstruction.png",
                    f"What {run.name} has learned",
                    "As it was written at the end of the run.",
                )
            else:
                _evaluate(panel, problem, evaluated)
        known = run.summary | panel.quality
        panel.sentences = judgement.sentences(config, known, run.rows)
        panel.advice = judgement.advice(config, known, run.rows, run.folder)
    for problem in found.values():
        _finish(problem)
    return list(found.values())


def _evaluate(panel: Panel, problem: Problem, evaluated: Evaluated) -> None:
    """Pictures or plots of a run, and its numbers."""
    task, run, config = evaluated.task, panel.run, evaluated.config
    parameters = sum(p.numel() for p in evaluated.network.parameters() if p.requires_grad)
    panel.quality = judgement.quality(config, task, evaluated.values, parameters)
    score = task.score(torch.from_numpy(evaluated.values))
    panel.quality["score"] = {task.score_name: score}
    noted = run.summary.get(task.score_name)
    if run.finished and task.score_unit == "dB" and is_number(noted) and abs(score - noted) > 0.05:
        panel.problems.append(f"Its summary says {noted:.2f} dB; evaluated on this machine it has {score:.2f} dB.")
    if isinstance(task, ImageTask):
        _evaluate_image(panel, problem, evaluated, task)
    elif isinstance(task, AudioTask):
        window = _loudest(task)
        milliseconds = (np.arange(window.start, window.stop) / task.rate) * 1000
        panel.plotted = list(zip(milliseconds.tolist(), evaluated.values[window, 0].tolist()))
        problem.plotted = list(zip(milliseconds.tolist(), task.truth[window, 0].tolist()))
        problem.plot_label = "time in ms, around the loudest moment"
    else:
        order = np.argsort(task.grid[:, 0].numpy(), kind="stable")
        x = task.grid[order, 0].tolist()
        panel.plotted = list(zip(x, evaluated.values[order, 0].tolist()))
        problem.plotted = list(zip(x, task.truth[order, 0].tolist())) if len(task.truth) else []
        problem.samples = list(zip(task.coordinates[:, 0].tolist(), task.measurements[:, 0].tolist()))
        problem.plot_label = "x"


def _evaluate_image(panel: Panel, problem: Problem, evaluated: Evaluated, task: ImageTask) -> None:
    name = panel.run.name
    known = len(task.truth) > 0
    if known:
        image, truth = judgement.in_unit_range(task, evaluated.values)
        panel.bands = panel.quality.get("band_errors") or band_errors(image, truth)
        panel.error = absolute_error(image, truth, pictures.factor_for(task.shape))
        scale = getattr(task, "data_range", 1.0)
    else:
        image, scale = evaluated.values.reshape(*task.shape, -1), 1.0
        truth = image
    reconstruction = _shrunk_caption("the network on the pixels", task.shape)
    panel.reconstruction = pictures.of_values(image, f"What {name} has learned", reconstruction)
    if known and problem.truth is None:
        problem.truth = pictures.of_values(truth, "The true image", _shrunk_caption("the truth", task.shape))
    window = pictures.most_detailed(truth)
    where = f"rows {window[0].start}–{window[0].stop - 1}, columns {window[1].start}–{window[1].stop - 1}"
    enlarge = 2 * pictures.FINER
    fine = pictures.between_pixels(evaluated, window) / scale
    panel.crops = (
        pictures.of_values(image[window], f"{name}, {where}: its pixels", "on its pixels", enlarge),
        pictures.of_values(
            fine, f"{name}, {where}: between its pixels", f"at {pictures.FINER}×, between them too", enlarge // pictures.FINER
        ),
    )
    if known and problem.true_crop is None:
        problem.true_crop = pictures.of_values(truth[window], f"The true image, {where}", f"the truth, {where}", enlarge)


def _finish(problem: Problem) -> None:
    """What needs all runs of a problem: the scale of the error maps, and charts."""
    errors = [panel.error for panel in problem.panels if panel.error is not None]
    if errors:
        problem.scale = common_scale(errors)
        for panel in problem.panels:
            if panel.error is not None:
                largest = f"largest {panel.error.max():.3g}" if panel.error.max() > 0 else "none"
                panel.error_map = pictures.of_levels(
                    coloured(panel.error, *problem.scale), f"Absolute error of {panel.run.name}, {largest}", f"error, {largest}"
                )
    bands = [
        Line(p.run.name, p.style, [(k, band) for k, band in enumerate(p.bands) if band is not None], dots=True)
        for p in problem.panels
    ]
    if any(line.points for line in bands):
        count = max(len(panel.bands) for panel in problem.panels)
        ticks = {float(k): f"{2**k}" for k in range(count)}
        title = "Error by frequency"
        problem.charts.append(
            Chart(title, "octave, from … cycles an image", "error relative to the image", bands, y_log=True, x_ticks=ticks)
        )
    lines = [Line(panel.run.name, panel.style, panel.plotted) for panel in problem.panels if panel.plotted]
    if lines:
        truth = [Line("truth", None, problem.plotted)] if problem.plotted else []
        samples = [Line("samples", None, problem.samples, dots=True, joined=False)] if problem.samples else []
        problem.charts.append(Chart("What was learned", problem.plot_label, "value", [*truth, *lines, *samples]))
        known = dict(problem.plotted)
        errors_of = [
            Line(line.name, line.style, [(x, abs(y - known[x])) for x, y in line.points if x in known]) for line in lines
        ]
        if any(y > 0 for line in errors_of for _, y in line.points):
            problem.charts.append(Chart("Absolute error", problem.plot_label, "absolute error", errors_of, y_log=True))
    problem.charts = [chart for chart in problem.charts if chart.drawable]


def differing_settings(panels: Sequence[Panel]) -> Table | None:
    """Settings that are not the same in all runs: a row for each setting."""
    firsts: dict[int, Run] = {}
    for panel in panels:
        firsts.setdefault(panel.style, panel.run)
    if len(firsts) < 2:
        return None
    texts = [settings_in_words(run.config) for run in firsts.values() if run.config]
    names = [name for name in dict.fromkeys(n for row in texts for n in row) if len({row.get(name, "") for row in texts}) > 1]
    rows = [(without_seed(run.name), *(row.get(name, "–") for name in names)) for run, row in zip(firsts.values(), texts)]
    return Table(("setting", *names), rows)


def settings_in_words(config: TrainingConfig) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in fields(config):
        value = getattr(config, each.name)
        if isinstance(value, Mapping):
            found |= {str(name): text_of(part) for name, part in value.items()}
        elif each.name not in (
            "seed",
            "device",
            "chunk",
            "compile",
            "together",
            "place",
            "log_every",
            "log_details",
            "settings_from",
        ):
            found[each.name] = text_of(value)
    return found


def facts_of(run: Run, config: TrainingConfig) -> list[tuple[str, str]]:
    """Where a run comes from, as names and texts."""
    summary = run.summary
    labels = {
        "sha256": "SHA-256 of the data",
        "weights_sha256": "SHA-256 of the weights",
        "settings_from": "settings from",
        "device": "device",
        "device_name": "device's name",
        "threads": "threads",
        "kernel": "kernel",
        "bwtheory": "bwtheory",
        "commit": "commit",
        "torch": "PyTorch",
        "numpy": "NumPy",
        "python": "Python",
    }
    found = [("data", config.source), ("folder", str(run.folder))]
    found += [(label, text_of(summary[name])) for name, label in labels.items() if summary.get(name) is not None]
    found += [("settings from", config.settings_from)] if "settings_from" not in summary else []
    notes = summary.get("notes")
    return found + [("note", text_of(note)) for note in (notes if isinstance(notes, list) else [])]


def legend_of(panels: Sequence[Panel]) -> list[tuple[str, str]]:
    """Classes of lines and names of the settings, or of the runs where a setting has one; nothing for a single line."""
    groups: dict[int, list[str]] = {}
    for panel in panels:
        groups.setdefault(panel.style, []).append(panel.run.name)
    found = [
        (f"s{style % STYLES}", names[0] if len(names) == 1 else f"{without_seed(names[0])}, {len(names)} seeds")
        for style, names in groups.items()
    ]
    return found if len(found) > 1 else []


def unfinished(run: Run) -> str:
    assert run.config is not None
    where = (
        f"epoch {last_epoch(run):,} of {run.config.epochs:,} is the last one logged" if run.rows else "nothing is logged yet"
    )
    return f"Unfinished: {where}. What is shown is its last checkpoint, if there is one; train --resume goes on."


def data_title(run: Run, config: TrainingConfig) -> str:
    label = run.summary.get("source")
    return f"{config.task}, {label if isinstance(label, str) else Path(config.source).name}"


def _shrunk_caption(what: str, shape: tuple[int, int]) -> str:
    factor = pictures.factor_for(shape)
    return what if factor == 1 else f"{what}, shown at 1/{factor} of its size"


def _loudest(task: AudioTask) -> slice:
    """Of samples, a window around the largest one."""
    count, half = len(task.truth), max(1, round(SOUND_SHOWN * task.rate / 2))
    middle = int(task.truth[:, 0].abs().argmax())
    start = max(0, min(middle - half, count - 2 * half))
    return slice(start, min(count, start + 2 * half))


def without_seed(name: str) -> str:
    head, _, seed = name.rpartition("-seed")
    return head if head and seed.lstrip("-").isdecimal() else name


def last_epoch(run: Run) -> int:
    return max((row["epoch"] for row in run.rows), default=0)


def number_of(row: Mapping[str, Any], name: str, digits: int | str | None = None) -> str:
    value = row.get(name)
    if not is_number(value):
        return ""
    return f"{value:.4g}" if digits is None else f"{value:,}" if digits == "," else f"{value:.{digits}f}"


def bits_of(quality: Mapping[str, Any]) -> str:
    own, png = number_of(quality, "bits_per_pixel", 2), number_of(quality, "png_bits_per_pixel", 2)
    return f"{own} ({png})" if png else own


def time_of(seconds: Any) -> str:
    if not is_number(seconds):
        return ""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def text_of(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else ", ".join(map(str, value)) if is_list(value) else str(value)
    return text if len(text) <= 500 else f"{text[:500]}…"


def is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | Mapping)
