"""Deliberate errors in the library, each of which the tests have to see; `make mutants` tries all of them.

    python -m tests.mutants [--only TEXT] [--processes N] [--write]

What the tests read is copied to a temporary folder.  The tests that are named in the table (tests/mutant_table.py) have to pass
there first.  Then one mutant after the other is put in, its tests run until the first failure, and it is taken out again.
Exit status: 0 if all are caught, 1 if one survives or something else is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue

from bwtheory.files import write_text
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


def run_tests(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Exit status of pytest in the copy, until the first failure, and the name of the test that failed."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", *tests]
    try:
        run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return 1, f"no end in {SECONDS} s"
    failed = [line.split(" - ")[0].removeprefix("FAILED ") for line in run.stdout.splitlines() if line.startswith("FAILED ")]
    return run.returncode, failed[0] if failed else run.stdout[-300:] if run.returncode else ""


def try_mutant(folder: Path, mutant: Mutant) -> Outcome:
    """Put one error into the copy, run its tests, and take it out again."""
    path = folder / mutant.file
    right = path.read_text(encoding="utf-8")
    path.write_text(mutated(right, mutant), encoding="utf-8")
    try:
        status, failed = run_tests(folder, mutant.tests)
    finally:
        path.write_text(right, encoding="utf-8")
    # 1: a test failed.  0: none did.  Anything else, such as a file that cannot be imported, says nothing about the tests.
    return Outcome(mutant, {0: SURVIVED, 1: CAUGHT}.get(status, BROKEN), failed)


def failing_without(copies: SimpleQueue[Path], chosen: Sequence[Mutant]) -> str:
    """The first test that fails without any mutant; empty if none does."""
    folder = copies.get()
    for test in sorted({test for mutant in chosen for test in mutant.tests}):
        status, failed = run_tests(folder, [test])
        if status:
            return failed
    copies.put(folder)
    return ""


def report(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The score with what it was taken from, for results/mutants.json."""
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True)
    return {
        "tried": len(outcomes),
        "caught": sum(one.result == CAUGHT for one in outcomes),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "mutants": [
            {"file": one.mutant.file, "error": one.mutant.what, "result": one.result, "by": one.by} for one in outcomes
        ],
    }


def table(made: dict[str, object]) -> str:
    """results/mutants.md: caught and tried by file, and what survived."""
    rows: list[dict[str, str]] = made["mutants"]  # type: ignore[assignment]
    tried, caught = Counter(row["file"] for row in rows), Counter(row["file"] for row in rows if row["result"] == CAUGHT)
    lines = [
        "# Deliberate errors",
        "",
        f"{made['caught']} of {made['tried']} are caught by the tests that should. "
        f"Written by `python -m tests.mutants --write` at commit {made['commit']}, Python {made['python']}.",
        "",
        "| file | tried | caught |",
        "|---|---|---|",
        *(f"| {file} | {tried[file]} | {caught[file]} |" for file in sorted(tried)),
    ]
    left = [f"- {row['file']}: {row['error']} ({row['result']})" for row in rows if row["result"] != CAUGHT]
    return "\n".join([*lines, *(["", "Not caught:", "", *left] if left else [])]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=1, help="how many mutants are tried at once")
    parser.add_argument("--only", default="", help="mutants whose file or description contains this text")
    parser.add_argument(
        "--write", action="store_true", help="write results/mutants.json and results/mutants.md, of all mutants"
    )
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("--write is about all mutants; leave out --only.")
    if options.processes < 1:
        parser.error(f"Mutants are tried by at least one process; got {options.processes}.")
    chosen = [m for m in MUTANTS if options.only in m.file or options.only in m.what]
    if not chosen:
        parser.error(f"No mutant has {options.only!r} in its file or description.")
    with tempfile.TemporaryDirectory() as name:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.processes):
            copies.put(Path(name).resolve() / str(number))
            copy_checkout(Path(name).resolve() / str(number))
        if failed := failing_without(copies, chosen):
            print(f"The tests do not pass without a mutant: {failed}", file=sys.stderr)
            return 1

        def in_a_copy(mutant: Mutant) -> Outcome:
            folder = copies.get()
            outcome = try_mutant(folder, mutant)
            copies.put(folder)
            print(f"{outcome.result}: {mutant.file}: {mutant.what}: {outcome.by}", flush=True)
            return outcome

        with ThreadPoolExecutor(options.processes) as pool:
            outcomes = list(pool.map(in_a_copy, chosen))
    made = report(outcomes)
    print(f"{made['caught']} of {made['tried']} deliberate errors are caught.")
    if options.write:
        write_text(CHECKOUT / "results" / "mutants.json", json.dumps(made, indent=1) + "\n")
        write_text(CHECKOUT / "results" / "mutants.md", table(made))
    return int(made["caught"] != made["tried"])


if __name__ == "__main__":
    sys.exit(main())
