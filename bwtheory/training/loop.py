"""The training loop, from top to bottom."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
from bwtheory.files import locked, open_log, read_bytes
from bwtheory.nn import INR, BWReLU, feature_singular_values, resolve_activation, variation_norm, variation_norm_invariant
from bwtheory.nn.kernels import has_numba
from bwtheory.signals import Interrupted, deferred
from bwtheory.tasks import ImageTask, Task
from bwtheory.tasks.operators import LinearOperator
from bwtheory.torch_settings import outside_inference, usual_settings
from bwtheory.training.config import TrainingConfig
from bwtheory.training.explicit import reason_for_autograd
from bwtheory.training.gauss_newton import GaussNewton, refuse_gauss_newton
from bwtheory.training.gradient import ChunkedNetworks, keep_freed_memory, predict
from bwtheory.training.run import RunDirectory, build_network, build_optimizer, source_commit
from bwtheory.training.sealed import check_network, optimizer_state
from bwtheory.training.workers import one_thread

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


def require_what_stops(config: TrainingConfig, task: Task) -> None:
    """ValueError if a stopping rule has nothing to go by."""
    if config.stop_rule == "discrepancy" and not task.noise_std:
        raise ValueError("The discrepancy principle needs a known noise: --noise, or --noise-std of your own measurements.")
    if config.stop_rule == "held-out" and task.held_out is None:
        raise ValueError("Stopping by held-out measurements needs some: --held-out 0.1.")


def has_compiler() -> bool:
    """Whether there is a C++ compiler."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++"))


def settled(config: TrainingConfig, parameters: int, coordinates: int) -> TrainingConfig:
    """With what was left open: device, chunk, and whether compiling pays; then the run is always done the same way.

    Compiling takes some seconds and saves a fifth of a step on a CPU where the activation is costly: worth it there from 1e13
    operations in matrix products on.  ValueError for a device or compiler that is asked for and not there.
    """
    config = replace(config, device=pick_device(config.device))
    config = replace(config, chunk=config.chunk_size)
    require_compiler(config)
    if config.compile is None:
        long = 6.0 * parameters * coordinates * config.first_order_epochs > 1e13
        pays = long and config.device == "cpu" and _is_costly(config)
        config = replace(config, compile=pays and has_compiler() and _compiles())
    return config


def _is_costly(config: TrainingConfig) -> bool:
    """Whether a CPU's compiled function is faster than what PyTorch and Numba have for this activation."""
    activation = resolve_activation(config.activation)
    return activation.costly or (issubclass(activation, BWReLU) and not has_numba())


def _compiles() -> bool:
    try:
        torch.compile(torch.sin)(torch.zeros(8))
    except Exception:  # whatever is missing, headers or a linker: there is a way without
        return False
    return True


def train(config: TrainingConfig, task: Task, run: RunDirectory) -> dict[str, Any]:
    """Train from the run's last checkpoint, or from the start, to the last epoch; returns the summary.

    The gradient is that of the mean squared error over all measurements, see ``ChunkedNetworks``.  On the same CPU with the
    same number of threads an interrupted and resumed run ends bit for bit where an uninterrupted one does.

    Raises
    ------
    Diverged
        When the loss is not finite; the checkpoint keeps the last finite state.
    KeyboardInterrupt
        After saving a checkpoint.
    ValueError
        If the checkpoint is of another configuration, or if there is no compiler to compile with, or nothing to stop by.
    """
    (outcome,) = train_together([config], task, [run])
    if isinstance(outcome, Diverged):
        raise outcome
    return outcome


