"""Where a training step's time goes: what measured rates allow, and what it takes.  ``python benchmarks/step.py``.

A step is that of ``bwtheory bench``: 65,536 coordinates through 2→300→300→300→1, Adam, chunks of 2048.  Nothing else may run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import linear

from bwtheory.nn.activations import Activation
from bwtheory.training.benchmark import Problem
from bwtheory.training.gradient import keep_freed_memory

CHUNK, ROUNDS = 2048, 9


class NoActivation(Activation):
    """A linear network: all of a step but its activations."""

    def forward(self, z: Tensor) -> Tensor:
        return z


def median_time(function: Callable[[], object], repeats: int = 50) -> float:
    """Seconds, after one call that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Print rates, the floor that follows from them, and what steps take."""
    keep_freed_memory()
    problem = Problem()
    points, width = problem.side**2, problem.width
    bare = median_time(problem.bare_products(), ROUNDS)
    print(f"bare products: {problem.operations / 1e9:.1f} GFLOP at {problem.operations / bare / 1e9:.0f} GFLOP/s")

    v, g, out = (torch.randn(CHUNK, width) for _ in range(3))
    chunks = points / CHUNK
    forward = chunks * median_time(lambda: torch.clamp(v, min=0, out=out))
    backward = chunks * median_time(lambda: torch.ops.aten.threshold_backward.grad_input(g, v, 0.0, grad_input=out))
    rate = points * width * (2 * 4 + 3 * 4) / (forward + backward) / 1e9
    print(f"one pass over a layer's features: {forward / bare:.3f} forward, {backward / bare:.3f} back ({rate:.0f} GB/s)")

    x, first, last = torch.randn(CHUNK, 2), torch.randn(width, 2), torch.randn(1, width)
    thin = (
        lambda: linear(x, first),
        lambda: g.t() @ x,
        lambda: linear(v, last),
        lambda: g[:, :1] @ last,
        lambda: v.t() @ g[:, :1],
    )
    ends = chunks * sum(median_time(product) for product in thin)
    biases = chunks * problem.depth * median_time(lambda: g.sum(0))
    total = 1 + (problem.depth * (forward + backward) + ends + biases) / bare
    print(f"thin products of the first and last layer: {ends / bare:.3f}; sums for the biases: {biases / bare:.3f}")
    print(f"with one pass each way a layer, all of it one after the other: {total:.2f} of the bare products")

    steps = {name: problem.step(name, None) for name in (NoActivation, "relu", "bw-relu")}
    ratios: dict[object, list[float]] = {name: [] for name in steps}
    products = problem.bare_products()
    for _ in range(ROUNDS):
        unit = median_time(products, 1)
        for name, step in steps.items():
            ratios[name].append(median_time(step, 1) / unit)
    for name, found in ratios.items():
        label = "no activation" if name is NoActivation else name
        print(f"step in chunks, no compiler, {label}: {statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})")


if __name__ == "__main__":
    main()
