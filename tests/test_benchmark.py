"""``bwtheory bench``: what it measures is what it says."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bwtheory.cli import main
from bwtheory.nn import INR, calibration, psi
from bwtheory.nn.calibration import available
from bwtheory.nn.products import ENGINES
from bwtheory.processor import processor
from bwtheory.training import benchmark as benchmark_module
from bwtheory.training import benchmark_report
from bwtheory.training.benchmark import Measured, Measurements, Problem, SevenReLUs, benchmark
from bwtheory.training.benchmark_report import report


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "_cache_folder", lambda: tmp_path)


PROBLEM = Problem(side=16, width=6, depth=2)


ADDED = {torch.ops.aten.baddbmm_: lambda total, a, b, **_: 2 * math.prod(a) * b[2]}


def test_the_operations_are_those_of_the_bare_products():
    with FlopCounterMode(display=False, custom_mapping=ADDED) as counter:
        ways = PROBLEM.bare_products()
        for number, products in enumerate(ways.values(), start=1):
            products()
            assert counter.get_total_flops() == number * PROBLEM.operations
        assert len(ways) == 1 + len(available())
    with FlopCounterMode(display=False, custom_mapping=ADDED) as counter:
        PROBLEM.step("relu", None)()
    outer = 2 * 256 * 6 * (2 * 2 + 3 * 1)  # first layer without the gradient of its inputs, output layer
    assert counter.get_total_flops() == PROBLEM.operations + outer


def test_each_engine_does_all_products_in_each_thread(monkeypatch):
    """With two threads and four chunks: rows and sides of all products that engines are asked for."""
    asked = []
    problem = Problem(side=64, width=300, depth=2)
    for engine in ENGINES.values():
        for kind in ("product", "outer"):
            monkeypatch.setattr(  # of the class: an object would keep what is put back as an attribute of its own
                type(engine), kind, lambda self, x, y, *others, kind=kind: asked.append((kind, len(x[0]))) or (lambda: None)
            )
    monkeypatch.setattr(benchmark_module, "threads_for", lambda count, x: 2)
    ways = problem.bare_products()
    for name in available():
        assert f"{name}, per thread" in ways and f"{name}, together" in ways
    count = len(available())
    assert asked.count(("product", 4096)) == 2 * count and asked.count(("product", 1024)) == 8 * count
    assert asked.count(("outer", 300)) == 5 * count


def test_own_products_are_counted():
    measured = benchmark(PROBLEM, ["wire", "bw-relu"], False, seconds=0)
    rows = {row.name: row for row in measured.steps}
    width = int(6 / 2**0.5)
    assert rows["wire"].products == pytest.approx(4 * width**2 / 36)
    assert all(len(row.ratios) == 3 and min(row.ratios) > 0 for row in rows.values())
    assert measured.fastest.ratios == [1, 1, 1] and measured.fastest in measured.bare
    assert all(statistics.median(row.seconds) >= statistics.median(measured.fastest.seconds) for row in measured.bare)


def test_what_is_slow_is_measured_three_times(monkeypatch):
    """By a clock that goes a second with each look, nine of them after the third round; slow steps are in three rounds."""
    seconds = iter(range(1000))
    monkeypatch.setattr(benchmark_module.time, "monotonic", lambda: next(seconds))
    times = {"bare": 1.0, "relu": 2.0, "siren": 9.0}
    monkeypatch.setattr(benchmark_module, "_time", lambda step, device: times[step])
    monkeypatch.setattr(Problem, "bare_products", lambda self: {"torch.mm": "bare"})
    monkeypatch.setattr(Problem, "step", lambda self, name, *others, **more: name)
    measured = benchmark(PROBLEM, ["relu", "siren"], False, seconds=10)
    assert len(measured.fastest.seconds) == 12
    assert {row.name: (len(row.seconds), row.ratio) for row in measured.steps if "," not in row.name} == {
        "relu": (12, 2.0),
        "siren": (3, 9.0),
    }


def some(times: list[float]) -> Measurements:
    fastest = Measured("openblas, together", 1.0, seconds=times, ratios=[1.0] * len(times))
    slower = Measured("torch.mm", 1.0, seconds=[2 * t for t in times], ratios=[2.0] * len(times))
    step = Measured("relu", 1.0, seconds=[3 * t for t in times], ratios=[3.0] * len(times))
    return Measurements([step], fastest, [slower, fastest])


def test_a_noisy_machine_is_not_reported(capsys):
    """The first decile of eleven rounds is the second time, the last one the tenth."""
    quiet, noisy = [5.0, 1.0] + [1.1] * 8 + [1.13], [1.0, 1.0] + [1.1] * 7 + [1.17, 1.17]
    assert some(quiet).spread == pytest.approx(0.03 / 1.1) and some(noisy).spread == pytest.approx(0.17 / 1.1)
    assert report(PROBLEM, some(noisy)) == 1
    said = capsys.readouterr()
    assert said.out == "" and "nothing is reported: in 11 rounds" in said.err and "15% of their median" in said.err
    assert report(PROBLEM, some(quiet)) == 0
    out = capsys.readouterr().out
    assert "relu" in out and "3.00" in out and "2.00" in out and processor().split(",")[0] in out


def test_the_kernel_of_openblas_is_said(capsys, monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    report(PROBLEM, some([1.0, 1.0, 1.0]))
    assert "OPENBLAS_CORETYPE" not in capsys.readouterr().out
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    report(PROBLEM, some([1.0, 1.0, 1.0]))
    out = capsys.readouterr().out
    assert "OPENBLAS_CORETYPE is set: OpenBLAS has the kernel Haswell" in " ".join(out.split())
    assert "OpenBLAS" not in available() or ENGINES["openblas"].library() in out


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


def test_the_command(capsys, monkeypatch):
    monkeypatch.setattr(benchmark_report, "NOISE", math.inf)  # these products take microseconds
    small = ["--side", "8", "--width", "5", "--depth", "2", "--seconds", "0", "--device", "cpu"]
    assert main(["bench", *small, "--activations", "relu"]) == 0
    out = capsys.readouterr().out
    assert "relu, autograd, in chunks" in out and "GFLOP/s" in out and "bw-relu" not in out
    assert all(f"{name}, together" in out for name in available())


@pytest.mark.parametrize(
    "arguments, message",
    [("--side 7", "a side that 4 divides"), ("--depth 1", "depth >= 2"), ("--activations relo", "no activation 'relo'")],
)
def test_bad_input(capsys, arguments, message):
    assert main(["bench", "--device", "cpu", *arguments.split()]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("info", "name"),
    [
        (
            "model\t\t: 17\nmodel name\t: AMD EPYC\ncpu family\t: 25\nflags\t\t: fpu avx2 avx512f\n",
            "AMD EPYC, family 25, model 17, avx512f",
        ),
        ("model name\t: Old\ncpu family\t: 6\nmodel\t\t: 1\nflags\t\t: fpu sse2\n", "Old, family 6, model 1, no vectors"),
    ],
)
def test_the_name_of_a_processor(info, name, tmp_path):
    (tmp_path / "cpuinfo").write_text(info)
    assert processor(tmp_path / "cpuinfo") == name
    assert processor(tmp_path / "none") and processor()
