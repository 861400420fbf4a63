"""Networks: the fused ψ against its seven ReLUs, initialization, conversions, norms, refusals."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from seeds import seeded
from torch import nn

from bwtheory.nn import (
    ACTIVATIONS,
    INR,
    Activation,
    BWReLU,
    ComplexLinear,
    from_relu,
    functional,
    kernels,
    psi,
    psi_seven_relus,
    resolve_activation,
    to_relu,
    variation_norm,
    variation_norm_invariant,
)
from bwtheory.variation import bwrelu_norm_formula, deep_norm_formula, deep_norm_invariant
from bwtheory.wavelet import BSplineWavelet

EPS = 2.0**-52


@pytest.fixture(params=["Numba", "torch"])
def kernel(request, monkeypatch):
    """ψ's two ways of being evaluated on a CPU."""
    if request.param == "Numba":
        pytest.importorskip("numba")
    else:
        monkeypatch.setattr(kernels, "has_numba", lambda: False)


def as_complex(pairs):
    return torch.complex(*pairs.chunk(2, dim=-1))


def gabor_of_complex(self, pairs):
    z = as_complex(pairs)
    value = torch.exp(1j * self.omega_0 * z - (self.sigma_0 * z.abs()) ** 2)
    return torch.cat([value.real, value.imag], dim=-1)


DEFINITIONS = {
    "bw-relu": lambda self, z: psi_seven_relus(self.c * z),
    "gauss": lambda self, z: torch.exp(-((self.sigma_0 * z) ** 2)),
    "finer": lambda self, z: torch.sin(self.omega_0 * (z.detach().abs() + 1) * z),
    "wire": gabor_of_complex,
}


def value_and_gradient(function, z):
    z = z.clone().requires_grad_()
    value = function(z)
    (gradient,) = torch.autograd.grad(value, z, torch.linspace(0.5, 2, z.numel(), dtype=z.dtype).reshape(z.shape))
    return value.detach(), gradient


@pytest.mark.parametrize(
    "z",
    [
        torch.linspace(-1, 4, 4000, dtype=torch.float64),  # meets no knot
        torch.arange(-2, 9, dtype=torch.float64) / 2,  # all knots
        torch.arange(7, dtype=torch.float64) / 2 + 1e-14,  # closer, v = z − 3/2 rounds to the knot
        torch.arange(7, dtype=torch.float64) / 2 - 1e-14,
        torch.zeros(0, dtype=torch.float64),
        torch.tensor([[1.25]], dtype=torch.float64),
    ],
    ids=["line", "knots", "just right of the knots", "just left of the knots", "empty", "one"],
)
def test_fused_psi_is_the_seven_relus(z, kernel):
    """The terms are below 16/3·4 = 22 and slopes below 16; a few roundings each."""
    value, gradient = value_and_gradient(psi, z)
    expected, slope = value_and_gradient(psi_seven_relus, z)
    assert value.shape == z.shape
    torch.testing.assert_close(value, expected, rtol=0, atol=30 * 22 * EPS)
    torch.testing.assert_close(gradient, slope, rtol=0, atol=2 * 16 * 7 * EPS)


def test_fused_psi_is_the_numpy_wavelet_and_zero_outside(kernel):
    z = torch.linspace(-5, 8, 1301, dtype=torch.float32)
    reference = BSplineWavelet(2)(z.numpy())
    np.testing.assert_allclose(psi(z).numpy(), reference, rtol=0, atol=8 * 2.0**-23)
    outside = torch.tensor([-1e6, -1e-3, 0.0, 3.0, 3.001, 1e6])
    value, gradient = value_and_gradient(psi, outside)
    assert not value.any() and not gradient[[0, 1, 2, 4, 5]].any()
    assert psi_seven_relus(torch.tensor([1e6 * math.pi])).abs() > 0.01


