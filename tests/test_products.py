"""Matrix products by each engine: their accuracy, who takes what, which one is chosen, and that a run keeps the one it has."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from seeds import seeded
from threadpoolctl import threadpool_info
from torch.utils.flop_counter import FlopCounterMode

from bwtheory.cli import main
from bwtheory.nn import INR, calibration, products
from bwtheory.nn.calibration import available, fastest_products, products_of_run
from bwtheory.nn.products import BLOCK, ENGINES, LONG, Products, products_named, usual_products
from bwtheory.nn.workers import Workers
from bwtheory.options import ENGINES as NAMES
from bwtheory.training import devices
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.fitted import load
from bwtheory.training.gauss_newton import GaussNewton
from bwtheory.training.gradient import ChunkedNetworks, predict
from bwtheory.training.run import RunDirectory

HERE = [*available(), "torch", "mkl+openblas", "openblas+onednn"]
BITS = {torch.float32: 24, torch.float64: 53}
SHAPES = [(1, 2 * BLOCK, 40, 33), (1, 77, 33, 45), (3, BLOCK, 35, 64), (1, LONG + 60, 32, 32), (2, 20, 2, 40), (1, 9, 40, 1)]


def engine(name: str) -> Products:
    try:
        return products_named(name)
    except ValueError as error:
        pytest.skip(str(error))


def integers(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Whole numbers with all the bits that the type has."""
    most = 2 ** BITS[dtype]
    return torch.randint(-most, most + 1, shape).to(dtype)


def exact(tensor: torch.Tensor) -> np.ndarray:
    """The same whole numbers as Python's, which do not round."""
    return np.vectorize(int, otypes=[object])(tensor.double().numpy())


def assert_rounded(found: torch.Tensor, terms: list[tuple[np.ndarray, np.ndarray]], start: np.ndarray, dtype: torch.dtype):
    """``found`` is start + Σ products, but for rounding.

    A sum of n products, in any order, with or without fused multiplications, is wrong by at most γ_n Σ|a||b|, where
    γ_n = nu/(1 − nu) and u is half a unit in the last place of 1 (Higham 2002, section 3.1); the number that it is added to is
    one term more.
    """
    right, size, count = start, abs(start), 1
    for a, b in terms:
        right, size, count = right + a @ b, size + abs(a) @ abs(b), count + a.shape[1]
    scale = 2 ** BITS[dtype]
    difference = abs(exact(found) - right)  # |difference| (2^bits − n) <= n Σ|a||b|, in whole numbers
    assert (difference * (scale - count) <= count * size).all()


