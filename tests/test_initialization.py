"""How networks start: the start by scales, its step sizes, and the theory of both beside measurement."""

from __future__ import annotations

import json
import math
from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from bwtheory import propagation
from bwtheory.experiments.starts import first_moments, measure, predict_layers, roughness, start_of
from bwtheory.nn import ACTIVATIONS, INR, psi
from bwtheory.nn.functional import psi_slope_of_centred
from bwtheory.propagation import Deeper, dead_in_first_layer, deeper, gain_of_unit_growth, moments
from bwtheory.starts import STARTS, Scales, named_start
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.devices import settled
from bwtheory.training.flags import Start
from bwtheory.training.run import RunDirectory, build_network, build_optimizer
from bwtheory.training.session import train
from bwtheory.wavelet import BSplineWavelet

WITH_WINDOW = [name for name, cls in ACTIVATIONS.items() if cls.window is not None and name not in ("relu-pe", "relu-rff")]


def network(seed=0, width=400, layers=3, init="scales", activation="bw-relu", d=2, **options):
    torch.manual_seed(seed)
    return INR(d, 1, width, layers, activation=activation, init=init, **options)


@pytest.mark.parametrize("activation", WITH_WINDOW)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_first_layer_is_where_the_domain_is(activation, d):
    """Scales within their bounds and log-uniform, directions uniform, and every neuron's middle inside the domain."""
    start = Scales(smallest_scale=0.5, largest_scale=8.0)
    net = network(init=start, activation=activation, d=d, width=4000, layers=1, input_scale=3.0)
    scale, window = net.activation.argument_scale, net.activation.window
    weight, bias = (scale * t.detach().double() for t in (net.hidden[0].weight, net.hidden[0].bias))
    size = weight.norm(dim=1)
    assert size.min() >= 0.5 * (1 - 1e-5) and size.max() <= 8.0 * (1 + 1e-5)
    # a mean of n log-uniform numbers has the standard deviation log(16)/√(12 n); five of them
    assert abs(float(size.log().mean()) - math.log(2.0)) < 5 * math.log(16) / math.sqrt(12 * 4000)
    mean = (weight / size[:, None]).mean(0)
    assert float(mean.abs().max()) < 5 / math.sqrt(d * 4000)  # a coordinate of a random direction has the variance 1/d
    # the argument is the middle of the window on a hyperplane at this distance from 0, which meets [−3, 3]^d
    distance = (bias - sum(window) / 2).abs() / size
    reach = 3.0 * (weight / size[:, None]).abs().sum(1)
    assert bool((distance <= reach * (1 + 1e-5)).all())
    assert float(distance.max()) > 1.5  # and not in its middle only: 400 places within half of it have the chance 2^-4000


def test_no_neuron_of_the_first_layer_is_dead():
    """PyTorch's default leaves a share of them dead, which the theory knows; a start by scales none."""
    axis = torch.linspace(-1, 1, 201)
    places = torch.cartesian_prod(axis, axis)
    for c in (3.0, 9.0):
        shares = {}
        for init in ("pytorch", "scales", "edge"):
            features = network(init=init, c=c, width=2000, layers=1).features(places)[0]
            shares[init] = float((features == 0).all(0).double().mean())
        assert shares["scales"] == shares["edge"] == 0
        expected = dead_in_first_layer(2, c)
        # a share of 2000 has the standard deviation √(p(1 − p)/2000); dead on a grid of distance 0.01 is also a neuron of which
        # only a narrower strip reaches it: its bias is within 0.01 of the threshold, in units of 1/√2, out of [−1, 1]
        assert -5 * math.sqrt(expected / 2000) < shares["pytorch"] - expected < 5 * math.sqrt(expected / 2000) + 0.015


@pytest.mark.parametrize(("d", "c"), [(1, 2.0), (1, 9.0), (2, 3.0), (2, 9.0), (3, 30.0)])
def test_dead_neurons_are_counted_right(d, c):
    """The formula against random weights, whose range over the cube is exact."""
    generator = np.random.default_rng(0)
    w, b = generator.uniform(-1, 1, (400_000, d)) / math.sqrt(d), generator.uniform(-1, 1, 400_000) / math.sqrt(d)
    reach = np.abs(w).sum(1)
    share = ((c * (b + reach) <= 0) | (c * (b - reach) >= 3)).mean()
    expected = dead_in_first_layer(d, c)
    assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / 400_000)


