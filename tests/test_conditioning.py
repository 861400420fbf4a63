"""Singular values of features against NumPy's, the three condition numbers, and the network's further layers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from seeds import seeded
from torch import nn

from bwtheory.nn import INR, ComplexLinear, feature_singular_values, to_relu, variation_norm, variation_norm_invariant
from bwtheory.nn.conditioning import FeatureConditioning
from bwtheory.wavelet import BSplineWavelet


def affine(linear: nn.Linear, z: np.ndarray) -> np.ndarray:
    """(N, n) -> (N, m) in the precision of z."""
    weight, bias = linear.weight.detach(), linear.bias.detach()
    if isinstance(linear, ComplexLinear):
        weight, bias = torch.view_as_complex(weight), torch.view_as_complex(bias)
    return z @ weight.numpy().T + bias.numpy()


def bw_relu(z: np.ndarray, c: float) -> np.ndarray:
    return BSplineWavelet(2)(c * z)


def gabor(z: np.ndarray, omega: float, sigma: float) -> np.ndarray:
    return np.exp(1j * omega * z - sigma**2 * np.abs(z) ** 2)


def features_by_hand(network: INR, x: np.ndarray, activation) -> list[np.ndarray]:
    """Each (N, K), for a network without further linear layers."""
    found, z = [], x
    for linear in network.hidden:
        z = activation(affine(linear, z))
        found.append(z)
    return found


def randomly_biased(network: INR) -> INR:
    """Neurons whose supports meet the domain in different places."""
    torch.manual_seed(seeded(5))
    with torch.no_grad():
        for linear in network.hidden:
            linear.bias.copy_(torch.randn(linear.bias.shape, dtype=linear.bias.dtype))
    return network


CASES = [
    ({"activation": "bw-relu", "c": 3.0}, lambda z: bw_relu(z, 3.0)),
    ({"activation": "wire", "omega_0": 3.0, "sigma_0": 2.0}, lambda z: gabor(z, 3.0, 2.0)),
    ({"activation": "gauss", "sigma_0": 2.0}, lambda z: np.exp(-4 * z**2)),
]


@pytest.mark.parametrize("options, activation", CASES, ids=["bw-relu", "wire", "gauss"])
@pytest.mark.parametrize("points", [40, 5], ids=["K < N", "K > N"])
def test_singular_values_of_features_built_by_hand(options, activation, points):
    """The same features to 1e-13, after slopes of at most 16c = 48 a layer; a singular value moves by at most the Frobenius
    norm of that, below √(KN)·1e-13, and by LAPACK's own error, some ten roundings of σ₁.  Float32 would be wrong by 1e-7 σ₁."""
    torch.manual_seed(seeded())
    network = randomly_biased(INR(2, 1, hidden_features=12, hidden_layers=3, **options))
    x = torch.rand(points, 2) * 2 - 1
    spectra = feature_singular_values(network, x)
    width = network.hidden[0].out_features
    assert len(spectra) == 3
    for spectrum, features in zip(spectra, features_by_hand(network, x.double().numpy(), activation), strict=True):
        expected = np.linalg.svd(features, compute_uv=False)
        assert features.shape == (points, width)
        assert isinstance(spectrum, np.ndarray) and spectrum.dtype == np.float64 and spectrum.shape == (min(width, points),)
        assert np.all(np.diff(spectrum) <= 0) and spectrum[0] > 0.1
        np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-11 * expected[0])


def test_the_network_stays_as_it_is():
    for activation in ("bw-relu", "wire"):
        network = INR(2, 1, hidden_features=6, hidden_layers=2, activation=activation)
        network(torch.rand(3, 2)).sum().backward()
        before = {name: value.clone() for name, value in network.state_dict().items()}
        gradients = [p.grad.clone() for p in network.parameters()]
        feature_singular_values(network, torch.rand(9, 2))
        for name, value in network.state_dict().items():
            assert value.dtype == before[name].dtype and torch.equal(value, before[name])
        assert all(p.requires_grad and torch.equal(p.grad, g) for p, g in zip(network.parameters(), gradients))


def test_learnable_scale_and_further_layers_have_singular_values():
    """A learnable c is e^(log c) with log c in float32: 1e-7 from the fixed one, and so are the features."""
    spectra = []
    for learnable in (False, True):
        torch.manual_seed(seeded())
        network = INR(1, 1, 8, 3, c=3.0, learnable=learnable, linear_layers=True, skip=True, input_scale=2.0)
        spectra.append(feature_singular_values(network, torch.linspace(-1, 1, 20).unsqueeze(1)))
    for fixed, trained in zip(*spectra):
        assert len(fixed) == len(trained) == 8
        np.testing.assert_allclose(fixed, trained, rtol=0, atol=1e-4 * fixed[0])


