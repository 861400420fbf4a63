"""Training: gradients, run directories, kills at any moment, full disks, bad input."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from disturbance import Killed, failing
from PIL import Image
from safetensors.torch import load_file, save_file
from seeds import seeded

import bwtheory as bw
from bwtheory.nn import ACTIVATIONS, INR, feature_singular_values
from bwtheory.tasks import build_task
from bwtheory.tasks.images import load_image
from bwtheory.tasks.operators import BlockAverage
from bwtheory.tasks.task import pixel_coordinates, psnr
from bwtheory.training import callbacks, devices, reports, session
from bwtheory.training import gradient as gradient_module
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.gradient import ChunkedNetworks
from bwtheory.training.loop import FirstOrder
from bwtheory.training.presets import PRESETS
from bwtheory.training.reports import oracle
from bwtheory.training.run import RunDirectory, build_network

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("c++", "g++", "clang++")), reason="there is no C++ compiler"
)
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


def finish(given: dict, out: Path, **more) -> RunDirectory:
    """The one run of a folder, finished."""
    assert start(given, out, **more) == 0
    (path,) = out.iterdir()
    return RunDirectory(path)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is in kB on Linux")
@pytest.mark.parametrize(("preset", "most"), [("paper", 120), ("recommended", 160)])
def test_memory_is_a_few_numbers_a_pixel(tmp_path, preset, most):
    """Coordinates (16 + 8 bytes), truth, targets, values (16), three copies while scoring (24), reading and writing the image:
    under 120 bytes a pixel, however many chunks there are.  Where some pixels are kept to measure what is between the others,
    a random order and its sorted parts (24) and the copies of coordinates and truth without them (24), but not all at once."""
    peaks = []
    for side in (256, 1280):
        path = tmp_path / f"{side}.png"
        Image.fromarray(np.add.outer(np.arange(side), np.arange(side)).astype(np.uint8)).save(path)
        arguments = f"train signal --preset {preset} --image {path} --epochs 1 --hidden-features 8 --hidden-layers 1"
        arguments += " --chunk 4096 --device cpu"
        code = (
            "import resource, sys; from bwtheory.cli import main; "
            f"assert main({[*arguments.split(), '--out', str(tmp_path / 'runs')]!r}) == 0; "
            "sys.stderr.write(f'\\n{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}')"
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        peaks.append(1024 * int(done.stderr.splitlines()[-1]))
    assert (peaks[1] - peaks[0]) / (1280**2 - 256**2) < most


def gradient_of(network: INR) -> torch.Tensor:
    return torch.cat([torch.view_as_real(p.grad + 0j).flatten() for p in network.parameters()])


@pytest.mark.parametrize("keep", [0, 2**31])
@pytest.mark.parametrize("operator", [None, BlockAverage((6, 8), 2)], ids=["pixels", "operator"])
def test_chunks_accumulate_the_exact_gradient(operator, keep, monkeypatch):
    """The same sum in another order: float64, a few hundred terms."""
    monkeypatch.setattr(gradient_module, "KEEP_BYTES", keep)
    torch.manual_seed(seeded())
    network = INR(2, 1, 12, 2, c=3.0).double()
    x = torch.rand(48, 2).double() * 2 - 1
    y = torch.rand(operator.measurements if operator else 48, 1).double()
    matrix = operator(torch.eye(48).double()) if operator else torch.eye(48).double()
    expected = (matrix @ network(x) - y).square().mean()
    expected.backward()
    gradient = gradient_of(network)
    for chunk in (49, 48, 47, 7, 1):
        chunked = ChunkedNetworks([network], chunk)
        loss, values = chunked.least_squares(x, y, operator)
        torch.testing.assert_close(values[0], network(x).detach(), rtol=0, atol=1e-12)
        assert float(loss) == pytest.approx(expected.item(), rel=1e-12)
        torch.testing.assert_close(gradient_of(network), gradient, rtol=0, atol=1e-12)


@needs_compiler
@pytest.mark.parametrize("activation, keep", [("bw-relu", 0), ("bw-relu", 2**31), ("wire", 0)])
def test_compiled_chunks_accumulate_the_exact_gradient(activation, keep, monkeypatch):
    """Two whole chunks and an odd one; for BW-ReLU with pre-activations on knots: weights are multiples of 1/2."""
    monkeypatch.setattr(gradient_module, "KEEP_BYTES", keep)
    torch.manual_seed(seeded())
    network = INR(2, 1, 12, 2, activation).double()
    x, y = torch.randint(-2, 3, (50, 2)).double() / 2, torch.rand(50, 1).double()
    if activation == "bw-relu":
        with torch.no_grad():
            for parameter in network.hidden[0].parameters():
                parameter.copy_((2 * parameter).round() / 2 + 0.5)
        z = network.hidden[0](x) * 3
        assert float((z * 2 == (z * 2).round()).double().mean()) > 0.5
    gradients = []
    for compiled in (False, True):
        chunked = ChunkedNetworks([network], 20, compiled)
        for operator, measurements in ((None, y), (BlockAverage((5, 10), 5), y[:2])):
            loss, values = chunked.least_squares(x, measurements, operator)
        gradients.append(torch.cat([gradient_of(network), loss, values.flatten()]))
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


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
        "error.png",
        "summary.json",
        ".lock",
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
        "import bwtheory.training.callbacks as callbacks\n"
        "from bwtheory.training.command import resume_runs, start_runs\n"
        f"callbacks.CHECKPOINT_EVERY_SECONDS = {checkpoint_seconds}\n"
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
    chance = random.Random(seeded())
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
    time.sleep(2)  # some steps, on a slow machine too
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    (run,) = folder.iterdir()
    assert process.returncode != 0 and b"train signal --resume" in errors and run.name.encode() in errors
    assert RunDirectory(run).load_checkpoint(RunDirectory(run).read_config())["epoch"] > 0


def test_divergence_keeps_the_last_good_weights(picture, tmp_path):
    """And ends the run at once."""
    with pytest.raises(session.Diverged, match=r"The loss is (inf|nan) at epoch 1\b"):
        start(small(picture, activation="relu", lr=1e30, epochs=12), tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    state = RunDirectory(run).load_checkpoint(RunDirectory(run).read_config())["network"]
    assert all(torch.isfinite(value).all() for value in state.values())
    assert not (run / "summary.json").exists()


def test_one_pixel_image_trains(tmp_path):
    path = tmp_path / "one.png"
    Image.new("L", (1, 1), 100).save(path)
    assert start(small(path, epochs=2), tmp_path / "runs") == 0


def test_presets_build_and_name_their_source():
    for (task, activation), preset in PRESETS.items():
        config = with_preset({"source": "camera", "task": task, "activation": activation})
        assert config.lr == preset.settings["lr"] and config.settings_from == preset.source
        INR(2, 1, 4, 1, activation, **config.options)
    changed = with_preset({"source": "camera", "lr": 1.0}, {"c": 2.0})
    assert changed.options == {"c": 2.0} and "other settings given" in changed.settings_from
    assert TrainingConfig.from_json(changed.to_json()) == changed


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
        ({"activation": "relo"}, {}, "no activation"),
        ({}, {"c": -1.0}, "positive"),
        ({"activation": "siren"}, {"c": 1.0}, "no option 'c'"),
        ({"condition_sample": 0}, {}, "condition_sample >= 1"),
        ({"decay_epochs": 0}, {}, "decay_epochs >= 1"),
        ({"decay": 1.1}, {}, "decay rate"),
        ({"weight_decay": -1.0}, {}, "weight_decay >= 0"),
        ({"norm_penalty": math.nan}, {}, "norm_penalty >= 0"),
        ({"stop_at_loss": math.inf}, {}, "stop_at_loss >= 0"),
        ({"condition_every": -1}, {}, "condition_every >= 0"),
        ({"optimizer": "lbfgs"}, {}, "'adam', 'sgd' or 'muon'; got 'lbfgs'"),
        ({"input_scale": 0.0}, {}, "input_scale"),
        ({"norm_penalty": 1e-3, "activation": "siren"}, {}, "about BW-ReLU networks; got Siren"),
        ({"double": True, "device": "mps"}, {}, "MPS has no float64"),
        ({"task": "superres"}, {"frequencies": 3}, "no option 'frequencies'"),
    ],
)
def test_bad_settings_leave_nothing_behind(picture, tmp_path, changes, options, message):
    with pytest.raises(ValueError, match=message):
        start(small(picture, **changes), tmp_path / "runs", options=options)
    assert not (tmp_path / "runs").exists()


def test_bad_calls_leave_nothing_behind(picture, tmp_path):
    for call, message in (
        (lambda: start(small(picture), tmp_path / "runs", seeds=0), "seeds >= 1; got 0"),
        (lambda: start(small(picture), tmp_path / "runs", task_options={"factor": 2}), "task 'signal' has no option 'factor'"),
        (lambda: start(small(picture, task="segmentation"), tmp_path / "runs"), "no task 'segmentation'; there are signal"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert not (tmp_path / "runs").exists()


def test_devices_and_folders(picture, tmp_path):
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not available"):
            devices.pick_device("cuda")
    assert devices.pick_device("auto") in ("cpu", "cuda", "mps")
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
    with pytest.raises(ValueError, match=r"config\.json is damaged: it is not JSON from line 1, column 2 on"):
        bw.load(run)


def test_command_line(picture, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "bwtheory", "train", "signal"]

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([*command, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True)

    done = run("--image", str(picture), "--epochs", "3", "--hidden-features", "5", "--out", "runs")
    assert done.returncode == 0 and "dB after 3 epochs" in done.stdout, done.stderr
    failed = run("--image", "missing.png")  # more of these, without a process each, in test_flags
    assert failed.returncode == 2 and "no image file 'missing.png'" in failed.stderr and failed.stderr.count("\n") == 1


# What is minimized


def dense(operator) -> torch.Tensor:
    """The operator's matrix: its images of the unit vectors, as channels of one image."""
    return operator(torch.eye(math.prod(operator.shape), dtype=torch.float64))


