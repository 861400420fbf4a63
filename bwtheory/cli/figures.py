"""``bwtheory figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from bwtheory.claims import find_checkout, find_evidence, import_evidence
from bwtheory.cli.edge import bad_input_is_a_sentence
from bwtheory.cli.paths import folder_to_write


def figures(
    names: tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="[NAME ...]")]] = (),
    *,
    out: Path | None = None,
) -> int:
    """Draw the theory figures as PNG, PDF and SVG: all of them, or those named.

    Args:
        names: figure names, as `python -m figures --list` prints them
        out: folder for the files; without it figures/out in a checkout, and ./figures elsewhere
    """
    drawing = import_evidence(find_evidence(), "figures")
    with bad_input_is_a_sentence():
        drawing.draw(names, folder_to_write(out) if out else _figures_folder())
    return 0


def _figures_folder() -> Path:
    """figures/out of the checkout, figures/ in the current folder outside of one."""
    try:
        return find_checkout() / "figures" / "out"
    except FileNotFoundError:
        return Path("figures")
