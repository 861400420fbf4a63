"""How large a network is, before it is built."""

from __future__ import annotations

import math

import pytest
import torch

from bwtheory import cli
from bwtheory.nn import ACTIVATIONS, INR
from bwtheory.nn.activations import Activation
from bwtheory.training import size
from bwtheory.training.size import count_parameters, refuse_what_does_not_fit, training_bytes

OPTIONS = {  # that change how many numbers a network has
    "bw-relu": {"learnable": True},
    "relu-pe": {"frequencies": 3},
    "relu-rff": {"frequencies": 5},
}


class Pairs(Activation):
    """Takes complex numbers, and has one that is trained."""

    complex_features = True

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(1j))

    def forward(self, z):
        return z


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("linear_layers", [False, True])
@pytest.mark.parametrize("width, depth", [(1, 1), (7, 1), (10, 3), (5, 4)])
@pytest.mark.parametrize(
    "activation, options",
    [*((name, {}) for name in ACTIVATIONS), *OPTIONS.items(), ("gelu", {}), (torch.nn.PReLU, {}), (Pairs, {})],
)
def test_parameters_are_those_of_the_network(activation, options, width, depth, linear_layers, skip, channels):
    shape = 2, channels, width, depth
    network = INR(*shape, activation, linear_layers=linear_layers, skip=skip, **options)
    assert count_parameters(activation, options, *shape, linear_layers, skip) == network.count_parameters()


def test_the_numbers_of_a_network_are_counted_by_hand():
    """WIRE with 7 complex neurons: real weights in the first layer, then pairs; BW-ReLU with its scale; a skip connection."""
    assert count_parameters("wire", {}, 2, 3, 10, 2) == (2 + 1) * 7 + 2 * (7 + 1) * 7 + 2 * (7 + 1) * 3
    assert count_parameters("bw-relu", {"learnable": True}, 2, 3, 10, 2, True, True) == 30 + 2 * 110 + 33 + 2 * 3 + 1
    assert count_parameters("relu-pe", {"frequencies": 3}, 2, 1, 10, 1) == (2 * 7 + 1) * 10 + 11
    assert count_parameters(Pairs, {}, 1, 1, 1, 1) == (1 + 1) + 2 * (1 + 1) + 2


def test_counting_takes_no_memory():
    """Fourier features of this width would take 32 GB, the weights four exabytes; a list of the layers would, too."""
    assert count_parameters("relu-rff", {"frequencies": 10**9}, 2, 1, 10**9, 2) > 10**18
    assert count_parameters("bw-relu", {}, 2, 1, 10**9, 3) == 3 * 10**9 + 2 * (10**18 + 10**9) + 10**9 + 1
    assert count_parameters("bw-relu", {}, 2, 1, 1, 10**12) == 3 + 2 * (10**12 - 1) + 2


def test_what_does_not_fit_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(size, "available_bytes", lambda: 2e9)
    refuse_what_does_not_fit("This", 2e9)
    with pytest.raises(ValueError, match=r"^This takes at least 2\.5 GB of memory, and 2 GB are free\.$"):
        refuse_what_does_not_fit("This", 2.5e9)


def test_bytes():
    assert training_bytes(1000) == 16_000 and training_bytes(1000, networks=3, double=True) == 96_000
    assert 0 < size.available_bytes() <= math.inf


@pytest.mark.parametrize(
    "arguments",
    [
        "train univariate --target sines --hidden-features 20000 --hidden-layers 2 --seeds 10000 --together",
        "compare signal --image camera --parameters 500000000000",
        "bench --side 4000000",
    ],
)
def test_commands_refuse_what_no_machine_has(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert " of memory, and " in error and error.count("\n") == 1 and not list(tmp_path.iterdir())
