"""How the weights of a network start, as data: known to the theory, to the networks and to the command line.  No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Scales:
    """A start with neurons of several scales everywhere in the domain; all numbers are of the activation's argument u.

    The argument is what a fixed function is applied to: u = c·z for ψ(cz), ω₀z for SIREN, σ₀z for Gauss, z for ReLU.

    First layer: u = s·d·(x − x₀) + m, with a direction d uniform on the sphere, a place x₀ uniform in the domain, a scale s
    with log s uniform, and m the middle of the activation's window, 3/2 for ψ: every neuron has its middle inside the domain.
    Deeper layers: u = Σ w h + b with w ~ U(±gain/√n) for n features, b ~ U(bias_centre ± bias_spread).

    Under Adam the step of a number in u is the learning rate times ``first_step`` for the first layer's weights, the
    activation's scale (c, …) for deeper weights, ``bias_step`` for all these biases, and 1 in the output layer.  Without a
    start by scales it is the activation's scale for all but the output layer.

    Parameters
    ----------
    smallest_scale, largest_scale : of s, > 0
    bias_centre, bias_spread : of deeper layers; None for the middle and half the width of the window (ψ's support)
    gain : of deeper layers, > 0, from smooth to noise; None leaves the weights as they are without a start by scales, which is
        the gain c for ψ(cz)
    first_step, bias_step : > 0; None for 4 and 2 with BW-ReLU, and the activation's scale with others
    """

    smallest_scale: float = 0.5
    largest_scale: float = 3.0
    bias_centre: float | None = None
    bias_spread: float | None = None
    gain: float | None = None
    first_step: float | None = None
    bias_step: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"The start's {field.name} is a finite number; got {value!r}.")
            smallest = -math.inf if field.name == "bias_centre" else 0
            if value < smallest or (value == 0 and field.name not in ("bias_centre", "bias_spread")):
                raise ValueError(f"The start's {field.name} is positive; got {value}.")
        if self.smallest_scale > self.largest_scale:
            raise ValueError(
                f"A start needs smallest_scale <= largest_scale; got {self.smallest_scale:g} and {self.largest_scale:g}."
            )


STARTS: dict[str, Scales | None] = {
    "pytorch": None,  # PyTorch's default, and for SIREN and FINER what their papers say
    "scales": Scales(smallest_scale=0.5, largest_scale=3.0, gain=1.0),
    # deeper biases at the edge of ψ's support, where it begins like a ReLU of slope 1/6
    "edge": Scales(smallest_scale=0.5, largest_scale=3.0, bias_centre=0.0, bias_spread=0.26, gain=1.0),
}


def named_start(name: str, options: Mapping[str, Any] | None = None) -> Scales | None:
    """A start by its name, with some of its numbers changed.

    ValueError for a name or an option that there is not, and for options of a start that has none.
    """
    if name not in STARTS:
        raise ValueError(f"There is no start {name!r}; there are {', '.join(STARTS)}.")
    start, options = STARTS[name], dict(options or {})
    known = [field.name for field in fields(Scales)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"A start has no option {unknown[0]!r}; it has: {', '.join(known)}.")
    if start is None:
        if options:
            raise ValueError(f"The start {name!r} has no options; {next(iter(options))} is one of {_with_options()}.")
        return None
    return Scales(**{**vars(start), **options})


def _with_options() -> str:
    return " and ".join(repr(name) for name, start in STARTS.items() if start is not None)
