"""One's own sinograms and masked images: from files to a reconstruction, with and without a truth, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from seeds import seeded
from skimage.transform import radon, resize

import bwtheory as bw
from bwtheory import cli
from bwtheory.tasks import build_task
from bwtheory.tasks.measured import UnknownImageTask, joint_hash, read_numbers
from bwtheory.tasks.task import psnr
from bwtheory.training.run import RunDirectory

SIDE, ANGLES = 24, 30
SMALL = ["--epochs", "120", "--hidden-features", "40", "--hidden-layers", "2", "--log-every", "1", "--device", "cpu"]


def phantom(side: int = SIDE) -> np.ndarray:
    """Discs in the inscribed circle, with a maximum of 0.9."""
    y, x = np.mgrid[:side, :side] - side // 2
    return 0.5 * (x**2 + y**2 < (0.4 * side) ** 2) + 0.4 * ((x - 2) ** 2 + (y + 3) ** 2 < (0.15 * side) ** 2)


def degrees() -> np.ndarray:
    return 7 + np.linspace(0, 180, ANGLES, endpoint=False)


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    """A sinogram in units of 0.02 per pixel, its angles, what it is of; an image, a mask of it, and the image as damaged."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.chdir(folder)
    sinogram = radon(phantom(), degrees(), circle=True).T
    np.save("scan.npy", 0.02 * sinogram)
    np.savetxt("angles.txt", degrees())
    np.save("truth.npy", 0.02 * phantom())
    levels = np.uint8(255 * resize(phantom(), (12, 17)))
    seen = np.random.default_rng(seeded()).random((12, 17)) < 0.6
    Image.fromarray(levels).save("whole.png")
    Image.fromarray(np.where(seen, levels, 77).astype(np.uint8)).save("damaged.png")
    Image.fromarray(seen).save("mask.png")
    return folder


def train(*arguments: str, out: str = "../runs") -> RunDirectory:
    assert cli.main(["train", *arguments, *SMALL, "--out", out]) == 0
    (folder,) = Path(out).iterdir()
    return RunDirectory(folder.resolve())


SCAN = ["ct", "--sinogram", "scan.npy", "--angles", "angles.txt"]
DAMAGED = ["inpaint", "--image", "damaged.png", "--mask", "mask.png"]


@pytest.mark.parametrize("arguments, name", [(SCAN, "scan-ct"), (DAMAGED, "damaged-inpaint")])
def test_without_a_truth(files, capsys, arguments, name):
    """The residual is all that is reported, and it falls; what is trained on is found again from another folder."""
    run = train(*arguments)
    summary, rows, config = run.read_summary(), run.read_metrics(), run.read_config()
    assert run.path.name == f"{name}-bw-relu-seed40"
    assert summary["residual"] == rows[-1]["residual"] < rows[0]["residual"] / 2 and summary["oracle"] is None
    assert not {"psnr", "psnr_paper", "ssim", "max_error"} & (summary.keys() | rows[0].keys())
    assert f"residual {summary['residual']:.4g} after 120 epochs on {name.partition('-')[0]}" in capsys.readouterr().out
    assert all(Path(value).is_absolute() for value in (config.source, *config.task_options.values()) if isinstance(value, str))
    task = build_task(config.task, config.source, config.coords, config.task_options)
    values = torch.from_numpy(bw.load(run.path)(task.grid.numpy()))
    assert task.score(values) == summary["residual"]
    assert summary["loss"] == pytest.approx(summary["residual"] ** 2 * float(task.measurements.square().mean()), rel=1e-4)
    image = np.load(run.path / "reconstruction.npy")
    assert (
        np.allclose(image.reshape(-1), summary["scale"] * values.numpy()[:, 0], rtol=1e-6, atol=0) and image.shape == task.shape
    )