def objective(network: INR, task, matrix: torch.Tensor | None, weight_decay: float, norm_penalty: float) -> torch.Tensor:
    """All at once, written out: mean square + Σw² + equation (53)."""
    values = network(task.coordinates)
    loss = ((values if matrix is None else matrix @ values) - task.measurements).square().mean()
    layers = [layer.weight for layer in (*network.hidden, *network.between, network.output)]
    for weight in layers:
        loss = loss + weight_decay * weight.square().sum()
    if norm_penalty:
        hidden = [layer.weight.square().sum(dim=1).sqrt() for layer in network.hidden]
        after = [layer.weight.square().sum(dim=0).sqrt() for layer in (*network.between, network.output)]
        if len(network.between):
            total = sum((w * v).sum() for w, v in zip(hidden, after, strict=True))
        else:
            later = [layer.weight.square().sum(dim=0).sqrt().sum() for layer in (*network.hidden[2:], network.output)]
            second = network.hidden[1].weight.square().sum(dim=0).sqrt()
            total = (hidden[0] * second).sum() + sum(later)
        loss = loss + norm_penalty * 16 * network.activation.c * total
    return loss


@pytest.mark.parametrize(
    "changes, options, task_options",
    [
        ({}, {}, {}),
        ({"weight_decay": 0.05}, {}, {}),
        ({"norm_penalty": 1e-3}, {}, {}),
        ({"norm_penalty": 1e-3, "hidden_layers": 3}, {}, {}),
        ({"weight_decay": 0.05, "norm_penalty": 1e-3}, {"learnable": True}, {}),
        (
            {"weight_decay": 0.05, "norm_penalty": 1e-3, "linear_layers": True, "skip": True, "input_scale": 2.0},
            {"learnable": True},
            {},
        ),
        ({"activation": "wire", "weight_decay": 0.05}, {"omega_0": 3.0, "sigma_0": 2.0}, {}),
        ({"task": "superres"}, {}, {"noise": 0.1}),
        ({"task": "superres", "weight_decay": 0.05}, {}, {"antialiased": True, "factor": 3}),
        ({"task": "ct"}, {}, {"angles": 5}),
        ({"task": "ct", "norm_penalty": 1e-3}, {"learnable": True}, {"angles": 5, "published_geometry": True}),
        ({"task": "inpaint"}, {}, {"missing": 0.5}),
    ],
)
def test_training_descends_along_the_gradient_of_the_whole_objective(picture, tmp_path, changes, options, task_options):
    """Five steps of plain gradient descent in float64, in chunks of 7, against autograd of the objective written out.  The
    learning rate falls for three epochs and then stays.  Rounding of 1e-16 grows by curvatures times learning rates, of
    order 1 a step; a wrong factor in one term would move a parameter by 1e-5 or more."""
    changes = {"optimizer": "sgd", "lr": 2e-3, "decay": 0.1, "decay_epochs": 3, "epochs": 5, **changes}
    given = small(picture, hidden_layers=2, chunk=7, double=True) | changes
    run = finish(
        given,
        tmp_path / "runs",
        options={"c": 3.0, **options} if "activation" not in changes else options,
        task_options=task_options,
    )
    config = run.read_config()
    task = build_task(config.task, config.source, config.coords, config.task_options)
    matrix = None if task.operator is None else dense(task.operator)
    network = build_network(config, task.channels)
    for rate in (2e-3, 2e-3 * 0.1 ** (1 / 3), 2e-3 * 0.1 ** (2 / 3), 2e-4, 2e-4):
        network.zero_grad()
        objective(network, task, matrix, config.weight_decay, config.norm_penalty).backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= rate * parameter.grad
    found = bw.load(run.path).network
    start_of = build_network(config, task.channels)
    for (name, expected), value, before in zip(
        network.named_parameters(), found.parameters(), start_of.parameters(), strict=True
    ):
        assert value.dtype == expected.dtype and not torch.equal(before, expected), name
        torch.testing.assert_close(value, expected, rtol=0, atol=1e-11)
    values = network(task.coordinates)
    residual = (values if matrix is None else matrix @ values) - task.measurements
    assert run.read_summary()["loss"] == pytest.approx(residual.square().mean().item(), rel=1e-10)  # without the penalties


