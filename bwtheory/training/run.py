"""The run directory: what is written there, atomically, and the way back from it."""

from __future__ import annotations

import io
import json
import math
import pickle
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

import bwtheory
from bwtheory.files import write_atomically
from bwtheory.nn import INR
from bwtheory.tasks import TASKS
from bwtheory.torch_settings import usual_settings
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gradient import predict


class RunDirectory:
    """config.json, metrics.jsonl, checkpoint.pt, weights.safetensors, summary.json and the reconstruction of one run."""

    def __init__(self, path: Path):
        self.path = path
        self.config_file = path / "config.json"
        self.metrics_file = path / "metrics.jsonl"
        self.checkpoint_file = path / "checkpoint.pt"
        self.weights_file = path / "weights.safetensors"
        self.summary_file = path / "summary.json"

    @classmethod
    def create(cls, path: Path, config: TrainingConfig) -> RunDirectory:
        """A new run directory.

        Raises ValueError if the folder already holds a run: a new one would destroy it.
        """
        run = cls(path)
        run.refuse_existing()
        path.mkdir(parents=True, exist_ok=True)
        write_atomically(run.config_file, lambda file: file.write(_json_bytes(config.to_json())))
        return run

    def refuse_existing(self) -> None:
        """ValueError if the folder already holds a run."""
        if self.config_file.exists():
            raise ValueError(
                f"{self.path} already holds a run; continue it with --resume {self.path}, or choose another --out."
            )

    def read_config(self) -> TrainingConfig:
        """The run's configuration; ValueError with one sentence if there is none or it is damaged."""
        try:
            return TrainingConfig.from_json(json.loads(self.config_file.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            raise ValueError(f"{self.path} is no run directory: it has no config.json.") from None
        except (json.JSONDecodeError, TypeError, ValueError) as error:
            raise ValueError(f"{self.config_file} cannot be used: {error}") from None

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Atomically replace checkpoint.pt."""
        buffer = io.BytesIO()  # on a full disk torch.save raises a RuntimeError about its own bookkeeping
        torch.save(state, buffer)
        write_atomically(self.checkpoint_file, lambda file: file.write(buffer.getbuffer()))

    def load_checkpoint(self, config: TrainingConfig) -> dict[str, Any] | None:
        """The last checkpoint, or None before the first one; ValueError if it is of another configuration than this one."""
        if not self.checkpoint_file.exists():
            return None
        try:
            checkpoint = torch.load(self.checkpoint_file, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError):
            raise ValueError(f"{self.checkpoint_file} is damaged and cannot be read.") from None
        now, then = config.to_json(), TrainingConfig.from_json(checkpoint["config"]).to_json()  # with the fields added since
        changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
        if changed:
            name = changed[0]
            raise ValueError(
                f"{self.config_file} says {name} = {now.get(name)!r}, but its checkpoint was made with {then.get(name)!r}."
            )
        return checkpoint

    def read_metrics(self) -> list[dict[str, Any]]:
        """The logged steps, oldest first."""
        return [json.loads(line) for line in self.metrics_file.read_text(encoding="utf-8").splitlines()]

    def read_summary(self) -> dict[str, Any]:
        """What the finished run reports; FileNotFoundError for an unfinished one."""
        summary = json.loads(self.summary_file.read_text(encoding="utf-8"))
        if "psnr" in summary and summary["psnr"] is None:
            summary["psnr"] = math.inf  # of an exact fit, see ``with_null``
        return summary

    def save_weights(self, network: INR) -> None:
        """Atomically replace weights.safetensors."""
        tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        write_atomically(self.weights_file, lambda file: file.write(save(tensors)))

    def save_summary(self, summary: dict[str, Any]) -> None:
        """Atomically replace summary.json: it exists only for finished runs."""
        write_atomically(self.summary_file, lambda file: file.write(_json_bytes(summary)))


@usual_settings()
def build_network(config: TrainingConfig, out_features: int) -> INR:
    """The network of a configuration, initialized from its seed; in its precision, on the CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = INR(
            TASKS[config.task].in_features,
            out_features,
            config.hidden_features,
            config.hidden_layers,
            config.activation,
            linear_layers=config.linear_layers,
            skip=config.skip,
            input_scale=config.input_scale,
            output_scale=0.5 if config.symmetric_targets else 1.0,
            output_shift=0.5 if config.symmetric_targets else 0.0,
            **config.options,
        )
    return network.double() if config.double else network


def build_optimizer(config: TrainingConfig, network: INR) -> torch.optim.Optimizer:
    """The optimizer of a configuration, all parameters in one call where torch has that."""
    parameters = list(network.parameters())
    fused = all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)
    algorithm = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[config.optimizer]
    return algorithm(parameters, lr=config.lr, fused=True if fused else None)  # False would mean a loop over parameters


@dataclass(frozen=True)
class TrainedFunction:
    """What a run has learned, a function of coordinates; ``network`` and ``config`` are what it is made of."""

    network: INR
    config: TrainingConfig

    @usual_settings()
    def __call__(self, coordinates: np.ndarray) -> np.ndarray:
        """Coordinates (N, d) in [−1, 1] -> values (N, C), NumPy arrays."""
        x = torch.as_tensor(np.asarray(coordinates), dtype=torch.float64 if self.config.double else torch.float32)
        return predict(self.network, x, self.config.chunk_size).numpy()


def load(run_dir: str | Path) -> TrainedFunction:
    """The function that a run has learned: coordinates (N, d) in [−1, 1] -> values (N, C), NumPy arrays.

    Parameters
    ----------
    run_dir : a run directory; its final weights, or those of the last checkpoint of an unfinished run

    Raises
    ------
    ValueError
        If the folder is no run directory, holds no weights yet, or weights that do not fit its configuration.
    """
    run = RunDirectory(Path(run_dir))
    config = run.read_config()
    if run.weights_file.exists():
        try:
            state = load_file(run.weights_file)
        except SafetensorError as error:
            raise ValueError(f"{run.weights_file} is damaged: {error}") from None
    else:
        checkpoint = run.load_checkpoint(config)
        if checkpoint is None:
            raise ValueError(f"{run_dir} holds no weights yet.")
        state = checkpoint["network"]
    if "output.bias" not in state:
        raise ValueError(f"{run_dir} holds weights of another network than its config.json describes.")
    network = build_network(config, len(state["output.bias"]))
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise ValueError(f"{run_dir} holds weights of another network than its config.json describes.") from None
    return TrainedFunction(network.eval(), config)


def source_commit() -> str | None:
    """The commit of the checkout that this code runs from, "-dirty" if files differ from it; None without one."""
    checkout = Path(bwtheory.__file__).resolve().parents[1]
    if not (checkout / ".git").exists() or not shutil.which("git"):
        return None
    words = ["git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def _json_bytes(value: dict[str, Any]) -> bytes:
    return (json.dumps(with_null(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def with_null(value: Any) -> Any:
    """JSON has no infinities: what is not a finite number, such as the PSNR of an exact fit, becomes null."""
    if isinstance(value, dict):
        return {name: with_null(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [with_null(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
