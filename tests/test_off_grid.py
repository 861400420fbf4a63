"""Between the pixels: what a network is compared with there, and what its user is told."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from bwtheory import cli
from bwtheory.experiments.between import METHODS, Point, best_between, pareto_front
from bwtheory.nn import INR
from bwtheory.starts import Scales
from bwtheory.tasks import build_task
from bwtheory.tasks.images import load_image
from bwtheory.tasks.off_grid import (
    FINER,
    INTERPOLATED,
    MOST_POINTS,
    UNSEEN,
    advice,
    coordinates_of,
    excess_between_pixels,
    half_pixels,
    is_noise,
)
from bwtheory.tasks.signal import FEWEST
from bwtheory.tasks.task import UNKNOWN, pixel_axes, pixel_coordinates, psnr
from bwtheory.training.config import with_preset
from bwtheory.training.devices import settled
from bwtheory.training.run import RunDirectory, build_optimizer
from bwtheory.training.session import Session, train

TINY = ["--epochs", "2", "--hidden-features", "5", "--device", "cpu"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a smooth gray image of 64×64 pixels and a colour one of 9×15."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:64, :64] / 64
    Image.fromarray(np.uint8(255 * (0.5 + 0.4 * np.sin(5 * x + 3 * y)))).save("smooth.png")
    colours = np.random.default_rng(0).integers(0, 256, (9, 15, 3), dtype=np.uint8)
    Image.fromarray(colours).save("colours.png")
    return tmp_path


def summary(folder, words=""):
    (run,) = folder.glob(f"runs/*{words}*/summary.json")
    return json.loads(run.read_text())


# The points


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (3, 4), (40, 70)])
def test_all_points_between_pixels(shape):
    points = half_pixels(shape)
    assert len(points) == (2 * shape[0] - 1) * (2 * shape[1] - 1) - shape[0] * shape[1]
    assert len(np.unique(points, axis=0)) == len(points) and ((points % 2).sum(1) > 0).all()
    assert (points >= 0).all() and (points <= 2 * np.array(shape) - 2).all()


def test_a_large_image_has_a_fixed_choice_of_points():
    points = half_pixels((3000, 2000))
    assert len(points) == MOST_POINTS == len(np.unique(points, axis=0)) and ((points % 2).sum(1) > 0).all()
    assert np.array_equal(points, half_pixels((3000, 2000)))
    # uniform over the image: a mean of 65,536 places has the standard deviation 5998/√(12·65536) < 7; five of them
    assert abs(points[:, 0].mean() - 2999) < 35


@pytest.mark.parametrize("aspect", ["stretch", "isotropic"])
def test_points_lie_half_way(aspect):
    shape = 5, 8
    grid, points = pixel_coordinates(*shape, aspect).view(5, 8, 2), half_pixels(shape)
    found = coordinates_of(points, pixel_axes(*shape, aspect))
    for (row, column), place in zip(points, found):
        ends = grid[row // 2, column // 2], grid[(row + 1) // 2, (column + 1) // 2]
        assert torch.allclose(place, (ends[0] + ends[1]) / 2, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("source", "shrink"), [("smooth.png", 4), ("smooth.png", 5), ("colours.png", 2), ("colours.png", 4)])
def test_the_finer_truth_has_the_pixels(folder, source, shrink):
    """At whole numbers it is what was trained on, between them what the same filter makes of the finer image."""
    loaded = load_image(source, shrink=shrink)
    height, width, channels = loaded.pixels.shape
    places = np.stack(np.divmod(np.arange(height * width), width), axis=1).astype(float)
    assert np.abs(loaded.at(places) - loaded.pixels.reshape(-1, channels)).max() < 1e-12
    assert load_image(source).finer is None


def test_the_finer_truth_of_a_ramp_is_the_ramp(folder):
    """A filter that is even keeps a straight line; 16 pixels from the border nothing is mirrored (6 standard deviations)."""
    ramp = np.mgrid[:96, :96][1] / 95
    np.save("ramp.npy", ramp)
    task = build_task("signal", "ramp.npy", "stretch", {"shrink": 4})
    assert task.off_grid.reference == FINER
    x = task.off_grid.coordinates
    inside = x[:, 0].abs() < 0.6
    column = (x[:, 0] + 1) / 2 * 23  # of the small image
    expected = ((column + 0.5) * 4 - 0.5) / 95
    assert int(inside.sum()) > 500 and float((task.off_grid.truth[:, 0] - expected)[inside].abs().max()) < 1e-7


# What each task is compared with


@pytest.mark.parametrize(
    ("task", "options", "reference"),
    [
        ("signal", {}, INTERPOLATED),
        ("signal", {"shrink": 2}, FINER),
        ("signal", {"shrink": 2, "normalize": True}, FINER),
        ("signal", {"every": 3}, UNSEEN),
        ("signal", {"held_out": 0.1}, UNSEEN),
        ("signal", {"probe": 0.02}, UNSEEN),
        ("signal", {"probe": 0.02, "shrink": 2}, FINER),
        ("signal", {"probe": 0.02, "held_out": 0.0}, INTERPOLATED),
        ("superres", {}, INTERPOLATED),
        ("superres", {"shrink": 2, "held_out": 0.1}, FINER),
        ("ct", {"angles": 5}, INTERPOLATED),
        ("ct", {"angles": 5, "shrink": 3}, FINER),
        ("denoise", {}, INTERPOLATED),
        ("denoise", {"held_out": 0.5}, UNSEEN),
        ("inpaint", {}, UNSEEN),
        ("inpaint", {"missing": 0.0}, INTERPOLATED),
        ("denoise", {"noisy": True, "truth": "smooth.png"}, INTERPOLATED),
    ],
)
def test_every_image_task_has_a_truth_between_its_pixels(folder, task, options, reference):
    """It is the truth of an exact function, and no training coordinate is among its points."""
    made = build_task(task, "smooth.png", "stretch", options)
    assert made.off_grid.reference == reference and reference in made.facts()["off_grid"]
    assert made.off_grid_psnr(made.off_grid.truth) == math.inf
    trained = {tuple(place) for place in made.coordinates.tolist()}
    assert not trained & {tuple(place) for place in made.off_grid.coordinates.tolist()}
    shift = made.off_grid.truth + 0.1
    assert made.off_grid_psnr(shift) == pytest.approx(20, abs=1e-9)
    # linear interpolation of pixels d apart is wrong by |f_xx + f_yy| d²/8, and splines with mirrored ends by a fifth of f′d
    on_grid = torch.nn.functional.grid_sample(
        made.truth.T.view(1, 1, *made.shape), made.off_grid.coordinates.view(1, -1, 1, 2), align_corners=True
    ).view(-1, 1)
    d, contrast = options.get("shrink", 1) / 64, 1.25 if "normalize" in options else 1.0
    bound = contrast * (0.4 * 34 * d**2 / 8 + 0.2 * 0.4 * 6 * d) + 2 / 255  # and rounding to 8 bits
    assert float((on_grid - made.off_grid.truth).abs().max()) < bound


def test_where_nobody_knows_the_image_nothing_is_compared(folder):
    task = build_task("denoise", "smooth.png", "stretch", {"noisy": True})
    assert task.off_grid is None and task.off_grid_psnr(torch.zeros(3, 1)) is None and task.facts()["off_grid"] == UNKNOWN


def test_a_truth_in_units_of_its_own_is_compared_in_them(folder):
    """0 dB are the range of the truth, on the grid and between."""
    np.save("truth.npy", 1000 * np.asarray(Image.open("smooth.png"), dtype=float) / 255)
    np.save("noisy.npy", np.load("truth.npy") + 1)
    given = {"noisy": True, "truth": "truth.npy", "value_range": [0.0, 1000.0]}
    task = build_task("denoise", "noisy.npy", "stretch", given)
    assert task.score(task.truth + 0.01) == pytest.approx(40, abs=1e-6)
    assert task.off_grid_psnr(task.off_grid.truth + 0.01) == pytest.approx(40, abs=1e-6)


@pytest.mark.parametrize(("every", "shape"), [(2, (63, 63)), (3, (64, 64)), (5, (61, 61))])
def test_every_second_pixel(folder, every, shape):
    task = build_task("signal", "smooth.png", "stretch", {"every": every})
    whole = load_image("smooth.png").pixels[: shape[0], : shape[1]]
    assert task.shape == shape and np.array_equal(task.measurements.numpy().ravel(), whole[::every, ::every].ravel())
    small = pixel_coordinates(*whole[::every, ::every].shape[:2])
    assert torch.allclose(task.coordinates, small, rtol=0, atol=1e-6)
    assert len(task.off_grid.truth) + len(task.coordinates) == len(task.truth) == len(task.grid)
    values = task.truth.clone()
    values[task.seen] += 0.1
    assert task.metrics(values)["grid_psnr"] == pytest.approx(20, abs=1e-9)
    x, y = task.axes
    assert torch.equal(task.grid, torch.stack([x.repeat(shape[0]), y.repeat_interleave(shape[1])], dim=1))


def test_every_refuses_what_makes_no_sense(folder):
    for options, words in (
        ({"every": 0}, "1 <= every < 64"),
        ({"every": 64}, "1 <= every < 64"),
        ({"every": 2, "held_out": 0.1}, "not by both"),
    ):
        with pytest.raises(ValueError, match=words):
            build_task("signal", "smooth.png", "stretch", options)


def test_few_pixels_are_not_held_out(folder):
    for side, fraction in ((49, 0.02), (51, 0.02)):
        np.save("image.npy", np.random.default_rng(0).random((side, side)))
        task = build_task("signal", "image.npy", "stretch", {"probe": fraction})
        count = round(fraction * side**2)
        assert (task.held_out is not None) == (count >= FEWEST) == (side == 51)
        assert bool(task.notes) == (side == 51)


# Noise between the pixels


def test_what_is_monotone_between_pixels_is_no_noise():
    axes = pixel_axes(20, 30)
    for function in (lambda x: x[:, :1] * 3 + x[:, 1:], lambda x: x[:, :1] ** 3, lambda x: torch.exp(2 * x)):
        excess = excess_between_pixels(function, axes)
        assert excess is not None and excess <= 1 + 1e-12 and not is_noise(excess)
    assert excess_between_pixels(lambda x: x[:, :1], axes) == pytest.approx(0, abs=1e-6)
    steps = excess_between_pixels(lambda x: (x[:, :1] > 0.1).double(), axes)
    assert steps == pytest.approx(1)  # a jump between two pixels: half way it is as far from the middle as can be
    assert excess_between_pixels(lambda x: torch.ones(len(x), 1), axes) is None and not is_noise(None)
    assert excess_between_pixels(lambda x: x[:, :1], pixel_axes(1, 1)) is None


def test_noise_between_pixels_is_measured():
    """A wave that is 0 at every pixel, on a ramp: half way it is its amplitude, here 7 times half a step."""
    axes = pixel_axes(21, 21)
    step = 0.1

    def function(x):
        along = torch.sin(math.pi * (x[:, :1] + 1) / step)
        down = torch.sin(math.pi * (x[:, 1:] + 1) / step)
        return x.sum(1, keepdim=True) + 7 * step / 2 * (along + down)

    assert excess_between_pixels(function, axes) == pytest.approx(7, rel=1e-4)
    assert is_noise(7.0) and is_noise(math.inf) and is_noise(math.nan)


def test_advice_names_the_scale():
    assert advice("bw-relu", {"c": 9.0}) == "take a smaller c than 9"
    assert advice("siren", {"omega_0": 30}) == "take a smaller omega_0 than 30"
    assert advice("wire", {"omega_0": 1.0}) == "take a smaller omega_0 and sigma_0"
    assert "learning rate" in advice("my:Own", {})
    assert advice("bw-relu", {"c": 1.5}, Scales(gain=6.0)) == "take a smaller gain than 6, or a smaller learning rate"
    assert advice("bw-relu", {"c": 9.0}, Scales()) == "take a smaller c than 9"  # the gain is c


# What runs say


def test_a_run_logs_and_reports_it(folder):
    for task, more in {
        "signal": ["--every", "2"],
        "superres": [],
        "ct": ["--angles", "5"],
        "denoise": [],
        "inpaint": [],
    }.items():
        assert cli.main(["train", task, "--image", "smooth.png", *TINY, *more]) == 0
        found = summary(folder, task)
        assert math.isfinite(found["off_grid_psnr"]) and math.isfinite(found["grid_psnr"]) and found["off_grid_excess"] >= 0
        (log,) = folder.glob(f"runs/*-{task}-*/metrics.jsonl")
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        assert rows[-1]["off_grid_psnr"] == found["off_grid_psnr"] and all("off_grid_psnr" in row for row in rows)
    assert cli.main(["train", "denoise", "--image", "smooth.png", "--noisy", *TINY, "--out", "unknown"]) == 0
    (path,) = folder.glob("unknown/*/summary.json")
    found = json.loads(path.read_text())
    assert found["off_grid_psnr"] is None and found["off_grid"] == UNKNOWN and found["off_grid_excess"] is not None


def test_the_summary_is_about_the_final_weights(folder):
    import bwtheory as bw

    assert cli.main(["train", "signal", "--image", "smooth.png", *TINY]) == 0
    (run,) = folder.glob("runs/*")
    task = build_task("signal", "smooth.png", "stretch", json.loads((run / "config.json").read_text())["task_options"])
    values = torch.from_numpy(bw.load(run)(task.off_grid.coordinates.numpy()))
    assert summary(folder)["off_grid_psnr"] == pytest.approx(psnr(values, task.off_grid.truth), abs=1e-4)  # float32 values


def test_noise_is_said_in_the_last_line_and_when_it_is_drawn(folder, capsys):
    """One neuron-wide waves: a SIREN of a huge frequency is noise between pixels; a small one is not."""
    size = ["--epochs", "1", "--hidden-features", "8", "--hidden-layers", "1", "--device", "cpu", "--activation", "siren"]
    assert cli.main(["train", "signal", "--image", "smooth.png", "--omega-0", "900", *size, "--out", "noise"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert "Noise between the pixels" in said and said.endswith("take a smaller omega_0 than 900.")
    assert cli.main(["train", "signal", "--image", "smooth.png", "--omega-0", "2", *size, "--out", "smooth"]) == 0
    said = capsys.readouterr().out
    assert "oise between" not in said and "between them" in said
    (noise,), (smooth,) = folder.glob("noise/*"), folder.glob("smooth/*")
    for run, size, crop, warns in (
        (noise, "128x128", [], True),
        (noise, "64x64", [], False),
        (noise, "64x64", ["--crop", "0", "0", "0.5", "0.5"], True),
        (noise, None, [], False),
        (smooth, "128x128", [], False),
    ):
        assert cli.main(["render", str(run), *(["--size", size] if size else []), *crop]) == 0
        assert ("noise between its pixels" in capsys.readouterr().err) == warns, (run, size, crop)
    assert cli.main(["render", str(noise), "--size", "128x128", "--out", str(folder / "none" / "r.png")]) == 2
    assert capsys.readouterr().err.count("\n") == 1  # a refusal is one sentence, no warning before it


def test_between_changes_nothing_in_a_run(folder, monkeypatch):
    """The paper's preset trains on all pixels, bit for bit as without a look between them."""
    runs = {}
    for name in ("with", "without"):
        if name == "without":
            monkeypatch.setattr(Session, "_between", lambda self, finished=False: {})
        config = settled(with_preset({"source": "smooth.png", "epochs": 3, "hidden_features": 9, "device": "cpu"}), 1, 1)
        task = build_task("signal", "smooth.png", "stretch", {})
        runs[name] = train(config, task, RunDirectory.create(folder / name, config))
    assert runs["with"]["weights_sha256"] == runs["without"]["weights_sha256"] and "off_grid_psnr" not in runs["without"]


