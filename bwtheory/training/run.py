"""The run directory: what is written there, atomically, and the way back from it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

import bwtheory
from bwtheory.catalogue import GIVEN
from bwtheory.files import LARGEST_TEXT, locked, parse_json, read_bytes, read_json, write_bytes
from bwtheory.nn import INR
from bwtheory.starts import named_start
from bwtheory.tasks import dimensions_of
from bwtheory.torch_settings import usual_settings
from bwtheory.training.config import TrainingConfig
from bwtheory.training.muon import MuonWithAdam, matrices_of
from bwtheory.training.run_files import CHECKPOINT, CONFIG, METRICS, SUMMARY, WEIGHTS, has_files_of_run, not_a_run
from bwtheory.training.sealed import (
    SavedWeights,
    check_checkpoint,
    check_finite,
    check_network,
    check_number,
    is_sha256,
    open_checkpoint,
    open_weights,
    seal_checkpoint,
    seal_weights,
)


class OtherConfiguration(ValueError):
    """What is in a run's folder was made with other settings than its config.json has; the sentence names one."""


class RunDirectory:
    """config.json, metrics.jsonl, checkpoint.pt, weights.safetensors, summary.json and the reconstruction of one run."""

    def __init__(self, path: Path):
        self.path = path
        self.config_file = path / CONFIG
        self.metrics_file = path / METRICS
        self.checkpoint_file = path / CHECKPOINT
        self.weights_file = path / WEIGHTS
        self.summary_file = path / SUMMARY

    @classmethod
    def create(cls, path: Path, config: TrainingConfig) -> RunDirectory:
        """A new run directory.

        Raises ValueError if the folder already holds a run: a new one would destroy it.
        """
        run = cls(path)
        run.refuse_existing(config)
        path.mkdir(parents=True, exist_ok=True)
        with locked(path):
            run.refuse_existing(config)  # of a process that began at the same time
            run._save_config(config)
        return run

    def refuse_existing(self, config: TrainingConfig | None = None) -> None:
        """ValueError if the folder already holds a run; it says so if that one, by its configuration, is of other data."""
        if not os.path.lexists(self.config_file):
            return
        try:
            source = config and self.read_config().source
        except ValueError:
            source = None
        if config is None or source in (None, config.source):
            raise ValueError(
                f"{self.path} already holds a run; continue it with --resume {self.path}, or choose another --out."
            )
        raise ValueError(
            f"{self.path} already holds a run of other data with the same name: {source}, not {config.source}; "
            "choose another --out for this one."
        )

    @property
    def has_files(self) -> bool:
        """Whether the folder has a file of a run, be it damaged; then it is no folder of runs."""
        return has_files_of_run(self.path)

    def read_config(self) -> TrainingConfig:
        """The run's configuration; ValueError with one sentence if there is none or it is damaged."""
        try:
            row = read_json(self.config_file)
        except (FileNotFoundError, NotADirectoryError):
            raise not_a_run(self.path) from None
        try:
            return TrainingConfig.from_json(row)
        except ValueError as error:
            raise ValueError(f"{self.config_file} cannot be used: {error}") from None

    def _save_config(self, config: TrainingConfig) -> None:
        write_bytes(self.config_file, json_bytes(config.to_json()))

    def refuse_foreign_code(self, config: TrainingConfig, trust: bool) -> None:
        """ValueError if the run would execute what is no part of this package, and nobody said that it may."""
        if config.foreign_code and not trust:
            names = " and ".join(config.foreign_code)
            raise ValueError(
                f"{self.path} runs code of your Python path or the current folder, {names}; "
                "if you trust it and this folder, add --trust (in Python trust=True)."
            )

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Atomically replace checkpoint.pt."""
        write_bytes(self.checkpoint_file, seal_checkpoint(state))

    def load_checkpoint(self, config: TrainingConfig) -> dict[str, Any] | None:
        """The last checkpoint, or None before the first one.

        ValueError if it is damaged, or of another configuration than this one or the one that this one extends.
        """
        name = str(self.checkpoint_file)
        try:
            content = read_bytes(self.checkpoint_file)
        except FileNotFoundError:
            return None
        checkpoint = open_checkpoint(content, name)
        then = check_checkpoint(checkpoint, name)
        self._require_same(config, then, "checkpoint was")
        return checkpoint

    def _require_same(self, config: TrainingConfig, then: TrainingConfig, made: str) -> None:
        field = config.difference(then)
        if field is not None:
            now, before = (getattr(each, field) for each in (config, then))
            raise OtherConfiguration(f"{self.config_file} says {field} = {now!r}, but its {made} made with {before!r}.")

    def read_metrics(self) -> list[dict[str, Any]]:
        """The logged steps, oldest first; ValueError if the log is not what was written."""
        content = read_bytes(self.metrics_file, LARGEST_TEXT)
        if os.path.lexists(self.summary_file):
            written = self.read_summary().get("metrics_sha256")
            if written and hashlib.sha256(content).hexdigest() != written:
                raise ValueError(f"{self.metrics_file} is damaged: it is not the log that the summary was made of.")
        rows = []
        for number, line in enumerate(content.splitlines(), 1):
            row = parse_json(line, f"{self.metrics_file}, line {number},")
            if not isinstance(row, dict):
                raise ValueError(f"{self.metrics_file} is damaged: line {number} is not an object with named values.")
            check_number(row, "epoch", f"{self.metrics_file}, line {number},", whole=True, smallest=0)
            rows.append(row)
        return rows

    def read_summary(self) -> dict[str, Any]:
        """What the finished run reports; FileNotFoundError for an unfinished one, ValueError for one that makes no sense."""
        try:
            return self._checked_summary()
        except ValueError as error:
            again = os.path.lexists(self.checkpoint_file)
            raise ValueError(
                f"{str(error).rstrip('.')}; delete it, and --resume makes it again." if again else str(error)
            ) from None

    def _checked_summary(self) -> dict[str, Any]:
        summary = read_json(self.summary_file)
        name = str(self.summary_file)
        if not isinstance(summary, dict):
            raise ValueError(f"{name} is damaged: it is not an object with named values.")
        written = summary.pop("content_sha256", None)
        check_number(summary, "epochs", name, whole=True, smallest=0)
        for field, smallest in {"kept_epoch": 0, "planned_epochs": 1, "parameters": 1}.items():
            if field in summary:
                check_number(summary, field, name, whole=True, smallest=smallest)
        for field in ("seconds", "loss"):
            if summary.get(field) is not None:
                check_number(summary, field, name, smallest=0)
        for field in ("sha256", "weights_sha256", "metrics_sha256"):
            if field in summary and not is_sha256(summary[field]):
                raise ValueError(f"{name} is damaged: {field} is not a SHA-256.")
        shape = summary.get("shape")
        if shape is not None:
            if not isinstance(shape, list) or len(shape) != 2:
                raise ValueError(f"{name} is damaged: shape is null or height and width; got {repr(shape)[:60]}.")
            for side, label in zip(shape, ("height", "width")):
                check_number({label: side}, label, name, "shape", whole=True, smallest=1, largest=2**31)
        for field, value in summary.items():
            if (field in SCORES and value is not None) or isinstance(value, float):
                check_number(summary, field, name)
        if written is not None and written != _hash_of_summary(summary):
            raise ValueError(f"{name} is damaged: its values are not those that were written.")
        if "psnr" in summary and summary["psnr"] is None:
            summary["psnr"] = math.inf  # of an exact fit, see ``with_null``
        return summary

    def is_finished(self, config: TrainingConfig) -> bool:
        """Whether there is a summary, and of as many epochs as the run has now; ValueError for a damaged one."""
        try:
            planned: int = self.read_summary().get("planned_epochs", config.epochs)
            return planned == config.epochs
        except (FileNotFoundError, NotADirectoryError):
            return False

    def save_weights(self, network: nn.Module, config: TrainingConfig) -> str:
        """Atomically replace weights.safetensors; returns the hash of what is in it."""
        content, sha256 = seal_weights(network, config)
        write_bytes(self.weights_file, content)
        return sha256

    def save_summary(self, summary: dict[str, Any]) -> None:
        """Atomically replace summary.json: it exists only for finished runs."""
        plain = with_null(summary)
        write_bytes(self.summary_file, json_bytes(plain | {"content_sha256": _hash_of_summary(plain)}))

    def extend(self, epochs: int) -> TrainingConfig:
        """Give the run more epochs; nothing is trained yet.  Whenever the process dies, it is as before, or extended.

        Raises ValueError for fewer epochs than the run has, and for a run that has ended before its last epoch.
        """
        with locked(self.path):
            config = self.read_config()
            more = config.extended(epochs)
            if more is config:
                return config
            checkpoint = self.load_checkpoint(config)
            if os.path.lexists(self.summary_file):
                if checkpoint is None:
                    raise ValueError(f"{self.path} has no checkpoint to continue from.")
                summary = self.read_summary()
                if checkpoint["epoch"] < config.epochs and self.is_finished(config):
                    raise ValueError(
                        f"{self.path} has ended at epoch {checkpoint['epoch']} of {config.epochs}, by its stopping rule or "
                        "because no step lowered the loss; more epochs would change nothing."
                    )
                self.save_summary({"planned_epochs": config.epochs, **summary})  # from now on it is that of the shorter run
            self._save_config(more)
            self.summary_file.unlink(missing_ok=True)
        return more

    def learned(self, config: TrainingConfig, given: nn.Module | None = None) -> tuple[nn.Module, str]:
        """The network that was trained, and a sentence if its weights file is damaged and they come from the checkpoint.

        A network that a program gave gets its weights back.  ValueError if there are no weights yet, or none that can be
        trusted to be those that were trained.
        """
        finished, name = self.is_finished(config), str(self.weights_file)
        weights, problem = self._saved_weights(config, finished)
        if weights is not None and weights.config is not None:
            return _with_state(config, weights.tensors, name, given), ""
        try:
            checkpoint = self.load_checkpoint(config)
        except ValueError as error:
            if weights is None or not finished or isinstance(error, OtherConfiguration):
                raise (problem or error) from None
            checkpoint = None
        if checkpoint is None:
            if weights is None:
                raise problem or ValueError(f"{self.path} holds no weights yet.")
            network = _with_state(
                config, weights.tensors, name, given
            )  # of the first versions, and nothing to compare them with
            check_finite(network.state_dict(), name)
            return network, ""
        kept = checkpoint.get("kept") if finished else None
        network = _with_state(config, kept["network"] if kept else checkpoint["network"], str(self.checkpoint_file), given)
        if not checkpoint["sealed"]:
            check_finite(network.state_dict(), str(self.checkpoint_file))
        if weights is not None and finished and not _equal(weights.tensors, network.state_dict()):
            problem = ValueError(f"{name} is damaged: it is not what the checkpoint holds.")
        return network, f"{str(problem).rstrip('.')}; what its checkpoint holds is taken instead." if problem else ""

    def _saved_weights(self, config: TrainingConfig, finished: bool) -> tuple[SavedWeights | None, ValueError | None]:
        """What the weights file holds, if it is there, whole, and of this configuration; what is wrong with it, if anything is.

        Nothing is wrong with weights of the run before it was extended, but they are not those that are wanted.
        """
        name = str(self.weights_file)
        try:
            weights = open_weights(read_bytes(self.weights_file), name)
        except FileNotFoundError:
            return None, ValueError(f"{self.path} is finished, but has no weights.safetensors.") if finished else None
        except ValueError as error:
            return None, error
        if weights.config is None:
            return weights, None
        try:
            self._require_same(config, weights.config, "weights were")
        except OtherConfiguration as error:
            return None, error
        if weights.config != config:
            return None, ValueError(f"{name} is that of the run before it had more epochs.") if finished else None
        summary = self.read_summary() if finished else {}
        if summary.get("weights_sha256", weights.sha256) != weights.sha256:
            return None, ValueError(f"{name} is damaged: it is not what the summary was made of.")
        return weights, None

    def restore(self, config: TrainingConfig) -> str:
        """Check a finished run, and write its weights file again from its checkpoint if it is damaged; a sentence says so."""
        try:
            self.read_metrics()
        except FileNotFoundError:
            if "metrics_sha256" in self.read_summary():  # the first versions did not note it
                raise ValueError(f"{self.metrics_file} is gone, which this finished run had written.") from None
        network, problem = self.learned(config)
        if problem:
            self.save_weights(network, config)
        return problem


STARTING = ".starting-"  # and the first folder's name and .json: the runs of a command that has not made all their folders yet


def create_runs(out: Path, configs: Mapping[str, TrainingConfig]) -> list[RunDirectory]:
    """New run directories in a folder, by name: all of them, even if the process is killed before the last one is made.

    What is to be made is noted first, for ``create_missing_runs``.  ValueError if one of the folders holds a run already.
    """
    note = out / f"{STARTING}{next(iter(configs))}.json"
    for name, config in configs.items():
        if note.exists() and os.path.lexists(out / name / CONFIG):
            raise ValueError(f"{out} has runs whose start was interrupted; continue them with --resume {out}.")
        RunDirectory(out / name).refuse_existing(config)
    if len(configs) == 1:
        return [RunDirectory.create(out / name, config) for name, config in configs.items()]
    out.mkdir(parents=True, exist_ok=True)
    write_bytes(note, json_bytes({name: config.to_json() for name, config in configs.items()}))
    runs = [RunDirectory.create(out / name, config) for name, config in configs.items()]
    note.unlink()
    return runs


def create_missing_runs(out: Path) -> None:
    """Make the run directories that a killed ``create_runs`` has left to be made; ValueError for a note that is damaged."""
    for note in out.glob(f"{STARTING}*.json"):
        rows = read_json(note)
        if not isinstance(rows, dict) or any(Path(name).name != name for name in rows):
            raise ValueError(f"{note} is damaged: it does not name folders of runs.")
        for name, row in rows.items():
            try:
                config = TrainingConfig.from_json(row)
            except ValueError as error:
                raise ValueError(f"{note} cannot be used: {error}") from None
            if not os.path.lexists(out / name / CONFIG):
                RunDirectory.create(out / name, config)
        note.unlink(missing_ok=True)


SCORES = (
    *("psnr", "grid_psnr", "off_grid_psnr", "off_grid_excess", "psnr_clipped", "psnr_paper", "psnr_unseen"),
    *("ssim", "max_error", "snr", "residual", "scale"),
)


def _hash_of_summary(summary: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(summary, sort_keys=True).encode()).hexdigest()


def _equal(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _with_state(
    config: TrainingConfig, state: Mapping[str, torch.Tensor], name: str, given: nn.Module | None = None
) -> nn.Module:
    """The network of a configuration, or a given one, with these weights; ValueError if they are not such a network's."""
    if given is not None:
        check_network(state, given, name)
        given.load_state_dict(state)
        return given
    if config.activation == GIVEN:
        raise ValueError(f"{Path(name).parent} has a network of a Python program; load it with bw.load(folder, network=…).")
    bias = state.get("output.bias")
    layers = sum(re.fullmatch(r"hidden\.\d+\.weight", str(key)) is not None for key in state)
    if not (isinstance(bias, torch.Tensor) and bias.ndim in (1, 2) and len(bias)) or layers != config.hidden_layers:
        found = (
            f"it has {layers} hidden layers, not {config.hidden_layers}" if layers != config.hidden_layers else "no output.bias"
        )
        raise ValueError(f"{name} holds weights of another network than its config.json describes: {found}.")
    try:
        if not config.foreign_code:
            with torch.device("meta"):  # takes no memory, whatever sizes the configuration has
                outline = build_network(config, len(bias))
            check_network(state, outline, name)
        network = build_network(config, len(bias))
    except ValueError as error:
        own = str(error).startswith(name)
        raise error if own else ValueError(f"{Path(name).parent / 'config.json'} describes no network: {error}") from None
    check_network(state, network, name)
    network.load_state_dict(state)
    return network


