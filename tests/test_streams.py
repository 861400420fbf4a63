"""The command line where output is no terminal that takes everything: pipes, encodings, no console, notebooks, odd names."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bwtheory import cli

CHECKOUT = Path(__file__).resolve().parents[1]
TINY = ("--epochs", "2", "--hidden-features", "8", "--hidden-layers", "1", "--device", "cpu", "--out", "runs")


def run(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"} | settings
    return subprocess.run([sys.executable, "-m", "bwtheory", *words], cwd=cwd, env=environment, capture_output=True)


@pytest.fixture
def folder(tmp_path):
    Image.new("L", (8, 8), 100).save(tmp_path / "grün.png")
    return tmp_path


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
@pytest.mark.parametrize("more", [[], ["--explain"], ["--json"]])
def test_what_an_encoding_does_not_have_is_spelt(encoding, more, folder):
    done = run("verify", "eq-44", *more, cwd=folder, PYTHONIOENCODING=encoding)
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    said = done.stdout.decode(encoding)
    assert "eq-44" in said and "5/162" in said
    if more == ["--json"]:
        assert json.loads(said)[0]["id"] == "eq-44"


def test_names_that_an_encoding_does_not_have(folder):
    done = run("train", "signal", "--image", "grün.png", *TINY, cwd=folder, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b"gr\\xfcn-signal-bw-relu-seed40" in done.stdout
    assert (folder / "runs" / "grün-signal-bw-relu-seed40" / "summary.json").is_file()


def test_a_reader_that_leaves_stops_no_work(folder):
    """Four seeds into ``head -1``: all four are trained, and the status is theirs."""
    words = [sys.executable, "-m", "bwtheory", "train", "signal", "--image", "grün.png", "--seeds", "4", *TINY]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()
    assert process.returncode == 0 and b"Traceback" not in complaints
    assert len(list(folder.glob("runs/*/summary.json"))) == 4


class NoTerminal:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("stream", [None, NoTerminal(), io.StringIO()])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_streams_that_are_missing_or_are_no_files(stream, name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, name, stream)
    status = cli.main(["train", "signal", "--image", "grün.png", *TINY])
    refused = cli.main(["train", "signal", "--image", "nowhere.png", *TINY])
    monkeypatch.undo()
    assert (status, refused) == (0, 2)
    assert getattr(sys, name) is not stream


def test_a_full_disk_behind_stdout_is_said(folder):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    words = [sys.executable, "-m", "bwtheory", "verify", "eq-44"]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(words, cwd=folder, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Not all of the output was written" in done.stderr


UNIVARIATE = ("train", "univariate", "--target", "sines", *TINY)


@pytest.mark.parametrize(
    "settings",
    [
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},  # of a notebook, in an environment without it
        {"MPLBACKEND": "nonsense"},
        {"PYTHONWARNINGS": "error"},
        {"LC_ALL": "C", "LANG": "C"},
        {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "20"},
        {"HOME": "/nonexistent", "NUMBA_CACHE_DIR": "/nonexistent", "MPLCONFIGDIR": "/nonexistent"},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_settings_of_the_surroundings(settings, tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")  # without LaTeX
    done = run(*UNIVARIATE, cwd=tmp_path, **settings)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert list(tmp_path.glob("runs/*/summary.json"))


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that is in use cannot be removed there")
def test_a_current_folder_that_has_been_deleted(tmp_path):
    """MKL would end the process, as it looks for its libraries from the current folder."""
    words = f"mkdir gone && cd gone && rmdir ../gone && {shlex.quote(sys.executable)} -m bwtheory"
    options = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(CHECKOUT)}, "capture_output": True, "text": True}
    for command, status in (("--help", 0), ("train signal --image camera --epochs 1", 2)):
        child = subprocess.run(f"{words} {command}", shell=True, check=False, **options)
        assert child.returncode == status
    assert child.stderr.count("\n") == 1 and child.stderr.startswith("bwtheory: The current folder cannot be used")


def test_without_docstrings_a_sentence_says_so(tmp_path):
    """Or it works, with libraries that do without docstrings."""
    done = run(*UNIVARIATE, cwd=tmp_path, PYTHONOPTIMIZE="2")
    refused = done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"-OO" in done.stderr
    assert refused or (done.returncode, done.stderr) == (0, b""), done.stderr


def test_the_users_backend_and_style_stay():
    code = (
        "import matplotlib; matplotlib.use('svg'); before = dict(matplotlib.rcParams)\n"
        "from bwtheory.plots import canvas, in_style\n"
        "with in_style(): canvas()\n"
        "assert matplotlib.get_backend() == 'svg' and dict(matplotlib.rcParams) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(CHECKOUT)})


@pytest.mark.parametrize("name", ["numpy", "torch", "signal", "queue", "random"])
def test_a_module_of_the_current_folder_shadows_nothing(name, folder):
    (folder / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    done = run("verify", "eq-44", cwd=folder)
    assert done.returncode == 0, done.stderr
    done = run("train", "signal", "--image", "grün.png", "--activation", "own:Tanh", *TINY, cwd=folder)
    assert done.returncode == 2 and b"wrong module" not in done.stderr  # there is no such module


@pytest.mark.parametrize("name", ["a b.png", "line\nfeed.png", "~odd.png", "-dash.png"])
def test_odd_names(name, folder):
    (folder / "grün.png").rename(folder / name)
    done = run("train", "signal", f"--image=./{name}", *TINY, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("runs/*/summary.json"))) == 1


def test_a_home_folder_is_found(folder):
    done = run("train", "signal", "--image", "~/grün.png", *TINY, cwd=folder, HOME=str(folder))
    assert done.returncode == 0, done.stderr