@usual_settings()
def train_together(
    configs: Sequence[TrainingConfig], task: Task, runs: Sequence[RunDirectory]
) -> list[dict[str, Any] | Diverged]:
    """``train`` for runs that differ in seed, learning rate or c only, as one batched network; their summaries.

    Each has its own optimizer, log and checkpoints, and can be continued with or without the others: what is missing of
    ``together`` networks is filled up with copies that are not trained, so that the arithmetic stays the same.  A run that
    diverges is left behind; the others go on.

    Raises
    ------
    ValueError
        As ``train``, and for runs that differ in more.
    """
    config = configs[0]
    if any(other.shared_settings != config.shared_settings for other in configs) or not 1 <= len(configs) <= config.together:
        raise ValueError(f"Runs trained together, here {config.together} at most, differ in seed, learning rate or c only.")
    device, dtype = torch.device(config.device), torch.float64 if config.double else torch.float32
    x, y = (outside_inference(tensor).to(device, dtype) for tensor in (task.coordinates, task.measurements))
    operator = task.operator and task.operator.to(device, dtype)
    require_compiler(config)
    require_what_stops(config, task)
    if config.gauss_newton_after is not None:
        refuse_gauss_newton(build_network(config, task.channels))
    keep_freed_memory()
    with ExitStack() as open_files:
        open_files.enter_context(_matmul_precision(config.matmul_precision))
        progress = open_files.enter_context(_progress())
        for run in runs:
            open_files.enter_context(locked(run.path))
        members = [_Member(own, task, run, x, progress, open_files) for own, run in zip(configs, runs)]
        networks = [member.network for member in members]
        networks += [copy.deepcopy(networks[0]) for _ in range(config.together - len(networks))]
        chunked = ChunkedNetworks(networks, config.chunk_size, bool(config.compile))
        reason = reason_for_autograd(networks[0])
        if reason is not None:
            sentence = f"{config.run_name}: gradients by autograd, because {reason}."
            if progress.disable:
                print(sentence, file=sys.stderr)
            else:
                progress.console.print(sentence, markup=False, soft_wrap=True)
        epoch, saved = min(member.epoch for member in members), time.monotonic()
        with deferred() as interrupted:
            while epoch < config.first_order_epochs and any(member.training for member in members):
                if interrupted:
                    break
                awake = [(number, member) for number, member in enumerate(members) if member.training and member.epoch == epoch]
                chunked.start()
                losses, values = chunked.least_squares(x, y, operator)
                logging = epoch % config.log_every == 0
                logging |= config.condition_every > 0 and epoch % config.condition_every == 0
                if logging or members[0].enough or device.type == "cpu":  # reading the loss makes a GPU wait
                    numbers = losses.tolist()
                    for number, member in awake:
                        member.read(numbers[number])
                    awake = [(number, member) for number, member in awake if member.training]
                    if time.monotonic() - saved > CHECKPOINT_EVERY_SECONDS:
                        for _, member in awake:
                            member.save()  # before the step and the log: these weights are known to be good
                        saved = time.monotonic()
                    for number, member in awake if logging else ():
                        member.log(values[number])
                with one_thread():
                    for _, member in awake:
                        member.step()
                epoch += 1
            if config.first_order_epochs < config.epochs and not interrupted:
                members[0].train_by_gauss_newton(y, operator, interrupted)
            if interrupted:
                for member in members:
                    if member.outcome is None:
                        member.save()
            else:
                outcomes = [member.finish(y, operator) for member in members]
            if interrupted:
                raise Interrupted(interrupted[0], saved=True)
        return outcomes


