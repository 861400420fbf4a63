"""The race: a small one runs, goes on where it was, and its table says who was where first."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

RACE = Path(__file__).resolve().parents[1] / "benchmarks" / "race.py"


@pytest.fixture(scope="module")
def race():
    spec = importlib.util.spec_from_file_location("race", RACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*ends: list[float], reached: bool) -> dict[str, object]:
    return {"reached": reached, "rows": [list(end) for end in ends]}


def test_a_small_race(tmp_path):
    command = [sys.executable, str(RACE), "--quick", "--loop-steps", "1", "--out", str(tmp_path)]
    command += ["--recipes", "paper", "fast", "torch"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / "race.json").read_text())
    assert done.stdout == (tmp_path / "race.md").read_text() + "\n" and (tmp_path / "race.png").stat().st_size
    assert set(found["runs"]) == {"paper", "fast"} and found["loops"]["torch"]["step"] > 0
    for name in ("paper", "fast"):
        (ended,) = found["runs"][name].values()
        epochs, seconds, scores = zip(*ended["rows"])
        assert list(epochs) == sorted(set(epochs)) and list(seconds) == sorted(seconds)
        assert ended["reached"] and scores[-1] >= 20 and max(scores[:-1]) < 20  # it ends at the goal
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/outcome.json")}
    subprocess.run(command, capture_output=True, text=True, check=True)
    reported = subprocess.run([*command, "siren", "--report"], capture_output=True, text=True, check=True)
    assert reported.stdout == done.stdout  # siren has not run
    assert len(before) == 3 and before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/outcome.json")}


def test_the_table_says_more_than_only_where_that_is_known(race):
    found = {"psnr": 100.0, "image": "camera", "loops": {"torch": {"step": 1.0, "before": 3.0}}}
    found["runs"] = {
        "paper": {
            "40": run([0, 0.0, 10.0], [100, 50.0, 101.0], reached=True),
            "41": run([1000, 500.0, 90.0], reached=False),
        },
        "fast": {
            "40": run([80, 10.0, 102.0], reached=True),
            "41": run([80, 20.0, 102.0], reached=True),
            "42": run([300, 90.0, 99.0], reached=False),
        },
        "siren, fast": {"41": run([300, 90.0, 99.0], reached=False)},
    }
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in race.table(found).splitlines() if "|" in line]
    assert ["fast", "40", "yes", "80", "102.0", "5.0"] in rows and ["fast", "41", "yes", "80", "102.0", "> 25.0"] in rows
    assert ["fast", "42", "no", "300", "99.0", ""] in rows and ["siren, fast", "41", "no", "300", "99.0", "not reached"] in rows
    assert ["**paper**", "all", "1 of 2", "", "", ""] in rows and ["**fast**", "all", "2 of 3", "", "", "5.0 to > 25.0"] in rows
    assert ["torch", "2.0", "3.0"] in rows  # its step, by 0.5 s
