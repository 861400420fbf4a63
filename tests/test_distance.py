"""Signed distances: the formulas against distances to many points of the surface, samples, and learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from seeds import seeded

import bwtheory as bw
from bwtheory.tasks import build_task
from bwtheory.tasks.distance import NEAR, SHAPES


def surface(name: str, count: int) -> np.ndarray:
    """Points of the surface, at most 0.01 from a neighbour."""
    if name == "torus":
        around, across = np.meshgrid(*(np.linspace(0, 2 * np.pi, count, endpoint=False),) * 2)
        ring = 0.55 + 0.2 * np.cos(across)
        return np.stack([ring * np.cos(around), ring * np.sin(around), 0.2 * np.sin(across)], axis=-1).reshape(-1, 3)
    half = np.array([0.35, 0.45, 0.55])
    first, second = np.meshgrid(*(np.linspace(-1, 1, count),) * 2)
    faces = []
    for axis in range(3):
        for sign in (-1, 1):
            face = np.empty((count * count, 3))
            face[:, axis] = sign
            face[:, [i for i in range(3) if i != axis]] = np.c_[first.ravel(), second.ravel()]
            faces.append(face * half)
    return np.concatenate(faces)


@pytest.mark.parametrize("name", SHAPES)
def test_distances_are_those_to_the_surface(name):
    """The nearest of points δ apart is at most √(r² + δ²/2) away where the distance is r; inside is negative."""
    x = np.random.default_rng(seeded()).uniform(-1, 1, (300, 3))
    points = surface(name, 500)
    delta = 2 * np.pi * 0.75 / 500  # the largest gap: along the outside of the torus
    nearest, _ = cKDTree(points).query(x)
    found = SHAPES[name](x)
    assert (np.abs(found) <= nearest + 1e-12).all()
    assert (nearest <= np.sqrt(found**2 + delta**2 / 2) + 1e-12).all()
    inside = {"torus": np.array([[0.55, 0, 0]]), "box": np.zeros((1, 3))}[name]
    assert SHAPES[name](inside) == pytest.approx({"torus": -0.2, "box": -0.35}[name])
    assert (found > 0).any() and SHAPES[name](np.array([[1.0, 1.0, 1.0]]))[0] > 0


@pytest.mark.parametrize("name", SHAPES)
def test_samples_are_near_the_surface_by_half(name):
    task = build_task("distance", name, "stretch", {"points": 400, "data_seed": 1})
    assert len(task.coordinates) == 400 and (task.measurements[200:].abs() < NEAR).all()
    assert (task.measurements[:200].abs() >= NEAR).float().mean() > 0.4
    exact = task.metrics(task.truth)
    assert exact["snr"] == np.inf and exact["iou"] == 1
    assert task.metrics(-task.truth)["iou"] == 0 and task.metrics(task.truth.abs() + 1)["iou"] == 0
    with pytest.raises(ValueError, match="2 to 4,194,304 points; got points=1"):
        build_task("distance", name, "stretch", {"points": 1})


def test_a_network_learns_the_solid():
    """Half of the volume in common, from 32 neurons and 150 steps."""
    f = bw.fit("box", "bw-relu", task="distance", c=1.5, init="scales", points=500, steps=150, hidden_features=32, lr=5e-3)
    task = build_task("distance", "box", "stretch", {})
    found = task.metrics(torch.from_numpy(np.asarray(f(task.grid.numpy()))).reshape(-1, 1))
    assert found["iou"] > 0.5 and found["snr"] > 10