@pytest.mark.parametrize("activation", WITH_WINDOW)
def test_deeper_layers_are_as_they_say(activation):
    start = Scales(bias_centre=0.25, bias_spread=0.5, gain=2.0)
    net = network(init=start, activation=activation, width=300)
    scale = net.activation.argument_scale
    for linear in net.hidden[1:]:
        weight, bias = scale * linear.weight.detach(), scale * linear.bias.detach()
        bound = 2.0 / math.sqrt(300)
        assert bound * 0.99 < float(weight.abs().max()) <= bound * (1 + 1e-5)
        assert -0.25 - 1e-5 <= float(bias.min()) < -0.2 and 0.7 < float(bias.max()) <= 0.75 + 1e-5
    plain = network(init="pytorch", activation=activation, width=300)
    same_random_numbers = [torch.equal(a, b) for a, b in zip(net.output.parameters(), plain.output.parameters())]
    assert all(same_random_numbers)  # of the output layer: it is drawn before, and stays
    whole = network(init="scales", activation=activation, width=300)
    low, high = whole.activation.window
    bias = scale * whole.hidden[1].bias.detach()
    assert low <= float(bias.min()) < low + 0.05 * (high - low) and high - 0.05 * (high - low) < float(bias.max()) <= high


def test_the_published_start_is_untouched():
    """ "pytorch" draws the numbers that PyTorch draws, and no more."""
    torch.manual_seed(3)
    linears = [torch.nn.Linear(2, 20), torch.nn.Linear(20, 20), torch.nn.Linear(20, 1)]
    after = torch.rand(1)
    net = network(3, width=20, layers=2, init="pytorch", c=9.0)
    assert all(torch.equal(a.weight, b.weight) and torch.equal(a.bias, b.bias) for a, b in zip(linears, net.linears))
    assert torch.equal(torch.rand(1), after)
    (group,) = net.parameter_groups(1e-3)
    assert group["lr"] == 1e-3 and group["lr_multiple"] == 1.0 and len(group["params"]) == len(list(net.parameters()))


