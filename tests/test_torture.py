"""The fuzz and fault harness in short, with a fixed seed; and that it finds what it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.examples import difference
from tests.torture.processes import Ended
from tests.torture.report import CRASH, HANG, KINDS_OF_FAULT, SENTENCE, TRACEBACK, Fault

CHECKOUT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
on_demand = pytest.mark.skipif(
    "BWTHEORY_TORTURE" not in os.environ, reason="minutes, and how much they try depends on the machine; .ci/run reports them"
)
WRITES_IN_PLACE = """
from pathlib import Path
import tests.torture.__main__  # one thread everywhere, before NumPy is there
from bwtheory import files
from tests.torture import disk

def in_place(target, write):
    with open(target, "wb") as file:
        write(file)

files.write_atomically.__code__ = in_place.__code__
print(sorted({fault.what for fault in disk.run(0, 12, 200).faults}))
"""


def run_python(words: list[str], timeout: float = 1200) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=CHECKOUT, capture_output=True, text=True, timeout=timeout)


@on_demand
def test_a_minute_of_torture_finds_nothing(tmp_path):
    done = run_python(["-m", "tests.torture", "--short", "--seed", "0", "--out", str(tmp_path / "figures.json")])
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["kinds"]
    assert len(kinds) == 7 and all(row["tried"] for row in kinds.values())


@on_demand
def test_it_finds_a_writer_that_is_not_atomic():
    done = run_python(["-c", WRITES_IN_PLACE])
    assert "lost" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("ended", "what"),
    [
        (Ended(0, "", ""), None),
        (Ended(2, "", "bwtheory: config.json says epochs = -5; it is >= 1.\n"), None),
        (Ended(2, "", "bwtheory: something is wrong somewhere.\n"), SENTENCE),
        (Ended(2, "", "config.json is bad\n"), SENTENCE),
        (Ended(2, "", ""), SENTENCE),
        (Ended(1, "", "bwtheory: config.json says epochs = -5.\n"), SENTENCE),
        (Ended(2, "", "Traceback (most recent call last):\nValueError: config.json\n"), TRACEBACK),
        (Ended(-signal.SIGABRT, "", ""), CRASH),
        (Ended(-signal.SIGXCPU, "", ""), HANG),
        (Ended(None, "", ""), HANG),
    ],
)
def test_how_a_command_may_end(ended, what):
    assert [fault.what for fault in ended.faults("case", names=("config.json",))] == ([what] if what else [])


def test_what_is_compared():
    right = {"a/metrics.jsonl": b"1", "a/summary.json": {"psnr": 1.0}}
    assert difference(right, right) == ""
    assert difference(right | {"a/metrics.jsonl": b"11"}, right) == "a/metrics.jsonl differs"
    assert difference(right | {"a/summary.json": {"psnr": 1.0, "x": 0}}, right) == "a/summary.json differs in x"
    assert difference({"a/metrics.jsonl": b"1"}, right) == "a/summary.json is missing"
    assert difference(right | {"a/.weights.partial": "left over"}, right) == "a/.weights.partial is too much"


def test_a_fault_is_of_a_known_sort_and_names_no_folders_of_this_machine():
    assert set(KINDS_OF_FAULT) >= {Fault(SENTENCE, "x").what}
    assert Fault(SENTENCE, "in /tmp/a.b/c/config.json").case == "in …/config.json"
    with pytest.raises(ValueError, match="A fault is one of"):
        Fault("odd", "x")