def test_gradcheck(kernel):
    z = torch.tensor([0.2, 0.7, 1.2, 1.7, 2.2, 2.7, 3.2, -0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(psi, z)
    assert torch.autograd.gradgradcheck(psi, z)  # zero with respect to z, and the slope with respect to the gradient


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fused_psi_of_unusual_tensors(kernel, dtype):
    """No number, infinities, no dimension, other strides, more than a block of numbers, an integer gradient of ones."""
    special = torch.tensor([math.nan, math.inf, -math.inf], dtype=dtype)
    assert psi(special)[0].isnan() and not psi(special)[1:].any()
    assert psi(torch.tensor(1.5, dtype=dtype)).shape == ()
    z = torch.rand(300, 200, dtype=dtype) * 4 - 0.5
    assert torch.equal(psi(z.T), psi(z).T) and torch.equal(psi(z[:, ::3]), psi(z)[:, ::3])
    torch.testing.assert_close(psi(z), psi_seven_relus(z), rtol=0, atol=30 * 22 * torch.finfo(dtype).eps)
    z.requires_grad_()
    (slope,) = torch.autograd.grad(psi(z).sum(), z)  # an expanded gradient, without memory of its own
    assert torch.equal(slope, torch.autograd.grad(psi(z), z, torch.ones_like(z))[0])


def test_second_derivatives(kernel):
    weight = torch.tensor([0.7, 0.9], dtype=torch.float64)
    points = torch.tensor([1.0, 2.0], dtype=torch.float64)
    found, expected = (
        torch.autograd.functional.hessian(lambda w, function=function: function(w * points).square().sum(), weight)
        for function in (psi, psi_seven_relus)
    )
    assert expected.any()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("failure", ["no place", "no room"])
def test_a_kernel_needs_no_place_to_write(monkeypatch, failure):
    caching = pytest.importorskip("numba.core.caching")

    def full(*_):
        raise OSError(28, "No space left on device")

    if failure == "no place":
        monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    else:
        monkeypatch.setattr(caching.Cache, "save_overload", full)
        monkeypatch.setattr(caching.Cache, "load_overload", lambda *_: None)
    kernels._kernels.cache_clear()
    z = torch.linspace(-1, 4, 50, dtype=torch.float64)
    torch.testing.assert_close(psi(z), psi_seven_relus(z), rtol=0, atol=30 * 22 * EPS)
    kernels._kernels.cache_clear()


def test_a_numba_that_does_not_work_is_none(monkeypatch, tmp_path):
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 1.0 or less')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    assert not kernels.has_numba.__wrapped__()


def test_the_traced_form_has_the_slopes_of_the_relus_at_the_knots():
    """A ReLU has slope 0 where its argument is 0: at a knot the slope is the one on its left."""
    slopes = []
    for form in (functional.psi_seven_relus, lambda z: functional._defined_psi(z - functional.CENTRE)):
        z = torch.tensor([knot for knot, _ in functional.RELUS], dtype=torch.float64, requires_grad=True)
        slopes.append(torch.autograd.grad(form(z).sum(), z)[0])
    torch.testing.assert_close(slopes[0], slopes[1], rtol=0, atol=1e-14)  # sums of at most seven sixths


def test_functions_of_functions_see_psi_too(kernel):
    z = torch.rand(3, 4) * 3
    torch.testing.assert_close(torch.func.vmap(psi)(z), psi(z), rtol=0, atol=30 * 22 * 2.0**-23)
    variable = z.clone().requires_grad_()
    psi(variable).sum().backward()
    found = torch.func.grad(lambda z: psi(z).sum())(z)
    torch.testing.assert_close(found, variable.grad, rtol=0, atol=2 * 16 * 7 * 2.0**-23)  # as of the seven ReLUs above


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("depth", [1, 3])
def test_every_activation_trains(name, depth):
    torch.manual_seed(seeded())
    network = INR(2, 3, hidden_features=16, hidden_layers=depth, activation=name)
    x = torch.rand(7, 2) * 2 - 1
    values = network(x)
    assert values.shape == (7, 3) and values.dtype == torch.float32
    values.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad.abs()).all() for p in network.parameters())
    assert network(x[:0]).shape == (0, 3)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("linear_layers", [False, True])
