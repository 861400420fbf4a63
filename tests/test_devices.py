"""A step on another device than the CPU, without one: tensors on "meta" have shapes and no numbers.

PyTorch refuses to mix them with tensors in memory, but for those of a single number, and to read a number of them.  So a step
that runs there has left no array behind on the CPU, and waits for no result of the device.
"""

import pytest
import torch

from bwtheory.nn import ACTIVATIONS, INR
from bwtheory.tasks.operators import BlockAverage, ParallelBeam, Sampling
from bwtheory.training import gradient
from bwtheory.training.gauss_newton import GaussNewton
from bwtheory.training.gradient import ChunkedNetworks

OPERATORS = {
    "none": lambda: None,
    "blocks": lambda: BlockAverage((8, 8), 2),
    "projections": lambda: ParallelBeam((8, 8), [0.0, 30.0, 90.0], method="sparse"),
    "projections, matrix-free": lambda: ParallelBeam((8, 8), [0.0, 30.0, 90.0], method="matrix-free"),
    "some pixels": lambda: Sampling((8, 8), torch.arange(0, 64, 3)),
}


def problem(activation, operator, count=1):
    networks = [INR(2, 1, 8, 3, activation).to("meta") for _ in range(count)]
    operator = OPERATORS[operator]()
    operator = operator and operator.to("meta", torch.float32)
    x = torch.rand(64, 2, device="meta")
    return networks, x, torch.rand(operator.measurements if operator else 64, 1, device="meta"), operator


def step(activation, operator, count=1):
    networks, x, y, operator = problem(activation, operator, count)
    chunked = ChunkedNetworks(networks, 20)
    optimizer = torch.optim.Adam([p for network in networks for p in network.parameters()])
    losses, values = chunked.least_squares(x, y, operator)
    optimizer.step()
    return losses, values


@pytest.mark.parametrize("keep", [2**31, 0])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_step_stays_on_its_device(activation, count, keep, monkeypatch):
    monkeypatch.setattr(gradient, "KEEP_BYTES", keep)
    for operator in ("none", "blocks"):
        losses, values = step(activation, operator, count)
        assert losses.device.type == values.device.type == "meta" and values.shape == (count, 64, 1)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_stay_on_their_device(operator):
    losses, _ = step("bw-relu", operator)
    assert losses.device.type == "meta"


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("activation", ["bw-relu", "siren", "finer"])
def test_conjugate_gradients_stay_on_their_device(activation, operator, monkeypatch):
    (network,), x, y, operator = problem(activation, operator)
    solver = GaussNewton(network, x, y, operator, 20)
    solver._residual = y.clone()
    monkeypatch.setattr(
        solver, "_shortened", lambda step, gain: step
    )  # one number is read a Gauss–Newton step, to see if it is one
    solution = solver.solve(3)
    solver.move(solution)
    assert solution.device.type == "meta" and solution.shape == (solver.size,)


def test_what_is_left_behind_or_waited_for_is_noticed():
    (network,), x, _, _ = problem("bw-relu", "none")
    with pytest.raises(RuntimeError):
        float(network(x).detach().sum())
    with pytest.raises(RuntimeError):
        network(x) - torch.zeros(64, 1)
