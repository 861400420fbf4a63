"""Gradients without autograd are those of autograd on the definitions; threads that share out chunks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from seeds import seeded
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.prune import random_unstructured

from bwtheory.nn import ACTIVATIONS, INR, Activation, Fused, kernels, psi_seven_relus
from bwtheory.nn.activations import kernels_of
from bwtheory.nn.explicit import Pass
from bwtheory.nn.network import reason_for_autograd
from bwtheory.nn.products import BLOCK, usual_products
from bwtheory.nn.workers import Workers, one_thread, threads_for
from bwtheory.tasks.operators import BlockAverage
from bwtheory.training import gradient as gradient_module
from bwtheory.training.gradient import ChunkedNetworks, predict

DEFINITIONS = {  # where ``forward`` has a gradient that is written out
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


def run_elsewhere(code: str, **environment: str) -> subprocess.CompletedProcess:
    """In a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), **environment}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=100, check=False)


def networks_of(activation: str, count: int, **shape) -> list[INR]:
    torch.manual_seed(seeded())
    options = {"learnable": True} if activation == "bw-relu" else {}
    size = {"in_features": 2, "out_features": 1, "hidden_features": 12, "hidden_layers": 2} | shape
    if activation == "relu-rff":
        size["in_features"] = min(size["in_features"], 8)
        options = {"sigma": 1.0, "frequencies": 40}
    return [INR(**size, activation=activation, **options).double() for _ in range(count)]


def everything(networks, x, y, chunk, operator=None, **ways) -> list[torch.Tensor]:
    for network in networks:
        network.zero_grad()
    chunked = ChunkedNetworks(networks, chunk, **ways)
    for _ in range(2):  # what is kept from one step must not be in the next
        losses, values = chunked.least_squares(x, y, operator)
    gradients = [p.grad.clone() for network in networks for p in network.parameters()]
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
    monkeypatch.setattr(type(network.activation), "forward", lambda self, z: psi_seven_relus(self.c * z))
    for ours, theirs in zip(found, everything([network], x, y, 200, explicit=False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    monkeypatch.setattr(type(network.activation), "forward", lambda self, z: psi_seven_relus(self.c * z + 1e-9))
    wrong = everything([network], x, y, 200, explicit=False)
    assert not torch.allclose(found[2], wrong[2], rtol=0, atol=1e-3)  # the slope on the right is another one


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("numba", [True, False], ids=["Numba", "torch"])
def test_the_passes_of_wire_are_right_but_for_rounding(numba, dtype, monkeypatch):
    """exp(iw − r|w|²) at w = p + iq, and its pull, against float64 on the same numbers; for float64 both may be wrong.

    The exponent −(q + r(p² + q²)) has at most five roundings of numbers below S = |q| + r(p² + q²), so exp is wrong by 5uS,
    u = ε/2, and its own two units; sine and cosine have errors of two units of 1, their product another half: (3S + 5)ε with
    the magnitude, and what is below ε² is 0.  The pull's two terms have at most eight roundings each.
    """
    if numba:
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(kernels, "has_numba", lambda: False)
    wire, eps = ACTIVATIONS["wire"](omega_0=2.0, sigma_0=1.5), torch.finfo(dtype).eps
    rate, made, wrong = (1.5 / 2.0) ** 2, kernels_of(wire), 2 if dtype == torch.float64 else 1
    torch.manual_seed(seeded())
    u, bias, gradient = (4 * torch.randn(3, rows, 14, dtype=dtype) for rows in (40, 1, 40))
    sums, value = u + bias, torch.full_like(u, torch.nan)
    made.evaluate(u, bias, value)
    assert torch.equal(u, sums)
    (p, q), (x, y), (g, h) = (t.double().chunk(2, dim=-1) for t in (u, value, gradient))
    size = q.abs() + rate * (p * p + q * q)
    length = torch.exp(-(q + rate * (p * p + q * q)))
    for found, right in ((x, length * p.cos()), (y, length * p.sin())):
        assert ((found - right).abs() <= wrong * (3 * size + 5) * eps * length + 2 * eps**2).all()
    assert (value == 0).any() and (value.abs() > 0.1).any()
    pulled = gradient.clone()
    made.pull(u, value, pulled)
    along, across = g * x + h * y, h * x - g * y
    most = (h * x).abs() + (g * y).abs() + (1 + 2 * rate * (p.abs() + q.abs())) * ((g * x).abs() + (h * y).abs())
    for found, right in zip(pulled.double().chunk(2, dim=-1), (across - 2 * rate * p * along, -(along + 2 * rate * q * along))):
        assert ((found - right).abs() <= wrong * 4 * eps * most).all()


@pytest.mark.parametrize("numba", [True, False], ids=["Numba", "torch"])
def test_relu_of_special_numbers(numba, monkeypatch):
    """In place and beside; what is not a number stays so."""
    if not numba:
        monkeypatch.setattr(kernels, "has_numba", lambda: False)
    made = kernels_of(ACTIVATIONS["relu"]())
    start = torch.tensor([float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 2.5]).view(1, 1, 6).repeat(2, 3, 1)
    bias = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.0, -0.5]).view(1, 1, 6).repeat(2, 1, 1)
    u = start.clone()
    for value in (torch.empty_like(start), u):
        u.copy_(start)
        made.evaluate(u, bias, value)
        assert value[1, 2, 1:].tolist() == [float("inf"), 0.0, 0.0, 0.0, 2.0] and value[..., 0].isnan().all()