@pytest.mark.parametrize("arguments", [SCAN, DAMAGED])
def test_resuming_elsewhere(files, tmp_path, monkeypatch, capsys, arguments):
    run = train(*arguments)
    weights = run.weights_file.read_bytes()
    for path in run.path.iterdir():
        if path != run.config_file:
            path.unlink()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", arguments[0], "--resume", str(run.path)]) == 0
    assert run.weights_file.read_bytes() == weights


@pytest.mark.parametrize("changed", ["scan.npy", "angles.txt", "truth.npy"])
def test_a_run_does_not_go_on_with_another_file(files, capsys, changed):
    run = train(*SCAN, "--truth", "truth.npy")
    run.summary_file.unlink()
    if changed.endswith(".npy"):
        np.save(changed, 2 * np.load(changed))
    else:
        np.savetxt(changed, degrees() + 1)
    assert cli.main(["train", "ct", "--resume", str(run.path)]) == 2
    assert "was started on other data" in capsys.readouterr().err


def test_a_sinogram_with_its_truth(files):
    """PSNR in the truth's range, from the reconstruction in the sinogram's own units."""
    run = train(*SCAN, "--truth", "truth.npy")
    summary, truth = run.read_summary(), np.load("truth.npy")
    found = torch.from_numpy(np.load(run.path / "reconstruction.npy") / truth.max())
    assert summary["psnr"] == pytest.approx(psnr(found, torch.from_numpy(truth / truth.max())), abs=1e-4)
    assert summary["psnr"] > 10 and summary["oracle"]["psnr"] >= summary["psnr"] and summary["ssim"] > 0
    assert summary["residual"] < 0.5 and json.loads(run.metrics_file.read_text().splitlines()[0])["psnr"]


def test_an_image_as_truth_is_in_0_to_1(files):
    Image.fromarray(np.uint8(np.round(255 * phantom()))).save("truth.png")
    np.save("unit.npy", 50 * np.load("scan.npy"))
    task = build_task("ct", "unit.npy", "stretch", {"sinogram": True, "angles": "angles.txt", "truth": "truth.png"})
    white = torch.full_like(task.truth, 1 / task.scale)  # 1 in the sinogram's units
    assert task.score(white) == pytest.approx(psnr(torch.ones(SIDE, SIDE), torch.from_numpy(phantom())), abs=0.05)
    assert task.score(task.truth) == math.inf
    assert task.residual(task.truth) < 0.01  # levels of 8 bits


def test_a_masked_image_with_its_truth(files):
    run = train(*DAMAGED, "--truth", "whole.png")
    summary = run.read_summary()
    with Image.open("whole.png") as image:
        truth = np.asarray(image) / 255
    found = np.load(run.path / "reconstruction.npy")
    assert summary["psnr"] == pytest.approx(psnr(torch.from_numpy(found), torch.from_numpy(truth)), abs=1e-4)
    assert summary["scale"] == 1 and summary["oracle"]["psnr"] >= summary["psnr"]


def scan(**options):
    return build_task("ct", options.pop("source", "scan.npy"), "stretch", {"sinogram": True, "angles": "angles.txt", **options})


def test_the_task_of_a_sinogram(files):
    """Measurements by angle and bin, divided by a scale near the image's maximum: the phantom times it is a solution."""
    task = scan()
    assert isinstance(task, UnknownImageTask) and task.shape == (SIDE, SIDE) and task.truth.shape == (0, 1)
    assert torch.allclose(
        task.scale * task.measurements, torch.from_numpy(np.load("scan.npy").reshape(-1, 1)), rtol=1e-15, atol=0
    )
    assert 0.7 < task.scale / (0.02 * 0.9) < 1.3
    solution = torch.from_numpy(0.02 * phantom() / task.scale).reshape(-1, 1)
    assert task.residual(solution) < 1e-12
    assert task.sha256 == joint_hash("scan.npy", "angles.txt") and task.source == "scan"


