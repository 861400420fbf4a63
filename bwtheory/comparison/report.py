"""What a comparison says: tables, one figure, and in words what can and cannot be concluded."""

from __future__ import annotations

import json
import math
import platform
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bwtheory.baselines import BASELINES
from bwtheory.comparison.compare import Comparison
from bwtheory.comparison.tuning import values
from bwtheory.experiments.experiment import Finished
from bwtheory.experiments.labels import LABELS, label
from bwtheory.experiments.statistics import MOST_IMAGES, Difference, Scores, mean_and_seed_error, mean_ranks, paired_difference
from bwtheory.experiments.tables import Table, wide_console
from bwtheory.files import write_text
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas, in_style, save
from bwtheory.tasks.sources import BUILT_IN
from bwtheory.training.run import with_null

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = dict(zip(LABELS, (BLUE, VERMILION, ORANGE, GREEN, SKY, "#CC79A7", "#666666", BLACK)))
DASHES = dict(zip(LABELS, ("-", "--", (0, (5, 1)), "-.", (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)), ":")))
HALF_LEVEL = 0.5 / 255
EQUAL = {"steps": "equal steps", "time": "equal time"}
READING = (
    "Between the pixels: PSNR at points half way between the pixels, or on pixels not trained on, mean over images and seeds.",
    "PSNR: mean over images and seeds of the last iterate, not clipped, ± the standard error over seeds for these very images.",
    "Minus …: the typical difference over images, a 20 % trimmed mean, so that one image that is fitted to 140 dB does not "
    "decide. [from, to] is its confidence interval, given where a difference is shown; all of them hold together with 95 % "
    "confidence (Bonferroni).",
    "Rank: mean over images of the place among all methods of the table, 1 being the best. Wins: images on which the mean over "
    "seeds is above the first network's.",
    "Oracle: the best logged iterate against the truth, which a user does not have. Where a stopping rule never applies, "
    "the last iterate counts.",
)


def report(done: Comparison) -> None:
    """Print a comparison and write table.md, results.json and figure.png into its folder."""
    tables = [_results(done, budget, size) for budget, size in done.tables]
    tables += [_tuning(done), _by_image(done)]
    conclusions = [conclusion(done, budget) for budget in done.budgets]
    conclusions += [conclusion_without_networks(done)] if done.baselines else []
    objections = _objections(done)
    console = wide_console()
    lines = [f"# {_title(done)}", ""]
    for table in tables:
        table.show(console)
        lines += [f"## {table.title}", "", *table.markdown(), ""]
    for title, sentences in (("How to read it", READING), ("What can be concluded", conclusions), ("But", objections)):
        console.print(title, style="bold")
        lines += [f"## {title}", ""]
        for sentence in sentences:
            console.print(f"- {sentence}", highlight=False, markup=False)
            lines.append(f"- {sentence}")
        lines.append("")
    write_text(done.folder / "table.md", "\n".join(lines))
    _write_json(done.folder / "results.json", _machine_readable(done, conclusions))
    with in_style():
        figure = _figure(done)
    save(figure, done.folder, "figure")
    console.print(f"{done.folder / 'table.md'}, {done.folder / 'figure.png'}", highlight=False, markup=False)


def scores(done: Comparison, budget: str, method: str, size: int, metric: Callable[[dict[str, Any]], float]) -> Scores:
    """Of a network or a baseline: by image, a number of each summary."""
    found: dict[str, list[float]] = {}
    for image in done.protocol.images:
        if method in BASELINES:
            rows = [done.estimates[method, size, image]]
        else:
            rows = [run.summary for run in _finished(done, budget, method, size, image)]
        if rows:
            found[image] = [metric(row) for row in rows]
    return found


def differences(done: Comparison, budget: str, size: int) -> dict[str, Difference]:
    """PSNR of every other method minus that of the first activation; all intervals of a report hold together with 95 %.

    A method with a failed run has none: what is left of it would be a choice of easy cases.
    """
    protocol = done.protocol
    first = scores(done, budget, protocol.activations[0], size, _psnr)
    found = {}
    for name in (*protocol.activations[1:], *done.baselines):
        complete = not any(_failed(done, budget, each, size) for each in (name, protocol.activations[0]))
        there = scores(done, budget, name, size, _psnr) if complete else {}
        found[name] = paired_difference(there, first, done.comparisons)
    return found


