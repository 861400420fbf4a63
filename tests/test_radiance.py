"""Radiance fields: rendering against closed forms, its derivative, cameras, and learning from views."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from seeds import seeded

import bwtheory as bw
from bwtheory.nn import INR
from bwtheory.tasks import build_task
from bwtheory.tasks.radiance import Rendering, cameras, density, directions, scene
from bwtheory.training.config import with_preset
from bwtheory.training.gradient import ChunkedNetworks
from bwtheory.training.session import train

EPS = 2.0**-52
TASKS = [("flatland", "discs"), ("radiance", "balls")]


def small(name: str, source: str, **options):
    return build_task(name, source, "stretch", {"views": 4, "pixels": 6, "side": 6, **options})


def random_values(task, columns: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seeded()).standard_normal((len(task.grid), columns)))


@pytest.mark.parametrize("name, source", TASKS)
def test_what_is_pulled_back_is_the_transposed_derivative(name, source):
    """⟨DC(v) w, y⟩ = ⟨w, pull(v, y)⟩, with the derivative by central differences: error t²/6·|D³| + EPS·|C|/t < 1e-7 of it."""
    task = small(name, source)
    values, direction = random_values(task), random_values(task).flip(0)
    y = torch.from_numpy(np.random.default_rng(seeded(1)).standard_normal((task.operator.measurements, 1)))
    t = 1e-5
    difference = (task.operator(values + t * direction) - task.operator(values - t * direction)) / (2 * t)
    left, right = float((difference * y).sum()), float((direction * task.operator.pull(values, y)).sum())
    assert abs(left - right) < 1e-6 * float(difference.norm() * y.norm())


def test_a_constant_fog_is_rendered_in_closed_form():
    """σ and c constant: c·(1 − exp(−σ·L)), L the length of the samples that are inside."""
    points, step = cameras(np.array([[1.0, 0.0], [0.6, 0.8]]), 5, 64)
    rendering = Rendering(points, 9, step)
    values = torch.tensor([[0.3, 0.7]], dtype=torch.float64).expand(81, 2)
    sigma = float(density(torch.tensor(0.3, dtype=torch.float64)))
    inside = (np.abs(points) <= 1).all(axis=2).sum(axis=1)
    wanted = 0.7 * -np.expm1(-sigma * step * inside)
    assert np.abs(rendering(values)[:, 0].numpy() - wanted).max() < 1000 * EPS
    assert rendering.measurements == 10 and inside.max() > 30


def test_what_is_in_front_hides_what_is_behind():
    """Two slabs across one ray: seen from either side, the nearer one's brightness."""
    side = 33
    x = np.tile(np.linspace(-1, 1, side), side)
    values = np.c_[np.where(np.abs(np.abs(x) - 0.5) < 0.2, 4.0, -2.0), np.where(x > 0, 0.9, 0.2)]
    for direction, brightness in ((1.0, 0.9), (-1.0, 0.2)):
        points, step = cameras(np.array([[direction, 0.0]]), 3, 256)
        found = Rendering(points, side, step)(torch.from_numpy(values))[1, 0]
        # A slab is 0.4 thick and its density 70: exp(−28) comes through; between them the fog has 2·10⁻⁵.
        assert abs(float(found) - brightness) < 1e-4


@pytest.mark.parametrize("dimensions", [2, 3])
def test_cameras_look_at_the_middle(dimensions):
    """The middle of an odd screen sees the middle of the scene; rays begin at the camera, and samples are a step apart."""
    views, _ = directions(dimensions, 3, 0)
    points, step = cameras(views, 5, 10)
    points = points.reshape(3, 5 ** (dimensions - 1), 10, dimensions)
    central = points[:, 5 ** (dimensions - 1) // 2]
    assert np.allclose(np.linalg.norm(np.diff(points, axis=2), axis=3), step)
    assert np.abs(central.mean(axis=1)).max() < 1e-12 and np.allclose(np.linalg.norm(views, axis=1), 1)
    assert (np.linalg.norm(points[:, :, 0] - 3 * views[:, None], axis=2) < 3).all()


@pytest.mark.parametrize("name, source", TASKS)
def test_the_scene_itself_has_no_error(name, source):
    task = small(name, source, data_seed=2)
    assert task.score(task.truth) == math.inf and torch.equal(task.operator(task.truth), task.measurements)
    other = small(name, source, data_seed=3)
    assert task.score(other.truth) < 30 and task.sha256 != other.sha256
    assert task.views.measurements == 2 * 6 ** (task.grid.shape[1] - 1)
    assert scene(2, 9, 1).shape == (81, 2)


def test_several_networks_are_rendered_column_by_column():
    task = small("flatland", "discs")
    values = random_values(task, 6)
    together = task.operator(values)
    apart = torch.cat([task.operator(part) for part in values.split(2, dim=1)], dim=1)
    assert torch.equal(together, apart) and together.shape == (24, 3)
    y = torch.ones(24, 3, dtype=torch.float64)
    pulled = torch.cat([task.operator.pull(part, y[:, :1]) for part in values.split(2, dim=1)], dim=1)
    assert torch.allclose(task.operator.pull(values, y), pulled, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name, source", TASKS)
def test_a_network_learns_new_views(name, source):
    """At least 6 dB better than an empty scene: half of the error."""
    task = build_task(name, source, "stretch", {"side": 12, "pixels": 12, "views": 8})
    size = {"side": 12, "pixels": 12, "views": 8}
    f = bw.fit(source, "bw-relu", task=name, c=1.5, init="scales", steps=150, hidden_features=32, lr=5e-3, **size)
    values = torch.from_numpy(np.asarray(f(task.grid.numpy())))
    assert task.score(values) > task.score(0 * task.truth) + 6


def test_gauss_newton_is_for_linear_measurements():
    task = small("flatland", "discs")
    given = {"task": "flatland", "source": "discs", "epochs": 4, "gauss_newton_after": 2, "hidden_features": 4, "device": "cpu"}
    with pytest.raises(ValueError, match="Gauss-Newton steps are for linear measurements"):
        train(with_preset(given), task, None)


def test_scenes_that_are_refused():
    with pytest.raises(ValueError, match=r"views, pixels and side >= 2, .* got views=1"):
        small("flatland", "discs", views=1)
    with pytest.raises(ValueError, match="at most 1,048,576 points"):
        small("radiance", "balls", side=200)


def test_the_gradient_of_the_loss_is_that_of_autograd():
    """Explicit passes and the operator's pull against autograd through both, in float64: sums of 24 rays and 36 points."""
    task = small("flatland", "discs")
    torch.manual_seed(seeded())
    network = INR(2, 2, 8, 2, activation="siren", omega_0=3.0).double()
    ChunkedNetworks([network], 16).least_squares(task.coordinates, task.measurements, task.operator)
    explicit = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    rendered = task.operator._forward(network(task.coordinates))
    (rendered - task.measurements).square().mean().backward()
    for found, parameter in zip(explicit, network.parameters(), strict=True):
        assert torch.allclose(found, parameter.grad, rtol=1e-9, atol=1e-12)
