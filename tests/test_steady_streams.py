"""``bwtheory.streams`` by itself: what an encoding lacks, streams that are hardly any, descriptors that are closed."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bwtheory import cli
from bwtheory.streams import SPELT, SteadyStream

CHECKOUT = Path(__file__).resolve().parents[1]
SMALL = ["--epochs", "1", "--hidden-features", "5", "--hidden-layers", "1", "--device", "cpu"]


class Bare:
    """A stream that can do nothing but write."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        self.texts.append(text)
        return len(text)


@pytest.fixture
def picture(tmp_path) -> str:
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "grün.png")
    return str(tmp_path / "grün.png")


@pytest.mark.parametrize(
    "text, spelt",
    [
        ("κ ≤ 9/4, ψ″ = 0", "kappa <= 9/4, psi'' = 0"),
        ("C₁ − 2⁻³ Σ", "C_1 - 2^-3 Sigma"),
        ("│ ─ ╭ ┼ ━ ┃", "| - + + - |"),
        ("grün\udcff", "gr\\xfcn\\udcff"),  # letters of names are escaped: two names must not become one
        ("plain", "plain"),
    ],
)
def test_what_ascii_does_not_have_is_spelt(text, spelt):
    assert text.encode("ascii", SPELT).decode("ascii") == spelt


@pytest.mark.parametrize("encoding, written", [("ascii", "gr\\xfcn ->"), ("latin-1", "grün ->"), ("utf-8", "grün →")])
def test_a_stream_spells_no_more_than_its_encoding_lacks(encoding, written):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    steady = SteadyStream(stream)
    steady.write("grün →")
    steady.flush()
    assert raw.getvalue().decode(encoding) == written and steady.error is None


def test_letters_that_are_no_text_go_to_utf8_too():
    """A name of a file that is not UTF-8 has surrogates in Python, which a strict UTF-8 stream refuses."""
    raw = io.BytesIO()
    steady = SteadyStream(io.TextIOWrapper(raw, encoding="utf-8"))
    steady.write("\udcff.png")
    steady.flush()
    assert raw.getvalue() == b"\\udcff.png"


def test_a_stream_without_an_encoding_that_has_one():
    class Ascii(Bare):
        def write(self, text: str) -> int:
            text.encode("ascii")
            return super().write(text)

    stream = Ascii()
    SteadyStream(stream).write("κ")
    assert stream.texts == ["kappa"]


@pytest.mark.parametrize("kind", ["none", "bare", "closed"])
def test_streams_that_are_hardly_any(kind, picture, tmp_path, monkeypatch):
    """A program without a console, or with a stream of its own; work is done, and the streams are theirs again after it."""
    closed = io.StringIO()
    closed.close()
    stream = {"none": None, "bare": Bare(), "closed": closed}[kind]
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    statuses = [
        cli.main(["train", "signal", "--image", picture, *SMALL, "--out", str(tmp_path / "runs")]),
        cli.main(["train", "--help"]),
        cli.main(["nonsense"]),
    ]
    assert statuses == [0, 0, 2] and sys.stdout is stream and sys.stderr is stream
    assert len(list((tmp_path / "runs").glob("*/summary.json"))) == 1
    if kind == "bare":
        assert "psnr" in "".join(stream.texts) and "no command 'nonsense'" in "".join(stream.texts)


def run_in_shell(line: str, encoding: str = "utf-8", **more: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "PYTHON": sys.executable, **more}
    return subprocess.run(["bash", "-c", line], cwd=CHECKOUT, env=environment, capture_output=True, encoding=encoding)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirections")
@pytest.mark.parametrize(
    "redirection, status",
    [("| true; exit ${PIPESTATUS[0]}", 0), (">&-", 0), ("2>&-", 0), (">&- 2>&- <&-", 0), ("> /dev/full", 2)],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_the_status_is_that_of_the_work(redirection, status, unbuffered):
    """A reader that leaves is no failed check; a disk that is full is said."""
    if "/dev/full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    run = run_in_shell(f'"$PYTHON" -m bwtheory verify eq-44 {redirection}', PYTHONUNBUFFERED=unbuffered)
    assert run.returncode == status, run.stderr
    assert "Traceback" not in run.stderr and "Exception" not in run.stderr
    assert ("Not all of the output was written: No space left" in run.stderr) == (status == 2)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirections")
def test_bad_input_is_bad_input_whoever_reads():
    """Bad input keeps its status although nobody reads the sentence."""
    assert run_in_shell('"$PYTHON" -m bwtheory verify eq-444 2>&-').returncode == 2


def test_a_name_with_a_line_break_is_one_line(tmp_path, capsys):
    assert cli.main(["train", "signal", "--resume", str(tmp_path / "two\nlines\x1b[31m")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "two\\nlines\\x1b" in error


class Impatient(io.StringIO):
    """A stream whose reader does not read, and whose writer is asked to stop meanwhile."""

    def flush(self):
        raise KeyboardInterrupt


def test_ctrl_c_while_the_last_output_waits_is_no_traceback(monkeypatch):
    stream = Impatient()
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["verify", "eq-44", "--json"]) == 130
    assert sys.stdout is stream


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_at_the_end_of_a_command_is_no_traceback(times):
    """Once, or again while the first one is answered."""
    code = (
        "import signal, sys, bwtheory.cli\n"
        f"strikes = iter([signal.SIGINT] * {times})\n"
        "class Stream:\n"
        "    def write(self, text): return len(text)\n"
        "    def flush(self):\n"
        "        for number in strikes: signal.raise_signal(number)\n"
        "sys.stdout, sys.argv = Stream(), ['bwtheory', 'verify', 'eq-44']\n"
        "from bwtheory.__main__ import run\n"
        "run()\n"
    )
    ended = run_in_shell(f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}")
    assert ended.returncode == 130 and ended.stderr == ""