# Presets


def test_the_paper_is_one_flag(folder, capsys):
    words = ["train", "signal", "--image", "smooth.png", *TINY]
    assert cli.main([*words, "--preset", "paper", "--out", "paper"]) == 0
    assert "note" not in capsys.readouterr().err
    assert cli.main([*words, "--out", "usual"]) == 0
    assert "82 of 4,096 pixels are not trained on" in capsys.readouterr().err
    assert cli.main([*words, "--held-out", "0", "--out", "all"]) == 0
    assert "note" not in capsys.readouterr().err
    configs = {name: json.loads(next((folder / name).glob("*/config.json")).read_text()) for name in ("paper", "usual", "all")}
    plain = with_preset({"source": configs["paper"]["source"], "epochs": 2, "hidden_features": 5, "device": "cpu"})
    same = ("options", "task_options", "init", "lr", "decay", "hidden_layers")
    assert all(configs["paper"][name] == getattr(plain, name) for name in same) and configs["paper"]["options"] == {"c": 9.0}
    assert configs["usual"]["init"] == "scales" and configs["usual"]["lr"] == 1 / 5
    assert configs["usual"]["task_options"] == {"probe": 0.02} and configs["all"]["task_options"] == {
        "probe": 0.02,
        "held_out": 0,
    }
    for refused in (["--preset", "recommended", "--faithful"], ["--preset", "papers"]):
        assert cli.main([*words, *refused]) == 2
    assert cli.main([*words, "--faithful", "--out", "faithful"]) == 0
    faithful = json.loads(next((folder / "faithful").glob("*/config.json")).read_text())
    assert faithful["init"] == "pytorch" and "probe" not in faithful["task_options"]


