"""Full disks: a limit on the size of files, or a file system that is full, while things are written.

What was there before is there after, unchanged; the refusal is one sentence and exit status 2; nothing half-written is left;
and with more space the same command, or ``--resume``, ends where it would have.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.torture.examples import TRAINED, checkpoint_every, difference, outcome, resume_words, train_words, write_data
from tests.torture.kills import LONGER
from tests.torture.parents import mount_small_disk
from tests.torture.processes import command, run_child, warm_up
from tests.torture.report import LOST, SENTENCE, WRONG, Budget, Fault, Report

CHECKOUT = Path(__file__).resolve().parents[2]
LIMITS = (0, 1, 100, 1000, 2000, 4000, 6000, 10_000, 20_000, 40_000)  # bytes; a picture has 150, a checkpoint 10,000
DISK = 2**22  # bytes of the small file system
OLD = b"what was here before\n" * 5000
Limit = dict[int, int]


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    work : of the folder that it writes to
    old : files that are there before
    """

    work: Callable[[Path], Callable[[], int | None]]
    old: tuple[str, ...]


def run(seed: int, count: int, seconds: float) -> Report:
    """So many full disks, or as many as the time allows."""
    warm_up()
    report, budget, chance = Report("disk"), Budget(count, seconds), random.Random(f"disk {seed}")
    with tempfile.TemporaryDirectory() as name, _small_disk(Path(name) / "small", report) as small:
        folder = Path(name)
        data = folder / "data"
        write_data(data)
        finished = folder / "finished"
        if run_child(command(train_words("bw-relu", data, finished)), folder).status != 0:
            raise RuntimeError("The run to be drawn does not end.")
        writers = _writers(data, next(finished.iterdir()))
        ends: dict[str, dict[str, object]] = {}
        while budget.more(report.tried):
            where = chance.choice(["a limit on files", "a full disk"]) if small else "a limit on files"
            place = (small or folder) if where == "a full disk" else folder
            if report.tried % 2:
                sort = chance.choice(list(writers))
                faults = _write(sort, writers[sort], place / "written", where, chance)
            else:
                sort = chance.choices([*TRAINED, *LONGER], [6] * len(TRAINED) + [1] * len(LONGER))[0]
                if sort not in ends:
                    ends[sort] = _train_undisturbed(sort, data, folder / "undisturbed")
                faults = _train(sort, data, place / "trained", where, ends[sort], chance)
            report.add(f"{sort} under {where}", faults)
        report.seconds = budget.used
    return report


@contextmanager
def _small_disk(folder: Path, report: Report) -> Iterator[Path | None]:
    """A small file system in memory, or None where none can be mounted; it ends with this process, however that ends."""
    folder.mkdir()
    why_not = mount_small_disk(folder, DISK)
    if why_not:
        report.not_tried.append(f"a full disk: {why_not}")
    try:
        yield None if why_not else folder
    finally:
        if not why_not:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _full(where: str, folder: Path, chance: random.Random) -> Iterator[tuple[str, Limit]]:
    """So little space left, in words, and the limits of a child."""
    space = chance.choice(LIMITS)
    if where == "a limit on files":
        yield f"files of at most {space} bytes", {resource.RLIMIT_FSIZE: space}
        return
    filler = folder.parent / "filler"
    try:
        with filler.open("wb") as file:
            try:
                while True:
                    os.write(file.fileno(), bytes(2**14))
            except OSError:  # it is full
                os.ftruncate(file.fileno(), max(0, os.fstat(file.fileno()).st_size - space))
        yield f"{space} bytes left on the disk", {}
    finally:
        filler.unlink(missing_ok=True)


def _writers(data: Path, run_folder: Path) -> dict[str, Writer]:
    figure = "wavelet_supports"
    return {
        "render": Writer(lambda out: command(["render", run_folder, "--size", "64x64", "--out", out / "r.png"]), ("r.png",)),
        "figures": Writer(
            lambda out: command(["figures", figure, "--out", out]), tuple(f"{figure}.{kind}" for kind in ("png", "pdf", "svg"))
        ),
        "verify --write": Writer(_verify, ("paper_checks.md",)),
    }


