"""Times and sizes in words, each with its unit."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """ "45 s", "12 min", "3.5 h" or "2.1 days": two digits or so, for a reader who decides whether to wait."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def size(count: int) -> str:
    """Of a number of bytes: "312 bytes", "45 kB", "1.2 MB" or "3.4 GB", with 1 kB = 1000 bytes."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1e3:.0f} kB" if count >= 1000 else f"{count} bytes"