def ranked(done: Comparison, budget: str, size: int) -> dict[str, Scores]:
    """PSNR of the methods without a failed run, to rank them."""
    names = (*done.protocol.activations, *done.baselines)
    return {name: scores(done, budget, name, size, _psnr) for name in names if not _failed(done, budget, name, size)}


def conclusion(done: Comparison, budget: str) -> str:
    """In words: which networks are ahead of the first, which behind, and for which more images are needed to tell."""
    protocol, size = done.protocol, done.protocol.parameters[0]
    failed = [name for name in protocol.activations if _failed(done, budget, name, size)]
    excluded = f"; with failed runs, and therefore not compared: {', '.join(map(label, failed))}" if failed else ""
    where = f"At {EQUAL[budget]}, on {_count(len(protocol.images), 'image')}"
    if len(protocol.images) == 1:
        cells = [f"{label(name)} {_mean_cell(done, budget, name, size)}" for name in protocol.activations if name not in failed]
        return f"{where}, in dB: {', '.join(cells)}{excluded}; one image says nothing about others."
    networks = {name: d for name, d in differences(done, budget, size).items() if name not in BASELINES}
    first = label(protocol.activations[0])
    if protocol.activations[0] in failed:
        return f"{where}: {first} has failed runs, and nothing is compared with it."
    return f"{where}, in dB: {verdicts(networks, first)}{excluded}."


def conclusion_without_networks(done: Comparison) -> str:
    """The same for the methods without a network, which take the time they take."""
    protocol, budget, size = done.protocol, done.budgets[0], done.protocol.parameters[0]
    first = protocol.activations[0]
    where = f"Without a network, whatever their time, on {_count(len(protocol.images), 'image')}"
    if len(protocol.images) == 1 or _failed(done, budget, first, size):
        cells = [f"{label(name)} {_mean_cell(done, budget, name, size)}" for name in done.baselines]
        return f"{where}, in dB: {', '.join(cells)}."
    found = {name: d for name, d in differences(done, budget, size).items() if name in BASELINES}
    seen = "; they see all measurements, the networks not those held out" * bool(protocol.options.get("held_out"))
    at = f"{label(first)} at {EQUAL[budget]}" if budget == "steps" else label(first)
    return f"{where}, in dB: {verdicts(found, at)}{seen}."


def verdicts(found: dict[str, Difference], first: str) -> str:
    """Which methods are ahead, behind, exact, and of the others how many more images would tell."""
    ordered = sorted((name for name, d in found.items() if d.images), key=lambda name: -found[name].typical)
    exact = [name for name in ordered if found[name].typical == math.inf]
    unclear = [name for name in ordered if not found[name].shown and name not in exact]

    def listed(names: list[str]) -> str:
        return ", ".join(f"{label(name)} ({answer(found[name])})" for name in names) or "none"

    parts = [
        f"ahead of {first}: {listed([name for name in ordered if found[name].ahead])}",
        f"behind: {listed([name for name in ordered if found[name].behind])}",
        f"can't tell: {listed(unclear)}",
    ]
    parts += [f"exact, on most images: {', '.join(map(label, exact))}"] if exact else []
    return "; ".join(parts)


def answer(difference: Difference) -> str:
    """ "+2.00 [+1.21, +2.79], wins 8 of 8", or "+0.40, wins 5 of 8; 31 more images would"."""
    wins = f"wins {difference.wins} of {difference.images}"
    if difference.shown:
        return f"{_interval(difference)}, {wins}"
    if difference.more is not None:
        would = f"{difference.more:,} more image{'s' * (difference.more != 1)} would"
    elif difference.images < 2:
        would = "one image says nothing about others"
    elif difference.typical == 0:
        would = "equal"
    else:
        would = f"not even {MOST_IMAGES:,} images would"
    return f"{difference.typical:+.2f}, {wins}; {would}"


