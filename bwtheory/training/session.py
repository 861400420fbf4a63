"""A run from its folder, or without one, to its results: what the loop starts from, and what is made of where it ends."""

from __future__ import annotations

import copy
import errno
import hashlib
import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, BinaryIO

import torch
from rich.progress import Progress
from torch import Tensor, nn

from bwtheory.catalogue import GIVEN
from bwtheory.files import locked, open_log, parse_json, read_bytes, write_bytes
from bwtheory.nn import INR, feature_singular_values, stable_ranks, variation_norm
from bwtheory.nn.calibration import products_of_run
from bwtheory.nn.network import reason_for_autograd
from bwtheory.signals import Interrupted, deferred
from bwtheory.tasks import ImageTask, Task
from bwtheory.tasks.operators import LinearOperator
from bwtheory.torch_settings import outside_inference, usual_settings
from bwtheory.training import judgement, reports
from bwtheory.training.callbacks import Bar, Checkpoint, KeepBest, Log, StopAtLoss, progress_display, say
from bwtheory.training.config import TrainingConfig
from bwtheory.training.devices import require_compiler
from bwtheory.training.error_map import save_error_map
from bwtheory.training.gauss_newton import refuse_gauss_newton
from bwtheory.training.gradient import keep_freed_memory, predict
from bwtheory.training.loop import Callback, Descent, FirstOrder, Measured, Minibatches, SecondOrder, Stepper, descend
from bwtheory.training.muon import matrices_of
from bwtheory.training.run import RunDirectory, build_network, build_optimizer
from bwtheory.training.run_files import ERROR_MAP
from bwtheory.training.sealed import check_network, optimizer_state


class Diverged(Exception):
    """The loss is not finite any more; the message says at which epoch."""


def require_trainable(config: TrainingConfig, task: Task, network: nn.Module) -> None:
    """ValueError for settings that this network or this task has nothing for, or a compiler that there is not."""
    require_compiler(config)
    if config.gauss_newton_after is not None:
        refuse_gauss_newton(network)
    if config.batch is not None and task.operator is not None:
        raise ValueError(
            f"Minibatches are of measurements at single points; here each depends on many values of the network, by its "
            f"{type(task.operator).__name__}. Leave out --batch (batch)."
        )
    if not isinstance(network, INR) and (config.weight_decay or config.norm_penalty or config.condition_every):
        raise ValueError(f"weight_decay, norm_penalty and condition_every are for an INR; {type(network).__name__} is none.")
    if config.optimizer == "muon":
        matrices_of(network)
    if config.log_stable_rank and not isinstance(network, INR):
        raise ValueError(f"log_stable_rank is for an INR; {type(network).__name__} is none.")
    if config.norm_penalty and isinstance(network, INR):
        variation_norm(network)  # refuses other activations than BW-ReLU
    if config.stop_rule == "discrepancy" and not task.noise_std:
        raise ValueError("The discrepancy principle needs a known noise: --noise, or --noise-std of your own measurements.")
    if config.stop_rule == "held-out" and task.held_out is None:
        raise ValueError("Stopping by held-out measurements needs some: --held-out 0.1.")


def train(config: TrainingConfig, task: Task, run: RunDirectory, shows_progress: bool = True) -> dict[str, Any]:
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
    (outcome,) = train_together([config], task, [run], shows_progress)
    if isinstance(outcome, Diverged):
        raise outcome
    return outcome


@usual_settings()
def train_together(
    configs: Sequence[TrainingConfig], task: Task, runs: Sequence[RunDirectory], shows_progress: bool = True
) -> list[dict[str, Any] | Diverged]:
    """``train`` for runs that differ in seed, learning rate or c only, as one batched network; their summaries.

    Each has its own optimizer, log and checkpoints, and can be continued with or without the others: each has its place among
    ``together`` networks, and what is missing is filled up with copies that are not trained, so that the arithmetic stays the
    same.  A run that diverges is left behind; the others go on.

    Raises
    ------
    ValueError
        As ``train``, for runs that differ in more, and for two with one place.
    """
    config = configs[0]
    if any(other.shared_settings != config.shared_settings for other in configs) or not 1 <= len(configs) <= config.together:
        raise ValueError(f"Runs trained together, here {config.together} at most, differ in seed, learning rate or c only.")
    if len({other.place for other in configs}) < len(configs):
        raise ValueError("Each of the runs trained together has a place of its own; two have the same.")
    networks = [build_network(own, task.channels) for own in configs]
    sessions = [Session(own, task, network, run) for own, network, run in zip(configs, networks, runs)]
    interrupted = carry_out(sessions, shows_progress)
    if interrupted:
        raise Interrupted(interrupted[0], saved=True)
    return [session.diverged or session.results for session in sessions]


