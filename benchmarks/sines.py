"""Sines by Numba's kernels and by torch: time by torch's, and how far they are from float64.  ``python benchmarks/sines.py``.

An activation on a chunk of 1024 coordinates and 300 neurons, and its gradient, in float32: CPU time of one thread, in turns, so
that other programs matter little.  With ``NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=`` in the environment Numba's kernels are
for AVX2, with ``NUMBA_CPU_NAME=generic`` for SSE2; torch's stay those for this processor.
"""

from __future__ import annotations

import argparse
import statistics
import time
from unittest.mock import patch

import torch

from bwtheory.nn import ACTIVATIONS, kernels
from bwtheory.nn.activations import kernels_of

CHUNK, WIDTH, ROUNDS = 1024, 300, 101


@torch.no_grad()
def compare(name: str, numbers: torch.Generator) -> tuple[float, float, list[float]]:
    """Time of the activation and of its gradient by torch's, and errors of values in machine precisions: by Numba, by torch."""
    made = kernels_of(ACTIVATIONS[name]())
    assert made is not None
    start, gradient = (torch.randn(1, CHUNK, WIDTH, generator=numbers) for _ in range(2))
    start *= 1 if name == "wire" else 30
    bias, values, u, pulled = torch.zeros(1, 1, WIDTH), *(torch.empty_like(start) for _ in range(3))
    exact = torch.empty_like(start, dtype=torch.float64)
    with patch.object(kernels, "has_numba", lambda: False):
        made.evaluate(start.double(), bias.double(), exact)
    times: dict[tuple[bool, str], list[float]] = {}
    errors = {}
    for _ in range(ROUNDS):
        for numba in (True, False):
            with patch.object(kernels, "has_numba", lambda numba=numba: numba):
                u.copy_(start)
                pulled.copy_(gradient)
                for call, act in (
                    ("forward", lambda: made.evaluate(u, bias, values)),
                    ("back", lambda: made.pull(u, values, pulled)),
                ):
                    before = time.thread_time()
                    act()
                    times.setdefault((numba, call), []).append(time.thread_time() - before)
            errors[numba] = float((values - exact).abs().max()) / torch.finfo(values.dtype).eps
    ratios = [statistics.median(times[True, call]) / statistics.median(times[False, call]) for call in ("forward", "back")]
    return ratios[0], ratios[1], [errors[True], errors[False]]


def main() -> None:
    """Print a table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    if not kernels.has_numba():
        raise SystemExit("This compares Numba's kernels with torch's functions; Numba is not installed.")
    numbers = torch.Generator().manual_seed(0)
    print("| activation | forward, time by torch's | back | error, in machine precisions | torch's |\n|---|---|---|---|---|")
    for name in ("siren", "finer", "wire"):
        forward, back, (error, usual) = compare(name, numbers)
        print(f"| {name} | {forward:.2f} | {back:.2f} | {error:.1f} | {usual:.1f} |")


if __name__ == "__main__":
    main()
