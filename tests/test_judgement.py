"""How good a run is: the numbers are those of the definition, and the words follow them."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bwtheory.tasks import build_task
from bwtheory.training import judgement
from bwtheory.training.config import TrainingConfig
from bwtheory.training.error_map import absolute_error, coloured, common_scale, save_error_map

CONFIG = TrainingConfig(source="camera", epochs=100, lr=1e-3)


def test_the_worst_block_is_the_worst_of_all():
    """Sides that are no multiples of 8 have smaller blocks at their ends, which count by their mean."""
    generator = np.random.default_rng(3)
    truth = generator.random((21, 34, 3))
    image = truth + 0.1 * generator.standard_normal(truth.shape)
    image[19:, 32:] += 0.4  # a block of 5×2
    errors = {
        (top, left): ((image - truth)[top : top + 8, left : left + 8] ** 2).mean()
        for top in range(0, 21, 8)
        for left in range(0, 34, 8)
    }
    (top, left), error = max(errors.items(), key=lambda item: item[1])
    found = judgement.worst_block(image, truth)
    assert (found.top, found.left, found.bottom, found.right) == (top, left, 20, 33) == (16, 32, 20, 33)
    assert found.psnr == pytest.approx(-10 * math.log10(error), rel=1e-12)
    assert judgement.worst_block(truth, truth).psnr == math.inf


def test_levels_of_eight_bits():
    truth = np.array([[0.0, 10 / 255, 200 / 255, 1.0]])[..., None]
    below, above = 0.49 / 255, 0.51 / 255
    assert judgement.eight_bit_levels(truth + below, truth) == judgement.Levels(0.0, 0)
    assert judgement.eight_bit_levels(truth + above, truth) == judgement.Levels(0.75, 1)  # above white it is clipped
    assert judgement.eight_bit_levels(truth - 7 / 255, truth) == judgement.Levels(0.75, 7)


@pytest.mark.parametrize("channels", [1, 3])
def test_bits_of_a_png_are_those_of_one(channels):
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, channels)) / 255
    content = io.BytesIO()
    Image.fromarray(np.rint(255 * pixels).astype(np.uint8).squeeze()).save(content, "PNG")
    found = judgement.bits_per_pixel_as_png(pixels)
    assert found == 8 * len(content.getvalue()) / 600
    assert 8 * channels < found < 12 * channels  # noise cannot be compressed
    assert math.isnan(judgement.bits_per_pixel_as_png(np.zeros((4, 4, 2))))


def rows_with(loss, epochs: int = 100) -> list[dict]:
    return [{"epoch": epoch, "loss": loss(epoch)} for epoch in range(0, epochs + 1, 2)]


def test_progress_of_a_loss_that_falls_evenly():
    """10^(−t/50) loses 2 dB in a tenth of 100 epochs, however many rows there are; five rows lie 8 epochs apart: 1.6 dB."""
    found = judgement.progress(rows_with(lambda t: 10 ** (-t / 50)))
    assert found is not None and found.gain == pytest.approx(2.0) and found.spread == pytest.approx(1.6)
    assert not found.settled and not found.unsteady
    few = judgement.progress([{"epoch": epoch, "loss": 10 ** (-epoch / 50)} for epoch in range(0, 101, 20)])
    assert few is not None and few.gain == pytest.approx(2.0)
    flat = judgement.progress(rows_with(lambda t: 1e-3))
    assert flat is not None and flat.gain == 0 and flat.settled and not flat.unsteady
    restless = judgement.progress(rows_with(lambda t: 1e-3 * (10 if t % 4 else 1)))
    assert restless is not None and restless.unsteady


def test_no_progress_is_told_from_too_few_rows():
    assert judgement.progress([{"epoch": epoch, "loss": 1.0} for epoch in (0, 40, 70, 100)]) is None
    assert judgement.progress(rows_with(lambda t: 0.0)) is None
    assert judgement.progress(rows_with(lambda t: "much")) is None
    assert judgement.progress([]) is None
    assert judgement.progress([{"epoch": 5, "loss": 1.0}] * 9) is None


def test_quality_of_a_network_that_is_off_in_one_corner():
    task = build_task("signal", "camera", "stretch", {"shrink": 16})
    values = task.truth.numpy().copy().reshape(32, 32, 1)
    values[8:16, 24:32] += 0.1
    found = judgement.quality(CONFIG, task, values.reshape(-1, 1), 2048)
    assert found["worst_block"]["rows"] == [8, 15] and found["worst_block"]["columns"] == [24, 31]
    assert found["worst_block"]["psnr"] == pytest.approx(20.0)
    assert found["bits_per_pixel"] == 32 * 2048 / 1024
    assert 0 < found["wrong_levels"] <= 64 / 1024 and found["largest_level_error"] in (25, 26)
    exact = judgement.quality(CONFIG, task, task.truth.numpy(), 2048)
    assert exact["worst_block"]["psnr"] is None and exact["wrong_levels"] == 0
    said = judgement.sentences(CONFIG, exact, [])
    assert said[0].startswith("Worst 8×8 block: exact") and "level by level" in said[1]


def test_without_a_truth_there_is_no_quality():
    task = build_task("univariate", "sines", "stretch", {})
    assert judgement.quality(CONFIG, task, torch.zeros(1001, 1).numpy(), 10) == {}


def test_units_of_measurements_do_not_change_the_quality(tmp_path):
    """A truth in numbers up to 400: its worst block is judged in its range, as its PSNR is."""
    truth = np.random.default_rng(0).random((16, 16)) * 400
    np.save(tmp_path / "truth.npy", truth)
    np.save(tmp_path / "image.npy", truth / 400)
    task = build_task("denoise", str(tmp_path / "image.npy"), "stretch", {"noisy": True, "truth": str(tmp_path / "truth.npy")})
    image, wanted = judgement.in_unit_range(task, task.truth.numpy())
    assert wanted.max() == pytest.approx(truth.max() / np.abs(truth).max()) and np.array_equal(image, wanted)


@pytest.mark.parametrize(
    "loss, summary, expected",
    [
        (lambda t: 10 ** (-t / 50), {"psnr": 25.0}, ["more epochs: bwtheory train --resume 'a folder' --epochs 200"]),
        (lambda t: 1e-2, {"psnr": 25.0}, ["a wider network, such as --hidden-features 600"]),
        (lambda t: 1e-3, {"psnr": 35.0}, ["a close fit by Gauss–Newton steps"]),
        (lambda t: 1e-3, {"psnr": 20.0, "oracle": {"epoch": 30, "psnr": 24.0}}, ["stopping earlier: epoch 30 was 4.0 dB"]),
        (lambda t: 1e-3 * (10 if t % 4 else 1), {"psnr": 28.0}, ["a smaller learning rate, such as --lr 0.0003"]),
        (lambda t: 1e-3, {"oracle": "none", "psnr": None}, []),
    ],
)
def test_advice_follows_the_numbers(loss, summary, expected):
    found = judgement.advice(CONFIG, {"largest_level_error": 3, **summary}, rows_with(loss), Path("a folder"))
    assert [sentence.startswith(start) for sentence, start in zip(found, expected)] == [True] * len(expected), found
    assert bool(found) == bool(expected)


@pytest.mark.parametrize(
    "bands, said",
    [
        ([0.01, 0.1, 0.6, 0.9], "detail: frequencies from 4 cycles an image on are not learned, and a larger {} reaches them"),
        (
            [0.01, 0.6, None, 2.0],
            "less noise: from 2 cycles an image on the network adds more than the image has, and a smaller {} adds less",
        ),
        ([0.6, 0.9, 1.0], None),  # nothing is learned yet: no frequency is to blame
        ([0.01, 0.1, 0.2], None),
        ("bands", None),
    ],
)
def test_octaves_that_are_not_learned_or_added_are_named_with_the_flag_for_them(bands, said):
    for activation, init, flag in (
        ("bw-relu", "pytorch", "--c"),
        ("siren", "pytorch", "--omega-0"),
        ("bw-relu", "scales", "--gain"),
    ):
        config = TrainingConfig(source="camera", activation=activation, init=init)
        found = judgement.advice(config, {"band_errors": bands, "psnr": 22.0}, [], Path("r"))
        assert len(found) == (said is not None) and all(each.startswith(said.format(flag)) for each in found)


def test_the_last_lines_say_how_good_it_is_and_what_to_try():
    task = build_task("signal", "camera", "stretch", {"shrink": 16})
    values = task.truth.numpy() + 0.05
    summary = {"psnr": 26.02, "off_grid_psnr": 20.0} | judgement.quality(CONFIG, task, values, 1024)
    lines = judgement.last_lines(CONFIG, summary, rows_with(lambda t: 10 ** (-t / 50)), Path("run"))
    assert lines[0].startswith("Worst 8×8 block: 26.0 dB (rows ")
    assert lines[1].endswith("% of the levels differ, by 13 of 255 at most.")
    assert lines[2].startswith("The weights take 32 bits a pixel; a PNG of the image, which is exact, has ")
    assert lines[3:] == [
        "On the pixels 26.02 dB, between them 20.00 dB.",
        "It still gets better: the loss fell by 2 dB in the last tenth of the epochs.",
        "To try: more epochs: bwtheory train --resume run --epochs 200.",
    ]


def test_seeds():
    assert judgement.of_seeds("psnr", "dB", [28.0, 29.0, 30.0]) == "psnr 29.0 ± 1.0 dB (mean ± standard deviation of 3 seeds)"
    assert judgement.of_seeds("psnr", "dB", [28.0, math.inf, 30.0]) == (
        "psnr 29.0 ± 1.4 dB (mean ± standard deviation of 2 seeds; 1 of 3 exact)"
    )
    assert judgement.of_seeds("psnr", "dB", [math.inf, math.inf]) == "psnr exact with all 2 seeds"
    assert judgement.mean_and_deviation([0.012345, 0.012385]) == "0.012365 ± 0.000028"
    assert judgement.mean_and_deviation([5.0, 5.0]) == "5.00 ± 0.00"
    assert judgement.mean_and_deviation([1200.0, 1800.0]) == "1500 ± 424"


@pytest.mark.parametrize(
    "fraction, text", [(0, "0 %"), (1, "100 %"), (0.9999999, "99.9 %"), (1e-6, "0.0001 %"), (0.25, "25.0 %")]
)
def test_percentages_say_neither_all_nor_nothing_by_rounding(fraction, text):
    assert judgement.percentage(fraction) == text


def test_error_maps_share_one_scale_and_hide_no_error():
    small, large = np.full((4, 4), 1e-6), np.full((4, 4), 1e-2)
    large[1, 2] = 0.5
    low, high = common_scale([small, large])
    assert high == 0.5 and low == pytest.approx(1e-7)
    assert common_scale([large]) == (0.5e-4, 0.5)
    assert common_scale([np.zeros((2, 2))]) == common_scale([]) == (1e-4, 1.0)
    picture = coloured(large, low, high).astype(int).sum(axis=2)
    assert np.unravel_index(picture.argmax(), picture.shape) == (1, 2)
    bright = [coloured(np.array([[e]]), 1e-4, 1.0).astype(int).sum() for e in (0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)]
    assert bright[0] == bright[1] and bright[1:] == sorted(bright[1:])
    image, truth = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    image[0, 1] = (0.1, -0.3, 0.2)
    assert absolute_error(image, truth).tolist() == [[0, 0.3], [0, 0]]


def test_by_strips_the_numbers_are_those_of_the_whole(monkeypatch):
    """Images larger than a strip: the errors, the largest of blocks, the worst block and the levels are the same."""
    generator = np.random.default_rng(5)
    truth = generator.random((37, 29, 3))
    image = (truth + 0.03 * generator.standard_normal(truth.shape)).astype(np.float32)
    image[25, 11] += 0.5
    found = []
    for strip in (2**16, 29 * 9, 1):  # in one piece, in a few, and as little as possible
        monkeypatch.setattr("bwtheory.training.error_map.STRIP", strip)
        maps = [absolute_error(image, truth, factor) for factor in (1, 4)]
        numbers = judgement.worst_block(image, truth), judgement.eight_bit_levels(image, truth)
        found.append((maps, numbers, judgement.bits_per_pixel_as_png(truth)))
    for maps, numbers, bits in found:
        assert all(np.array_equal(a, b) for a, b in zip(maps, found[0][0])) and (numbers, bits) == found[0][1:]
    whole = np.abs(image.astype(float) - truth).max(axis=2)
    assert np.array_equal(found[0][0][0], whole)
    blocks = [[whole[i : i + 4, j : j + 4].max() for j in range(0, 29, 4)] for i in range(0, 37, 4)]
    assert np.array_equal(found[0][0][1], blocks)
    assert (found[0][1][0].top, found[0][1][0].left) == (24, 8)


@pytest.mark.parametrize("shape", [(12, 9), (1, 300), (300, 1), (1, 1), (2050, 7)])
def test_an_error_map_is_written_with_its_scale(tmp_path, shape):
    """The pixels are those of the colours; a large image is made smaller by the largest error of each block."""
    generator = np.random.default_rng(0)
    truth = generator.random((*shape, 1))
    image = truth + 10 ** generator.uniform(-3, -1, (*shape, 1))
    save_error_map(tmp_path / "error.png", image, truth)
    factor, enlarge = -(-max(shape) // 1024), max(1, 256 // max(shape))
    assert factor == (3 if max(shape) > 2048 else 1)
    shown = absolute_error(image, truth, factor)
    expected = coloured(shown, *common_scale([shown]))
    with Image.open(tmp_path / "error.png") as drawn:
        pixels = np.asarray(drawn)
    height, width = (enlarge * side for side in expected.shape[:2])
    assert np.array_equal(pixels[:height:enlarge, :width:enlarge], expected)
    assert pixels.shape[0] >= 256 and pixels.shape[1] == width + 72
    save_error_map(tmp_path / "exact.png", truth, truth)  # has no error to put on a scale