@pytest.mark.parametrize(
    "values, neurons, samples, expected",
    [
        ([8.0, 4.0, 2.0], 3, 5, (16.0, math.inf, 4.0)),
        ([8.0, 4.0, 2.0], 5, 3, (math.inf, 16.0, 4.0)),
        ([8.0, 4.0, 2.0], 3, 3, (16.0, 16.0, 4.0)),
        ([8.0, 0.0], 2, 5, (math.inf, math.inf, math.inf)),
        ([0.0], 1, 1, (math.inf, math.inf, math.inf)),
        ([7.0], 1, 1, (1.0, 1.0, 1.0)),
        ([1e200, 1e-100], 2, 2, (math.inf, math.inf, 1e300)),
    ],
)
def test_three_condition_numbers(values, neurons, samples, expected):
    """Powers of two, zeros and an overflow: exact, but for one rounding of 1e200/1e-100."""
    found = FeatureConditioning.of(np.array(values), neurons, samples)
    assert (found.neurons, found.samples, found.published) == pytest.approx(expected, rel=2.0**-51)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (6, 6)])
def test_condition_numbers_are_those_of_the_gram_matrices(shape):
    """κ(G) by NumPy has an error of κ·2⁻⁵² times a small factor; κ is 100 here, and infinite means above 1e14.

    Squares of singular values by their quotient, or its square: six roundings at most.
    """
    rng = np.random.default_rng(seeded())
    left, right = (np.linalg.qr(rng.standard_normal((side, side)))[0] for side in shape)
    phi = left[:, : min(shape)] @ np.diag(np.geomspace(1, 10, min(shape))) @ right[: min(shape)]
    found = FeatureConditioning.of(np.linalg.svd(phi, compute_uv=False), *shape)
    for value, gram in ((found.neurons, phi @ phi.T), (found.samples, phi.T @ phi)):
        kappa = np.linalg.cond(gram)
        assert value == pytest.approx(kappa, rel=1e-9) if math.isfinite(value) else kappa > 1e14
    assert found.published == pytest.approx(np.linalg.cond(phi), rel=1e-12)
    assert min(found.neurons, found.samples) == pytest.approx(found.published**2, rel=2.0**-50)
    assert found.published == pytest.approx(10, rel=1e-12)


def test_a_singular_layer():
    """Two equal neurons: rank K − 1, the last singular value is rounding.  Dead neurons: Φ = 0, exactly."""
    network = INR(1, 1, hidden_features=4, hidden_layers=1, c=3.0)
    x = torch.linspace(-1, 1, 30).unsqueeze(1)
    with torch.no_grad():  # supports (−b, 1 − b), all within the domain
        network.hidden[0].weight.fill_(1)
        network.hidden[0].bias.copy_(torch.tensor([0, 0.2, 0.5, 0.9]))
    (regular,) = feature_singular_values(network, x)
    assert FeatureConditioning.of(regular, 4, 30).published < 1e6
    with torch.no_grad():
        network.hidden[0].weight[3], network.hidden[0].bias[3] = network.hidden[0].weight[2], network.hidden[0].bias[2]
    (equal,) = feature_singular_values(network, x)
    assert len(equal) == 4 and equal[3] < 1e-14 * equal[0] and equal[2] > 1e-6 * equal[0]
    with torch.no_grad():
        network.hidden[0].bias.fill_(100.0)
    (dead,) = feature_singular_values(network, x)
    assert not dead.any() and FeatureConditioning.of(dead, 4, 30).published == math.inf


# A network's further layers


def deep(depth: int, **options) -> INR:
    torch.manual_seed(seeded(depth))
    return INR(2, 3, hidden_features=10, hidden_layers=depth, c=3.0, **options).double()


def forward_by_hand(network: INR, x: np.ndarray, scale: float) -> np.ndarray:
    z = scale * x
    for layer, linear in enumerate(network.hidden):
        if layer and len(network.between):
            z = affine(network.between[layer - 1], z)
        z = bw_relu(affine(linear, z), 3.0)
    values = affine(network.output, z)
    return values if network.skip is None else values + scale * x @ network.skip.weight.detach().numpy().T


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(
    "options, scale",
    [
        ({"linear_layers": True}, 1.0),
        ({"skip": True}, 1.0),
        ({"input_scale": 2.5}, 2.5),
        ({"linear_layers": True, "skip": True, "input_scale": 2.5}, 2.5),
    ],
)
def test_forward_by_hand(depth, options, scale):
    """Slopes are up to 16c = 48, sums have ten terms with weights below 1/√10: a rounding of 1e-15 grows by 150 a hidden layer
    and by 3 a linear one, to 1e-8 at most at depth 3.  A part left out changes values by much more than 1e-6."""
    network = deep(depth, **options)
    x = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    expected = forward_by_hand(network, x.numpy(), scale)
    np.testing.assert_allclose(network(x).detach().numpy(), expected, rtol=0, atol=1e-8)
    plain = INR(2, 3, 10, depth, c=3.0).double()
    plain.load_state_dict({name: value for name, value in network.state_dict().items() if name in plain.state_dict()})
    same = torch.allclose(plain(x), network(x), rtol=0, atol=1e-6)
    assert same == (depth == 1 and list(options) == ["linear_layers"])  # there is nothing between


