"""Gauss–Newton steps against the dense Jacobian, and as a part of a run."""

import pytest
import torch

from bwtheory.nn import INR
from bwtheory.nn.network import to_double
from bwtheory.tasks.operators import BlockAverage
from bwtheory.training.gauss_newton import DAMPING, GaussNewton

NETWORKS = {
    "bw-relu": {"c": 3.0},
    "relu": {},
    "relu-pe": {"frequencies": 2},
    "relu-rff": {},
    "siren": {"omega_0": 5.0},
    "gauss": {"sigma_0": 2.0},
    "finer": {"omega_0": 5.0, "first_bias_scale": 1.0},
}


def problem(activation="bw-relu", channels=1, operator=None, chunk=7, **shape):
    torch.manual_seed(0)
    network = to_double(INR(2, channels, 5, 3, activation, **shape, **NETWORKS[activation]))
    x = torch.rand(16, 2, dtype=torch.float64) * 2 - 1
    y = torch.rand(operator.measurements if operator else 16, channels, dtype=torch.float64)
    return network, x, y, GaussNewton(network, x, y, operator, chunk)


def jacobian(network, x, operator=None):
    """(M·C, P), by finite differences of every parameter in the solver's order: independent of any derivative in the code."""
    own = [p for linear in network.linears for p in (linear.weight, linear.bias)]
    own += [network.skip.weight] if network.skip is not None else []
    columns = []
    with torch.no_grad():
        for p in own:
            for i in range(p.numel()):
                h = 1e-7
                p.view(-1)[i] += h
                above = network(x)
                p.view(-1)[i] -= 2 * h
                below = network(x)
                p.view(-1)[i] += h
                change = (above - below) / (2 * h)
                columns.append((operator(change) if operator else change).flatten())
    return torch.stack(columns, dim=1)


SHAPES = [
    {},
    {"linear_layers": True},
    {"skip": True, "input_scale": 1.5},
    {"output_scale": 0.5, "output_shift": 0.5},
    {"channels": 3},
]


@torch.no_grad()
@pytest.mark.parametrize(("activation", "shape"), [(a, {}) for a in NETWORKS] + [("bw-relu", shape) for shape in SHAPES[1:]])
def test_products_are_those_of_the_jacobian(activation, shape):
    network, x, y, solver = problem(activation, **shape)
    dense = jacobian(network, x)
    loss, values = solver.linearize()
    assert torch.allclose(values[0], network(x), rtol=1e-12) and torch.allclose(loss[0], (network(x) - y).square().mean())
    torch.manual_seed(1)
    vector, change = torch.randn(dense.shape[1], dtype=torch.float64), torch.randn_like(y)
    scale = dense.norm()
    assert torch.allclose(solver._transposed(change), dense.T @ change.flatten(), atol=1e-6 * scale)
    assert torch.allclose(solver._curvature(vector), dense.T @ (dense @ vector), atol=1e-6 * scale**2)


@torch.no_grad()
def test_products_through_an_operator():
    operator = BlockAverage((4, 4), 2)
    network, x, y, solver = problem(operator=operator)
    dense = jacobian(network, x, operator)
    solver.linearize()
    vector = torch.randn(dense.shape[1], dtype=torch.float64)
    assert torch.allclose(solver._curvature(vector), dense.T @ (dense @ vector), atol=1e-6 * dense.norm() ** 2)


@torch.no_grad()
def test_preconditioner_is_the_inverse_of_the_squared_columns():
    network, x, _, solver = problem(channels=3)
    squares = jacobian(network, x).square().sum(0)
    solver.linearize()
    found = solver._shaped(solver._preconditioner())
    for own, expected in zip(found, solver._shaped(squares)):
        assert torch.allclose(1 / own, expected + DAMPING * expected.max(), rtol=1e-4, atol=1e-6 * float(squares.max()))


def test_features_computed_again_give_the_same_step(monkeypatch):
    steps = []
    for limit in (2**31, 0):
        monkeypatch.setattr("bwtheory.training.gauss_newton.KEEP_BYTES", limit)
        *_, solver = problem()
        solver.linearize()
        assert (solver._parts is None) == (limit == 0)
        steps.append(solver.solve(10))
    assert torch.equal(*steps)


def test_conjugate_gradients_solve_the_linearized_problem(monkeypatch):
    network, x, y, solver = problem("siren")
    dense = jacobian(network, x)
    monkeypatch.setattr(solver, "_shortened", lambda step: step)
    solver.linearize()
    residual = (y - network(x)).detach().flatten()
    left = [float((residual - dense @ solver.solve(n)).norm() / residual.norm()) for n in (1, 8, 24, 100)]
    assert 1 > left[0] > left[1] > left[2] and left[3] < 1e-5  # there are more parameters than values


def test_nothing_lowers_the_loss_of_a_perfect_fit():
    network, x, _, _ = problem()
    solver = GaussNewton(network, x, network(x).detach(), None, 7)
    solver.linearize()
    assert solver.solve(3) is None


def test_an_interrupt_is_noticed_between_two_iterations():
    *_, solver = problem()
    solver.linearize()
    before = solver.network.state_dict()["output.weight"].clone()
    assert solver.solve(1000, interrupted=[2]) is None
    assert torch.equal(solver.network.state_dict()["output.weight"], before)


@pytest.mark.parametrize(
    ("network", "words"),
    [(INR(1, 1, 4, 2, "wire"), "real weights, not for WIRE"), (INR(1, 1, 4, 2, learnable=True), "not activation.log_c")],
)
def test_networks_it_is_not_for_are_refused(network, words):
    with pytest.raises(ValueError, match=words):
        GaussNewton(network, torch.zeros(3, 1), torch.zeros(3, 1), None, 4)
