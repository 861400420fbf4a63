"""``bw.fit``, ``bw.grid``, ``bw.load``: what may be fitted, what comes back, what is refused, and that it is the one loop."""

from __future__ import annotations

import copy
import doctest
import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from duck_physics import Mixing
from PIL import Image
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from test_torch_settings import SETTINGS
from torch import nn

import bwtheory as bw
import bwtheory.training
from bwtheory.cli import main
from bwtheory.nn import INR, BWReLU
from bwtheory.nn.activations import Siren
from bwtheory.tasks.in_memory import as_array
from bwtheory.tasks.operators import BlockAverage
from bwtheory.tasks.task import pixel_coordinates
from bwtheory.training import callbacks, loop
from bwtheory.training.session import Session

CHECKOUT = Path(__file__).resolve().parents[1]
HEIGHT, WIDTH = 12, 17
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
GRAY = (127 + 80 * np.sin(COLUMNS / 3) + 40 * np.cos(ROWS / 2)).astype(np.uint8)
COLOUR = np.dstack([GRAY, GRAY[::-1], 255 - GRAY])
SMALL = {"steps": 12, "hidden_features": 8, "hidden_layers": 2, "device": "cpu"}
POINTS = bw.grid((HEIGHT, WIDTH))
VALUES = GRAY.reshape(-1) / 255


def mlp(inputs: int = 2, outputs: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 9), nn.Tanh(), nn.Linear(9, outputs))


@pytest.fixture
def photo(tmp_path) -> Path:
    Image.fromarray(GRAY).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_function_of_coordinates():
    f = bw.fit(GRAY, "bw-relu", **SMALL)
    values = f(POINTS)
    assert values.dtype == np.float32 and values.shape == (HEIGHT * WIDTH, 1)
    assert np.array_equal(f.image(), values.reshape(HEIGHT, WIDTH)) and np.array_equal(f.image((HEIGHT, WIDTH)), f.image())
    assert f.image((30, 20)).shape == (30, 20) and f.image((30, 20))[-1, 0] == f([[-1.0, 1.0]])
    expected = -10 * np.log10(np.square(values.astype(np.float64)[:, 0] - VALUES).mean())
    assert f.history[-1]["psnr"] == pytest.approx(expected, abs=1e-9) == f.summary["psnr"]
    assert [row["epoch"] for row in f.history] == [0, 10, 12] and not f.interrupted
    assert bw.fit(COLOUR, **SMALL).image().shape == (HEIGHT, WIDTH, 3)


def test_columns_of_a_grid():
    """The first column goes along the last axis, so that reshaping gives an array of the shape that was asked for."""
    x, y = bw.grid((3, 5)).T.reshape(2, 3, 5)
    assert np.array_equal(x[1], [-1, -0.5, 0, 0.5, 1]) and np.array_equal(y[:, 2], [-1, 0, 1])
    assert np.array_equal(POINTS, pixel_coordinates(HEIGHT, WIDTH).numpy())  # to the last bit
    assert np.array_equal(bw.grid(3), [[-1], [0], [1]]) and np.array_equal(bw.grid((1,)), [[0]])
    cube = bw.grid((2, 3, 4))
    assert cube.shape == (24, 3) and np.array_equal(cube.reshape(2, 3, 4, 3)[1, 2, 0], [-1, 1, 1])
    for wrong in ((), (3, 0), (2.5, 2), (True, 2)):
        with pytest.raises(ValueError, match="whole numbers >= 1"):
            bw.grid(wrong)
    with pytest.raises(ValueError, match="of memory"):
        bw.grid((10**9, 10**9))