def test_functions_and_their_gradients(name, linear_layers, monkeypatch):
    """What is done to save time against the definition, through PyTorch's derivatives.

    Float64; FINER's phases reach 10³ and have 12 digits.
    """
    torch.manual_seed(seeded())
    network = INR(2, 3, 20, 3, name, linear_layers=linear_layers).double()
    x = torch.rand(30, 2).double() * 2 - 1

    def everything():
        network.zero_grad()
        values = network(x)
        (values * torch.tensor([-1.0, 0.5, 2.0])).sum().backward()
        return [t.detach().clone() for t in (values, *network.features(x), *(p.grad for p in network.parameters()))]

    found = everything()
    if name in DEFINITIONS:
        monkeypatch.setattr(type(network.activation), "forward", DEFINITIONS[name])
    for ours, expected in zip(found, everything()):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-10 * max(1, float(expected.abs().max())))


def test_no_denormal_numbers():
    """They would make products on a CPU ten times slower."""
    for name in ("gauss", "wire"):
        activation = ACTIVATIONS[name]()
        z = torch.linspace(0.1, 1.2, 999).unsqueeze(1)
        assert ((torch.exp(-100 * z * z) > 0) & (torch.exp(-100 * z * z) < 1e-38)).any()
        z = torch.cat([z, torch.zeros_like(z)], dim=1) if name == "wire" else z  # pairs
        torch.compiler.reset()
        for function in (activation, torch.compile(activation, backend="eager", fullgraph=True)):
            value = function(z).abs()
            assert value.any() and float(value[value > 0].min()) > 1e-20


def test_initialization_follows_the_papers():
    torch.manual_seed(seeded())
    siren = INR(2, 1, hidden_features=200, activation="siren", omega_0=50)
    assert 0.9 / 2 < siren.hidden[0].weight.abs().max() <= 1 / 2  # of 400 weights; all are below 0.9 of it once in 10^18 times
    bound = math.sqrt(6 / 200) / 50
    for linear in (siren.hidden[1], siren.output):
        assert 0.9 * bound < linear.weight.abs().max() <= bound
    finer = INR(2, 1, hidden_features=200, activation="finer", first_bias_scale=7)
    assert 6 < finer.hidden[0].bias.abs().max() <= 7 and finer.hidden[1].bias.abs().max() < 0.1
    torch.manual_seed(seeded(1))
    ours = INR(2, 1, hidden_features=20, activation="bw-relu")
    torch.manual_seed(seeded(1))
    assert torch.equal(ours.hidden[0].weight, nn.Linear(2, 20).weight)


def test_finer_detaches_its_factor():
    finer = INR(1, 1, activation="finer", omega_0=2).activation
    z = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    finer(z).backward()
    assert z.grad.item() == pytest.approx(2 * 1.7 * math.cos(2 * 1.7 * 0.7), rel=1e-14)


def test_widths_and_parameter_counts():
    wire = INR(2, 1, hidden_features=300, activation="wire")
    assert [linear.out_features for linear in wire.hidden] == [212] * 3
    assert wire.hidden[0].weight.dtype == torch.float32 and wire.hidden[1].weight.shape == (212, 212, 2)
    assert wire.count_parameters() == 212 * 3 + 2 * (2 * (212 * 212 + 212)) + 2 * 213
    positional = INR(2, 1, hidden_features=5, hidden_layers=1, activation="relu-pe", frequencies=4)
    assert positional.hidden[0].in_features == 2 * 9
    assert INR(2, 1, hidden_features=5, hidden_layers=1).count_parameters() == 5 * 3 + 6


def test_learnable_scale():
    network = INR(1, 1, hidden_features=4, hidden_layers=1, c=9.0, learnable=True)
    assert network.activation.c.item() == pytest.approx(9, rel=1e-6)
    network(torch.rand(20, 1)).sum().backward()
    assert network.activation.log_c.grad is not None
    assert network.count_parameters() == 4 * 2 + 5 + 1


class Cosine(Activation):
    """A user's own activation."""

    def __init__(self, frequency: float = 1.0):
        super().__init__()
        self.frequency = frequency

    def forward(self, z):
        return torch.cos(self.frequency * z)


@pytest.mark.parametrize("activation", [Cosine, f"{__name__}:Cosine"])
def test_own_activation(activation):
    network = INR(1, 1, activation=activation, frequency=3.0)
    assert type(network.activation).__name__ == "Cosine" and network.activation.frequency == 3


