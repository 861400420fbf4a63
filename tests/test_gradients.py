"""Derivatives as data: what is measured of a function, what theory says of ψ, and that they help between the points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import bwtheory as bw
from bwtheory.nn import INR
from bwtheory.tasks.given import points
from bwtheory.tasks.gradients import DifferenceQuotients
from bwtheory.tasks.operators import require_adjoint


def quadratic(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two channels in two dimensions, and their derivatives (N, 2, 2)."""
    u, v = x.T
    values = np.stack([u * u - u * v, 3 * v], axis=1)
    return values, np.stack([np.stack([2 * u - v, -u], 1), np.stack([0 * u, 3 + 0 * v], 1)], axis=1)


def test_the_measurements_of_the_function_are_its_data():
    """Central quotients are exact for quadratics, up to rounding: float64 values of size 10, over 2h = 0.1."""
    x = np.random.default_rng(0).uniform(-1, 1, (9, 2))
    values, slopes = quadratic(x)
    task = points(x, values, gradients=slopes, gradient_step=0.05, gradient_weight=0.7)
    there = torch.from_numpy(quadratic(task.coordinates.numpy())[0])
    assert float((task.operator(there) - task.measurements).abs().max()) < 100 * 10 * 2.0**-52 / 0.1
    assert len(task.coordinates) == 9 * 5 and len(task.measurements) == 9 * 3
    assert task.score(there) < 1e-14 and task.metrics(there)["gradient_rmse"] < 1e-11
    wrong = task.metrics(there * 2)
    assert wrong["gradient_rmse"] == pytest.approx(float(np.sqrt((slopes**2).mean())), rel=1e-9)
    assert wrong["rmse"] == pytest.approx(float(np.sqrt((values**2).mean())), rel=1e-9)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_quotients_have_an_exact_adjoint(dimensions):
    require_adjoint(DifferenceQuotients(7, dimensions, 0.1, 2.0), "Quotients", channels=2)


@pytest.mark.parametrize("layers", [1, 2])
def test_no_bias_learns_from_the_derivative_at_points(layers):
    """ψ′ is piecewise constant: ∂(∇f)/∂b = 0 almost everywhere, in every layer; sine's is not, nor is ψ's quotient.

    Weights do learn from it. That is why derivatives are fitted over segments.
    """
    x = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (40, 2)))

    def gradients(activation: str, quotient: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        net = INR(2, 1, 9, layers, activation).double()
        if quotient:
            h = 0.05
            steps = h * torch.eye(2, dtype=x.dtype)
            slopes = torch.cat([(net(x + one) - net(x - one)) / (2 * h) for one in steps], 1)
        else:
            place = x.clone().requires_grad_()
            (slopes,) = torch.autograd.grad(net(place).sum(), place, create_graph=True)
        loss = (slopes - 1).square().sum()
        found = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True, materialize_grads=True)
        return [g for (name, _), g in zip(net.named_parameters(), found) if name.startswith("hidden") and g.ndim == 1]

    assert all(torch.equal(g, torch.zeros_like(g)) for g in gradients("bw-relu", quotient=False))
    assert all(float(g.abs().max()) > 0 for g in gradients("bw-relu", quotient=True))
    assert all(float(g.abs().max()) > 0 for g in gradients("siren", quotient=False))


@pytest.mark.parametrize("activation, options", [("bw-relu", {"c": 1.5, "init": "scales"}), ("siren", {"omega_0": 5.0})])
def test_derivatives_help_between_the_points(activation, options):
    """A sine of three periods from twelve points: with derivatives the error between these is smaller.

    Half as large or less, typically; training scatters it from start to start by a factor of 1.4 (of 24 starts), and so do
    other roundings.  The geometric mean of six is known to a factor of 1.4^(1/√6) = 1.15, and asked to be below 3/4.
    """
    x = np.linspace(-1, 1, 12)
    fine = np.linspace(-0.95, 0.95, 301)
    settings = {"steps": 300, "hidden_features": 24, "hidden_layers": 2, "progress": False, "lr": 1e-2, **options}
    factors = []
    for seed in range(6):
        plain = bw.fit((x, np.sin(10 * x)), activation, seed=seed, **settings)
        with_slopes = bw.fit((x, np.sin(10 * x)), activation, seed=seed, gradients=10 * np.cos(10 * x), **settings)
        errors = [float(np.sqrt(np.mean((f(fine[:, None])[:, 0] - np.sin(10 * fine)) ** 2))) for f in (plain, with_slopes)]
        factors.append(errors[1] / errors[0])
    assert np.exp(np.mean(np.log(factors))) < 3 / 4, factors
    assert {"rmse", "gradient_rmse"} <= with_slopes.summary.keys()


@pytest.mark.parametrize(
    "given, message",
    [
        (
            {"gradients": np.zeros((5, 2))},
            r"derivatives of 1 channels along 1 coordinates at 5 points, \(5, 1, 1\); got \(5, 2\)",
        ),
        ({"gradients": np.zeros(5), "gradient_step": 1e-9}, "gradient_step >= 0.0001; got 1e-09"),
        ({"gradients": np.zeros(5), "gradient_weight": 0.0}, "gradient_weight > 0; got 0"),
        ({"gradients": np.full(5, np.nan)}, "gradients holds finite numbers; 5 of 5"),
        ({"gradient_step": 0.1}, "gradient_step and gradient_weight are about gradients, and there are none"),
        ({"gradients": np.zeros(5), "operator": np.eye(5)}, "with an operator there are no such values"),
    ],
)
def test_what_makes_no_sense_is_refused(given, message):
    x = np.linspace(-1, 1, 5)
    with pytest.raises(ValueError, match=message):
        bw.fit((x, x), steps=1, progress=False, **given)


def test_it_goes_on_in_its_folder(tmp_path):
    x = np.linspace(-1, 1, 6)

    def fit(steps: int):
        return bw.fit((x, x**2), gradients=2 * x, steps=steps, hidden_features=5, run=tmp_path / "run", progress=False)

    fit(3)
    whole = bw.fit((x, x**2), gradients=2 * x, steps=3, hidden_features=5, progress=False)
    assert torch.equal(fit(3).network.output.weight, whole.network.output.weight)
    with pytest.raises(ValueError, match="other data"):
        bw.fit((x, x**2), gradients=3 * x, steps=3, hidden_features=5, run=tmp_path / "run", progress=False)
