"""What a run will take: operations and memory against what is counted and measured at five sizes; the preview."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import bwtheory as bw
from bwtheory.cli import main
from bwtheory.experiments import runs
from bwtheory.tasks import build_task
from bwtheory.training import estimate
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.estimate import Estimate, operations
from bwtheory.training.gauss_newton import GaussNewton
from bwtheory.training.gradient import ChunkedNetworks
from bwtheory.training.run import RunDirectory, build_network


def added_product(total: list[int], first: list[int], second: list[int], **_: object) -> int:
    """Operations of a product from the shapes: torch counts it where it makes a new tensor, not where it adds to one."""
    return 2 * math.prod(first) * second[-1]


IN_PLACE = {torch.ops.aten.baddbmm_: added_product, torch.ops.aten.addmm_: added_product}
SIZES = [  # coordinates, width, hidden layers, activation, and what makes a network special
    (100, 16, 1, "bw-relu", {}),
    (300, 40, 3, "relu", {"linear_layers": True}),
    (1000, 33, 2, "siren", {"skip": True}),
    (50, 128, 4, "relu-pe", {}),
    (200, 24, 2, "wire", {}),
]


@pytest.fixture
def picture(tmp_path) -> Path:
    Image.fromarray(np.arange(0, 256, dtype=np.uint8).reshape(16, 16)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.mark.parametrize("count, width, layers, activation, more", SIZES)
def test_operations_are_those_that_torch_counts(count, width, layers, activation, more):
    """Equal, but for complex numbers: a real map of their real and imaginary parts, of which the last layer needs half."""
    config = TrainingConfig("", activation=activation, hidden_features=width, hidden_layers=layers, epochs=7, **more)
    network = build_network(config, 1)
    x, y = torch.rand(count, 2), torch.rand(count, 1)
    chunked = ChunkedNetworks([network], 64)
    with FlopCounterMode(display=False, custom_mapping=IN_PLACE) as counter:
        chunked.least_squares(x, y)
    ratio = operations(config, network, count) / (config.epochs * counter.get_total_flops())
    assert ratio == 1 if activation != "wire" else 1 <= ratio < 1.05


def test_operations_of_conjugate_gradients():
    config = TrainingConfig("", hidden_features=20, hidden_layers=3, epochs=11, gauss_newton_after=4)
    network = build_network(config, 1)
    x, y = torch.rand(90, 2), torch.rand(90, 1)
    with FlopCounterMode(display=False, custom_mapping=IN_PLACE) as counter:
        solver = GaussNewton(network, x, y, None, 50)
        solver.linearize()
        linearizing = counter.get_total_flops()
        solver.curvature(torch.rand(solver.size))
    first = operations(replace(config, epochs=4, gauss_newton_after=None), network, 90)
    assert (operations(config, network, 90) - first) / (7 * (counter.get_total_flops() - linearizing)) == pytest.approx(
        1, abs=0.1
    )


MEMORY_OF_RUNS = """
import ctypes, gc, json, re, sys
from pathlib import Path
import torch
from bwtheory.experiments import runs
from bwtheory.tasks import build_task
from bwtheory.training.config import with_preset
from bwtheory.training.devices import settled
from bwtheory.training.estimate import memory, resident_bytes
from bwtheory.training.run import RunDirectory, build_network
from bwtheory.training.session import train

