"""Two processes on one folder: one does it, the other is refused or waits; nothing is doubled, nothing is lost.

And readers beside a writer: what they load or draw is whole.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.torture.corruption import _load_to
from tests.torture.examples import Steps, checkpoint_every, difference, outcome, resume_words, train_words, write_data
from tests.torture.kills import LONGER
from tests.torture.processes import Child, command, run_child, warm_up
from tests.torture.report import LOST, SENTENCE, WRONG, Budget, Fault, Report

EXAMPLES = ("bw-relu", "held-out", "gauss-newton", "together", "wire", "two seeds")
SLOW = 0.004  # seconds that a step takes at least, so that the two are at it at once


def run(seed: int, count: int, seconds: float) -> Report:
    """So many pairs, or as many as the time allows."""
    warm_up()
    report, budget, chance = Report("two processes"), Budget(count, seconds), random.Random(f"two processes {seed}")
    with tempfile.TemporaryDirectory() as name:
        pairs = _Pairs(Path(name), chance)
        sorts = pairs.sorts()
        while budget.more(report.tried):
            sort = list(sorts)[report.tried] if report.tried < len(sorts) else chance.choice(list(sorts)[:-2])
            report.add(sort, sorts[sort](chance.choice(EXAMPLES)))
            shutil.rmtree(pairs.out)
        report.seconds = budget.used
    return report


def _slowly(work: Callable[[], int | None]) -> Callable[[], int | None]:
    """``work`` with steps that take a while, and a checkpoint after each."""

    def slow() -> int | None:
        import torch

        for optimizer in (torch.optim.Adam, torch.optim.SGD):
            step = optimizer.step

            def waiting(*arguments: Any, step: Callable[..., Any] = step, **named: Any) -> Any:
                time.sleep(SLOW)
                return step(*arguments, **named)

            optimizer.step = waiting  # type: ignore[method-assign]
        return work()

    return checkpoint_every(0.0, slow)


class _Pairs:
    """What two processes do at once, by name."""

    def __init__(self, folder: Path, chance: random.Random):
        self.folder, self.data, self.out, self.chance = folder, folder / "data", folder / "out", chance
        write_data(self.data)
        self._ends: dict[str, dict[str, Any]] = {}

    def sorts(self) -> dict[str, Callable[[str], list[Fault]]]:
        """Functions of an example's name; the last two take some seconds each."""
        return {
            "two resume": self.two_resume,
            "resume while it runs": self.resume_while_it_runs,
            "two train": self.two_train,
            "load while it runs": self.load_while_it_runs,
            "the first is killed": self.first_is_killed,
            "two render": self.two_render,
            "two compare": lambda example: self.two_of_one_command("compare"),
            "two reproduce": lambda example: self.two_of_one_command("reproduce"),
        }

    def _train(self, example: str) -> Callable[[], int | None]:
        return command(train_words(example, self.data, self.out))

    def _resume(self, example: str) -> Callable[[], int | None]:
        return command(resume_words(example, self.out))

    def _right(self, example: str) -> dict[str, Any]:
        """What an undisturbed run leaves behind."""
        if example not in self._ends:
            out = self.folder / "undisturbed" / example
            words = LONGER[example].format(data=self.data, out=out).split() if example in LONGER else None
            out.parent.mkdir(exist_ok=True)
            ended = run_child(command(words or train_words(example, self.data, out)), self.folder)
            if ended.status != 0:
                raise RuntimeError(f"The example {example!r} does not end undisturbed: {ended}")
            self._ends[example] = outcome(out)
        return self._ends[example]

    def _interrupted(self, example: str) -> None:
        """A run that has made some steps."""
        ended = run_child(Steps().count(self._train(example), self.chance.randint(1, 9)), self.folder)
        if ended.status != 130:
            raise RuntimeError(f"The example {example!r} cannot be interrupted: {ended}")

    def _end(self, case: str, example: str, children: list[Child]) -> list[Fault]:
        """Both end as they may, one at least with 0, and the outcome is the undisturbed one."""
        ended = [child.wait() for child in children]
        faults = [fault for one in ended for fault in one.faults(case)]
        if not faults and all(one.status != 0 for one in ended):
            faults.append(Fault(LOST, case, f"None of them did it: {' / '.join(one.err for one in ended)}"))
        said = f"exit statuses {', '.join(str(one.status) for one in ended)}"
        if faults:
            return faults
        wrong = difference(outcome(self.out), self._right(example))
        return [Fault(LOST if "missing" in wrong else WRONG, case, f"{said}: {wrong}")] if wrong else []

    def two_resume(self, example: str) -> list[Fault]:
        self._interrupted(example)
        first = Child(_slowly(self._resume(example)), self.folder)
        pause = self.chance.choice([0, 0, 0.01, 0.1])
        time.sleep(pause)
        second = Child(_slowly(self._resume(example)), self.folder)
        return self._end(f"two resume {example}, {pause} s apart", example, [first, second])

    def resume_while_it_runs(self, example: str) -> list[Fault]:
        first = Child(_slowly(self._train(example)), self.folder)
        while not list(self.out.glob("*/config.json")) and first.running():
            time.sleep(0.001)
        pause = self.chance.uniform(0, 0.15)
        time.sleep(pause)
        second = Child(_slowly(self._resume(example)), self.folder)
        return self._end(f"{example} is resumed {pause:.3f} s after it began", example, [first, second])

    def two_train(self, example: str) -> list[Fault]:
        first = Child(_slowly(self._train(example)), self.folder)
        pause = self.chance.choice([0, 0, 0.001, 0.01, 0.1])
        time.sleep(pause)
        second = Child(_slowly(self._train(example)), self.folder)
        return self._end(f"two train {example} into one folder, {pause} s apart", example, [first, second])

    def first_is_killed(self, example: str) -> list[Fault]:
        """The lock of a process that was killed holds nobody up."""
        first = Child(_slowly(self._train(example)), self.folder)
        while len(list(self.out.glob("*/checkpoint.pt"))) < len(self._runs(example)) and first.running():
            time.sleep(0.001)
        first.send(signal.SIGKILL)
        first.wait()
        second = Child(_slowly(self._resume(example)), self.folder)
        return self._end(f"{example} is resumed at once after kill -9", example, [second])

    def _runs(self, example: str) -> set[str]:
        return {name.split("/")[0] for name in self._right(example)}

    def load_while_it_runs(self, example: str) -> list[Fault]:
        first = Child(_slowly(self._train(example)), self.folder)
        faults = []
        while not list(self.out.glob("*/config.json")) and first.running():
            time.sleep(0.001)
        run_folder = min(self.out.iterdir())
        for turn in range(6):
            if turn % 2:
                reading = command(["render", run_folder, "--size", "4x4", "--out", self.folder / "seen.png"])
            else:
                reading = _load_to(run_folder, self.folder / "seen")
            ended = run_child(reading, self.folder)
            faults += ended.faults(
                f"{'render' if turn % 2 else 'load'} while {example} runs", ("no weights yet", run_folder.name)
            )
        return faults + self._end(f"load and render while {example} runs", example, [first])

    def two_render(self, example: str) -> list[Fault]:
        """Two pictures to one file: it is one of them, whole."""
        run_child(self._train(example), self.folder)
        run_folder = min(self.out.iterdir())
        target = self.folder / "drawn.png"
        pictures = []
        for size in ("40x30", "41x31"):
            if run_child(command(["render", run_folder, "--size", size, "--out", target]), self.folder).status != 0:
                raise RuntimeError(f"{example} cannot be drawn.")
            pictures.append(target.read_bytes())
        children = [
            Child(command(["render", run_folder, "--size", size, "--out", target]), self.folder) for size in ("40x30", "41x31")
        ]
        faults = [fault for child in children for fault in child.wait().faults("two render to one file", statuses=(0,))]
        if target.read_bytes() not in pictures:
            faults.append(Fault(WRONG, "two render to one file", "a picture that is neither the one nor the other"))
        return faults

    def two_of_one_command(self, name: str) -> list[Fault]:
        words = LONGER[name].format(data=self.data, out=self.out).split()
        right = self._right(name)
        first = Child(checkpoint_every(0.0, command(words)), self.folder)
        pause = self.chance.uniform(0, 1)
        time.sleep(pause)
        second = Child(checkpoint_every(0.0, command(words)), self.folder)
        case = f"two {name}, {pause:.2f} s apart"
        ended = [first.wait(), second.wait()]
        faults = [fault for one in ended for fault in one.faults(case)]
        third = run_child(command(words), self.folder)
        faults += third.faults(f"{case}; and then once more", statuses=(0,))
        wrong = "" if faults else difference(outcome(self.out), right)
        results = [path for path in self.out.rglob("results.json")]
        for path in results:
            try:
                json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                faults.append(Fault(SENTENCE, case, f"{path.name}: {error}"))
        return faults + ([Fault(LOST if "missing" in wrong else WRONG, case, wrong)] if wrong else [])
