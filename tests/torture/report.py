"""What a kind of trouble reports: how often it was tried, and each fault with what is needed to see it again."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

WRONG = "silently wrong"  # another function, other values, other numbers than an undisturbed run has; nothing said
LOST = "lost"  # what had been saved, or was said to be saved, is gone; an old file is damaged
CODE = "ran code"  # a file decided what is imported or called
TRACEBACK = "traceback"  # or an exception that is no ValueError or TypeError with a sentence
CRASH = "crash"  # the process died by a signal that nobody sent
HANG = "hang"
SENTENCE = "no sentence"  # refused, but not in one sentence that names the file or field; or with another exit status
KINDS_OF_FAULT = (WRONG, LOST, CODE, TRACEBACK, CRASH, HANG, SENTENCE)


@dataclass(frozen=True)
class Fault:
    """One fault: which of ``KINDS_OF_FAULT``, the case in words that tell how to repeat it, and what the program said."""

    what: str
    case: str
    said: str = ""

    def __post_init__(self) -> None:
        if self.what not in KINDS_OF_FAULT:
            raise ValueError(f"A fault is one of {', '.join(KINDS_OF_FAULT)}; got {self.what!r}.")
        for name in ("case", "said"):  # without folders, which differ from machine to machine
            text = getattr(self, name)
            object.__setattr__(self, name, re.sub(r"(?<![\w.…])/(?:[\w.+-]+/)+", "…/", text)[-600:])


@dataclass
class Report:
    """What was tried of a kind of trouble, and what went wrong; ``tried_by`` counts the tries by their sort."""

    kind: str
    tried: int = 0
    faults: list[Fault] = field(default_factory=list)
    tried_by: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    not_tried: list[str] = field(default_factory=list)  # and why: no tmpfs, no fork

    def add(self, sort: str, faults: list[Fault]) -> None:
        """Count a try of a sort, and keep its faults."""
        self.tried += 1
        self.tried_by[sort] += 1
        self.faults += faults

    def as_json(self, examples: int) -> dict[str, Any]:
        """A plain dictionary; the faults are counted by what they are, with so many examples of each."""
        counts = Counter(fault.what for fault in self.faults)
        cases = [[fault for fault in self.faults if fault.what == what][:examples] for what in KINDS_OF_FAULT]
        return {
            "tried": self.tried,
            "tried_by": dict(sorted(self.tried_by.items())),
            "faults": {what: counts[what] for what in KINDS_OF_FAULT},
            "not_tried": self.not_tried,
            "seconds": round(self.seconds),
            "cases": [asdict(fault) for faults in cases for fault in faults],
        }


class Budget:
    """So many tries, and so many seconds: ``more()`` until one of them is used up."""

    def __init__(self, count: int, seconds: float):
        self.count, self.ends, self.started = count, time.monotonic() + seconds, time.monotonic()

    def more(self, tried: int) -> bool:
        """Whether there is something left after so many tries."""
        return tried < self.count and time.monotonic() < self.ends

    @property
    def used(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.started