def test_it_is_the_loop_of_the_command_line(photo, tmp_path, monkeypatch):
    """With the paper's settings; by the recommended ones the command keeps some pixels to measure between them."""
    arguments = (
        f"--preset paper --epochs 12 --hidden-features 8 --hidden-layers 2 --device cpu --out {tmp_path / 'runs'}".split()
    )
    assert main(["train", "signal", "--image", str(photo), *arguments]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    f = bw.fit(photo, "bw-relu", **SMALL, preset="paper", run=tmp_path / "fitted")
    for name in ("weights.safetensors", "metrics.jsonl", "config.json"):
        assert (tmp_path / "fitted" / name).read_bytes() == (folder / name).read_bytes(), name
    assert np.array_equal(bw.load(folder).image(), f.image())
    for same in (GRAY, bw.fit(str(photo), **SMALL, preset="paper")):  # in memory, too
        again = bw.fit(same, **SMALL, preset="paper") if isinstance(same, np.ndarray) else same
        assert np.array_equal(again.image(), f.image())


@pytest.mark.parametrize(
    "ways",
    [
        {
            "uint8": GRAY,
            "one channel": GRAY[..., None],
            "uint16": GRAY.astype(np.uint16) * 257,
            "float64": GRAY / 255,
            "Pillow": Image.fromarray(GRAY),
            "tensor": torch.tensor(GRAY),
            "float tensor": torch.tensor(GRAY / 255),
            "channels first": torch.tensor(GRAY)[None],
            "a batch of one": torch.tensor(GRAY)[None, None],
            "of a gradient": torch.tensor(GRAY / 255, requires_grad=True),
            "not contiguous": np.asfortranarray(GRAY),
            "big-endian": GRAY.astype(">u2") * 257,
            "from its end": GRAY[::-1, ::-1].copy()[::-1, ::-1],
            "a matrix": GRAY.view(np.matrix),
            "nothing is masked": np.ma.array(GRAY, mask=False),
            "a view that is negated": torch.tensor(-1j * (GRAY / 255)).conj().imag,
        },
        {
            "uint8": COLOUR,
            "Pillow": Image.fromarray(COLOUR),
            "palette": Image.fromarray(COLOUR).quantize(256),
            "with alpha": Image.fromarray(np.dstack([COLOUR, np.full_like(GRAY, 255)])),
            "channels first": torch.tensor(COLOUR.transpose(2, 0, 1).copy()),
            "channels last": torch.tensor(COLOUR),
        },
        {"bool": GRAY > 127, "uint8": np.where(GRAY > 127, 255, 0).astype(np.uint8), "1 bit": Image.fromarray(GRAY > 127)},
    ],
    ids=["gray", "colour", "bilevel"],
)
def test_an_image_however_it_is_given_is_the_same(ways):
    """What is fitted, seen by the loss before the first step.  A palette has fewer colours than the image."""
    losses = {name: bw.fit(image, **(SMALL | {"steps": 1})).history[0]["loss"] for name, image in ways.items()}
    tolerance = {"palette": 1e-2}  # 12·17 colours at most differ: quantize keeps 256, and merges near ones
    for name, loss in losses.items():
        assert loss == pytest.approx(losses["uint8"], rel=tolerance.get(name, 1e-6)), name


def test_levels_with_a_range():
    hounsfield = GRAY.astype(np.int32) * 4 - 500
    f = bw.fit(hounsfield, value_range=(-500, 520), **SMALL)
    assert f.history[0]["loss"] == pytest.approx(bw.fit(GRAY, **SMALL).history[0]["loss"], rel=1e-6)


def test_points():
    x = np.linspace(-1, 1, 40)
    f = bw.fit((x, np.sin(4 * x)), "bw-relu", c=1.0, hidden_layers=1, hidden_features=30, steps=300, lr=0.01)
    assert np.sqrt(np.square(f(x[:, None])[:, 0] - np.sin(4 * x)).mean()) == pytest.approx(f.history[-1]["rmse"], rel=1e-5)
    assert f.history[-1]["rmse"] < 0.1 and f(bw.grid(7)).shape == (7, 1)
    volume = bw.grid((3, 4, 5))
    g = bw.fit((volume, np.stack([volume.sum(1), volume.prod(1)], axis=1)), "siren", omega_0=3, **SMALL)
    assert g(volume).shape == (60, 2)
    with pytest.raises(ValueError, match="two coordinates is an image; this one has 3"):
        g.image((4, 4))
    with pytest.raises(ValueError, match=r"Coordinates are numbers \(N, 3\)"):
        g(POINTS)
    scattered = bw.fit((POINTS[::3], VALUES[::3]), **SMALL)
    with pytest.raises(ValueError, match="ask for one"):
        scattered.image()
    assert scattered.image((5, 6)).shape == (5, 6)


def test_a_network_of_ones_own_is_trained_in_place():
    net = mlp()
    before = [p.detach().clone() for p in net.parameters()]
    f = bw.fit(net, POINTS, VALUES, steps=30, lr=0.01)
    assert f.network is net and not any(torch.equal(p, q) for p, q in zip(net.parameters(), before))
    losses = [row["loss"] for row in f.history]
    assert losses[-1] < losses[0]
    torch.manual_seed(0)
    reference, optimizer_loss = mlp(), []
    optimizer = torch.optim.Adam(reference.parameters(), lr=0.01)
    x, y = torch.tensor(POINTS, dtype=torch.float32), torch.tensor(VALUES, dtype=torch.float32)[:, None]
    for step in range(31):
        optimizer.param_groups[0]["lr"] = 0.01 * 0.1 ** (step / 30)  # decay^(t/T)
        optimizer.zero_grad()
        loss = (reference(x) - y).square().mean()
        optimizer_loss.append(loss.item())
        loss.backward()
        optimizer.step()
    # The same steps written in torch; 30 steps of Adam amplify the roundings of float32, 6e-8, by less than 1000.
    assert losses == pytest.approx([optimizer_loss[row["epoch"]] for row in f.history], rel=6e-5)
    image = bw.fit(mlp(), GRAY, steps=3)
    assert image.image().shape == (HEIGHT, WIDTH) and "psnr" in image.history[-1]
    assert bw.fit(mlp().double(), x=POINTS, y=VALUES, steps=3)(POINTS).dtype == np.float64
    assert bw.fit(INR(2, 1, 8, 2), GRAY, steps=3).summary["kernel"].startswith("explicit")


@pytest.mark.parametrize("activation", [Siren, Siren(20.0), torch.sin, nn.Tanh(), "gelu", "siren"])
def test_every_kind_of_activation(activation, capfd):
    f = bw.fit(GRAY, activation, **SMALL)
    assert isinstance(f.network, INR) and f.history[-1]["loss"] < f.history[0]["loss"]


def matrix_of(operator) -> np.ndarray:
    return operator(torch.eye(HEIGHT * 18, dtype=torch.float64)).numpy()


def test_operators_however_they_are_given_are_the_same():
    """Block means of a 12×18 image, as operator, as matrices and as SciPy's: the same losses, but for roundings of float32."""
    blocks = BlockAverage((HEIGHT, 18), 3)
    pixels = np.random.default_rng(0).random((HEIGHT * 18, 1))
    y = blocks(torch.tensor(pixels)).numpy()
    dense = matrix_of(blocks)
    ways = [blocks, dense, sparse.csr_array(dense), torch.tensor(dense), aslinearoperator(dense)]
    ways.append(LinearOperator(dense.shape, matvec=lambda v: dense @ v, rmatvec=lambda v: dense.T @ v))
    fits = [bw.fit(y, operator=way, shape=(HEIGHT, 18), **SMALL) for way in ways]
    fits += [bw.fit(y.reshape(4, 6), operator=blocks, **SMALL)]  # measurements in any shape, the operator says the image's
    for f in fits:
        assert f.image().shape == (HEIGHT, 18) and f.history[-1]["residual"] < f.history[0]["residual"]
        assert [r["loss"] for r in f.history] == pytest.approx([r["loss"] for r in fits[0].history], rel=1e-3)
    known = bw.fit(y, operator=blocks, truth=pixels.reshape(HEIGHT, 18), **SMALL)
    error = np.square(known.image() - pixels.reshape(HEIGHT, 18)).mean()
    assert known.history[-1]["psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-5)
    points = bw.grid((HEIGHT, 18))
    for f in (bw.fit((points, y), operator=dense, **SMALL), bw.fit(mlp(), points, y, operator=blocks, steps=20)):
        residual = dense @ f(points) - y
        assert f.history[-1]["rmse"] == pytest.approx(float(np.sqrt(np.square(residual).mean())), rel=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_objects_with_a_and_its_adjoint(channels):
    image = torch.rand(1, channels, 10, 14)
    y = Mixing(channels).A(image)
    f = bw.fit(y, operator=Mixing(channels), **SMALL)
    assert f.image().shape == ((10, 14) if channels == 1 else (10, 14, 3))
    found = Mixing(channels).A(torch.tensor(f.image()).reshape(10, 14, channels).permute(2, 0, 1)[None])
    assert f.history[-1]["residual"] == pytest.approx(float((found - y).norm() / y.norm()), rel=1e-4)


def test_measurements_in_large_units_are_said_to_be_so():
    blocks = BlockAverage((12, 18), 3)
    with pytest.warns(UserWarning, match=r"values up to 2\d\d.*divide the measurements"):
        bw.fit(np.full((24, 1), 255.0), operator=blocks, **SMALL)


def masked(values: np.ndarray) -> np.ndarray:
    """Ten entries are masked."""
    return np.ma.array(values, mask=np.arange(values.size).reshape(values.shape) < 10)


OPERATOR = {"operator": np.eye(204), "shape": (12, 17)}
REFUSED = {
    "no data": (TypeError, "What is fitted is an image", ([1, 2, 3],), {}),
    "no file": (ValueError, "There is no image file 'nothing.png'", ("nothing.png",), {}),
    "channels first": (ValueError, "the channels come last", (COLOUR.transpose(2, 0, 1),), {}),
    "four axes": (ValueError, "an image is an array", (np.zeros((2, 3, 4, 5)),), {}),
    "empty": (ValueError, "no pixels", (np.zeros((0, 3)),), {}),
    "not finite": (ValueError, "1 pixels of 204 that are not finite", (np.where(ROWS + COLUMNS, VALUES[0], np.nan),), {}),
    "levels of which nobody knows white": (ValueError, r"in Python value_range=\(", (GRAY.astype(int),), {}),
    "floats beyond 1": (ValueError, "floats are read from 0 for black to 1", (GRAY.astype(float),), {}),
    "complex": (ValueError, "an image holds real numbers", (GRAY + 0j,), {}),
    "a tensor that may be turned": (ValueError, "first or last", (torch.rand(3, 5, 3),), {}),
    "another length": (ValueError, "204 points and y 203 values", ((POINTS, VALUES[1:]),), {}),
    "y not finite": (ValueError, "y holds finite numbers; 204 of 204", ((POINTS, VALUES * np.nan),), {}),
    "y complex": (ValueError, "y holds real numbers", ((POINTS, VALUES + 1j),), {}),
    "x of three axes": (ValueError, r"x holds coordinates \(N, d\)", ((POINTS[None], VALUES),), {}),
    "x outside": (ValueError, r"in \[−1, 1\]", ((POINTS * 3, VALUES),), {}),
    "x without a network": (TypeError, r"points are a pair", (GRAY,), {"x": POINTS}),
    "a network alone": (TypeError, r"bw.fit\(network, x, y\)", (mlp(),), {}),
    "no parameters": (ValueError, "ReLU has no parameters", (nn.ReLU(), GRAY), {}),
    "half": (ValueError, "float32 or float64; Sequential has torch.float16", (mlp().half(), GRAY), {}),
    "frozen": (ValueError, "no parameters to train", (mlp().requires_grad_(False), GRAY), {}),
    "batch norm": (ValueError, "BatchNorm1d", (nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)), GRAY), {}),
    "meta": (ValueError, "is on meta", (nn.Linear(2, 1, device="meta"), GRAY), {}),
    "another input": (ValueError, "does not take coordinates", (mlp(3), GRAY), {}),
    "another output": (ValueError, r"is to give values \(4, 1\).*gave \(4, 3\)", (mlp(2, 3), GRAY), {}),
    "no setting": (ValueError, "no setting 'omega'.*did you mean omega_0", (GRAY, "siren"), {"omega": 3}),
    "of another activation": (ValueError, "no setting 'c'", (GRAY, "siren"), {"c": 3}),
    "no activation": (ValueError, "no activation 'sirn'", (GRAY, "sirn"), {}),
    "steps": (ValueError, "steps is a whole number >= 1; got 0", (GRAY,), {"steps": 0}),
    "half a step": (ValueError, "steps is a whole number >= 1; got 2.5", (GRAY,), {"steps": 2.5}),
    "epochs": (ValueError, "no setting 'epochs'", (GRAY,), {"epochs": 3}),
    "lr": (ValueError, "learning rate lr must be positive", (GRAY,), {"lr": -1.0}),
    "seed": (ValueError, "seed is a whole number", (GRAY,), {"seed": 0.5}),
    "optimizer": (ValueError, "optimizer is 'adam', 'sgd' or 'muon'", (GRAY,), {"optimizer": "lbfgs"}),
    "device": (ValueError, "device is 'auto'", (GRAY,), {"device": "tpu"}),
    "task": (ValueError, "no task 'cts'.*did you mean ct", (GRAY,), {"task": "cts"}),
    "task of an array": (ValueError, "made of a file or a built-in name; got ndarray", (GRAY,), {"task": "ct"}),
    "callback": (TypeError, "A callback is a function of a Step; got int", (GRAY,), {"callbacks": [3]}),
    "answer": (TypeError, "got 0.3", (GRAY,), {"callbacks": lambda step: 0.3}),
    "size": (ValueError, r"shape=\(H, W\)", (VALUES,), {"operator": np.eye(204)}),
    "other size": (ValueError, "takes 204 values, and there are 5×5", (VALUES,), {"operator": np.eye(204), "shape": (5, 5)}),
    "measurements": (
        ValueError,
        "204 measurements, and y has 203",
        (VALUES[1:],),
        {"operator": np.eye(204), "shape": (12, 17)},
    ),
    "masked image": (ValueError, "10 of its numbers are masked", (masked(GRAY),), {}),
    "masked image of a network": (ValueError, "10 of its numbers are masked", (mlp(), masked(GRAY)), {}),
    "masked x": (ValueError, "x must be real numbers; 10 are masked", ((masked(POINTS), VALUES),), {}),
    "masked y": (ValueError, "y must be real numbers; 10 are masked", ((POINTS, masked(VALUES)),), {}),
    "masked in a list": (ValueError, "y must be real numbers; 1 are masked", ((POINTS[:2], [0.5, np.ma.masked]),), {}),
    "masked measurements": (ValueError, "y .* 10 are masked", (masked(VALUES),), OPERATOR),
    "masked truth": (ValueError, "truth .* 10 are masked", (VALUES,), {**OPERATOR, "truth": masked(VALUES)}),
    "masked operator": (ValueError, "operator .* 10 are masked", (VALUES,), {**OPERATOR, "operator": masked(np.eye(204))}),
    "meta tensor": (ValueError, "on the meta device, which holds no numbers", (torch.empty(3, 4, device="meta"),), {}),
    "sparse tensor": (ValueError, r"a sparse tensor.*to_dense\(\)", (torch.eye(3).to_sparse(),), {}),
    "sparse y": (ValueError, "y is a sparse tensor", ((POINTS, torch.tensor(VALUES).to_sparse()),), {}),
    "sparse operator": (ValueError, "operator is a sparse", (VALUES,), {**OPERATOR, "operator": torch.eye(204).to_sparse()}),
    "conjugate tensor": (ValueError, "an image holds real numbers", ((torch.eye(3) * 1j).conj(),), {}),
    "one number": (ValueError, "and this one is a number", (np.array(0.5),), {}),
    "a range of texts": (ValueError, "value_range is a sequence of numbers or None; got 'ab'", (GRAY,), {"value_range": "ab"}),
    "a range beyond floats": (ValueError, "two different finite", (VALUES[:, None],), {"value_range": (-1e308, 1e308)}),
    "a range that is too narrow": (ValueError, "far outside of the range", (VALUES[:, None],), {"value_range": (0, 1e-320)}),
    "a text for yes": (ValueError, "normalize is true or false; got 'no'", (GRAY,), {"normalize": "no"}),
    "truth for a number": (ValueError, "every is a whole number; got True", (GRAY,), {"every": True}),
    "a float for a whole number": (ValueError, r"every is a whole number; got 2\.0", (GRAY,), {"every": 2.0}),
    "a text for an option": (ValueError, "c is a number; got '3'", (GRAY, "bw-relu"), {"c": "3"}),
    "a text for decibels": (ValueError, "target_psnr is a number of decibels; got '30'", (GRAY,), {"target_psnr": "30"}),
    "NumPy's function": (ValueError, "no derivative that PyTorch's autograd knows", (GRAY, np.sin), {}),
    "a function without a gradient": (ValueError, "no derivative that", (GRAY, lambda z: torch.sin(z).detach()), {}),
    "lazy": (ValueError, "shapes are not known yet", (nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 1)), GRAY), {}),
    "no operator": (TypeError, "An operator is a LinearOperator", (VALUES,), {"operator": np.sin, "shape": (12, 17)}),
    "complex operator": (ValueError, "complex", (VALUES,), {"operator": sparse.eye(204) * 1j, "shape": (12, 17)}),
    "shape of an image": (ValueError, "belongs to an operator", (GRAY,), {"shape": (12, 17)}),
    "target of measurements": (ValueError, "target_psnr", ((POINTS, VALUES),), {"target_psnr": 20}),
    "penalty of a module": (ValueError, "INR", (mlp(), GRAY), {"weight_decay": 1e-3}),
    "conditions of a module": (ValueError, "INR", (mlp(), GRAY), {"condition_every": 1}),
    "Gauss-Newton of a module": (ValueError, "Gauss-Newton", (mlp(), GRAY), {"gauss_newton_after": 2}),
    "nothing to stop by": (ValueError, "needs a known noise", (GRAY,), {"stop_rule": "discrepancy"}),
}


