"""What a comparison says: tables, one figure, and in words what can and cannot be concluded."""

from __future__ import annotations

import json
import math
import platform
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bwtheory.baselines import BASELINES
from bwtheory.comparison.compare import Comparison
from bwtheory.comparison.figure import draw
from bwtheory.comparison.scores import (
    EQUAL,
    counted,
    differences,
    failed_runs,
    finished,
    mean_in_words,
    mean_of_known,
    name_of,
    number_or_nan,
    parameters_in_words,
    psnr_of,
    ranked,
    runs_of,
    scores,
    title_of,
    value_of,
)
from bwtheory.comparison.tuning import values
from bwtheory.experiments.labels import label
from bwtheory.experiments.statistics import MOST_IMAGES, Difference, mean_and_seed_error, mean_ranks
from bwtheory.experiments.tables import Table, wide_console
from bwtheory.files import write_text
from bwtheory.plots import in_style, save
from bwtheory.training.run import with_null
from bwtheory.units import short

if TYPE_CHECKING:
    pass

HALF_LEVEL = 0.5 / 255
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
    lines = [f"# {title_of(done)}", ""]
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
        figure = draw(done)
    save(figure, done.folder, "figure")
    console.print(f"{done.folder / 'table.md'}, {done.folder / 'figure.png'}", highlight=False, markup=False)


def conclusion(done: Comparison, budget: str) -> str:
    """In words: which networks are ahead of the first, which behind, and for which more images are needed to tell."""
    protocol, size = done.protocol, done.protocol.parameters[0]
    failed = [name for name in protocol.activations if failed_runs(done, budget, name, size)]
    excluded = f"; with failed runs, and therefore not compared: {', '.join(map(label, failed))}" if failed else ""
    where = f"At {EQUAL[budget]}, on {counted(len(protocol.images), 'image')}"
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
    where = f"Without a network, whatever their time, on {counted(len(protocol.images), 'image')}"
    if len(protocol.images) == 1 or failed_runs(done, budget, first, size):
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
    summaries = [run.summary for name in protocol.activations for run in runs_of(done, budget, name, size)]
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
        failed = failed_runs(done, budget, name, size)
        failures = f"{failed} of {len(protocol.images) * protocol.seeds}" if failed else ""
        if not scores(done, budget, name, size, psnr_of):
            rows.append([label(name), *[""] * (len(columns) - 2), failures])
            continue
        cells = [label(name), parameters_in_words(done, budget, name, size), *_time_cells(done, budget, name, size)]
        cells.append(_mean_cell(done, budget, name, size))
        difference = found.get(name)
        cells += _difference_cells(difference)
        cells.append(f"{ranks[name]:.1f}" if name in ranks else "")
        for metric in extra.values():
            same_pixels = metric != "psnr_unseen" or name not in BASELINES or not protocol.options.get("held_out")
            mean = mean_in_words(scores(done, budget, name, size, value_of(metric)))
            cells.append(f"{mean:.2f}" if math.isfinite(mean) and same_pixels else "")
        cells.append(f"{mean_of_known(scores(done, budget, name, size, lambda row: number_or_nan(row['ssim']))):.3f}")
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
    psnr = scores(done, budget, name, size, psnr_of)
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
    steps = [run.summary["epochs"] for run in runs_of(done, budget, name, size)]
    ratio = done.seconds_of_step(name, size, image) / unit
    return [f"{ratio:.2f}", f"{min(steps)}" if min(steps) == max(steps) else f"{min(steps)} … {max(steps)}"]


def _rules(done: Comparison, budget: str, name: str, size: int, rules: list[str]) -> list[str]:
    """The oracle's PSNR and those of the stopping rules, means over all runs; without a choice, the last iterate's."""
    if name in BASELINES and "stopping" not in done.estimates[name, size, done.protocol.images[0]]:
        return [""] * (1 + len(rules))
    cells = [f"{mean_in_words(scores(done, budget, name, size, lambda row: row['oracle']['psnr'])):.2f}"]
    for rule in rules:
        if name in BASELINES:
            rows = [done.estimates[name, size, image] for image in done.protocol.images]
        else:
            rows = [run.summary for run in runs_of(done, budget, name, size)]
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
    runs = runs_of(done, budget, name, size)
    firsts = [next((row["epoch"] for row in run.metrics() if row["max_error"] < HALF_LEVEL), None) for run in runs]
    reached = [first for first in firsts if first is not None]
    return f"{len(reached)} of {len(runs)}" + (f", step {statistics.median(reached):.0f}" if reached else "")


def _tuning(done: Comparison) -> Table:
    rows = []
    for name in (*done.protocol.activations, *done.baselines):
        tuned = done.tuned[name]
        if not tuned.axes:
            continue
        chosen = ", ".join(f"{key} {short(value)}" for key, value in tuned.settings.items())
        failed = sum(not math.isfinite(score) for score in tuned.scores.values())
        best = max(tuned.scores.values())
        rows.append([label(name), chosen, f"{best:.2f}", ", ".join(tuned.at_an_edge), str(len(tuned.scores)), str(failed)])
    columns = ("", "chosen", "PSNR there, dB", "at the edge of what was tried", "trials", "failed")
    return Table(f"Tuning on {', '.join(name_of(image) for image in done.protocol.tuning_images)}", columns, rows)


def _by_image(done: Comparison) -> Table:
    protocol, budget, size = done.protocol, done.budgets[0], done.protocol.parameters[0]
    rows = []
    for name in (*protocol.activations, *done.baselines):
        found = scores(done, budget, name, size, psnr_of)
        cells = [f"{statistics.fmean(found[image]):.2f}" if image in found else "" for image in protocol.images]
        rows.append([label(name), *(cell.replace("inf", "exact") for cell in cells)])
    return Table(f"PSNR by image, {EQUAL[budget]}, dB", ("", *map(name_of, protocol.images)), rows)


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
            f"Settings were tuned on images that are reported: {', '.join(name_of(image) for image in protocol.overlap)}."
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
        {"budget": budget, "method": name, "parameters": size, "image": name_of(image), "seed": run.config.seed}
        | {metric: run.summary[metric] for metric in ("psnr", "ssim", "max_error", "oracle", "stopping", "epochs", "sha256")}
        | {"actual_parameters": run.summary["parameters"], "off_grid_psnr": run.summary.get("off_grid_psnr")}
        for budget, size in done.tables
        for name in protocol.activations
        for image in protocol.images
        for run in finished(done, budget, name, size, image)
    ]
    others = [
        {"method": name, "parameters": size, "image": name_of(image)}
        | {metric: row[metric] for metric in ("psnr", "ssim", "max_error", "note", "sha256")}
        for (name, size, image), row in done.estimates.items()
    ]
    some = next(iter(done.runs.values())).summary
    return {
        "protocol": json.loads((done.folder / "protocol.json").read_text(encoding="utf-8"))
        | {name: [name_of(image) for image in getattr(protocol, name)] for name in ("images", "tuning_images")},
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


def _interval(difference: Difference) -> str:
    """The typical difference, with its interval where a difference is shown."""
    if not math.isfinite(difference.typical):
        return "exact" if difference.typical == math.inf else ""
    ends = f" [{difference.lower:+.2f}, {difference.upper:+.2f}]" if difference.shown else ""
    return f"{difference.typical:+.2f}{ends}"
