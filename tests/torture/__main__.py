"""Run the harness: ``python -m tests.torture``, or ``make torture``.  Exit status 0 if nothing is wrong, 1 otherwise.

With ``--write`` the figures go to results/torture.json, and the table of docs/reliability.md is made of them and of
results/torture-before.json, which the same command has written of version 0.1.0.  ``--table`` makes the table again, of a
results/torture.json that was written elsewhere, and tries nothing.
"""

from __future__ import annotations

import os

os.environ |= {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}  # before NumPy is there
os.environ["MPLBACKEND"] = "agg"

import argparse
import importlib
import json
import platform
import signal
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.torture.kinds import KINDS, PROCESSES, seconds_for
from tests.torture.parents import ends_with_its_parent
from tests.torture.report import KINDS_OF_FAULT, Report

CHECKOUT = Path(__file__).resolve().parents[2]
RESULTS, BEFORE = CHECKOUT / "results" / "torture.json", CHECKOUT / "results" / "torture-before.json"
PAGE = CHECKOUT / "docs" / "reliability.md"
BEGIN, END = "<!-- table of python -m tests.torture --write -->", "<!-- end of the table -->"
EXAMPLES = 3  # cases of a sort of fault that are kept


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Kills, damages, fills disks, types nonsense.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20.0, help="at most, on two cores (20)")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--short", action="store_true", help="about a minute: few of each kind")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--write", action="store_true", help="write results/torture.json and the table of docs/reliability.md")
    parser.add_argument("--table", action="store_true", help="only write the table, of the results/torture.json that is here")
    given = parser.parse_args(arguments)
    if given.table:
        write_table()
        return 0
    from tests.torture.processes import warm_up

    started = time.monotonic()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a shell's background job and nohup ignore it, and children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop)
    warm_up()
    kinds = _run_all(given.only, given.seed, 60 * given.minutes - 15, given.short)
    figures = {"seed": given.seed, "minutes": round((time.monotonic() - started) / 60, 1), **_versions(), "kinds": kinds}
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    if given.write and set(kinds) == set(KINDS):
        RESULTS.write_text(text, encoding="utf-8")
        write_table()
    print("\n".join(table(figures)))
    for name, row in kinds.items():
        for case in row["cases"]:
            print(f"{name}: {case['what']}: {case['case']}\n    {case['said']}".rstrip())
        if not given.short and row["tried"] < KINDS[name].at_least:
            print(
                f"{name}: only {row['tried']} were tried in the time, {KINDS[name].at_least} are wanted; --minutes gives more."
            )
    return int(len(kinds) < len(given.only) or any(count for row in kinds.values() for count in row["faults"].values()))


def _stop(number: int, frame: object) -> None:
    """A time limit has passed: temporary folders are removed on the way out."""
    signal.signal(number, signal.SIG_IGN)  # a time limit's comes to all processes, and then once more from the first of them
    raise SystemExit(128 + number)


def _run_all(names: list[str], seed: int, seconds: float, short: bool) -> dict[str, Any]:
    """Each kind in a fork of this process, two at a time, the longest first; by name in the order of ``KINDS``."""
    waiting, found = [name for name in KINDS if name in names], {}
    running: dict[int, tuple[str, Path, float]] = {}
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        try:
            while waiting or running:
                while waiting and len(running) < PROCESSES:
                    allowed = seconds_for(waiting, [until for _, _, until in running.values()], ends)
                    name = waiting.pop(0)
                    kind, file = KINDS[name], Path(folder) / f"{KINDS[name].module}.json"
                    pid = _fork(kind.module, seed, kind.short if short else kind.count, allowed, file)
                    running[pid] = name, file, time.monotonic() + allowed
                pid, status = os.wait()
                name, file, _ = running.pop(pid)
                if status:
                    print(f"{name}: the harness itself failed; its traceback is above.", file=sys.stderr, flush=True)
                    continue
                found[name] = json.loads(file.read_text(encoding="utf-8"))
                print(f"{name}: {found[name]['tried']} tried in {found[name]['seconds']} s", file=sys.stderr, flush=True)
        finally:
            for pid in running:
                os.kill(pid, signal.SIGTERM)
            for pid in running:
                os.waitpid(pid, 0)
    return {name: found[name] for name in KINDS if name in found}


def _fork(module: str, seed: int, count: int, seconds: float, file: Path) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        ends_with_its_parent()
        started = time.monotonic()
        report: Report = importlib.import_module(f"tests.torture.{module}").run(seed, count, seconds)
        report.seconds = time.monotonic() - started
        file.write_text(json.dumps(report.as_json(EXAMPLES)), encoding="utf-8")
        status = 0
    except SystemExit as stop:  # the time is over
        status = int(stop.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.stderr.flush()
        os._exit(status)


def _versions() -> dict[str, Any]:
    from bwtheory.training.run import source_commit

    packages = ("bwtheory", "torch", "numpy", "pillow", "hypothesis")
    return {"commit": source_commit(), "python": platform.python_version(), **{name: version(name) for name in packages}}


def table(figures: dict[str, Any], before: dict[str, Any] | None = None) -> list[str]:
    """Lines of Markdown: what was tried and what went wrong, now, and in brackets before."""
    lines = ["| kind | tried | " + " | ".join(KINDS_OF_FAULT) + " |", "|---" * (2 + len(KINDS_OF_FAULT)) + "|"]
    for name, row in figures["kinds"].items():
        then = (before or {"kinds": {}})["kinds"].get(name)
        cells = [f"{row['tried']}" + (f" ({then['tried']})" if then else "")]
        cells += [f"{row['faults'][what]}" + (f" ({then['faults'][what]})" if then else "") for what in KINDS_OF_FAULT]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def write_table() -> None:
    """Put the table into docs/reliability.md, between its two marks."""
    now, before = (json.loads(file.read_text(encoding="utf-8")) for file in (RESULTS, BEFORE))
    text = PAGE.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    made = f"Seed {now['seed']}, commit {now['commit']}, {now['minutes']} minutes on two cores, Python {now['python']}, "
    made += f"torch {now['torch']}.  In brackets: version 0.1.0, commit {before['commit']}."
    PAGE.write_text("\n".join([text[:start], "", *table(now, before), "", made, "", text[end:]]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