@pytest.mark.parametrize("dtype", BITS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", HERE)
def test_products_are_right_but_for_rounding(name, shape, dtype):
    ours, (count, rows, inner, outer) = engine(name), shape
    torch.manual_seed(seeded())
    x, weights = integers((count, rows, inner), dtype), integers((count, inner, outer), dtype)
    gradient, total, start = (integers(s, dtype) for s in ((count, rows, outer), (count, outer, inner), (count, rows, outer)))
    transposed, out = weights.transpose(1, 2).contiguous(), torch.full((count, rows, outer), torch.nan, dtype=dtype)
    ours.product(x, weights, transposed, out)()
    summed = start.clone()
    ours.add_product(summed, x, weights, transposed, torch.empty_like)()
    stored_transposed = total.transpose(1, 2).clone(memory_format=torch.contiguous_format).transpose(1, 2)
    outers = total.clone(), stored_transposed
    for each in outers:
        for _ in range(2):  # what is kept from one call must not be in the next
            ours.outer(each, gradient, x, torch.empty_like)()
    for k in range(count):
        a, b, g = exact(x[k]), exact(weights[k]), exact(gradient[k])
        assert_rounded(out[k], [(a, b)], exact(0 * start[k]), dtype)
        assert_rounded(summed[k], [(a, b)], exact(start[k]), dtype)
        for each in outers:
            assert_rounded(each[k], [(g.T, a), (g.T, a)], exact(total[k]), dtype)


def test_a_product_of_less_precision_is_seen():
    """One of TF32's units, which keep ten bits of each factor, is not within the bound."""
    torch.manual_seed(seeded())
    x, weights = integers((1, BLOCK, 40), torch.float32), integers((1, 40, 33), torch.float32)
    rounded = [(t.view(torch.int32) & -(1 << 13)).view(torch.float32) for t in (x, weights)]
    with pytest.raises(AssertionError):
        assert_rounded(
            (rounded[0] @ rounded[1])[0], [(exact(x[0]), exact(weights[0]))], exact(torch.zeros(BLOCK, 33)), torch.float32
        )


@pytest.mark.parametrize("name", HERE)
def test_what_an_engine_does_not_take_goes_the_way_of_torch(name):
    ours, usual = engine(name), products_named("torch")
    for dtype, sides in ((torch.bfloat16, (40, 40)), (torch.float32, (2, 40)), (torch.float32, (40, 1))):
        x, weights = torch.randn(1, 70, sides[0]).to(dtype), torch.randn(1, *sides).to(dtype)
        outs = [torch.empty(1, 70, sides[1], dtype=dtype) for _ in range(2)]
        for each, out in zip((ours, usual), outs):
            each.product(x, weights, weights.transpose(1, 2).contiguous(), out)()
        assert torch.equal(*outs)


@pytest.mark.parametrize("number", [1, 2])  # threads of ours have no counter
@pytest.mark.parametrize("name", HERE)
def test_while_somebody_counts_the_operations_all_are_counted(name, number):
    network, x = INR(2, 1, 40, 2, "relu"), torch.rand(100, 2)
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        chunked = ChunkedNetworks([network], 50, products=engine(name))
        for prepared in (False, True):  # products may have been prepared before there was a counter
            if prepared:
                chunked.values(x)
            with FlopCounterMode(display=False) as counter:
                chunked.values(x)
            assert counter.get_total_flops() == 2 * 100 * (2 * 40 + 40 * 40 + 40)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", HERE)
def test_gradients_by_each_engine(name, number, monkeypatch):
    """Float64: the same but for rounding.  One network and three, and Gauss–Newton's products."""
    ours = engine(name)
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        for count in (1, 3):
            torch.manual_seed(seeded())
            networks = [INR(2, 2, 40, 3, "bw-relu", skip=True).double() for _ in range(count)]
            x, y = torch.rand(300, 2, dtype=torch.float64) * 2 - 1, torch.rand(300, 2, dtype=torch.float64)
            both = []
            for each in (ours, products_named("torch")):
                for network in networks:
                    network.zero_grad()
                losses, values = ChunkedNetworks(networks, 2 * BLOCK, products=each).least_squares(x, y)
                both.append([losses, values, *(p.grad.clone() for network in networks for p in network.parameters())])
            for found, expected in zip(*both):
                torch.testing.assert_close(found, expected, rtol=0, atol=1e-10 * max(1, float(expected.abs().max())))
        images = []
        for each in (ours, products_named("torch")):
            solver = GaussNewton(networks[0], x, y, None, BLOCK, each)
            solver.linearize()
            images.append(solver.curvature(torch.linspace(-1, 1, solver.size, dtype=torch.float64)))
        torch.testing.assert_close(*images, rtol=0, atol=1e-10 * float(images[1].abs().max()))
    finally:
        torch.set_num_threads(before)


def test_each_engine_is_the_one_that_multiplies(monkeypatch):
    """A network's products go to the engine that is named: broken, it is noticed."""
    network, x = INR(2, 1, 40, 3, "relu"), torch.rand(2 * BLOCK, 2)
    expected = predict(network, x, BLOCK, products_named("torch"))
    for name in available():
        with monkeypatch.context() as broken:
            broken.setattr(type(ENGINES[name]), "product", lambda self, x, weights, transposed, out: lambda: out.zero_())
            assert not torch.allclose(predict(network, x, BLOCK, products_named(name)), expected)


def test_openblas_has_no_threads_of_its_own_within_ours():
    ours = engine("openblas")

    def numbers() -> set[int]:
        return {each["num_threads"] for each in threadpool_info() if each["internal_api"] == "openblas"}

    before, threads = numbers(), torch.get_num_threads()
    found = Workers(ours).share(lambda thread, chunks: numbers(), 4, 2)
    assert found == [{1}, {1}] and numbers() == before
    torch.set_num_threads(2)
    try:
        assert Workers(ours).share(lambda thread, chunks: numbers(), 4, 1) == [{2}] and numbers() == before
    finally:
        torch.set_num_threads(threads)
    assert Workers(products_named("torch")).share(lambda thread, chunks: numbers(), 4, 2) == [before, before]


def test_the_function_of_onednn_is_known():
    """An internal one of torch: if a new version has it no more, or another one, this says so."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    assert ENGINES["onednn"].why_not() is None, "torch.ops.mkldnn._linear_pointwise is gone: look for another way to oneDNN"


@pytest.mark.parametrize("change", ["gone", "other arguments", "wrong numbers"])
def test_without_the_function_of_onednn(folder, monkeypatch, change):
    class Operators:
        if change != "gone":

            class _linear_pointwise:
                @staticmethod
                def default(*arguments):
                    if change == "other arguments":
                        raise TypeError("it has seven arguments")
                    return torch.zeros(2, 2)

    monkeypatch.setattr(torch.ops, "mkldnn", Operators, raising=False)
    products._linear_function.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"'onednn' for matrix products is not available here: this torch has no"):
            products_named("onednn")
        assert "onednn" not in available() and "onednn" not in fastest_products(64, 40, 1).name
    finally:
        products._linear_function.cache_clear()


def test_names():
    assert [products_named(name).name for name in HERE] == HERE and tuple(ENGINES) == NAMES
    assert products_named("mkl+mkl").name == "mkl" and all(ENGINES[name].name == name for name in NAMES)
    for wrong in ("nonsense", "mkl+", "+mkl", "", "mkl+openblas+mkl", "MKL"):
        with pytest.raises(ValueError, match=r"There is no engine .* there are mkl, onednn, openblas, torch, or two such as"):
            products_named(wrong)


def test_an_engine_that_is_not_here(monkeypatch):
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    with pytest.raises(ValueError, match="'mkl' for matrix products is not available here: this torch is built without MKL"):
        products_named("openblas+mkl")
    assert usual_products().name == "torch" and available()[-1] == "torch"
    built = {"Build Dependencies": {"blas": {"name": "accelerate"}}}
    monkeypatch.setattr(np, "show_config", lambda mode: built)
    with pytest.raises(ValueError, match=r"'openblas' .* is not available here: NumPy's products are those of 'accelerate'"):
        products_named("openblas")


# Which one is chosen


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where measurements are kept, in place of the user's; without what the suite was started with."""
    monkeypatch.setattr(calibration, "_cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(calibration, "_of_this_process", {})
    monkeypatch.delenv("BWTHEORY_ENGINE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def measured(folder, monkeypatch):
    """Times that are given instead of measured: those of the usual engine are (10, 10); what was measured for."""
    times: dict[str, tuple[float, float]] = {}
    asked: list[tuple] = []

    def measure(rows, width, threads, dtype):
        asked.append((rows, width, threads, dtype))
        return {usual_products().name: (10.0, 10.0)} | times

    monkeypatch.setattr(calibration, "measured_seconds", measure)
    measure.times, measure.asked = times, asked
    return measure


def test_the_fastest_is_chosen_where_it_is_worth_it(measured, monkeypatch):
    usual, other = usual_products().name, next(name for name in available() if name != usual_products().name)
    for number, (times, expected) in enumerate(
        {
            (5.0, 6.0): other,
            (9.8, 9.8): usual,  # less than the noise
            (9.5, 9.2): other,
            (5.0, 12.0): f"{other}+{usual}",
            (5.0, 10.5): other,  # two engines in turn are slower than one
            (11.0, 7.0): f"{usual}+{other}",
            (11.0, 8.0): usual,
        }.items()
    ):
        measured.times[other] = times
        assert fastest_products(100 + number, 50, 1).name == expected


def test_what_was_measured_is_remembered(measured, folder, monkeypatch):
    other = next(name for name in available() if name != usual_products().name)
    measured.times[other] = 1.0, 1.0
    assert fastest_products(1000, 300, 1).name == other and len(measured.asked) == 1
    measured.times[other] = 20.0, 20.0
    assert fastest_products(1000, 300, 1).name == other and len(measured.asked) == 1
    for different in ((1000, 300, 2), (1000, 200, 1), (1000, 300, 1, torch.float64)):
        assert fastest_products(*different).name == usual_products().name
    assert len(measured.asked) == 4 == len(list(folder.iterdir()))
    monkeypatch.setattr(calibration, "processor", lambda: "another one")
    assert fastest_products(1000, 300, 1).name == usual_products().name
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    fastest_products(1000, 300, 1)
    assert len(measured.asked) == 6
    fastest_products(10**6, 10**4, 1), fastest_products(512, 512, 1)  # more is not measured
    assert len(measured.asked) == 7


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"engine": 7, "circumstances": {}}', '{"engine": "x"}', "\x00" * 40]
)
def test_a_damaged_file_is_measured_again(measured, folder, content):
    other = next(name for name in available() if name != usual_products().name)
    measured.times[other] = 1.0, 1.0
    fastest_products(64, 40, 1)
    (file,) = folder.iterdir()
    right = file.read_text()
    file.write_text(content)
    assert fastest_products(64, 40, 1).name == other and len(measured.asked) == 2
    assert file.read_text() == right
    for name in ("nonsense", 7, None):
        file.write_text(json.dumps(json.loads(right) | {"engine": name}))
        assert fastest_products(64, 40, 1).name == other
    usual = {"engine": usual_products().name, "circumstances": {"processor": "another one"}}
    file.write_text(json.dumps(json.loads(right) | usual))  # as a file that has been copied here
    assert fastest_products(64, 40, 1).name == other
    file.unlink()
    file.mkdir()  # nothing can be written there
    assert fastest_products(64, 40, 1).name == other


def test_without_a_place_to_remember(measured, folder):
    folder.write_text("a file where the folder should be")
    for _ in range(2):
        assert fastest_products(64, 40, 1).name == usual_products().name
    assert folder.read_text().startswith("a file") and len(measured.asked) == 1


def test_measuring(folder, monkeypatch):
    """All engines, both products, both types; numbers of threads and random numbers are left as they were."""
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    blas = threadpool_info()
    for dtype in BITS:
        seconds = calibration.measured_seconds(64, 40, 2, dtype, seconds=0)
        assert list(seconds) == available() and all(0 < time < 60 for pair in seconds.values() for time in pair)
    with torch.device("meta"):
        assert fastest_products(64, 40, 1).by_weights in ENGINES.values()
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == threads and threadpool_info() == blas
    (file,) = folder.iterdir()
    row = json.loads(file.read_text())
    assert row["circumstances"]["processor"] and row["seconds"].keys() == set(available())


def test_nothing_is_measured_while_somebody_records(measured, folder):
    measured.times["openblas"] = 1.0, 1.0
    with FlopCounterMode(display=False):
        assert fastest_products(64, 40, 1) == usual_products()
    assert not measured.asked and not folder.exists()


def test_measuring_ends(folder, monkeypatch):
    """After so many seconds by the clock, whatever a product takes, but after five rounds at least."""
    now, rounds = [0.0], []
    monkeypatch.setattr(calibration.time, "perf_counter", lambda: now[0])

    def one(calls, threads, out):
        rounds.append(None)
        now[0] += 0.04
        return dict.fromkeys(calls, (1.0, 1.0))

    monkeypatch.setattr(calibration, "_round", one)
    calibration.measured_seconds(64, 40, 1, torch.float32)
    assert len(rounds) == 9 and now[0] < 0.5  # 0.3 seconds, and the round that is not counted
    rounds.clear()
    calibration.measured_seconds(64, 40, 1, torch.float32, seconds=0)
    assert len(rounds) == 6


def test_what_others_do_is_not_measured(folder, monkeypatch):
    """Of one thread times are the processor's: a clock on the wall that jumps changes nothing."""
    jumps = iter(range(10**6))
    monkeypatch.setattr(calibration.time, "perf_counter", lambda: 1000.0 * next(jumps))
    seconds = calibration.measured_seconds(64, 40, 1, torch.float32)
    assert all(time < 500 for pair in seconds.values() for time in pair) or sys.platform == "win32"
    seconds = calibration.measured_seconds(64, 40, 2, torch.float32)
    assert all(time == 1000 for pair in seconds.values() for time in pair)


def test_the_variable_comes_first(measured, monkeypatch):
    for name in available():
        monkeypatch.setenv("BWTHEORY_ENGINE", name)
        assert fastest_products(64, 40, 1).name == name == calibration.default_products().name
    assert not measured.asked
    monkeypatch.setenv("BWTHEORY_ENGINE", "")
    assert calibration.default_products() == usual_products()
    monkeypatch.setenv("BWTHEORY_ENGINE", "nonsense")
    with pytest.raises(ValueError, match=r"BWTHEORY_ENGINE is set to 'nonsense'. There is no engine 'nonsense'"):
        fastest_products(64, 40, 1)


# A run and its engine


def configuration(**changes) -> TrainingConfig:
    given = {"source": "camera", "activation": "relu", "epochs": 4, "hidden_features": 40, "hidden_layers": 2, "device": "cpu"}
    return with_preset(given | {"log_every": 1, "chunk": 64} | changes, {}, {"shrink": 32})


def test_only_long_runs_are_measured_for(measured):
    other = next(name for name in available() if name != usual_products().name)
    measured.times[other] = 1.0, 1.0
    config = configuration(chunk=None, epochs=1)
    assert devices.settled(config, 10**5, int(1.01e12 / 6e5)).engine == other
    assert devices.settled(config, 10**5, int(0.99e12 / 6e5)).engine == usual_products().name
    assert measured.asked == [(512, 40, 1, torch.float32)]  # a chunk has more: at most so many are measured
    devices.settled(replace(config, chunk=10**9, double=True), 10**9, 10**7)  # one chunk has all of torch's threads
    assert measured.asked[1] == (512, 40, torch.get_num_threads(), torch.float64)
    assert devices.settled(replace(config, engine="torch"), 10**5, 10**9).engine == "torch" and len(measured.asked) == 2


def train(out: Path, *more: str) -> RunDirectory:
    words = "train signal --image camera --hidden-features 40 --hidden-layers 2 --device cpu --shrink 32 --decay 1"
    assert main([*words.split(), "--out", str(out), *more]) == 0
    return RunDirectory(next(out.iterdir()))


@pytest.mark.parametrize("name", HERE)
def test_a_run_names_and_keeps_its_engine(name, folder, tmp_path, monkeypatch):
    """Trained on while the variable names another one: the same bits as an undisturbed run, and the other one is not used."""
    engine(name)
    monkeypatch.setenv("BWTHEORY_ENGINE", name)
    whole, parts = train(tmp_path / "whole", "--epochs", "6"), train(tmp_path / "parts", "--epochs", "3")
    assert parts.read_config().engine == parts.read_summary()["engine"] == name
    assert parts.read_summary()["engine_library"] == products_named(name).library
    other = next(each for each in available() if each not in name)
    monkeypatch.setenv("BWTHEORY_ENGINE", other)
    monkeypatch.setattr(type(ENGINES[other]), "product", lambda *arguments: pytest.fail("another engine"))
    assert np.isfinite(load(parts.path)(np.zeros((5, 2), np.float32))).all()
    assert main(["train", "signal", "--resume", str(parts.path), "--epochs", "6"]) == 0
    assert parts.read_summary()["engine"] == name
    ours, theirs = (run.learned(run.read_config())[0].state_dict() for run in (whole, parts))
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())


