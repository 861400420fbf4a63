"""What ``bwtheory bench`` prints."""

from __future__ import annotations

import os
import statistics
import sys

import torch
from rich.console import Console
from rich.table import Table

from bwtheory.nn.products import ENGINES
from bwtheory.processor import processor
from bwtheory.training.benchmark import NOISE, Measured, Measurements, Problem


def report(problem: Problem, measured: Measurements) -> int:
    """Print the tables, or that the machine is too noisy; the exit status."""
    rounds = len(measured.fastest.seconds)
    if measured.spread > NOISE:
        print(
            f"bwtheory: nothing is reported: in {rounds} rounds the fastest bare products took times that spread over "
            f"{measured.spread:.0%} of their median, more than {NOISE:.0%}, so others use this machine; "
            "try again when it is quiet, or with more --seconds.",
            file=sys.stderr,
        )
        return 1
    console = Console(width=None if sys.stdout.isatty() else 120)
    for line in _circumstances(problem, rounds):
        console.print(line, highlight=False)
    console.print(_bare_products(problem, measured))
    console.print(_steps(problem, measured))
    return 0


def _circumstances(problem: Problem, rounds: int) -> list[str]:
    threads = torch.get_num_threads()
    name = torch.cuda.get_device_name() if problem.device == "cuda" else processor()
    lines = [f"{name}; {threads} thread{'s' * (threads > 1)}, torch {torch.__version__}, float32, {rounds} rounds"]
    if problem.device == "cpu":
        products = problem.products()
        lines.append(f"A step's products: {products.name} ({products.library})")
    if "OPENBLAS_CORETYPE" in os.environ:
        kernel = os.environ["OPENBLAS_CORETYPE"]
        lines.append(f"OPENBLAS_CORETYPE is set: OpenBLAS has the kernel {kernel}, which need not be this processor's fastest.")
    return lines


def _bare_products(problem: Problem, measured: Measurements) -> Table:
    title = f"Products of ({problem.side**2:,}, {problem.width}) matrices without anything else"
    table = Table("engine", "library", title=title, title_style="bold")
    for column in ("GFLOP/s", "by the fastest"):
        table.add_column(column, justify="right")
    for row in measured.bare:
        engine = ENGINES.get(row.name.partition(",")[0])
        rate = problem.operations / statistics.median(row.seconds) / 1e9
        table.add_row(row.name, "" if engine is None else engine.library(), f"{rate:.0f}", f"{row.ratio:.2f}")
    return table


def _steps(problem: Problem, measured: Measurements) -> Table:
    sizes = "→".join(["2", *[str(problem.width)] * problem.depth, "1"])
    table = Table("step", title=f"One Adam step, {problem.side**2:,} coordinates, {sizes}", title_style="bold")
    for column in ("by the fastest bare products", "from … to", "by its own products", "compiling pays after"):
        table.add_column(column, justify="right")
    by_name = {row.name: row for row in measured.steps}
    for row in measured.steps:
        spread = f"{min(row.ratios):.2f} … {max(row.ratios):.2f}"
        pays = "" if row.without is None else _steps_until_it_pays(row, by_name[row.without])
        table.add_row(row.name, f"{row.ratio:.2f}", spread, f"{row.ratio / row.products:.2f}", pays)
    return table


def _steps_until_it_pays(compiled: Measured, usual: Measured) -> str:
    saved = statistics.median(usual.seconds) - statistics.median(compiled.seconds)
    return f"{compiled.first / saved:.0f} steps" if saved > 0 else "never"
