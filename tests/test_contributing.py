"""CONTRIBUTING.md, done: an activation, a task and a claim are added to a copy of the checkout as it says, and used there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PARTS = ("bwtheory", "verify", "proofs", "results")
BLOCKS = re.findall(r"```\w+\n# (file|row|entry) (\S+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def checkout(tmp_path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    for part in PARTS:
        shutil.copytree(CHECKOUT / part, tmp_path / "checkout" / part, ignore=ignored)
    return tmp_path / "checkout"


def add(checkout: Path, about: str) -> set[str]:
    """Write the blocks of a section of the page; returns which files of the copy have changed."""
    section = PAGE.partition(f"\n## {about}\n")[2].partition("\n## ")[0]
    for kind, name, text in re.findall(r"```\w+\n# (file|row|entry) (\S+)\n(.*?)```", section, re.DOTALL):
        path = checkout / ("bwtheory/catalogue.py" if kind == "row" else name)
        if kind == "file":
            assert not path.exists()
            path.write_text(text, encoding="utf-8")
        elif kind == "entry":
            path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")
        else:
            head, mark, table = path.read_text(encoding="utf-8").partition(f"\n{name}: dict[")
            rows, end, tail = table.partition("\n}\n")
            assert mark and end and text.count("\n") == 1
            path.write_text(f"{head}{mark}{rows}\n{text.rstrip()}{end}{tail}", encoding="utf-8")
    files = {p.relative_to(checkout) for part in PARTS for p in (checkout / part).rglob("*") if p.is_file()}
    before = {p: CHECKOUT / p for p in files}
    return {str(p) for p in files if not before[p].is_file() or (checkout / p).read_bytes() != before[p].read_bytes()}


def run(checkout: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *words], cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_has_one_of_each():
    assert [(kind, name) for kind, name, _ in BLOCKS] == [
        ("file", "bwtheory/nn/triangle.py"),
        ("row", "ACTIVATIONS"),
        ("file", "bwtheory/tasks/negative.py"),
        ("row", "TASKS"),
        ("entry", "verify/claims.toml"),
        ("file", "verify/test_sum.py"),
    ]


def test_an_activation_is_one_file_and_one_row(checkout):
    assert add(checkout, "An activation") == {"bwtheory/nn/triangle.py", "bwtheory/catalogue.py"}
    sizes = ["--hidden-features", "8", "--epochs", "3", "--device", "cpu", "--shrink", "16", "--out", "runs"]
    words = ["train", "signal", "--image", "camera", "--activation", "triangle", "--option", "a=3", *sizes]
    run(checkout, "-m", "bwtheory", *words)
    (folder,) = (checkout / "runs").iterdir()
    config, summary = (json.loads((folder / f"{name}.json").read_text()) for name in ("config", "summary"))
    assert config["options"] == {"a": 3} and config["lr"] == 2e-3  # the row's
    assert summary["kernel"] == "explicit"  # by its derivative, without autograd
    code = (
        "import numpy as np, torch, bwtheory as bw; from bwtheory.nn import ACTIVATIONS, INR; "
        "assert 'triangle' in ACTIVATIONS and len(ACTIVATIONS) == 9; "
        "f = bw.fit(np.eye(9), 'triangle', a=4.0, steps=3, hidden_features=5); print(f.network.activation)"
    )
    assert "Triangle(a=4.0)" in run(checkout, "-c", code)
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    wrong = [sys.executable, "-m", "bwtheory", "train", "signal", "--image", "camera", "--activation", "triangel"]
    refused = subprocess.run(wrong, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "did you mean triangle?" in refused.stderr


def test_a_task_is_one_file_and_one_row(checkout):
    assert add(checkout, "A task") == {"bwtheory/tasks/negative.py", "bwtheory/catalogue.py"}
    sizes = ["--hidden-features", "8", "--epochs", "3", "--device", "cpu", "--shrink", "16", "--out", "runs"]
    run(checkout, "-m", "bwtheory", "train", "negative", "--image", "camera", "--task-option", "strength=0.5", *sizes)
    (folder,) = (checkout / "runs").iterdir()
    config = json.loads((folder / "config.json").read_text())
    assert config["task"] == "negative" and config["task_options"] == {"shrink": 16, "strength": 0.5}
    run(checkout, "-m", "bwtheory", "train", "--resume", str(folder), "--epochs", "5")
    run(checkout, "-m", "bwtheory", "render", str(folder), "--size", "20x20")
    code = (
        "import bwtheory as bw; f = bw.fit('camera', task='negative', strength=0.5, shrink=16, steps=3, device='cpu'); "
        "print(f.config.hidden_features, f.shape)"
    )
    assert run(checkout, "-c", code).strip() == "64 (32, 32)"
    wrong = "import bwtheory as bw; bw.fit('camera', task='negative', strength=2)"
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    refused = subprocess.run([sys.executable, "-c", wrong], cwd=checkout, env=environment, capture_output=True, text=True)
    assert "A negative has a strength in [0, 1]; got 2." in refused.stderr


def test_a_claim_is_one_file_and_its_entry(checkout):
    assert add(checkout, "A claim") == {"verify/claims.toml", "verify/test_sum.py"}
    (row,) = json.loads(run(checkout, "-m", "bwtheory", "verify", "my-sum", "--json"))
    assert row["verdict"] == "holds" and row["sound"]
    entry = checkout / "verify" / "claims.toml"
    text = entry.read_text(encoding="utf-8")
    entry.write_text(text.replace("{ numerator = 1, denominator = 2 }", "{ numerator = 3, denominator = 4 }"), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    words = [sys.executable, "-m", "bwtheory", "verify", "my-sum", "--json"]
    wrong = subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1 and json.loads(wrong.stdout)[0]["verdict"] == "fails"