def test_recommended_settings():
    usual = with_preset({"source": "x", "hidden_features": 64}, recommended=True)
    assert (usual.init, usual.lr, usual.options) == ("scales", 1 / 64, {"c": 1.5}) and "paper" not in usual.settings_from
    assert with_preset({"source": "x"}, recommended=True).lr == 1 / 300
    assert with_preset({"source": "x", "lr": 0.1}, {"c": 4.0}, recommended=True).options == {"c": 4.0}
    theirs = with_preset({"source": "x", "init": "pytorch"}, recommended=True)
    assert (theirs.lr, theirs.options, theirs.init) == (4e-3, {"c": 9.0}, "pytorch")
    for activation in ("siren", "finer", "my:Own"):  # others are as they were, but for what measures them
        found, before = (with_preset({"source": "x", "activation": activation}, recommended=r) for r in (True, False))
        assert found.options == before.options and found.lr == before.lr and found.init == "pytorch"
    assert with_preset({"source": "x", "task": "ct"}, recommended=True) == with_preset({"source": "x", "task": "ct"})


def test_fit_takes_the_same_presets(folder):
    """And trains on all pixels, of a file and of an array."""
    import bwtheory as bw

    pixels = np.asarray(Image.open("smooth.png"))
    for data in ("smooth.png", pixels):
        usual = bw.fit(data, steps=2, hidden_features=5, device="cpu")
        assert (usual.config.init, usual.config.lr, usual.config.options) == ("scales", 1 / 5, {"c": 1.5})
        assert usual.summary["off_grid"].endswith(INTERPOLATED) and math.isfinite(usual.history[-1]["off_grid_psnr"])
        paper = bw.fit(data, steps=2, hidden_features=5, device="cpu", preset="paper")
        assert (paper.config.init, paper.config.lr, paper.config.options) == ("pytorch", 4e-3, {"c": 9.0})
    with pytest.raises(ValueError, match="'recommended' or 'paper'; got 'papers'"):
        bw.fit(pixels, preset="papers")
    mine = INR(2, 1, 7, 2, init="edge", c=2.0)
    assert bw.fit(mine, pixels, steps=2).network is mine  # its step sizes are those of its start
    groups = build_optimizer(with_preset({"source": "x"}), mine).param_groups
    assert [group["lr_multiple"] for group in groups] == [2.0, 1.0, 1.0]


