"""The fuzz and fault harness in short, with a fixed seed; and that it finds what it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bwtheory.cli.commands import COMMANDS
from tests.torture import command_lines
from tests.torture.examples import difference
from tests.torture.kinds import KINDS, seconds_for
from tests.torture.processes import Ended
from tests.torture.report import CRASH, HANG, KINDS_OF_FAULT, SENTENCE, TRACEBACK, Fault

CHECKOUT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
on_demand = pytest.mark.skipif(
    "BWTHEORY_TORTURE" not in os.environ, reason="minutes, and how much they try depends on the machine; .ci/run tries them"
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


def test_a_warning_is_no_sentence():
    said = "UserWarning: something\nbwtheory: config.json says epochs = -5; it is >= 1.\n"
    assert [fault.what for fault in Ended(2, "", said).faults("case")] == [SENTENCE]


def test_time_that_a_kind_leaves_is_for_those_after_it():
    """Nobody is given more than there is, and the first gets more where what runs ends earlier."""
    names = list(KINDS)
    ends = time.monotonic() + 600
    first = seconds_for(names, [], ends)
    share = KINDS[names[0]].share / sum(kind.share for kind in KINDS.values())
    assert first == pytest.approx(2 * 600 * share, abs=1) and first <= 600
    rest = names[1:]
    late, early = (seconds_for(rest, [time.monotonic() + left], ends) for left in (first, 1.0))
    assert early > late and early <= 600 and seconds_for(rest[-1:], [], time.monotonic() - 1) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mount namespaces are Linux's")
def test_a_small_disk_ends_with_the_process_that_mounted_it(tmp_path):
    """Also with one that is killed; nobody else sees it."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from tests.torture.parents import mount_small_disk\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "print(mount_small_disk(folder, 2**20), os.path.ismount(folder), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = run_python(["-c", code, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL, done.stderr
    if not done.stdout.startswith(" True"):
        pytest.skip(f"no small disk here: {done.stdout}")
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text(encoding="utf-8")


def test_every_command_is_tried():
    assert {name for name in COMMANDS} <= set(command_lines.commands())


def test_a_fault_is_of_a_known_sort_and_names_no_folders_of_this_machine():
    assert set(KINDS_OF_FAULT) >= {Fault(SENTENCE, "x").what}
    assert Fault(SENTENCE, "in /tmp/a.b/c/config.json").case == "in …/config.json"
    with pytest.raises(ValueError, match="A fault is one of"):
        Fault("odd", "x")