def test_adam_is_the_default(picture, tmp_path):
    """torch.optim.Adam with its own settings on the whole image; float64, rounding as above."""
    run = finish(small(picture, epochs=4, double=True, lr=1e-3), tmp_path / "runs")
    config = run.read_config()
    task = build_task("signal", config.source, "stretch", {})
    network = build_network(config, 1)
    adam = torch.optim.Adam(network.parameters())
    for epoch in range(4):
        adam.param_groups[0]["lr"] = 1e-3 * 0.1 ** (epoch / 4)
        adam.zero_grad()
        (network(task.coordinates) - task.measurements).square().mean().backward()
        adam.step()
    for expected, value in zip(network.parameters(), bw.load(run.path).network.parameters(), strict=True):
        torch.testing.assert_close(value, expected, rtol=0, atol=1e-10)


def test_learning_rate():
    config = TrainingConfig("camera", lr=1.0, decay=0.01, epochs=100)
    assert [config.learning_rate(epoch) for epoch in (0, 50, 100)] == pytest.approx([1, 0.1, 0.01], rel=1e-12)
    config = replace(config, decay_epochs=10)
    assert [config.learning_rate(epoch) for epoch in (0, 5, 10, 11, 100)] == pytest.approx(
        [1, 0.1, 0.01, 0.01, 0.01], rel=1e-12
    )
    assert replace(config, decay=1.0).learning_rate(77) == 1.0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"double": True, "optimizer": "sgd"},
        {"linear_layers": True, "skip": True, "norm_penalty": 1e-6, "weight_decay": 1e-6},
        {"condition_every": 5, "task": "ct"},
        {"task": "superres", "hidden_layers": 1},
    ],
)
def test_learnable_scale_is_trained(picture, tmp_path, changes):
    """c starts where it is asked to, to float32, changes at every step and is the one that comes back."""
    run = finish(small(picture, log_every=1, **changes), tmp_path / "runs", options={"c": 5.0, "learnable": True})
    scales = [row["c"] for row in run.read_metrics()]
    assert scales[0] == pytest.approx(5, rel=1e-6) and len(set(scales)) == 31
    assert bw.load(run.path).network.activation.c.item() == pytest.approx(scales[-1], rel=1e-6)
    assert run.read_summary()["c"] == scales[-1]


def test_stop_at_loss(picture, tmp_path):
    """The first epoch whose loss is not above the bound is the last one; until then nothing differs."""
    whole = finish(small(picture, log_every=1), tmp_path / "whole").read_metrics()
    losses = [row["loss"] for row in whole]
    bound = 0.5 * (losses[11] + losses[12])
    first = next(epoch for epoch, loss in enumerate(losses) if loss <= bound)
    assert 5 < first < 20
    run = finish(small(picture, log_every=1, stop_at_loss=bound), tmp_path / "stopped")
    rows, summary = run.read_metrics(), run.read_summary()
    assert summary["epochs"] == first and rows[:-1] == whole[:first] and rows[-1]["epoch"] == first
    assert summary["loss"] == rows[-1]["loss"] == pytest.approx(losses[first], rel=1e-6)  # summed in another order
    assert resume_runs(run.path) == 0 and run.read_metrics() == rows


NOISY_CT = {"angles": 12, "noise": 0.2, "held_out": 0.2}
OVERFITTING = {"task": "ct", "epochs": 200, "hidden_features": 40, "lr": 1e-2, "log_every": 5}


