"""Muon beside Adam: which parameters each moves, one state for both, and the stable rank that goes with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import bwtheory as bw
from bwtheory import cli
from bwtheory.nn import INR, stable_rank, stable_ranks
from bwtheory.tasks import build_task
from bwtheory.training.config import with_preset
from bwtheory.training.muon import MuonWithAdam, matrices_of
from bwtheory.training.run import RunDirectory, build_optimizer
from bwtheory.training.session import train

IMAGE = np.random.default_rng(0).uniform(0.2, 0.8, (9, 11))


def config(**given):
    settings = {"source": "camera", "optimizer": "muon", "epochs": 6, "hidden_features": 5, "log_every": 2}
    return with_preset({**settings, **given}, {}, {"shrink": 64})


@pytest.mark.parametrize("init", ["pytorch", "scales"])
@pytest.mark.parametrize("double", [False, True])
def test_matrices_between_hidden_layers_go_by_muon_and_the_others_by_adam(init, double):
    """Muon's step is torch.optim.Muon's on these matrices, Adam's torch.optim.Adam's on the others, with their step sizes."""
    torch.manual_seed(0)
    network = INR(2, 1, 5, 3, c=2.0, init=init)
    network = network.double() if double else network
    twin = INR(2, 1, 5, 3, c=2.0, init=init).to(next(network.parameters()).dtype)
    twin.load_state_dict(network.state_dict())
    optimizer = build_optimizer(config(init=init), network)
    matrices = [layer.linear.weight for layer in twin.layers()[1:3]]
    multiple = {id(p): g["lr_multiple"] for g in twin.parameter_groups(1.0) for p in g["params"]}
    rate = config(init=init).lr
    apart = [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
        *(
            torch.optim.Adam([p], lr=rate * multiple[id(p)], fused=True)
            for p in twin.parameters()
            if all(p is not m for m in matrices)
        ),
    ]
    x = torch.linspace(-1, 1, 14, dtype=next(network.parameters()).dtype).view(7, 2)
    for _ in range(3):
        for net in (network, twin):
            net.zero_grad()
            net(x).square().sum().backward()
        optimizer.step()
        for each in apart:
            each.step()
    for name, value in twin.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path, monkeypatch):
    """Bit for bit: after three steps it is killed, with momentum and moments in the checkpoint."""
    task = build_task("signal", "camera", "stretch", {"shrink": 64})
    runs = [RunDirectory.create(tmp_path / name, config()) for name in ("whole", "halves")]
    train(config(), task, runs[0])

    real, steps = MuonWithAdam.step, []

    def step(self, closure=None):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return real(self, closure)

    from bwtheory.training import callbacks

    monkeypatch.setattr(callbacks, "CHECKPOINT_EVERY_SECONDS", -1.0)
    with monkeypatch.context() as patched:
        patched.setattr(MuonWithAdam, "step", step)
        with pytest.raises(KeyboardInterrupt):
            train(config(), task, runs[1])
    state = runs[1].load_checkpoint(config())
    assert state["epoch"] == 3
    kept = [set(moment) for _, moment in sorted(state["optimizer"]["state"].items())]
    assert kept.count({"momentum_buffer"}) == 2 and kept.count({"step", "exp_avg", "exp_avg_sq"}) == 6
    train(config(), task, runs[1])
    assert runs[0].metrics_file.read_bytes() == runs[1].metrics_file.read_bytes()
    first, second = (bw.load(run.path).network.state_dict() for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("part, number", [("momentum_buffer", 0), ("exp_avg", 2)])
def test_a_checkpoint_with_a_moment_of_another_shape_is_refused(part, number, tmp_path):
    task = build_task("signal", "camera", "stretch", {"shrink": 64})
    run = RunDirectory.create(tmp_path / "run", config())
    train(config(), task, run)
    run.summary_file.unlink()
    state = run.load_checkpoint(config())
    state["optimizer"]["state"][number][part] = torch.zeros(2)
    run.save_checkpoint({name: value for name, value in state.items() if name != "sealed"})
    with pytest.raises(ValueError, match=f"optimizer.state.{number}.{part} is"):
        train(config(), task, run)


@pytest.mark.parametrize(
    "words, message",
    [
        (["--activation", "wire"], "Muon is for real matrices, and Wire has complex ones; take Adam."),
        (["--hidden-layers", "1"], "one hidden layer has none; take more, or Adam."),
    ],
)
def test_what_muon_is_not_for_is_refused(words, message, tmp_path, capsys):
    given = ["--image", "camera", "--shrink", "64", "--epochs", "1", "--optimizer", "muon", "--out", str(tmp_path / "runs")]
    assert cli.main(["train", "signal", *given, *words]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_muon_is_for_an_inr():
    module = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    with pytest.raises(ValueError, match="Muon is for the layers of an INR; Sequential is none"):
        bw.fit(module, bw.grid((3, 4)), np.zeros(12), steps=1, optimizer="muon", progress=False)
    with pytest.raises(ValueError, match="log_stable_rank is for an INR"):
        bw.fit(module, bw.grid((3, 4)), np.zeros(12), steps=1, log_stable_rank=True, progress=False)


def test_layers_without_an_activation_are_matrices_too():
    network = INR(2, 1, 4, 2, linear_layers=True)
    assert [id(matrix) for matrix in matrices_of(network)] == [id(network.between[0].weight), id(network.hidden[1].weight)]


def test_stable_rank():
    """‖A‖²_F/‖A‖²: 1 for a product of two vectors, n for an orthogonal matrix, Σσ²/σ₁² in general, 0 for zeros."""
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(n, generator=generator, dtype=torch.float64) for n in (7, 4))
    q, _ = torch.linalg.qr(torch.randn(7, 4, generator=generator, dtype=torch.float64))
    # rounding of a Gram matrix of 7 products and of its eigenvalues, relative to the largest one
    close = {"rel": 100 * 2.0**-52}
    assert stable_rank(torch.outer(a, b)) == pytest.approx(1, **close)
    assert stable_rank(3 * q) == pytest.approx(4, **close) == stable_rank(3 * q.mT)
    assert stable_rank(q * torch.tensor([4.0, 2.0, 2.0, 1.0], dtype=torch.float64)) == pytest.approx(25 / 16, **close)
    assert stable_rank(torch.complex(q, q)) == pytest.approx(4, **close)
    assert stable_rank(torch.zeros(3, 2)) == 0


def test_a_run_logs_it_in_every_row():
    fit = bw.fit(
        IMAGE, "siren", steps=4, hidden_features=6, log_every=2, log_stable_rank=True, optimizer="muon", progress=False
    )
    rows = [row["stable_rank"] for row in fit.history]
    assert len(rows) == 3 and all(len(row["weights"]) == 2 and len(row["features"]) == 3 for row in rows)
    assert all(1 <= value <= 6 + 1e-9 for row in rows for value in row["weights"] + row["features"])
    x = torch.from_numpy(bw.grid(IMAGE.shape)).float()
    # the coordinates are trained on in float32; the log's sample is all of them, in some order
    assert rows[-1]["weights"] == pytest.approx(stable_ranks(fit.network, x)["weights"], rel=1e-9)
