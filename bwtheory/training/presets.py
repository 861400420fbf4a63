"""Settings by task and activation, as data, each with its source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bwtheory.catalogue import ACTIVATIONS, GIVEN, TASKS

OURS = "ours, not tuned"


@dataclass(frozen=True)
class Preset:
    """Fields of a ``TrainingConfig``, options of the activation, and where they come from."""

    settings: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    source: str = OURS


TASK_SETTINGS: dict[str, dict[str, Any]] = {name: row.settings for name, row in TASKS.items()} | {GIVEN: {}}

_D1, _D2, _D3 = (f"paper, Appendix D.{n}" for n in (1, 2, 3))
_CODE = "frequencies from the published code"
_SMALL = "ours, of seven tried by hand on CT of two small images"
_SCRIPT = "the published univariate script, c in the network"

PRESETS: dict[tuple[str, str], Preset] = {
    ("signal", "bw-relu"): Preset({"lr": 4e-3}, {"c": 9.0}, _D1),
    ("signal", "siren"): Preset({"lr": 2e-3}, {"omega_0": 50.0}, _D1),
    ("signal", "wire"): Preset({"lr": 1e-3}, {"omega_0": 20.0, "sigma_0": 10.0}, _D1),
    ("signal", "relu-pe"): Preset({"lr": 4e-3}, {"frequencies": 7}, f"{_D1}; {_CODE}"),
    ("superres", "bw-relu"): Preset({"lr": 3e-3}, {"c": 3.0}, _D2),
    ("superres", "siren"): Preset({"lr": 2e-3}, {"omega_0": 12.0}, _D2),
    ("superres", "wire"): Preset({"lr": 3e-3}, {"omega_0": 8.0, "sigma_0": 6.0}, _D2),
    ("superres", "relu-pe"): Preset({"lr": 4e-3}, {"frequencies": 7}, f"{_D2}; {_CODE} for sides of 512 to 1023"),
    ("ct", "bw-relu"): Preset({"lr": 2e-3}, {"c": 3.0}, _D3),
    ("ct", "siren"): Preset({"lr": 1e-3}, {"omega_0": 25.0}, _D3),
    ("ct", "wire"): Preset({"lr": 5e-3}, {"omega_0": 7.0, "sigma_0": 10.0}, _D3),
    ("ct", "relu-pe"): Preset({"lr": 3e-3}, {"frequencies": 4}, f"{_D3}; {_CODE} for 100 projections"),
    ("superres", "finer"): Preset({"lr": 2e-3, "symmetric_targets": True}, {"omega_0": 10.0, "first_bias_scale": 2.0}, _SMALL),
    ("ct", "finer"): Preset({"lr": 2e-3, "symmetric_targets": True}, {"omega_0": 10.0, "first_bias_scale": 2.0}, _SMALL),
    ("univariate", "bw-relu"): Preset({"lr": 5e-3, "skip": True}, {"c": 1.0}, _SCRIPT),
    ("univariate", "relu"): Preset({"lr": 5e-3}, {}, _SCRIPT),
    ("denoise", "bw-relu"): Preset({"lr": 2e-3}, {"c": 3.0}),
    ("inpaint", "bw-relu"): Preset({"lr": 2e-3}, {"c": 3.0}),
    ("physics", "bw-relu"): Preset({"lr": 2e-3}, {"c": 3.0}),
    ("audio", "bw-relu"): Preset({"lr": 2e-3, "input_scale": 100.0}, {"c": 3.0}),
    ("audio", "siren"): Preset({"lr": 1e-4, "input_scale": 100.0}, {"omega_0": 30.0}),
}

# For a task and activation without an entry above.
DEFAULTS: dict[str, Preset] = {name: Preset(row.settings, row.values) for name, row in ACTIVATIONS.items()}

# --faithful: the published code where it differs from the paper, by task and, where that matters, activation.
# Not here: the univariate script's plateau schedule for --c below 1, as its network has c = 1 whatever --c says.
FAITHFUL_SOURCE = "the published code"
FAITHFUL_TASK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # fields, task options
    "signal": ({}, {"normalize": True}),
    "superres": ({"decay": 0.1}, {"shrink": 3, "antialiased": True}),
    "ct": ({"decay_epochs": 5000}, {"published_geometry": True}),
    "univariate": ({"decay": 1.0}, {"samples": 20}),
}
FAITHFUL_ACTIVATION: dict[tuple[str, str], dict[str, Any]] = {("signal", "bw-relu"): {"lr": 3e-3}}  # its README
