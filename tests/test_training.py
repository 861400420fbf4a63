"""Training: gradients, run directories, kills at any moment, bad input."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import bwtheory as bw
from bwtheory.nn import INR
from bwtheory.tasks import build_task
from bwtheory.tasks.images import BUILT_IN, load_image, save_image
from bwtheory.tasks.task import pixel_coordinates, psnr
from bwtheory.training import loop
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.presets import PRESETS
from bwtheory.training.run import RunDirectory

torch.set_num_threads(1)
CHECKOUT = Path(__file__).resolve().parents[1]
KILLS = int(os.environ.get("BWTHEORY_KILLS", "3"))  # 25 takes two minutes


@pytest.fixture
def picture(tmp_path) -> Path:
    y, x = np.mgrid[0:12, 0:17]
    levels = 127 + 80 * np.sin(x / 3) + 40 * np.cos(y / 2)
    path = tmp_path / "picture.png"
    Image.fromarray(levels.astype(np.uint8)).save(path)
    return path


def small(picture: Path, **changes) -> dict:
    return {"source": str(picture), "epochs": 30, "hidden_features": 10, "hidden_layers": 2, **changes}


def start(given: dict, out: Path, seeds: int = 1, options: dict | None = None, **more) -> int:
    return start_runs(with_preset(given, options, **more), seeds, out)


def test_chunks_accumulate_the_exact_gradient():
    """The same sum in another order: float64, a few hundred terms."""
    torch.manual_seed(0)
    network = INR(2, 1, 12, 2, c=3.0).double()
    x, y = torch.rand(101, 2).double() * 2 - 1, torch.rand(101, 1).double()
    gradients = []
    for chunk in (101, 100, 7, 1):
        network.zero_grad()
        loss, values = loop._accumulate_gradient(network, x, y, None, chunk)
        torch.testing.assert_close(values, network(x), rtol=0, atol=1e-12)
        assert float(loss) == pytest.approx((network(x) - y).square().mean().item(), rel=1e-12)
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["bw-relu", "wire", "relu-rff"])
def test_run_directory_and_the_way_back(picture, tmp_path, activation):
    out = tmp_path / "runs"
    assert start(small(picture, activation=activation), out, seeds=2) == 0
    folders = sorted(out.iterdir())
    assert [f.name for f in folders] == [f"picture-signal-{activation}-seed{seed}" for seed in (40, 41)]
    names = {path.name for path in folders[0].iterdir()}
    assert names == {
        "config.json",
        "metrics.jsonl",
        "checkpoint.pt",
        "weights.safetensors",
        "reconstruction.png",
        "summary.json",
    }
    summary = json.loads((folders[0] / "summary.json").read_text())
    f = bw.load(folders[0])
    values = f(pixel_coordinates(12, 17).numpy())
    assert values.shape == (12 * 17, 1)
    target = torch.from_numpy(load_image(str(picture)).pixels.reshape(-1, 1))
    assert psnr(torch.from_numpy(values), target) == summary["psnr"]
    with Image.open(folders[0] / "reconstruction.png") as image:
        assert image.size == (17, 12)
    rows = [json.loads(line) for line in (folders[0] / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 10, 20, 30]
    assert resume_runs(out) == 0  # finished runs are left alone


def test_training_fits(picture, tmp_path):
    start(small(picture, epochs=400, hidden_features=40), tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "summary.json").read_text())["psnr"] > 30


def run_training(folder: Path, picture: Path, checkpoint_seconds: float, epochs: int = 250) -> subprocess.Popen:
    code = (
        "import sys, torch; torch.set_num_threads(1)\n"
        "from pathlib import Path\n"
        "import bwtheory.training.loop as loop\n"
        "from bwtheory.training.command import resume_runs, start_runs\n"
        f"loop.CHECKPOINT_EVERY_SECONDS = {checkpoint_seconds}\n"
        "from bwtheory.training.config import with_preset\n"
        f"config = with_preset({small(picture, epochs=epochs)!r})\n"
        f"folder = Path({str(folder)!r})\n"
        "sys.exit(resume_runs(folder) if list(folder.glob('*/config.json')) else start_runs(config, 1, folder))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def outcome(folder: Path) -> tuple[bytes, bytes]:
    (run,) = folder.iterdir()
    return (run / "weights.safetensors").read_bytes(), (run / "metrics.jsonl").read_bytes()


def test_kills_at_random_moments_leave_no_trace(picture, tmp_path):
    """A checkpoint is written at every epoch, so that many kills fall into a write; what counts is where the run ends."""
    reference = run_training(tmp_path / "undisturbed", picture, 1e9)
    assert reference.wait(120) == 0
    chance = random.Random(0)
    folder = tmp_path / "killed"
    (folder).mkdir()
    for _ in range(KILLS):
        process = run_training(folder, picture, 0.0)
        deadline = time.monotonic() + 60
        while not list(folder.glob("*/checkpoint.pt")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        started = {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoint.pt")}
        while process.poll() is None and time.monotonic() < deadline:
            if any(path.stat().st_mtime_ns != started[path] for path in started):
                break
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
    last = run_training(folder, picture, 0.0)
    assert last.wait(120) == 0, last.stderr.read()
    assert outcome(folder) == outcome(tmp_path / "undisturbed")


def test_interrupt_saves_and_says_how_to_go_on(picture, tmp_path):
    folder = tmp_path / "runs"
    process = run_training(folder, picture, 1e9, epochs=10**6)
    deadline = time.monotonic() + 60
    while not list(folder.glob("*/checkpoint.pt")) and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    (run,) = folder.iterdir()
    assert process.returncode != 0 and b"train signal --resume" in errors and run.name.encode() in errors
    assert RunDirectory(run).load_checkpoint(RunDirectory(run).read_config())["epoch"] > 0


def test_divergence_keeps_the_last_good_weights(picture, tmp_path):
    with pytest.raises(loop.Diverged, match=r"at epoch|last step"):
        start(small(picture, activation="relu", lr=1e30), tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    state = RunDirectory(run).load_checkpoint(RunDirectory(run).read_config())["network"]
    assert all(torch.isfinite(value).all() for value in state.values())
    assert not (run / "summary.json").exists()


@pytest.mark.parametrize(
    "mode, value, expected",
    [
        ("L", 255, [1.0]),
        ("I;16", 65535, [1.0]),
        ("1", 1, [1.0]),
        ("RGB", (255, 0, 51), [1.0, 0.0, 0.2]),
        ("RGBA", (255, 0, 51, 10), [1.0, 0.0, 0.2]),
        ("LA", (51, 3), [0.2]),
        ("F", 0.25, [0.25]),
    ],
)
def test_image_modes(tmp_path, mode, value, expected):
    path = tmp_path / ("image.tif" if mode in ("F", "I;16") else "image.png")
    Image.new(mode, (3, 2), value).save(path)
    pixels = load_image(str(path)).pixels
    assert pixels.shape == (2, 3, len(expected))
    assert np.allclose(pixels[0, 0], expected, rtol=0, atol=1e-7)


def test_palette_image(tmp_path):
    Image.new("RGB", (4, 4), (0, 255, 0)).convert("P").save(tmp_path / "palette.png")
    assert load_image(str(tmp_path / "palette.png")).pixels[0, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_images(name):
    image = load_image(name)
    assert image.pixels.shape[2] in (1, 3) and 0 <= image.pixels.min() < image.pixels.max() <= 1
    assert len(image.sha256) == 64


def test_one_pixel_image_trains(tmp_path):
    path = tmp_path / "one.png"
    Image.new("L", (1, 1), 100).save(path)
    assert start(small(path, epochs=2), tmp_path / "runs") == 0


def test_coordinates():
    stretched, isotropic = pixel_coordinates(3, 5), pixel_coordinates(3, 5, "isotropic")
    assert stretched.shape == (15, 2)
    assert stretched[0].tolist() == [-1, -1] and stretched[-1].tolist() == [1, 1]
    assert stretched[1].tolist() == [-0.5, -1]
    assert isotropic[-1].tolist() == [1, 0.5]
    assert pixel_coordinates(1, 1).tolist() == [[0, 0]]


def test_psnr():
    target = torch.rand(100, 1)
    assert psnr(target + 0.1, target) == pytest.approx(20, abs=1e-5)
    assert psnr(target, target) == math.inf


def test_image_round_trip(tmp_path, picture):
    image = load_image(str(picture))
    save_image(tmp_path / "again.png", image.pixels)
    assert np.array_equal(load_image(str(tmp_path / "again.png")).pixels, image.pixels)
    task = build_task("signal", str(tmp_path / "again.png"), "stretch", {})
    assert np.allclose(task.image(task.truth), image.pixels, rtol=0, atol=0)


def test_presets_build_and_name_their_source():
    for (task, activation), preset in PRESETS.items():
        config = with_preset({"source": "camera", "task": task, "activation": activation})
        assert config.lr == preset.settings["lr"] and config.settings_from == preset.source
        INR(2, 1, 4, 1, activation, **config.options)
    changed = with_preset({"source": "camera", "lr": 1.0}, {"c": 2.0})
    assert changed.options == {"c": 2.0} and "other settings given" in changed.settings_from
    assert TrainingConfig.from_json(changed.to_json()) == changed


@pytest.mark.parametrize(
    "content, message",
    [(b"just text", "not an image"), (b"", "not an image"), (b"\x89PNG\r\n\x1a\n broken", "not an image")],
)
def test_broken_images(tmp_path, content, message):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_image(str(path))


def test_pixels_that_are_not_finite(tmp_path):
    path = tmp_path / "nan.tif"
    Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32)).save(path)
    with pytest.raises(ValueError, match="not finite"):
        load_image(str(path))


@pytest.mark.parametrize(
    "changes, options, message",
    [
        ({"epochs": 0}, {}, "epochs >= 1"),
        ({"hidden_features": 0}, {}, "hidden_features >= 1"),
        ({"chunk": 0}, {}, "chunk >= 1"),
        ({"lr": -1.0}, {}, "learning rate"),
        ({"lr": math.nan}, {}, "learning rate"),
        ({"decay": 0.0}, {}, "decay rate"),
        ({"coords": "square"}, {}, "'stretch' or 'isotropic'"),
        ({"activation": "tanh"}, {}, "no activation"),
        ({}, {"c": -1.0}, "positive"),
        ({"activation": "siren"}, {"c": 1.0}, "no option 'c'"),
    ],
)
def test_bad_settings_leave_nothing_behind(picture, tmp_path, changes, options, message):
    with pytest.raises(ValueError, match=message):
        start(small(picture, **changes), tmp_path / "runs", options=options)
    assert not (tmp_path / "runs").exists()


def test_devices_and_folders(picture, tmp_path):
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not available"):
            loop.pick_device("cuda")
    assert loop.pick_device("auto") in ("cpu", "cuda", "mps")
    out = tmp_path / "runs"
    start(small(picture), out)
    with pytest.raises(ValueError, match="already holds a run"):
        start(small(picture), out)
    with pytest.raises(ValueError, match="no run directory"):
        resume_runs(tmp_path)
    with pytest.raises(ValueError, match=r"no config\.json"):
        bw.load(tmp_path)
    (run,) = out.iterdir()
    (run / "config.json").write_text('{"source": "x", "colour": 3}')
    with pytest.raises(ValueError, match="unknown field 'colour'"):
        bw.load(run)
    (run / "config.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be used"):
        bw.load(run)


def test_command_line(picture, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "bwtheory", "train", "signal"]

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([*command, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True)

    done = run("--image", str(picture), "--epochs", "3", "--hidden-features", "5", "--out", "runs")
    assert done.returncode == 0 and "dB after 3 epochs" in done.stdout, done.stderr
    for arguments, sentence in (
        ((), "needs --image FILE"),
        (("--image", "missing.png"), "no image file 'missing.png'"),
        (("--resume", "runs", "--lr", "1"), "leave out --lr"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 2 and sentence in failed.stderr and failed.stderr.count("\n") == 1