def test_stopping_rules_choose_from_the_log(picture, tmp_path):
    """On a noisy sinogram: what each rule keeps is the epoch that the definition says, the weights and all numbers its own."""
    runs = {}
    for rule in ("last", "discrepancy", "held-out"):
        given = {**OVERFITTING, "source": str(picture), "stop_rule": rule, "hidden_layers": 2}
        runs[rule] = finish(given, tmp_path / rule, task_options=NOISY_CT)
    task = build_task("ct", str(picture), "stretch", NOISY_CT)
    rows, last = runs["last"].read_metrics(), runs["last"].read_summary()
    least = min(rows, key=lambda row: row["held_out_loss"])
    enough = next(row for row in rows if row["loss"] <= task.noise_std**2)
    assert 0 < least["epoch"] < 200 and 0 < enough["epoch"] < 200  # the rules have something to decide
    assert last["stopping"] == {
        "discrepancy": {"epoch": enough["epoch"], "psnr": enough["psnr"]},
        "held_out": {"epoch": least["epoch"], "psnr": least["psnr"]},
    }
    assert last["kept_epoch"] == 200 and last["psnr"] == rows[-1]["psnr"]

    kept = runs["held-out"].read_summary()
    assert kept["kept_epoch"] == least["epoch"] and kept["epochs"] == 200
    assert kept["psnr"] == pytest.approx(least["psnr"], abs=1e-4) and kept["loss"] == least["loss"]
    assert runs["held-out"].read_metrics() == rows
    values = bw.load(runs["held-out"].path)(task.grid.numpy())
    assert psnr(torch.from_numpy(values), task.truth) == pytest.approx(kept["psnr"], abs=1e-4)

    stopped = runs["discrepancy"].read_summary()
    assert enough["epoch"] - 5 < stopped["epochs"] <= enough["epoch"] and stopped["loss"] <= task.noise_std**2 * (1 + 1e-5)
    before = [row for row in runs["discrepancy"].read_metrics() if row["epoch"] < stopped["epochs"]]
    assert all(row["loss"] > task.noise_std**2 for row in before)


