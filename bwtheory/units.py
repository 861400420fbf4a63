"""Times and sizes in words, each with its unit; settings in few digits."""

from __future__ import annotations

import math
from typing import Any


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3.5 h" or "2.1 days": two digits or so, for a reader who decides whether to wait."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def size(count: float) -> str:
    """Of a number of bytes, in three digits: "312 bytes", "45.1 kB", "1.23 MB" and so on to EB, with 1 kB = 1000 bytes."""
    rounded = float(f"{count:.3g}")
    power = min(int(math.log10(max(rounded, 1)) // 3), 6)
    return f"{rounded / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[power]}"


def short(value: Any) -> str:
    """A setting: a float in four digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
