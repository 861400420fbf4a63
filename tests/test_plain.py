"""``docs/plain.py`` is what a run of the package computes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

import bwtheory as bw

PROGRAM = Path(__file__).parents[1] / "docs" / "plain.py"
EPOCHS, WIDTH, DEPTH = 30, 12, 2


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def losses_and_weights(plain, pixels, seed, nudge=0.0, **changes):
    """Of the plain program in float64; ``nudge`` changes all initial weights by this relative amount, up or down."""
    net = plain.network(seed, pixels.shape[-1], width=WIDTH, depth=DEPTH).double()
    signs = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in net.parameters():
            weights *= 1 + nudge * (2 * torch.randint(2, weights.shape, generator=signs).double() - 1)
    x = plain.coordinates(*pixels.shape[:2]).double()
    losses = list(plain.train(net, x, torch.from_numpy(pixels).flatten(0, 1), EPOCHS, **changes))
    return np.array(losses), np.concatenate([weights.detach().flatten().numpy() for weights in net.parameters()])


def run_of_package(pixels, seed):
    f = bw.fit(
        pixels,
        "bw-relu",
        preset="paper",
        steps=EPOCHS,
        seed=seed,
        hidden_features=WIDTH,
        hidden_layers=DEPTH,
        double=True,
        log_every=1,
        probe=0.0,
        progress=False,
    )
    losses = np.array([row["loss"] for row in f.history])
    return losses, np.concatenate([weights.detach().flatten().numpy() for weights in f.network.parameters()])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_run_is_the_plain_program(plain, channels):
    """In float64 both differ by rounding only.

    A step adds up fewer than 10^4 numbers in another order, a relative change below 10^4·2^-53 < 2e-12 of what it adds.  What
    becomes of such changes is measured: initial weights changed by 1e-9, which is more than 30 steps of them put together.
    """
    pixels = np.random.default_rng(channels).random((9, 8, channels))
    expected, nudged = (losses_and_weights(plain, pixels, 41, nudge) for nudge in (0.0, 1e-9))
    other = losses_and_weights(plain, pixels, 41, lr=4e-3 * (1 + 1e-4))
    for found, want, near, far in zip(run_of_package(pixels, 41), expected, nudged, other):
        assert found.shape == want.shape
        bound = np.abs(near - want).max()
        assert np.abs(found - want).max() < bound < np.abs(far - want).max()


def test_the_program_runs(tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 8, 3), dtype=np.uint8)).save(picture)
    words = [sys.executable, str(PROGRAM), str(picture), "--shrink", "2", "--epochs", "10"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    first, last = (float(line.split()[2]) for line in lines)
    assert last > first
