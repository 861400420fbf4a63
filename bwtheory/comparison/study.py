"""Several comparisons read together: ``python -m bwtheory.comparison.study results/study``.

Writes summary.md there, a table of all problems with what each of them shows, and the conclusions on each problem's page, by
the test of today.  One folder up it writes state.json, which the ledger reads, and spread.json, from which ``bwtheory compare``
says beforehand what difference it can see.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from bwtheory.comparison.report import answer, verdicts
from bwtheory.comparison.scores import EQUAL
from bwtheory.experiments.labels import label
from bwtheory.experiments.statistics import Difference, Scores, mean_and_seed_error, paired_difference, standard_deviation
from bwtheory.experiments.tables import Table
from bwtheory.files import write_text

INTERVALS = (
    "[from, to] in the tables: Student's t interval of the mean difference, paired by image. The conclusions below use trimmed "
    "means instead, which one image cannot decide; their intervals hold together with 95 % confidence (Bonferroni)."
)
Study = dict[str, Any]  # a comparison's results.json


def network_scores(study: Study, budget: str, method: str) -> Scores:
    """PSNR by image and seed, at the size at which the settings were chosen."""
    size = study["protocol"]["parameters"][0]
    found: dict[str, list[float]] = {}
    for row in study["networks"]:
        if (row["budget"], row["method"], row["parameters"]) == (budget, method, size):
            found.setdefault(row["image"], []).append(row["psnr"])
    return found


def summary(studies: dict[str, Study]) -> Table:
    """Mean PSNR of every method on every problem, at equal steps and at equal time; what is exact is counted, not averaged."""
    networks = list(dict.fromkeys(name for study in studies.values() for name in study["protocol"]["activations"]))
    others = list(dict.fromkeys(name for study in studies.values() for name in study["protocol"]["baselines"]))
    rows = []
    for name in networks:
        cells = []
        for study in studies.values():
            pairs = [network_scores(study, budget, name) for budget in ("steps", "time")]
            cells.append(" / ".join(f"{mean_and_seed_error(found)[0]:.1f}" if found else "" for found in pairs))
        rows.append([label(name), *cells])
    for name in others:
        rows.append([label(name), *(_of_baseline(study, name) for study in studies.values())])
    return Table("PSNR in dB, equal steps / equal time", ("", *studies), rows)


def shown(study: Study, budget: str) -> dict[str, Difference]:
    """Each other network's PSNR minus the first activation's, as ``compare`` tests it."""
    first, *others = study["protocol"]["activations"]
    base = network_scores(study, budget, first)
    return {name: paired_difference(network_scores(study, budget, name), base, _comparisons(study)) for name in others}


def shown_of_baselines(study: Study) -> dict[str, Difference]:
    """The same for the methods without a network, against the first activation at equal steps."""
    size = study["protocol"]["parameters"][0]
    base = network_scores(study, "steps", study["protocol"]["activations"][0])
    found: dict[str, Difference] = {}
    for name in study["protocol"]["baselines"]:
        rows = [row for row in study["baselines"] if (row["method"], row["parameters"]) == (name, size)]
        scores = {row["image"]: [math.inf if row["psnr"] is None else row["psnr"]] for row in rows}  # null: exact
        found[name] = paired_difference(scores, base, _comparisons(study))
    return found


def _comparisons(study: Study) -> int:
    """Differences that share the level: of every table, and of the methods without a network."""
    protocol = study["protocol"]
    tables = 2 + len(protocol["parameters"]) - 1
    return (len(protocol["activations"]) - 1) * tables + len(protocol["baselines"]) * len(protocol["parameters"])


def concluded(study: Study) -> list[str]:
    """What a study shows, in sentences."""
    first = label(study["protocol"]["activations"][0])
    on = f"on {len(study['protocol']['images'])} images, in dB"
    lines = [f"At {EQUAL[budget]}, {on}: {verdicts(shown(study, budget), first)}." for budget in ("steps", "time")]
    others = verdicts(shown_of_baselines(study), f"{first} at {EQUAL['steps']}")
    return [*lines, f"Without a network, whatever their time, {on}: {others}."]


def with_conclusions(page: str, study: Study) -> str:
    """A problem's page with the conclusions of today's test, and a note about the intervals that its tables have."""
    lines = "\n".join(f"- {line}" for line in concluded(study))
    page = re.sub(r"(## What can be concluded\n\n).*?(?=\n\n## )", lambda match: match[1] + lines, page, flags=re.DOTALL)
    return re.sub(r"- \[from, to\]: [^\n]*", f"- {INTERVALS}", page)


def answers(studies: dict[str, Study]) -> Table:
    """At equal steps, which networks are shown to be ahead of the first one or behind it, and what it would take to tell."""
    names = list(dict.fromkeys(name for study in studies.values() for name in study["protocol"]["activations"][1:]))
    found = {problem: shown(study, "steps") for problem, study in studies.items()}
    rows = [[label(name), *(_answer(found[problem].get(name)) for problem in studies)] for name in names]
    return Table("Against BW-ReLU, dB, equal steps", ("", *studies), rows)


def _answer(difference: Difference | None) -> str:
    if difference is None:
        return ""
    word = "ahead: " if difference.ahead else "behind: " if difference.behind else "can't tell: "
    return word + answer(difference)


def spreads(studies: dict[str, Study]) -> dict[str, float]:
    """By problem: the median over networks of the standard deviation over images of its difference to the first, in dB.

    It is estimated from the winsorized differences, as in the test: images that are fitted to 140 dB are not typical.
    """
    found = {}
    for problem, study in studies.items():
        base = network_scores(study, "steps", study["protocol"]["activations"][0])
        deviations = []
        for name in study["protocol"]["activations"][1:]:
            scores = network_scores(study, "steps", name)
            found_here = np.array([np.mean(scores[image]) - np.mean(base[image]) for image in base if image in scores])
            deviations.append(standard_deviation(found_here))
        found[problem] = round(statistics.median(deviations), 2)
    return found


def state_of_the_art(studies: dict[str, Study]) -> dict[str, Any]:
    """BW-ReLU's mean over all problems, images and seeds, at equal steps, and that of the best other network.

    Each with its standard error over seeds, as the ledger's rule asks; problems with a single seed have none and are left out.
    """
    studies = {name: study for name, study in studies.items() if study["protocol"]["seeds"] > 1}
    networks = set.intersection(*(set(study["protocol"]["activations"]) for study in studies.values()))
    means = {name: _over_problems(studies, name) for name in networks}
    best = max((name for name in networks if name != "bw-relu"), key=lambda name: means[name][0])
    runs = [
        psnr for study in studies.values() for found in network_scores(study, "steps", "bw-relu").values() for psnr in found
    ]
    return {
        "first": means["bw-relu"],
        "second": means[best],
        "best_other": best,
        "means": dict(sorted(means.items(), key=lambda item: -item[1][0])),
        "trials": len(runs),
        "provenance": {"command": "make study", "problems": list(studies), "where": next(iter(studies.values()))["where"]},
    }


def _over_problems(studies: dict[str, Study], name: str) -> tuple[float, float]:
    pairs = [mean_and_seed_error(network_scores(study, "steps", name)) for study in studies.values()]
    return statistics.fmean(mean for mean, _ in pairs), math.hypot(*(error for _, error in pairs)) / len(pairs)


def _of_baseline(study: Study, name: str) -> str:
    size = study["protocol"]["parameters"][0]
    found = [row["psnr"] for row in study["baselines"] if (row["method"], row["parameters"]) == (name, size)]
    if not found:
        return ""
    finite = [psnr for psnr in found if psnr is not None]
    exact = "exact" if not finite else f" (exact on {len(found) - len(finite)} of {len(found)})" * (len(finite) < len(found))
    return (f"{statistics.fmean(finite):.1f}" if finite else "") + exact


def renew(folder: Path) -> None:
    """Read every NAME.json of a folder, and renew NAME.md beside it."""
    studies = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    for name, study in studies.items():
        page = folder / f"{name}.md"
        if page.is_file():
            write_text(page, with_conclusions(page.read_text(encoding="utf-8"), study))
    table = summary(studies)
    against = answers(studies)
    lines = [f"# {table.title}", "", *table.markdown(), "", f"## {against.title}", "", *against.markdown(), ""]
    spread = {"spread_db": spreads(studies), "provenance": {"command": "make study"}}
    write_text(folder.parent / "spread.json", json.dumps(spread, indent=1) + "\n")
    write_text(folder / "summary.md", "\n".join(lines))
    result = json.dumps(state_of_the_art(studies), ensure_ascii=False)
    write_text(folder.parent / "state.json", f'{{\n"state-of-the-art": {result}\n}}\n')


def main() -> None:
    """Renew a folder."""
    parser = argparse.ArgumentParser(prog="python -m bwtheory.comparison.study", description=__doc__.partition(":")[0])
    parser.add_argument("folder", type=Path, help="with a NAME.json for each comparison")
    folder = parser.parse_args().folder
    if not any(folder.glob("*.json")):
        parser.error(f"{folder} is not a folder with a NAME.json for each comparison.")
    renew(folder)


if __name__ == "__main__":
    main()
