"""Films: frames at the right epochs, on scales that stay, in files that can be played."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bwtheory.report import folders
from bwtheory.report.film import Scene, frame_epochs, write_film
from bwtheory.report.folders import kind_of_film
from bwtheory.tasks import build_task


@pytest.mark.parametrize("last", [1, 2, 7, 100, 12345])
@pytest.mark.parametrize("count", [2, 3, 10, 60])
def test_frames_are_at_both_ends_and_evenly_on_a_logarithmic_scale(last, count):
    epochs = frame_epochs(last, count)
    assert epochs[0] == 0 and epochs[-1] == last and epochs == sorted(set(epochs)) and len(epochs) <= count + 1
    if last == 12345 and count == 60:
        large = np.array([epoch for epoch in epochs if epoch > 100])
        steps = np.diff(np.log(large))
        assert steps.max() < 1.1 * np.log(last) / (count - 2)  # rounded to whole epochs above 100: within 1 %, twice


def test_a_frame_shows_the_values_and_the_scales_stay():
    task = build_task("signal", "camera", "stretch", {"shrink": 32})
    truth = task.truth.numpy()
    final = truth + 1e-3
    scene = Scene(task, final, [(0, 5.0), (10, 20.0), (20, 60.0)], "a $run with _ in it")
    early, late, again = (np.asarray(scene.frame(e, v)) for e, v in ((1, truth * 0), (20, final), (1, truth * 0)))
    assert early.shape == late.shape and (early != late).any()
    changed = (early != late).any(axis=2)
    right = slice(int(0.72 * early.shape[1]), None)
    assert not changed[80:290, right].any()  # the truth stays
    pictures = {name: p[80:290] for name, p in (("early", early), ("late", late))}
    left = slice(5, int(0.28 * early.shape[1]))
    assert pictures["early"][:, left].mean() < 40 < pictures["late"][:, left].mean()  # black, and the camera
    assert (again[80:290] == early[80:290]).all()


def test_a_scale_without_a_single_error_is_drawn():
    task = build_task("signal", "camera", "stretch", {"shrink": 64})
    Scene(task, task.truth.numpy(), [], "exact").frame(3, task.truth.numpy())


@pytest.mark.parametrize("name, source, options", [("univariate", "kinks", {}), ("audio", "chirp", {"seconds": 0.01})])
def test_other_tasks_are_drawn_as_lines(name, source, options):
    task = build_task(name, source, "stretch", options)
    scene = Scene(task, task.truth.numpy(), [(0, 3.0), (5, 0.1)], name)
    first, last = (np.asarray(scene.frame(epoch, task.truth.numpy() * part)) for epoch, part in ((1, 0.0), (5, 1.0)))
    assert (first != last).any()


def test_an_unknown_truth_is_not_compared_with(tmp_path):
    np.save(tmp_path / "noisy.npy", np.random.default_rng(0).random((9, 12)))
    task = build_task("denoise", str(tmp_path / "noisy.npy"), "stretch", {"noisy": True})
    assert not len(task.truth)
    Scene(task, torch.rand(108, 1).numpy(), [(0, 1.0), (4, 0.5)], "unknown").frame(2, np.zeros((108, 1)))


def frames(count: int = 6) -> list[Image.Image]:
    return [Image.fromarray(np.full((61, 81, 3), (40 * n, 128, 255 - 40 * n), np.uint8)) for n in range(count)]


@pytest.mark.parametrize("name", ["film.gif", "film.png", "film.apng"])
def test_what_is_written_plays_as_long_as_it_should(tmp_path, name):
    out = tmp_path / name
    write_film(out, frames(), 3.0)
    durations, colours = [], []
    with Image.open(out) as played:
        assert played.n_frames == 6 and played.size == (81, 61)
        for number in range(6):
            played.seek(number)
            colours.append(played.convert("RGB").getpixel((40, 30)))
            durations.append(played.info["duration"])
    assert colours == [(40 * n, 128, 255 - 40 * n) for n in range(6)]
    assert durations == [500] * 5 + [2500]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_mp4(tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    out = tmp_path / "film.mp4"
    write_film(out, frames(), 3.0)
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(out))
    assert count == 10 and abs(seconds - 5.0) < 0.6  # six in 3 s, and the last one for 2 s; players differ by a frame
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(out), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    played = np.frombuffer(subprocess.run(words, capture_output=True, check=True).stdout, np.uint8).reshape(-1, 60, 80, 3)
    assert np.abs(played[5].mean(axis=(0, 1)) - (200, 128, 55)).max() < 12  # of a codec that loses a little


def test_a_film_that_cannot_be_written_is_refused_before(monkeypatch):
    with pytest.raises(ValueError, match=r"written as \.mp4, \.gif or \.png; got 'film\.avi'"):
        kind_of_film(Path("film.avi"))
    monkeypatch.setattr(folders.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'bwtheory\[film\]'"):
        kind_of_film(Path("film.MP4"))
    assert kind_of_film(Path("a.GIF")) == "GIF"


def test_a_film_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    out = tmp_path / "film.gif"
    out.write_bytes(b"old")
    monkeypatch.setattr(Image.Image, "save", lambda *a, **k: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_film(out, frames(), 1.0)
    assert out.read_bytes() == b"old"