def test_layers_in_order():
    network = INR(2, 1, 5, 3, linear_layers=True, skip=True)
    expected = [network.hidden[0], network.between[0], network.hidden[1], network.between[1], network.hidden[2], network.output]
    assert network.linears == expected
    assert network.count_parameters() == (2 * 5 + 5) + 4 * (5 * 5 + 5) + (5 + 1) + 2
    assert network.skip.bias is None and len(INR(2, 1, 5, 1, linear_layers=True).between) == 0


def test_complex_networks_have_further_layers():
    """WIRE's are complex; the value is the real part, and the skip connection is real."""
    torch.manual_seed(seeded())
    network = INR(2, 3, 10, 2, "wire", linear_layers=True, skip=True, input_scale=0.5, omega_0=3.0, sigma_0=2.0)
    x = torch.rand(20, 2) * 2 - 1
    z = 0.5 * x.double().numpy()
    z = gabor(affine(network.hidden[0], z), 3.0, 2.0)
    z = gabor(affine(network.hidden[1], affine(network.between[0], z)), 3.0, 2.0)
    expected = affine(network.output, z).real + 0.5 * x.double().numpy() @ network.skip.weight.detach().numpy().T
    assert network.between[0].weight.dtype == torch.float32 and network(x).dtype == torch.float32
    np.testing.assert_allclose(network(x).detach().numpy(), expected, rtol=0, atol=1e-4)  # float32, slopes up to 10


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("linear_layers", [False, True])
def test_to_relu_with_further_layers(depth, linear_layers):
    """As without them, see test_nn: a linear layer is multiplied into the next one, the input scale into the first."""
    network = deep(depth, linear_layers=linear_layers, input_scale=2.5)
    plain = to_relu(network)
    assert {type(layer) for layer in plain} == {nn.Linear, nn.ReLU}
    assert [layer.out_features for layer in plain if isinstance(layer, nn.Linear)] == [70] * depth + [3]
    x = torch.rand(200, 2, dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(plain(x), network(x), rtol=0, atol=1e-11)


def test_to_relu_refuses_a_skip_connection():
    with pytest.raises(ValueError, match="skip connection"):
        to_relu(deep(2, skip=True))


def test_norm_with_linear_layers():
    """16c Σ_ℓ Σ_k ‖v_k‖‖w_k‖, neuron by neuron; and nothing changes under c → c/α, (W, b) → α(W, b) in the hidden layers."""
    network = deep(3, linear_layers=True, skip=True)
    total = 0.0
    for hidden, after in zip(network.hidden, (*network.between, network.output), strict=True):
        w, v = hidden.weight.detach().numpy(), after.weight.detach().numpy()
        for k in range(10):
            total += math.hypot(*w[k]) * math.hypot(*v[:, k])
    assert variation_norm(network).item() == pytest.approx(16 * 3 * total, rel=1e-13)
    assert variation_norm_invariant(network).item() == variation_norm(network).item()
    x = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    before, values = variation_norm(network).item(), network(x)
    with torch.no_grad():
        network.activation.c /= 7
        for linear in network.hidden:
            linear.weight *= 7
            linear.bias *= 7
    torch.testing.assert_close(network(x), values, rtol=0, atol=1e-8)  # as test_forward_by_hand
    assert variation_norm(network).item() == pytest.approx(before, rel=1e-13)
    variation_norm(network).backward()
    assert all(linear.weight.grad.abs().sum() > 0 for linear in network.linears) and network.skip.weight.grad is None


@pytest.mark.parametrize(
    "options, message",
    [
        ({"colour": 3}, r"BWReLU has no option 'colour'; it has: c, learnable\."),
        ({"hidden_width": 3}, "BWReLU has no option 'hidden_width'"),
        ({"activation": "wire", "frequencies": 3}, r"Wire has no option 'frequencies'; it has: omega_0, sigma_0\."),
        ({"input_scale": 0.0}, "positive, finite input_scale; got 0.0"),
        ({"input_scale": -1.0}, "positive, finite input_scale"),
        ({"input_scale": math.inf}, "positive, finite input_scale"),
        ({"input_scale": math.nan}, "positive, finite input_scale"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        INR(2, 1, 4, 1, **options)