@pytest.mark.parametrize("rule, needs", [("discrepancy", "--noise"), ("held-out", "--held-out")])
def test_stopping_rules_without_data_leave_nothing_behind(picture, tmp_path, rule, needs):
    with pytest.raises(ValueError, match=needs):
        start(small(picture, stop_rule=rule), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_symmetric_targets_are_those_of_minus_one_to_one(picture, tmp_path):
    """With gradient descent: f = (g + 1)/2 has a quarter of g's loss, so that four times the learning rate is the same."""
    sgd = {"optimizer": "sgd", "lr": 0.4, "epochs": 5, "log_every": 1, "double": True}
    run = finish(small(picture, symmetric_targets=True, **sgd), tmp_path / "symmetric")
    config = run.read_config()
    network = build_network(config, 1)
    network.output_scale, network.output_shift = 1.0, 0.0
    task = build_task("signal", str(picture), "stretch", {})
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    for epoch in range(5):
        optimizer.param_groups[0]["lr"] = config.learning_rate(epoch) / 4
        optimizer.zero_grad()
        (network(task.coordinates) - (2 * task.measurements - 1)).square().mean().backward()
        optimizer.step()
    mine = (network(task.coordinates).detach().numpy() + 1) / 2
    np.testing.assert_allclose(bw.load(run.path)(task.coordinates.numpy()), mine, atol=1e-9)  # sums in another order


def test_double(picture, tmp_path):
    """All numbers are float64, and the way back loses none of them."""
    run = finish(small(picture, double=True, activation="finer"), tmp_path / "runs")
    assert {value.dtype for value in load_file(run.weights_file).values()} == {torch.float64}
    values = bw.load(run.path)(pixel_coordinates(12, 17).numpy())
    assert values.dtype == np.float64
    target = torch.from_numpy(load_image(str(picture)).pixels.reshape(-1, 1))
    assert psnr(torch.from_numpy(values), target) == pytest.approx(run.read_summary()["psnr"], abs=1e-10)
    single = finish(small(picture, activation="finer"), tmp_path / "single")
    assert {value.dtype for value in load_file(single.weights_file).values()} == {torch.float32}


@pytest.mark.parametrize("double", [False, True])
def test_complex_weights_come_back(picture, tmp_path, double):
    run = finish(small(picture, activation="wire", double=double), tmp_path / "runs")
    network = bw.load(run.path).network
    saved = run.load_checkpoint(run.read_config())["network"]
    expected = torch.float64 if double else torch.float32
    assert network.output.weight.dtype == saved["output.weight"].dtype == expected
    assert all(torch.equal(value, saved[name]) for name, value in network.state_dict().items())


class Cos(ACTIVATIONS["siren"]):
    """A subclass of SIREN: what is trained is cos."""

    def forward(self, z):
        return torch.cos(self.omega_0 * z)


@pytest.mark.parametrize(
    ("activation", "reason"),
    [("relu", None), ("gelu", "nothing says what the derivative of gelu is"), (f"{__name__}:Cos", "the derivative of Cos is")],
)
def test_why_a_run_goes_by_autograd(picture, tmp_path, capsys, activation, reason):
    run = finish(small(picture, activation=activation), tmp_path / "runs")
    summary, said = run.read_summary(), capsys.readouterr().err
    if reason is None:
        assert summary["reason_for_autograd"] is None and summary["kernel"] == "explicit" and "autograd" not in said
    else:
        assert reason in summary["reason_for_autograd"] and summary["kernel"] == "autograd"
        assert f"gradients by autograd, because {summary['reason_for_autograd']}" in " ".join(said.split())
    if activation.endswith("Cos"):
        trained = bw.load(run.path, trust=True)
        x = torch.rand(5, 2, dtype=torch.float32)
        (hidden, _), *_ = trained.network.layers()
        torch.testing.assert_close(trained.network.features(x)[0], torch.cos(trained.network.activation.omega_0 * hidden(x)))
        torch.testing.assert_close(torch.from_numpy(trained(x.numpy())), trained.network(x).detach(), rtol=0, atol=1e-4)


# What is logged


@pytest.mark.parametrize("sample, task", [(2048, "signal"), (6, "signal"), (2048, "inpaint")])
def test_singular_values_are_logged(picture, tmp_path, sample, task):
    """All min(K, sample) of every layer, with nine digits, every seven epochs and at the end."""
    given = small(picture, condition_every=7, condition_sample=sample, task=task, hidden_layers=3)
    run = finish(given, tmp_path / "runs")
    rows = run.read_metrics()
    assert [row["epoch"] for row in rows] == [0, 7, 10, 14, 20, 21, 28, 30]
    assert [row["epoch"] for row in rows if "singular_values" in row] == [0, 7, 14, 21, 28, 30]
    for row in rows:
        if "singular_values" in row:
            assert [len(spectrum) for spectrum in row["singular_values"]] == [min(10, sample)] * 3
            assert all(spectrum == sorted(spectrum, reverse=True) for spectrum in row["singular_values"])
    config = run.read_config()
    x = build_task(task, config.source, config.coords, config.task_options).coordinates.float()
    if sample < len(x):
        x = x[session.fixed_sample(len(x), sample)]
        assert len(x) == len({tuple(row) for row in x.tolist()}) == sample
    for logged, spectrum in zip(
        rows[-1]["singular_values"], feature_singular_values(bw.load(run.path).network, x), strict=True
    ):
        np.testing.assert_allclose(logged, spectrum, rtol=1e-8, atol=1e-12 * spectrum[0])


def test_a_stopped_run_ends_with_singular_values(picture, tmp_path):
    losses = [row["loss"] for row in finish(small(picture, log_every=1), tmp_path / "whole").read_metrics()]
    run = finish(small(picture, condition_every=7, stop_at_loss=0.5 * (losses[11] + losses[12])), tmp_path / "stopped")
    assert "singular_values" in run.read_metrics()[-1]


def test_oracle(picture, tmp_path):
    """The best logged epoch: the largest PSNR, the smallest error."""
    image, function = build_task("denoise", str(picture), "stretch", {}), build_task("univariate", "steps", "stretch", {})
    rows = [{"epoch": 10 * n, "psnr": value, "rmse": value} for n, value in enumerate((1.0, 3.0, 2.0, 0.5, 2.5))]
    assert oracle(image, rows) == {"epoch": 10, "psnr": 3.0}
    assert oracle(function, rows) == {"epoch": 30, "rmse": 0.5}
    for name, source, best, score in (("denoise", str(picture), max, "psnr"), ("univariate", "steps", min, "rmse")):
        run = finish({"source": source, "task": name, "epochs": 30, "hidden_features": 10}, tmp_path / name)
        rows, summary = run.read_metrics(), run.read_summary()
        assert summary["oracle"][score] == best(row[score] for row in rows)
        assert summary["oracle"] in [{"epoch": row["epoch"], score: row[score]} for row in rows]
        assert summary[score] == pytest.approx(rows[-1][score], rel=1e-12)


@pytest.mark.parametrize("task", ["univariate", "inpaint"])
def test_the_logged_score_is_that_of_the_grid(picture, tmp_path, task):
    """Where the network is compared elsewhere than it is trained."""
    source = "smooth" if task == "univariate" else str(picture)
    run = finish({"source": source, "task": task, "epochs": 3, "hidden_features": 10}, tmp_path / "runs")
    problem = build_task(task, source, "stretch", {})
    values = bw.load(run.path)(problem.grid.numpy())
    score = problem.score(torch.from_numpy(values))
    assert run.read_metrics()[-1][problem.score_name] == score == run.read_summary()[problem.score_name]


# Interruptions at every single write and step


@dataclass
class Disturbance:
    """What a run looked like after its n-th write, or step, had failed, and whether it ended as an undisturbed one."""

    n: int
    message: str
    partial_files: list[str]
    checkpoint_epoch: int | None
    begun: bool
    weights_agree: bool
    metrics_agree: bool
    summaries_agree: bool


def summary_of(run: Path) -> dict:
    """All but the time that it took, and the hash of the whole."""
    summary = RunDirectory(run).read_summary()  # checks the hash
    return {name: value for name, value in summary.items() if name != "seconds"}


EPOCHS = 3


@pytest.fixture(scope="module", params=["kill", "full disk"])
def disturbances(request, tmp_path_factory) -> list[Disturbance]:
    """One run for each write of a file, three calls each, and for each step."""
    folder = tmp_path_factory.mktemp("disturbed")
    picture = folder / "picture.png"
    Image.fromarray(np.arange(0, 240, 4, dtype=np.uint8).reshape(6, 10)).save(picture)
    given = {"epochs": EPOCHS, "hidden_features": 4, "condition_every": 1, "log_every": 2, "stop_rule": "held-out"}
    config = with_preset(small(picture, **given), {"c": 3.0}, {"held_out": 0.2})

    with failing(0, Killed()) as calls:
        start_runs(config, 1, folder / "undisturbed")
    (undisturbed,) = (folder / "undisturbed").iterdir()
    found = []
    for n in range(1, calls[0] + 1):
        failure = Killed() if request.param == "kill" else OSError(errno.ENOSPC, "No space left on device")
        out = folder / f"disturbed-{n}"
        with failing(n, failure), pytest.raises(type(failure)) as raised:
            start_runs(config, 1, out)
        (run,) = out.iterdir()
        partial = [path.name for path in run.iterdir() if path.name.endswith(".partial")]
        begun = (run / "config.json").exists()
        checkpoint = RunDirectory(run).load_checkpoint(RunDirectory(run).read_config()) if begun else None
        if (resume_runs(out) if begun else start_runs(config, 1, out)) != 0:
            raise AssertionError(f"The run after write {n} did not go on.")
        found.append(
            Disturbance(
                n,
                str(raised.value),
                partial,
                checkpoint and checkpoint["epoch"],
                begun,
                (run / "weights.safetensors").read_bytes() == (undisturbed / "weights.safetensors").read_bytes(),
                (run / "metrics.jsonl").read_bytes() == (undisturbed / "metrics.jsonl").read_bytes(),
                summary_of(run) == summary_of(undisturbed),
            )
        )
    rows = RunDirectory(undisturbed).read_metrics()
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3] and all("singular_values" in row for row in rows)
    return found


def test_every_write_was_disturbed(disturbances):
    """Files: configuration, first checkpoint, one an epoch, the last, weights, reconstruction, error map, summary: three calls
    each; the log is synced before each checkpoint; and the steps."""
    assert len(disturbances) == 3 * (1 + 1 + EPOCHS + 1 + 1 + 1 + 1 + 1) + (1 + EPOCHS + 1) + EPOCHS
    assert {d.checkpoint_epoch for d in disturbances} == {None, *range(EPOCHS + 1)}


