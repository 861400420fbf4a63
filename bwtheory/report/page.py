"""The page of ``bwtheory report``: one file that needs no network, made of run folders."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import torch
from markdown_it import MarkdownIt
from markupsafe import Markup

import bwtheory
from bwtheory.files import write_bytes
from bwtheory.report import pictures
from bwtheory.report.charts import STYLES, Chart, Line
from bwtheory.report.commands import repeating_command
from bwtheory.report.folders import Study, find, require_page
from bwtheory.report.pictures import Picture
from bwtheory.report.runs import Evaluated, Run, evaluate, names_of, read
from bwtheory.tasks import ImageTask, Task
from bwtheory.tasks.audio import AudioTask
from bwtheory.tasks.task import band_errors
from bwtheory.training import judgement
from bwtheory.training.config import TrainingConfig
from bwtheory.training.error_map import COLOURS, absolute_error, coloured, common_scale
from bwtheory.training.judgement import is_number
from bwtheory.training.run import RunDirectory

MOST_SHOWN = 12  # runs with pictures; more are in tables and curves
HALF_LEVEL = 0.5 / 255  # an error below it is none in an 8-bit image
SOUND_SHOWN = 0.02  # seconds
UNITS = {"psnr": "dB", "snr": "dB", "rmse": "", "residual": ""}
SCORE_LABELS = {
    "psnr": "PSNR",
    "snr": "signal-to-noise ratio",
    "rmse": "root mean squared error",
    "residual": "relative residual",
}
Cells = Sequence[str]


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
        found = _legend(self.panels)
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


def write_report(paths: Sequence[Path], out: Path | None = None, trust: bool = False) -> tuple[Path, int]:
    """Write a page about runs; returns its path and its size in bytes.

    Parameters
    ----------
    paths : run folders, folders of them, folders of ``compare`` and ``reproduce``
    out : the file; report.html in the first path without it
    trust : whether runs may execute code that is no part of this package

    Raises
    ------
    ValueError
        For a path without runs, if nothing of them can be read, and for a run that names code that is not to be trusted.
    """
    out = out or paths[0] / "report.html"
    require_page(out)
    folders, studies = find(paths)
    runs = [read(folder, name) for folder, name in zip(folders, names_of(folders))]
    readable = [run for run in runs if run.config is not None]
    if runs and not readable and not studies:
        raise ValueError(f"None of {len(runs)} runs can be read; the first: {runs[0].problems[0]}")
    for run in readable:
        assert run.config is not None
        RunDirectory(run.folder).refuse_foreign_code(run.config, trust)
    content = render(runs, studies)
    write_bytes(out, content)
    return out, len(content)


def render(runs: Sequence[Run], studies: Sequence[Study]) -> bytes:
    """The page in UTF-8; names of files that are no text stand in it with escapes."""
    readable = [run for run in runs if run.config is not None]
    settings = list(dict.fromkeys(repr(run.setting) for run in readable))
    panels = [Panel(run, settings.index(repr(run.setting))) for run in readable]
    shown = _shown(panels)
    problems = _problems(panels, shown)
    charts = _curves(panels)
    described = [_study(study) for study in studies]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bwtheory.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    files = resources.files("bwtheory.report")
    text = environment.get_template("page.html").render(
        title=_title(panels, problems, described),
        css=Markup(files.joinpath("page.css").read_text(encoding="utf-8")),
        script=Markup(files.joinpath("page.js").read_text(encoding="utf-8")),
        version=bwtheory.__version__,
        overview=_overview(panels),
        seeds=_seeds(panels),
        settings=_differing(panels),
        legend=_legend(panels),
        charts=charts,
        problems=problems,
        panels=panels,
        hidden=len(panels) - len(shown),
        unreadable=[run for run in runs if run.config is None],
        studies=described,
        styles=STYLES,
        colours=_gradient(),
        crop_side=pictures.CROP_SIDE,
        finer=pictures.FINER,
    )
    return text.encode("utf-8", "backslashreplace")


def _shown(panels: Sequence[Panel]) -> list[Panel]:
    """Those with pictures: the first of each setting, then the others, as many as a page takes."""
    firsts = {panel.style: panel for panel in reversed(panels)}
    kept = [panel for panel in panels if panel is firsts[panel.style]]
    kept += [panel for panel in panels if panel is not firsts[panel.style]]
    chosen = {id(panel) for panel in kept[:MOST_SHOWN]}
    return [panel for panel in panels if id(panel) in chosen]


def _problems(panels: Sequence[Panel], shown: Sequence[Panel]) -> list[Problem]:
    """Fill in the panels, by the data they share; pictures for those that are shown."""
    tasks: dict[str, Task] = {}
    found: dict[str, Problem] = {}
    for panel in panels:
        config, run = panel.run.config, panel.run
        assert config is not None
        panel.problems += run.problems
        if not run.finished:
            panel.problems.append(_unfinished(run))
        panel.command = repeating_command(config)
        panel.facts = _facts(run, config)
        key = repr((config.task, config.source, config.coords, config.task_options, run.summary.get("sha256")))
        if any(panel is each for each in shown):
            problem = found.setdefault(key, Problem(_data_title(run, config)))
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


def _curves(panels: Sequence[Panel]) -> list[Chart]:
    """Scores and losses against epochs, for all runs."""
    charts = []
    names = [(name, label, UNITS[name], name != "psnr" and name != "snr") for name, label in SCORE_LABELS.items()]
    names += [("loss", "loss", "", True), ("held_out_loss", "loss of held-out measurements", "", True)]
    names += [("off_grid_psnr", "PSNR between the pixels", "dB", False), ("ssim", "SSIM", "", False)]
    for name, label, unit, log in names:
        lines = [
            Line(p.run.name, p.style, [(row["epoch"], row[name]) for row in p.run.rows if is_number(row.get(name))])
            for p in panels
        ]
        chart = Chart(label[0].upper() + label[1:], "epoch", f"{label}, {unit}".rstrip(", "), lines, x_log=True, y_log=log)
        charts += [chart] if any(len(line.points) > 1 for line in chart.drawable) else []
    return charts


def _overview(panels: Sequence[Panel]) -> Table | None:
    """A line for each run; columns that are empty for all are left out."""
    if not panels:
        return None
    columns = {
        **{name: f"{label}{', ' * bool(UNITS[name])}{UNITS[name]}" for name, label in SCORE_LABELS.items()},
        "off_grid_psnr": "between the pixels, dB",
        "ssim": "SSIM",
        "max_error": "largest error",
        "block": "worst 8×8 block, dB",
        "levels": "8-bit levels that differ",
        "bits": "bits a pixel (PNG)",
        "epochs": "epochs",
        "parameters": "parameters",
        "seconds": "time",
    }
    rows = []
    for panel in panels:
        run, quality = panel.run, panel.run.summary | panel.quality
        cells = {name: _number(run.summary, name, 2 if name in ("psnr", "snr") else None) for name in SCORE_LABELS}
        if not run.finished:
            cells |= {name: f"{value:.4g}" for name, value in panel.quality.get("score", {}).items() if math.isfinite(value)}
        if "psnr" in run.summary and run.summary["psnr"] == math.inf:
            cells["psnr"] = "exact"
        cells |= {
            "off_grid_psnr": _number(run.summary, "off_grid_psnr", 2),
            "ssim": _number(run.summary, "ssim", 4),
            "max_error": _number(run.summary, "max_error"),
            "bits": _bits(quality),
            "parameters": _number(run.summary, "parameters", ","),
            "seconds": _time(run.summary.get("seconds")),
        }
        assert run.config is not None
        epochs = run.summary.get("epochs")
        cells["epochs"] = f"{epochs:,}" if run.finished else f"{_last(run):,} of {run.config.epochs:,}, unfinished"
        block = judgement.worst_block_of(quality)
        if block is not None:
            cells["block"] = f"{block.psnr:.1f}" if math.isfinite(block.psnr) else "exact"
        if is_number(wrong := quality.get("wrong_levels")):
            cells["levels"] = judgement.percentage(wrong) if wrong else "none"
        rows.append((run.name, cells))
    kept = [name for name in columns if any(cells.get(name) for _, cells in rows)]
    return Table(
        ("run", *(columns[name] for name in kept)), [(name, *(cells.get(c) or "" for c in kept)) for name, cells in rows]
    )


def _seeds(panels: Sequence[Panel]) -> Table | None:
    """Mean ± standard deviation of settings with several finished seeds."""
    rows, metrics = [], (*SCORE_LABELS, "off_grid_psnr", "ssim", "max_error")
    groups: dict[int, list[Run]] = {}
    for panel in panels:
        if panel.run.finished:
            groups.setdefault(panel.style, []).append(panel.run)
    groups = {style: runs for style, runs in groups.items() if len({run.config.seed for run in runs if run.config}) > 1}
    used = [m for m in metrics if any(is_number(run.summary.get(m)) for runs in groups.values() for run in runs)]
    for runs in groups.values():
        cells = []
        for metric in used:
            values = [float(run.summary[metric]) for run in runs if is_number(run.summary.get(metric))]
            exact = sum(run.summary.get(metric) == math.inf for run in runs)
            shown = judgement.mean_and_deviation(values) if values else ""
            cells.append(shown + f" ({exact} of {len(runs)} exact)" * bool(exact))
        seeds = ", ".join(str(run.config.seed) for run in runs if run.config)
        rows.append((_without_seed(runs[0].name), seeds, *cells))
    units = {**SCORE_LABELS, "off_grid_psnr": "PSNR between the pixels", "ssim": "SSIM", "max_error": "largest error"}
    return Table(("setting", "seeds", *(units[m] for m in used)), rows) if rows else None


def _differing(panels: Sequence[Panel]) -> Table | None:
    """Settings that are not the same in all runs: a row for each setting."""
    firsts: dict[int, Run] = {}
    for panel in panels:
        firsts.setdefault(panel.style, panel.run)
    if len(firsts) < 2:
        return None
    flat = [_flat(run.config) for run in firsts.values() if run.config]
    names = [name for name in dict.fromkeys(n for row in flat for n in row) if len({row.get(name, "") for row in flat}) > 1]
    rows = [(_without_seed(run.name), *(row.get(name, "–") for name in names)) for run, row in zip(firsts.values(), flat)]
    return Table(("setting", *names), rows)


def _flat(config: TrainingConfig) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in fields(config):
        value = getattr(config, each.name)
        if isinstance(value, Mapping):
            found |= {str(name): _text(part) for name, part in value.items()}
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
            found[each.name] = _text(value)
    return found


def _facts(run: Run, config: TrainingConfig) -> list[tuple[str, str]]:
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
    found += [(label, _text(summary[name])) for name, label in labels.items() if summary.get(name) is not None]
    found += [("settings from", config.settings_from)] if "settings_from" not in summary else []
    notes = summary.get("notes")
    return found + [("note", _text(note)) for note in (notes if isinstance(notes, list) else [])]


def _legend(panels: Sequence[Panel]) -> list[tuple[str, str]]:
    """Classes of lines and names of the settings, or of the runs where a setting has one; nothing for a single line."""
    groups: dict[int, list[str]] = {}
    for panel in panels:
        groups.setdefault(panel.style, []).append(panel.run.name)
    found = [
        (f"s{style % STYLES}", names[0] if len(names) == 1 else f"{_without_seed(names[0])}, {len(names)} seeds")
        for style, names in groups.items()
    ]
    return found if len(found) > 1 else []


def _unfinished(run: Run) -> str:
    assert run.config is not None
    where = f"epoch {_last(run):,} of {run.config.epochs:,} is the last one logged" if run.rows else "nothing is logged yet"
    return f"Unfinished: {where}. What is shown is its last checkpoint, if there is one; train --resume continues it."


def _study(study: Study) -> dict[str, Any]:
    """Its table as HTML, without links and without HTML of its own; the first heading is the title."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.disable(["link", "image", "autolink", "html_inline", "html_block", "reference", "entity"])
    tokens = markdown.parse(study.table)
    title = study.folder.resolve().name
    if len(tokens) > 2 and tokens[0].tag == "h1":
        title, tokens = tokens[1].content or title, tokens[3:]
    for token in tokens:
        if re.fullmatch("h[1-5]", token.tag):
            token.tag = f"h{int(token.tag[1]) + 1}"
    figure = None
    if study.figure is not None:
        figure = pictures.of_file(study.figure, f"The figure of {study.folder.name}; its numbers are in the tables")
    return {"title": title, "table": Markup(markdown.renderer.render(tokens, markdown.options, {})), "figure": figure}


