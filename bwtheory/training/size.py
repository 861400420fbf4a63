"""How large a network is and what memory its training takes at least, by arithmetic: known before anything is built."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import torch

from bwtheory import units
from bwtheory.nn.activations import Activation, build_activation
from bwtheory.nn.network import Plan, real_numbers
from bwtheory.tasks import dimensions_of
from bwtheory.training.config import TrainingConfig

COPIES = 4  # of each number: itself, its gradient, and Adam's two moments
BYTES_OF_A_LAYER = 9_000  # of Python's objects: measured, for a layer of one neuron, its gradients and their moments


def count_parameters(
    activation: str | type[Activation],
    options: dict[str, Any],
    in_features: int,
    out_features: int,
    hidden_features: int,
    hidden_layers: int,
    linear_layers: bool = False,
    skip: bool = False,
) -> int:
    """``INR(…).count_parameters()`` of the network that these describe, without building it."""
    try:
        with torch.device("meta"):  # Fourier features of a wide network are many
            kind = build_activation(activation, options)
    except (RuntimeError, NotImplementedError):  # one of your own that looks at its numbers
        kind = build_activation(activation, options)
    plan = Plan.of(kind, in_features, out_features, hidden_features, hidden_layers, linear_layers, skip)
    return sum(maps.parameters for maps in plan) + real_numbers(kind)


def training_bytes(parameters: int, layers: int = 0, networks: int = 1, double: bool = False) -> int:
    """What training takes at least: the networks' numbers in ``COPIES``, and the objects that hold them."""
    return networks * (parameters * COPIES * (8 if double else 4) + layers * BYTES_OF_A_LAYER)


def refuse_what_does_not_fit(what: str, needed: float) -> None:
    """ValueError if this takes more bytes than are free."""
    free = available_bytes()
    if needed > free:
        raise ValueError(f"{what} takes at least {units.size(needed)} of memory, and {units.size(free)} are free.")


def refuse_to_train(config: TrainingConfig, networks: int = 1) -> None:
    """ValueError if training this configuration, several networks at once, takes more memory than is free."""
    dimensions = dimensions_of(config.task, config.task_options)
    shape = dimensions, 1, config.hidden_features, config.hidden_layers, config.linear_layers, config.skip
    parameters = count_parameters(config.activation, config.options, *shape)
    layers = config.hidden_layers * (2 if config.linear_layers else 1)
    what = f"Training {networks:,} networks" if networks > 1 else "Training a network"
    refuse_what_does_not_fit(
        f"{what} of {parameters:,} parameters", training_bytes(parameters, layers, networks, config.double)
    )


def available_bytes() -> float:
    """Memory that this process can still get: of the machine, of its control group, of its own limit; inf if nothing says."""
    return min(_of_machine(), _of_control_group(), _of_process())


def _of_machine() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return math.inf  # no Linux: the operating system says it when the time comes


def _of_control_group() -> float:
    """Of a container: its limit less what it uses, of which the cached files can be given back."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = ((folder / f"memory.{name}").read_text(encoding="ascii").strip() for name in ("max", "current"))
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return math.inf if limit == "max" else int(limit) - int(used) + int(statistics.get("file", 0))
    except (OSError, ValueError):
        return math.inf


def _of_process() -> float:
    if sys.platform == "win32":
        return math.inf
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return math.inf
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        pages = 0
    return max(0, soft - pages * resource.getpagesize())
