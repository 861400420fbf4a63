"""Rendering: the pixels drawn are the network's values at the right places."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bwtheory as bw
from bwtheory.cli import main
from bwtheory.tasks.images import save_image
from bwtheory.training.command import start_runs
from bwtheory.training.config import with_preset
from bwtheory.training.rendering import render_image
from bwtheory.training.run import RunDirectory

HEIGHT, WIDTH = 12, 17


def trained(folder: Path, pixels: np.ndarray, task_options: dict | None = None, **changes) -> Path:
    """A float64 run: coordinates off by a rounding move a value by nothing that 8 bits could show."""
    Image.fromarray(pixels).save(folder / "picture.png")
    given = {"source": str(folder / "picture.png"), "epochs": 60, "hidden_features": 30, "hidden_layers": 2, "double": True}
    assert start_runs(with_preset({**given, **changes}, None, task_options), 1, folder / "runs") == 0
    (run,) = (folder / "runs").iterdir()
    return run


def pattern(channels: int = 1) -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [127 + 80 * np.sin(x / 3 + n) + 40 * np.cos(y / 2 - n) for n in range(channels)]
    return np.stack(planes, axis=2).astype(np.uint8).squeeze()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("stretched"), pattern())


@pytest.fixture(scope="module")
def isotropic(tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("isotropic"), pattern(3), coords="isotropic")


def centres(n: int, of: int, reach: float = 1.0) -> np.ndarray:
    """Centres of n equal pixels that cover the width of ``of`` training pixels, whose outermost centres lie at ±reach.

    Counted in training pixels, from the first one's centre: (i + 1/2)·of/n − 1/2.
    """
    return reach * (2 * ((np.arange(n) + 0.5) * of / n - 0.5) / (of - 1) - 1)


def assert_drawn(path: Path, run: Path, x: np.ndarray, y: np.ndarray) -> None:
    """Every level is the rounded value at (x_j, y_i).  Coordinates agree to 1e-15, slopes are far below 1e6: rounding a
    value of [0, 255] that is known to 1e-9·255 leaves at most a half."""
    with Image.open(path) as image:
        levels = np.asarray(image).astype(float).squeeze()
    function = bw.load(run)
    across, down = np.meshgrid(x, y)
    values = function(np.stack([across.ravel(), down.ravel()], axis=1)).reshape(len(y), len(x), -1).squeeze()
    assert levels.shape == values.shape
    assert np.abs(levels - 255 * np.clip(values, 0, 1)).max() <= 0.5 + 255e-9
    assert len(np.unique(levels)) > 20  # a picture


def test_native_size(run, tmp_path):
    out = tmp_path / "native.png"
    assert render_image(run, None, None, out) == out
    assert_drawn(out, run, np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    with Image.open(out) as drawn, Image.open(run / "reconstruction.png") as kept:
        difference = np.asarray(drawn).astype(int) - np.asarray(kept)
    assert np.abs(difference).max() <= 1  # its coordinates are float32 numbers
    picture = run.parents[1] / "picture.png"
    with Image.open(out) as drawn, Image.open(picture) as truth:  # right way up, to what the network has learned
        error = np.asarray(drawn) / 255 - np.asarray(truth) / 255
    assert -10 * math.log10(np.mean(error**2)) == pytest.approx(RunDirectory(run).read_summary()["psnr"], abs=0.3)


def test_isotropic_native_size(isotropic, tmp_path):
    """The longer side reaches from −1 to 1, the shorter one to 11/16; in colour."""
    render_image(isotropic, None, None, tmp_path / "native.png")
    reach = (HEIGHT - 1) / (WIDTH - 1)
    assert_drawn(tmp_path / "native.png", isotropic, np.linspace(-1, 1, WIDTH), np.linspace(-reach, reach, HEIGHT))


@pytest.mark.parametrize("size", ["34x24", "34×24", "5x40", "1x99"])
def test_other_sizes(run, isotropic, tmp_path, size):
    width, height = (int(n) for n in size.replace("×", "x").split("x"))
    for trained_run, reach in ((run, 1.0), (isotropic, 11 / 16)):
        render_image(trained_run, size, None, tmp_path / "other.png")
        assert_drawn(tmp_path / "other.png", trained_run, centres(width, WIDTH), centres(height, HEIGHT, reach))


def test_crop(run, tmp_path):
    """The same window, by the middles of its pixels; one training pixel's own square is that pixel."""
    render_image(run, "20x10", (-0.5, 0.25, 0.5, 0.75), tmp_path / "crop.png")
    x, y = np.arange(-9.5, 10) / 20, 0.25 + (np.arange(10) + 0.5) / 20
    assert_drawn(tmp_path / "crop.png", run, x, y)
    render_image(run, None, (-1, -1, 0, 0), tmp_path / "quarter.png")
    quarter_x, quarter_y = -1 + (np.arange(WIDTH) + 0.5) / WIDTH, -1 + (np.arange(HEIGHT) + 0.5) / HEIGHT
    assert_drawn(tmp_path / "quarter.png", run, quarter_x, quarter_y)
    render_image(run, None, None, tmp_path / "native.png")
    i, j = 4, 11
    x, y = -1 + 2 * j / (WIDTH - 1), -1 + 2 * i / (HEIGHT - 1)
    half_x, half_y = 1 / (WIDTH - 1), 1 / (HEIGHT - 1)
    render_image(run, "1x1", (x - half_x, y - half_y, x + half_x, y + half_y), tmp_path / "pixel.png")
    with Image.open(tmp_path / "pixel.png") as pixel, Image.open(tmp_path / "native.png") as native:
        assert pixel.size == (1, 1) and abs(pixel.getpixel((0, 0)) - native.getpixel((j, i))) <= 1


