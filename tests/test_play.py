"""The networks that travel in the package, and the notebook that plays with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bwtheory as bw
from bwtheory.tasks.images import load_image
from bwtheory.training.fitted import EXAMPLES

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "bwtheory" / "examples"
LARGEST = 150_000  # bytes of a network


def test_the_package_has_just_these_networks():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(EXAMPLES)
    for name in EXAMPLES:
        files = {path.name: path.stat().st_size for path in (FOLDER / name).iterdir() if path.name != ".lock"}
        assert set(files) == {"config.json", "metrics.jsonl", "summary.json", "weights.safetensors"}
        assert files["weights.safetensors"] < LARGEST
        text = "".join((FOLDER / name / file).read_text() for file in ("config.json", "summary.json"))
        assert "/home" not in text and "/work" not in text and "/tmp" not in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_network_is_the_image_that_its_summary_says(name, tmp_path, monkeypatch):
    """In any folder, and its PSNR is what was reported, up to the rounding of another processor's products."""
    monkeypatch.chdir(tmp_path)
    f = bw.load(name)
    truth = load_image(name, shrink=f.config.task_options["shrink"]).pixels
    squared = ((f.image() - truth) ** 2).mean()
    # float32 sums of 128 products: relative errors of 1e-5 of values of size 1 against a root mean squared error above 0.01
    assert -10 * np.log10(squared) == pytest.approx(f.summary["psnr"], abs=0.05) and f.summary["psnr"] > 27
    assert f.config.source == name and f.history[-1]["epoch"] == f.config.epochs
    assert f.image((16, 24)).shape == (16, 24, 3)


def test_a_folder_of_this_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coffee").mkdir()
    with pytest.raises(ValueError, match="no run directory"):
        bw.load("coffee")
    with pytest.raises(ValueError, match=r"no run folder 'cofee' \(did you mean coffee\?\); the networks of the package are"):
        bw.load("cofee")


def test_the_notebook_runs(monkeypatch, tmp_path):
    """Its cells in order, in an empty folder, as one session; links lead to documents."""
    import matplotlib

    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / "docs" / "play.ipynb").read_text(encoding="utf-8"))
    session: dict[str, object] = {}
    with matplotlib.rc_context({"backend": "agg"}):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"]).replace("steps=150", "steps=3")  # to be quick
                exec(compile(source, "play.ipynb", "exec"), session)
        import matplotlib.pyplot

        matplotlib.pyplot.close("all")
    text = "".join(line for cell in notebook["cells"] if cell["cell_type"] == "markdown" for line in cell["source"])
    for target in ("python.md", "choosing.md", "theory.md"):
        assert f"]({target})" in text and (ROOT / "docs" / target).is_file()
