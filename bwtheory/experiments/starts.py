"""How networks start: the theory's predictions beside measurements, without training.

``python -m bwtheory.experiments.starts results/initialization.json`` measures and writes what docs/initialization.md shows.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bwtheory.experiments.tables import Table, wide_console
from bwtheory.files import write_text
from bwtheory.nn import INR
from bwtheory.propagation import (
    SUPPORT,
    dead_in_first_layer,
    deeper,
    first_layer,
    gain_of_unit_argument,
    gain_of_unit_growth,
    psi,
    psi_slope,
)
from bwtheory.starts import STARTS, Scales
from bwtheory.torch_settings import usual_settings

WIDTHS = (32, 64, 128, 256, 512, 1024)
DEPTH = 8
POINTS = 256  # of the domain [−1, 1]²
DENSE = 48  # points an axis, on which a neuron that is 0 counts as dead
# Names of starts and their gain, which for PyTorch's default is c
CASES = (("pytorch", 3.0), ("pytorch", 9.0), ("scales", 1.0), ("scales", 6.0), ("edge", 1.0))


def start_of(init: str, gain: float) -> Scales | None:
    """A start with another gain; None for PyTorch's default, of which the gain is c."""
    start = STARTS[init]
    return None if start is None else replace(start, gain=gain)


@dataclass(frozen=True)
class Measured:
    """Of one layer: mean square of its features, growth of gradients through it, fractions of neurons active and dead."""

    square: float
    growth: float | None
    active: float
    dead: float


@usual_settings()
def measure(init: str, gain: float, width: int, depth: int, seed: int, points: int = POINTS) -> list[Measured]:
    """The layers of one network with random weights, at fixed points that are random in the domain.

    The growth of layer l is the ratio of the mean squares of the gradients with respect to the arguments of ψ in the layer l
    before and in layer l itself; the first layer has none, and that of the last one is of the output's gradient.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = INR(2, 1, width, depth, c=gain, init=start_of(init, gain) or "pytorch").double()
    x = torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, (points, 2)))
    arguments, features, values = _forward(network, x)
    gradients = torch.autograd.grad(values.sum(), arguments)
    mean_squares = [float(gradient.square().mean()) for gradient in gradients]
    axis = torch.linspace(-1, 1, DENSE, dtype=torch.float64)
    with torch.no_grad():
        everywhere = network.features(torch.cartesian_prod(axis, axis))
    found = []
    features = [h.detach() for h in features]
    for layer, (u, h) in enumerate(zip(arguments, features)):
        growth = mean_squares[layer - 1] / mean_squares[layer] if layer and mean_squares[layer] else None
        active = float(((u > SUPPORT[0]) & (u < SUPPORT[1])).double().mean())
        dead = float((everywhere[layer] == 0).all(0).double().mean())
        found.append(Measured(float(h.square().mean()), growth, active, dead))
    return found


def _forward(network: INR, x: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
    arguments, features, z = [], [], x
    for linear, activation in network.layers():
        z = linear(z)
        if activation is not None:
            scale = activation.argument_scale
            u = scale * z
            arguments.append(u)
            z = activation(u / scale)
            features.append(z)
    return arguments, features, z


@dataclass(frozen=True)
class Predicted:
    """What the theory says of a layer, as ``Measured`` has it; ``dead`` is an upper bound in deeper layers."""

    square: float
    growth: float | None
    active: float | None
    dead: float


def predict_layers(init: str, gain: float, width: int, depth: int, first: tuple[np.ndarray, np.ndarray]) -> list[Predicted]:
    """Layers of a wide network, from the mean squares of ψ and ψ′ in its first layer at some places, each (Q,).

    The growth through layer l multiplies a mean square of gradients with respect to the argument of layer l − 1: weights of
    layer l and slopes of ψ in layer l − 1.
    """
    start = start_of(init, gain)
    rule = deeper(start, gain, width)
    squares, slope_squares = first
    layers = [Predicted(float(squares.mean()), None, None, dead_in_first_layer(2, gain) if start is None else 0.0)]
    for _ in range(1, depth):
        growth = rule.gain**2 / 3 * float(slope_squares.mean())
        at = [rule.at(q) for q in squares]
        squares, slope_squares, active = (np.array([getattr(m, n) for m in at]) for n in ("square", "slope_square", "active"))
        layers.append(Predicted(float(squares.mean()), growth, float(active.mean()), 1 - float(active.max())))
    return layers


def first_moments(init: str, gain: float, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E ψ² and E ψ′² in the first layer at places (Q, 2): by the theory for a start by scales, by sampling for PyTorch's."""
    start = start_of(init, gain)
    if start is not None:
        return first_layer(start, 2, places)
    generator = np.random.default_rng(0)
    w, b = (generator.uniform(-1, 1, (100_000, size)) * gain / math.sqrt(2) for size in (2, 1))
    u = w @ places.T + b
    return (psi(u) ** 2).mean(0), (psi_slope(u) ** 2).mean(0)


