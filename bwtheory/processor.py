"""The processor: its name, wherever results say what they were computed on, and what its caches hold.

Imports nothing that takes time.
"""

from __future__ import annotations

import math
import platform
import re
from pathlib import Path

VECTORS = ("avx512f", "avx2", "avx", "sse4_2")  # the widest first, as Linux calls them


def processor(info: Path = Path("/proc/cpuinfo")) -> str:
    """Its name, family and model as Linux says them in ``info``, and its widest vectors; elsewhere what Python says."""
    try:
        lines = info.read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^(cpu family|model|model name|flags)\s*: (.*)$", lines, re.MULTILINE))
    if "model name" not in fields:  # ARM
        return platform.machine()
    vectors = next((name for name in VECTORS if name in fields.get("flags", "").split()), "no vectors")
    return f"{fields['model name']}, family {fields.get('cpu family')}, model {fields.get('model')}, {vectors}"


def chunk_for(width: int) -> int:
    """Coordinates whose features, ``width`` for each in float32, fit a core's cache: 1.2 MB, 1024 coordinates for width 300."""
    return max(256, 1 << max(0, round(math.log2(1024 * 300 / width))))
