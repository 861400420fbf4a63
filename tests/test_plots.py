"""Figures leave matplotlib as the user has it, and are not as the user has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from bwtheory.plots import STYLE, canvas, in_style, save_png

CHECKOUT = Path(__file__).resolve().parents[1]


def test_the_style_is_ours_for_a_while_only(tmp_path):
    with matplotlib.rc_context({"text.usetex": True, "lines.linewidth": 9.0}):
        before = dict(matplotlib.rcParams)
        with in_style():
            assert not matplotlib.rcParams["text.usetex"] and matplotlib.rcParams["lines.linewidth"] == STYLE["lines.linewidth"]
            figure, axes = canvas(3, 2)
            axes.plot([0, 1], label=r"$\psi$")
            axes.legend()
        save_png(figure, tmp_path / "figure.png")  # drawn here, and LaTeX may not be installed
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("backend", ["", "svg", "module://not_installed.backend"])
def test_a_backend_is_neither_needed_nor_changed(backend, tmp_path):
    """In a command that a notebook starts MPLBACKEND names one that may not be installed."""
    code = (
        "import os, sys; from pathlib import Path; from bwtheory.plots import canvas, save\n"
        "figure, axes = canvas(2, 2); axes.plot([0, 1]); save(figure, Path(sys.argv[1]), 'figure')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "print(os.environ.get('MPLBACKEND'))\n"
        "if sys.argv[2]:\n import matplotlib.pyplot as plt; print(plt.get_backend())"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "MPLBACKEND": backend}
    known = backend if backend == "svg" else ""
    run = subprocess.run([sys.executable, "-c", code, tmp_path, known], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [backend, *([known] if known else [])]
    assert {path.name for path in tmp_path.iterdir()} == {"figure.png", "figure.pdf", "figure.svg"}