def carry_out(sessions: Sequence[Session], shows_progress: bool = True) -> list[int]:
    """Train sessions of one task to their ends, or until a signal comes; returns the signals' numbers.

    ValueError, before anything is written, for what cannot be trained so.
    """
    config, task = sessions[0].config, sessions[0].task
    device, dtype = torch.device(config.device), torch.float64 if config.double else torch.float32
    x, y = (outside_inference(tensor).to(device, dtype) for tensor in (task.coordinates, task.measurements))
    operator = task.operator and task.operator.to(device, dtype)
    require_trainable(config, task, sessions[0].network)
    keep_freed_memory()
    with ExitStack() as stack:
        stack.enter_context(_matmul_precision(config.matmul_precision))
        progress = stack.enter_context(progress_display(shows_progress))
        for session in sessions:
            if session.run is not None:
                stack.enter_context(locked(session.run.path))
        for session in sessions:
            stack.enter_context(session.opened(x, progress))
        in_place = {session.config.place: session.network for session in sessions}
        networks = [in_place.get(place) or copy.deepcopy(sessions[0].network) for place in range(config.together)]
        steppers: list[Stepper] = []
        if config.batch is None:
            steppers.append(FirstOrder(config, networks, x, y, operator))
        else:
            steppers.append(Minibatches(config, networks[0], x, y))
        if config.first_order_epochs < config.epochs:
            assert isinstance(networks[0], INR)
            steppers.append(SecondOrder(config, networks[0], x, y, operator))
        _, note = products_of_run(config.engine)
        if note:
            say(progress, f"{config.run_name}: {note}")
        reason = reason_for_autograd(networks[0])
        if reason is not None and config.activation != GIVEN:
            say(progress, f"{config.run_name}: gradients by autograd, because {reason}.")
        free = device.type == "cpu" and config.batch is None  # a GPU would have to wait, and a minibatch has no loss of all
        always = free or any(session.is_asked_always for session in sessions)

        def is_read(epoch: int) -> bool:
            return always or config.has_row(epoch) or any(session.is_to_be_saved for session in sessions)

        with deferred() as interrupted:
            descend([s.descent for s in sessions], steppers, is_read, interrupted)
            for session in sessions:
                session.finish(y, operator, bool(interrupted))
        return interrupted


