"""Tasks: what is measured, with which noise, against which truth; images and sounds as they come from files."""

from __future__ import annotations

import hashlib
import math
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile
from seeds import seeded

from bwtheory.options import nearest
from bwtheory.tasks import TASKS, build_task
from bwtheory.tasks.images import BUILT_IN, load_image, octaves, save_image
from bwtheory.tasks.operators import BlockAverage, ParallelBeam
from bwtheory.tasks.task import band_errors, pixel_coordinates, psnr, psnr_of_normalized, psnr_of_peak, ssim
from bwtheory.tasks.univariate import TARGETS

EPS = 2.0**-52
IMAGE_TASKS = [name for name, problem in TASKS.items() if problem.needs == "image"]


def write_image(path: Path, pixels: np.ndarray) -> str:
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return str(path)


def levels(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.round(127 + 80 * np.sin(x / 3) + 40 * np.cos(y / 2)).astype(np.uint8)


@pytest.fixture
def picture(tmp_path) -> str:
    return write_image(tmp_path / "picture.png", levels(12, 17))


@pytest.fixture
def colour(tmp_path) -> str:
    pixels = np.random.default_rng(seeded()).integers(0, 200, (12, 17, 3))
    return write_image(tmp_path / "colour.png", pixels)


def source_of(name: str, image: str) -> str:
    named = {"equation": "heat", "scene": "balls" if name == "radiance" else "discs", "solid": "box"}
    return ({"image": image, "target": "smooth", "audio": "chirp", "physics": "duck_physics:gray"} | named)[TASKS[name].needs]


def without_noise(name: str, source: str, **options):
    """The task with exact measurements, whatever its default."""
    return build_task(name, source, "stretch", options if name in ("signal", "physics") else {"noise": 0.0, **options})


@pytest.mark.parametrize("name", TASKS)
def test_measurements_are_those_of_the_truth(name, picture):
    task = without_noise(name, source_of(name, picture))
    count, channels = len(task.coordinates), task.channels
    assert task.coordinates.shape == (count, TASKS[name].in_features) and task.coordinates.abs().max() <= 1
    assert task.grid.shape == (len(task.truth), TASKS[name].in_features)
    assert task.truth.shape[1] == channels == (2 if TASKS[name].needs == "scene" else 1)
    assert {t.dtype for t in (task.coordinates, task.grid, task.truth, task.measurements)} == {torch.float64}
    assert len(task.sha256) == 64 and task.source
    if task.operator is not None:
        assert task.measurements.shape == (task.operator.measurements, 1)
        if name == "equation":  # it knows the load, and its exact solution is on another grid
            assert count == math.prod(task.operator.shape)
            return
        assert torch.equal(task.measurements, task.operator(task.truth))
        assert task.compared_where_trained and count == math.prod(task.operator.shape)
    elif task.compared_where_trained:
        assert torch.equal(task.measurements, task.truth)
    else:
        assert name in ("inpaint", "univariate", "distance") and len(task.measurements) == count


@pytest.mark.parametrize("name", IMAGE_TASKS)
@pytest.mark.parametrize("coords", ["stretch", "isotropic"])
def test_truth_is_the_image(name, coords, colour):
    """A level of 8 bits divided by 255, pixel by pixel and channel by channel; super-resolution crops to whole blocks."""
    task = build_task(name, colour, coords, {})
    with Image.open(colour) as image:
        pixels = np.asarray(image) / 255
    width = 16 if name == "superres" else 17
    assert task.shape == (12, width) and task.channels == 3
    assert np.array_equal(task.image(task.truth), pixels[:, :width])
    assert np.array_equal(task.truth.numpy(), pixels[:, :width].reshape(-1, 3))
    assert torch.equal(task.grid, pixel_coordinates(12, width, coords))
    assert task.sha256 == hashlib.sha256(Path(colour).read_bytes()).hexdigest() and task.source == "colour"


NOISY = [
    ("superres", {"factor": 2}),
    ("superres", {"factor": 2, "antialiased": True}),
    ("ct", {"angles": 30}),
    ("denoise", {}),
    ("inpaint", {"missing": 0.5}),
    ("univariate", {"samples": 9000}),
    ("audio", {"seconds": 0.25}),
    ("distance", {"points": 5000}),
]


@pytest.mark.parametrize("name, options", NOISY)
def test_noise_has_the_level_asked_for(name, options, tmp_path):
    """n Gaussian numbers: mean, root mean square and the part within one standard deviation lie within five of their
    standard deviations, σ/√n, σ/√(2n) and √(p(1 − p)/n).  The largest measurement is not 1: the second bound would tell."""
    source = source_of(name, write_image(tmp_path / "grey.png", levels(64, 64) // 2))
    noisy = build_task(name, source, "stretch", {"noise": 0.2, **options})
    exact = build_task(name, source, "stretch", {"noise": 0.0, **options})
    sigma = 0.2 * exact.measurements.abs().max().item()
    errors = (noisy.measurements - exact.measurements).flatten() / sigma
    n = len(errors)
    assert n >= 1000 and abs(sigma / 0.2 - 1) > 10 / math.sqrt(2 * n)
    assert abs(errors.mean().item()) < 5 / math.sqrt(n)
    assert abs(errors.square().mean().sqrt().item() - 1) < 5 / math.sqrt(2 * n)
    within = math.erf(1 / math.sqrt(2))
    assert abs((errors.abs() < 1).double().mean().item() - within) < 5 * math.sqrt(within * (1 - within) / n)
    assert torch.equal(noisy.truth, exact.truth)


def test_denoising_is_noisy_by_default(picture):
    task, level = build_task("denoise", picture, "stretch", {}), build_task("denoise", picture, "stretch", {"noise": 0.1})
    assert torch.equal(task.measurements, level.measurements) and not torch.equal(task.measurements, task.truth)


@pytest.mark.parametrize("name, options", NOISY)
def test_data_depend_on_the_data_seed_only(name, options, picture):
    def build(data_seed: int, global_seed: int):
        torch.manual_seed(seeded(global_seed))
        np.random.seed(global_seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist()
        small = {"factor": 2} if name == "superres" else {}
        task = build_task(name, source_of(name, picture), "stretch", {**options, **small, "noise": 0.1, "data_seed": data_seed})
        assert torch.equal(torch.get_rng_state(), before[0]) and np.random.get_state()[1].tolist() == before[1]
        return task

    first, again, other = build(3, 0), build(3, 1), build(4, 0)
    assert torch.equal(first.measurements, again.measurements) and torch.equal(first.coordinates, again.coordinates)
    assert first.sha256 == again.sha256
    assert not torch.equal(first.measurements, other.measurements)


@pytest.mark.parametrize("level", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", [name for name in TASKS if name not in ("signal", "physics")])
def test_noise_levels_that_are_refused(name, level, picture):
    with pytest.raises(ValueError, match="finite fraction >= 0"):
        build_task(name, source_of(name, picture), "stretch", {"noise": level})


@pytest.mark.parametrize("name", IMAGE_TASKS)
def test_shrink(name, picture):
    task = without_noise(name, picture, shrink=3)
    assert task.shape == (4, 4 if name == "superres" else 5)  # 12//3 and 17//3, cropped to blocks of 4
    assert task.source == "picture, 1/3 of its size"
    assert task.sha256 == hashlib.sha256(Path(picture).read_bytes()).hexdigest()
    with pytest.raises(ValueError, match="shrink >= 1; got 0"):
        build_task(name, picture, "stretch", {"shrink": 0})


def test_shrinking_averages(tmp_path):
    """The finest checkerboard is grey from afar.  The filter, a Gaussian of σ = 3/2 cut at 4σ = 6 pixels, leaves e^(−π²σ²/2)
    of it on either axis and, by the cut, at most the first weight left out, e^(−7²/(2σ²)) < 2e-5."""
    y, x = np.mgrid[0:32, 0:32]
    board = load_image(write_image(tmp_path / "board.png", 255 * ((x + y) % 2)))
    small = board.shrunk(4)
    assert small.pixels.shape == (8, 8, 1) and small.shrink == 4
    assert np.abs(small.pixels - 0.5).max() < 1e-4
    assert board.shrunk(1) is board
    assert board.shrunk(2).shrunk(3).label == "board, 1/6 of its size"
    assert board.shrunk(100).pixels.shape == (1, 1, 1)


@pytest.mark.parametrize("missing, known", [(0.8, 41), (0.0, 204), (0.999, 1), (0.5, 102)])
def test_inpainting_sees_some_pixels(missing, known, picture):
    """round((1 − missing)·204), at least one; each is a pixel of the image, with the value that the image has there."""
    task = build_task("inpaint", picture, "stretch", {"missing": missing})
    places = {tuple(row): n for n, row in enumerate(task.grid.tolist())}
    seen = [places[tuple(row)] for row in task.coordinates.tolist()]
    assert len(seen) == known and seen == sorted(set(seen))
    assert torch.equal(task.measurements, task.truth[seen]) and len(task.truth) == 204
    assert not task.compared_where_trained


def test_missing_pixels_are_anywhere(picture):
    """41 of 204 drawn without replacement: 20.5 ± 2.9 fall into the first half; the bounds are five standard deviations."""
    for data_seed in range(5):
        task = build_task("inpaint", picture, "stretch", {"data_seed": data_seed})
        upper = int((task.coordinates[:, 1] < 0).sum())
        left = int((task.coordinates[:, 0] < 0).sum())
        assert 6 <= upper <= 35 and 5 <= left <= 34  # 96 of 204 pixels are left of the centre: 19.3


@pytest.mark.parametrize("missing", [-0.1, 1.0, math.nan])
def test_missing_fractions_that_are_refused(missing, picture):
    with pytest.raises(ValueError, match="0 <= missing < 1"):
        build_task("inpaint", picture, "stretch", {"missing": missing})


@pytest.mark.parametrize("factor, shape", [(4, (12, 16)), (5, (10, 15)), (1, (12, 17)), (12, (12, 12))])
def test_super_resolution_measures_block_means(factor, shape, colour):
    """Sums of factor² numbers of at most 1, twice: less than 2·factor² roundings of size EPS/2, divided by factor²."""
    task = build_task("superres", colour, "stretch", {"factor": factor})
    assert task.shape == shape and isinstance(task.operator, BlockAverage)
    pixels = load_image(colour).pixels[: shape[0], : shape[1]]
    measured = task.measurements.reshape(shape[0] // factor, shape[1] // factor, 3).numpy()
    for row in range(measured.shape[0]):
        for column in range(measured.shape[1]):
            block = pixels[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
            np.testing.assert_allclose(measured[row, column], block.mean(axis=(0, 1)), rtol=0, atol=2 * EPS)


def test_antialiased_measurements_are_no_means(colour, tmp_path):
    """As in the published code; the operator still takes means, so that the truth has a loss.  Both keep a constant."""
    means, published = (build_task("superres", colour, "stretch", {"antialiased": flag}) for flag in (False, True))
    assert torch.equal(published.operator(published.truth), means.measurements)
    assert published.measurements.shape == means.measurements.shape
    assert (published.measurements - means.measurements).abs().max() > 0.01  # the colours are noise
    flat = write_image(tmp_path / "flat.png", np.full((8, 8), 51))
    task = build_task("superres", flat, "stretch", {"antialiased": True})
    torch.testing.assert_close(task.measurements, torch.full((4, 1), 0.2, dtype=torch.float64), rtol=0, atol=100 * EPS)


@pytest.mark.parametrize("factor, message", [(0, "factor >= 1; got 0"), (13, "12×17 pixels, no whole block of 13×13")])
def test_blocks_that_are_refused(factor, message, picture):
    with pytest.raises(ValueError, match=message):
        build_task("superres", picture, "stretch", {"factor": factor})


def test_tomography_angles_and_frames(picture):
    """At 0° a projection is the sum of each column; at 180°, which only the published code has, the same backwards: 12 terms
    of at most 1, with coordinates that a rounded sine of π moves by 1e-15."""
    task = build_task("ct", picture, "stretch", {"angles": 7})
    assert isinstance(task.operator, ParallelBeam) and task.operator.frame == "full"
    np.testing.assert_allclose(task.operator.angles, np.arange(7) * 180 / 7, rtol=4 * EPS)
    published = build_task("ct", picture, "stretch", {"angles": 7, "published_geometry": True})
    np.testing.assert_allclose(published.operator.angles, np.arange(7) * 30.0, rtol=4 * EPS)
    assert published.operator.frame == "image" and len(published.measurements) == 7 * 17
    columns = load_image(picture).pixels.sum(axis=(0, 2))
    sinogram = published.operator.sinogram(published.measurements)[..., 0].numpy()
    np.testing.assert_allclose(sinogram[0], columns, rtol=0, atol=1e-12)
    np.testing.assert_allclose(sinogram[-1], columns[::-1], rtol=0, atol=1e-12)
    assert build_task("ct", picture, "stretch", {}).operator.angles[1] == pytest.approx(1.8)
    with pytest.raises(ValueError, match="angles >= 1; got 0"):
        build_task("ct", picture, "stretch", {"angles": 0})


def test_normalized_signal(tmp_path):
    source = write_image(tmp_path / "dull.png", np.array([[51, 102], [153, 102]]))
    assert build_task("signal", source, "stretch", {}).truth.flatten().tolist() == [51 / 255, 102 / 255, 153 / 255, 102 / 255]
    task = build_task("signal", source, "stretch", {"normalize": True})
    assert task.truth.flatten().tolist() == pytest.approx([0, 0.5, 1, 0.5], abs=4 * EPS)
    assert torch.equal(task.measurements, task.truth)
    flat = write_image(tmp_path / "flat.png", np.full((2, 2), 51))
    assert build_task("signal", flat, "stretch", {"normalize": True}).truth.flatten().tolist() == [0.2] * 4


def test_psnr():
    target = torch.rand(100, 1)
    assert psnr(target + 0.1, target) == pytest.approx(20, abs=1e-5)
    assert psnr(target, target) == math.inf
    assert psnr(torch.tensor([1.5]), torch.tensor([1.0])) == pytest.approx(20 * math.log10(2), rel=1e-14)  # unclipped


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


def test_psnr_as_published():
    """By hand; decibels to a few roundings."""
    assert psnr_of_normalized(column(0, 2, 4), column(0.1, 0.2, 0.3)) > 300  # the same up to an affine map
    # [0, 1, 4] is [0, 1/4, 1] against [0, 1/2, 1]: MSE 1/48
    assert psnr_of_normalized(column(0, 1, 4), column(1, 2, 3)) == pytest.approx(10 * math.log10(48), rel=1e-14)
    # a constant becomes 0 against [0, 1]: MSE 1/2
    assert psnr_of_normalized(column(7, 7), column(0, 5)) == pytest.approx(10 * math.log10(2), rel=1e-14)
    # MSE 1/100, peak 1/2 and 4, not squared
    assert psnr_of_peak(column(0.1, 0.6), column(0, 0.5)) == pytest.approx(20 - 10 * math.log10(2), rel=1e-14)
    assert psnr_of_peak(column(0.1, 4.1), column(0, 4)) == pytest.approx(20 + 10 * math.log10(4), rel=1e-13)
    assert psnr_of_peak(column(0.1, 0.1), column(0, 0)) == -math.inf


@pytest.mark.parametrize("name", IMAGE_TASKS)
def test_metrics_of_images(name, colour):
    """−10 log₁₀ of a mean square, once standard, once as the published code has it for this task; SSIM 1 for the truth."""
    task = without_noise(name, colour)
    values = 0.5 * task.truth + 0.1
    found = task.metrics(values)
    standard = psnr(values, task.truth)
    assert found["psnr"] == task.score(values) == standard
    if name == "signal":  # the two agree after normalizing, up to rounding
        assert found["psnr_paper"] > 300
    else:
        peak = 10 * math.log10(task.truth.max().item()) if name == "ct" else 0.0
        assert found["psnr_paper"] == pytest.approx(standard + peak, rel=1e-14) and (name != "ct" or peak < -0.5)
    assert 0 < found["ssim"] < 1 and task.metrics(task.truth)["ssim"] == pytest.approx(1, abs=1e-12)
    assert task.metrics(values.float())["psnr"] == pytest.approx(standard, abs=1e-4)  # float32 values, 1e-7 in each


@pytest.mark.parametrize("shape, defined", [((7, 7), True), ((6, 30), False), ((30, 6), False), ((1, 1), False)])
def test_ssim_needs_a_window(tmp_path, shape, defined):
    task = build_task("signal", write_image(tmp_path / "small.png", levels(*shape)), "stretch", {})
    assert (task.metrics(task.truth)["ssim"] is not None) == defined


# Images


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


def test_coordinates():
    stretched, isotropic = pixel_coordinates(3, 5), pixel_coordinates(3, 5, "isotropic")
    assert stretched.shape == (15, 2)
    assert stretched[0].tolist() == [-1, -1] and stretched[-1].tolist() == [1, 1]
    assert stretched[1].tolist() == [-0.5, -1]
    assert isotropic[-1].tolist() == [1, 0.5]
    assert pixel_coordinates(5, 3, "isotropic")[-1].tolist() == [0.5, 1]
    assert pixel_coordinates(1, 1).tolist() == [[0, 0]]
    assert pixel_coordinates(1, 3).tolist() == [[-1, 0], [0, 0], [1, 0]]


def test_coordinates_are_float32_numbers():
    """Bit for bit those of torch.linspace in float32, as in the published code."""
    coordinates = pixel_coordinates(7, 512)
    assert coordinates.dtype == torch.float64
    assert torch.equal(coordinates[:512, 0], torch.linspace(-1, 1, 512).double())
    assert torch.equal(coordinates[::512, 1], torch.linspace(-1, 1, 7).double())


def test_image_round_trip(tmp_path, picture):
    image = load_image(picture)
    save_image(tmp_path / "again.png", image.pixels)
    assert np.array_equal(load_image(str(tmp_path / "again.png")).pixels, image.pixels)
    task = build_task("signal", str(tmp_path / "again.png"), "stretch", {})
    assert np.allclose(task.image(task.truth), image.pixels, rtol=0, atol=0)


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


# Univariate targets


def truth(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    task = build_task("univariate", name, "stretch", {"data_seed": seed})
    return task.grid[:, 0].numpy(), task.truth[:, 0].numpy()


@pytest.mark.parametrize("name", TARGETS)
def test_samples_of_a_target(name):
    task = build_task("univariate", name, "stretch", {"samples": 11, "data_seed": 2})
    assert task.coordinates[:, 0].tolist() == pytest.approx([-1 + n / 5 for n in range(11)], abs=2 * EPS)
    assert len(task.grid) == 1001 and task.grid[0] == -1 and task.grid[-1] == 1 and not task.compared_where_trained
    # a grid point in 100; a jump there would have to hit a double by chance
    np.testing.assert_allclose(task.measurements, task.truth[::100], rtol=0, atol=1e-12)
    assert build_task("univariate", name, "stretch", {"samples": 1}).coordinates.tolist() == [[0.0]]
    other = build_task("univariate", name, "stretch", {"data_seed": 3})
    assert torch.equal(task.truth, other.truth) == (name == "sines") == (task.sha256 == other.sha256)


def test_sines():
    """At x = 1/2: 1 − 1 + 1; at x = 1/6: 1/2 + 1 + 1/2; odd; a few roundings of 5π."""
    _, f = truth("sines", 0)
    for place, expected in ((750, 1.0), (500, 0.0), (1000, 0.0), (250, -1.0)):
        assert f[place] == pytest.approx(expected, abs=40 * EPS)
    assert float(TARGETS["sines"](np.array([1 / 6]), 0)[0]) == pytest.approx(2, abs=40 * EPS)
    np.testing.assert_allclose(f, -f[::-1], rtol=0, atol=40 * EPS)


@pytest.mark.parametrize("seed", range(4))
def test_steps(seed):
    """20 units switch on at 1 − b ~ U(−1, 3), half of them in sight: 10 ± 2.2, bounds of four standard deviations."""
    _, f = truth("steps", seed)
    jumps = np.diff(f)[np.diff(f) != 0]
    assert 1 <= len(jumps) <= 20 and f[0] == 0  # nothing is on at −1
    assert np.abs(jumps).max() <= len(jumps) * 5 / math.sqrt(20)
    assert f.max() > f.min()


def test_about_half_of_the_steps_are_in_sight():
    counts = [np.count_nonzero(np.diff(truth("steps", seed)[1])) for seed in range(20)]
    assert abs(np.mean(counts) - 10) < 5 * math.sqrt(5 / 20)  # binomial (20, 1/2), mean of 20


@pytest.mark.parametrize("seed", range(4))
def test_kinks(seed):
    """Second differences vanish but at the two grid points beside a kink; values up to 20, a few roundings."""
    _, f = truth("kinks", seed)
    assert f[0] == 0
    bends = np.abs(np.diff(f, 2)) > 1e-12
    assert 1 <= bends.sum() <= 10


@pytest.mark.parametrize("seed", range(4))
def test_smooth(seed):
    """A trigonometric polynomial of degree 4 without a constant: no other Fourier coefficients than 1 to 4."""
    _, f = truth("smooth", seed)
    coefficients = np.abs(np.fft.rfft(f[:-1])) / 1000
    assert coefficients[1:5].min() > 1e-6
    assert coefficients[0] < 1e-14 and coefficients[5:].max() < 1e-14  # 10 roundings of numbers below 10


def test_univariate_score_and_plot(tmp_path):
    task = build_task("univariate", "sines", "stretch", {})
    assert task.score(task.truth + 0.25) == pytest.approx(0.25, rel=1e-12) and not task.higher_is_better
    assert task.metrics(task.truth) == {"rmse": 0.0}
    for name, values in (("right", task.truth), ("wrong", -task.truth)):
        task.save_reconstruction(tmp_path / f"{name}.png", values.float())
    with Image.open(tmp_path / "right.png") as right, Image.open(tmp_path / "wrong.png") as wrong:
        assert right.size == wrong.size and min(right.size) > 100
        assert not np.array_equal(np.asarray(right), np.asarray(wrong))


# Sounds


def sound(path: Path, samples: np.ndarray, rate: int = 8, **options):
    wavfile.write(path, rate, samples)
    return build_task("audio", str(path), "stretch", options)


@pytest.mark.parametrize(
    "samples, expected",
    [
        (np.array([0, 16384, -32768, 32767], dtype=np.int16), [0, 0.5, -1, 1 - 2**-15]),
        (np.array([0, 2**30, -(2**31), 2**31 - 1], dtype=np.int32), [0, 0.5, -1, 1 - 2**-31]),
        (np.array([128, 192, 0, 255], dtype=np.uint8), [0, 0.5, -1, 1 - 2**-7]),
        (np.array([0, 0.5, -1, 0.1], dtype=np.float32), [0, 0.5, -1, float(np.float32(0.1))]),
        (np.array([0, 0.5, -1, 0.1], dtype=np.float64), [0, 0.5, -1, 0.1]),
    ],
    ids=["int16", "int32", "uint8", "float32", "float64"],
)
def test_wav_formats(tmp_path, samples, expected):
    """Numbers with few bits over powers of two: exact."""
    task = sound(tmp_path / "sound.wav", samples)
    assert task.truth.tolist() == [[value] for value in expected] and task.truth.dtype == torch.float64
    assert task.rate == 8 and task.source == "sound"
    assert task.sha256 == hashlib.sha256((tmp_path / "sound.wav").read_bytes()).hexdigest()
    np.testing.assert_allclose(task.coordinates[:, 0], [-1, -1 / 3, 1 / 3, 1], rtol=0, atol=EPS)


def test_wav_of_24_bits(tmp_path):
    with wave.open(str(tmp_path / "deep.wav"), "wb") as file:
        file.setparams((1, 3, 8, 0, "NONE", ""))
        file.writeframes(b"".join(n.to_bytes(3, "little", signed=True) for n in (0, 2**22, -(2**23), 2**23 - 1)))
    assert build_task("audio", str(tmp_path / "deep.wav"), "stretch", {}).truth[:, 0].tolist() == [0, 0.5, -1, 1 - 2**-23]


def test_stereo_and_its_reconstruction(tmp_path):
    samples = np.array([[0.0, 0.25], [0.5, -0.5], [-1.0, 1.0]], dtype=np.float32)
    task = sound(tmp_path / "stereo.wav", samples)
    assert task.channels == 2 and task.truth.tolist() == samples.tolist()
    task.save_reconstruction(tmp_path / "again.wav", 1.5 * task.truth.float())
    rate, again = wavfile.read(tmp_path / "again.wav")
    assert rate == 8 and again.dtype == np.float32
    assert again.tolist() == [[0, 0.375], [0.75, -0.75], [-1.5, 1.5]]  # as they are


def test_mono_reconstruction(tmp_path):
    task = build_task("audio", "chirp", "stretch", {"seconds": 0.01})
    task.save_reconstruction(tmp_path / "chirp.wav", task.truth)
    again = build_task("audio", str(tmp_path / "chirp.wav"), "stretch", {})
    assert again.rate == 16000 and torch.equal(again.truth, task.truth.float().double())


def test_seconds(tmp_path):
    samples = np.arange(80, dtype=np.int16)
    for seconds, count in ((0.5, 4), (1.0, 8), (1e9, 80), (1e-9, 1)):
        task = sound(tmp_path / "long.wav", samples, seconds=seconds)
        assert task.truth[:, 0].tolist() == [n / 2**15 for n in range(count)]
        assert task.coordinates[0] == (-1 if count > 1 else 0) and task.coordinates[-1] == (1 if count > 1 else 0)
    for seconds in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="seconds > 0"):
            build_task("audio", "chirp", "stretch", {"seconds": seconds})


def test_signal_to_noise_ratio():
    task = build_task("audio", "chirp", "stretch", {})
    assert task.score(0 * task.truth) == pytest.approx(0, abs=1e-12)
    assert task.score(1.1 * task.truth) == pytest.approx(20, abs=1e-10)  # an error of a tenth
    assert task.score(task.truth) == math.inf
    assert task.metrics(0.9 * task.truth) == {"snr": pytest.approx(20, abs=1e-10)}


def test_score_of_silence(tmp_path):
    task = sound(tmp_path / "silence.wav", np.zeros(4, dtype=np.int16))
    assert task.score(task.truth) == math.inf and task.score(task.truth + 0.1) == -math.inf


def test_chirp():
    """0.6 sin φ + 0.2 sin 2φ = sin φ (0.6 + 0.4 cos φ) changes sign where sin φ does: 2(100t + 1450t²) times up to t."""
    task = build_task("audio", "chirp", "stretch", {})
    samples = task.truth[:, 0].numpy()
    assert task.rate == 16000 and len(samples) == 16000 and task.coordinates.shape == (16000, 1)
    assert samples[0] == 0 and abs(samples[-1]) < 1e-3 and 0.6 < np.abs(samples).max() <= 0.8  # it fades
    changes = np.cumsum(np.sign(samples[2:]) != np.sign(samples[1:-1]))
    for t in (0.1, 0.5, 0.9):
        assert abs(changes[round(16000 * t)] - 2 * (100 * t + 1450 * t * t)) < 3


def header(channels: int = 1, size: int = 4) -> bytes:
    """The 44 bytes before the samples of a WAV file of 16 bits."""
    file = b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little") + b"\1\0"
    file += channels.to_bytes(2, "little") + (8000).to_bytes(4, "little") + (16000).to_bytes(4, "little") + b"\2\0\x10\0"
    return file + b"data" + size.to_bytes(4, "little")


def test_header_of_the_tests_is_right(tmp_path):
    (tmp_path / "good.wav").write_bytes(header() + b"\0\x40\0\xc0")
    assert build_task("audio", str(tmp_path / "good.wav"), "stretch", {}).truth[:, 0].tolist() == [0.5, -0.5]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"just text", id="text"),
        pytest.param(b"RIFF", id="4 bytes"),
        pytest.param(header()[:20], id="20 bytes"),
        pytest.param(header()[:36], id="no data chunk"),
        pytest.param(header(channels=0) + b"\0\0\0\0", id="no channels"),
        pytest.param(header()[:4] + b"\4\0\0\0" + header()[8:], id="size 4"),
    ],
)
def test_broken_sounds(tmp_path, content):
    (tmp_path / "broken.wav").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.wav is not a WAV file"):
        build_task("audio", str(tmp_path / "broken.wav"), "stretch", {})


def test_sounds_without_samples(tmp_path):
    with pytest.raises(ValueError, match=r"empty\.wav holds no samples"):
        sound(tmp_path / "empty.wav", np.zeros(0, dtype=np.int16))
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match=r"bad\.wav has samples that are not finite"):
            sound(tmp_path / "bad.wav", np.array([0, bad], dtype=np.float32))


# Names


OPTIONS = {
    "signal": "normalize, every, held_out, probe, data_seed, shrink, value_range",
    "superres": "factor, noise, held_out, data_seed, shrink, antialiased, value_range",
    "ct": "angles, noise, held_out, data_seed, shrink, published_geometry, value_range",
    "denoise": "noise, held_out, data_seed, shrink, value_range",
    "inpaint": "missing, noise, held_out, data_seed, shrink, value_range",
    "physics": "noise_std, held_out, data_seed",
    "univariate": "samples, noise, data_seed",
    "audio": "seconds, noise, data_seed",
    "equation": "nodes, noise, data_seed, strong_form",
    "flatland": "views, pixels, side, noise, data_seed",
    "radiance": "views, pixels, side, noise, data_seed",
    "distance": "points, noise, data_seed",
}


@pytest.mark.parametrize("name", TASKS)
def test_unknown_options_and_sources_are_refused_by_name(name, picture):
    source = source_of(name, picture)
    for option in ("colour", "coords", "image"):  # the second and third are parameters, but no options
        with pytest.raises(ValueError) as refused:
            build_task(name, source, "stretch", {option: 1})
        near = nearest(option, OPTIONS[name].split(", "))
        assert str(refused.value) == f"The task {name!r} has no option {option!r}{near}; it has: {OPTIONS[name]}."
    sentence = {
        "image": f"no image file 'nowhere', and no built-in image of that name; there are {', '.join(BUILT_IN)}",
        "target": f"no univariate target 'nowhere'; there are {', '.join(TARGETS)}",
        "physics": "is given as package.module:function; got 'nowhere'",
        "audio": "no audio file 'nowhere', and the only built-in sound is 'chirp'",
        "equation": "no equation 'nowhere'; there are poisson, heat",
        "scene": "no scene of (the plane|space) 'nowhere'; there are (discs|balls)",
        "solid": "no solid 'nowhere'; there are torus, box",
    }[TASKS[name].needs]
    with pytest.raises(ValueError, match=sentence):
        build_task(name, "nowhere", "stretch", {})
    if TASKS[name].in_features == 2:
        with pytest.raises(ValueError, match="'stretch' or 'isotropic'; got 'square'"):
            build_task(name, source, "square", {})
    else:
        axes = "one axis" if TASKS[name].in_features == 1 else "three axes"
        with pytest.raises(ValueError, match=f"Coordinates of the task '{name}' have {axes}"):
            build_task(name, source, "isotropic", {})


def test_unknown_task_is_refused():
    with pytest.raises(ValueError) as refused:
        build_task("holography", "camera", "stretch", {})
    assert str(refused.value) == f"There is no task 'holography'; there are {', '.join(TASKS)}."


def test_univariate_needs_samples():
    with pytest.raises(ValueError, match="samples >= 1; got 0"):
        build_task("univariate", "sines", "stretch", {"samples": 0})


@pytest.mark.parametrize("height", [7, 8, 261, 262, 263, 519])
def test_ssim_in_strips_is_that_of_the_whole_image(height):
    """A mean of means, weighted by their windows: a few roundings."""
    from skimage.metrics import structural_similarity

    generator = np.random.default_rng(seeded(height))
    target = generator.random((height, 9, 2))
    image = target + np.linspace(0, 1, height)[:, None, None] * generator.random(target.shape)
    expected = structural_similarity(target, image, data_range=1, channel_axis=2)
    assert ssim(target, image) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("name", ["signal", "superres", "ct", "denoise", "inpaint"])
def test_what_is_held_out_is_not_trained_on(name, picture):
    """Kept and held-out measurements are a partition, both made by the task's own operator from its own truth."""
    noiseless = {"data_seed": 3, "noise": 0.0} if name == "denoise" else {"data_seed": 3}
    whole = build_task(name, picture, "stretch", noiseless)
    task = build_task(name, picture, "stretch", {**noiseless, "held_out": 0.25})
    operator, measurements = task.held_out
    count = len(whole.measurements)
    assert (len(task.measurements), len(measurements)) == (count - round(count / 4), round(count / 4))
    torch.testing.assert_close(operator(task.truth), measurements, rtol=1e-13, atol=1e-13)
    assert task.held_out_loss(task.truth) < 1e-26 and task.held_out_loss(task.truth + 0.1) > 1e-4
    parts = torch.cat([task.measurements, measurements]).flatten().sort().values
    assert torch.equal(parts, whole.measurements.flatten().sort().values)
    if task.operator is None:
        assert torch.equal(task.grid[task.seen], task.coordinates) and torch.equal(task.truth[task.seen], task.measurements)
        assert not set(task.seen.tolist()) & set(operator.places.tolist())
        assert "psnr_unseen" in task.metrics(task.truth)
    else:
        torch.testing.assert_close(task.operator(task.truth), task.measurements, rtol=1e-13, atol=1e-13)
        assert task.coordinates is task.grid and "psnr_unseen" not in task.metrics(task.truth)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 1e-9, 1.0 - 1e-9, float("nan")])
def test_fractions_that_hold_out_nothing_or_all(fraction, picture):
    with pytest.raises(ValueError, match=r"takes some of the \d+ measurements and leaves some"):
        build_task("superres", picture, "stretch", {"held_out": fraction})


def test_unseen_pixels_have_a_psnr_of_their_own(picture):
    """An image that is right where it was seen and 0.1 off elsewhere: 20 dB unseen, by definition."""
    task = build_task("inpaint", picture, "stretch", {"missing": 0.5})
    values = (task.truth + 0.1).index_copy(0, task.seen, task.truth[task.seen])
    assert task.metrics(values)["psnr_unseen"] == pytest.approx(20, abs=1e-9)
    assert task.metrics(values)["psnr"] == pytest.approx(20 + 10 * math.log10(2), abs=0.1)


def test_noise_has_the_level_that_it_says(picture):
    """Mean square of n Gaussian numbers: σ²(1 ± 5√(2/n))."""
    for name, options in (("ct", {"noise": 0.1}), ("superres", {"noise": 0.1, "antialiased": True}), ("denoise", {})):
        clean = build_task(name, picture, "stretch", {**options, "noise": 0.0}).measurements
        task = build_task(name, picture, "stretch", options)
        noise = task.measurements - clean
        assert task.noise_std == pytest.approx(0.1 * float(clean.abs().max()), rel=1e-12)
        assert abs(float(noise.square().mean()) / task.noise_std**2 - 1) < 5 * math.sqrt(2 / noise.numel())


def test_band_errors_are_those_of_plane_waves():
    """A wave of r cycles along the longer side lies in octave floor(log2 r), in any direction; the image is not square."""
    height, width = 24, 32
    y, x = np.mgrid[0:height, 0:width]
    waves = {(0, 1): 0, (0, 2): 1, (0, 3): 1, (3, 0): 2, (3, 4): 2, (0, 8): 3, (12, 0): 4}  # cycles along each side; octave

    def wave(cycles: tuple[int, int]) -> np.ndarray:
        return np.cos(2 * np.pi * (cycles[0] * y / height + cycles[1] * x / width))[..., None]

    target = 0.5 + sum(wave(cycles) for cycles in waves)
    for cycles, octave in waves.items():
        power = sum(np.square(wave(other)).mean() for other, k in waves.items() if k == octave)
        expected = np.zeros(5)
        expected[octave] = 0.1 * np.sqrt(np.square(wave(cycles)).mean() / power)
        np.testing.assert_allclose(
            band_errors(target + 0.1 * wave(cycles) + 7, target), expected, atol=1e-12
        )  # the mean is in none
    assert band_errors(wave((0, 1)), wave((0, 1)))[1:] == [None] * 4


def test_details_are_logged_as_they_are(picture):
    task = build_task("signal", picture, "stretch", {})
    found = task.details(task.truth)
    assert found["ssim"] == 1 and found["max_error"] == 0 and {e for e in found["band_errors"] if e is not None} == {0.0}


@pytest.mark.parametrize("side", [16, 128])
def test_octaves_have_one_wave_of_the_same_power_each(side):
    """By the discrete Fourier transform: one pair of frequencies in each octave below the last, and nothing else."""
    pixels = octaves(side)
    assert pixels.shape == (side, side, 1) and pixels.min() >= 0 and pixels.max() <= 1
    spectrum = np.abs(np.fft.fft2(pixels[..., 0])) / side**2
    spectrum[0, 0] -= 0.5
    y, x = np.nonzero(spectrum > 1e-10)
    cycles = np.sort(np.hypot(*(np.where(f > side // 2, side - f, f) for f in (y, x))))[::2]
    count = int(math.log2(side)) - 1
    assert np.floor(np.log2(cycles)).tolist() == list(range(count)) and len(y) == 2 * count
    np.testing.assert_allclose(spectrum[y, x], 0.25 / count, rtol=1e-9)
