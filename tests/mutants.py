"""Deliberate errors in the library, each of which the tests have to see; `make mutants` tries all of them.

    python -m tests.mutants [--only TEXT ...] [--processes N] [--write]

What the tests read is copied to a temporary folder.  The tests that are named in the table (tests/mutant_table.py) have to pass
there first.  Then one mutant after the other is put in, its tests run until the first failure, and it is taken out again.
Exit status: 0 if all are caught, 1 if one survives or something else is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.mutant_table import MUTANTS, Mutant

CHECKOUT = Path(__file__).resolve().parents[1]
SECONDS = 600  # a mutant that makes tests hang is caught, too
LIBRARIES = ("numpy", "scipy", "sympy", "python-flint", "torch", "pytest")
COPIED = (
    "bwtheory",
    "verify",
    "tests",
    "figures",
    "results",
    "proofs",
    "docs",
    "pyproject.toml",
    "paper_checks.md",
    "README.md",
)
Row = dict[str, str]
PRELOADED = ("flint", "hypothesis", "numpy", "scipy.linalg", "scipy.stats", "sympy", "torch")
OUTPUT = "output-of-the-tests"
CAUGHT, SURVIVED, BROKEN = "caught", "survived", "broken"


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant, and the test that failed first."""

    mutant: Mutant
    result: str
    by: str = ""


def mutated(text: str, mutant: Mutant) -> str:
    """The file's text with the error in it; ValueError unless the old text occurs exactly once."""
    if (count := text.count(mutant.old)) != 1:
        raise ValueError(f"{mutant.file} has {count} places with {mutant.old!r}; the mutant {mutant.what!r} needs one.")
    return text.replace(mutant.old, mutant.new)


def copy_checkout(target: Path) -> None:
    """What the tests read, as it is now."""
    for name in COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "out", "*.vo*", "*.glob"))
        else:
            shutil.copy(source, target / name)


def run_tests(folder: Path, tests: Sequence[str]) -> None:
    """Run pytest in a copy, until the first failure, and end this process with its status; what it prints goes to a file.

    Called in a process that has been forked from one with the libraries, and nothing of this repository, in its memory: their
    imports take most of the time of a small test.
    """
    sys.stdout = sys.stderr = (folder / OUTPUT).open("w", encoding="utf-8")
    for stream in (1, 2):
        os.dup2(sys.stdout.fileno(), stream)
    for name in [name for name in sys.modules if name.split(".")[0] in ("bwtheory", "tests", "verify")]:
        del sys.modules[name]
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder)  # of the processes that tests start
    sys.path[:] = [str(folder), *(path for path in sys.path if path and Path(path).resolve() != CHECKOUT)]
    sys.dont_write_bytecode = True
    status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=no", *tests])
    sys.stdout.flush()
    os._exit(int(status))