@pytest.mark.parametrize(
    ("activation", "options", "function"),
    [
        ("gelu", {}, nn.functional.gelu),
        ("leaky_relu", {"negative_slope": 0.3}, lambda z: nn.functional.leaky_relu(z, 0.3)),
        ("torch:sin", {}, torch.sin),
        (nn.functional.softplus, {"beta": 2.0}, lambda z: nn.functional.softplus(z, 2.0)),
        (lambda z: z**3, {}, lambda z: z**3),
        (nn.Softplus, {"beta": 2.0}, lambda z: nn.functional.softplus(z, 2.0)),
        (nn.Softplus(beta=2.0), {}, lambda z: nn.functional.softplus(z, 2.0)),
        ("torch.nn:Tanh", {}, torch.tanh),
        (BWReLU(c=2.0), {}, lambda z: psi_seven_relus(2 * z)),
        (BWReLU, {"c": 2.0}, lambda z: psi_seven_relus(2 * z)),
    ],
)
def test_ways_to_say_an_activation(activation, options, function):
    torch.manual_seed(0)
    network = INR(2, 1, 8, 1, activation, **options)
    x = torch.rand(9, 2)
    torch.testing.assert_close(network.features(x)[0], function(network.hidden[0](x)))
    assert resolve_activation(activation) is type(network.activation)


def test_modules_and_instances_are_taken_as_they_are():
    prelu, ours = nn.PReLU(), BWReLU(c=2.0, learnable=True)
    network = INR(2, 1, 8, 2, prelu)
    assert "activation.function.weight" in network.state_dict() and network.activation.function is prelu
    assert network.count_parameters() == INR(2, 1, 8, 2, "relu").count_parameters() + 1
    assert INR(2, 1, activation=ours).activation is ours


def test_building_a_network_leaves_the_random_numbers_of_others_alone():
    found = []
    for activation in ("relu", "gelu"):
        torch.manual_seed(0)
        found.append(INR(2, 1, 8, 2, activation).output.weight)
    assert torch.equal(*found)


def test_complex_layers_are_those_of_complex_numbers():
    torch.manual_seed(0)
    ours = ComplexLinear(3, 4).double()
    torch.manual_seed(0)
    expected = nn.Linear(3, 4, dtype=torch.cfloat).to(torch.cdouble)
    z = torch.randn(5, 3, dtype=torch.cdouble)
    pairs = torch.cat([z.real, z.imag], dim=-1)
    torch.testing.assert_close(as_complex(ours(pairs)), expected(z), rtol=0, atol=1e-14)
    with torch.no_grad():
        expected.weight.mul_(1 + 2j)
    assert not torch.allclose(as_complex(ours(pairs)), expected(z))
    ours.load_state_dict(expected.state_dict(), strict=True)  # as earlier versions have saved them
    torch.testing.assert_close(as_complex(ours(pairs)), expected(z), rtol=0, atol=1e-14)


def test_to_relu_of_a_sequence():
    torch.manual_seed(0)
    layers = [
        nn.Linear(2, 4),
        nn.Linear(4, 5, bias=False),
        BWReLU(c=2.0),
        nn.Sequential(nn.Linear(5, 6), nn.ReLU()),
        nn.Identity(),
    ]
    network = nn.Sequential(*layers, nn.Linear(6, 3), BWReLU(), nn.Linear(3, 1)).double()
    plain = to_relu(network)
    assert [type(layer) for layer in plain] == [nn.Linear, nn.ReLU] * 3 + [nn.Linear]
    assert [layer.out_features for layer in plain if isinstance(layer, nn.Linear)] == [35, 6, 21, 1]
    x = torch.rand(200, 2, dtype=torch.float64) * 4 - 2
    torch.testing.assert_close(plain(x), network(x), rtol=0, atol=1e-11)  # as of an INR, below
    ends = nn.Sequential(nn.Linear(2, 3), BWReLU()).double()
    with pytest.raises(ValueError, match="ends with a BW-ReLU"):
        to_relu(ends)


