"""Small runs of every sort: the words of their commands, the files they need, and what is compared when they have ended."""

from __future__ import annotations

import contextlib
import io
import json
import mmap
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NETWORK = "--hidden-features 8 --hidden-layers 2"
TRAINED = {  # words after ``train``, before those of NETWORK; {data} is the folder that ``write_data`` writes
    "bw-relu": "signal --image {data}/picture.png --epochs 50 --log-every 5",
    "siren": "signal --image {data}/colour.png --activation siren --epochs 40 --log-every 7",
    "wire": "signal --image {data}/picture.png --activation wire --epochs 30 --log-every 4 --condition-every 9",
    "gauss-newton": "signal --image {data}/picture.png --gauss-newton-after 10 --gauss-newton-iterations 4 --epochs 34",
    "together": "signal --image {data}/picture.png --seeds 2 --together --epochs 40 --log-every 5",
    "two seeds": "signal --image {data}/picture.png --activation relu --seeds 2 --epochs 25 --log-every 5",
    "held-out": "denoise --image {data}/picture.png --noise 0.1 --held-out 0.2 --stop-rule held-out --epochs 40 --log-every 2",
    "discrepancy": "denoise --image {data}/picture.png --noise 0.3 --stop-rule discrepancy --lr 0.01 --epochs 200",
    "stop at loss": "signal --image {data}/picture.png --stop-at-loss 0.08 --lr 0.01 --epochs 200 --log-every 5",
    "inpaint": "inpaint --image {data}/picture.png --mask {data}/mask.png --epochs 40 --log-every 5",
    "superres": "superres --image {data}/picture.png --factor 2 --epochs 30 --log-every 5 --log-details",
    "ct": "ct --image {data}/picture.png --angles 6 --epochs 30 --log-every 5",
    "sinogram": "ct --sinogram {data}/sinogram.npy --angles {data}/angles.txt --truth {data}/truth.npy --epochs 30",
    "univariate": "univariate --target sines --samples 12 --double --epochs 40 --log-every 5",
    "audio": "audio --audio {data}/sound.wav --activation finer --epochs 30 --log-every 5",
    "penalty": "signal --image {data}/picture.png --norm-penalty 1e-4 --learnable-c --optimizer sgd --epochs 40 --chunk 16",
}
NOT_COMPARED = ("seconds", "commit", "content_sha256")  # of a summary: wall time, the state of the checkout, the hash of all


def write_data(folder: Path) -> None:
    """The files that the runs are trained on."""
    from PIL import Image
    from scipy.io import wavfile
    from skimage.transform import radon

    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    levels = chance.integers(0, 256, (8, 9, 3), dtype=np.uint8)
    Image.fromarray(levels[..., 0]).save(folder / "picture.png")
    Image.fromarray(levels).save(folder / "colour.png")
    Image.fromarray(np.where(levels[..., 1] > 80, 255, 0).astype(np.uint8)).save(folder / "mask.png")
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    truth = ((x - 0.2) ** 2 + y**2 < 0.3).astype(float)
    angles = np.arange(0, 180, 22.5)
    np.save(folder / "truth.npy", truth)
    np.save(folder / "sinogram.npy", radon(truth, angles, circle=True).T)
    np.savetxt(folder / "angles.txt", angles)
    wavfile.write(folder / "sound.wav", 800, (1e4 * np.sin(np.arange(60) / 3)).astype(np.int16))


def train_words(name: str, data: Path, out: Path) -> list[str]:
    """Of the command that trains an example into a folder."""
    return ["train", *TRAINED[name].format(data=data).split(), *NETWORK.split(), "--out", str(out)]


def resume_words(name: str, out: Path) -> list[str]:
    """Of the command that goes on with it."""
    return ["train", TRAINED[name].split()[0], "--resume", str(out)]


def outcome(out: Path) -> dict[str, Any]:
    """All that runs in a folder leave behind and that two undisturbed ones have in common: bytes by file name."""
    found: dict[str, Any] = {}
    for run in sorted(path.parent for path in out.rglob("config.json")):
        for file in sorted(run.iterdir()):
            name = f"{run.relative_to(out)}/{file.name}"
            if file.name == "summary.json":
                summary = json.loads(file.read_text(encoding="utf-8"))
                found[name] = {key: value for key, value in summary.items() if key not in NOT_COMPARED}
            elif file.name == "weights.safetensors" or file.name.startswith("reconstruction") or file.name == "metrics.jsonl":
                found[name] = file.read_bytes()
            elif file.name.endswith(".partial"):
                found[name] = "left over"
    return found


def difference(found: dict[str, Any], right: dict[str, Any]) -> str:
    """In words, the first thing that differs; empty if nothing does."""
    for name in sorted(found.keys() | right.keys()):
        if name not in found:
            return f"{name} is missing"
        if name not in right:
            return f"{name} is too much"
        if found[name] != right[name]:
            if isinstance(right[name], dict):
                keys = found[name].keys() | right[name].keys()
                changed = sorted(key for key in keys if found[name].get(key) != right[name].get(key))
                return f"{name} differs in {', '.join(changed)}"
            return f"{name} differs"
    return ""


class Steps:
    """How many steps optimizers have made in a child, seen from its parent; at ``stop_at`` the child gets a signal."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def made(self) -> int:
        """Of Adam and of gradient descent, of all networks together."""
        return int.from_bytes(self._memory[:8], "little")

    def count(self, work: Callable[[], int | None], stop_at: int = -1, number: int = signal.SIGINT) -> Callable[[], int | None]:
        """``work``, with its steps counted from 0 on."""

        def counting() -> int | None:
            import torch

            for optimizer in (torch.optim.Adam, torch.optim.SGD):
                optimizer.step = self._counted(optimizer.step, stop_at, number)  # type: ignore[method-assign]
            return work()

        self._memory[:8] = bytes(8)
        return counting

    def _counted(self, step: Callable[..., Any], stop_at: int, number: int) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            result = step(*arguments, **named)
            self._memory[:8] = (self.made + 1).to_bytes(8, "little")
            if self.made == stop_at:
                os.kill(os.getpid(), number)
            return result

        return counted


def checkpoint_every(seconds: float, work: Callable[[], int | None]) -> Callable[[], int | None]:
    """``work`` with checkpoints so many seconds apart: 0 for one after each step."""

    def saving() -> int | None:
        from bwtheory.training import callbacks

        if not hasattr(callbacks, "CHECKPOINT_EVERY_SECONDS"):
            raise RuntimeError("callbacks.py has no CHECKPOINT_EVERY_SECONDS any more; say here what replaced it.")
        callbacks.CHECKPOINT_EVERY_SECONDS = seconds
        return work()

    return saving


def warm_up_examples() -> None:
    """Train, draw and film in this process, so that forks of it find everything imported and compiled."""
    import bwtheory.cli as cli

    with (
        tempfile.TemporaryDirectory() as name,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        folder = Path(name)
        write_data(folder / "data")
        for example in TRAINED:
            if cli.main(train_words(example, folder / "data", folder / example)) != 0:
                raise RuntimeError(f"The example {example!r} does not train: {TRAINED[example]}")
        (run,) = (folder / "bw-relu").iterdir()
        for words in (["render"], ["report"], ["animate", "--frames", "3"]):
            if cli.main([*words, str(run)]) != 0:
                raise RuntimeError(f"The command {words[0]} does nothing for the example {run}.")
