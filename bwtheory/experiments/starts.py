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
    FirstLayer,
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
DENSE = 32  # points an axis, on which a neuron that is 0 counts as dead
# Names of starts and their gain, which for PyTorch's default is c
DIAL = {"pytorch": (1.5, 2.0, 3.0, 5.0, 9.0), "scales": (0.5, 1.0, 2.0, 3.0, 6.0), "edge": (0.5, 1.0, 2.0, 3.0, 6.0)}
PLACES = np.random.default_rng(1).uniform(-1, 1, (16, 2))  # where the first layer is predicted
STEP = 1e-7  # of differences in float64: ψ is piecewise linear, and rarely has a knot within
CASES = (("pytorch", 3.0), ("pytorch", 9.0), ("scales", 1.0), ("scales", 6.0), ("edge", 1.0))


def start_of(init: str, gain: float) -> Scales | None:
    """A start with another gain; None for PyTorch's default, of which the gain is c."""
    start = STARTS[init]
    return None if start is None else replace(start, gain=gain)


@dataclass(frozen=True)
class Measured:
    """Of a layer: mean squares of features and of their derivatives along an axis, growth of gradients, shares of neurons."""

    square: float
    derivative_square: float
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
    with torch.no_grad():
        moved = [network.features(x + STEP * torch.eye(2, dtype=x.dtype)[axis]) for axis in (0, 1)]
    axis = torch.linspace(-1, 1, DENSE, dtype=torch.float64)
    with torch.no_grad():
        everywhere = network.features(torch.cartesian_prod(axis, axis))
    found = []
    features = [h.detach() for h in features]
    for layer, (u, h) in enumerate(zip(arguments, features)):
        growth = mean_squares[layer - 1] / mean_squares[layer] if layer and mean_squares[layer] else None
        active = float(((u > SUPPORT[0]) & (u < SUPPORT[1])).double().mean())
        dead = float((everywhere[layer] == 0).all(0).double().mean())
        derivatives = torch.stack([(each[layer] - h) / STEP for each in moved])
        found.append(Measured(float(h.square().mean()), float(derivatives.square().mean()), growth, active, dead))
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
    derivative_square: float
    growth: float | None
    active: float | None
    dead: float


def predict_layers(start: Scales | None, c: float, width: int, depth: int, first: FirstLayer) -> list[Predicted]:
    """Layers of a wide network, from what is known of its first layer at some places.

    The growth through layer l multiplies a mean square of gradients with respect to the argument of layer l − 1: weights of
    layer l and slopes of ψ in layer l − 1.
    """
    rule = deeper(start, c, width)
    squares, slope_squares, derivatives = first.square, first.slope_square, first.derivative_square
    dead = dead_in_first_layer(2, c) if start is None else 0.0
    layers = [Predicted(float(squares.mean()), float(derivatives.mean()), None, None, dead)]
    for _ in range(1, depth):
        growth = rule.gain**2 / 3 * float(slope_squares.mean())
        at = [rule.at(q) for q in squares]
        squares, slope_squares, active = (np.array([getattr(m, n) for m in at]) for n in ("square", "slope_square", "active"))
        derivatives = rule.gain**2 / 3 * slope_squares * derivatives
        square, derivative_square = float(squares.mean()), float(derivatives.mean())
        layers.append(Predicted(square, derivative_square, growth, float(active.mean()), 1 - float(active.max())))
    return layers


def first_moments(start: Scales | None, c: float, places: np.ndarray) -> FirstLayer:
    """Of the first layer at places (Q, 2): by the theory for a start by scales, by sampling for PyTorch's."""
    if start is not None:
        return first_layer(start, 2, places)
    generator = np.random.default_rng(0)
    w, b = (generator.uniform(-1, 1, (100_000, size)) * c / math.sqrt(2) for size in (2, 1))
    u = w @ places.T + b
    slopes = psi_slope(u) ** 2
    return FirstLayer((psi(u) ** 2).mean(0), slopes.mean(0), ((w**2).sum(1, keepdims=True) / 2 * slopes).mean(0))


def roughness(start: Scales | None, c: float, width: int, depth: int) -> float:
    """√(D/q) in the last hidden layer at the start, predicted: change per unit of a coordinate, relative to the features' size.

    Times the distance of neighbouring pixels it says before any training whether a network will be noise there: above 1.
    """
    last = predict_layers(start, c, width, depth, first_moments(start, c, PLACES))[-1]
    return math.sqrt(last.derivative_square / last.square)


def rows_of(seeds: int, widths: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """A row for each start, width and layer: measured means over seeds with standard errors, and what was predicted."""
    for init, gain in CASES:
        start = start_of(init, gain)
        first = first_moments(start, gain, PLACES)
        for width in widths:
            predicted = predict_layers(start, gain, width, DEPTH, first)
            measured = [measure(init, gain, width, DEPTH, seed) for seed in range(seeds)]
            for layer in range(DEPTH):
                found = [each[layer] for each in measured]
                row: dict[str, Any] = {"init": init, "gain": gain, "width": width, "layer": layer + 1}
                for name in ("square", "derivative_square", "growth", "active", "dead"):
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
        "roughness": {
            f"{init}, gain {gain:g}": roughness(start_of(init, gain), gain, 64, 3)
            for init, gains in DIAL.items()
            for gain in gains
        },
        "dead_in_first_layer": {f"d = {d}, c = {c:g}": dead_in_first_layer(d, c) for d in (1, 2, 3) for c in (3.0, 9.0)},
    }


def table(rows: list[dict[str, Any]]) -> Table:
    """Predictions beside measurements, for the page; roughness is √(D/q), D the mean square of derivatives along an axis."""
    cells = []
    for row in rows:
        if row["width"] not in (64, 1024) or row["layer"] not in (1, 2, 3, DEPTH):
            continue
        line = [row["init"], f"{row['gain']:g}", str(row["width"]), str(row["layer"])]
        for name in ("square", "roughness", "growth", "active", "dead"):
            line.append(" / ".join(_cell(row, name, of) for of in ("", "_predicted")))
        cells.append(line)
    columns = ("start", "gain", "width", "layer", "E ψ²", "roughness", "χ", "active", "dead, at most")
    return Table("At the start: measured / predicted", columns, cells)


def _cell(row: dict[str, Any], name: str, of: str) -> str:
    if name == "roughness":
        pair = row[f"derivative_square{of}"], row[f"square{of}"]
        derivative, square = (value[0] if isinstance(value, list) else value for value in pair)
        return f"{math.sqrt(derivative / square):.3g}"
    value = row[f"{name}{of}"]
    return "–" if value is None else f"{value[0] if isinstance(value, list) else value:.3g}"


def main() -> None:
    """Measure, print the table, and write the file."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("file", type=Path)
    flags.add_argument("--seeds", type=int, default=6)
    flags.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    given = flags.parse_args()
    rows = list(rows_of(given.seeds, tuple(given.widths)))
    found = table(rows)
    found.show(wide_console())
    print("\n".join(found.markdown()))
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