class OwnBWReLU(BWReLU):
    def forward(self, z):
        return torch.sin(z)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)), r"Only linear layers.*; got Tanh"),
        (lambda: nn.Sequential(BWReLU(), nn.Linear(3, 1)), r"Only linear layers.*; got BWReLU"),
        (lambda: nn.Sequential(nn.Linear(2, 3), BWReLU(), BWReLU(), nn.Linear(3, 1)), r"Only linear layers.*; got BWReLU"),
        (lambda: nn.Sequential(nn.Linear(2, 3), OwnBWReLU(), nn.Linear(3, 1)), "got OwnBWReLU"),
        (lambda: nn.Sequential(), "without a layer"),
        (lambda: INR(2, 1, activation=OwnBWReLU), "got OwnBWReLU"),
        (lambda: INR(2, 1, activation="relu-pe"), "ReLUPositional encodes the coordinates"),
        (lambda: INR(2, 1, skip=True), "skip connection"),
    ],
)
def test_what_cannot_be_written_as_relus(make, message):
    with pytest.raises(ValueError, match=message):
        to_relu(make())


def test_norms_are_of_bw_relu_and_not_of_what_inherits_from_it():
    for norm in (variation_norm, variation_norm_invariant):
        with pytest.raises(ValueError, match="got OwnBWReLU"):
            norm(INR(2, 1, activation=OwnBWReLU))


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("learnable", [False, True])
def test_to_relu_is_the_same_function(depth, learnable):
    torch.manual_seed(seeded(depth))
    scales = {"input_scale": 1.5, "output_scale": 0.5, "output_shift": 0.25}
    network = INR(2, 3, hidden_features=10, hidden_layers=depth, c=3.0, learnable=learnable, **scales).double()
    plain = to_relu(network)
    assert {type(layer) for layer in plain} == {nn.Linear, nn.ReLU}
    assert [layer.out_features for layer in plain if isinstance(layer, nn.Linear)] == [70] * depth + [3]
    x = torch.rand(200, 2, dtype=torch.float64) * 2 - 1
    # sums of 70 terms of size below 16/3·10·max|w|, a few hundred roundings a layer, amplified by slopes up to 8c
    torch.testing.assert_close(plain(x), network(x), rtol=0, atol=1e-11)


@pytest.mark.parametrize("activation", ["bw-relu", "wire"])
def test_the_output_is_scaled_and_shifted(activation):
    """The skip connection with it: 2·values − 1 is what a network without scaling gives."""
    networks = []
    for scales in ({}, {"output_scale": 0.5, "output_shift": 0.5}):
        torch.manual_seed(seeded())
        networks.append(INR(2, 1, 9, 2, activation, skip=True, **scales))
    x = torch.rand(50, 2) * 2 - 1
    torch.testing.assert_close(2 * networks[1](x) - 1, networks[0](x))


def test_from_relu_is_the_same_function_on_the_domain():
    torch.manual_seed(seeded())
    for domain in ((-1.0, 1.0), (0.0, 5.0)):
        relu = nn.Sequential(nn.Linear(1, 12), nn.ReLU(), nn.Linear(12, 2)).double()
        ours = from_relu(relu, domain)
        x = torch.linspace(*domain, 301, dtype=torch.float64)[:, None]
        torch.testing.assert_close(ours(x), relu(x), rtol=0, atol=1e-12)
        assert ours.hidden[0].out_features == 12
    assert not torch.allclose(ours(torch.full((1, 1), 100.0).double()), relu(torch.full((1, 1), 100.0).double()))


def test_the_norm_of_layers_with_output_weights():
    """(30) of each layer: rows of the matrix before ψ, columns of the one after it."""
    torch.manual_seed(seeded())
    network = INR(2, 3, hidden_features=6, hidden_layers=2, linear_layers=True, c=3.0).double()
    pairs = iter([linear.weight.detach().numpy() for linear in network.linears])
    total = sum(np.linalg.norm(w[k]) * np.linalg.norm(v[:, k]) for w, v in zip(pairs, pairs) for k in range(len(w)))
    assert variation_norm(network).item() == pytest.approx(48 * total, rel=1e-13)


