"""What a run is: everything needed to repeat it, and where its settings come from."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

APPENDIX_D1 = "paper, Appendix D.1"
OURS = "ours, not tuned"


@dataclass(frozen=True)
class Preset:
    """Learning rate and options of an activation for a task, and their source."""

    lr: float
    options: dict[str, float]
    source: str


PRESETS: dict[tuple[str, str], Preset] = {
    ("signal", "bw-relu"): Preset(4e-3, {"c": 9.0}, APPENDIX_D1),
    ("signal", "siren"): Preset(2e-3, {"omega_0": 50.0}, APPENDIX_D1),
    ("signal", "wire"): Preset(1e-3, {"omega_0": 20.0, "sigma_0": 10.0}, APPENDIX_D1),
    ("signal", "relu-pe"): Preset(4e-3, {"frequencies": 7}, f"{APPENDIX_D1}; frequencies from the published code"),
    ("signal", "relu"): Preset(4e-3, {}, OURS),
    ("signal", "relu-rff"): Preset(1e-3, {"sigma": 10.0}, OURS),
    ("signal", "gauss"): Preset(1e-3, {"sigma_0": 10.0}, OURS),
    ("signal", "finer"): Preset(5e-4, {"omega_0": 30.0}, OURS),
}


@dataclass(frozen=True)
class TrainingConfig:
    """One run.  The learning rate is lr·decay^(t/epochs) at epoch t (Appendix D); an epoch is one full-batch Adam step."""

    image: str
    task: str = "signal"
    activation: str = "bw-relu"
    options: dict[str, float] = field(default_factory=dict)
    hidden_features: int = 300
    hidden_layers: int = 3
    epochs: int = 1000
    lr: float = 1e-3
    decay: float = 0.1
    seed: int = 40
    coords: str = "stretch"
    device: str = "cpu"
    chunk: int = 8192
    settings_from: str = OURS

    def __post_init__(self) -> None:
        for name in ("hidden_features", "hidden_layers", "epochs", "chunk"):
            if getattr(self, name) < 1:
                raise ValueError(f"Training needs {name} >= 1; got {getattr(self, name)}.")
        if self.coords not in ("stretch", "isotropic"):
            raise ValueError(f"Coordinates are 'stretch' or 'isotropic'; got {self.coords!r}.")
        if not (self.lr > 0 and math.isfinite(self.lr)):
            raise ValueError(f"The learning rate must be positive and finite; got {self.lr}.")
        if not 0 < self.decay <= 1:
            raise ValueError(f"The decay rate lies in (0, 1]; got {self.decay}.")

    @property
    def run_name(self) -> str:
        """Name of the run's folder: task, activation, seed."""
        return f"{self.task}-{self.activation.rpartition(':')[2]}-seed{self.seed}"

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> TrainingConfig:
        """From ``to_json``; ValueError names a field that is not known or missing."""
        unknown = sorted(set(row) - {f.name for f in fields(cls)})
        if unknown or "image" not in row:
            raise ValueError(f"This configuration has an unknown field {unknown[0]!r}." if unknown else "It names no image.")
        return cls(**row)


def with_preset(given: dict[str, Any], options: dict[str, float]) -> TrainingConfig:
    """A configuration from what was given, completed by the preset of its task and activation."""
    task, activation = given.get("task", "signal"), given.get("activation", "bw-relu")
    preset = PRESETS.get((task, activation), Preset(1e-3, {}, OURS))
    source = preset.source
    if options or given.keys() & {"lr", "decay", "epochs", "hidden_features", "hidden_layers"}:
        source += ", with settings given on the command line"
    return TrainingConfig(**{"lr": preset.lr, "options": {**preset.options, **options}, "settings_from": source, **given})
