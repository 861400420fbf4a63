"""``bwtheory bench``."""

from __future__ import annotations

from typing import Literal

from bwtheory.cli.edge import bad_input_is_a_sentence
from bwtheory.cli.paths import importable_here
from bwtheory.signals import importing
from bwtheory.training import flags


def bench(
    *,
    activations: tuple[str, ...] = ("bw-relu", "relu", "siren", "wire"),
    side: int = 256,
    width: int = 300,
    depth: int = 3,
    seconds: float = 60.0,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
) -> int:
    """Compare the cost of a training step with that of its bare matrix products by the fastest engine, side by side.

    Engines are the libraries that PyTorch and NumPy bring. Where the machine is noisy nothing is reported: exit status 1.

    Args:
        activations: names of activations
        side: the step is on side x side coordinates
        width: neurons of a hidden layer
        depth: hidden layers, at least 2
        seconds: how long to measure, without the time for compiling
        device: where to measure; auto takes CUDA or MPS if there is one
    """
    with bad_input_is_a_sentence():
        for activation in activations:
            flags.refuse_activation(activation)
    with bad_input_is_a_sentence(), importable_here(activations):
        with importing():
            from bwtheory.training.benchmark import Problem, benchmark
            from bwtheory.training.devices import has_compiler, pick_device

        problem = Problem(side, width, depth, pick_device(device))
        measured = benchmark(problem, activations, problem.device != "mps" and has_compiler(), seconds)
    from bwtheory.training.benchmark_report import report

    return report(problem, measured)