def test_an_engine_that_is_gone_is_said(folder, tmp_path, monkeypatch, capsys):
    name = next(each for each in available() if each != usual_products().name)
    monkeypatch.setenv("BWTHEORY_ENGINE", name)
    run = train(tmp_path / "runs", "--epochs", "2")
    monkeypatch.delenv("BWTHEORY_ENGINE")
    monkeypatch.setattr(type(ENGINES[name]), "why_not", lambda self: "it has been removed")
    assert np.isfinite(load(run.path)(np.zeros((5, 2), np.float32))).all()
    capsys.readouterr()
    assert main(["train", "signal", "--resume", str(run.path), "--epochs", "3"]) == 0
    said = capsys.readouterr().err
    assert f"continues with {usual_products().name}, which rounds differently." in said and "it has been removed." in said
    assert run.read_summary()["engine"] == usual_products().name
    assert products_of_run(None)[0] == usual_products()


def test_wrong_names_at_the_command_line(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BWTHEORY_ENGINE", "blas")
    words = f"train signal --image camera --hidden-features 8 --device cpu --shrink 32 --epochs 2 --out {tmp_path / 'runs'}"
    assert main(words.split()) == 2
    said = capsys.readouterr().err
    assert "BWTHEORY_ENGINE is set to 'blas'. There is no engine 'blas'" in said and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()
    with pytest.raises(ValueError, match="There is no engine 'blas'"):
        configuration(engine="blas")
    with pytest.raises(ValueError, match="engine is a text or null; got 3"):
        configuration(engine=3)