def test_the_whole_image_reaches_half_a_pixel_further(run, isotropic, tmp_path):
    for trained_run, edges in ((run, (1 + 1 / 16, 1 + 1 / 11)), (isotropic, (1 + 1 / 16, 11 / 16 + 1 / 16))):
        just_inside = [edge - 1e-9 for edge in edges]
        render_image(trained_run, "3x3", (-just_inside[0], -just_inside[1], *just_inside), tmp_path / "whole.png")
        for axis in (0, 1):
            window = [-just_inside[0], -just_inside[1], *just_inside]
            window[2 + axis] = edges[axis] + 1e-9
            with pytest.raises(ValueError, match="A crop has left < right") as refusal:
                render_image(trained_run, "3x3", tuple(window), tmp_path / "beyond.png")
            across, down = (float(bound) for bound in re.findall(r"±(\d\.\d{4})", str(refusal.value)))
            render_image(trained_run, "3x3", (-across, -down, across, down), tmp_path / "whole.png")
    assert not (tmp_path / "beyond.png").exists()


@pytest.mark.parametrize(
    "size", ["0x5", "5x0", "12", "-3x4", "3x-4", "3x4x5", "axb", "1e3x3", "3.5x4", " 3x4", "3x4 ", "3x", "1234567x1"]
)
def test_bad_sizes(run, tmp_path, size):
    with pytest.raises(ValueError, match="WIDTHxHEIGHT in pixels"):
        render_image(run, size, None, tmp_path / "bad.png")
    assert not (tmp_path / "bad.png").exists()


@pytest.mark.parametrize(
    "crop",
    [
        (0.5, -0.5, -0.5, 0.5),  # from right to left
        (-0.5, 0.5, 0.5, -0.5),
        (0.5, -0.5, 0.5, 0.5),  # empty
        (-0.5, 0.5, 0.5, 0.5),
        (-2.0, -0.5, 0.5, 0.5),  # beyond
        (-0.5, -2.0, 0.5, 0.5),
        (-0.5, -0.5, 2.0, 0.5),
        (-0.5, -0.5, 0.5, 2.0),
        (math.nan, -0.5, 0.5, 0.5),
        (-0.5, -0.5, 0.5, math.nan),
        (-math.inf, -0.5, 0.5, 0.5),
    ],
)
def test_bad_crops(run, tmp_path, crop):
    with pytest.raises(ValueError, match=r"left < right within ±1\.0625 and top < bottom within ±1\.0909"):
        render_image(run, None, crop, tmp_path / "bad.png")
    assert not (tmp_path / "bad.png").exists()