class _Member:
    """One run of those that are trained together: its network, optimizer and log, and where it stands."""

    def __init__(
        self, config: TrainingConfig, task: Task, run: RunDirectory, x: Tensor, progress: Progress, open_files: ExitStack
    ):
        self.config, self.task, self.run, self.x, self.progress = config, task, run, x, progress
        self.sample = x[_fixed_sample(len(x), config.condition_sample)]
        self.network = build_network(config, task.channels).to(x.device)
        self.optimizer = build_optimizer(config, self.network)
        self.epoch, self.seconds, self.loss = 0, 0.0, math.nan
        self.stopped = False
        self.kept: dict[str, Any] | None = None  # of least held-out error so far: loss, epoch, weights
        self.enough = task.noise_std**2 if config.stop_rule == "discrepancy" else config.stop_at_loss
        self.outcome: Diverged | None = None
        logged_bytes, self.logged = 0, hashlib.sha256()
        checkpoint = run.load_checkpoint(config)
        if checkpoint:
            name = str(run.checkpoint_file)
            kernel = _kernel(config, self.network)
            if checkpoint.get("kernel", kernel) != kernel:  # the first versions did not note it
                raise ValueError(f"{run.path} was started with the kernel {checkpoint['kernel']}; here it is {kernel}.")
            self.kept = checkpoint.get("kept")
            for state in (checkpoint["network"], *([self.kept["network"]] if self.kept else [])):
                check_network(state, self.network, name)
            moments = optimizer_state(checkpoint["optimizer"], self.optimizer, name)
            self.logged.update(_same_data(run, checkpoint, task))
            self.network.load_state_dict(checkpoint["network"])
            self.optimizer.load_state_dict(moments)
            self.epoch, self.seconds, logged_bytes = checkpoint["epoch"], checkpoint["seconds"], checkpoint["logged_bytes"]
        run.summary_file.unlink(missing_ok=True)  # of the run before it had more epochs
        self.started = time.monotonic()
        self.file = open_files.enter_context(open_log(run.metrics_file))
        self.file.truncate(logged_bytes)  # what came after the checkpoint will be computed again
        self.bar = progress.add_task(config.run_name, total=config.epochs, completed=self.epoch, loss="", score="")
        if not checkpoint:
            self.save()

    @property
    def training(self) -> bool:
        """Neither at its end, nor stopped at its loss, nor diverged."""
        return self.epoch < self.config.epochs and not self.stopped and self.outcome is None

    def read(self, loss: float) -> None:
        """Note the loss; it may be the end."""
        self.loss = loss
        if not math.isfinite(loss):
            self._diverged(f"The loss is {loss} at epoch {self.epoch}")
        elif self.enough and loss <= self.enough:
            self.stopped = True

    def step(self) -> None:
        """One step of the optimizer, with the penalties' gradients added."""
        if self.config.weight_decay or self.config.norm_penalty:
            _penalty(self.network, self.config).backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate(self.epoch) * group["lr_multiple"]
        self.optimizer.step()
        self.epoch += 1
        self.progress.update(self.bar, completed=self.epoch)

    def train_by_gauss_newton(self, y: Tensor, operator: LinearOperator | None, interrupted: Sequence[object]) -> None:
        """Gauss–Newton steps to the last epoch, an interrupt, or where none lowers the loss; a row for each."""
        solver = GaussNewton(self.network, self.x, y, operator, self.config.chunk_size)
        saved = -math.inf  # a step takes long: begin by saving what is there
        while self.training:
            losses, values = solver.linearize()
            self.read(float(losses[0]))
            if not self.training:
                return
            if time.monotonic() - saved > CHECKPOINT_EVERY_SECONDS:
                self.save()
                saved = time.monotonic()
            iterations = min(self.config.gauss_newton_iterations, self.config.epochs - self.epoch)
            step = solver.solve(iterations, interrupted)
            if step is None:  # and nothing of it has been written
                self.stopped = not interrupted
                return
            self.log(values[0], conditions=True)
            solver.move(step)
            self.epoch += iterations
            self.progress.update(self.bar, completed=self.epoch)

    def save(self) -> None:
        """Write a checkpoint."""
        self.file.flush()
        os.fsync(self.file.fileno())  # the checkpoint must not outlive the log that it counts
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "seconds": self._elapsed(),
            "logged_bytes": os.fstat(self.file.fileno()).st_size,
            "logged_sha256": self.logged.hexdigest(),
            "config": self.config.to_json(),
            "sha256": self.task.sha256,
            "kernel": _kernel(self.config, self.network),
        }
        state |= {"kept": self.kept} if self.kept else {}
        self.run.save_checkpoint(state)

    def log(self, values: Tensor, conditions: bool = False) -> None:
        """Add a row about values (N, C) on the coordinates trained on; with ``conditions`` if they are asked for at all."""
        on_grid = self._on_grid(values)
        score, held_out = self.task.score(on_grid), self.task.held_out_loss(on_grid)
        entry: dict[str, Any] = {"epoch": self.epoch, "loss": self.loss, self.task.score_name: score} | _norms(self.network)
        entry |= {} if held_out is None else {"held_out_loss": held_out}
        entry |= self._between()
        entry |= self.task.details(on_grid) if self.config.log_details else {}
        if self.config.stop_rule == "held-out" and held_out is not None and (not self.kept or held_out < self.kept["loss"]):
            weights = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
            self.kept = {"loss": held_out, "epoch": self.epoch, "network": weights}
        if self.config.condition_every and (conditions or self.epoch % self.config.condition_every == 0):
            spectra = feature_singular_values(self.network, self.sample)
            entry["singular_values"] = [[float(f"{s:.9g}") for s in spectrum] for spectrum in spectra]
        line = json.dumps(entry).encode() + b"\n"
        self.file.write(line)
        self.logged.update(line)
        self.progress.update(self.bar, loss=f"loss {self.loss:.3e}", score=f"{score:.4g} {self.task.score_unit}")

    def finish(self, y: Tensor, operator: LinearOperator | None) -> dict[str, Any] | Diverged:
        """Write weights, reconstruction and summary; returns the summary."""
        if self.outcome is not None:
            return self.outcome
        values = predict(self.network, self.x, self.config.chunk_size)
        if not torch.isfinite(values).all():
            return self._diverged("The last step gave values that are not finite")
        self.save()  # before the last row, which is written again if the run dies before its summary
        self.loss = float(((operator(values) if operator else values) - y).square().mean())
        self.log(values, conditions=True)
        self.file.close()
        if self.kept:
            self.network.load_state_dict(self.kept["network"])
            values = predict(self.network, self.x, self.config.chunk_size)
        run, task, on_grid, rows = self.run, self.task, self._on_grid(values), self.run.read_metrics()
        kept_epoch = self.kept["epoch"] if self.kept else self.epoch
        weights_sha256 = run.save_weights(self.network, self.config)
        task.save_reconstruction(run.path / task.reconstruction_name, on_grid)
        summary = {
            **task.metrics(on_grid),
            **self._between(finished=True),
            "epochs": self.epoch,
            "planned_epochs": self.config.epochs,
            "kept_epoch": kept_epoch,
            "loss": next(row["loss"] for row in reversed(rows) if row["epoch"] == kept_epoch),
            **_norms(self.network),
            "oracle": _oracle(task, rows),
            "stopping": stopping(task, rows),
            "source": task.source,
            "shape": list(task.shape) if isinstance(task, ImageTask) else None,
            "sha256": task.sha256,
            **task.facts(),
            "parameters": self.network.count_parameters(),
            "seconds": self._elapsed(),
            "weights_sha256": weights_sha256,
            "metrics_sha256": self.logged.hexdigest(),
            **_provenance(self.config, self.network),
        }
        run.save_summary(summary)
        return summary

    def _on_grid(self, values: Tensor) -> Tensor:
        """Values (P, C) where they are compared with the truth, on the CPU."""
        if not self.task.compared_where_trained:
            return self._at(self.task.grid)
        return values.cpu()

    def _between(self, finished: bool = False) -> dict[str, float | None]:
        """Of an image, PSNR between the pixels trained on; of a finished run also whether the network is noise there."""
        task = self.task
        if not isinstance(task, ImageTask):
            return {}
        found: dict[str, float | None] = {}
        if task.off_grid is not None:
            found["off_grid_psnr"] = task.off_grid_psnr(self._at(task.off_grid.coordinates))
        elif finished:
            found["off_grid_psnr"] = None
        if finished:
            found["off_grid_excess"] = task.excess_between(self._at)
        return found

    def _at(self, coordinates: Tensor) -> Tensor:
        return predict(self.network, coordinates.to(self.x.device, self.x.dtype), self.config.chunk_size).cpu()

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.started

    def _diverged(self, what: str) -> Diverged:
        self.outcome = Diverged(f"{what}; {self.run.path} keeps the last checkpoint before it.")
        return self.outcome


