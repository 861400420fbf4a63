"""What the harness does, how often, and how its time is shared out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

PROCESSES = 2


@dataclass(frozen=True)
class Kind:
    """A kind of trouble: its module, and how often it is tried at most, in full and in short.

    at_least : tries without which the figures say too little
    cost : seconds of a try on an idle processor of 2.6 GHz; the time is shared out by what ``at_least`` tries cost
    """

    module: str
    count: int
    short: int
    at_least: int
    cost: float

    @property
    def share(self) -> float:
        """Of the time, up to a factor."""
        return self.at_least * self.cost


KINDS = {  # the longest first: at the end two processes are busy
    "command lines": Kind("command_lines", 2500, 60, 2000, 0.19),
    "corruption": Kind("corruption", 1500, 40, 1000, 0.29),
    "kills": Kind("kills", 160, 12, 100, 0.76),
    "API calls": Kind("api_calls", 6000, 300, 5000, 0.015),
    "disk": Kind("disk", 120, 10, 60, 1.03),
    "two processes": Kind("two_processes", 80, 6, 30, 1.22),
    "images": Kind("images", 2000, 150, 1000, 0.006),
}


def seconds_for(waiting: Sequence[str], until: Sequence[float], ends: float) -> float:
    """For the first kind that waits: its share of the time that is left.

    Parameters
    ----------
    waiting : names of kinds that have not begun
    until : when those that run must end, on the monotonic clock
    ends : when all must end
    """
    now = time.monotonic()
    left = PROCESSES * (ends - now) - sum(end - now for end in until)
    share = KINDS[waiting[0]].share / sum(KINDS[name].share for name in waiting)
    return max(0.0, min(left * share, ends - now))
