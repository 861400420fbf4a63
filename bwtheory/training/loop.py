"""The training loop, from top to bottom."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Task as ProgressTask
from rich.text import Text
from torch import Tensor

import bwtheory
from bwtheory.nn import INR, BWReLU, feature_singular_values, variation_norm, variation_norm_invariant
from bwtheory.tasks import ImageTask, Task
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gradient import ChunkedNetwork, keep_freed_memory, predict
from bwtheory.training.run import RunDirectory, build_network

CHECKPOINT_EVERY_SECONDS = 20.0


class Diverged(Exception):
    """The loss is not finite any more; the message says at which epoch."""


def pick_device(name: str) -> str:
    """ "auto" is CUDA, MPS or the CPU, what there is; ValueError for a device that there is not."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available.get(name, False):
        there = ", ".join(device for device, there in available.items() if there)
        raise ValueError(f"The device {name!r} is not available here; there is {there}.")
    return name


def require_compiler(config: TrainingConfig) -> None:
    """ValueError if a run is to be compiled for the CPU and there is no C++ compiler."""
    if config.compile and config.device == "cpu" and not has_compiler():
        raise ValueError("Compiling for a CPU needs a C++ compiler (g++ or clang++), and there is none; leave out --compile.")


def has_compiler() -> bool:
    """Whether there is a C++ compiler."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++"))


def settled(config: TrainingConfig, parameters: int, coordinates: int) -> TrainingConfig:
    """With what was left open: device, chunk, and whether compiling pays; then the run is always done the same way.

    Compiling takes up to 20 s and saves a third of the time: worth it on a CPU from 5e13 operations in matrix products on, if
    there is a compiler that works.  ValueError for a device or compiler that is asked for and not there.
    """
    config = replace(config, device=pick_device(config.device))
    config = replace(config, chunk=config.chunk_size)
    require_compiler(config)
    if config.compile is None:
        long = 6.0 * parameters * coordinates * config.epochs > 5e13
        config = replace(config, compile=long and config.device == "cpu" and has_compiler() and _compiles())
    return config


def _compiles() -> bool:
    try:
        torch.compile(torch.sin)(torch.zeros(8))
    except Exception:  # whatever is missing, headers or a linker: there is a way without
        return False
    return True


def train(config: TrainingConfig, task: Task, run: RunDirectory) -> dict[str, Any]:
    """Train from the run's last checkpoint, or from the start, to the last epoch; returns the summary.

    The gradient is that of the mean squared error over all measurements, see ``ChunkedNetwork``.  On the same CPU with the same
    number of threads an interrupted and resumed run ends bit for bit where an uninterrupted one does.

    Raises
    ------
    Diverged
        When the loss is not finite; the checkpoint keeps the last finite state.
    KeyboardInterrupt
        After saving a checkpoint.
    ValueError
        If the checkpoint is of another configuration, or if there is no compiler to compile with.
    """
    device, dtype = torch.device(config.device), torch.float64 if config.double else torch.float32
    x, y = task.coordinates.to(device, dtype), task.measurements.to(device, dtype)
    operator = task.operator and task.operator.to(device, dtype)
    sample = x[_fixed_sample(len(x), config.condition_sample)]
    network = build_network(config, task.channels).to(device)
    require_compiler(config)
    keep_freed_memory()
    chunk = config.chunk_size
    chunked = ChunkedNetwork(network, chunk, bool(config.compile))
    algorithm = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[config.optimizer]
    optimizer = algorithm(network.parameters(), lr=config.lr)
    epoch, seconds, logged_bytes = 0, 0.0, 0
    checkpoint = run.load_checkpoint(config)
    if checkpoint:
        _same_data(run, checkpoint, task)
        network.load_state_dict(checkpoint["network"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        epoch, seconds, logged_bytes = checkpoint["epoch"], checkpoint["seconds"], checkpoint["logged_bytes"]
    started = saved = time.monotonic()

    with open(run.metrics_file, "ab") as log, _progress() as progress:
        log.truncate(logged_bytes)  # what was logged after the checkpoint will be computed again
        bar = progress.add_task(config.run_name, total=config.epochs, completed=epoch, loss="", score="")

        def save() -> None:
            log.flush()
            os.fsync(log.fileno())  # the checkpoint must not outlive the log that it counts
            size = os.fstat(log.fileno()).st_size
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
            elapsed = seconds + time.monotonic() - started
            run.save_checkpoint(
                state | {"seconds": elapsed, "logged_bytes": size, "config": config.to_json(), "sha256": task.sha256}
            )

        def write_log(loss: float, values: Tensor, last: bool = False) -> None:
            if not task.compared_where_trained:
                values = predict(network, task.grid.to(device, dtype), chunk)
            score = task.score(values.cpu())
            entry: dict[str, Any] = {"epoch": epoch, "loss": loss, task.score_name: score} | _norms(network)
            if config.condition_every and (last or epoch % config.condition_every == 0):
                spectra = feature_singular_values(network, sample)
                entry["singular_values"] = [[float(f"{s:.9g}") for s in spectrum] for spectrum in spectra]
            log.write(json.dumps(entry).encode() + b"\n")
            progress.update(bar, loss=f"loss {loss:.3e}", score=f"{score:.4g} {task.score_unit}")

        if not checkpoint:
            save()
        with _deferred_interrupt() as interrupted:
            while epoch < config.epochs:
                if interrupted:
                    save()
                    raise KeyboardInterrupt
                for group in optimizer.param_groups:
                    group["lr"] = config.learning_rate(epoch)
                chunked.start()
                loss, values = chunked.least_squares(x, y, operator)
                if config.weight_decay or config.norm_penalty:
                    _penalty(network, config).backward()
                logging = epoch % config.log_every == 0
                logging |= config.condition_every > 0 and epoch % config.condition_every == 0
                if logging or config.stop_at_loss or device.type == "cpu":  # reading the loss makes a GPU wait
                    value = float(loss)
                    if not math.isfinite(value):
                        raise Diverged(f"The loss is {value} at epoch {epoch}; {run.path} keeps the last checkpoint before it.")
                    if config.stop_at_loss and value <= config.stop_at_loss:
                        break
                    if time.monotonic() - saved > CHECKPOINT_EVERY_SECONDS:
                        save()  # before the step and the log: these weights are known to be good, this epoch will be done again
                        saved = time.monotonic()
                    if logging:
                        write_log(value, values)
                optimizer.step()
                epoch += 1
                progress.update(bar, completed=epoch)
        if interrupted:
            save()
            raise KeyboardInterrupt
        values = predict(network, x, chunk)
        if not torch.isfinite(values).all():
            raise Diverged(f"The last step gave values that are not finite; {run.path} keeps the last checkpoint before it.")
        save()  # before the last row, which is written again if the run dies before its summary
        residual = (operator(values) if operator else values) - y
        write_log(float(residual.square().mean()), values, last=True)

    run.save_weights(network)
    on_grid = values if task.compared_where_trained else predict(network, task.grid.to(device, dtype), chunk)
    task.save_reconstruction(run.path / task.reconstruction_name, on_grid.cpu())
    summary = {
        **task.metrics(on_grid.cpu()),
        "epochs": epoch,
        "loss": run.read_metrics()[-1]["loss"],
        **_norms(network),
        "oracle": _oracle(task, run.read_metrics()),
        "source": task.source,
        "shape": list(task.shape) if isinstance(task, ImageTask) else None,
        "sha256": task.sha256,
        "parameters": network.count_parameters(),
        "seconds": seconds + time.monotonic() - started,
        "chunk": chunk,
        **_provenance(config),
    }
    run.save_summary(summary)
    return summary


def _same_data(run: RunDirectory, checkpoint: dict[str, Any], task: Task) -> None:
    """ValueError if a run would go on with other data, or if its log is shorter than its checkpoint says."""
    if checkpoint["sha256"] != task.sha256:
        raise ValueError(f"{run.path} was started on other data: the SHA-256 of {task.source} is not that of its checkpoint.")
    size = run.metrics_file.stat().st_size if run.metrics_file.exists() else 0
    if size < checkpoint["logged_bytes"]:
        raise ValueError(f"{run.metrics_file} is shorter than when the last checkpoint was written; it has been changed.")


def _penalty(network: INR, config: TrainingConfig) -> Tensor:
    squares = torch.stack([linear.weight.abs().square().sum() for linear in network.linears]).sum()
    penalty = config.weight_decay * squares
    return penalty + config.norm_penalty * variation_norm(network) if config.norm_penalty else penalty


@torch.no_grad()
def _norms(network: INR) -> dict[str, float]:
    """(53), its invariant form and c of a BW-ReLU network; nothing for others."""
    if not isinstance(network.activation, BWReLU):
        return {}
    norms = {"variation_norm": variation_norm(network), "variation_norm_invariant": variation_norm_invariant(network)}
    return {name: float(value) for name, value in (norms | {"c": network.activation.c}).items()}


def _fixed_sample(size: int, wanted: int) -> Tensor:
    """Indices of a sample of the coordinates that is the same in every run."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(0))[:wanted].sort().values