def test_a_run_ends_where_an_undisturbed_one_does(disturbances):
    wrong = [d for d in disturbances if not (d.weights_agree and d.summaries_agree)]
    wrong += [d for d in disturbances if not d.metrics_agree and d.checkpoint_epoch != EPOCHS]
    assert not wrong


def test_the_last_row_is_logged_once(disturbances):
    last = [d for d in disturbances if d.checkpoint_epoch == EPOCHS]
    assert len(last) > 3 and all(d.metrics_agree for d in last)


@pytest.mark.parametrize("disturbances", ["full disk"], indirect=True)
def test_a_full_disk_leaves_no_half_files_and_says_how_to_go_on(disturbances):
    """A step that fails is no full disk; before there is a configuration there is nothing to go on with."""
    for d in disturbances:
        assert not d.partial_files and "No space left on device" in d.message
        if d.checkpoint_epoch is not None:
            assert "continue with: bwtheory train signal --resume" in d.message


@pytest.mark.parametrize("limit", [2000, 12000], ids=["checkpoint", "metrics"])
def test_files_that_the_system_does_not_write(picture, tmp_path, limit):
    """A real failure of write(2): no file may grow beyond some size; either file is the first to reach it."""
    given = small(picture, epochs=100, hidden_features=4, log_every=1)
    undisturbed = finish(given, tmp_path / "undisturbed")
    assert 2000 < undisturbed.checkpoint_file.stat().st_size < 12000 < undisturbed.metrics_file.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks, "CHECKPOINT_EVERY_SECONDS", -1.0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(OSError, match=r"File too large.*continue with: bwtheory train signal --resume"):
                start(given, tmp_path / "runs")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (run,) = (tmp_path / "runs").iterdir()
    assert not [path for path in run.iterdir() if path.name.endswith(".partial")]
    assert resume_runs(run) == 0
    assert outcome(tmp_path / "runs") == outcome(tmp_path / "undisturbed")


@pytest.mark.parametrize("step", [1, 5])
def test_an_interrupt_within_a_step_waits_for_its_end(picture, tmp_path, step):
    """Ctrl-C during any step, the last one of the run included: the step is done, the checkpoint is saved, the run goes on."""
    given = small(picture, epochs=5)
    finish(given, tmp_path / "undisturbed")
    made, whole, handler = [], torch.optim.Adam.step, signal.getsignal(signal.SIGINT)

    def interrupted(optimizer, *arguments, **options):
        made.append(1)
        if len(made) == step:
            signal.raise_signal(signal.SIGINT)
        return whole(optimizer, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(torch.optim.Adam, "step", interrupted)
        start(given, tmp_path / "runs", seeds=2)
    first, second = (RunDirectory(path) for path in sorted((tmp_path / "runs").iterdir()))
    assert first.load_checkpoint(first.read_config())["epoch"] == len(made) == step
    assert not first.weights_file.exists() and not second.checkpoint_file.exists()
    assert resume_runs(tmp_path / "runs") == 0
    assert signal.getsignal(signal.SIGINT) is handler
    shutil.rmtree(second.path)
    assert outcome(tmp_path / "runs") == outcome(tmp_path / "undisturbed")


@pytest.mark.parametrize("name, value", [("epochs", 50), ("lr", 1.0), ("hidden_features", 11), ("seed", 41)])
def test_a_configuration_that_was_changed_is_refused_by_name(picture, tmp_path, name, value):
    with failing(20, Killed()), pytest.raises(Killed):
        start(small(picture), tmp_path / "runs")
    (path,) = (tmp_path / "runs").iterdir()
    run = RunDirectory(path)
    config = run.read_config()
    run.config_file.write_text(json.dumps(config.to_json() | {name: value}))
    before = run.checkpoint_file.read_bytes()
    with pytest.raises(ValueError, match=f"says {name} = {value}, but its checkpoint was made with {getattr(config, name)}"):
        resume_runs(path)
    with pytest.raises(ValueError, match=f"says {name} = {value}"):
        bw.load(path)
    assert run.checkpoint_file.read_bytes() == before


def test_weights_of_an_unfinished_run(picture, tmp_path):
    """Those of the last checkpoint."""
    with failing(25, Killed()), pytest.raises(Killed):
        start(small(picture), tmp_path / "runs")
    (path,) = (tmp_path / "runs").iterdir()
    run = RunDirectory(path)
    checkpoint = run.load_checkpoint(run.read_config())
    assert checkpoint["epoch"] > 0 and not run.weights_file.exists()
    network = bw.load(path).network
    assert all(torch.equal(value, checkpoint["network"][name]) for name, value in network.state_dict().items())
    run.checkpoint_file.unlink()
    with pytest.raises(ValueError, match="holds no weights yet"):
        bw.load(path)


def test_weights_that_do_not_fit(picture, tmp_path):
    """Those of another run are not taken: the checkpoint has the right ones, and without it there are none."""
    run = finish(small(picture), tmp_path / "runs")
    right = bw.load(run.path).network.state_dict()
    other = finish(small(picture, hidden_features=11), tmp_path / "other")
    shutil.copy(other.weights_file, run.weights_file)
    with pytest.warns(UserWarning, match="says hidden_features = 10, but its weights were made with 11; what its checkpoint"):
        found = bw.load(run.path).network.state_dict()
    assert found.keys() == right.keys() and all(torch.equal(found[name], right[name]) for name in right)
    run.checkpoint_file.unlink()
    with pytest.raises(ValueError, match="says hidden_features = 10, but its weights were made with 11"):
        bw.load(run.path)


def without_output(run: RunDirectory) -> None:
    save_file({"weight": torch.zeros(3)}, run.weights_file)


def as_wire(run: RunDirectory) -> None:
    changed = run.read_config().to_json() | {"activation": "wire", "options": {}}
    run.config_file.write_text(json.dumps(changed))


def another_task(run: RunDirectory) -> None:
    run.config_file.write_text(json.dumps(run.read_config().to_json() | {"task": "segmentation"}))


def damaged_weights(run: RunDirectory) -> None:
    run.weights_file.write_bytes(run.weights_file.read_bytes()[:100])


def damaged_checkpoint(run: RunDirectory) -> None:
    run.weights_file.unlink()
    run.checkpoint_file.write_bytes(run.checkpoint_file.read_bytes()[:100])


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (as_wire, "says activation = 'wire', but its weights were made with 'bw-relu'"),
        (another_task, "no task 'segmentation'"),
        (damaged_checkpoint, r"has no weights\.safetensors"),
    ],
)
def test_damaged_runs_are_refused(picture, tmp_path, damage, sentence):
    run = finish(small(picture, epochs=1), tmp_path / "runs")
    damage(run)
    with pytest.raises(ValueError, match=sentence):
        bw.load(run.path)