def _title(panels: Sequence[Panel], problems: Sequence[Problem], studies: Sequence[dict[str, Any]]) -> str:
    if studies:
        return studies[0]["title"] if len(studies) == 1 else f"{len(studies)} studies"
    if len(panels) == 1:
        return panels[0].run.name
    return f"{len(panels)} runs" + (f" of {problems[0].title}" if len(problems) == 1 else "")


def _data_title(run: Run, config: TrainingConfig) -> str:
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


def _gradient() -> str:
    """The colours of the error maps as CSS has them."""
    from matplotlib import colormaps

    stops = [colormaps[COLOURS](n / 12)[:3] for n in range(13)]
    return ", ".join(f"rgb({', '.join(str(round(255 * c)) for c in stop)})" for stop in stops)


def _without_seed(name: str) -> str:
    head, _, seed = name.rpartition("-seed")
    return head if head and seed.lstrip("-").isdecimal() else name


def _last(run: Run) -> int:
    return max((row["epoch"] for row in run.rows), default=0)


def _number(row: Mapping[str, Any], name: str, digits: int | str | None = None) -> str:
    value = row.get(name)
    if not is_number(value):
        return ""
    return f"{value:.4g}" if digits is None else f"{value:,}" if digits == "," else f"{value:.{digits}f}"


def _bits(quality: Mapping[str, Any]) -> str:
    own, png = _number(quality, "bits_per_pixel", 2), _number(quality, "png_bits_per_pixel", 2)
    return f"{own} ({png})" if png else own


def _time(seconds: Any) -> str:
    if not is_number(seconds):
        return ""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _text(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else ", ".join(map(str, value)) if _is_list(value) else str(value)
    return text if len(text) <= 500 else f"{text[:500]}…"


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | Mapping)
