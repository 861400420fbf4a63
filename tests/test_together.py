"""Runs trained together as one batched network: the same as separate ones, and each can go on without the others."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from seeds import seeded

from bwtheory.cli import main
from bwtheory.tasks import build_task
from bwtheory.training import callbacks, session
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.devices import has_compiler
from bwtheory.training.run import RunDirectory

SEEDS = 3


@pytest.fixture
def picture(tmp_path) -> Path:
    levels = np.random.default_rng(seeded()).integers(0, 255, (12, 16))
    Image.fromarray(levels.astype(np.uint8)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def configuration(picture: Path, options: dict | None = None, **changes) -> TrainingConfig:
    given = {"source": str(picture), "epochs": 6, "hidden_features": 9, "hidden_layers": 2, "log_every": 2, "double": True}
    return with_preset(given | {"chunk": 50, "optimizer": "sgd", "lr": 0.01, "device": "cpu"} | changes, options)


def runs(folder: Path) -> list[RunDirectory]:
    return [RunDirectory(path) for path in sorted(folder.iterdir())]


def assert_same_weights(ours: RunDirectory, expected: RunDirectory) -> None:
    """Float64, six steps of gradient descent: sums in another order, amplified a little."""
    first, second = load_file(ours.weights_file), load_file(expected.weights_file)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=0, atol=1e-11)
    assert ours.read_summary()["psnr"] == pytest.approx(expected.read_summary()["psnr"], abs=1e-9)


@pytest.mark.parametrize("task", ["signal", "superres"])
@pytest.mark.parametrize("activation", ["bw-relu", "relu-rff", "wire", "finer", "gauss"])
def test_together_is_separately(picture, tmp_path, activation, task):
    options = {"learnable": True} if activation == "bw-relu" else {}
    config = configuration(picture, options, activation=activation, task=task, weight_decay=1e-4)
    assert start_runs(config, SEEDS, tmp_path / "together", together=True) == 0
    assert start_runs(config, SEEDS, tmp_path / "separate") == 0
    pairs = list(zip(runs(tmp_path / "together"), runs(tmp_path / "separate")))
    assert len(pairs) == SEEDS and pairs[0][0].read_summary()["psnr"] != pairs[1][0].read_summary()["psnr"]
    for ours, expected in pairs:
        assert_same_weights(ours, expected)
        assert [row["epoch"] for row in ours.read_metrics()] == [0, 2, 4, 6]
        assert ours.read_summary()["together"] == SEEDS


def train_some(configs: list[TrainingConfig], out: Path) -> tuple[list, list[RunDirectory]]:
    task = build_task(configs[0].task, configs[0].source, configs[0].coords, configs[0].task_options)
    configs = [replace(config, place=number) for number, config in enumerate(configs)]
    made = [RunDirectory.create(out / str(number), config) for number, config in enumerate(configs)]
    return session.train_together(configs, task, made), made


def test_scales_and_learning_rates_may_differ(picture, tmp_path):
    config = configuration(picture, together=SEEDS)
    different = [replace(config, options={"c": c}, lr=lr) for c, lr in ((3.0, 0.01), (1.5, 0.01), (3.0, 0.02))]
    _, together = train_some(different, tmp_path / "together")
    for number, own in enumerate(different):
        _, (alone,) = train_some([replace(own, together=1)], tmp_path / f"alone{number}")
        assert_same_weights(together[number], alone)
    with pytest.raises(ValueError, match="differ in seed, learning rate or c only"):
        train_some([config, replace(config, hidden_features=8)], tmp_path / "refused")
    with pytest.raises(ValueError, match="here 1 at most"):
        session.train_together([replace(config, together=1)] * 2, build_task("signal", str(picture), "stretch", {}), [])


@pytest.mark.skipif(not has_compiler(), reason="there is no C++ compiler")
def test_compiled_together(picture, tmp_path):
    config = configuration(picture, activation="bw-relu", epochs=3)
    assert start_runs(replace(config, compile=True), 2, tmp_path / "together", together=True) == 0
    assert start_runs(config, 2, tmp_path / "separate") == 0
    for ours, expected in zip(runs(tmp_path / "together"), runs(tmp_path / "separate")):
        assert ours.read_summary()["kernel"] != expected.read_summary()["kernel"]
        assert_same_weights(ours, expected)


def test_a_run_that_diverges_is_left_behind(picture, tmp_path):
    config = configuration(picture, activation="relu", together=2)
    (bad, good), made = train_some([replace(config, lr=1e200), replace(config, seed=41)], tmp_path / "runs")
    assert isinstance(bad, session.Diverged) and "keeps the last checkpoint" in str(bad)
    _, (alone,) = train_some([replace(config, seed=41, together=1)], tmp_path / "alone")
    assert_same_weights(made[1], alone)
    assert good["epochs"] == 6 and not made[0].summary_file.exists()


def test_stopping_at_a_loss_stops_one(picture, tmp_path):
    config = configuration(picture, epochs=40)
    start_runs(config, 2, tmp_path / "all")
    losses = [run.read_metrics()[-1]["loss"] for run in runs(tmp_path / "all")]
    bound = float(np.mean(losses))
    start_runs(replace(config, stop_at_loss=bound), 2, tmp_path / "together", together=True)
    epochs = [run.read_summary()["epochs"] for run in runs(tmp_path / "together")]
    assert sorted(epochs)[0] < 40 == sorted(epochs)[1] and epochs[int(np.argmin(losses))] < 40


def test_each_keeps_its_place(picture, tmp_path):
    """A batched product may round each of its matrices in another way, so a run that goes on alone stays where it was."""
    start_runs(configuration(picture), SEEDS, tmp_path / "runs", together=True)
    assert [run.read_config().place for run in runs(tmp_path / "runs")] == [0, 1, 2]
    with pytest.raises(ValueError, match="two have the same"):
        configs = [configuration(picture, together=2, seed=seed) for seed in (1, 2)]
        session.train_together(configs, build_task("signal", str(picture), "stretch", {}), runs(tmp_path / "runs")[:2])
    with pytest.raises(ValueError, match="place is less than together"):
        configuration(picture, place=1)


@pytest.mark.parametrize("dies_at", [1, 4, 5, 6, 9])
def test_resumed_bit_for_bit_in_any_company(picture, tmp_path, monkeypatch, dies_at):
    """Dies between the checkpoints of two runs, which are then at different epochs; single precision and Adam."""
    config = configuration(picture, double=False, optimizer="adam", lr=0.004)
    start_runs(config, SEEDS, tmp_path / "undisturbed", together=True)
    monkeypatch.setattr(callbacks, "CHECKPOINT_EVERY_SECONDS", 0.0)
    save, calls = session.Session.save, []

    def save_or_die(member):
        calls.append(1)
        if len(calls) == SEEDS + dies_at:  # after the first checkpoints
            raise RuntimeError("killed")
        save(member)

    monkeypatch.setattr(session.Session, "save", save_or_die)
    with pytest.raises(RuntimeError, match="killed"):
        start_runs(config, SEEDS, tmp_path / "killed", together=True)
    monkeypatch.setattr(session.Session, "save", save)
    shutil.copytree(tmp_path / "killed", tmp_path / "one by one")
    assert resume_runs(tmp_path / "killed") == 0
    for run in runs(tmp_path / "one by one"):
        assert resume_runs(run.path) == 0
    for name in ("killed", "one by one"):
        for ours, expected in zip(runs(tmp_path / name), runs(tmp_path / "undisturbed")):
            assert ours.weights_file.read_bytes() == expected.weights_file.read_bytes()
            assert ours.metrics_file.read_bytes() == expected.metrics_file.read_bytes()


def test_the_flag(picture, tmp_path, capsys):
    arguments = f"--epochs 2 --hidden-features 4 --seeds 2 --together --device cpu --out {tmp_path / 'runs'}".split()
    assert main(["train", "signal", "--image", str(picture), *arguments]) == 0
    assert capsys.readouterr().out.count("psnr") == 3  # of each, and of both together
    assert [run.read_config().together for run in runs(tmp_path / "runs")] == [2, 2]