class Own(Activation):
    def __init__(self):
        super().__init__()
        self.steepness = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, z):
        return torch.tanh(self.steepness * z)


class OwnForward(ACTIVATIONS["siren"]):
    def forward(self, z):
        return torch.cos(z)


class OwnScale(ACTIVATIONS["siren"]):
    """With a parameter that the prepared weights do not have."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([1.0, 2.0]))

    def encode(self, x):
        return x * self.scale


class OwnOfBWReLU(ACTIVATIONS["bw-relu"]):
    def forward(self, z):
        return torch.nn.functional.leaky_relu(z, 0.3)


class Cosine:
    def forward(self, z):
        return torch.cos(z)


class Mixed(Cosine, ACTIVATIONS["siren"]):
    pass


class OwnNetwork(INR):
    def forward(self, x):
        return super().forward(x).square()


class SteepLinear(torch.nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def halved(module, inputs, output):
    return output / 2


def siren_with(change):
    torch.manual_seed(0)
    network = INR(2, 1, 6, 2, "siren")
    change(network)
    return network


UNKNOWN = {  # how a network is made, and what is said of it
    "no derivative": (lambda: INR(2, 1, 6, 2, Own), "derivative of Own"),
    "forward of a subclass": (lambda: INR(2, 1, 6, 2, OwnForward), "derivative of OwnForward"),
    "forward of a subclass of BW-ReLU": (lambda: INR(2, 1, 6, 2, OwnOfBWReLU), "derivative of OwnOfBWReLU"),
    "forward of a second parent": (lambda: INR(2, 1, 6, 2, Mixed), "derivative of Mixed"),
    "parameters": (lambda: INR(2, 1, 6, 2, OwnScale), "OwnScale has parameters"),
    "function": (lambda: INR(2, 1, 6, 2, torch.sin), "derivative of sin"),
    "module": (lambda: INR(2, 1, 6, 2, torch.nn.PReLU()), "derivative of PReLU"),
    "forward of an object": (lambda: siren_with(lambda n: setattr(n.activation, "forward", torch.cos)), "derivative of Siren"),
    "network": (lambda: OwnNetwork(2, 1, 6, 2, "siren"), "OwnNetwork has a forward"),
    "linear layer": (lambda: siren_with(lambda n: n.hidden.__setitem__(1, SteepLinear(6, 6))), "SteepLinear is no plain"),
    "hook of a layer": (lambda: siren_with(lambda n: n.hidden[0].register_forward_hook(halved)), "hidden.0 has a hook"),
    "hook of an activation": (
        lambda: siren_with(lambda n: n.activation.register_forward_hook(halved)),
        "activation has a hook",
    ),
    "hook of the network": (lambda: siren_with(lambda n: n.register_forward_hook(halved)), "the network has a hook"),
    "parametrization": (lambda: siren_with(lambda n: weight_norm(n.hidden[1])), "ParametrizedLinear is no plain"),
    "pruning": (lambda: siren_with(lambda n: random_unstructured(n.hidden[1], "weight", 0.5)), "has a hook"),
    "no bias": (lambda: siren_with(lambda n: n.hidden.__setitem__(1, torch.nn.Linear(6, 6, bias=False))), "has no bias"),
    "another module": (lambda: torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)), "is no INR"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_is_not_known_goes_by_autograd(kind):
    """Whatever is inherited: kernels and derivatives are for the function of the class that has them."""
    torch.manual_seed(0)
    make, words = UNKNOWN[kind]
    network = make().double()
    assert words in reason_for_autograd(network)
    x, y = torch.rand(50, 2).double(), torch.rand(50, 1).double()
    found = everything([network], x, y, 16)
    torch.testing.assert_close(found[1][0], network(x).detach(), rtol=0, atol=1e-13)
    torch.testing.assert_close(predict(network, x, 16), network(x).detach(), rtol=0, atol=1e-13)
    network.zero_grad()
    (network(x) - y).square().mean().backward()
    for ours, p in zip(found[2:], network.parameters(), strict=True):
        torch.testing.assert_close(ours, p.grad, rtol=0, atol=1e-13)
        assert p.grad.any()


class Tanh(Activation):
    def forward(self, z):
        return torch.tanh(z)

    def derivative(self, z):
        return 1 - torch.tanh(z) ** 2


class CosineWithDerivative(ACTIVATIONS["siren"]):
    def forward(self, z):
        return torch.cos(self.omega_0 * z)

    def derivative(self, z):
        return -self.omega_0 * torch.sin(self.omega_0 * z)


class HalfSlope(ACTIVATIONS["siren"]):
    """A derivative that is not the function's, so that one can see which is taken."""

    def derivative(self, z):
        return super().derivative(z) / 2


