"""Minibatches: every pass has all measurements once, is the same after a kill, and is refused where it makes no sense."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from disturbance import Killed, failing
from PIL import Image
from safetensors.torch import load_file
from seeds import seeded

import bwtheory as bw
from bwtheory.cli import main
from bwtheory.nn import INR
from bwtheory.tasks import build_task
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.gradient import ChunkedNetworks, predict
from bwtheory.training.loop import Descent, FirstOrder, Minibatches, minibatches
from bwtheory.training.run import RunDirectory, build_network, build_optimizer

HEIGHT, WIDTH = 12, 17
SMALL = {"epochs": 4, "hidden_features": 8, "hidden_layers": 2, "device": "cpu", "log_every": 2, "batch": 70}


@pytest.fixture
def picture(tmp_path) -> Path:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    levels = 127 + 80 * np.sin(x / 3) + 40 * np.cos(y / 2)
    Image.fromarray(levels.astype(np.uint8)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def configuration(picture: Path, **changes) -> TrainingConfig:
    return with_preset({"source": str(picture), **SMALL, **changes})


@pytest.mark.parametrize("measurements, batch", [(204, 70), (204, 204), (204, 1000), (7, 1), (10, 4)])
def test_a_pass_has_every_measurement_once(measurements, batch):
    """In batches of at most the wanted size that differ by at most one, in an order that epoch and seed decide."""
    config = TrainingConfig("", batch=batch, seed=seeded())
    passes = [list(minibatches(config, measurements, epoch)) for epoch in (0, 0, 1)]
    passes.append(list(minibatches(replace(config, seed=config.seed + 1), measurements, 0)))
    orders = [torch.cat(batches).tolist() for batches in passes]
    for batches, order in zip(passes, orders):
        sizes = [len(part) for part in batches]
        assert sorted(order) == list(range(measurements))
        assert len(sizes) == config.batches(measurements) == math.ceil(measurements / batch)
        assert max(sizes) <= batch and max(sizes) - min(sizes) <= 1 and sizes == sorted(sizes, reverse=True)
    assert orders[0] == orders[1] and orders[0] != orders[2] and orders[0] != orders[3]


def test_a_batch_of_everything_is_a_full_step(picture):
    """In float64, where the other order of the same sums is the only difference."""
    config = configuration(picture, batch=HEIGHT * WIDTH, double=True, weight_decay=1e-3, chunk=50, optimizer="sgd", lr=0.01)
    task = build_task("signal", str(picture), "stretch", {})
    x, y = task.coordinates, task.measurements
    ends = []
    for way in (FirstOrder, Minibatches):
        network = build_network(config, 1)
        descent = Descent(config, network, build_optimizer(config, network))
        stepper = way(config, network, x, y) if way is Minibatches else way(config, [network], x, y, None)
        for _ in range(3):
            losses, values = stepper.evaluate(True)
            torch.testing.assert_close(losses[0], (predict(network, x, 50) - y).square().mean(), rtol=1e-12, atol=0)
            torch.testing.assert_close(values[0], predict(network, x, 50), rtol=0, atol=1e-12)
            descent.epoch += stepper.step(descent, [])
        ends.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("init", ["pytorch", "scales"])
def test_the_schedule_goes_on_within_a_pass(picture, monkeypatch, init):
    """In each group of parameters, with the group's multiple."""
    rates = []
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self, *_, **__: rates.append([g["lr"] for g in self.param_groups]))
    config = configuration(picture, epochs=2, lr=0.01, decay=0.1, init=init, task_options={"probe": 0.0})
    network = build_network(config, 1)
    descent = Descent(config, network, build_optimizer(config, network))
    task = build_task("signal", str(picture), "stretch", {})
    stepper = Minibatches(config, network, task.coordinates.float(), task.measurements.float())
    for _ in range(2):
        descent.epoch += stepper.step(descent, [])
    multiples = np.array([group["lr_multiple"] for group in descent.optimizer.param_groups])
    assert (set(multiples) == {1.0}) == (init == "pytorch")
    np.testing.assert_allclose(rates, 0.01 * 0.1 ** (np.arange(6)[:, None] / 6) * multiples, rtol=1e-12)


def test_it_learns_and_counts_both_units(picture, tmp_path):
    """What is reported is about all pixels, at the same passes as without batches; rows count steps, too."""
    f = bw.fit(str(picture), "bw-relu", preset="paper", steps=30, hidden_features=16, hidden_layers=2, batch=70, run=tmp_path)
    assert [row["epoch"] for row in f.history] == [0, 10, 20, 30] and [r["steps"] for r in f.history] == [0, 30, 60, 90]
    run = RunDirectory(tmp_path)
    summary, task = run.read_summary(), build_task("signal", str(picture), "stretch", {})
    assert summary["steps"] == 90 and summary["epochs"] == 30 and f.history[-1]["psnr"] > f.history[0]["psnr"] + 6
    values = torch.from_numpy(f(task.coordinates.numpy())).view(-1, 1)
    assert summary["psnr"] == pytest.approx(task.score(values), abs=1e-4)
    assert summary["loss"] == pytest.approx(float((values - task.truth).square().mean()), rel=1e-3)


