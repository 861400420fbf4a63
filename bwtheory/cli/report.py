"""``bwtheory report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from bwtheory import units
from bwtheory.cli.edge import BadInput, bad_input_is_a_sentence
from bwtheory.cli.paths import file_to_write, folder_at, importable_here
from bwtheory.report.folders import find, require_page
from bwtheory.signals import importing


def report_runs(
    runs: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN [RUN ...]")]],
    *,
    out: Path | None = None,
    trust: bool = False,
) -> int:
    """Make a page of runs that opens in any browser, without a network: pictures, errors, curves, seeds, settings.

    Args:
        runs: run folders, folders of them, or folders of compare and reproduce
        out: the HTML file; report.html in the first folder without it
        trust: run code that the runs' settings name, an activation or a physics of your own
    """
    if not runs:
        raise BadInput("A run is missing: a run folder, a folder of them, or one of compare or reproduce.")
    with bad_input_is_a_sentence(), importable_here([":"] if trust else []):
        folders = [folder_at(run) for run in runs]
        target = file_to_write(out) if out else folders[0] / "report.html"
        find(folders)
        require_page(target)
        with importing():
            from bwtheory.report.page import write_report

        file, size = write_report(folders, target, trust)
    print(f"{file}, {units.size(size)}")
    return 0