def _oracle(task: Task, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """The logged epoch that is best against the truth: nobody who needs the reconstruction can know it."""
    best = (max if task.higher_is_better else min)(metrics, key=lambda row: row[task.score_name])
    return {"epoch": best["epoch"], task.score_name: best[task.score_name]}


@contextmanager
def _deferred_interrupt() -> Iterator[list[int]]:
    """Collects Ctrl-C instead of raising it, so that no optimizer step is cut in half; a second one interrupts at once."""
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield received
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)


class _Rate(ProgressColumn):
    def render(self, task: ProgressTask) -> Text:
        return Text(f"{task.speed:.3g} /s" if task.speed else "")


def _progress() -> Progress:
    what = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    how = TextColumn("{task.fields[loss]}"), TextColumn("{task.fields[score]}"), _Rate(), TimeRemainingColumn()
    return Progress(*what, *how, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _provenance(config: TrainingConfig) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if config.device == "cuda" else platform.processor() or platform.machine()
    return {
        "settings_from": config.settings_from,
        "device": config.device,
        "device_name": name,
        "threads": torch.get_num_threads(),
        "kernel": "torch.compile" if config.compile else "autograd function",
        "torch": torch.__version__,
        "numpy": np.__version__,
        "bwtheory": bwtheory.__version__,
        "python": platform.python_version(),
    }