def test_sinograms_from_other_files(files):
    """The same numbers, whatever they are written in; levels of an image are taken as they are."""
    numbers, same = np.load("scan.npy"), scan().measurements
    np.savetxt("scan.txt", numbers)
    np.savetxt("scan.csv", numbers, delimiter=",", header="a comment")
    np.savetxt("scan.dat", numbers, delimiter=";", encoding="utf-8-sig")
    Image.fromarray(numbers.astype(np.float32)).save("scan.tif")
    for name in ("scan.txt", "scan.csv", "scan.dat"):
        assert torch.equal(scan(source=name).measurements, same)
    assert torch.allclose(scan(source="scan.tif").measurements, same, rtol=1e-5, atol=0)
    Image.fromarray(np.round(50000 * numbers).astype(np.uint16)).save("scan.png")
    assert 35000 < scan(source="scan.png").scale / scan().scale < 65000
    np.save("colour.npy", np.stack([numbers, 2 * numbers, 0 * numbers], axis=2))
    colour = scan(source="colour.npy")
    assert colour.channels == 3 and colour.scale == pytest.approx(2 * scan().scale)
    np.save("integers.npy", np.ones((ANGLES, 5), dtype=np.int64))
    assert scan(source="integers.npy").shape == (5, 5)


def test_angles(files):
    """A number is that many in [0°, 180°); a file is one of degrees, for simulated projections as well."""
    assert scan(angles=ANGLES).operator.angles == tuple(np.linspace(0, 180, ANGLES, endpoint=False))
    np.savetxt("row.csv", degrees()[None], delimiter=",")
    np.save("angles.npy", degrees())
    for name in ("row.csv", "angles.npy", "angles.txt"):
        assert scan(angles=name).operator.angles == pytest.approx(degrees(), rel=1e-15)
    simulated = build_task("ct", "whole.png", "stretch", {"angles": "angles.txt"})
    assert simulated.operator.angles == pytest.approx(degrees(), rel=1e-15) and simulated.operator.frame == "full"
    assert simulated.sha256 == joint_hash("whole.png", "angles.txt")
    run = train("ct", "--image", "whole.png", "--angles", "5")
    assert run.read_config().task_options == {"angles": 5}


def masked(image: str = "damaged.png", mask: str = "mask.png", **options):
    return build_task("inpaint", image, "stretch", {"mask": mask, **options})


def test_what_is_under_the_mask_is_never_used(files):
    with Image.open("mask.png") as image:
        seen = np.asarray(image)
    damaged, whole = masked(), masked("whole.png")
    assert torch.equal(damaged.measurements, whole.measurements) and damaged.truth.shape == (0, 1)
    assert np.array_equal(damaged.seen.numpy(), np.flatnonzero(seen)) and torch.equal(damaged.coordinates, whole.coordinates)
    assert torch.equal(damaged.coordinates, damaged.grid[damaged.seen])
    with Image.open("whole.png") as image:
        values = np.asarray(image) / 255
    for hole in (math.nan, -1e9):  # neither refused, nor the black that the others would be stretched from
        Image.fromarray(np.where(seen, values, hole).astype(np.float32)).save("hole.tif")
        assert np.allclose(masked("hole.tif").measurements[:, 0], values[seen], rtol=1e-6, atol=0)


def test_a_mask_is_seen_where_it_is_not_0(files):
    with Image.open("mask.png") as image:
        seen = np.asarray(image)
    Image.fromarray(seen.astype(np.uint8)).save("ones.png")
    Image.fromarray(np.stack([0 * seen, 0 * seen, 9 * seen], axis=2).astype(np.uint8)).save("blue.png")
    for name in ("ones.png", "blue.png"):
        assert torch.equal(masked(mask=name).seen, masked().seen)
    camera = np.zeros((512, 512), dtype=bool)
    camera[3, 5] = True
    Image.fromarray(camera).save("one.png")
    task = masked("camera", "one.png", truth="camera")
    assert len(task.measurements) == 1 and task.measurements[0] == task.truth[3 * 512 + 5]


