"""The page of ``bwtheory report``: one file that needs no network, made of run folders."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup

import bwtheory
from bwtheory.files import write_bytes
from bwtheory.report import pictures
from bwtheory.report.charts import STYLES, Chart, Line
from bwtheory.report.folders import Study, find, require_page
from bwtheory.report.panels import (
    SCORE_LABELS,
    UNITS,
    Panel,
    Problem,
    Table,
    bits_of,
    differing_settings,
    last_epoch,
    legend_of,
    number_of,
    problems_of,
    time_of,
    without_seed,
)
from bwtheory.report.runs import Run, names_of, read
from bwtheory.training import judgement
from bwtheory.training.error_map import COLOURS
from bwtheory.training.judgement import is_number
from bwtheory.training.run import RunDirectory

MOST_SHOWN = 12  # runs with pictures; more are in tables and curves


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
    problems = problems_of(panels, shown)
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
        settings=differing_settings(panels),
        legend=legend_of(panels),
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
        cells = {name: number_of(run.summary, name, 2 if name in ("psnr", "snr") else None) for name in SCORE_LABELS}
        if not run.finished:
            cells |= {name: f"{value:.4g}" for name, value in panel.quality.get("score", {}).items() if math.isfinite(value)}
        if "psnr" in run.summary and run.summary["psnr"] == math.inf:
            cells["psnr"] = "exact"
        cells |= {
            "off_grid_psnr": number_of(run.summary, "off_grid_psnr", 2),
            "ssim": number_of(run.summary, "ssim", 4),
            "max_error": number_of(run.summary, "max_error"),
            "bits": bits_of(quality),
            "parameters": number_of(run.summary, "parameters", ","),
            "seconds": time_of(run.summary.get("seconds")),
        }
        assert run.config is not None
        epochs = run.summary.get("epochs")
        cells["epochs"] = f"{epochs:,}" if run.finished else f"{last_epoch(run):,} of {run.config.epochs:,}, unfinished"
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
        rows.append((without_seed(runs[0].name), seeds, *cells))
    units = {**SCORE_LABELS, "off_grid_psnr": "PSNR between the pixels", "ssim": "SSIM", "max_error": "largest error"}
    return Table(("setting", "seeds", *(units[m] for m in used)), rows) if rows else None


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


def _gradient() -> str:
    """The colours of the error maps as CSS has them."""
    from matplotlib import colormaps

    stops = [colormaps[COLOURS](n / 12)[:3] for n in range(13)]
    return ", ".join(f"rgb({', '.join(str(round(255 * c)) for c in stop)})" for stop in stops)