def _results(done: Comparison, budget: str, size: int) -> Table:
    protocol = done.protocol
    first = protocol.activations[0]
    found = differences(done, budget, size)
    ranks = mean_ranks(ranked(done, budget, size))
    noisy = protocol.task == "denoise" or protocol.options.get("noise")
    rules = ["discrepancy"] * bool(noisy) + ["held_out"] * bool(protocol.options.get("held_out"))
    summaries = [run.summary for name in protocol.activations for run in _runs_of(done, budget, name, size)]
    extra = {"between the pixels, dB": "off_grid_psnr", "clipped, dB": "psnr_clipped", "unseen pixels, dB": "psnr_unseen"}
    known = {metric for metric in extra.values() if summaries and all(row.get(metric) is not None for row in summaries)}
    extra = {column: metric for column, metric in extra.items() if metric in known}
    columns = [
        "",
        "parameters",
        f"step, by {label(first)}'s",
        "steps",
        "PSNR, dB",
        f"minus {label(first)}, dB",
        "answer",
        "wins",
        "rank",
        *extra,
        "SSIM",
    ]
    columns += ["oracle, dB"] + [f"{rule.replace('_', ' ')} rule, dB" for rule in rules]
    columns += ["error < ½ level"] * (protocol.task == "signal") + ["failed"]
    rows = []
    for name in (*protocol.activations, *done.baselines):
        failed = _failed(done, budget, name, size)
        failures = f"{failed} of {len(protocol.images) * protocol.seeds}" if failed else ""
        if not scores(done, budget, name, size, _psnr):
            rows.append([label(name), *[""] * (len(columns) - 2), failures])
            continue
        cells = [label(name), _parameters(done, budget, name, size), *_time_cells(done, budget, name, size)]
        cells.append(_mean_cell(done, budget, name, size))
        difference = found.get(name)
        cells += _difference_cells(difference)
        cells.append(f"{ranks[name]:.1f}" if name in ranks else "")
        for metric in extra.values():
            same_pixels = metric != "psnr_unseen" or name not in BASELINES or not protocol.options.get("held_out")
            mean = _mean(scores(done, budget, name, size, _value_of(metric)))
            cells.append(f"{mean:.2f}" if math.isfinite(mean) and same_pixels else "")
        cells.append(f"{_mean_of_known(scores(done, budget, name, size, lambda row: _number(row['ssim']))):.3f}")
        cells += _rules(done, budget, name, size, rules)
        if protocol.task == "signal":
            cells.append(_exact(done, budget, name, size))
        rows.append([*cells, failures])
    return Table(f"{EQUAL[budget].capitalize()}, {size:,} parameters", columns, rows)


def _difference_cells(difference: Difference | None) -> list[str]:
    """The typical difference, the answer in a word, and wins; empty for the first network."""
    if difference is None or not difference.images:
        return ["", "", ""]
    word = "ahead" if difference.ahead else "behind" if difference.behind else "can't tell"
    word = "exact" if difference.typical == math.inf else word
    return [_interval(difference), word, f"{difference.wins} of {difference.images}"]


def _mean_cell(done: Comparison, budget: str, name: str, size: int) -> str:
    """Mean over images and seeds ± standard error over seeds; what is exact is counted, not averaged."""
    psnr = scores(done, budget, name, size, _psnr)
    finite = {image: found for image, found in psnr.items() if math.isfinite(sum(found))}
    if not finite:
        return "exact"
    mean, error = mean_and_seed_error(finite)
    exact = f" (exact on {len(psnr) - len(finite)} of {len(psnr)})" if len(finite) < len(psnr) else ""
    return f"{mean:.2f}" + (f" ± {error:.2f}" if math.isfinite(error) else "") + exact


def _time_cells(done: Comparison, budget: str, name: str, size: int) -> list[str]:
    """A step by the first network's, and how many; of a method without a network its time in such steps."""
    protocol = done.protocol
    first, image = protocol.activations[0], protocol.images[0]
    unit = done.seconds_of_step(first, size, image)
    if name in BASELINES:
        seconds = statistics.median(done.estimates[name, size, image]["seconds"] for image in protocol.images)
        return ["", f"≈ {seconds / unit:.1g}"]
    steps = [run.summary["epochs"] for run in _runs_of(done, budget, name, size)]
    ratio = done.seconds_of_step(name, size, image) / unit
    return [f"{ratio:.2f}", f"{min(steps)}" if min(steps) == max(steps) else f"{min(steps)} … {max(steps)}"]


