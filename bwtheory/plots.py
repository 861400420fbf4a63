"""What the figures share: one style that survives black-and-white print, and saving as PNG and PDF."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from bwtheory.files import write_bytes

# Embedding the fonts of a PDF reports their missing dates, once per font and figure.
logging.getLogger("fontTools").setLevel(logging.ERROR)

# Okabe and Ito's palette: told apart with any colour vision, and ordered by lightness in grey print.
BLACK, BLUE, VERMILION, GREEN, ORANGE, SKY = "#000000", "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9"

STYLE: dict[Any, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "mathtext.fontset": "cm",
    "pdf.fonttype": 42,
    "pdf.use14corefonts": False,
}


def canvas(width: float = 6.5, height: float = 4.0, **kwargs):
    """A figure and its axes in the project's style; sizes in inches, keywords as for ``matplotlib.pyplot.subplots``."""
    plt.rcParams.update(STYLE)
    return plt.subplots(figsize=(width, height), layout="constrained", **kwargs)


def save(figure: Figure, out: Path, name: str) -> list[Path]:
    """Write ``out/name.png`` and ``out/name.pdf``, without dates, so that equal figures are equal files; return the paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{name}.png", out / f"{name}.pdf"]
    _write(figure, paths[1], {"CreationDate": None, "Creator": None, "Producer": None})
    save_png(figure, paths[0])
    return paths


def save_png(figure: Figure, path: Path) -> None:
    """Write one PNG and close the figure."""
    _write(figure, path, {"Software": None})
    plt.close(figure)


def _write(figure: Figure, path: Path, metadata: dict[str, None]) -> None:
    content = BytesIO()
    figure.savefig(content, format=path.suffix[1:], metadata=metadata)
    write_bytes(path, content.getvalue())
