"""``bwtheory animate``: the film is that of the run, or says that it is not."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bwtheory.cli import main
from bwtheory.report.animate import Camera, animate
from bwtheory.training.command import start_runs
from bwtheory.training.config import with_preset
from bwtheory.training.run import RunDirectory

TINY = {"epochs": 30, "hidden_features": 16, "hidden_layers": 2, "device": "cpu"}


def train(folder: Path, task_options: dict | None = None, **given) -> Path:
    assert start_runs(with_preset({**TINY, **given}, None, task_options), 1, folder) == 0
    (run,) = folder.iterdir()
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("filmed")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (11, 13)).astype(np.uint8)).save(folder / "picture.png")
    return train(folder / "runs", source=str(folder / "picture.png"))


def content(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir() if path.is_file() and path.name != ".lock"}


def test_the_film_is_that_of_the_run_and_the_run_is_not_touched(run, tmp_path, monkeypatch):
    before = content(run)
    taken = []
    take = Camera.take
    monkeypatch.setattr(Camera, "take", lambda self, epoch, values: taken.append((epoch, values)) or take(self, epoch, values))
    out, said = animate(run, tmp_path / "film.gif", frames=8, seconds=1)
    assert said == "The film is that of the run: the repetition ended with the same weights, bit by bit."
    assert content(run) == before
    epochs = [epoch for epoch, _ in taken]
    assert epochs == [0, 1, 2, 3, 5, 10, 17, 30]
    rows = {row["epoch"]: row for row in RunDirectory(run).read_metrics()}
    picture = np.asarray(Image.open(run.parents[1] / "picture.png")) / 255
    for epoch, values in taken:
        if epoch in rows:  # what is filmed is what was logged
            error = ((values.double().numpy().reshape(11, 13) - picture) ** 2).mean()
            assert -10 * np.log10(error) == pytest.approx(rows[epoch]["psnr"], abs=1e-9)
    with Image.open(out) as film:
        assert film.n_frames == 8


@pytest.mark.parametrize(
    "given, task_options",
    [
        ({"source": "camera", "task": "inpaint"}, {"missing": 0.5, "shrink": 32}),  # trained on other places than shown
        ({"source": "kinks", "task": "univariate"}, None),
        ({"source": "camera", "activation": "siren", "gauss_newton_after": 10, "gauss_newton_iterations": 5}, {"shrink": 64}),
        ({"source": "camera", "stop_rule": "held-out"}, {"shrink": 64, "held_out": 0.2}),
        ({"source": "camera", "stop_at_loss": 0.2}, {"shrink": 64}),
    ],
)
def test_of_every_kind_of_run(tmp_path, given, task_options):
    run = train(tmp_path / "runs", task_options, **given)
    _, said = animate(run, tmp_path / "film.png", frames=6, seconds=1)
    assert said.startswith("The film is that of the run")


def test_another_end_is_said(run, tmp_path, monkeypatch):
    """As on a machine that rounds otherwise: there the first weights are already others."""
    import bwtheory.report.animate as module

    build = module.build_network

    def otherwise(config, channels):
        network = build(config, channels)
        next(network.parameters()).data.mul_(1.001)
        return network

    monkeypatch.setattr(module, "build_network", otherwise)
    _, said = animate(run, tmp_path / "film.gif", frames=3, seconds=1)
    assert said.startswith("The film is of a repetition, which ended with psnr") and "where the run has" in said


def test_an_unfinished_run_is_filmed_as_far_as_it_is_logged(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    for name in ("summary.json", "weights.safetensors"):
        (copy / name).unlink()
    log = copy / "metrics.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:3]))
    _, said = animate(copy, tmp_path / "film.gif", frames=5, seconds=1)
    assert said == "The run is unfinished; the film ends at epoch 20 of 30."


def test_what_cannot_be_filmed(run, tmp_path, capsys):
    other = shutil.copytree(run, tmp_path / "other")
    summary = RunDirectory(other).read_summary()
    RunDirectory(other).save_summary(summary | {"sha256": "0" * 64})
    foreign = shutil.copytree(run, tmp_path / "foreign")
    config = json.loads((foreign / "config.json").read_text())
    (foreign / "config.json").write_text(json.dumps(config | {"activation": "evil:Evil"}))
    new = shutil.copytree(run, tmp_path / "new")
    for name in ("summary.json", "metrics.jsonl"):
        (new / name).unlink()
    for words, sentence in (
        ([str(tmp_path / "none")], "is no run directory"),
        ([str(other)], "was trained on other data"),
        ([str(foreign)], "evil:Evil"),
        ([str(new)], "has logged no epoch after the first"),
        ([str(run), "--out", "film.avi"], "written as .mp4, .gif or .png"),
        ([str(run), "--out", str(tmp_path / "no" / "film.gif")], "is not a folder in which film.gif can be written"),
        ([str(run), "--frames", "1"], "A film has 2 to"),
        ([str(run), "--frames", "100000"], "A film has 2 to"),
        ([str(run), "--seconds", "0"], "A film takes 0.1 to 3600 seconds"),
    ):
        assert main(["animate", *words]) == 2, words
        said = capsys.readouterr().err
        assert sentence in said and said.count("\n") == 1, said
    assert not list(tmp_path.rglob("*.gif"))


def test_interrupted_nothing_is_written(run, tmp_path, capsys, monkeypatch):
    """A signal in the middle: status 130, no film, no leftovers."""
    take = Camera.take

    def stop(self, epoch, values):
        if epoch == 5:
            os.kill(os.getpid(), signal.SIGINT)
        take(self, epoch, values)

    monkeypatch.setattr(Camera, "take", stop)
    assert main(["animate", str(run), "--out", str(tmp_path / "film.gif"), "--frames", "8"]) == 130
    assert "Interrupted; no film was written." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