def test_a_black_image_has_a_residual(files):
    Image.new("L", (17, 12)).save("black.png")
    task = masked("black.png")
    assert task.residual(torch.zeros(204, 1)) == 0 and task.residual(torch.ones(204, 1)) == math.sqrt(len(task.seen))


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["ct", "--sinogram", "nowhere.npy"], "There is no file 'nowhere.npy' of a sinogram (angles × bins)."),
        (["ct", "--sinogram", "scan.npy"], "scan.npy is 30 × 24, for 100 angles."),
        (["ct", "--sinogram", "scan.npy", "--angles", "24"], "scan.npy is 30 × 24, for 24 angles; transpose it."),
        (["ct", "--sinogram", "scan.npy", "--angles", "0"], "angles >= 1; got 0"),
        (["ct", "--sinogram", "scan.npy", "--angles", "nowhere.txt"], "no file 'nowhere.txt' of angles in degrees"),
        (["ct", "--sinogram", "scan.npy", "--angles", "scan.npy"], "one number for each projection; "),
        (["ct", "--sinogram", "scan.npy", "--angles", "radians.txt"], "spans 3.037, which looks like radians"),
        (["ct", "--sinogram", "scan.npy", "--angles", "words.txt"], "words.txt cannot be read as angles in degrees"),
        (["ct", "--sinogram", "words.txt"], "words.txt cannot be read as a sinogram"),
        (
            ["ct", "--sinogram", "empty.csv"],
            "empty.csv should hold a sinogram (angles × bins), finite real numbers; it has 0 of",
        ),
        (["ct", "--sinogram", "nan.npy"], "finite real numbers; it has 30×24 of float64"),
        (["ct", "--sinogram", "complex.npy"], "finite real numbers; it has 30×24 of complex128"),
        (["ct", "--sinogram", "objects.npy"], "objects.npy cannot be read as a sinogram"),
        (["ct", "--sinogram", "cut.npy"], "cut.npy cannot be read as a sinogram"),
        (["ct", "--sinogram", "text.png"], "text.png cannot be read as a sinogram"),
        (["ct", "--sinogram", "line.npy", "--angles", "30"], "line.npy is 30, for 30 angles"),
        (["ct", "--sinogram", "zero.npy", "--angles", "30"], "zero.npy is zero everywhere"),
        ([*SCAN, "--truth", "whole.png"], "truth whole.png is 12×17×1, and what is reconstructed 24×24×1"),
        ([*SCAN, "--truth", "nowhere.png"], "no image file 'nowhere.png'"),
        (
            [*SCAN, "--noise", "0.1"],
            "The task 'ct' with --sinogram has no option 'noise' (did you mean noise_std?); it has: sinogram, angles, ",
        ),
        ([*SCAN, "--mask", "mask.png"], "The task 'ct' with --sinogram has no option 'mask'"),
        ([*SCAN, "--faithful"], "The task 'ct' with --sinogram has no option 'published_geometry'"),
        (
            [*SCAN, "--image", "whole.png"],
            "The task 'ct' needs --image FILE, or a built-in name such as camera, or --sinogram FILE",
        ),
        (["signal", "--sinogram", "scan.npy"], "The task 'signal' needs --image "),
        (["ct", "--image", "whole.png", "--truth", "whole.png"], "The task 'ct' has no option 'truth'"),
        (["ct", "--image", "whole.png", "--angles", "1.5"], "There is no file '1.5' of angles in degrees (a number of"),
        (["inpaint", "--image", "whole.png", "--mask", "nowhere.png"], "There is no mask file 'nowhere.png'."),
        (["inpaint", "--image", "nowhere.png", "--mask", "mask.png"], "no image file 'nowhere.png'"),
        (["inpaint", "--image", "whole.png", "--mask", "black.png"], "Nothing is seen: the mask black.png is black everywhere"),
        (["inpaint", "--image", "whole.png", "--mask", "text.png"], "text.png is not an image that can be read"),
        (["inpaint", "--image", "whole.png", "--mask", "turned.png"], "Nothing is hidden: the mask turned.png is 9 everywhere"),
        (["inpaint", "--image", "camera", "--mask", "mask.png"], "camera has 512×512 pixels and its mask 12×17"),
        ([*DAMAGED, "--truth", "turned.png"], "truth turned.png is 17×12×1, and what is reconstructed 12×17×1"),
        (
            [*DAMAGED, "--missing", "0.5"],
            "The task 'inpaint' with --mask has no option 'missing'; it has: mask, truth, noise_std, held_out, data_seed, "
            "value_range.",
        ),
        ([*DAMAGED, "--shrink", "2"], "The task 'inpaint' with --mask has no option 'shrink'"),
    ],
)
def test_bad_input_is_one_sentence(files, tmp_path, capsys, arguments, sentence):
    sinogram = np.load("scan.npy")
    np.savetxt("radians.txt", np.deg2rad(degrees()))
    Path("words.txt").write_text("angle\none\ntwo\n")
    Path("empty.csv").write_text("# nothing\n\n")
    np.save("nan.npy", np.where(sinogram > 0.1, np.nan, sinogram))
    np.save("complex.npy", sinogram + 0j)
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    Path("cut.npy").write_bytes(Path("scan.npy").read_bytes()[:300])
    Path("text.png").write_text("no image")
    np.save("line.npy", sinogram[:, 0])
    np.save("zero.npy", 0 * sinogram)
    Image.new("L", (17, 12)).save("black.png")
    Image.new("L", (12, 17), 9).save("turned.png")
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["train", *arguments, "--epochs", "1", "--hidden-features", "4"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("bwtheory: ") and captured.err.count("\n") == 1
    assert sentence in captured.err.replace(f"{Path.cwd()}/", "")
    assert sorted(tmp_path.rglob("*")) == before


def test_numbers_of_a_bool_image(files):
    with Image.open("mask.png") as image:
        assert np.array_equal(read_numbers("mask.png", "a mask"), np.asarray(image))


def test_the_hash_depends_on_every_file_and_their_order(files):
    hashes = [
        joint_hash("scan.npy"),
        joint_hash("scan.npy", "mask.png"),
        joint_hash("mask.png", "scan.npy"),
        joint_hash("camera"),
    ]
    assert len(set(hashes)) == 4


def test_stopping_without_a_truth(files):
    """What is held out chooses the iterate; the noise is given in the units of the measurements."""
    run = train(*SCAN, "--held-out", "0.2", "--noise-std", "0.05", "--stop-rule", "held-out", "--log-details")
    summary, rows, config = run.read_summary(), run.read_metrics(), run.read_config()
    least = min(rows, key=lambda row: row["held_out_loss"])
    assert summary["kept_epoch"] == least["epoch"] == summary["stopping"]["held_out"]["epoch"]
    assert summary["residual"] == pytest.approx(least["residual"], rel=1e-4)
    task = build_task(config.task, config.source, config.coords, config.task_options)
    assert task.noise_std == 0.05 / task.scale and len(task.measurements) == round(0.8 * ANGLES * SIDE)
    enough = next((row for row in rows if row["loss"] <= task.noise_std**2), None)
    assert summary["stopping"]["discrepancy"] == (enough and {"epoch": enough["epoch"], "residual": enough["residual"]})


@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_a_noise_that_makes_no_sense(files, capsys, value):
    assert cli.main(["train", *DAMAGED, "--noise-std", value, "--out", "../runs"]) == 2
    sentence = "finite standard deviation >= 0" if value == "-1" else "--noise-std takes a finite number"
    assert sentence in capsys.readouterr().err and not Path("../runs").exists()