def _rules(done: Comparison, budget: str, name: str, size: int, rules: list[str]) -> list[str]:
    """The oracle's PSNR and those of the stopping rules, means over all runs; without a choice, the last iterate's."""
    if name in BASELINES and "stopping" not in done.estimates[name, size, done.protocol.images[0]]:
        return [""] * (1 + len(rules))
    cells = [f"{_mean(scores(done, budget, name, size, lambda row: row['oracle']['psnr'])):.2f}"]
    for rule in rules:
        if name in BASELINES:
            rows = [done.estimates[name, size, image] for image in done.protocol.images]
        else:
            rows = [run.summary for run in _runs_of(done, budget, name, size)]
        chosen = [row["stopping"][rule] for row in rows]
        there = sum(choice is not None for choice in chosen)
        if not there:
            cells.append("never" if rule == "discrepancy" else "")
            continue
        mean = statistics.fmean((choice or row)["psnr"] for choice, row in zip(chosen, rows))
        cells.append(f"{mean:.2f}" + f" (in {there} of {len(rows)})" * (there < len(rows)))
    return cells


def _exact(done: Comparison, budget: str, name: str, size: int) -> str:
    """How many runs reach the 8-bit image, and at which median step of those that do."""
    if name in BASELINES:
        exact = [done.estimates[name, size, image]["max_error"] < HALF_LEVEL for image in done.protocol.images]
        return f"{sum(exact)} of {len(exact)}"
    runs = _runs_of(done, budget, name, size)
    firsts = [next((row["epoch"] for row in run.metrics() if row["max_error"] < HALF_LEVEL), None) for run in runs]
    reached = [first for first in firsts if first is not None]
    return f"{len(reached)} of {len(runs)}" + (f", step {statistics.median(reached):.0f}" if reached else "")


def _tuning(done: Comparison) -> Table:
    rows = []
    for name in (*done.protocol.activations, *done.baselines):
        tuned = done.tuned[name]
        if not tuned.axes:
            continue
        chosen = ", ".join(f"{key} {_short(value)}" for key, value in tuned.settings.items())
        failed = sum(not math.isfinite(score) for score in tuned.scores.values())
        best = max(tuned.scores.values())
        rows.append([label(name), chosen, f"{best:.2f}", ", ".join(tuned.at_an_edge), str(len(tuned.scores)), str(failed)])
    columns = ("", "chosen", "PSNR there, dB", "at the edge of what was tried", "trials", "failed")
    return Table(f"Tuning on {', '.join(_name(image) for image in done.protocol.tuning_images)}", columns, rows)


def _by_image(done: Comparison) -> Table:
    protocol, budget, size = done.protocol, done.budgets[0], done.protocol.parameters[0]
    rows = []
    for name in (*protocol.activations, *done.baselines):
        found = scores(done, budget, name, size, _psnr)
        cells = [f"{statistics.fmean(found[image]):.2f}" if image in found else "" for image in protocol.images]
        rows.append([label(name), *(cell.replace("inf", "exact") for cell in cells)])
    return Table(f"PSNR by image, {EQUAL[budget]}, dB", ("", *map(_name, protocol.images)), rows)


def _objections(done: Comparison) -> list[str]:
    """What the author of a method could say, as far as it can be known from here."""
    protocol = done.protocol
    axes = sorted({len(done.tuned[name].axes) for name in protocol.activations})
    found = [
        f"One architecture for all: {protocol.hidden_layers} hidden layers, Adam, and one decay of the learning rate.",
        f"{protocol.trials} trials for each network, with one seed, whether {' or '.join(map(str, axes))} things are tuned; "
        "they start from Appendix D of the BW-ReLU paper for the networks it has, and from our settings for the others.",
    ]
    if len(done.budgets) > 1:
        found.append("The settings are those chosen at equal steps; at equal time a slow network might prefer others.")
    if len(protocol.parameters) > 1:
        found.append(f"They were chosen at {protocol.parameters[0]:,} parameters and kept for the other sizes.")
    edges = [f"{label(name)} ({', '.join(t.at_an_edge)})" for name, t in done.tuned.items() if t.at_an_edge]
    if edges:
        found.append(f"The search ended at the edge of what it had tried, so that more may lie beyond: {'; '.join(edges)}.")
    if protocol.overlap:
        found.append(
            f"Settings were tuned on images that are reported: {', '.join(_name(image) for image in protocol.overlap)}."
        )
    if not protocol.compile:
        found.append("Nothing is compiled. Compiled steps of wide networks cost nearly the same for all, see `bwtheory bench`.")
    if "relu-rff" in protocol.activations:
        found.append("The random directions of ReLU+F.F. are not trained and count as no parameters.")
    if "tv" in done.baselines:
        found.append("Total variation knows that values lie in [0, 1]; nothing else does.")
    if any("stopping" in row for row in done.estimates.values()):
        found.append("Stopping rules and oracle choose among the some 30 logged iterates of a network, and among all of CGLS.")
    if any(run.config.task_options.get("data_seed") is not None for run in done.runs.values()):
        found.append("Noise and whatever else is random in the data is drawn once for each image, not for each seed.")
    kinds = sorted({label(name) for (name, _, _), row in done.estimates.items() if row["note"]})
    if kinds:
        found.append(f"Not converged for some image: {', '.join(kinds)}; results.json says how far.")
    found += [f"{label(name)} is not in it: {reason}" for name, reason in done.not_applicable.items()]
    found.append("Time of a method without a network is one measurement, by that of a step: the order of magnitude.")
    return found


