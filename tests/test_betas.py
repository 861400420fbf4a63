"""Adam's betas: they arrive in the optimizer, stay after a kill, and are refused where they make no sense."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from disturbance import Killed, failing
from seeds import seeded
from torch import Tensor
from torch.nn.utils import parameters_to_vector

import bwtheory as bw
from bwtheory.cli import main
from bwtheory.nn import INR
from bwtheory.training.config import TrainingConfig
from bwtheory.training.run import build_optimizer

SMALL = {"steps": 6, "hidden_features": 8, "hidden_layers": 2, "log_every": 2, "device": "cpu", "progress": False}
IMAGE = np.random.default_rng(seeded(0)).uniform(0.2, 0.8, (9, 11))


def adam(network: INR, x: Tensor, y: Tensor, rates: list[float], beta1: float = 0.9, beta2: float = 0.999) -> list[Tensor]:
    """Algorithm 1 of Kingma and Ba (2015)."""
    parameters = list(network.parameters())
    means, squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    for step, rate in enumerate(rates, 1):
        gradients = torch.autograd.grad((network(x) - y).square().mean(), parameters)
        for p, m, v, g in zip(parameters, means, squares, gradients):
            m.mul_(beta1).add_((1 - beta1) * g)
            v.mul_(beta2).add_((1 - beta2) * g**2)
            p.data -= rate * (m / (1 - beta1**step)) / ((v / (1 - beta2**step)).sqrt() + 1e-8)
    return [p.detach() for p in parameters]


@pytest.mark.parametrize("betas", [{}, {"beta1": 0.6, "beta2": 0.9}, {"beta1": 0.0}, {"beta2": 0.5}])
def test_a_run_takes_adams_steps_with_its_betas(betas):
    """In float64: a gradient's rounding of 1e-15 moves a step of 4e-3 by less where the gradient is above ε = 1e-8.

    With other betas the weights differ by a part of a step, 1e-4 and more.
    """
    start: list[INR] = []
    f = bw.fit(
        IMAGE,
        preset="paper",
        double=True,
        callbacks=lambda step: start.append(copy.deepcopy(step.network)) if step.number == 0 else None,
        **SMALL,
        **betas,
    )
    x, y = torch.from_numpy(bw.grid(IMAGE.shape)).double(), torch.from_numpy(IMAGE).reshape(-1, 1)
    rates = [4e-3 * 0.1 ** (epoch / 6) for epoch in range(6)]
    expected = adam(copy.deepcopy(start[0]), x, y, rates, **betas)
    others = adam(copy.deepcopy(start[0]), x, y, rates, 0.7, 0.95)
    ended, expected, others = (parameters_to_vector(p) for p in (f.network.parameters(), expected, others))
    assert torch.allclose(ended, expected, rtol=0, atol=1e-9) and (ended - others).abs().max() > 1e-4


def test_a_killed_run_goes_on_with_its_betas(tmp_path):
    betas = {"beta1": 0.6, "beta2": 0.9, "preset": "paper"}
    bw.fit(IMAGE, run=tmp_path / "whole", **SMALL, **betas)
    bw.fit(IMAGE, run=tmp_path / "others", **SMALL, preset="paper")
    with pytest.raises(Killed), failing(40, Killed()):
        bw.fit(IMAGE, run=tmp_path / "killed", **SMALL, **betas)
    assert (tmp_path / "killed" / "checkpoint.pt").exists() and not (tmp_path / "killed" / "summary.json").exists()
    bw.fit(IMAGE, run=tmp_path / "killed", **SMALL, **betas)
    whole, others, killed = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "others", "killed"))
    assert killed == whole != others
    with pytest.raises(ValueError, match=r"beta1 = 0\.6, not 0\.9"):
        bw.fit(IMAGE, run=tmp_path / "whole", **SMALL, preset="paper")


def test_muon_leaves_them_to_adam():
    network = INR(2, 1, 5, 3)
    optimizer = build_optimizer(TrainingConfig("camera", optimizer="muon", beta1=0.6, beta2=0.9), network)
    assert [group["betas"] for group in optimizer.param_groups if "betas" in group] == [(0.6, 0.9)]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"beta1": 1.0}, r"beta1 .* lies in \[0, 1\)"),
        ({"beta2": -0.1}, r"beta2 .* lies in \[0, 1\)"),
        ({"beta2": float("nan")}, r"beta2 .* lies in \[0, 1\)"),
        ({"beta1": True}, "beta1 is a number"),
        ({"beta1": 0.8, "optimizer": "sgd"}, "sgd has none"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig("camera", **settings)


def test_from_the_command_line(tmp_path):
    words = "train signal --image camera --shrink 64 --hidden-features 4 --epochs 1 --device cpu --beta1 0.7 --beta2 0.95"
    assert main([*words.split(), "--out", str(tmp_path)]) == 0
    (run,) = tmp_path.iterdir()
    config = bw.load(run).config
    assert (config.beta1, config.beta2) == (0.7, 0.95)
