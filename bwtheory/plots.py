"""What the figures share: one style that survives black-and-white print, and saving as PNG, PDF and SVG."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

# In a command that a notebook starts, MPLBACKEND may name a backend that is not installed: matplotlib refuses to be imported.
# Nothing here uses a backend: figures are written to files.
_backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
try:
    import matplotlib
finally:
    if _backend is not None:
        os.environ["MPLBACKEND"] = _backend
if _backend is not None:
    with suppress(ValueError):
        matplotlib.rcParams["backend"] = _backend  # for the user's plots

import matplotlib.style  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from bwtheory.files import write_atomically, write_bytes  # noqa: E402

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
    "svg.hashsalt": "bwtheory",  # names inside the file are the same each time
}


@contextmanager
def in_style() -> Iterator[None]:
    """The project's style for a while: matplotlib's defaults and ``STYLE``, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.style.use(["default", STYLE])
        yield


def canvas(width: float = 6.5, height: float = 4.0, **kwargs: Any) -> tuple[Figure, Any]:
    """A figure and its axes; sizes in inches, keywords as for ``matplotlib.figure.Figure.subplots``.  Draw ``in_style``.

    It is no window's and pyplot does not know it, so nothing has to be closed, and the user's backend stays what it is.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**kwargs)


def save(figure: Figure, out: Path, name: str) -> list[Path]:
    """Write ``out/name`` as .png, .pdf and .svg, without dates, so that equal figures are equal files; return the paths."""
    out.mkdir(parents=True, exist_ok=True)
    png, pdf, svg = (out / f"{name}.{kind}" for kind in ("png", "pdf", "svg"))
    first = _drawn(figure, "png", {"Software": None})
    second = _drawn(figure, "pdf", {"CreationDate": None, "Creator": None, "Producer": None})
    third = _drawn(figure, "svg", {"Date": None, "Creator": None})

    def write(file: BinaryIO) -> None:
        file.write(first)
        file.flush()
        write_bytes(pdf, second)  # before the first is renamed: on a full disk it stays as it was
        write_bytes(svg, third)

    write_atomically(png, write)
    return [png, pdf, svg]


def save_png(figure: Figure, path: Path) -> None:
    """Write one PNG."""
    write_bytes(path, _drawn(figure, "png", {"Software": None}))


def _drawn(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    content = BytesIO()
    with in_style():
        figure.savefig(content, format=kind, metadata=metadata)
    return content.getvalue()
