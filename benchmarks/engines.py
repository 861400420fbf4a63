"""A training step by each engine for matrix products, and by two in turn: ``python benchmarks/engines.py [--rounds 8]``.

All are measured round after round in one process: the bare products by every engine, a step of BW-ReLU, ReLU and SIREN, and an
iteration of Gauss-Newton; times are medians, by the fastest bare products.  Nothing else may run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable
from functools import partial

from bwtheory.nn.calibration import VARIABLE, available
from bwtheory.training.benchmark import Problem
from bwtheory.training.gradient import keep_freed_memory

STEPS: dict[str, Callable[[Problem], Callable[[], None]]] = {
    **{name: partial(Problem.step, activation=name, chunk=None) for name in ("bw-relu", "relu", "siren")},
    "Gauss-Newton": partial(Problem.conjugate_gradient_iteration, activation="bw-relu"),
}


def main() -> None:
    """Print a table in Markdown: a row for each engine, or pair of engines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    asked = parser.parse_args()
    keep_freed_memory()
    problem = Problem(asked.side)
    ways: dict[tuple[str, str], Callable[[], None]] = {("", name): way for name, way in problem.bare_products().items()}
    rows = [name if name == other else f"{name}+{other}" for name, other in itertools.product(available(), repeat=2)]
    for engine in rows:
        os.environ[VARIABLE] = engine
        ways |= {(engine, name): step(problem) for name, step in STEPS.items()}
    times: dict[tuple[str, str], list[float]] = {key: [] for key in ways}
    for number in range(asked.rounds + 1):
        for key, way in ways.items():
            start = time.perf_counter()
            way()
            if number:  # the first round is not counted
                times[key].append(time.perf_counter() - start)
    median = {key: statistics.median(each) for key, each in times.items()}
    unit = min(time for (engine, _), time in median.items() if not engine)
    print(f"| products by, for their gradients | {' | '.join(STEPS)} |\n|---|{'---|' * len(STEPS)}")
    for engine in rows:
        print(f"| {engine} | {' | '.join(f'{median[engine, name] / unit:.2f}' for name in STEPS)} |")


if __name__ == "__main__":
    main()