def _machine_readable(done: Comparison, conclusions: list[str]) -> dict[str, Any]:
    protocol = done.protocol
    networks = [
        {"budget": budget, "method": name, "parameters": size, "image": _name(image), "seed": run.config.seed}
        | {metric: run.summary[metric] for metric in ("psnr", "ssim", "max_error", "oracle", "stopping", "epochs", "sha256")}
        | {"actual_parameters": run.summary["parameters"], "off_grid_psnr": run.summary.get("off_grid_psnr")}
        for budget, size in done.tables
        for name in protocol.activations
        for image in protocol.images
        for run in _finished(done, budget, name, size, image)
    ]
    others = [
        {"method": name, "parameters": size, "image": _name(image)}
        | {metric: row[metric] for metric in ("psnr", "ssim", "max_error", "note", "sha256")}
        for (name, size, image), row in done.estimates.items()
    ]
    some = next(iter(done.runs.values())).summary
    return {
        "protocol": json.loads((done.folder / "protocol.json").read_text(encoding="utf-8"))
        | {name: [_name(image) for image in getattr(protocol, name)] for name in ("images", "tuning_images")},
        "settings": {name: tuned.settings for name, tuned in done.tuned.items()},
        "trials": {
            name: [dict(zip((a.name for a in t.axes), values(t.axes, point))) | {"psnr": s} for point, s in t.scores.items()]
            for name, t in done.tuned.items()
        },
        "at_the_edge": {name: tuned.at_an_edge for name, tuned in done.tuned.items() if tuned.at_an_edge},
        "step_by_first": {
            name: seconds / done.step_seconds["@".join((protocol.activations[0], *name.rsplit("@", 2)[1:]))]
            for name, seconds in done.step_seconds.items()
        },
        "conclusions": conclusions,
        "failed": {name: reason.partition(";")[0] for name, reason in done.failed.items()},
        "networks": networks,
        "baselines": others,
        "where": {name: some[name] for name in ("device", "device_name", "threads", "torch", "numpy", "bwtheory", "python")}
        | {"reported_with": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}},
    }


def _write_json(file: Path, value: dict[str, Any]) -> None:
    """One run a line, so that a change can be read; JSON has no infinity, and an exact reconstruction no PSNR: null."""
    lines = []
    for name, part in with_null(value).items():
        rows = part if isinstance(part, list) and part and isinstance(part[0], dict) else None
        text = json.dumps(part, ensure_ascii=False) if rows is None else _one_a_line(rows)
        lines.append(f"{json.dumps(name)}: {text}")
    write_text(file, "{\n" + ",\n".join(lines) + "\n}\n")


def _one_a_line(rows: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"


def _figure(done: Comparison) -> Figure:
    protocol = done.protocol
    methods = len(protocol.activations) + len(done.baselines)
    figure, grid = canvas(12.5, 2 * (2.2 + 0.12 * methods) + 0.8, nrows=2, ncols=3)
    panels: list[Axes] = list(np.ravel(grid))
    _draw_differences(panels[0], done)
    _draw_time(panels[1], done, "psnr", "PSNR, dB")
    _draw_time(panels[2], done, "ssim", "SSIM")
    _draw_tuning(panels[3], done)
    _draw_octaves(panels[4], done)
    handles, labels = panels[1].get_legend_handles_labels()
    if len(protocol.parameters) > 1:
        _draw_sizes(panels[5], done)
        figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=8)
    else:
        panels[5].set_axis_off()
        panels[5].legend(handles, labels, loc="center", fontsize=9)
    figure.suptitle(_title(done), fontsize=11)
    return figure