def test_finer_under_a_transform_is_the_same_function():
    """What ``torch.func`` sees is written otherwise than what a plain call does."""
    u = torch.linspace(-3, 3, 25, dtype=torch.float64)
    expected = torch.sin((0.5 * u.abs() + 1) * u)
    torch.testing.assert_close(functional.growing_sine(u, 0.5), expected)
    torch.testing.assert_close(torch.func.vmap(lambda part: functional.growing_sine(part, 0.5))(u), expected)


def test_norms_are_those_of_the_theory():
    torch.manual_seed(seeded())
    for depth in (1, 2, 3):
        network = INR(2, 1, hidden_features=6, hidden_layers=depth, c=3.0).double()
        weights = [linear.weight.detach().numpy() for linear in network.linears]
        assert variation_norm(network).item() == pytest.approx(deep_norm_formula(weights, 3.0), rel=1e-13)
        assert variation_norm_invariant(network).item() == pytest.approx(deep_norm_invariant(weights, 3.0), rel=1e-13)
        if depth == 1:
            shallow = bwrelu_norm_formula(weights[1].T, weights[0], 3.0)
            assert variation_norm(network).item() == pytest.approx(shallow, rel=1e-13)
        variation_norm(network).backward()
        assert all(linear.weight.grad is not None for linear in network.linears)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: INR(2, 1, hidden_features=0), "hidden_features >= 1; got 0"),
        (lambda: INR(2, 1, hidden_layers=0), "hidden_layers >= 1; got 0"),
        (lambda: INR(2, 1, activation="relo"), "no activation 'relo'; there are bw-relu"),
        (lambda: INR(2, 1, activation="nowhere.at_all:Class"), "cannot be imported"),
        (lambda: INR(2, 1, activation="math:nothing"), "cannot be imported"),
        (lambda: INR(2, 1, activation=3), "a subclass of bwtheory.nn.Activation .*; got 3"),
        (lambda: INR(2, 1, activation=int), "a subclass of bwtheory.nn.Activation .*; got <class 'int'>"),
        (lambda: INR(2, 1, activation="conv2d"), "conv2d cannot be applied to a tensor of pre-activations"),
        (lambda: INR(2, 1, activation="math:sin"), "sin cannot be applied to a tensor of pre-activations"),
        (lambda: INR(2, 1, activation="gelu", c=3), "gelu cannot be applied"),
        (lambda: INR(2, 1, activation="dropout"), "is elementwise and gives the same twice; dropout is not"),
        (lambda: INR(2, 1, activation=nn.Softmax(dim=-1)), "is elementwise .*; Softmax is not"),
        (lambda: INR(2, 1, activation=nn.Softmax(dim=0)), "is elementwise .*; Softmax is not"),
        (lambda: INR(2, 1, activation=nn.Linear(3, 3)), "Linear cannot be applied"),
        (lambda: INR(2, 1, activation=nn.GELU(), approximate="tanh"), "options of GELU are in the instance; got 'approximate'"),
        (lambda: INR(2, 1, activation=nn.GELU, c=3), "GELU has no option 'c'; it has: approximate"),
        (lambda: INR(2, 1, activation="siren", c=3), "Siren has no option 'c'; it has: omega_0"),
        (lambda: INR(2, 1, activation="relu", c=3), "ReLU has no option 'c'; it has: none"),
        (lambda: INR(2, 1, c=0), "positive"),
        (lambda: INR(2, 1, c=math.nan), "positive"),
        (lambda: INR(2, 1, activation="wire", omega_0=-1), "positive"),
        (lambda: INR(2, 1)(torch.zeros(3)), r"shape \(N, 2\); got \(3,\)"),
        (lambda: INR(9, 1, activation="relu-rff"), "up to 8"),
        (lambda: variation_norm(INR(2, 1, activation="siren")), "got Siren"),
        (lambda: to_relu(INR(2, 1, activation="siren")), "got Siren"),
        (lambda: from_relu(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))), "Proposition 3.2"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_documentation_runs(capsys):
    text = (Path(__file__).parents[1] / "docs" / "networks.md").read_text(encoding="utf-8")
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    assert capsys.readouterr().out.count("Linear(") == 3
    sech = names["Sech"](3.0)
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(sech.derivative(z), Activation.derivative(sech, z))