@pytest.mark.parametrize("task, source", [("audio", "chirp"), ("univariate", "sines")])
def test_runs_without_an_image(tmp_path, task, source):
    options = {"seconds": 0.01} if task == "audio" else {}
    config = with_preset({"source": source, "task": task, "epochs": 1, "hidden_features": 4}, task_options=options)
    start_runs(config, 1, tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    with pytest.raises(ValueError, match=f"a run of the task '{task}', which has no image to draw"):
        render_image(folder, None, None, tmp_path / "bad.png")


@pytest.mark.parametrize(
    "task, options, size",
    [
        ("signal", {"shrink": 3}, (5, 4)),
        ("superres", {}, (16, 12)),
        ("superres", {"factor": 5}, (15, 10)),
        ("ct", {"angles": 4}, (17, 12)),
        ("inpaint", {"shrink": 2}, (8, 6)),
        ("denoise", {}, (17, 12)),
    ],
)
def test_every_image_task_is_drawn(tmp_path, task, options, size):
    """At the size of its truth, cropped to whole blocks for super-resolution; before and after the run is finished, when the
    image is not needed any more."""
    folder = trained(tmp_path, pattern(), task_options=options, task=task, epochs=2)
    summary = (folder / "summary.json").read_bytes()
    (folder / "summary.json").unlink()
    render_image(folder, None, None, tmp_path / "unfinished.png")
    (folder / "summary.json").write_bytes(summary)
    (tmp_path / "picture.png").unlink()
    render_image(folder, None, None, tmp_path / "finished.png")
    assert (tmp_path / "unfinished.png").read_bytes() == (tmp_path / "finished.png").read_bytes()
    with Image.open(tmp_path / "finished.png") as drawn, Image.open(folder / "reconstruction.png") as kept:
        assert drawn.size == kept.size == size
        assert np.abs(np.asarray(drawn).astype(int) - np.asarray(kept)).max() <= 1


def test_unfinished_runs_are_drawn_from_their_checkpoint(run, tmp_path):
    render_image(run, None, None, tmp_path / "finished.png")
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.json", "checkpoint.pt"):
        (copy / name).write_bytes((run / name).read_bytes())
    render_image(copy, None, None, tmp_path / "unfinished.png")
    assert (tmp_path / "unfinished.png").read_bytes() == (tmp_path / "finished.png").read_bytes()


@pytest.mark.parametrize("shape", [(1, 17), (9, 1), (1, 1)])
@pytest.mark.parametrize("coords", ["stretch", "isotropic"])
def test_images_one_pixel_wide(tmp_path, shape, coords):
    """A side of one pixel has coordinate 0, and so has what is drawn."""
    pixels = np.linspace(40, 220, math.prod(shape)).astype(np.uint8).reshape(shape)
    folder = trained(tmp_path, pixels, coords=coords, epochs=2)
    render_image(folder, None, None, tmp_path / "drawn.png")
    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(folder / "reconstruction.png") as kept:
        assert np.abs(np.asarray(drawn).astype(int) - np.asarray(kept)).max() <= 1


def test_single_rows_are_as_high_as_they_are_wide(tmp_path):
    """Pixels are square in isotropic coordinates: the only row of 1×17 pixels ends 1/16 from its centre."""
    folder = trained(tmp_path, np.linspace(40, 220, 17).astype(np.uint8).reshape(1, 17), coords="isotropic", epochs=2)
    with pytest.raises(ValueError, match=r"top < bottom within ±0\.0625"):
        render_image(folder, None, (-1, -0.1, 1, 0.1), tmp_path / "drawn.png")


# The command


def test_command(run, tmp_path, capsys):
    assert main(["render", str(run)]) == 0
    assert capsys.readouterr().out.strip() == str(run / "render.png")
    assert_drawn(run / "render.png", run, np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    out = tmp_path / "crop.png"
    crop = ["--crop", "-0.5", "0.25", "0.5", "0.75"]
    assert main(["render", str(run), "--size", "20x10", *crop, "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert_drawn(out, run, np.arange(-9.5, 10) / 20, 0.25 + (np.arange(10) + 0.5) / 20)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--size", "big"], "A size is WIDTHxHEIGHT in pixels, such as 2048x2048; got 'big'."),
        (["--crop", "0.5", "0.5", "0", "0"], "got 0.5 0.5 0 0."),
        (["--out", os.path.join("nowhere", "at", "all.png")], "nowhere"),
    ],
)
def test_bad_commands_are_one_sentence(run, tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(run), *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("bwtheory: ") and sentence in errors and errors.count("\n") == 1


def test_folders_without_a_run(tmp_path, capsys):
    assert main(["render", str(tmp_path)]) == 2
    assert "is no run directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, kind", [("r.jpg", "JPEG"), ("r.TIFF", "TIFF"), ("r.bmp", "BMP"), ("r.webp", "WEBP"), ("r", "PNG")]
)
def test_the_format_is_that_of_the_name(name, kind, tmp_path):
    save_image(tmp_path / name, np.linspace(0, 1, 64).reshape(8, 8, 1))
    with Image.open(tmp_path / name) as picture:
        assert picture.format == kind and picture.size == (8, 8)


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"written as \.png, .*\.webp; got 'r\.xyz'"):
        save_image(tmp_path / "r.xyz", np.zeros((8, 8, 1)))
    assert not list(tmp_path.iterdir())