@pytest.mark.parametrize("damage", [without_output, damaged_weights])
def test_damaged_weights_of_a_finished_run_are_restored(picture, tmp_path, damage, capsys):
    """Loading takes the checkpoint's and says so; resuming writes the file again, to the last byte."""
    run = finish(small(picture, epochs=1), tmp_path / "runs")
    right, written = bw.load(run.path).network.state_dict(), run.weights_file.read_bytes()
    damage(run)
    with pytest.warns(UserWarning, match=r"weights\.safetensors is damaged.*; what its checkpoint holds is taken instead\."):
        found = bw.load(run.path).network.state_dict()
    assert all(torch.equal(found[name], right[name]) for name in right)
    assert resume_runs(run.path) == 0 and "is damaged" in capsys.readouterr().err
    assert run.weights_file.read_bytes() == written
    run.checkpoint_file.unlink()
    damage(run)
    with pytest.raises(ValueError):
        bw.load(run.path)


def test_loading_leaves_the_global_generator_alone(picture, tmp_path):
    run = finish(small(picture, epochs=1), tmp_path / "runs")
    torch.manual_seed(seeded(7))
    before = torch.get_rng_state()
    bw.load(run.path)
    assert torch.equal(torch.get_rng_state(), before)


# Compiling


@needs_compiler
def test_compiled_training_is_the_same_training(picture, tmp_path):
    """float64 and plain gradient descent, so that the two differ by rounding only, some 1e-15 a step."""
    given = small(picture, epochs=4, double=True, optimizer="sgd", lr=0.01, hidden_layers=1, chunk=102)
    plain, compiled = finish(given, tmp_path / "plain"), finish(given | {"compile": True}, tmp_path / "compiled")
    assert compiled.read_summary()["kernel"] == "explicit, torch.compile" != plain.read_summary()["kernel"]
    first, second = load_file(plain.weights_file), load_file(compiled.weights_file)
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(second[name], first[name], rtol=0, atol=1e-12)
    assert bw.load(compiled.path).config.compile
    network = build_network(plain.read_config(), 1)
    assert not torch.allclose(first["output.weight"], network.output.weight, rtol=0, atol=1e-6)  # it has moved


def test_compiling_by_itself(picture, monkeypatch):
    """Only where it pays, and only if it works."""
    config = with_preset(small(picture, activation="gauss"))
    enough = 1e13 / (6 * 1e5 * config.epochs)
    monkeypatch.setattr(devices, "has_compiler", lambda: True)
    for works in (True, False):
        monkeypatch.setattr(devices, "_compiles", lambda works=works: works)
        assert devices.settled(config, 100_000, int(1.01 * enough)).compile is works
        assert devices.settled(config, 100_000, int(0.99 * enough)).compile is False
    assert devices.settled(replace(config, compile=True), 1, 1).compile is True
    assert devices.settled(replace(config, chunk=7), 1, 1).chunk == 7 and devices.settled(config, 1, 1).chunk == 32768
    monkeypatch.setattr(devices, "has_compiler", lambda: False)
    assert devices.settled(config, 10**9, 10**9).compile is False


@pytest.mark.parametrize(
    ("activation", "numba", "pays"),
    [
        *((name, numba, not numba) for name in ("bw-relu", "wire", "finer") for numba in (True, False)),
        ("relu", False, False),
        ("siren", False, False),
    ],
)
def test_what_is_fast_without_is_not_compiled_by_itself(picture, monkeypatch, activation, numba, pays):
    monkeypatch.setattr(devices, "_compiles", lambda: True)
    for name, answer in {"has_compiler": True, "has_numba": numba}.items():
        monkeypatch.setattr(devices, name, lambda answer=answer: answer)
    config = with_preset(small(picture, activation=activation))
    assert devices.settled(config, 10**9, 10**9).compile is pays
    assert devices.settled(replace(config, compile=True), 10**9, 10**9).compile is True


def test_a_run_does_not_go_on_with_another_kernel(picture, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "has_numba", lambda: False)
    run = finish(small(picture), tmp_path / "runs")
    run.summary_file.unlink()
    monkeypatch.setattr(reports, "has_numba", lambda: True)
    with pytest.raises(ValueError, match="was started with the kernel explicit; here it is explicit, Numba"):
        resume_runs(run.path)


@pytest.mark.parametrize(("engine", "continued"), [(None, {"siren", "finer", "wire"}), ("torch", set())])
def test_a_run_without_engines_is_continued_with_a_kernel_that_is_new(picture, monkeypatch, engine, continued):
    """Their activations had no kernels by Numba in the version before engines; since then its name says what was used."""
    monkeypatch.setattr(reports, "has_numba", lambda: True)
    found = set()
    for name in ACTIVATIONS:
        config = replace(with_preset(small(picture, activation=name, compile=False)), engine=engine)
        network = build_network(config, 1)
        if reports.is_earlier_kernel("explicit", config, network):
            found.add(name)
        assert not reports.is_earlier_kernel("autograd", config, network)
    assert found == continued


def test_compiling_without_a_compiler(picture, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"needs a C\+\+ compiler.*leave out --compile"):
        start(small(picture, compile=True), tmp_path / "runs")