class Session:
    """A run: its network, where it stands, and what becomes of it.

    Parameters
    ----------
    config, task : as they are
    network : trained in place
    run : its folder, or None: then nothing is written

    Attributes
    ----------
    callbacks : are asked at each step, after those that save and log
    descent : the network's optimizer and epoch
    log : its rows
    diverged : why it ended before its last epoch, if its loss was not finite
    is_finished : whether it has come to its end, and the weights are those that are kept
    results : the summary of a finished run in a folder
    """

    def __init__(
        self,
        config: TrainingConfig,
        task: Task,
        network: nn.Module,
        run: RunDirectory | None = None,
    ):
        self.config, self.task, self.run = config, task, run
        self.callbacks: Sequence[Callback] = ()
        self.network = network.to(config.device)
        self.descent = Descent(config, self.network, build_optimizer(config, self.network))
        self.diverged: Diverged | None = None
        self.results: dict[str, Any] = {}
        self.is_finished = False
        self._enough = task.noise_std**2 if config.stop_rule == "discrepancy" else config.stop_at_loss
        self._seconds, self._started = 0.0, time.monotonic()
        self._checkpoint: Checkpoint | None = None

    @property
    def is_to_be_saved(self) -> bool:
        """Whether a checkpoint is due."""
        return self._checkpoint is not None and self._checkpoint.is_due

    @property
    def is_asked_always(self) -> bool:
        """Whether somebody wants to know the loss at each epoch."""
        return bool(self._enough or self.callbacks)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows of the log."""
        if isinstance(self.log.file, io.BytesIO):
            return [parse_json(line, "the log") for line in self.log.file.getvalue().splitlines()]
        assert self.run is not None
        return self.run.read_metrics()

    @contextmanager
    def opened(self, x: Tensor, progress: Progress) -> Iterator[None]:
        """At the last checkpoint, if there is one, with the log open and all callbacks in their order."""
        config, run, task = self.config, self.run, self.task
        self._x, self._sample = x, x[fixed_sample(len(x), config.condition_sample)]
        checkpoint = self._restore()
        written = _same_data(run, checkpoint, task) if run and checkpoint else b""
        if run is not None:
            run.summary_file.unlink(missing_ok=True)  # of the run before it had more epochs
        self._started = time.monotonic()
        with nullcontext(io.BytesIO()) if run is None else _log_of(run) as file:
            file.truncate(len(written))  # what came after the checkpoint will be computed again
            name = str(run.metrics_file) if run else "the log"
            self.log = Log(file, name, written, self._row, config.has_row)
            self._best = KeepBest(self.log, checkpoint.get("kept") if checkpoint else None)
            bar = Bar(progress, self.log, config.run_name, config.epochs, self.descent.epoch, task.score_name, task.score_unit)
            inner: list[Callback] = [StopAtLoss(self._enough)] if self._enough else []
            self._checkpoint = Checkpoint(self.save, config.gauss_newton_after) if run else None
            inner += [self._checkpoint] if self._checkpoint else []
            inner += [self.log, *([self._best] if config.stop_rule == "held-out" else []), bar]
            self.descent.callbacks = [*inner, *self.callbacks]
            if run is not None and checkpoint is None:
                self.save()
            yield

    def save(self) -> None:
        """Write a checkpoint."""
        assert self.run is not None
        file = self.log.file
        file.flush()
        os.fsync(file.fileno())  # the checkpoint must not outlive the log that it counts
        self.run.save_checkpoint(self._state(os.fstat(file.fileno()).st_size))

    def finish(self, y: Tensor, operator: LinearOperator | None, interrupted: bool) -> None:
        """At the end the last row, the weights that are kept, and the results; where it was interrupted, a checkpoint."""
        if self.descent.diverged:
            self._diverge(f"The loss is {self.descent.loss} at epoch {self.descent.epoch}")
        elif interrupted:
            if self.run is not None:
                self.save()
        else:
            self._end(y, operator)

    def _end(self, y: Tensor, operator: LinearOperator | None) -> None:
        values = self._values(self._x)
        if not torch.isfinite(values).all():
            self._diverge("The last step gave values that are not finite")
            return
        if self.run is not None:
            self.save()  # before the last row, which is written again if the run dies before its summary
        loss = float(((operator(values) if operator else values) - y).square().mean())
        last = Measured(self.descent.epoch, loss, values, self.network)
        self.log.add(last, last=True)
        for callback in self.descent.callbacks:
            if isinstance(callback, KeepBest | Bar):
                callback(last)
        self.log.file.flush()
        self.is_finished = True
        if self._best.kept:
            self.network.load_state_dict(self._best.kept["network"])
            values = self._values(self._x)
        if self.run is not None:
            self.results = self._write(self.run, self._on_grid(values))

    def save_as(self, run: RunDirectory) -> None:
        """What was done without a folder, in a new one: as if it had been done there."""
        content = self.log.file.getvalue() if isinstance(self.log.file, io.BytesIO) else b""
        write_bytes(run.metrics_file, content)
        run.save_checkpoint(self._state(len(content)))
        if self.is_finished:
            self._write(run, self._on_grid(self._values(self._x)))

    def _write(self, run: RunDirectory, on_grid: Tensor) -> dict[str, Any]:
        """Weights, reconstruction, error map and summary; returns this."""
        found = self.summary(on_grid) | {"weights_sha256": run.save_weights(self.network, self.config)}
        self.task.save_reconstruction(run.path / self.task.reconstruction_name, on_grid)
        if isinstance(self.task, ImageTask) and len(self.task.truth):
            found |= judgement.quality(self.config, self.task, on_grid.numpy(), found["parameters"])
            save_error_map(run.path / ERROR_MAP, *judgement.in_unit_range(self.task, on_grid.numpy()))
        run.save_summary(found)
        return found

    def summary(self, on_grid: Tensor | None = None) -> dict[str, Any]:
        """What a finished run reports of itself, and of its values (P, C) on the grid."""
        if on_grid is None:
            on_grid = self._on_grid(self._values(self._x))
        task, rows = self.task, self.rows
        kept_epoch = self._best.kept["epoch"] if self._best.kept else self.descent.epoch
        return {
            **task.metrics(on_grid),
            **self._between(finished=True),
            "epochs": self.descent.epoch,
            "planned_epochs": self.config.epochs,
            "kept_epoch": kept_epoch,
            **self._steps(self.descent.epoch),
            "loss": next(row["loss"] for row in reversed(rows) if row["epoch"] == kept_epoch),
            **reports.norms(self.network),
            "oracle": reports.oracle(task, rows),
            "stopping": reports.stopping(task, rows),
            "source": task.source,
            "shape": list(task.shape) if isinstance(task, ImageTask) else None,
            "sha256": task.sha256,
            **task.facts(),
            "parameters": sum(p.numel() for p in self.network.parameters() if p.requires_grad),
            "seconds": self._elapsed(),
            "metrics_sha256": self.log.sha256,
            **reports.provenance(self.config, self.network),
        }

    def _restore(self) -> dict[str, Any] | None:
        """Go to the folder's last checkpoint, if it has one; returns that."""
        run, descent = self.run, self.descent
        checkpoint = run.load_checkpoint(self.config) if run is not None else None
        if run is None or checkpoint is None:
            return None
        name, kernel, kept = str(run.checkpoint_file), reports.kernel(self.config, self.network), checkpoint.get("kept")
        before = checkpoint.get("kernel", kernel)  # the first versions did not note it
        if before != kernel and not reports.is_earlier_kernel(before, self.config, self.network):
            raise ValueError(f"{run.path} was started with the kernel {before}; here it is {kernel}.")
        for state in (checkpoint["network"], *([kept["network"]] if kept else [])):
            check_network(state, self.network, name)
        taken = min(checkpoint["epoch"], self.config.first_order_epochs)
        moments = optimizer_state(checkpoint["optimizer"], descent.optimizer, name, taken, isinstance(self.network, INR))
        self.network.load_state_dict(checkpoint["network"])
        descent.optimizer.load_state_dict(moments)
        descent.epoch, self._seconds = checkpoint["epoch"], checkpoint["seconds"]
        return checkpoint

    def _state(self, logged_bytes: int) -> dict[str, Any]:
        """What a checkpoint holds."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.descent.optimizer.state_dict(),
            "epoch": self.descent.epoch,
            "seconds": self._elapsed(),
            "logged_bytes": logged_bytes,
            "logged_sha256": self.log.sha256,
            "config": self.config.to_json(),
            "sha256": self.task.sha256,
            "kernel": reports.kernel(self.config, self.network),
        }
        return state | ({"kept": self._best.kept} if self._best.kept else {})

    def _row(self, measured: Measured, last: bool) -> dict[str, Any]:
        """A row of the log; its singular values where they are asked for, at the last epoch and at Gauss–Newton steps too."""
        config, task, on_grid = self.config, self.task, self._on_grid(measured.values)
        score, held_out = task.score(on_grid), task.held_out_loss(on_grid)
        row: dict[str, Any] = {"epoch": measured.epoch, "loss": measured.loss, task.score_name: score} | reports.norms(
            self.network
        )
        row |= {} if held_out is None else {"held_out_loss": held_out}
        row |= self._steps(measured.epoch)
        row |= self._between()
        row |= task.details(on_grid) if config.log_details else {}
        if config.log_stable_rank:
            assert isinstance(self.network, INR)
            row["stable_rank"] = stable_ranks(self.network, self._sample)
        due = last or measured.epoch >= config.first_order_epochs
        if config.condition_every and (due or measured.epoch % config.condition_every == 0):
            assert isinstance(self.network, INR)
            spectra = feature_singular_values(self.network, self._sample)
            row["singular_values"] = [[float(f"{s:.9g}") for s in spectrum] for spectrum in spectra]
        return row

    def _values(self, x: Tensor) -> Tensor:
        products, _ = products_of_run(self.config.engine)
        return predict(self.network, x, self.config.chunk_size, products)

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
        return self._values(coordinates.to(self._x.device, self._x.dtype)).cpu()

    def _steps(self, epoch: int) -> dict[str, int]:
        """Of minibatches up to an epoch; without these an epoch is a step."""
        config = self.config
        return {} if config.batch is None else {"steps": epoch * config.batches(len(self._x))}

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _diverge(self, what: str) -> None:
        kept = f"; {self.run.path} keeps the last checkpoint before it" if self.run is not None else ""
        self.diverged = Diverged(f"{what}{kept}.")


@contextmanager
def _log_of(run: RunDirectory) -> Iterator[BinaryIO]:
    """Its log, open; an error of writing to it has its name, which those of open files have not."""
    try:
        with open_log(run.metrics_file) as file:
            yield file
    except OSError as error:
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO):
            error.filename = str(run.metrics_file)
        raise


def fixed_sample(size: int, wanted: int) -> Tensor:
    """Indices of a sample of the coordinates that is the same in every run."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(0))[:wanted].sort().values


def _same_data(run: RunDirectory, checkpoint: dict[str, Any], task: Task) -> bytes:
    """The log that a checkpoint counts; ValueError if the file differs from it, or if the data differ from the checkpoint's."""
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


@contextmanager
def _matmul_precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