def _same_data(run: RunDirectory, checkpoint: dict[str, Any], task: Task) -> bytes:
    """The log that a checkpoint counts; ValueError if it is another one, or if the run would go on with other data."""
    if checkpoint.get("sha256", task.sha256) != task.sha256:  # the first versions did not note it
        raise ValueError(f"{run.path} was started on other data: the SHA-256 of {task.source} is not that of its checkpoint.")
    count = checkpoint["logged_bytes"]
    try:
        log = read_bytes(run.metrics_file)[:count]
    except FileNotFoundError:
        log = b""
    if len(log) < count:
        raise ValueError(f"{run.metrics_file} is shorter than when the last checkpoint was written; it has been changed.")
    written = hashlib.sha256(log).hexdigest()
    if checkpoint.get("logged_sha256", written) != written:
        raise ValueError(
            f"{run.metrics_file} is damaged: it is not the log that was there when the last checkpoint was written."
        )
    return log


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


def _oracle(task: Task, metrics: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The logged epoch that is best against the truth, if there is one: nobody who needs the reconstruction can know it."""
    if not len(task.truth):
        return None
    best = (max if task.higher_is_better else min)(metrics, key=lambda row: row[task.score_name])
    return {"epoch": best["epoch"], task.score_name: best[task.score_name]}


def stopping(task: Task, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """Logged epochs that rules without the truth would have chosen: discrepancy principle, least held-out error.

    The discrepancy principle takes the first whose loss is at most the noise's variance; None if there is none, and for a rule
    that the task has no data for.
    """
    fits = (row for row in metrics if row["loss"] <= task.noise_std**2)
    found = {"discrepancy": next(fits, None) if task.noise_std else None, "held_out": None}
    if task.held_out is not None:
        found["held_out"] = min(metrics, key=lambda row: row["held_out_loss"])
    name = task.score_name
    return {rule: row and {"epoch": row["epoch"], name: row[name]} for rule, row in found.items()}


@contextmanager
def _matmul_precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class _Rate(ProgressColumn):
    def render(self, task: ProgressTask) -> Text:
        return Text(f"{task.speed:.3g} /s" if task.speed else "")


def _progress() -> Progress:
    what = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    how = TextColumn("{task.fields[loss]}"), TextColumn("{task.fields[score]}"), _Rate(), TimeRemainingColumn()
    shown = getattr(sys.stderr, "isatty", bool)()  # there may be no stderr, or one without isatty
    console = Console(stderr=True, quiet=not shown)  # Rich before 14.3 writes a line feed after a bar that it has not shown
    return Progress(*what, *how, console=console, disable=not shown)


def _kernel(config: TrainingConfig, network: INR) -> str:
    """What evaluates a network and its gradient; its rounding is in the weights of a close fit."""
    way = "autograd" if reason_for_autograd(network) else "explicit"
    if config.compile:
        return f"{way}, torch.compile"
    fused = config.device == "cpu" and isinstance(network.activation, BWReLU) and has_numba()
    return f"{way}, Numba" if fused else way


def _provenance(config: TrainingConfig, network: INR) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if config.device == "cuda" else platform.processor() or platform.machine()
    return {
        "settings_from": config.settings_from,
        "device": config.device,
        "device_name": name,
        "threads": torch.get_num_threads(),
        "chunk": config.chunk_size,
        "together": config.together,
        "kernel": _kernel(config, network),
        "reason_for_autograd": reason_for_autograd(network),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "bwtheory": bwtheory.__version__,
        "commit": source_commit(),
        "python": platform.python_version(),
    }