def test_a_missing_compiler_leaves_nothing_behind(picture, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError):
        start(small(picture, compile=True), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


# Presets


@pytest.mark.parametrize(
    "task, fields, task_options",
    [
        ("signal", {"lr": 3e-3, "decay": 0.1, "epochs": 1000}, {"normalize": True}),
        ("superres", {"lr": 3e-3, "decay": 0.1, "epochs": 2000}, {"shrink": 3, "antialiased": True}),
        ("ct", {"lr": 2e-3, "decay": 0.1, "decay_epochs": 5000, "epochs": 10000}, {"published_geometry": True}),
        ("univariate", {"lr": 5e-3, "decay": 1.0, "skip": True}, {"samples": 20}),
    ],
)
def test_faithful_settings(task, fields, task_options):
    faithful = with_preset({"source": "x", "task": task}, faithful=True)
    assert {name: getattr(faithful, name) for name in fields} == fields
    assert faithful.task_options == task_options and faithful.settings_from.startswith("the published code where it differs; ")
    paper = with_preset({"source": "x", "task": task})
    assert paper.task_options == {} and paper.settings_from.startswith(("paper, Appendix D", "the published univariate script"))
    if task == "superres":
        assert paper.decay == 0.2  # Appendix D.2
    given = with_preset({"source": "x", "task": task, "lr": 0.5}, {"c": 7.0}, {"shrink": 9}, faithful=True)
    assert given.lr == 0.5 and given.options == {"c": 7.0} and given.task_options == {**task_options, "shrink": 9}
    assert given.settings_from.startswith("the published code where it differs; ")


def test_faithful_settings_of_other_architectures():
    siren = with_preset({"source": "x", "activation": "siren"}, faithful=True)
    assert siren.lr == 2e-3 and siren.settings_from.startswith("the published code where it differs; ")  # 3e-3 is BW-ReLU's
    gauss = with_preset({"source": "x", "activation": "gauss"}, faithful=True)
    assert gauss.settings_from == "the published code where it differs; ours, not tuned"


@pytest.mark.parametrize("task", ["denoise", "inpaint", "audio"])
def test_tasks_that_the_published_code_does_not_have(task):
    with pytest.raises(ValueError, match=f"no task '{task}'; --faithful is for signal, superres, ct, univariate"):
        with_preset({"source": "x", "task": task}, faithful=True)


@pytest.mark.parametrize("task", ["signal", "superres", "ct", "univariate"])
def test_faithful_runs_train(picture, tmp_path, task):
    given = {"source": "steps" if task == "univariate" else str(picture), "task": task, "epochs": 2, "hidden_features": 5}
    more = {"task_options": {"factor": 2}} if task == "superres" else {}
    run = finish(given, tmp_path / "runs", faithful=True, **more)
    assert run.read_summary()["settings_from"].startswith("the published code where it differs; ")


@pytest.mark.parametrize(
    "changes", [{"hidden_layers": 7}, {"weight_decay": 0.1}, {"linear_layers": True}, {"optimizer": "sgd"}]
)
def test_other_settings_than_the_papers_are_named(changes):
    assert "other settings given" in with_preset({"source": "x", **changes}).settings_from


def test_a_run_does_not_go_on_with_other_data(picture, tmp_path):
    with failing(25, Killed()), pytest.raises(Killed):
        start(small(picture), tmp_path / "runs")
    Image.new("L", (17, 12), 9).save(picture)
    with pytest.raises(ValueError, match="was started on other data"):
        resume_runs(tmp_path / "runs")


def test_a_log_that_was_cut_is_noticed_before_training(picture, tmp_path):
    with failing(25, Killed()), pytest.raises(Killed):
        start(small(picture), tmp_path / "runs")
    (path,) = (tmp_path / "runs").iterdir()
    metrics = RunDirectory(path).metrics_file
    metrics.write_bytes(metrics.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is shorter than when the last checkpoint was written"):
        resume_runs(path)


def test_seeds_start_together_or_not_at_all(picture, tmp_path):
    start(small(picture, seed=41, epochs=1), tmp_path / "runs")
    with pytest.raises(ValueError, match="seed41 already holds a run"):
        start(small(picture, epochs=1), tmp_path / "runs", seeds=2)
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_an_interrupt_in_the_last_step_ends_the_command(picture, tmp_path, monkeypatch):
    real, steps = torch.optim.Adam.step, []

    def step(self, *arguments):
        steps.append(None)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    with pytest.raises(KeyboardInterrupt):
        start(small(picture, epochs=3), tmp_path / "runs", seeds=2)
    assert len(steps) == 3
    assert resume_runs(tmp_path / "runs") == 0 and len(steps) == 6


def test_coordinates_of_one_axis_have_no_aspect(tmp_path):
    with pytest.raises(ValueError, match="--coords is for images"):
        start({"task": "univariate", "source": "sines", "coords": "isotropic"}, tmp_path / "runs")


def test_a_run_of_an_earlier_version_goes_on(picture, tmp_path):
    """Without the fields that were added since."""
    run = finish(small(picture, device="cpu"), tmp_path / "runs")
    expected = run.weights_file.read_bytes()
    for path in (run.summary_file, run.weights_file):
        path.unlink()
    task = build_task("signal", str(picture), "stretch", {})
    fresh = RunDirectory.create(tmp_path / "old", run.read_config())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FirstOrder, "step", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            session.train(fresh.read_config(), task, fresh)
    checkpoint = torch.load(fresh.checkpoint_file, weights_only=True)
    del checkpoint["config"]["together"], checkpoint["sha256"]
    torch.save(checkpoint, fresh.checkpoint_file)
    assert resume_runs(fresh.path) == 0
    assert fresh.weights_file.read_bytes() == expected


def test_a_summary_is_strict_json_and_an_exact_fit_comes_back(tmp_path):
    run = RunDirectory(tmp_path)
    numbers = {"psnr": math.inf, "psnr_paper": math.nan, "oracle": {"psnr": math.inf}, "values": (1.0, -math.inf)}
    run.save_summary({"epochs": 3, **numbers})

    def refuse(word):
        raise AssertionError(word)

    found = json.loads(run.summary_file.read_text(), parse_constant=refuse)
    assert len(found.pop("content_sha256")) == 64
    assert found == {"epochs": 3, "psnr": None, "psnr_paper": None, "oracle": {"psnr": None}, "values": [1.0, None]}
    assert run.read_summary()["psnr"] == math.inf