torch.set_num_threads(1)
for number, given in enumerate(json.loads(sys.argv[1])):
    config = with_preset({"epochs": 1, "device": "cpu", **given})
    task = build_task(config.task, config.source, config.coords, config.task_options)
    network = build_network(config, task.channels)
    config = settled(config, network.count_parameters(), len(task.coordinates))
    predicted = memory(config, task, network)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what the last run has left is no memory of this one
    before = resident_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    train(config, task, RunDirectory.create(Path(sys.argv[2]) / str(number), config))
    peak = 1024 * int(re.search("VmHWM:\\\\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
    print("ratio", predicted / (peak - before), predicted, file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux" or not os.access("/proc/self/clear_refs", os.W_OK), reason="Linux says the peak")
def test_memory_is_within_a_factor(tmp_path):
    """Of 1.5, at five sizes that differ in what takes it: pixels, colours, weights, features of a chunk, those of an operator.

    Each is above 20 MB, where what libraries take besides is little.  The first run, which loads them, is not one of these.
    """
    files = {}
    for side in (16, 96, 128, 500, 700):
        levels = np.add.outer(np.arange(side), np.arange(side)).astype(np.uint8)
        files[side] = str(tmp_path / f"{side}.png")
        Image.fromarray(np.dstack([levels] * 3) if side == 500 else levels).save(files[side])
    runs = [
        {"source": files[16], "hidden_features": 8, "hidden_layers": 1},
        {"source": files[700], "hidden_features": 8, "hidden_layers": 1, "batch": 2**16},
        {"source": files[500], "hidden_features": 8, "hidden_layers": 1},
        {"source": files[16], "hidden_features": 300, "hidden_layers": 5},
        {"source": files[128], "hidden_features": 128, "hidden_layers": 2, "chunk": 2**14},
        {"source": files[96], "hidden_features": 128, "hidden_layers": 2, "task": "superres"},
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", MEMORY_OF_RUNS, json.dumps(runs), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    lines = [line.split() for line in done.stderr.splitlines() if line.startswith("ratio")][1:]
    assert len(lines) == 5 and all(1 / 1.5 < float(ratio) < 1.5 for _, ratio, _ in lines), lines
    assert all(float(predicted) > 2e7 for _, _, predicted in lines)


def test_time_follows_what_is_measured(picture, monkeypatch):
    """Twice the epochs take twice as long, an iteration of conjugate gradients four thirds of a step; rows are counted."""
    monkeypatch.setattr(estimate, "_median_seconds", lambda call: call() or 1.0)
    monkeypatch.setattr(estimate, "_seconds_of_row", lambda task: 3.0)
    config = with_preset({"source": str(picture), "hidden_features": 8, "epochs": 60, "log_every": 10}, recommended=False)
    task = replace(build_task("signal", str(picture), "stretch", {}), off_grid=None)
    network = build_network(config, 1)
    seconds = {  # 60 steps of one second and updates of one second, and six rows
        (): 60 * 2 + 6 * 3,
        (("batch", 64),): 60 * (4 + 4) + 6 * (3 + 4 / 3),  # a part is one of four batches; a row evaluates all pixels
        (("gauss_newton_after", 20),): 20 * 2 + 40 * 4 / 3 * 2 + 3 * 3,
    }
    for changes, expected in seconds.items():
        changed = replace(config, **dict(changes))
        assert estimate.measured_seconds(changed, task, network) == pytest.approx(expected), changes


def test_an_operator_is_measured_in_a_step_where_it_fits(picture, monkeypatch):
    """A step of all coordinates has the operator in it; a step of a part of them cannot, and it is measured by itself."""
    monkeypatch.setattr(estimate, "_median_seconds", lambda call: call() or 1.0)
    monkeypatch.setattr(estimate, "_seconds_of_row", lambda task: 0.0)
    monkeypatch.setattr(estimate, "_other_points", lambda config, task: 0)
    by_itself = []
    monkeypatch.setattr(estimate, "_seconds_of_operator", lambda *given: by_itself.append(given) or 5.0)
    config = with_preset({"source": str(picture), "task": "ct", "hidden_features": 8, "epochs": 10, "chunk": 16})
    task = build_task("ct", str(picture), config.coords, {"angles": 4})
    applied = []
    forward = type(task.operator).__call__
    monkeypatch.setattr(type(task.operator), "__call__", lambda self, x: applied.append(len(x)) or forward(self, x))
    network = build_network(config, 1)
    assert estimate.measured_seconds(config, task, network) == pytest.approx(10 * (1 + 1))
    assert applied == [len(task.coordinates)] and not by_itself
    monkeypatch.setattr(estimate, "SAMPLE", 1)  # one chunk for each thread: a part
    assert estimate.measured_seconds(config, task, network) > 10 * (1 + 1 + 5) and len(by_itself) == 1


def test_short_runs_are_not_measured(picture, monkeypatch):
    monkeypatch.setattr(estimate, "measured_seconds", None)
    config = with_preset({"source": str(picture), "hidden_features": 8, "epochs": 60})
    task = build_task("signal", str(picture), "stretch", {})
    assert estimate.estimate(config, task, build_network(config, 1)) is None


def test_a_long_run_is_announced_and_can_be_previewed(picture, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(estimate, "estimate", lambda *_: Estimate(12 * 3600.0, 1e9))
    monkeypatch.setattr(estimate, "available_bytes", lambda: 5e8)
    monkeypatch.setattr(estimate, "resident_bytes", lambda: 2e9)
    words = ["train", "signal", "--image", str(picture), "--epochs", "1", "--hidden-features", "4", "--device", "cpu"]
    out = ["--out", str(tmp_path / "runs")]
    assert main([*words, "--seeds", "2", *out]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "takes about" in line]
    assert said == [
        "bwtheory: note: This takes about 24.0 h and 3 GB of memory, of which 500 MB are free; --preview does a quarter of "
        "the sides in about 90 min."
    ]
    assert main([*words, "--preview", *out]) == 0
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "takes about" in line]
    assert said.endswith("500 MB are free.")
    run = RunDirectory(tmp_path / "runs" / "picture-signal-bw-relu-seed40-preview")
    assert run.read_summary()["shape"] == [4, 4] and run.read_config().task_options["shrink"] == 4
    with pytest.warns(UserWarning, match="shrink=4 does a quarter"):
        bw.fit(str(picture), steps=1, hidden_features=4, device="cpu")


def test_a_list_of_runs(picture, tmp_path, monkeypatch):
    """Runs alike are measured once, and those that are in the folder are left out."""
    measured = []
    monkeypatch.setattr(runs, "may_be_long", lambda *_: True)
    monkeypatch.setattr(runs, "measured_seconds", lambda config, *_: measured.append(config.epochs) or 100.0 * config.epochs)
    config = with_preset({"source": str(picture), "hidden_features": 8, "epochs": 3, "device": "cpu"})
    planned = {f"{n}": replace(config, seed=n) for n in range(3)} | {"long": replace(config, epochs=9)}
    assert runs.seconds_of(planned, [tmp_path]) == 3 * 300 + 900 and measured == [3, 9]
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "summary.json").touch()
    assert runs.seconds_of(planned, [tmp_path]) == 900
    assert runs.seconds_of({"0": config}, [tmp_path]) == 0, "300 seconds are not long"


def test_runs_with_other_noise_rates_and_scales_take_as_long(picture, tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr(runs, "may_be_long", lambda *_: True)
    monkeypatch.setattr(runs, "measured_seconds", lambda config, *_: measured.append(config.task_options["noise"]) or 500.0)
    given = {"task": "denoise", "source": str(picture), "hidden_features": 8, "device": "cpu"}
    planned = {
        f"{c}-{seed}-{noise}": with_preset({**given, "lr": 1e-3 * c}, {"c": c}, {"noise": noise, "data_seed": seed})
        for c in (1.0, 3.0)
        for seed in (0, 1)
        for noise in (0.1, 0.2)
    }
    assert runs.seconds_of(planned, [tmp_path]) == 8 * 500 and measured == [0.1, 0.2]


def test_a_preview_is_of_an_image(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "univariate", "--target", "sines", "--preview"]) == 2
    assert capsys.readouterr().err == (
        "bwtheory: A preview is of an image that is made smaller; this task has none. Leave out --preview.\n"
    )
    assert main(["train", "--resume", "runs", "--preview"]) == 2
    assert "leave out --preview" in capsys.readouterr().err and not list(tmp_path.iterdir())