def rows_of(seeds: int, widths: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """A row for each start, width and layer: measured means over seeds with standard errors, and what was predicted."""
    places = np.random.default_rng(1).uniform(-1, 1, (16, 2))
    for init, gain in CASES:
        first = first_moments(init, gain, places)
        for width in widths:
            predicted = predict_layers(init, gain, width, DEPTH, first)
            measured = [measure(init, gain, width, DEPTH, seed) for seed in range(seeds)]
            for layer in range(DEPTH):
                found = [each[layer] for each in measured]
                row: dict[str, Any] = {"init": init, "gain": gain, "width": width, "layer": layer + 1}
                for name in ("square", "growth", "active", "dead"):
                    values = [getattr(each, name) for each in found]
                    row[name] = None if None in values else [float(np.mean(values)), _error(values)]
                    row[f"{name}_predicted"] = getattr(predicted[layer], name)
                yield row


def _error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def gains() -> dict[str, Any]:
    """The gains that the theory singles out, for biases over the whole support and at its edge, and dead first neurons."""
    middle, reach = sum(SUPPORT) / 2, (SUPPORT[1] - SUPPORT[0]) / 2
    edge = STARTS["edge"]
    assert edge is not None and edge.bias_centre is not None and edge.bias_spread is not None
    places = {"whole support": (middle, reach), "edge": (edge.bias_centre, edge.bias_spread)}
    return {
        "unit_growth": {name: gain_of_unit_growth(*place) for name, place in places.items()},
        "unit_argument": {name: gain_of_unit_argument(*place) for name, place in places.items()},
        "dead_in_first_layer": {f"d = {d}, c = {c:g}": dead_in_first_layer(d, c) for d in (1, 2, 3) for c in (3.0, 9.0)},
    }


def tables(rows: list[dict[str, Any]]) -> list[Table]:
    """Predictions beside measurements, for the page."""
    columns = (
        "start",
        "gain",
        "width",
        "layer",
        "E ψ²",
        "predicted",
        "χ",
        "predicted",
        "active",
        "predicted",
        "dead",
        "at most",
    )
    cells = []
    for row in rows:
        if row["width"] not in (64, 1024) or row["layer"] not in (1, 2, 3, DEPTH):
            continue
        line = [row["init"], f"{row['gain']:g}", str(row["width"]), str(row["layer"])]
        for name in ("square", "growth", "active", "dead"):
            found = row[name]
            line.append("" if found is None else f"{found[0]:.3g}")
            predicted = row[f"{name}_predicted"]
            line.append("" if predicted is None else f"{predicted:.3g}")
        cells.append(line)
    return [Table("Predicted and measured at the start", columns, cells)]


def main() -> None:
    """Measure, print the table, and write the file."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("file", type=Path)
    flags.add_argument("--seeds", type=int, default=8)
    flags.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    given = flags.parse_args()
    rows = list(rows_of(given.seeds, tuple(given.widths)))
    for table in tables(rows):
        table.show(wide_console())
        print("\n".join(table.markdown()))
    where = {"command": f"python -m bwtheory.experiments.starts {given.file}", "seeds": given.seeds}
    where |= {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()}
    lines = [json.dumps(row) for row in rows]
    content = (
        f'{{"provenance": {json.dumps(where)},\n"gains": {json.dumps(gains())},\n"layers": [\n' + ",\n".join(lines) + "\n]}\n"
    )
    json.loads(content)
    write_text(given.file, content)


if __name__ == "__main__":
    main()
