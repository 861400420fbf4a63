"""``bwtheory bench``: what it measures is what it says."""

from __future__ import annotations

import math

import pytest
import torch

from bwtheory.cli import main
from bwtheory.nn import INR, psi
from bwtheory.training.benchmark import Problem, SevenReLUs, benchmark

PROBLEM = Problem(side=16, width=6, depth=2)


def test_the_operations_are_those_of_the_bare_products():
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        PROBLEM.bare_products()()
    assert counter.get_total_flops() == PROBLEM.operations
    added = {torch.ops.aten.baddbmm_: lambda total, a, b, **_: 2 * math.prod(a) * b[2]}
    with FlopCounterMode(display=False, custom_mapping=added) as counter:
        PROBLEM.step("relu", None)()
    outer = 2 * 256 * 6 * (2 * 2 + 3 * 1)  # first layer without the gradient of its inputs, output layer
    assert counter.get_total_flops() == PROBLEM.operations + outer


def test_own_products_are_counted():
    rows = {row.name: row for row in benchmark(PROBLEM, ["wire", "bw-relu"], False, seconds=0)}
    width = int(6 / 2**0.5)
    assert rows["wire"].products == pytest.approx(4 * width**2 / 36)
    assert all(len(row.ratios) == 3 and min(row.ratios) > 0 for row in rows.values())
    assert rows["bare products"].ratios == [1, 1, 1]


def test_seven_relus_are_seven_relus(monkeypatch):
    """The slow rows must not take the fused ψ by way of the class they come from."""
    network = INR(2, 1, 5, 2, SevenReLUs).double()
    x = torch.rand(9, 2).double()
    expected = INR(2, 1, 5, 2, "bw-relu").double()
    expected.load_state_dict(network.state_dict())
    torch.testing.assert_close(network(x), expected(x), rtol=0, atol=1e-12)
    calls = []
    monkeypatch.setattr("bwtheory.training.benchmark.psi_seven_relus", lambda z: calls.append(1) or psi(z))
    network(x)
    assert len(calls) == 2


def test_the_command(capsys):
    small = ["--side", "8", "--width", "5", "--depth", "2", "--seconds", "0", "--device", "cpu"]
    assert main(["bench", *small, "--activations", "relu"]) == 0
    out = capsys.readouterr().out
    assert "relu, autograd, in chunks" in out and "GFLOP/s" in out and "bw-relu" not in out


@pytest.mark.parametrize(
    "arguments, message",
    [("--side 7", "a side that 4 divides"), ("--depth 1", "depth >= 2"), ("--activations relo", "no activation 'relo'")],
)
def test_bad_input(capsys, arguments, message):
    assert main(["bench", "--device", "cpu", *arguments.split()]) == 2
    assert message in capsys.readouterr().err
