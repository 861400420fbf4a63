"""Equations in weak form: the residual's norm, its adjoint, rates of convergence, and what a network makes of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from seeds import seeded

import bwtheory as bw
from bwtheory.tasks import build_task
from bwtheory.tasks.equation import EQUATIONS, finite_elements, hats, interpolation, relative_errors
from bwtheory.tasks.operators import Matrix, require_adjoint

EPS = 2.0**-52


def task_of(name: str, **options):
    return build_task("equation", name, "stretch", {"nodes": 9, **options})


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_adjoint_is_the_transpose(name):
    """⟨Ax, y⟩ = ⟨x, Aᵀy⟩, and the operator is the matrix that it shows."""
    operator = task_of(name).operator
    require_adjoint(operator, "the weak form")
    identity = torch.eye(81, dtype=torch.float64)
    assert torch.equal(operator(identity), operator.adjoint(identity).T)
    with pytest.raises(ValueError, match="is not the adjoint"):
        broken = Matrix(operator(identity).numpy())
        broken._adjoint = lambda y: broken._matrix.T @ y * 1.01
        require_adjoint(broken, "a wrong one")


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("nodes", [9, 17])
def test_the_loss_is_0_at_the_finite_element_solution_only(name, nodes):
    """‖Au − b‖ of n² numbers is rounding there, and A is regular, with a condition number that its grid allows."""
    task = task_of(name, nodes=nodes, data_seed=3)
    u = torch.from_numpy(finite_elements(name, nodes, 3).reshape(-1, 1))
    residual = task.operator(u) - task.measurements
    matrix = task.operator(torch.eye(nodes**2, dtype=torch.float64)).numpy()
    condition = np.linalg.cond(matrix)
    assert matrix.shape == (nodes**2, nodes**2) and condition < nodes**2
    assert residual.norm() < 100 * nodes * EPS * task.measurements.norm()


def test_the_loss_is_the_distance_in_the_energy():
    """For Poisson, ‖Au − b‖² = ∫|∇(u − u_h)|² for every u that is 0 on the boundary; bilinear functions, exactly integrated."""
    nodes, generator = 9, np.random.default_rng(seeded())
    task = task_of("poisson", nodes=nodes, data_seed=1)
    u = np.pad(generator.standard_normal((nodes - 2, nodes - 2)), 1)
    error = u - finite_elements("poisson", nodes, 1)
    points, weights = np.polynomial.legendre.leggauss(2)  # exact for squares of bilinear slopes
    h = 2 / (nodes - 1)
    energy = 0.0
    for i in range(nodes - 1):
        for j in range(nodes - 1):
            (a, b), (c, d) = error[i : i + 2, j : j + 2]
            for s, ws in zip((points + 1) / 2, weights / 2):
                across = ((1 - s) * (b - a) + s * (d - c)) / h
                down = ((1 - s) * (c - a) + s * (d - b)) / h
                energy += ws * h**2 * (across**2 + down**2)
    loss = float((task.operator(torch.from_numpy(u.reshape(-1, 1))) - task.measurements).square().sum())
    assert loss == pytest.approx(energy, rel=1e-11)  # 81 terms, κ = 10: some thousand roundings


@pytest.mark.parametrize("name", EQUATIONS)
def test_finite_elements_converge_as_theory_says(name):
    """Second order in L² and first in H¹, against the exact solution: halving h divides the errors by 4 and 2, to 10 %.

    Difference quotients over 1/m of a cell see √(1 − 1/m²) of the slope's error, m = 8 and 4: 2.5 % of the 10 %.
    """
    task = task_of(name, nodes=33, data_seed=2)
    coarse, fine = (task.of_finite_elements(nodes) for nodes in (17, 33))
    assert coarse["l2_error"] / fine["l2_error"] == pytest.approx(4, rel=0.1)
    assert coarse["h1_error"] / fine["h1_error"] == pytest.approx(2, rel=0.1)
    assert task.facts()["finite_elements"] == fine


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_truth_solves_the_equation(name):
    """Central differences of the exact solution: −Δu = f is what the load integrates, u_t = 0.05 u_xx."""
    _, solution = EQUATIONS[name](9, 5)
    x, y = np.random.default_rng(seeded()).uniform(-0.9, 0.9, (2, 50))
    h = 1e-4  # truncation h²·|u''''|/12 < 1e-4, rounding 4·EPS/h² < 1e-7

    def second(dx: float, dy: float) -> np.ndarray:
        return (solution(x + dx, y + dy) - 2 * solution(x, y) + solution(x - dx, y - dy)) / h**2

    if name == "heat":
        slope = (solution(x, y + h) - solution(x, y - h)) / (2 * h)
        assert np.abs(slope - 0.05 * second(h, 0)).max() < 1e-4
        assert np.abs(solution(np.array([-1.0, 1.0]), np.zeros(2))).max() < 100 * EPS
        return
    nodes = 65
    system, _ = EQUATIONS[name](nodes, 5)
    mass = (2 / (nodes - 1)) ** 2  # ∫ φ, and the load is f(node)·∫φ up to h²
    load = system.load.reshape(nodes - 2, nodes - 2) / mass
    grid = np.linspace(-1, 1, nodes)[1:-1]
    x, y = np.meshgrid(grid, grid)
    wanted = -second(h, 0) - second(0, h)
    assert np.abs(load - wanted).max() < 0.02 * np.abs(wanted).max()


def test_hats_integrate_what_they_span():
    """1 and x: masses add up to ∫1 = 2 and ∫x² = 2/3, stiffness to ∫1' = 0 and ∫(x')² = 2."""
    mass, stiffness = hats(7)
    x, one = np.linspace(-1, 1, 7), np.ones(7)
    assert one @ mass @ one == pytest.approx(2) and x @ mass @ x == pytest.approx(2 / 3)
    assert np.abs(stiffness @ one).max() < 100 * EPS and x @ stiffness @ x == pytest.approx(2)
    assert np.allclose(interpolation(7, x), np.eye(7)) and np.allclose(interpolation(7, np.array([0.1])) @ x, 0.1)


def test_errors_are_relative():
    side = 5
    x = np.tile(np.linspace(-1, 1, side), side)[:, None]
    assert relative_errors("heat", 1.1 * x, x) == pytest.approx((0.1, 0.1))
    assert relative_errors("poisson", x + 1, x)[1] == 0
    flat = np.repeat(np.linspace(-1, 1, side), side)[:, None]  # changes from row to row, which is time for heat
    assert relative_errors("heat", x + flat, x)[1] == 0 and relative_errors("poisson", x + flat, x)[1] == pytest.approx(1)


def test_the_strong_form_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="are 0 almost everywhere: its gradient with respect to all weights is 0"):
        task_of("poisson", strong_form=True)
    with pytest.raises(ValueError, match="5 to 65 nodes of an axis; got nodes=4"):
        task_of("heat", nodes=4)


def test_a_network_learns_it():
    """From 0 dB to 10, a third of the solution in L²; from the start by scales that docs/initialization.md recommends."""
    f = bw.fit("poisson", "bw-relu", task="equation", c=1.5, init="scales", nodes=17, steps=150, lr=5e-3, hidden_features=32)
    task = build_task("equation", "poisson", "stretch", {"nodes": 17})
    values = torch.from_numpy(np.asarray(f(task.grid.numpy()))).reshape(-1, 1)
    found = task.metrics(values)
    assert found["snr"] > 10 and found["l2_error"] == pytest.approx(10 ** (-found["snr"] / 20))
