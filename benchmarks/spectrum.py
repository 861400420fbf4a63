"""Extreme eigenvalues of G_σ by every method: error, time and memory against K.

    python benchmarks/spectrum.py [--quick]

Each row runs in a process of its own, so that its memory is its own.  Times are given relative to the structured method on
the same matrix, measured side by side.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from rich.console import Console
from rich.table import Table

DENSE_LIMIT = 4096
SIZES = (10, 100, 1000, 2**12, 2**14, 10**5, 2**20)


def measure(size: int, kind: str, method: str) -> dict:
    """One run in this process: eigenvalues, seconds and peak memory in MB."""
    from bwtheory import ReLUFamily

    family = ReLUFamily.uniform(size) if kind == "uniform" else ReLUFamily(np.random.default_rng(size).uniform(-1, 1, size))
    family.structure()
    ReLUFamily.uniform(4).spectrum("structured")  # imports are not part of the method
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    if method == "certified":
        spectrum = family.spectrum("certified")
        enclosures = spectrum.smallest, spectrum.largest
        result = {"values": [e.lower for e in enclosures], "width": max(e.relative_width for e in enclosures)}
    else:
        spectrum = family.spectrum(method)
        result = {"values": (spectrum.smallest, spectrum.largest)}
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return result | {"seconds": seconds, "memory": peak / 1024, "added": (peak - before) / 1024}


def in_own_process(*arguments: object) -> dict:
    """``measure`` in a fresh interpreter."""
    run = subprocess.run([sys.executable, __file__, "--one", *map(str, arguments)], check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="stop at K = 2^14")
    parser.add_argument("--one", nargs=3, metavar=("K", "KIND", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        size, kind, method = arguments.one
        print(json.dumps(measure(int(size), kind, method)))
        return
    table = Table(title="Extreme eigenvalues of G_σ, relative errors against certified values")
    for column in ("K", "biases", "method", "error of λ_min", "error of λ_max", "time / structured", "peak MB"):
        table.add_column(column, justify="right")
    for size in SIZES[:5] if arguments.quick else SIZES:
        for kind in ("uniform", "random"):
            methods = ("structured", "certified", *(["dense"] if size <= DENSE_LIMIT else []))
            runs = {method: in_own_process(size, kind, method) for method in methods}
            truth = runs["certified"]["values"]
            for method, run in runs.items():
                errors = [abs(a / b - 1) for a, b in zip(run["values"], truth)]
                shown = [f"{run['width']:.0e} wide"] * 2 if method == "certified" else [f"{e:.0e}" for e in errors]
                ratio = run["seconds"] / runs["structured"]["seconds"]
                table.add_row(f"{size}", kind, method, *shown, f"{ratio:.2g}", f"{run['memory']:.0f}")
        table.add_section()
    Console(width=110).print(table)
    print_naive_closed_form()


def print_naive_closed_form() -> None:
    """Relative error of ‖σ(· − b)‖² on [−1, 1] from the antiderivative F(1) − F(b), as b approaches 1."""
    from bwtheory import ReLUFamily
    from bwtheory.gram.relu import naive_relu_gram

    table = Table(title="One diagonal entry, 1 − b = 2⁻ⁿ: error of F(1) − F(b) and of the subtraction-free form")
    for column in ("n", "F(1) − F(b)", "subtraction-free"):
        table.add_column(column, justify="right")
    for n in range(2, 25, 3):
        bias, exact = 1 - 2.0**-n, 2.0 ** (-3 * n) / 3
        entries = naive_relu_gram(np.array([bias]))[0, 0], ReLUFamily([bias]).gram()[0, 0]
        table.add_row(str(n), *(f"{abs(entry / exact - 1):.0e}" for entry in entries))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