@pytest.mark.filterwarnings("ignore:__array_wrap__")  # NumPy's, of its function of a tensor
@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kind, sentence, data, settings = REFUSED[why]
    usual = {"steps": 4} if isinstance(data[0], nn.Module) else SMALL
    with pytest.raises(kind, match=sentence) as refusal:
        bw.fit(*data, **({**usual, "run": tmp_path / "run"} | settings))
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")
    if why != "answer":  # that is known at the first step only
        assert not list(tmp_path.iterdir())


FILES = {
    "text": ("denoise", {"noise": "0.1"}, "noise is a number; got '0.1'"),
    "truth value": ("denoise", {"noise": True}, "noise is a number; got True"),
    "text for yes": ("ct", {"published_geometry": "no"}, "published_geometry is true or false; got 'no'"),
    "half an angle": ("ct", {"angles": 1.5}, r"angles is a whole number or the name of a file; got 1\.5"),
    "array of angles": ("ct", {"angles": np.arange(0, 180, 3)}, "angles is no array here: save it"),
    "list of angles": ("ct", {"angles": [0, 90]}, r"angles is a whole number or the name of a file; got \[0, 90\]"),
    "array as a mask": ("inpaint", {"mask": np.ones((12, 17), bool)}, "mask is no array here: save it"),
    "number as a mask": ("inpaint", {"mask": 5}, "mask is the name of a file; got 5"),
    "array as a truth": ("denoise", {"noisy": True, "truth": VALUES}, "truth is no array here: save it"),
    "shrink": ("signal", {"shrink": 2.0}, r"shrink is a whole number; got 2\.0"),
}


