"""Gradients without autograd are those of autograd on the definitions; threads that share out chunks."""

from __future__ import annotations

import os
import threading

import pytest
import torch

from bwtheory.nn import ACTIVATIONS, INR, Activation, kernels, psi_seven_relus
from bwtheory.nn.network import to_double
from bwtheory.tasks.operators import BlockAverage
from bwtheory.training import gradient as gradient_module
from bwtheory.training.explicit import BLOCK
from bwtheory.training.gradient import ChunkedNetworks
from bwtheory.training.workers import Workers

DEFINITIONS = {  # where ``forward`` takes a shortcut of its own
    "bw-relu": lambda self, z: psi_seven_relus(self.c * z),
    "gauss": lambda self, z: torch.exp(-((self.sigma_0 * z) ** 2)),
    "finer": lambda self, z: torch.sin(self.omega_0 * (z.detach().abs() + 1) * z),
}
VARIANTS = [
    {},
    {"linear_layers": True, "hidden_layers": 3},
    {"skip": True, "input_scale": 0.5, "output_scale": 0.5, "output_shift": 0.5, "out_features": 3},
    {"hidden_layers": 1},
    {"in_features": 40, "hidden_features": 35, "out_features": 33},  # no layer is thin
]


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def networks_of(activation: str, count: int, **shape) -> list[INR]:
    torch.manual_seed(0)
    options = {"learnable": True} if activation == "bw-relu" else {}
    size = {"in_features": 2, "out_features": 1, "hidden_features": 12, "hidden_layers": 2} | shape
    if activation == "relu-rff":
        size["in_features"] = min(size["in_features"], 8)
        options = {"sigma": 1.0, "frequencies": 40}
    return [to_double(INR(**size, activation=activation, **options)) for _ in range(count)]


def everything(networks, x, y, chunk, operator=None, **ways) -> list[torch.Tensor]:
    for network in networks:
        network.zero_grad()
    chunked = ChunkedNetworks(networks, chunk, **ways)
    for _ in range(2):  # what is kept from one step must not be in the next
        chunked.start()
        losses, values = chunked.least_squares(x, y, operator)
    gradients = [torch.view_as_real(p.grad + 0j).clone() for network in networks for p in network.parameters()]
    return [losses, values.clone(), *gradients]