@pytest.mark.parametrize("seed", [40])
def test_out_of_the_box_an_image_is_good_between_its_pixels(folder, seed):
    """Every second pixel of a photograph of 127×127: 30 dB on these and 25 dB between them, where the paper's settings have 8.

    Measured: 32.0 to 32.7 and 25.6 to 26.3 for two seeds and two ways of making the photograph smaller.
    """
    words = ["train", "signal", "--image", "camera", "--shrink", "4", "--every", "2", "--device", "cpu", "--seed", str(seed)]
    assert cli.main([*words, "--epochs", "300", "--hidden-features", "64", "--log-every", "300"]) == 0
    found = summary(folder)
    assert found["grid_psnr"] > 30 and found["off_grid_psnr"] > 25 and found["off_grid_excess"] < 1


# The experiment


def test_pareto_front():
    points = [Point(name, *pair, 1) for name, pair in {"a": (30, 20), "b": (40, 25), "c": (50, 10), "d": (45, 10)}.items()]
    assert [p.setting for p in pareto_front(points)] == ["b", "c"]
    assert best_between(points, 35.0).setting == "b" and best_between(points, 60.0) is None
    assert len({method.name for method in METHODS}) == len(METHODS)
    assert all(len(method.settings(full=True)) == 15 and len(method.settings(full=False)) == 3 for method in METHODS)