def _draw_differences(axes: Axes, done: Comparison) -> None:
    protocol, size = done.protocol, done.protocol.parameters[0]
    names = [*protocol.activations[1:], *done.baselines]
    for budget in done.budgets:
        found = differences(done, budget, size)
        for place, name in enumerate(names):
            d = found[name]
            if not math.isfinite(d.typical) or (name in BASELINES and budget != done.budgets[0]):
                continue
            y = place + (0.18 if budget == "time" else -0.18) * (len(done.budgets) > 1 and name not in BASELINES)
            reach = [[d.typical - d.lower], [d.upper - d.typical]] if d.shown else None
            fill = "white" if budget == "time" else _colour(name)
            axes.errorbar(d.typical, y, xerr=reach, fmt=_marker(name), color=_colour(name), mfc=fill, ms=5, capsize=2, lw=1)
    axes.axvline(0, color=BLACK, lw=0.8)
    axes.set_yticks(range(len(names)), [label(name) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"PSNR minus {label(protocol.activations[0])}'s, dB")
    axes.set_title("differences, with intervals where shown" + "; hollow: equal time" * (len(done.budgets) > 1), fontsize=9)


def _draw_time(axes: Axes, done: Comparison, metric: str, title: str) -> None:
    """Means over images and seeds at equal fractions of the runs, against the mean time in steps of the first activation."""
    protocol, size, budget = done.protocol, done.protocol.parameters[0], done.budgets[-1]
    first = protocol.activations[0]
    fractions = np.geomspace(0.01, 1, 60)
    for name in protocol.activations:
        curves, times = [], []
        for image in protocol.images:
            unit = done.seconds_of_step(name, size, image) / done.seconds_of_step(first, size, image)
            for run in _finished(done, budget, name, size, image):
                rows = [row for row in run.metrics() if row[metric] is not None and math.isfinite(row[metric])]
                if rows:
                    last = run.summary["epochs"]
                    curves.append(np.interp(fractions, [r["epoch"] / last for r in rows], [r[metric] for r in rows]))
                    times.append(last * unit)
        if curves:
            line = DASHES.get(name, "-")
            mean = np.mean(curves, axis=0)
            axes.plot(np.mean(times) * fractions, mean, color=_colour(name), ls=line, lw=1.3, label=label(name))
    for name in done.baselines:
        mean = _mean(scores(done, done.budgets[0], name, size, lambda row: _number(row[metric])))
        units = [
            done.estimates[name, size, image]["seconds"] / done.seconds_of_step(first, size, image) for image in protocol.images
        ]
        shown = label(name) + " (exact)" * (mean == math.inf)
        height = mean if math.isfinite(mean) else math.nan
        axes.plot(statistics.median(units), height, _marker(name), color=_colour(name), ms=5, label=shown)
    axes.set_xscale("log")
    axes.set_xlabel(f"time, in steps of {label(first)}")
    axes.set_title(title, fontsize=9)


def _draw_tuning(axes: Axes, done: Comparison) -> None:
    """The best score at every learning rate that was tried; hollow where the optimum is at the edge of some axis."""
    for name in done.protocol.activations:
        tuned = done.tuned[name]
        best: dict[float, float] = {}
        for point, score in tuned.scores.items():
            lr = tuned.axes[0].value(point[0])
            best[lr] = max(best.get(lr, -math.inf), score)
        rates = sorted(rate for rate in best if math.isfinite(best[rate]))
        axes.plot(rates, [best[r] for r in rates], color=_colour(name), ls=DASHES.get(name, "-"), marker=".", ms=4, lw=1)
        chosen = tuned.settings["lr"]
        if chosen in rates:
            fill = "white" if tuned.at_an_edge else _colour(name)
            axes.plot(chosen, best[chosen], "o", color=_colour(name), mfc=fill, ms=7)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate, other settings the best tried")
    axes.set_title("tuning: PSNR, dB; hollow: at an edge", fontsize=9)


def _draw_octaves(axes: Axes, done: Comparison) -> None:
    protocol, size = done.protocol, done.protocol.parameters[0]
    for name in (*protocol.activations, *done.baselines):
        if name in BASELINES:
            rows = [done.estimates[name, size, image]["band_errors"] for image in protocol.images]
        else:
            rows = [run.metrics()[-1]["band_errors"] for run in _runs_of(done, done.budgets[0], name, size)]
        longest = max(map(len, rows), default=0)
        bands = [[row[k] for row in rows if k < len(row) and row[k] is not None] for k in range(longest)]
        means = [statistics.fmean(band) if band else math.nan for band in bands]
        if any(mean > 0 for mean in means):
            style: dict[str, Any] = (
                {"marker": _marker(name), "lw": 0.8} if name in BASELINES else {"ls": DASHES.get(name, "-"), "lw": 1.3}
            )
            axes.plot([2.0**k for k in range(longest)], means, color=_colour(name), ms=4, **style)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("octave from … cycles an image")
    axes.set_title("relative error by frequency", fontsize=9)


def _draw_sizes(axes: Axes, done: Comparison) -> None:
    protocol = done.protocol
    for name in (*protocol.activations, *(name for name in done.baselines if BASELINES[name].sized)):
        means = [_mean(scores(done, done.budgets[0], name, size, _psnr)) for size in sorted(protocol.parameters)]
        kept = [(size, mean) for size, mean in zip(sorted(protocol.parameters), means) if math.isfinite(mean)]
        if kept:
            axes.plot(*zip(*kept), color=_colour(name), ls=DASHES.get(name, "-"), marker=_marker(name), ms=4, lw=1.3)
    axes.set_xscale("log")
    axes.set_xlabel("parameters")
    axes.set_title(f"PSNR, dB, {EQUAL[done.budgets[0]]}", fontsize=9)


def _title(done: Comparison) -> str:
    protocol = done.protocol
    options = "".join(f", {name.replace('_', ' ')} {value}" for name, value in protocol.options.items())
    size = f", longer side about {protocol.side}" if protocol.side else ""
    return f"{protocol.task}{options}: {_count(len(protocol.images), 'image')}{size}, {_count(protocol.seeds, 'seed')}"


def _finished(done: Comparison, budget: str, name: str, size: int, image: str) -> list[Finished]:
    keys = [done.key(budget, name, size, image, seed) for seed in done.protocol.seed_list]
    return [done.runs[key] for key in keys if key in done.runs]


def _runs_of(done: Comparison, budget: str, name: str, size: int) -> list[Finished]:
    return [run for image in done.protocol.images for run in _finished(done, budget, name, size, image)]


def _failed(done: Comparison, budget: str, name: str, size: int) -> int:
    """How many runs have diverged."""
    if name in BASELINES:
        return 0
    keys = (done.key(budget, name, size, image, seed) for image in done.protocol.images for seed in done.protocol.seed_list)
    return sum(key in done.failed for key in keys)


def _parameters(done: Comparison, budget: str, name: str, size: int) -> str:
    if name in BASELINES:
        counts = [done.estimates[name, size, image]["parameters"] for image in done.protocol.images]
    else:
        counts = [run.summary["parameters"] for run in _runs_of(done, budget, name, size)]
    if None in counts:
        return "pixels"
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} … {max(counts):,}"


def _interval(difference: Difference) -> str:
    """The typical difference, with its interval where a difference is shown."""
    if not math.isfinite(difference.typical):
        return "exact" if difference.typical == math.inf else ""
    ends = f" [{difference.lower:+.2f}, {difference.upper:+.2f}]" if difference.shown else ""
    return f"{difference.typical:+.2f}{ends}"


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _value_of(metric: str) -> Callable[[dict[str, Any]], float]:
    return lambda row: _number(row.get(metric))


def _psnr(row: dict[str, Any]) -> float:
    return float(row["psnr"])


def _mean_of_known(found: Scores) -> float:
    known = {image: there for image, there in found.items() if math.isfinite(sum(there))}
    return _mean(known)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _mean(found: Scores) -> float:
    return mean_and_seed_error(found)[0] if found else math.nan


def _name(image: str) -> str:
    return image if image in BUILT_IN else Path(image).stem


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _colour(name: str) -> str:
    return COLOURS.get(name, BLACK)


def _marker(name: str) -> str:
    return dict(zip(BASELINES, "sDvhd^<>PX*")).get(name, "o")
