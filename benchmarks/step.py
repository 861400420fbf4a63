"""Where a training step's time goes: its calls one by one, and the step as a whole.  ``python benchmarks/step.py``.

A step is that of ``bwtheory bench``: 65,536 coordinates through 2→300→300→300→1, Adam, chunks of 1024.  Nothing else may run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from bwtheory.nn import ACTIVATIONS
from bwtheory.nn.activations import Activation, kernels_of
from bwtheory.nn.fused import Fused
from bwtheory.training.benchmark import Problem
from bwtheory.training.gradient import keep_freed_memory

CHUNK, OTHER_CHUNKS, ROUNDS = 1024, (512, 2048), 9


class Nothing(Fused):
    def evaluate(self, u: Tensor, bias: Tensor, value: Tensor) -> None:
        torch.add(u, bias, out=value)

    def pull(self, u: Tensor, value: Tensor, gradient: Tensor) -> None:
        pass


class NoActivation(Activation):
    """A linear network: all of a step but its activations."""

    kernels = Nothing

    def forward(self, z: Tensor) -> Tensor:
        return z


STEPS: dict[str, str | type[Activation]] = {"no activation": NoActivation, "relu": "relu", "bw-relu": "bw-relu"}


def median_time(function: Callable[[], object], repeats: int = 100) -> float:
    """Seconds, after one call that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def fastest(problem: Problem) -> tuple[str, Callable[[], None]]:
    """The fastest way to do the bare products with torch's present number of threads."""
    ways = problem.bare_products()
    return min(ways.items(), key=lambda way: median_time(way[1], 3))


def calls(problem: Problem) -> dict[str, float]:
    """Seconds of one thread for each kind of a step's calls on a chunk."""
    width, depth, products = problem.width, problem.depth, problem.products()
    x, z, u, gradient = (torch.randn(1, CHUNK, n) for n in (2, width, width, width))
    first, square, last = torch.randn(1, 2, width), torch.randn(1, width, width), torch.randn(1, width, 1)
    bias, residual, values = torch.randn(1, 1, width), torch.randn(1, CHUNK, 1), torch.empty(1, CHUNK, 1)
    transposed, total, spare = square.transpose(1, 2).contiguous(), torch.zeros_like(square), torch.empty_like(square)
    thin = (
        lambda: torch.bmm(x, first, out=u),
        lambda: torch.zeros(1, 2, width).baddbmm_(x.transpose(1, 2), gradient),
        lambda: torch.bmm(z, last, out=values),
        lambda: torch.bmm(residual, last.transpose(1, 2), out=gradient),
        lambda: torch.zeros(1, 1, width).baddbmm_(residual.transpose(1, 2), z),
    )
    found = {
        "inner products": 2 * (depth - 1) * median_time(products.product(z, square, transposed, u)),
        "inner products, for the weights": (depth - 1) * median_time(products.outer(total, gradient, z, spare.view_as)),
        "products of the first and last layer": sum(map(median_time, thin)),
        "sums for the biases": depth * median_time(lambda: bias.add_(gradient.sum(1, keepdim=True))),
    }
    for name in ("relu", "bw-relu"):
        kernels = kernels_of(ACTIVATIONS[name]())
        assert kernels is not None
        found[f"{name}, forward"] = depth * median_time(partial(kernels.evaluate, u, bias, z))
        found[f"{name}, back"] = depth * median_time(partial(kernels.pull, u, z, gradient))
    return found


def main() -> None:
    """Print what calls take, what follows from that, and what steps take."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    keep_freed_memory()
    problem, threads = Problem(), torch.get_num_threads()
    torch.set_num_threads(1)
    name, products = fastest(problem)
    bare = median_time(products, ROUNDS)
    rate = problem.operations / bare / 1e9
    print(f"one thread; bare products by {name}: {problem.operations / 1e9:.1f} GFLOP at {rate:.0f} GFLOP/s")
    with torch.no_grad():
        found = {kind: seconds * problem.side**2 / CHUNK / bare for kind, seconds in calls(problem).items()}
    for name, ratio in found.items():
        print(f"{name}: {ratio:.3f} of the bare products")
    for activation in ("relu", "bw-relu"):
        others = [ratio for name, ratio in found.items() if not name.startswith(("relu", "bw-relu"))]
        print(f"together, {activation}: {sum(others) + found[f'{activation}, forward'] + found[f'{activation}, back']:.2f}")
    for number in sorted({1, threads}):
        torch.set_num_threads(number)
        _, products = fastest(problem)
        steps = {name: problem.step(activation, None) for name, activation in STEPS.items()}
        steps |= {f"bw-relu, chunks of {chunk}": problem.step("bw-relu", chunk) for chunk in OTHER_CHUNKS}
        ratios: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(ROUNDS):
            unit = median_time(products, 1)
            for name, step in steps.items():
                ratios[name].append(median_time(step, 1) / unit)
        for name, measured in ratios.items():
            spread = f"{min(measured):.2f} to {max(measured):.2f}"
            print(f"a step, {number} thread{'s' * (number > 1)}, {name}: {statistics.median(measured):.2f} ({spread})")


if __name__ == "__main__":
    main()