def _verify(out: Path) -> Callable[[], int | None]:
    """``bwtheory verify --write`` of a page of 200 KB, without the minutes that checking all claims takes."""

    def work() -> int | None:
        from bwtheory.cli import main, verify

        if not all(hasattr(verify, name) for name in ("find_evidence", "load_ledger", "render")):
            raise RuntimeError("bwtheory.cli.verify finds the page in another way now; say here how.")
        verify.find_evidence = lambda: out
        verify.load_ledger = lambda folder: type("Ledger", (), {"claims": []})()  # type: ignore[assignment]
        verify.render = lambda judgements: "a line of the page\n" * 10_000
        return main(["verify", "--write"])

    return work


def _write(sort: str, writer: Writer, out: Path, where: str, chance: random.Random) -> list[Fault]:
    out.mkdir()
    for name in writer.old:
        (out / name).write_bytes(OLD)
    with _full(where, out, chance) as (space, limits):
        ended = run_child(writer.work(out), CHECKOUT, limits)
    case = f"{sort}, {space}"
    faults = ended.faults(case, writer.old)
    for name in writer.old:
        kept = (out / name).is_file() and (out / name).read_bytes() == OLD
        if ended.status != 0 and not kept:
            faults.append(Fault(LOST, case, f"{name} is another one, {(out / name).stat().st_size} bytes: {ended.err}"))
        if ended.status == 0 and kept:
            faults.append(Fault(WRONG, case, f"exit status 0, and {name} is not written"))
    left = sorted(path.name for path in out.iterdir() if path.name not in writer.old)
    if left:
        faults.append(Fault(LOST, case, f"left over: {', '.join(left)}"))
    again = run_child(writer.work(out), CHECKOUT)
    faults += again.faults(f"{case}; and then with space", statuses=(0,))
    shutil.rmtree(out)
    return faults


def _words(sort: str, data: Path, out: Path) -> list[str]:
    if sort in LONGER:
        return LONGER[sort].format(data=data, out=out).split()
    if out.is_dir() and any(out.glob("*/config.json")):
        return resume_words(sort, out)
    return train_words(sort, data, out)


def _train_undisturbed(sort: str, data: Path, folder: Path) -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    ended = run_child(command(_words(sort, data, folder / sort)), folder)
    if ended.status != 0:
        raise RuntimeError(f"The example {sort!r} does not end undisturbed: {ended}")
    return outcome(folder / sort)


def _train(sort: str, data: Path, out: Path, where: str, right: dict[str, object], chance: random.Random) -> list[Fault]:
    """Train with little space, twice, then with enough: it must end where an undisturbed run does."""
    out.mkdir()
    faults: list[Fault] = []
    cases = []
    for _ in range(2):
        with _full(where, out, chance) as (space, limits):
            cases.append(f"{sort}, {space}")
            work = checkpoint_every(0.0 if sort in TRAINED else 0.1, command(_words(sort, data, out)))
            ended = run_child(work, out.parent, limits)
        faults += ended.faults("; ".join(cases), (out.name,))
        left = [path.name for path in out.rglob("*.partial")]
        if left:
            faults.append(Fault(LOST, "; ".join(cases), f"left over: {', '.join(left)}"))
    case = f"{'; '.join(cases)}; and then with space"
    again = run_child(command(_words(sort, data, out)), out.parent)
    wrong_end = again.faults(case, statuses=(0,))
    wrong = "" if wrong_end else difference(outcome(out), right)
    if wrong:
        wrong_end = [Fault(SENTENCE if "left over" in wrong else LOST if "missing" in wrong else WRONG, case, wrong)]
    shutil.rmtree(out)
    return faults + wrong_end
