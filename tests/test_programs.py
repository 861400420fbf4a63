"""The programs beside the command `bwtheory`: each shows its help for --help and refuses unknown flags."""

from __future__ import annotations

import ast
import contextlib
import io
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "bwtheory", "docs", "figures", "proofs", "tests", "verify")
AS_MODULES = ("bwtheory", "figures", "tests")  # python -m tests.mutants; the others as files


def is_program(path: Path) -> bool:
    """Whether a file is there to be run."""
    if path.name == "__main__.py":
        return True
    return any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )


PROGRAMS = [
    path.relative_to(ROOT)
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if is_program(path) and path.relative_to(ROOT) != Path("bwtheory/__main__.py")  # tests/test_help.py
]
SCRIPTS = [path.relative_to(ROOT) for path in (ROOT / ".ci" / "run", *sorted(ROOT.glob("tests/*.sh"))) if path.is_file()]


def files() -> dict[Path, tuple[int, int]]:
    """Size and time of each file in the folders of the repository."""
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts)
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found if path.is_file()}


def run(program: Path, word: str) -> tuple[int, str]:
    """Exit status and output of a program that gets one word, in this process: most import torch."""
    output = io.StringIO()
    arguments, sys.argv = sys.argv, [str(program), word]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), pytest.raises(SystemExit) as end:
            if program.parts[0] in AS_MODULES:
                module = ".".join(program.with_suffix("").parts).removesuffix(".__main__")
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(str(ROOT / program), run_name="__main__")
    finally:
        sys.argv = arguments
    return end.value.code or 0, output.getvalue()


@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")  # imported by other tests
@pytest.mark.parametrize("program", PROGRAMS, ids=Path.as_posix)
def test_help_is_shown_and_nothing_is_written(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    before = files()
    status, output = run(program, "--help")
    assert status == 0 and output.lower().startswith("usage: ")
    if program != Path("verify/check.py"):  # which has no flags: this is a file that does not exist
        status, output = run(program, "--no-such-flag")
        assert status == 2 and output.startswith("usage: ")
    assert files() == before and not list(tmp_path.iterdir())


@pytest.mark.parametrize("word", ["--help", "--no-such-flag"])
@pytest.mark.parametrize("script", SCRIPTS, ids=Path.as_posix)
def test_scripts_of_the_shell_say_how_they_are_called(script, word, tmp_path):
    answer = subprocess.run(["bash", str(ROOT / script), word], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2 and answer.stderr.startswith("usage: ") and not answer.stdout
    assert not list(tmp_path.iterdir())


def test_programs_are_found():
    assert {Path("docs/architecture.py"), Path("tests/mutants.py"), Path("figures/__main__.py")} <= set(PROGRAMS)
    assert not is_program(ROOT / "bwtheory" / "wavelet.py")