@pytest.mark.parametrize("shape", VARIANTS, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_the_definition(activation, shape, threads, monkeypatch):
    """Float64; FINER's phases reach 10³ and have 12 digits.  Whole blocks, an odd chunk, all at once; one network and three."""
    for count in (1, 3):
        networks = networks_of(activation, count, **shape)
        points = 2 * BLOCK + 45
        x = torch.rand(points, networks[0].in_features, dtype=torch.float64) * 2 - 1
        y = torch.rand(points, networks[0].out_features, dtype=torch.float64)
        with monkeypatch.context() as definitions:
            cls = type(networks[0].activation)
            definitions.setattr(cls, "prepared", lambda self, linear, active=True: (linear.weight, linear.bias))
            definitions.setattr(cls, "of_prepared", Activation.of_prepared)
            definitions.setattr(cls, "features", Activation.features)
            if activation in DEFINITIONS:
                definitions.setattr(cls, "forward", DEFINITIONS[activation])
            expected = everything(networks, x, y, points, explicit=False)
        for chunk in (count * BLOCK, 2 * BLOCK * count, 77, points):
            for ours, theirs in zip(everything(networks, x, y, chunk), expected, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10 * max(1, float(theirs.abs().max())))


@pytest.mark.parametrize("keep", [0, 2**31])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_through_an_operator(activation, keep, threads, monkeypatch):
    monkeypatch.setattr(gradient_module, "KEEP_BYTES", keep)
    networks = networks_of(activation, 2)
    operator = BlockAverage((12, 20), 4)
    x, y = torch.rand(240, 2, dtype=torch.float64) * 2 - 1, torch.rand(15, 1, dtype=torch.float64)
    expected = everything(networks, x, y, 240, operator, explicit=False)
    for chunk in (60, 2 * BLOCK):
        for ours, theirs in zip(everything(networks, x, y, chunk, operator), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10 * max(1, float(theirs.abs().max())))


@pytest.mark.parametrize("numba", [True, False])
def test_slopes_at_knots_are_those_of_the_seven_relus(numba, monkeypatch):
    """All pre-activations are multiples of 1/2, knots among them, exactly; there each ReLU has slope 0."""
    if numba:
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(kernels, "has_numba", lambda: False)
    (network,) = networks_of("bw-relu", 1, hidden_layers=1)
    with torch.no_grad():
        for parameter in network.hidden[0].parameters():
            parameter.copy_((4 * parameter).round() / 2)
    x, y = torch.randint(-3, 4, (200, 2)).double(), torch.rand(200, 1).double()
    z = network.hidden[0](x)
    assert float((((2 * z) % 1 == 0) & (z >= 0) & (z <= 3)).double().mean()) > 0.3
    found = everything([network], x, y, BLOCK)
    monkeypatch.setattr(type(network.activation), "of_prepared", lambda self, u: psi_seven_relus(u + 1.5))
    for ours, theirs in zip(found, everything([network], x, y, 200, explicit=False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    monkeypatch.setattr(type(network.activation), "of_prepared", lambda self, u: psi_seven_relus(u + 1.5 + 1e-9))
    wrong = everything([network], x, y, 200, explicit=False)
    assert not torch.allclose(found[2], wrong[2], rtol=0, atol=1e-3)  # the slope on the right is another one


class Own(Activation):
    def __init__(self):
        super().__init__()
        self.steepness = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, z):
        return torch.tanh(self.steepness * z)


class OwnLayer(ACTIVATIONS["relu"]):
    def layer(self, x, linear):
        return self(2 * linear(x))


class OwnForward(ACTIVATIONS["siren"]):
    def forward(self, z):
        return torch.cos(z)


@pytest.mark.parametrize("activation", [Own, OwnLayer, OwnForward])
def test_activations_of_ones_own_go_by_autograd(activation):
    torch.manual_seed(0)
    network = INR(2, 1, 6, 2, activation).double()
    assert not activation.has_pull() and all(ACTIVATIONS[name].has_pull() for name in ACTIVATIONS)
    x, y = torch.rand(50, 2).double(), torch.rand(50, 1).double()
    found = everything([network], x, y, 16)
    network.zero_grad()
    (network(x) - y).square().mean().backward()
    for ours, p in zip(found[2:], network.parameters(), strict=True):
        torch.testing.assert_close(ours[..., 0], p.grad, rtol=0, atol=1e-14)


def test_the_same_twice(threads):
    """Which thread takes which chunk must not be up to the threads: single precision, bit for bit."""
    networks = [network.float() for network in networks_of("bw-relu", 1, hidden_features=64)]
    x, y = torch.rand(1000, 2), torch.rand(1000, 1)
    first = everything(networks, x, y, BLOCK)
    for _ in range(5):
        assert all(torch.equal(a, b) for a, b in zip(first, everything(networks, x, y, BLOCK)))


def test_workers_share_out_everything_once(threads):
    workers, done = Workers(), []
    found = workers.share(lambda thread, part: done.extend(part) or (thread, torch.get_num_threads()), 7, threads)
    assert sorted(done) == list(range(7)) and found == [(thread, 1) for thread in range(threads)]
    assert torch.get_num_threads() == threads
    with pytest.raises(ZeroDivisionError):
        workers.share(lambda thread, part: 1 / (threads - 1 - thread), 7, threads)
    assert torch.get_num_threads() == threads


def test_one_piece_of_work_has_all_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        workers = Workers()
        assert workers.threads(1) == 1
        (found,) = workers.share(lambda thread, part: (torch.get_num_threads(), threading.current_thread()), 1, 1)
        assert found == (2, threading.main_thread())
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_workers_of_its_own():
    workers = Workers()
    work = lambda thread, part: list(part)  # noqa: E731
    assert workers.share(work, 4, 2) == [[0, 2], [1, 3]]
    child = os.fork()
    if not child:
        os._exit(7 if workers.share(work, 4, 2) == [[0, 2], [1, 3]] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