@pytest.mark.parametrize("why", FILES)
def test_options_of_a_task_have_their_types(why, photo):
    """A text that counts as true, or a number of which a task makes another one, would be another problem in silence."""
    task, options, sentence = FILES[why]
    with pytest.raises(ValueError, match=sentence) as refusal:
        bw.fit(photo, task=task, **options, **SMALL)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")


def test_numbers_of_numpy_and_paths_are_settings_too(photo, tmp_path):
    """``for seed in np.arange(5)`` gives no Python integers; a folder keeps them as JSON does."""
    np.save(tmp_path / "mask.npy", ROWS + COLUMNS > 3)
    numpys = {"seed": np.int64(3), "lr": np.float64(1e-3), "data_seed": np.uint8(2), "hidden_features": np.int32(8), "steps": 3}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in numpys.items()}
    with pytest.warns(UserWarning, match="pixels are seen by the mask"):
        one, two = (
            bw.fit(str(photo), task="inpaint", mask=mask, run=tmp_path / run, device=device, **settings)
            for run, mask, device, settings in (
                ("numpy", tmp_path / "mask.npy", torch.device("cpu"), numpys),
                ("plain", str(tmp_path / "mask.npy"), "cpu", plain),
            )
        )
    assert (tmp_path / "numpy" / "config.json").read_text() == (tmp_path / "plain" / "config.json").read_text()
    assert np.array_equal(one(POINTS), two(POINTS))
    signal = {"value_range": (0, 510)}, {"value_range": np.array([0, 510])}
    assert len({bw.fit(photo, **options, **SMALL).history[0]["loss"] for options in signal}) == 1