def test_nobody_evaluates_all_pixels_for_nothing(picture, tmp_path, monkeypatch):
    calls = []
    real = ChunkedNetworks.values
    monkeypatch.setattr(ChunkedNetworks, "values", lambda self, x: calls.append(len(x)) or real(self, x))
    config = configuration(picture, epochs=10, log_every=5, task_options={"probe": 0.0})
    assert start_runs(replace(config, task_options={}), 1, tmp_path / "runs") == 0
    whole = [n for n in calls if n == HEIGHT * WIDTH]
    assert len(whole) <= 2 + 1 + 3  # rows 0 and 5, the last values, and what the summary looks at


@pytest.mark.parametrize("n", [1, 4, 9, 14, 19, 24])
def test_killed_anywhere_it_ends_where_it_would_have(picture, tmp_path, n):
    config = configuration(picture)
    with failing(0, Killed()) as calls:
        assert start_runs(config, 1, tmp_path / "whole") == 0
    assert calls[0] > 24, "there are later moments to try"
    with failing(n, Killed()), pytest.raises(Killed):
        start_runs(config, 1, tmp_path / "killed")
    again = (
        resume_runs(tmp_path / "killed")
        if list((tmp_path / "killed").glob("*/config.json"))
        else start_runs(config, 1, tmp_path / "killed")
    )
    assert again == 0
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_ctrl_c_within_a_pass_begins_it_again(picture, tmp_path, monkeypatch):
    """What is saved is the start of the pass: weights, moments and their steps."""
    config = configuration(picture)
    assert start_runs(config, 1, tmp_path / "whole") == 0
    real, steps = torch.optim.Adam.step, []

    def step(self, *arguments):
        steps.append(1)
        found = real(self, *arguments)
        if len(steps) == 5:
            signal.raise_signal(signal.SIGINT)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", step)
        with pytest.raises(KeyboardInterrupt):
            start_runs(config, 1, tmp_path / "stopped")
    (run,) = (RunDirectory(path) for path in (tmp_path / "stopped").iterdir())
    checkpoint = run.load_checkpoint(run.read_config())
    assert len(steps) == 5 and checkpoint["epoch"] == 1  # of passes of three steps
    assert {float(moment["step"]) for moment in checkpoint["optimizer"]["state"].values()} == {3.0}
    assert resume_runs(tmp_path / "stopped") == 0
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def assert_same(ours: Path, expected: Path) -> None:
    ((first,), (second,)) = ([RunDirectory(path) for path in folder.iterdir()] for folder in (ours, expected))
    for name, tensor in load_file(first.weights_file).items():
        assert torch.equal(tensor, load_file(second.weights_file)[name]), name
    assert first.metrics_file.read_bytes() == second.metrics_file.read_bytes()


def test_other_pointwise_tasks(tmp_path, picture):
    for words in (
        "univariate --target sines --batch 7",
        "audio --audio chirp --seconds 0.05 --batch 64",
        f"inpaint --image {picture} --batch 9",
        f"denoise --image {picture} --batch 50 --held-out 0.1 --stop-rule held-out",
        f"signal --image {picture} --batch 50 --activation wire",
    ):
        common = f"--epochs 2 --hidden-features 6 --hidden-layers 1 --device cpu --out {tmp_path / words.split()[0]}"
        assert main(["train", *words.split(), *common.split()]) == 0
        (summary,) = (tmp_path / words.split()[0]).glob("*/summary.json")
        assert json.loads(summary.read_text())["steps"] > 2


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("ct --image PICTURE --batch 8", "Minibatches are of measurements at single points"),
        ("superres --image PICTURE --batch 8", "Minibatches are of measurements at single points"),
        ("signal --image PICTURE --batch 8 --gauss-newton-after 1", "Gauss-Newton steps are on all measurements at once"),
        ("signal --image PICTURE --batch 8 --seeds 2 --together", "not for runs that are trained together"),
        ("signal --image PICTURE --batch 0", "Training needs batch >= 1; got 0"),
    ],
)
def test_refused_with_one_sentence(words, sentence, picture, tmp_path, capsys):
    out = tmp_path / "runs"
    given = ["train", *words.replace("PICTURE", str(picture)).split(), "--epochs", "3", "--device", "cpu", "--out", str(out)]
    assert main(given) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if "note:" not in line]
    assert len(error) == 1 and sentence in error[0] and not list(out.glob("*"))


def test_a_module_of_your_own(picture):
    torch.manual_seed(0)
    network = INR(2, 1, 8, 1, "siren")
    f = bw.fit(network, np.asarray(Image.open(picture)), steps=3, batch=100, device="cpu")
    assert f.history[-1]["steps"] == 9
