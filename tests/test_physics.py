"""Operators of one's own: the adapter against the operator itself, what it refuses, and training with it."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from duck_physics import Mixing, image
from PIL import Image
from seeds import normal, seeded
from torch import Tensor

from bwtheory import cli
from bwtheory.tasks import build_task
from bwtheory.tasks.operators import TOLERANCE
from bwtheory.tasks.physics import PhysicsOperator
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import with_preset
from bwtheory.training.rendering import render_image
from bwtheory.training.run import RunDirectory
from bwtheory.training.session import train_together

U = 2.0**-24


@pytest.mark.parametrize("channels, images", [(1, 1), (1, 3), (3, 1), (3, 2)])
def test_images_go_through_one_by_one(channels, images):
    """Columns C·i to C·i + C − 1 are image i, in what goes in and in what comes out."""
    physics = Mixing(channels)
    operator = PhysicsOperator(physics, (4, 6), channels)
    x, y = normal(24, images * channels), normal(12, images * channels, seed=1)
    forward, back = operator(x), operator.adjoint(y)
    assert operator.measurements == 12 and forward.dtype == torch.float64
    assert forward.shape == (12, images * channels) and back.shape == (24, images * channels)
    for i in range(images):
        own = slice(channels * i, channels * (i + 1))
        expected = physics.A(x[:, own].float().T.reshape(1, channels, 4, 6))
        assert torch.equal(forward[:, own], expected.reshape(channels, 12).T.double())
        expected = physics.A_adjoint(y[:, own].float().T.reshape(1, channels, 4, 3))
        assert torch.equal(back[:, own], expected.reshape(channels, 24).T.double())


def test_in_float32_and_float64():
    operator = PhysicsOperator(Mixing(), (4, 6))
    x = normal(24, 1)
    assert torch.equal(operator.to(dtype=torch.float32)(x.float()).double(), operator(x))


class Wrong(Mixing):
    """Operators that are not what they should be."""

    def __init__(self, forward, adjoint=None, channels: int = 1):
        super().__init__(channels)
        self.forward, self.back = forward, adjoint or super().A_adjoint

    def A(self, x: Tensor) -> Tensor:
        return self.forward(x)

    def A_adjoint(self, y: Tensor) -> Tensor:
        return self.back(y)


RIGHT = Mixing()


@pytest.mark.parametrize(
    "physics, sentence",
    [
        (Wrong(lambda x: RIGHT.A(x) ** 2), "not linear"),
        (Wrong(lambda x: RIGHT.A(x) + 0.01), "not linear"),
        (Wrong(lambda x: RIGHT.A(x).abs()), "not linear"),
        (Wrong(RIGHT.A, lambda y: -RIGHT.A_adjoint(y)), "not the adjoint"),
        (Wrong(RIGHT.A, lambda y: RIGHT.A_adjoint(y).flip(2)), "not the adjoint"),
        (Wrong(RIGHT.A, lambda y: RIGHT.A_adjoint(y) * math.nan), "not the adjoint"),
        (Wrong(lambda x: torch.cat([x, x])), r"to a real tensor \(1, …\); it returned \(2, 1, 4, 6\)"),
        (Wrong(lambda x: torch.fft.fft2(x)), r"it returned \(1, 1, 4, 6\) in torch.complex64"),
        (Wrong(lambda x: x.numpy()), "it returned ndarray"),
        (Wrong(lambda x: x @ x), r"Wrong.A does not take a tensor \(1, 1, 4, 6\) in torch.float32: "),
        (Wrong(RIGHT.A, lambda y: y), r"A_adjoint takes what A returns to .*\(1, 1, 4, 6\).*; it returned \(1, 1, 4, 3\)"),
        (Wrong(RIGHT.A, lambda y: y @ y), r"Wrong.A_adjoint does not take a tensor \(1, 1, 4, 3\)"),
        (math, "has methods A and A_adjoint; module has no A"),
    ],
)
def test_what_is_no_linear_operator_is_refused(physics, sentence):
    with pytest.raises(ValueError, match=sentence):
        PhysicsOperator(physics, (4, 6))


def test_the_tolerance_is_where_it_is_said_to_be():
    """An adjoint that is off by ε in the Frobenius norm gives three numbers of standard deviation ε: one of them is over ε/5
    but for a chance of 0.4 %, and the seed is fixed."""
    PhysicsOperator(Wrong(RIGHT.A, lambda y: (1 + TOLERANCE / 10) * RIGHT.A_adjoint(y)), (40, 60))
    with pytest.raises(ValueError, match="not the adjoint"):
        PhysicsOperator(Wrong(RIGHT.A, lambda y: (1 + 5 * TOLERANCE) * RIGHT.A_adjoint(y)), (40, 60))


def test_channels_are_kept():
    with pytest.raises(ValueError, match=r"to a real tensor \(1, 3, …\); it returned \(1, 1, 4, 6\)"):
        PhysicsOperator(Wrong(lambda x: x.mean(1, keepdim=True)), (4, 6), 3)
    with pytest.raises(ValueError, match="takes 3 columns for each image; got 4"):
        PhysicsOperator(Mixing(3), (4, 6), 3)(normal(24, 4))
    flat = Wrong(lambda x: x.flatten(1), lambda y: y.reshape(1, 1, 4, 6))  # as deepinv's CompressedSensing
    assert PhysicsOperator(flat, (4, 6)).measured_shape == (1, 24)


def test_the_task():
    task = build_task("physics", "duck_physics:gray", "isotropic", {})
    assert task.shape == (10, 14) and task.channels == 1 and task.source == "gray" and len(task.sha256) == 64
    assert torch.equal(task.truth, image(1).double().reshape(-1, 1)) and task.score_name == "psnr"
    assert torch.equal(task.measurements, task.operator(task.truth))
    assert task.residual(task.truth) == 0 and task.residual(0 * task.truth) == 1
    unknown = build_task("physics", "duck_physics:colour", "stretch", {})
    assert unknown.shape == (10, 14) and unknown.channels == 3 and unknown.truth.shape == (0, 3)
    assert unknown.score_name == "residual" and unknown.sha256 != task.sha256
    truth = image(3).double().reshape(3, -1).T
    assert unknown.score(truth) == 0 and unknown.score(-truth) == pytest.approx(2, rel=8 * U)


def test_the_seed_is_that_of_the_data():
    def measured(seed: int, around: int) -> Tensor:
        torch.manual_seed(seeded(around))
        before = torch.get_rng_state()
        found = build_task("physics", "duck_physics:noisy", "stretch", {"data_seed": seed}).measurements
        assert torch.equal(torch.get_rng_state(), before)
        return found

    assert torch.equal(measured(0, 1), measured(0, 2)) and not torch.equal(measured(0, 1), measured(1, 1))


@pytest.mark.parametrize(
    "source, sentence",
    [
        ("gray", "is given as package.module:function; got 'gray'"),
        ("nowhere:gray", "The physics 'nowhere:gray' cannot be imported: No module named 'nowhere'"),
        ("duck_physics:red", "cannot be imported: module 'duck_physics' has no attribute 'red'"),
        ("duck_physics:not_callable", "is no function"),
        ("duck_physics:no_tuple", r"returns \(physics, y\) or \(physics, y, x\)"),
        ("duck_physics:two_images", r"returns \(physics, y\) or \(physics, y, x\)"),
        ("duck_physics:not_finite", "finite tensors"),
        ("duck_physics:no_operator", "has methods A and A_adjoint"),
        ("duck_physics:other_measurements", r"are \(1, 1, 10, 14\), and A gives \(1, 1, 10, 7\)"),
        ("duck_physics:flat_image", r"to be \(1, C, H, W\); got \(1, 10, 14\)"),
    ],
)
def test_bad_physics_is_one_sentence(source, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        build_task("physics", source, "stretch", {})
    assert cli.main(["train", "physics", "--physics", source]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not list(tmp_path.iterdir())


SMALL = {"task": "physics", "hidden_features": 12, "hidden_layers": 2, "device": "cpu"}


def test_training_and_resuming(tmp_path):
    """The residual falls; a run that is done again ends in the same weights."""
    config = with_preset({"source": "duck_physics:colour", "epochs": 150, "log_every": 1, **SMALL, "hidden_features": 60})
    assert start_runs(config, 1, tmp_path / "runs") == 0
    run = RunDirectory(tmp_path / "runs" / "colour-physics-bw-relu-seed40")
    summary, rows = run.read_summary(), run.read_metrics()
    assert summary["residual"] == rows[-1]["residual"] < rows[0]["residual"] / 4
    assert summary["oracle"] is None and not {"psnr", "ssim"} & summary.keys()
    assert np.load(run.path / "reconstruction.npy").shape == (10, 14, 3)
    weights = run.weights_file.read_bytes()
    for path in run.path.iterdir():
        if path != run.config_file:
            path.unlink()
    assert resume_runs(run.path, trust=True) == 0 and run.weights_file.read_bytes() == weights


def test_several_networks_at_once(tmp_path):
    """As one by one, to the rounding that batched products have; the last of the losses is compared."""
    given = {"source": "duck_physics:complex_image", "epochs": 5, "double": True, "log_every": 1, **SMALL}
    task = build_task("physics", "duck_physics:complex_image", "stretch", {})
    losses = []
    for together in (1, 2):
        places = [{"together": together, "place": n % together, "seed": 1 + n} for n in (0, 1)]
        configs = [with_preset({**given, **place, "chunk": 64}) for place in places]
        runs = [RunDirectory.create(tmp_path / f"{together}-{config.seed}", config) for config in configs]
        groups = [(configs, runs)] if together == 2 else [([c], [r]) for c, r in zip(configs, runs)]
        losses.append([s["loss"] for some, where in groups for s in train_together(some, task, where)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)  # the operator rounds to float32


def test_complex_images_are_drawn_by_their_modulus(tmp_path):
    start_runs(with_preset({"source": "duck_physics:complex_image", "epochs": 2, **SMALL}), 1, tmp_path)
    (folder,) = tmp_path.iterdir()
    render_image(folder, None, None, tmp_path / "drawn.png", trust=True)
    with Image.open(tmp_path / "drawn.png") as drawn, Image.open(folder / "reconstruction.png") as kept:
        assert drawn.size == kept.size == (14, 10) and drawn.mode == kept.mode == "L"
        modulus = np.linalg.norm(np.load(folder / "reconstruction.npy"), axis=-1)
        assert np.abs(np.asarray(kept) / 255 - modulus.clip(0, 1)).max() <= 0.5 / 255 + 1e-6


class Module(torch.nn.Module, Mixing):
    """With a method ``to``, which moves it in place."""

    def __init__(self):
        super().__init__()
        self.register_buffer("matrix", torch.ones(1, 1))

    def A_adjoint(self, y: Tensor) -> Tensor:
        return torch.stack([y, torch.zeros_like(y)], dim=-1).flatten(-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("make", [Mixing, Module])
def test_cuda_is_the_cpu(make):
    """With an operator that moves, as a copy, and with one that stays on the CPU."""
    here = PhysicsOperator(make(), (4, 6))
    there = here.to("cuda")
    x, y = normal(24, 2), normal(12, 2, seed=1)
    assert torch.equal(there(x.cuda()).cpu(), here(x)) and torch.equal(there.adjoint(y.cuda()).cpu(), here.adjoint(y))


def from_deepinv(name: str):
    """An operator of deepinv for an image of 16×16 pixels."""
    deepinv = pytest.importorskip("deepinv")
    physics, generator = deepinv.physics, torch.Generator().manual_seed(seeded())
    some = (torch.rand(16, 16, generator=generator) < 0.4).float()
    gaussian = physics.blur.gaussian_blur(sigma=(1.0, 1.0))
    return {
        "tomography": lambda: physics.Tomography(angles=12, img_width=16, circle=False, normalize=False),
        "downsampling": lambda: physics.Downsampling(img_size=(3, 16, 16), factor=2, filter="gaussian"),
        "inpainting": lambda: physics.Inpainting(img_size=(3, 16, 16), mask=some.expand(3, -1, -1)),
        "blur": lambda: physics.Blur(filter=gaussian, padding="circular"),
        "mri": lambda: physics.MRI(mask=some, img_size=(16, 16)),
    }[name]()


@pytest.mark.parametrize("name, channels", [("tomography", 1), ("downsampling", 3), ("inpainting", 3), ("blur", 3), ("mri", 2)])
def test_operators_of_deepinv(name, channels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        physics = from_deepinv(name)
        operator = PhysicsOperator(physics, (16, 16), channels)
        x, y = normal(256, 2 * channels), normal(operator.measurements, 2 * channels, seed=1)
        measured = operator(x)
        gap = ((measured * y).sum() - (x * operator.adjoint(y)).sum()).abs()
        assert gap <= 100 * U * measured.norm() * y.norm()  # as for the adapter's own test, with both factors
        second = physics.A(x[:, channels:].float().T.reshape(1, channels, 16, 16))
        assert torch.equal(measured[:, channels:], second.reshape(channels, -1).T.double())


def test_an_approximate_adjoint_of_deepinv_is_refused():
    deepinv = pytest.importorskip("deepinv")
    physics = deepinv.physics.Tomography(angles=12, img_width=16, circle=False, adjoint_via_backprop=False)
    with pytest.raises(ValueError, match="not the adjoint"):
        PhysicsOperator(physics, (16, 16))
