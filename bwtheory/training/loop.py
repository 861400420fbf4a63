"""The training loop, from top to bottom."""

from __future__ import annotations

import json
import math
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from bwtheory.nn import INR
from bwtheory.tasks.images import LoadedImage, save_image
from bwtheory.tasks.signal import SignalTask
from bwtheory.training.config import TrainingConfig
from bwtheory.training.run import RunDirectory, build_network

LOG_EVERY = 10  # epochs
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


def train(config: TrainingConfig, image: LoadedImage, run: RunDirectory) -> dict[str, Any]:
    """Train from the run's last checkpoint, or from the start, to the last epoch; returns the summary.

    The gradient is that of the mean squared error over all pixels, accumulated exactly over chunks of coordinates that fit the
    caches: memory does not grow with the image.  On the same CPU with the same number of threads an interrupted and resumed
    run ends bit for bit where an uninterrupted one does.

    Raises
    ------
    Diverged
        When the loss is not finite; the checkpoint keeps the last finite state.
    KeyboardInterrupt
        After saving a checkpoint.
    """
    task = SignalTask.from_image(image, config.coords)
    device = torch.device(config.device)
    x, y = task.coordinates.to(device), task.target.to(device)
    network = build_network(config, y.shape[1]).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.lr)
    epoch, seconds, logged_bytes = 0, 0.0, 0
    checkpoint = run.load_checkpoint()
    if checkpoint:
        network.load_state_dict(checkpoint["network"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        epoch, seconds, logged_bytes = checkpoint["epoch"], checkpoint["seconds"], checkpoint["logged_bytes"]
    started = saved = time.monotonic()

    with open(run.metrics_file, "ab") as log, _progress() as progress:
        log.truncate(logged_bytes)  # what was logged after the checkpoint will be computed again
        bar = progress.add_task(config.run_name, total=config.epochs, completed=epoch, loss="", psnr="")

        def save() -> None:
            log.flush()
            size = os.fstat(log.fileno()).st_size
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
            elapsed = seconds + time.monotonic() - started
            run.save_checkpoint(state | {"seconds": elapsed, "logged_bytes": size})

        if not checkpoint:
            save()
        with _deferred_interrupt() as interrupted:
            while epoch < config.epochs:
                if interrupted:
                    save()
                    raise KeyboardInterrupt
                for group in optimizer.param_groups:
                    group["lr"] = config.lr * config.decay ** (epoch / config.epochs)
                optimizer.zero_grad()
                loss = _accumulate_gradient(network, x, y, config.chunk)
                logging = epoch % LOG_EVERY == 0
                if logging or device.type == "cpu":  # reading the loss would make a GPU wait, every epoch
                    value = float(loss)
                    if not math.isfinite(value):
                        raise Diverged(f"The loss is {value} at epoch {epoch}; {run.path} keeps the last checkpoint before it.")
                    if time.monotonic() - saved > CHECKPOINT_EVERY_SECONDS:
                        save()  # before the step and the log: these weights are known to be good, this epoch will be done again
                        saved = time.monotonic()
                    if logging:
                        entry = {"epoch": epoch, "loss": value, "psnr": -10 * math.log10(value) if value else math.inf}
                        log.write(json.dumps(entry).encode() + b"\n")
                        progress.update(bar, loss=f"loss {value:.3e}", psnr=f"{entry['psnr']:.2f} dB")
                optimizer.step()
                epoch += 1
                progress.update(bar, completed=epoch)
        values = predict(network, x, config.chunk)
        if not torch.isfinite(values).all():
            raise Diverged(f"The last step gave values that are not finite; {run.path} keeps the last checkpoint before it.")
        save()

    run.save_weights(network)
    save_image(run.reconstruction_file, task.image(values))
    summary = {
        **task.metrics(values.cpu()),
        "image": image.label,
        "image_sha256": image.sha256,
        "parameters": network.count_parameters(),
        "seconds": seconds + time.monotonic() - started,
        **_provenance(config),
    }
    run.save_summary(summary)
    return summary


def _accumulate_gradient(network: INR, x: Tensor, y: Tensor, chunk: int) -> Tensor:
    """Backpropagate the mean squared error chunk by chunk; returns it in float64."""
    total = torch.zeros((), dtype=torch.float64 if x.device.type != "mps" else torch.float32, device=x.device)
    for part, target in zip(x.split(chunk), y.split(chunk)):
        loss = (network(part) - target).square().sum() / y.numel()
        loss.backward()
        total += loss.detach()
    return total


@torch.no_grad()
def predict(network: INR, x: Tensor, chunk: int) -> Tensor:
    """Values (N, C) at coordinates (N, d), chunk by chunk."""
    return torch.cat([network(part) for part in x.split(chunk)])


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


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}")
    return Progress(*columns, TextColumn("{task.fields[psnr]}"), TimeRemainingColumn(), disable=not sys.stderr.isatty())


def _provenance(config: TrainingConfig) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if config.device == "cuda" else platform.processor() or platform.machine()
    return {
        "settings_from": config.settings_from,
        "device": config.device,
        "device_name": name,
        "threads": torch.get_num_threads(),
        "chunk": config.chunk,
        "kernel": "autograd function",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
