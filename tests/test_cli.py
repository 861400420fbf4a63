"""The command: exit statuses, one clear sentence for bad input, output that a program can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def bwtheory(*arguments: str, cwd: Path = CHECKOUT) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "140"}
    return subprocess.run(
        [sys.executable, "-m", "bwtheory", *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_one_claim():
    run = bwtheory("verify", "eq-44")
    assert run.returncode == 0, run.stderr
    assert "eq-44" in run.stdout and "holds" in run.stdout


def test_explain():
    run = bwtheory("verify", "eq-44", "--explain")
    assert run.returncode == 0
    for part in ("Printed.", "Scope.", "How it is checked.", "rejected", "Verdict: holds"):
        assert part in run.stdout


def test_json():
    rows = json.loads(bwtheory("verify", "eq-44", "--json").stdout)
    assert [(row["id"], row["verdict"], row["sound"]) for row in rows] == [("eq-44", "holds", True)]


def test_figure(tmp_path):
    run = bwtheory("figures", "figure1_left", "--out", str(tmp_path))
    assert run.returncode == 0, run.stderr
    assert {path.name for path in tmp_path.iterdir()} == {f"figure1_left.{kind}" for kind in ("png", "pdf", "svg")}
    assert (tmp_path / "figure1_left.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("verify", "eq-444"), "There is no claim 'eq-444'. Close to it: eq-44"),
        (("verify", "eq-44", "--write"), "leave out the ID"),
        (("figures", "figure99"), "There is no figure 'figure99'"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence):
    run = bwtheory(*arguments)
    assert run.returncode == 2
    assert sentence in run.stderr and "Traceback" not in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("nonsense",), ("verify", "--nonsense"), ()])
def test_unknown_arguments(arguments):
    run = bwtheory(*arguments)
    assert run.returncode == 2 and "Traceback" not in run.stderr


def test_outside_a_checkout_the_package_has_the_evidence(tmp_path):
    assert bwtheory("verify", "eq-44", cwd=tmp_path).returncode == 0
    assert bwtheory("figures", "wavelet_supports", cwd=tmp_path).returncode == 0
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"wavelet_supports.{kind}" for kind in ("png", "pdf", "svg")
    }


@pytest.mark.parametrize("option", ["--write", "--check"])
def test_the_page_needs_a_checkout(option, tmp_path):
    run = bwtheory("verify", option, cwd=tmp_path)
    assert run.returncode == 2
    assert "not inside a bwtheory checkout" in run.stderr and run.stderr.count("\n") == 1


def test_help_names_the_commands():
    run = bwtheory("--help")
    assert run.returncode == 0 and "verify" in run.stdout and "figures" in run.stdout
