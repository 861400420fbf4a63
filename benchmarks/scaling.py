"""Time and memory of the theory against K, with the fitted exponents.

    python benchmarks/scaling.py [--quick] [--out DIR]

Each point runs in a process of its own: κ of ReLUs, structured and certified, equally spaced and random; one analysis and one
synthesis in the complete basis; κ of that basis, certified.  Times are the least of three.  The exponent is that of the sizes
from 2^17 on, where the certified method changes from balls to float64 (of the larger half with --quick), by least squares in
logarithms.  DIR/scaling.json has all points, DIR/scaling.png and .pdf show the times.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bwtheory.files import write_text
from bwtheory.processor import processor

REPETITIONS = 3
SIZES = tuple(2**n for n in range(10, 24))
LAST = {"certified, random": 2**20, "certified, equal": 2**22}  # of others: the last size
BEYOND = {"structured, equal": (10**7,), "structured, random": (10**7,)}
LARGE = 2**17  # from here on the exponent is fitted
UNIT = 2**20  # of these equally spaced ReLUs, structured, is the unit of time in the figure


def work(name: str, size: int) -> tuple[int, Callable[[], float]]:
    """The number of functions, and what is timed: it returns the relative width of an enclosure, or 0."""
    import bwtheory as bw

    if name.startswith("wavelets"):
        basis = bw.IntervalWaveletFamily(max(1, math.ceil(math.log2(size / 3))))
        values = np.random.default_rng(0).standard_normal(basis.size)
        actions = {
            "wavelets, analysis": lambda: basis.analysis(values)[0] * 0,
            "wavelets, synthesis": lambda: basis.synthesis(values)[0] * 0,
            "wavelets, certified": lambda: basis.certified_condition_number().relative_width,
        }
        return basis.size, actions[name]
    method, kind = name.split(", ")
    random = np.random.default_rng(size)
    family = bw.ReLUFamily.uniform(size) if kind == "equal" else bw.ReLUFamily(random.uniform(-1, 1, size))
    if method == "certified":
        return size, lambda: family.certified_condition_number().relative_width
    return size, lambda: family.condition_number("structured") * 0


NAMES = (
    *("structured, equal", "structured, random", "certified, equal", "certified, random"),
    *("wavelets, analysis", "wavelets, synthesis", "wavelets, certified"),
)


def measure(name: str, size: int) -> dict:
    """One point, in this process."""
    _, warm = work(name, 64)
    warm()  # imports are no part of it
    functions, action = work(name, size)
    seconds = math.inf
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        width = action()
        seconds = min(seconds, time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"K": functions, "seconds": seconds, "width": abs(float(width)), "memory": peak}


def exponent(points: list[dict]) -> float:
    """The slope of log seconds over log K, of sizes from ``LARGE`` on, or of the larger half if there are none."""
    fitted = [point for point in points if point["K"] >= LARGE] or points[len(points) // 2 :]
    return float(np.polyfit(np.log([p["K"] for p in fitted]), np.log([p["seconds"] for p in fitted]), 1)[0])


def draw(results: dict[str, list[dict]], out: Path) -> None:
    from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas, in_style, save

    points = results["structured, equal"]
    unit = next((point for point in points if point["K"] == UNIT), points[-1])
    colours = (VERMILION, ORANGE, BLUE, SKY, GREEN, BLACK, "grey")
    with in_style():
        figure, axes = canvas(7.0, 4.4)
        for (name, points), colour, marker in zip(results.items(), colours, "os^vDP*"):
            label = f"{name}: $K^{{{exponent(points):.2f}}}$"
            axes.loglog(
                [p["K"] for p in points],
                [p["seconds"] / unit["seconds"] for p in points],
                marker,
                ls="-",
                lw=1,
                ms=4,
                color=colour,
                label=label,
            )
        axes.set(xlabel="functions $K$", ylabel=f"time, by that of structured, equal, $K = {unit['K']}$")
        axes.legend(fontsize=8)
    for path in save(figure, out, "scaling"):
        print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="stop at K = 2^16")
    parser.add_argument("--out", type=Path, default=Path("figures/out"), help="folder of the figure")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "K"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one[0], int(arguments.one[1]))))
        return
    results: dict[str, list[dict]] = {}
    table = Table(title="Seconds, peak memory and width by K")
    for column in ("what", "exponent", "largest K", "seconds", "peak MB", "width"):
        table.add_column(column, justify="right")
    for name in NAMES:
        sizes = [size for size in SIZES if size <= (2**16 if arguments.quick else LAST.get(name, SIZES[-1]))]
        sizes += [] if arguments.quick else BEYOND.get(name, ())
        results[name] = []
        for size in sizes:
            run = subprocess.run(
                [sys.executable, __file__, "--one", name, str(size)], check=True, capture_output=True, text=True
            )
            results[name].append(json.loads(run.stdout))
        last = results[name][-1]
        row = (
            f"{last['K']:,}",
            f"{last['seconds']:.3g}",
            f"{last['memory']:.0f}",
            f"{last['width']:.1g}" if last["width"] else "",
        )
        table.add_row(name, f"{exponent(results[name]):.2f}", *row)
    Console(width=110).print(table)
    write_text(arguments.out / "scaling.json", json.dumps({"processor": processor(), "points": results}, indent=1) + "\n")
    draw(results, arguments.out)


if __name__ == "__main__":
    main()