@pytest.mark.parametrize("init", ["scales", "edge"])
def test_a_seed_is_a_start(init):
    config = TrainingConfig("camera", init=init, hidden_features=9, seed=5)
    torch.manual_seed(1)
    first, second = (build_network(config, 1).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = build_network(TrainingConfig("camera", init=init, hidden_features=9, seed=6), 1).state_dict()
    assert not torch.equal(first["hidden.0.weight"], other["hidden.0.weight"])


def test_linear_layers_between_keep_the_size():
    net = network(width=1000, layers=2, linear_layers=True).double()
    x = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        first = net.features(x)[0]
        after = net.between[0](first)
    # a mean square of 1000 nearly normal numbers, the same weights at all points: relative deviation √(2/1000); five of them
    assert float((after.square().mean() / first.square().mean() - 1).abs()) < 5 * math.sqrt(2 / 1000)


def test_step_sizes_are_those_of_the_argument():
    """One step of Adam moves each number by its group's rate: in ψ's argument 4, c, 2 times lr, and 1 in the output layer."""
    lr = 2.0**-10
    config = TrainingConfig("x", init="scales", options={"c": 3.0}, hidden_features=20, lr=lr, double=True)
    net = build_network(config, 1)
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    optimizer = build_optimizer(config, net)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moved = {name: float((before[name] - value.detach()).mean()) for name, value in net.named_parameters()}
    c = {"hidden": 3.0, "output": 1.0}
    in_argument = {name: c[name.partition(".")[0]] * value / lr for name, value in moved.items()}
    expected = {"hidden.0.weight": 4, "hidden.1.weight": 3, "hidden.2.weight": 3, "output.weight": 1, "output.bias": 1}
    expected |= {f"hidden.{n}.bias": 2 for n in range(3)}
    assert set(expected) == set(moved)
    for name, value in expected.items():
        assert in_argument[name] == pytest.approx(value, rel=1e-6), name  # Adam divides by |g| + 1e-8


def test_step_sizes_of_other_activations_are_as_they_were():
    groups = network(activation="siren", omega_0=25.0, width=10).parameter_groups(1.0)
    assert [group["lr_multiple"] for group in groups] == [1.0, 1.0, 1.0]
    groups = network(activation="siren", omega_0=25.0, width=10, init=Scales(first_step=50.0, bias_step=5.0)).parameter_groups(
        1.0
    )
    assert [group["lr_multiple"] for group in groups] == [2.0, 0.2, 1.0]
    for init in ("pytorch", "scales"):
        net = network(init=init, width=10, linear_layers=True, skip=True, learnable=True)
        inside = [parameter for group in net.parameter_groups(1.0) for parameter in group["params"]]
        assert len(inside) == len({id(p) for p in inside}) == len(list(net.parameters()))


def test_what_cannot_start_by_scales_is_refused_in_a_sentence():
    for activation in ("finer", "wire", "gelu"):
        with pytest.raises(ValueError, match="puts neurons where an activation varies"):
            network(activation=activation)
    for activation in ("relu-pe", "relu-rff"):
        with pytest.raises(ValueError, match="encodes these"):
            network(activation=activation)
    with pytest.raises(ValueError, match="no start 'scale'; there are pytorch, scales, edge"):
        named_start("scale")
    with pytest.raises(ValueError, match="'pytorch' has no options; gain is one of 'scales' and 'edge'"):
        named_start("pytorch", {"gain": 1.0})
    with pytest.raises(ValueError, match="A start has no option 'c'"):
        named_start("edge", {"c": 1.0})
    for bad in (
        {"smallest_scale": 0.0},
        {"gain": -1.0},
        {"bias_spread": -0.1},
        {"largest_scale": math.inf},
        {"bias_step": "2"},
    ):
        with pytest.raises(ValueError, match=f"The start's {next(iter(bad))}"):
            named_start("scales", bad)
    with pytest.raises(ValueError, match="smallest_scale <= largest_scale; got 5 and 3"):
        named_start("scales", {"smallest_scale": 5.0})
    found = named_start("scales", {"bias_centre": -2.0, "bias_spread": 0.0, "gain": None})
    assert found == Scales(bias_centre=-2.0, bias_spread=0.0)


def test_a_start_is_in_the_configuration_and_on_the_command_line():
    old = TrainingConfig("camera").to_json()
    del old["init"], old["init_options"]
    assert TrainingConfig.from_json(old).init == "pytorch"
    config = TrainingConfig("camera", init="edge", init_options={"gain": 2.0})
    assert TrainingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(ValueError, match="no start 'orthogonal'"):
        TrainingConfig("camera", init="orthogonal")
    assert {field.name for field in fields(Start)} == {"init", *(field.name for field in fields(Scales))}


def test_a_run_with_groups_goes_on_where_it_was(tmp_path):
    """Interrupted after a checkpoint and continued, bit for bit; and the schedule reaches every group."""
    given = {
        "source": "camera",
        "task": "signal",
        "epochs": 6,
        "hidden_features": 8,
        "init": "scales",
        "lr": 1e-2,
        "log_every": 1,
    }
    config = settled(with_preset({**given, "device": "cpu"}, {"c": 2.0}, {"shrink": 32}), 1, 1)
    from bwtheory.tasks import build_task

    task = build_task(config.task, config.source, config.coords, config.task_options)
    whole = RunDirectory.create(tmp_path / "whole", config)
    train(config, task, whole)
    short = RunDirectory.create(
        tmp_path / "parts",
        settled(with_preset({**given, "epochs": 3, "decay_epochs": 6, "device": "cpu"}, {"c": 2.0}, {"shrink": 32}), 1, 1),
    )
    train(short.read_config(), task, short)
    more = short.extend(6)
    train(more, task, short)
    for name, value in whole.learned(config)[0].state_dict().items():
        assert torch.equal(value, short.learned(more)[0].state_dict()[name]), name


# The theory


def test_the_theory_has_the_wavelet():
    """ψ, ψ′ and the support are those of the exact wavelet."""
    exact = BSplineWavelet(2)
    u = np.linspace(-0.5, 3.5, 4001)
    assert np.abs(propagation.psi(u) - exact(u)).max() < 1e-14
    slopes = psi_slope_of_centred(torch.from_numpy(u) - 1.5).numpy()
    inside = np.abs(u * 2 - np.round(u * 2)) > 1e-9
    assert np.abs(propagation.psi_slope(u) - slopes)[inside].max() < 1e-12
    assert moments(0.0, 1.5, 1.5).square == pytest.approx(float(exact.norm_squared) / 3, rel=1e-12)


@pytest.mark.parametrize("sigma", [0.03, 0.5, 2.0])
@pytest.mark.parametrize(("centre", "spread"), [(1.5, 1.5), (0.0, 0.26), (1.0, 0.0)])
def test_moments_are_those_of_adaptive_quadrature(sigma, centre, spread):
    def density(u):
        if spread == 0:
            return norm.pdf(u, centre, sigma)
        return (norm.cdf((u - centre + spread) / sigma) - norm.cdf((u - centre - spread) / sigma)) / (2 * spread)

    found = moments(sigma, centre, spread)
    for name, f in {
        "square": lambda u: propagation.psi(u) ** 2,
        "slope_square": lambda u: propagation.psi_slope(u) ** 2,
    }.items():
        pieces = [quad(lambda u, f=f: f(u) * density(u), k / 2, (k + 1) / 2, epsabs=1e-13, limit=200)[0] for k in range(6)]
        assert getattr(found, name) == pytest.approx(sum(pieces), rel=1e-9, abs=1e-12)


def test_gains_that_the_theory_singles_out():
    """Differences keep their size at a gain of √(3/E ψ′²) while arguments vary little, 1.03 for biases over the support."""
    assert math.sqrt(3 / moments(0.0, 1.5, 1.5).slope_square) == pytest.approx(1.029, abs=1e-3)
    assert gain_of_unit_growth(1.5, 1.5) == pytest.approx(1.029, abs=1e-3)  # σ² = g²q/3 = 0.03 changes little
    edge = gain_of_unit_growth(0.0, 0.26)
    low, high = Deeper(0.999 * edge, 0.0, 0.26), Deeper(1.001 * edge, 0.0, 0.26)
    assert 7.5 < edge < 8.5 and low.growth(low.settled()) < 1 < high.growth(high.settled())  # a jump: a fixed point appears
    two_attracting = Deeper(9.0, 0.0, 0.26).fixed_points()
    assert [attracting for _, attracting in two_attracting] == [True, False, True]


@pytest.mark.parametrize(
    ("init", "gain"), [("pytorch", 3.0), ("pytorch", 9.0), ("scales", 1.0), ("scales", 6.0), ("edge", 1.0)]
)
def test_prediction_and_measurement_agree(init, gain):
    """Mean squares and growth, layer by layer, of networks of width 300: within five standard errors and 1/width effects.

    A mean square of n features fluctuates by √(Var ψ²/n), of which the next layers' means see the second derivative: relative
    corrections of the order of 1/n, some tens of them at worst by the growth of fluctuations through layers.
    """
    width, depth, seeds = 300, 4, 12
    places = np.random.default_rng(1).uniform(-1, 1, (24, 2))
    start = start_of(init, gain)
    first = first_moments(start, gain, places)
    predicted = predict_layers(start, gain, width, depth, first)
    measured = [measure(init, gain, width, depth, seed, points=64) for seed in range(seeds)]
    for layer in range(depth):
        for name in ("square", "derivative_square", "growth", "active"):
            expected = getattr(predicted[layer], name)
            if expected is None:
                continue
            values = np.array([getattr(each[layer], name) for each in measured])
            error = values.std(ddof=1) / math.sqrt(seeds)
            # places are a sample of the domain, 24 for the prediction and 64 for each measurement
            at_places = getattr(first, "derivative_square" if name == "derivative_square" else "square")
            uneven = np.std(at_places) / np.mean(at_places) / math.sqrt(24)
            assert abs(values.mean() - expected) < 5 * error + (20 / width + 5 * uneven) * expected, (layer, name)
        dead = np.array([each[layer].dead for each in measured])
        assert dead.mean() <= predicted[layer].dead + 5 * max(dead.std(), 0.01) / math.sqrt(seeds) + 0.02


def test_roughness_says_what_becomes_noise():
    """At the distance of 64 pixels, as the runs of ``reproduce between`` show: c = 3 and gain 1 are smooth, 9 and 6 noise."""
    pixel = 2 / 63
    assert roughness(None, 3.0, 64, 3) * pixel < 1 < roughness(None, 5.0, 64, 3) * pixel
    for init in ("scales", "edge"):
        found = [roughness(start_of(init, gain), gain, 64, 3) * pixel for gain in (0.5, 1.0, 2.0, 6.0)]
        assert found == sorted(found) and found[2] < 1 < found[3]


def test_order_and_chaos():
    """With depth, two points become alike below unit growth, and as unlike as strangers above it."""

    def likeness(gain):
        net = network(width=500, layers=12, init=Scales(gain=gain), c=1.0).double()
        x = torch.tensor([[0.1, 0.2], [0.1001, 0.2]], dtype=torch.float64)
        features = net.features(x)
        return [float((h[0] - h[1]).norm() / h[0].norm()) for h in features]

    ordered, chaotic = likeness(0.5), likeness(3.0)
    assert ordered[-1] < ordered[0] * 1e-2
    assert chaotic[-1] > 0.1 and chaotic[-1] > 100 * chaotic[0]
    rule = deeper(Scales(gain=0.5), 1.0, 500)
    # growth in square over the eleven deeper layers, up to its fluctuation: some 1/√500·few a layer
    assert math.log(ordered[-1] / ordered[0]) == pytest.approx(5.5 * math.log(rule.growth(rule.settled())), rel=0.1)


def test_psi_of_the_networks_is_that_of_the_theory():
    u = torch.linspace(-1, 4, 1001, dtype=torch.float64)
    assert float((psi(u) - torch.from_numpy(propagation.psi(u.numpy()))).abs().max()) < 1e-14
    assert STARTS["pytorch"] is None