@usual_settings()
def build_network(config: TrainingConfig, out_features: int, activation: Any = None) -> INR:
    """The network of a configuration, initialized from its seed; in its precision, on the CPU.

    ``activation`` is what a program gave, a class, an instance or a function, and has no name in a configuration.
    ValueError for settings that make no network, or one that is too large for the memory.
    """
    if config.activation == GIVEN and activation is None:
        raise ValueError("this run has a network of a Python program; continue it by bw.fit(network, …, run=folder).")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        try:
            network = INR(
                dimensions_of(config.task, config.task_options),
                out_features,
                config.hidden_features,
                config.hidden_layers,
                config.activation if activation is None else activation,
                linear_layers=config.linear_layers,
                skip=config.skip,
                input_scale=config.input_scale,
                output_scale=0.5 if config.symmetric_targets else 1.0,
                output_shift=0.5 if config.symmetric_targets else 0.0,
                init=named_start(config.init, config.init_options) or "pytorch",
                **config.options,
            )
        except (TypeError, RuntimeError, OverflowError, MemoryError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise ValueError(
                f"There is no network of the activation {config.activation!r} with options {config.options}, hidden_layers = "
                f"{config.hidden_layers} and hidden_features = {config.hidden_features}: {reason.rstrip('.')}."
            ) from None
    return network.double() if config.double else network


def build_optimizer(config: TrainingConfig, network: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a configuration, all parameters in one call where torch has that."""
    if isinstance(network, INR):
        groups = network.parameter_groups(config.lr)
    else:
        groups = [{"params": list(network.parameters()), "lr": config.lr, "lr_multiple": 1.0}]
    parameters = [parameter for group in groups for parameter in group["params"]]
    plain = all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters)
    fused = True if plain else None  # False would mean a loop over parameters
    betas = config.beta1, config.beta2
    if config.optimizer == "muon":
        return MuonWithAdam(groups, matrices_of(network), fused, betas)
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, fused=fused)
    return torch.optim.Adam(groups, lr=config.lr, betas=betas, fused=fused)


def source_commit() -> str | None:
    """The commit of the checkout that this code runs from, "-dirty" if files differ from it; None without one."""
    checkout = Path(bwtheory.__file__).resolve().parents[1]
    if not (checkout / ".git").exists() or not shutil.which("git"):
        return None
    words = ["git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def json_bytes(value: dict[str, Any]) -> bytes:
    """JSON in UTF-8; names of files that are none are written with escapes, and come back."""
    text = json.dumps(with_null(value), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        return (text + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(with_null(value), indent=2, allow_nan=False) + "\n").encode()


def with_null(value: Any) -> Any:
    """JSON has no infinities: what is not a finite number, such as the PSNR of an exact fit, becomes null."""
    if isinstance(value, dict):
        return {name: with_null(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [with_null(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
