"""The theory figures: one short script each, with a function ``draw() -> Figure``.  ``python -m figures`` draws all."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from bwtheory.options import nearest

NAMES = (
    "figure1_left",
    "figure1_right",
    "seven_relus",
    "condition_numbers",
    "gram_matrices",
    "spectra",
    "gershgorin",
    "beam",
    "wavelet_supports",
    "least_squares",
    "grid_and_between",
)


def draw(names: Sequence[str], out: Path) -> None:
    """Draw the named figures (all, if none is named) into ``out`` as PNG, PDF and SVG.

    Raises ValueError, before anything is drawn, for a name that is not in NAMES.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise ValueError(f"There is no figure {unknown[0]!r}{nearest(unknown[0], NAMES)}; there are {', '.join(NAMES)}.")
    from bwtheory.plots import in_style, save

    for name in names or NAMES:
        with in_style():
            figure = importlib.import_module(f"{__name__}.{name}").draw()
        for path in save(figure, out, name):
            print(path)