@pytest.mark.parametrize("run", [None, "run"])
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda f: pickle.loads(pickle.dumps(f))], ids=["deep", "copy", "pickle"]
)
def test_a_copy_is_the_same_function(copied, run, tmp_path):
    """Pools of processes send their results by pickle."""
    f = bw.fit(GRAY, run=run and tmp_path / run, callbacks=lambda step: None, **SMALL)
    g = copied(f)
    assert np.array_equal(g(POINTS), f(POINTS)) and np.array_equal(g.image(), f.image())
    assert (g.shape, g.history, g.summary, repr(g)) == (f.shape, f.history, f.summary, repr(f))
    if run is None:
        with pytest.raises(ValueError, match="A copy of a fit has no optimizer"):
            g.save(tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
    else:
        assert np.array_equal(bw.load(g.save(tmp_path / "copy"))(POINTS), f(POINTS))


def test_an_operator_whose_adjoint_is_none_is_refused():
    wrong = LinearOperator((5, 204), matvec=lambda v: v[:5], rmatvec=lambda v: np.ones(204))
    with pytest.raises(ValueError, match="rmatvec"):
        bw.fit(VALUES[:5], operator=wrong, shape=(12, 17))
    without = LinearOperator((5, 204), matvec=lambda v: v[:5])
    with pytest.raises(ValueError, match="needs matvec and rmatvec"):
        bw.fit(VALUES[:5], operator=without, shape=(12, 17))


@pytest.mark.parametrize("answer", [True, "stop", np.bool_(True)])
def test_a_callback_stops(answer):
    told = []

    def watch(step: bwtheory.training.Step):
        told.append((step.number, step.loss, step.row, tuple(step.values.shape)))
        return answer if step.number == 5 else None

    f = bw.fit(GRAY, callbacks=watch, **SMALL)
    assert [number for number, *_ in told] == [0, 1, 2, 3, 4, 5] and told[0][3] == (HEIGHT * WIDTH, 1)
    assert told[0][2] == f.history[0] and told[1][2] is None
    assert f.history[-1]["epoch"] == 5 == f.summary["epochs"] and not f.interrupted
    assert f.history[-1]["loss"] == pytest.approx(told[-1][1], rel=1e-5)


def test_callbacks_are_asked_in_turn_and_what_they_raise_is_raised(tmp_path):
    order = []
    bw.fit(GRAY, callbacks=[lambda s: order.append("first"), lambda s: order.append("second")], **(SMALL | {"steps": 2}))
    assert order == ["first", "second"] * 2

    def breaks(step):
        if step.number == 7:
            raise KeyError("mine")

    expected = bw.fit(GRAY, **SMALL)
    with pytest.raises(KeyError, match="mine"):
        bw.fit(GRAY, callbacks=[breaks], run=tmp_path / "run", **SMALL)
    assert np.array_equal(bw.fit(GRAY, run=tmp_path / "run", **SMALL).image(), expected.image())


def test_a_target_ends_it_as_soon_as_it_is_met():
    long = bw.fit(GRAY, **(SMALL | {"steps": 400, "hidden_features": 30}), log_every=1)
    target = 12.0
    first = next(row["epoch"] for row in long.history if -10 * np.log10(row["loss"]) >= target)
    f = bw.fit(GRAY, **(SMALL | {"steps": 400, "hidden_features": 30}), log_every=1, target_psnr=target)
    assert f.history[-1]["epoch"] == first and f.history[-1]["psnr"] >= target > f.history[-2]["psnr"]


def test_held_out_pixels_are_kept_by():
    f = bw.fit(GRAY, **(SMALL | {"steps": 40}), log_every=1, held_out=0.3, stop_rule="held-out")
    best = min(f.history, key=lambda row: row["held_out_loss"])
    assert f.summary["kept_epoch"] == best["epoch"]
    values = f.image().reshape(-1).astype(np.float64)
    assert -10 * np.log10(np.square(values - VALUES).mean()) == pytest.approx(best["psnr"], abs=1e-3)


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_same_in_a_program_that_has_changed_torchs_settings(setting):
    expected, network = bw.fit(GRAY, **SMALL), mlp()
    with SETTINGS[setting]():
        f = bw.fit(GRAY, **SMALL)
        assert np.array_equal(f.image(), expected.image())  # evaluated there, too
        assert f.history == expected.history and f.history[-1]["loss"] < f.history[0]["loss"]
        own = bw.fit(network, GRAY, steps=3)
        assert own.history[-1]["loss"] < own.history[0]["loss"]


def test_a_network_that_was_made_in_inference_mode():
    with torch.inference_mode(), pytest.raises(ValueError, match=r"was made in torch.inference_mode\(\)"):
        bw.fit(mlp(), GRAY)


def test_a_copy_of_an_interrupted_fit_knows_its_size():
    f = bw.fit(GRAY, callbacks=interrupting(3), **SMALL)
    g = pickle.loads(pickle.dumps(f))
    assert f.interrupted and g.interrupted and not g.summary and g.shape == (HEIGHT, WIDTH)
    assert np.array_equal(g.image(), f.image())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_types_that_numpy_does_not_have(dtype):
    numbers = torch.tensor([-1.0, 0.25, 0.5], dtype=dtype)  # exact in all of them
    assert as_array(numbers, "x").tolist() == [-1, 0.25, 0.5]
    assert bw.fit((numbers, numbers), **SMALL).history[0]["loss"] == bw.fit((numbers.double(),) * 2, **SMALL).history[0]["loss"]


def interrupting(at: int):
    return lambda step: os.kill(os.getpid(), signal.SIGINT) if step.number == at else None


@pytest.mark.parametrize("network", [None, mlp], ids=["named", "own"])
def test_ctrl_c_gives_back_what_there_is(network, tmp_path):
    first = (GRAY,) if network is None else (network(), GRAY)
    usual = SMALL if network is None else {"steps": 12}
    f = bw.fit(*first, callbacks=interrupting(6), **usual)
    assert f.interrupted and not f.summary and "interrupted" in repr(f) and f.image().shape == (HEIGHT, WIDTH)
    assert f._repr_png_().startswith(b"\x89PNG")
    f.save(tmp_path / "saved")
    loaded = bw.load(tmp_path / "saved", network=network and network())
    assert np.array_equal(loaded(POINTS), f(POINTS)) and loaded.history == f.history


@pytest.mark.parametrize("network", [None, mlp], ids=["named", "own"])
@pytest.mark.parametrize("data", ["file", "array", "points", "operator"])
def test_the_same_call_goes_on_in_its_folder(data, network, photo, tmp_path):
    """Bit for bit where an undisturbed one ends; then it gives back what is finished, and trains on for more steps."""
    operator = {"operator": BlockAverage((HEIGHT, WIDTH), 1)} if data == "operator" else {}
    subject = {"file": photo, "array": GRAY, "points": (POINTS, VALUES), "operator": VALUES}[data]

    def fit(**more):
        usual = SMALL if network is None else {"steps": 12}
        if network is None:
            return bw.fit(subject, **operator, **(usual | more))
        if data == "operator":
            return bw.fit(network(), POINTS, VALUES, **operator, **(usual | more))
        return bw.fit(network(), *(subject if isinstance(subject, tuple) else (subject,)), **(usual | more))

    run = tmp_path / "run"
    expected = fit()
    assert fit(callbacks=interrupting(5), run=run).interrupted and not (run / "summary.json").exists()
    finished = fit(run=run)
    assert np.array_equal(finished(POINTS), expected(POINTS)) and finished.history == expected.history
    written = (run / "metrics.jsonl").read_bytes()
    asked = []
    again = fit(run=run, callbacks=asked.append)
    assert np.array_equal(again(POINTS), expected(POINTS)) and again.history == expected.history and not asked
    assert (run / "metrics.jsonl").read_bytes() == written
    longer = fit(run=run, steps=20)
    assert longer.history[-1]["epoch"] == 20 and fit(run=run, steps=20).history == longer.history
    with pytest.raises(ValueError, match="steps = 20, not 12"):
        fit(run=run)
    with pytest.raises(ValueError, match=r"lr = .*, not 0.5; choose another folder"):
        fit(run=run, steps=20, lr=0.5)


def test_a_folder_of_other_data_is_refused(tmp_path):
    bw.fit(GRAY, run=tmp_path / "run", **SMALL)
    for steps in (12, 20):  # finished, and to go on
        with pytest.raises(ValueError, match="other data"):
            bw.fit(255 - GRAY, run=tmp_path / "run", **(SMALL | {"steps": steps}))
    assert (tmp_path / "run" / "summary.json").exists() and bw.load(tmp_path / "run").config.epochs == 12


def test_a_folder_that_was_killed(tmp_path):
    """kill -9 at some step; the same call ends where an undisturbed one does."""
    code = (
        "import os, signal, sys, numpy as np, torch, bwtheory as bw, bwtheory.training.callbacks as callbacks\n"
        "torch.set_num_threads(1)\n"
        "callbacks.CHECKPOINT_EVERY_SECONDS = -1.0\n"
        "image = np.arange(204, dtype=np.uint8).reshape(12, 17)\n"
        "die = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step.number == int(sys.argv[2]) else None\n"
        "bw.fit(image, steps=12, hidden_features=8, hidden_layers=2, device='cpu', run=sys.argv[1], callbacks=die)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    for folder, moments in (("killed", (7, 99)), ("undisturbed", (99,))):
        for moment in moments:
            words = [sys.executable, "-c", code, str(tmp_path / folder), str(moment)]
            status = subprocess.run(words, env=environment, stderr=subprocess.DEVNULL, check=False).returncode
            assert status == (-signal.SIGKILL if moment == 7 else 0)
    for name in ("weights.safetensors", "metrics.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


def test_saved_and_loaded(tmp_path, capsys):
    f = bw.fit(GRAY, "siren", omega_0=20, **SMALL)
    assert f.save(tmp_path / "saved") == tmp_path / "saved"
    g = bw.load(tmp_path / "saved")
    assert np.array_equal(g.image(), f.image()) and g.history == f.history and g.shape == f.shape == (HEIGHT, WIDTH)
    assert isinstance(g, bw.Fit) and g.summary["psnr"] == f.summary["psnr"] and g._repr_png_() == f._repr_png_()
    g.save(tmp_path / "again")
    assert np.array_equal(bw.load(tmp_path / "again").image(), f.image())
    for fitted in (f, g):
        with pytest.raises(ValueError, match="already holds a run; choose another folder"):
            fitted.save(tmp_path / "saved")
    assert main(["render", str(tmp_path / "saved"), "--size", "20x30"]) == 0
    assert main(["train", "--resume", str(tmp_path / "saved")]) == 0  # finished
    capsys.readouterr()
    assert main(["train", "--resume", str(tmp_path / "saved"), "--epochs", "20"]) == 2
    assert "was trained on arrays of a Python program; call bw.fit" in capsys.readouterr().err


def test_saved_as_if_trained_there(tmp_path):
    """All files but those that say when: the weights, the log, the checkpoint's state."""
    bw.fit(GRAY, run=tmp_path / "run", **SMALL)
    bw.fit(GRAY, **SMALL).save(tmp_path / "saved")
    for name in ("config.json", "metrics.jsonl", "weights.safetensors", "reconstruction.png"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "saved" / name).read_bytes(), name
    first, second = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("run", "saved"))
    assert {key for key in first if first[key] != second[key]} <= {
        "seconds",
        "content_sha256",
    } and first.keys() == second.keys()


def test_a_network_of_ones_own_needs_it_to_be_loaded(tmp_path):
    f = bw.fit(mlp(), GRAY, steps=3)
    f.save(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"bw.load\(folder, network=…\)"):
        bw.load(tmp_path / "saved")
    with pytest.raises(ValueError, match="weights of another network"):
        bw.load(tmp_path / "saved", network=nn.Linear(2, 1))
    assert np.array_equal(bw.load(tmp_path / "saved", network=mlp()).image(), f.image())
    assert main(["train", "--resume", str(tmp_path / "saved"), "--epochs", "9"]) == 2
    assert main(["render", str(tmp_path / "saved")]) == 2


def test_code_of_ones_own_needs_trust(tmp_path):
    f = bw.fit(GRAY, "duck_activation:Duck", run=tmp_path / "run", **SMALL)
    with pytest.raises(ValueError, match="trust=True"):
        bw.load(tmp_path / "run")
    assert np.array_equal(bw.load(tmp_path / "run", trust=True).image(), f.image())


def test_nothing_is_written_and_nothing_is_said(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bw.fit(GRAY, **SMALL)
        bw.fit(mlp(), POINTS, VALUES, steps=2)
    assert not list(tmp_path.iterdir()) and capfd.readouterr() == ("", "")


def test_a_bar_is_shown_on_a_terminal_or_in_a_notebook_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    bw.fit(GRAY, **SMALL)
    assert "12/12" in sys.stderr.getvalue() and "dB" in sys.stderr.getvalue()
    assert callbacks.progress_display().disable is False
    sys.stderr.truncate(0)
    bw.fit(GRAY, progress=False, **SMALL)
    assert not sys.stderr.getvalue()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert callbacks.progress_display().disable is True
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    for installed in (None, object()):  # without ipywidgets Rich warns at every line
        monkeypatch.setattr(callbacks.importlib.util, "find_spec", lambda name, found=installed: found)
        assert callbacks.progress_display().disable is (installed is None)


def test_notes_about_the_data_are_warnings(tmp_path):
    Image.fromarray(GRAY // 20).save(tmp_path / "dark.png")
    for dark in (GRAY // 20, tmp_path / "dark.png"):
        with pytest.warns(UserWarning, match="dark") as said:
            bw.fit(dark, **SMALL)
        assert said[0].filename == __file__


def test_divergence_is_an_error_with_a_name():
    with pytest.raises(bwtheory.training.Diverged, match=r"The loss is \S+ at epoch \d"):
        bw.fit(GRAY, "relu", **(SMALL | {"lr": 1e30}))


def test_in_a_notebook():
    for f, wide in ((bw.fit(COLOUR, **SMALL), True), (bw.fit((bw.grid(9), np.arange(9.0)), **SMALL), True)):
        with Image.open(io.BytesIO(f._repr_png_())) as shown:
            assert shown.format == "PNG" and (shown.width > 1.5 * shown.height) is wide
        assert re.fullmatch(r"<Fit of .*: bw-relu, .*loss \S+>", repr(f))


def test_several_runs_and_one_are_the_same_loop(monkeypatch):
    """The command line's runs, ``bw.fit`` and Gauss–Newton all go through ``loop.descend``."""
    calls = []
    monkeypatch.setattr("bwtheory.training.session.descend", lambda *given: (calls.append(given), loop.descend(*given))[1])
    bw.fit(GRAY, gauss_newton_after=3, **SMALL)
    ((descents, steppers, *_),) = calls
    assert len(descents) == 1 and [type(stepper).__name__ for stepper in steppers] == ["FirstOrder", "SecondOrder"]
    assert Session.finish.__module__ == "bwtheory.training.session"


def test_the_examples_in_docstrings():
    runner, finder = doctest.DocTestRunner(), doctest.DocTestFinder()
    for example in finder.find(bw.grid, "grid", globs={}):
        assert example.examples and runner.run(example).failed == 0


def test_public_names():
    for package in (bwtheory.training, bwtheory.tasks):
        assert sorted(package.__all__) == sorted(package._HOME)
    for name in bwtheory.training.__all__:
        assert getattr(bwtheory.training, name).__doc__
    assert bwtheory.training.fit is bw.fit and callable(bw.fit) and BWReLU.__doc__
    with pytest.raises(AttributeError, match="no attribute 'learn'"):
        bwtheory.training.learn  # noqa: B018


def test_the_page_is_true(photo, tmp_path, monkeypatch):
    """What docs/python.md says, run as it stands there, on a photograph; its first example has five lines."""
    page = (CHECKOUT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len([line for line in blocks[0].splitlines() if line.strip()]) == 5
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.kron(COLOUR, np.ones((8, 8, 1), dtype=np.uint8))).save("photo.jpg")
    names: dict = {"__name__": "page"}
    for number, block in enumerate(blocks):
        exec(compile(block if number == 0 else block.replace("steps=500", "steps=20"), f"block {number}", "exec"), names)
    with Image.open("picture.png") as picture:
        assert picture.size == (WIDTH, HEIGHT) and picture.mode == "RGB"
        assert np.abs(np.asarray(picture, dtype=float) - COLOUR).mean() < 5  # grey levels: it is that photograph
