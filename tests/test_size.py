"""How large a network is, before it is built."""

from __future__ import annotations

import math

import pytest

from bwtheory import cli
from bwtheory.nn import ACTIVATIONS, INR
from bwtheory.training import size
from bwtheory.training.size import count_parameters, in_words, refuse_what_does_not_fit, training_bytes


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    "width, depth, linear_layers, skip", [(1, 1, False, False), (7, 1, True, True), (10, 3, True, False), (5, 4, False, True)]
)
def test_parameters_are_those_of_the_network(activation, width, depth, linear_layers, skip):
    network = INR(2, 3, width, depth, activation, linear_layers=linear_layers, skip=skip)
    assert count_parameters(activation, {}, 2, 3, width, depth, linear_layers, skip) == network.count_parameters()


def test_a_learnable_scale_is_a_parameter():
    network = INR(2, 1, 5, 2, "bw-relu", learnable=True)
    assert count_parameters("bw-relu", {"learnable": True}, 2, 1, 5, 2) == network.count_parameters()


def test_counting_takes_no_memory():
    """Fourier features of this width would take 32 GB, the weights four exabytes."""
    assert count_parameters("relu-rff", {"frequencies": 10**9}, 2, 1, 10**9, 2) > 10**18


def test_what_does_not_fit_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(size, "available_bytes", lambda: 2e9)
    refuse_what_does_not_fit("This", 2e9)
    with pytest.raises(ValueError, match=r"^This takes at least 2\.5 GB of memory, and 2 GB are free\.$"):
        refuse_what_does_not_fit("This", 2.5e9)


def test_bytes():
    assert training_bytes(1000) == 16_000 and training_bytes(1000, networks=3, double=True) == 96_000
    assert [in_words(n) for n in (0, 999, 1000, 1.5e12)] == ["0 bytes", "999 bytes", "1 KB", "1.5 TB"]
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
