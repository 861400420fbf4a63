"""``bwtheory animate``: a run is trained again, as its configuration says, and filmed on the way.

A run folder has no pictures of the way.  But training is deterministic: on the same processor, with the same number of threads
and versions, the repetition goes through the same weights bit by bit, and the end of it is compared with the run's.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from bwtheory.report.film import Scene, frame_epochs, write_film
from bwtheory.report.folders import require_film
from bwtheory.signals import Interrupted
from bwtheory.tasks import Task, build_task
from bwtheory.training.config import TrainingConfig
from bwtheory.training.devices import pick_device
from bwtheory.training.gradient import predict
from bwtheory.training.loop import Measured
from bwtheory.training.run import RunDirectory, build_network
from bwtheory.training.session import Session, carry_out


class Camera:
    """Draws the network's values on the grid at the wanted epochs, or soon after them; stops at the last one."""

    def __init__(self, config: TrainingConfig, task: Task, scene: Scene, wanted: list[int]):
        self._config, self._task, self._scene, self._wanted = config, task, scene, list(wanted)
        self.frames: list[Image.Image] = []

    def __call__(self, measured: Measured) -> bool:
        if self._wanted and measured.epoch >= self._wanted[0]:
            there = self._task.compared_where_trained
            self.take(measured.epoch, measured.values if there else on_grid(self._config, self._task, measured.network))
        return not self._wanted

    def take(self, epoch: int, values: Tensor) -> None:
        """A frame; it stands for all wanted epochs up to this one."""
        self._wanted = [each for each in self._wanted if each > epoch]
        self.frames.append(self._scene.frame(epoch, values.detach().cpu().numpy()))


def on_grid(config: TrainingConfig, task: Task, network: torch.nn.Module) -> Tensor:
    """Values (P, C) of a network where they are compared with the truth."""
    parameter = next(network.parameters())
    dtype = torch.float64 if config.double else torch.float32
    return predict(network, task.grid.to(parameter.device, dtype), config.chunk_size)


def animate(run_dir: Path, out: Path, frames: int = 60, seconds: float = 8.0, trust: bool = False) -> tuple[Path, str]:
    """Write a film of how a run has learned; returns its path, and a sentence: whether it is that of the run.

    Parameters
    ----------
    run_dir : a run folder; of an unfinished run as far as it is logged
    out : the film, .mp4, .gif or .png
    frames : about so many, on a logarithmic scale of the epochs
    seconds : that they take
    trust : whether the run may execute code that is no part of this package

    Raises
    ------
    ValueError
        For a folder that is no run, that names code that is not to be trusted, or whose data are not here or not the same any
        more; for a film of another kind, or too many frames.
    Interrupted
        If a signal comes; nothing is written then.
    """
    require_film(out, frames, seconds)
    run = RunDirectory(run_dir)
    config = run.read_config()
    run.refuse_foreign_code(config, trust)
    pick_device(config.device)
    finished = run.is_finished(config)
    try:
        rows = run.read_metrics()
    except FileNotFoundError:
        rows = []
    summary = run.read_summary() if finished else {}
    last = int(summary["epochs"]) if finished else max((row["epoch"] for row in rows), default=0)
    if last < 1:
        raise ValueError(f"{run_dir} has logged no epoch after the first; there is nothing to show yet.")
    checkpoint = None if finished else run.load_checkpoint(config)
    task = build_task(config.task, config.source, config.coords, config.task_options)
    known = summary.get("sha256", checkpoint.get("sha256") if checkpoint else None)
    if known is not None and known != task.sha256:
        raise ValueError(
            f"{run_dir} was trained on other data: the SHA-256 of {config.source} differs; no film can be made of it."
        )
    learned, _ = run.learned(config)
    final = on_grid(config, task, learned)
    curve = [(row["epoch"], row[task.score_name]) for row in rows if task.score_name in row]
    scene = Scene(task, final.numpy(), curve, run_dir.resolve().name)
    camera = Camera(config, task, scene, frame_epochs(last, frames))
    session = Session(config, task, build_network(config, task.channels))
    session.callbacks = [camera]
    interrupted = carry_out([session])
    if interrupted:
        raise Interrupted(interrupted[0])
    if session.diverged is not None:
        raise session.diverged
    if not finished:
        write_film(out, camera.frames, seconds)
        return out, f"The run is unfinished; the film ends at epoch {last:,} of {config.epochs:,}."
    ended = on_grid(config, task, session.network).cpu()
    camera.take(last, ended)
    write_film(out, camera.frames, seconds)
    state = learned.state_dict()
    if all(torch.equal(value.cpu(), state[name]) for name, value in session.network.state_dict().items()):
        return out, "The film is that of the run: the repetition ended with the same weights, bit by bit."
    there, here = (f"{task.score(values):.4g} {task.score_unit}".rstrip() for values in (final, ended))
    return out, (
        f"The film is of a repetition, which ended with {task.score_name} {here} where the run has {there}: this machine, its "
        "number of threads or its versions round otherwise."
    )