@dataclass
class Run:
    """Tests that run in a copy, for a mutant or for none."""

    folder: Path
    tests: Sequence[str]
    mutant: Mutant | None = None

    def start(self) -> None:
        """Put the mutant in, and start the tests."""
        if self.mutant is not None:
            self.path = self.folder / self.mutant.file
            self.right = self.path.read_text(encoding="utf-8")
            self.path.write_text(mutated(self.right, self.mutant), encoding="utf-8")
        self.process = get_context("fork").Process(target=run_tests, args=(self.folder, self.tests))
        self.process.start()
        self.end = time.monotonic() + SECONDS

    def outcome(self) -> tuple[int, str] | None:
        """Exit status and the test that failed first, once there is one; the mutant is taken out again."""
        hangs = time.monotonic() > self.end
        if self.process.is_alive() and not hangs:
            return None
        if hangs:
            self.process.kill()
        self.process.join()
        if self.mutant is not None:
            self.path.write_text(self.right, encoding="utf-8")
        if hangs:
            return 1, f"no end in {SECONDS} s"
        printed = (self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
        failed = [line.split(" - ")[0].removeprefix("FAILED ") for line in printed.splitlines() if line.startswith("FAILED ")]
        status = self.process.exitcode
        assert status is not None
        return status, failed[0] if failed else printed[-300:] if status else ""


def run_all(
    folders: Sequence[Path],
    jobs: Sequence[tuple[Sequence[str], Mutant | None]],
    finished: Callable[[Mutant | None, int, str], None],
) -> None:
    """Run all jobs, one at a time in each copy of the checkout, and report each as it ends."""
    waiting, free, running = list(jobs), list(folders), list[Run]()
    while waiting or running:
        while waiting and free:
            tests, mutant = waiting.pop(0)
            running.append(Run(free.pop(), tests, mutant))
            running[-1].start()
        for run in list(running):
            if (answer := run.outcome()) is not None:
                running.remove(run)
                free.append(run.folder)
                finished(run.mutant, *answer)
        time.sleep(0.05)


def try_mutants(
    folders: Sequence[Path], mutants: Sequence[Mutant], after: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """What becomes of each of the mutants, in their order; ``after`` is told of each as it ends."""
    outcomes: dict[Mutant, Outcome] = {}

    def finished(mutant: Mutant | None, status: int, failed: str) -> None:
        assert mutant is not None
        # 1: a test failed.  0: none did.  Anything else, such as a file that cannot be imported, says nothing about the tests.
        outcomes[mutant] = Outcome(mutant, {0: SURVIVED, 1: CAUGHT}.get(status, BROKEN), failed)
        print(f"{outcomes[mutant].result}: {mutant.file}: {mutant.what}: {failed}", flush=True)
        after(outcomes[mutant])

    run_all(folders, [(mutant.tests, mutant) for mutant in mutants], finished)
    return [outcomes[mutant] for mutant in mutants]


def failures_without(folders: Sequence[Path], tests: Sequence[str]) -> list[str]:
    """The tests that fail without any mutant."""
    failures: list[str] = []
    run_all(folders, [([test], None) for test in tests], lambda _, status, failed: failures.extend([failed] if status else []))
    return failures


def updated(earlier: Sequence[Row], outcomes: Sequence[Outcome], commit: str) -> list[Row]:
    """A row for each mutant of the table that has been tried, now or before, with the commit that it was tried at."""
    rows = {(row["file"], row["error"]): row for row in earlier}
    for one in outcomes:
        rows[one.mutant.file, one.mutant.what] = {
            "file": one.mutant.file,
            "error": one.mutant.what,
            "result": one.result,
            "by": one.by,
            "commit": commit,
            "python": platform.python_version(),
        }
    keys = [(mutant.file, mutant.what) for mutant in MUTANTS]
    return [rows[key] for key in keys if key in rows]


def report(rows: Sequence[Row]) -> dict[str, object]:
    """results/mutants.json: the score, and every row."""
    return {
        "in the table": len(MUTANTS),
        "tried": len(rows),
        "caught": sum(row["result"] == CAUGHT for row in rows),
        "versions": {name: version(name) for name in LIBRARIES},
        "mutants": rows,
    }


def table(rows: Sequence[Row]) -> str:
    """results/mutants.md: caught and tried by file, and what survived."""
    tried, caught = Counter(row["file"] for row in rows), Counter(row["file"] for row in rows if row["result"] == CAUGHT)
    commits = ", ".join(sorted({row["commit"] for row in rows}))
    lines = [
        "# Deliberate errors",
        "",
        f"{caught.total()} of {len(rows)} are caught by the tests that should, of {len(MUTANTS)} in the table. "
        f"Written by `python -m tests.mutants --write`; tried at {commits}, Python {rows[0]['python']}.",
        "",
        "| file | tried | caught |",
        "|---|---|---|",
        *(f"| {file} | {tried[file]} | {caught[file]} |" for file in sorted(tried)),
    ]
    left = [f"- {row['file']}: {row['error']} ({row['result']})" for row in rows if row["result"] != CAUGHT]
    return "\n".join([*lines, *(["", "Not caught:", "", *left] if left else [])]) + "\n"


def write(outcomes: Sequence[Outcome], commit: str, folder: Path = CHECKOUT / "results") -> None:
    """Put the outcomes into results/mutants.json and results/mutants.md; rows of other mutants stay."""
    from bwtheory.files import write_text  # not before: the tests of a mutant import their copy

    target = folder / "mutants.json"
    earlier = json.loads(target.read_text(encoding="utf-8"))["mutants"] if target.is_file() else []
    rows = updated(earlier, outcomes, commit)
    write_text(target, json.dumps(report(rows), indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "mutants.md", table(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=1, help="how many mutants are tried at once")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="TEXT", help="mutants with one of these in file or description"
    )
    parser.add_argument("--write", action="store_true", help="put what was tried into results/mutants.json and .md")
    options = parser.parse_args(arguments)
    if options.processes < 1:
        parser.error(f"Mutants are tried by at least one process; got {options.processes}.")
    chosen = [mutant for mutant in MUTANTS if any(text in f"{mutant.file}: {mutant.what}" for text in options.only)]
    if not chosen:
        parser.error(f"No mutant has {', '.join(options.only)} in its file or description.")
    head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True)
    for library in PRELOADED:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name).resolve() / str(number) for number in range(options.processes)]
        for folder in folders:
            copy_checkout(folder)
        if failures := failures_without(folders, sorted({test for mutant in chosen for test in mutant.tests})):
            print(f"Tests do not pass without a mutant: {', '.join(failures)}", file=sys.stderr)
            return 1
        kept = (lambda outcome: write([outcome], head.stdout.strip())) if options.write else (lambda outcome: None)
        outcomes = try_mutants(folders, chosen, kept)
    caught = sum(one.result == CAUGHT for one in outcomes)
    print(f"{caught} of {len(outcomes)} deliberate errors are caught.")
    return int(caught != len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