class NoGradient(Fused):
    def pull(self, u, value, gradient):
        gradient.zero_()


class OnlyAKernel(ACTIVATIONS["siren"]):
    kernels = NoGradient


class Layered(INR):
    """Another activation in the second layer: ``layers`` is the description."""

    def layers(self):
        first, second, last = super().layers()
        return [first, second._replace(activation=Tanh()), last]


@pytest.mark.parametrize(
    "make",
    [lambda: INR(2, 1, 6, 2, Tanh), lambda: INR(2, 1, 6, 2, CosineWithDerivative), lambda: Layered(2, 1, 6, 2, "siren")],
    ids=["Tanh", "CosineWithDerivative", "Layered"],
)
def test_a_derivative_is_enough_to_go_without(make):
    torch.manual_seed(0)
    networks = [make().double() for _ in range(2)]
    assert all(reason_for_autograd(network) is None for network in networks)
    x, y = torch.rand(50, 2).double(), torch.rand(50, 1).double()
    for ours, theirs in zip(everything(networks, x, y, 16), everything(networks, x, y, 16, explicit=False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)
    torch.testing.assert_close(predict(networks[0], x, 16), networks[0](x).detach(), rtol=0, atol=1e-12)


def test_what_a_subclass_redefines_is_taken():
    """Only the derivative: halved with each of two activations.  Only the kernel: no gradient passes it."""
    x, y = torch.rand(50, 2).double(), torch.rand(50, 1).double()
    gradients = {}
    for activation in ("siren", HalfSlope, OnlyAKernel):
        torch.manual_seed(0)
        network = INR(2, 1, 6, 2, activation).double()
        assert reason_for_autograd(network) is None
        gradients[activation] = everything([network], x, y, 16)[2:]
    for number, factor in enumerate((0.25, 0.25, 0.5, 0.5, 1, 1)):
        whole = gradients["siren"][number]
        torch.testing.assert_close(gradients[HalfSlope][number], factor * whole, rtol=1e-10, atol=1e-12)
        expected = whole if number > 3 else torch.zeros_like(whole)
        torch.testing.assert_close(gradients[OnlyAKernel][number], expected, rtol=1e-10, atol=1e-12)


def test_what_is_built_in_goes_without():
    for activation in ACTIVATIONS:
        assert all(reason_for_autograd(network) is None for network in networks_of(activation, 1))


@pytest.mark.parametrize("activation", [*ACTIVATIONS, OwnForward])
def test_values(activation, threads):
    torch.manual_seed(seeded())
    network = INR(2, 3, 6, 2, activation, skip=True).double()
    x = torch.rand(300, 2, dtype=torch.float64)
    for points in (x, x[:1], x[:0], x[::2]):
        found = predict(network, points, BLOCK)
        torch.testing.assert_close(found, network(points).detach(), rtol=0, atol=1e-10)
        assert not found.requires_grad
    for wrong in (x[:, :1], x[0], torch.rand(4, 3).double()):  # a single column could be broadcast
        with pytest.raises(ValueError, match=r"Coordinates have shape \(N, 2\)"):
            predict(network, wrong, BLOCK)
        with pytest.raises(ValueError, match=r"Coordinates have shape \(N, 2\)"):
            ChunkedNetworks([network], BLOCK).least_squares(wrong, torch.zeros(len(wrong), 3).double())


@pytest.mark.parametrize("frozen", [["hidden.0.weight"], ["hidden.0.weight", "hidden.0.bias", "output.weight"], None])
def test_frozen_parameters(frozen):
    (network,) = networks_of("siren", 1)
    for name, p in network.named_parameters():
        p.requires_grad_(frozen is not None and name not in frozen)
    x, y = torch.rand(40, 2, dtype=torch.float64), torch.rand(40, 1, dtype=torch.float64)
    chunked = ChunkedNetworks([network], 16)
    chunked.least_squares(x, y)
    trained = [p for p in network.parameters() if p.requires_grad]
    assert all(p.grad is None for p in network.parameters() if not p.requires_grad)
    expected = torch.autograd.grad((network(x) - y).square().mean(), trained) if trained else []
    for p, gradient in zip(trained, expected, strict=True):
        torch.testing.assert_close(p.grad, gradient, rtol=0, atol=1e-12)


def test_the_same_twice(threads):
    """Which thread takes which chunk must not be up to the threads: single precision, bit for bit."""
    networks = [network.float() for network in networks_of("bw-relu", 1, hidden_features=64)]
    x, y = torch.rand(1000, 2), torch.rand(1000, 1)
    first = everything(networks, x, y, BLOCK)
    for _ in range(5):
        assert all(torch.equal(a, b) for a, b in zip(first, everything(networks, x, y, BLOCK)))


def test_workers_share_out_everything_once(threads):
    workers, done = Workers(usual_products()), []
    found = workers.share(lambda thread, part: done.extend(part) or (thread, torch.get_num_threads()), 7, threads)
    assert sorted(done) == list(range(7)) and found == [(thread, 1) for thread in range(threads)]
    assert torch.get_num_threads() == threads

    def work(thread, part):
        if thread == 0:
            raise RuntimeError("broken")
        time.sleep(0.2)
        done.append("late")

    done.clear()
    with pytest.raises(RuntimeError, match="broken"):
        workers.share(work, 7, threads)
    assert done == ["late"] * (threads - 1) and torch.get_num_threads() == threads  # nobody works on when the error is out


def test_what_is_not_shared_has_all_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        work = lambda thread, part: (list(part), torch.get_num_threads(), threading.current_thread())  # noqa: E731
        assert Workers(usual_products()).share(work, 3, 1) == [([0, 1, 2], 2, threading.main_thread())]
        x = torch.zeros(9, 2)
        assert [threads_for(count, x) for count in (0, 1, 2, 3)] == [1, 1, 2, 2] and threads_for(3, x.to("meta")) == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_workers_of_its_own():
    code = (
        "import os, torch; torch.set_num_threads(2)\nfrom bwtheory.nn.products import usual_products\n"
        "from bwtheory.nn.workers import Workers\nworkers = Workers(usual_products())\n"
        "work = lambda thread, part: list(part)\nassert workers.share(work, 4, 2) == [[0, 2], [1, 3]]\nchild = os.fork()\n"
        "if not child:\n    assert workers.share(work, 4, 2) == [[0, 2], [1, 3]]; os._exit(7)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    found = run_elsewhere(code)
    assert found.returncode == 7, found.stderr


@pytest.mark.parametrize("when", ["before anything", "after a step"])
def test_an_interrupted_step_leaves_nothing(when, threads, monkeypatch):
    (network,) = networks_of("bw-relu", 1)
    x, y = torch.rand(300, 2, dtype=torch.float64), torch.rand(300, 1, dtype=torch.float64)
    expected = everything([network], x, y, 64)
    chunked = ChunkedNetworks([network], 64)
    if when == "after a step":
        chunked.least_squares(x, y)
    with monkeypatch.context() as broken:
        backward, calls = Pass.backward, []

        def break_off(self):
            calls.append(1)
            if len(calls) == 3:
                raise RuntimeError("interrupted")
            backward(self)

        broken.setattr(Pass, "backward", break_off)
        with pytest.raises(RuntimeError, match="interrupted"):
            chunked.least_squares(x, y)
    chunked.least_squares(x, y)
    for p, gradient in zip(network.parameters(), expected[2:], strict=True):
        torch.testing.assert_close(p.grad, gradient, rtol=0, atol=1e-14)


def test_gradients_need_no_beginning():
    """``zero_grad`` sets them to None; and what autograd is given must not be taken for the gradient itself."""
    for activation in ACTIVATIONS:
        (network,) = networks_of(activation, 1)
        x, y = torch.rand(30, 2, dtype=torch.float64), torch.rand(30, 1, dtype=torch.float64)
        expected = everything([network], x, y, 16)
        chunked = ChunkedNetworks([network], 16)
        network.zero_grad()
        for _ in range(2):  # the second time they are not added to the first
            chunked.least_squares(x, y)
            for p, gradient in zip(network.parameters(), expected[2:], strict=True):
                torch.testing.assert_close(p.grad, gradient, rtol=1e-12, atol=1e-12)


def test_bad_coordinates():
    (network,) = networks_of("bw-relu", 1)
    with pytest.raises(ValueError, match="no coordinates to fit"):
        ChunkedNetworks([network], 4).least_squares(torch.zeros(0, 2).double(), torch.zeros(0, 1).double())
    with pytest.raises(ValueError, match=r"numbers are torch.float64, the coordinates' torch.float32"):
        predict(network, torch.zeros(3, 2), 4)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_derivatives_of_derivatives(activation):
    """Networks are functions that other code differentiates, twice and for each point; ReLUs have slopes that are constant."""
    (network,) = networks_of(activation, 1, hidden_features=5)
    x = (torch.rand(4, 2, dtype=torch.float64) * 2 - 1).requires_grad_()
    (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    for_each = torch.func.vmap(torch.func.grad(lambda point: network(point.unsqueeze(0)).sum()))(x.detach())
    torch.testing.assert_close(for_each, slope.detach())
    if slope.requires_grad:
        (second,) = torch.autograd.grad(slope[:, 0].sum(), x, allow_unused=True)
    if activation not in ("siren", "gauss", "wire"):  # the others' second derivative is 0, or FINER's of a factor detached
        return
    h = 1e-6
    with torch.enable_grad():
        moved = [(x.detach() + torch.tensor([d, 0.0])).requires_grad_() for d in (h, -h)]
        slopes = [torch.autograd.grad(network(m).sum(), m)[0][:, 0] for m in moved]
    scale = float(second[:, 0].abs().max())
    torch.testing.assert_close(second[:, 0], (slopes[0] - slopes[1]) / (2 * h), rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize(
    ("code", "functions"),
    [
        ("from bwtheory.nn import psi; psi(torch.rand(9))", 3),
        ("from bwtheory.nn import kernels; [kernels._sine(torch.float32, grows) for grows in (False, True)]", 4),
        ("from bwtheory.nn import kernels; kernels._gabor(torch.float64)", 3),
    ],
    ids=["psi", "sine", "gabor"],
)
def test_kernels_are_kept_between_processes(tmp_path, code, functions):
    pytest.importorskip("numba")
    counts = []
    for _ in range(2):
        found = run_elsewhere(f"import torch; {code}", NUMBA_CACHE_DIR=str(tmp_path))
        assert found.returncode == 0, found.stderr
        counts.append(len(list(tmp_path.rglob("*.nbc"))))
    assert counts == [functions, functions]
