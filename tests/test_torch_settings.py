"""Training in a program that has changed torch's settings: the same bits, and the settings are left as they were."""

from __future__ import annotations

import ast
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bwtheory.nn import ACTIVATIONS
from bwtheory.tasks import build_task
from bwtheory.tasks.signal import signal_representation
from bwtheory.torch_settings import usual_settings
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.fitted import load
from bwtheory.training.run import RunDirectory
from bwtheory.training.session import Diverged, train


@contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device(name):
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


SETTINGS = {
    "no_grad": torch.no_grad,
    "set_grad_enabled(False)": lambda: torch.set_grad_enabled(False),
    "inference_mode": torch.inference_mode,
    "float64 by default": lambda: default_dtype(torch.float64),
    "bfloat16 by default": lambda: default_dtype(torch.bfloat16),
    "meta by default": lambda: default_device("meta"),
    "cpu by default": lambda: default_device("cpu"),
    "with a device": lambda: torch.device("meta"),
    "deterministic algorithms": deterministic,
    "anomaly detection": torch.autograd.detect_anomaly,
    "autocast to bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast to float16": lambda: torch.autocast("cpu", torch.float16),
}
TASKS = {
    "signal": {"shrink": 32},
    "superres": {"shrink": 32},
    "ct": {"shrink": 32, "angles": 5},
    "inpaint": {"shrink": 32},
}


def configuration(task="signal", activation="bw-relu", **changes) -> TrainingConfig:
    given = {"task": task, "source": "camera", "activation": activation, "epochs": 3, "hidden_features": 6}
    return with_preset(given | {"hidden_layers": 2, "device": "cpu", "log_every": 1} | changes, {}, TASKS[task])


def weights(folder) -> bytes:
    (run,) = folder.iterdir()
    return RunDirectory(run).weights_file.read_bytes()


def trained(config, folder) -> bytes:
    assert start_runs(config, 1, folder) == 0
    return weights(folder)


def state_of_torch() -> tuple:
    modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()
    return *modes, torch.get_default_dtype(), torch.get_default_device(), torch.is_autocast_enabled("cpu")


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("activation", ["bw-relu", "wire"])
def test_the_same_bits(setting, activation, tmp_path):
    config = configuration(activation=activation)
    expected = trained(config, tmp_path / "usual")
    with SETTINGS[setting]():
        before = state_of_torch()
        found = trained(config, tmp_path / "changed")
        assert state_of_torch() == before
    assert found == expected
    rows = RunDirectory(next((tmp_path / "changed").iterdir())).read_metrics()
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_while_somebody_counts_the_operations(tmp_path):
    """What records torch's functions gets to see them, instead of a kernel's: other roundings, the same run."""
    config = configuration(double=True, optimizer="sgd", lr=0.01)
    start_runs(config, 1, tmp_path / "usual")
    with FlopCounterMode(display=False) as counter:
        start_runs(config, 1, tmp_path / "counted")
    assert counter.get_total_flops() > 0
    found, expected = (RunDirectory(next((tmp_path / name).iterdir())).read_metrics() for name in ("counted", "usual"))
    assert [row["loss"] for row in found] == pytest.approx([row["loss"] for row in expected], rel=1e-10)  # 3 steps, float64


@pytest.mark.parametrize("setting", ["no_grad", "inference_mode", "float64 by default", "meta by default"])
@pytest.mark.parametrize("task", TASKS)
def test_every_task(task, setting, tmp_path):
    """Also with a penalty, which autograd differentiates, and with Gauss–Newton steps at the end."""
    for number, changes in enumerate(({"norm_penalty": 1e-6}, {"epochs": 6, "gauss_newton_after": 3})):
        config = configuration(task, **changes)
        expected = trained(config, tmp_path / f"usual{number}")
        with SETTINGS[setting]():
            assert trained(config, tmp_path / f"changed{number}") == expected


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_task_made_in_inference_mode(activation, tmp_path):
    """Its tensors are such that autograd refuses them."""
    config = configuration(activation=activation)
    with torch.inference_mode():
        task = signal_representation("camera", "stretch", shrink=32)
    assert task.coordinates.is_inference()
    found, expected = (RunDirectory.create(tmp_path / name, config) for name in ("found", "expected"))
    train(config, task, found)
    train(config, build_task("signal", "camera", "stretch", TASKS["signal"]), expected)
    assert found.weights_file.read_bytes() == expected.weights_file.read_bytes()


@pytest.mark.parametrize("setting", ["inference_mode", "float64 by default", "meta by default", "autocast to bfloat16"])
def test_a_run_comes_back(setting, tmp_path):
    config = configuration()
    expected = trained(config, tmp_path)
    (run,) = tmp_path.iterdir()
    points = [[0.1, -0.2], [0.7, 0.9]]
    values = load(run)(points)
    with SETTINGS[setting]():
        assert (load(run)(points) == values).all()
        (run / "summary.json").unlink()
        (run / "weights.safetensors").unlink()
        assert resume_runs(run) == 0
    assert weights(tmp_path) == expected


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("setting", [nullcontext, torch.autograd.detect_anomaly])
def test_divergence_is_said_in_a_sentence(setting, tmp_path):
    config = configuration(activation="siren", optimizer="sgd", lr=1e38, epochs=9)
    with setting(), pytest.raises(Diverged, match="The loss is"):
        start_runs(config, 1, tmp_path)


def test_settings_come_back_after_an_error():
    with torch.no_grad(), default_dtype(torch.float64):
        with pytest.raises(KeyError), usual_settings():
            assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
            raise KeyError
        assert not torch.is_grad_enabled() and torch.get_default_dtype() == torch.float64


def test_no_module_of_tests_changes_torch_for_all_others():
    """While it is imported, as by ``torch.set_num_threads``: BWTHEORY_TEST_THREADS says how many the suite has."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        calls = [ast.unparse(node) for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.Expr)]
        assert not [call for call in calls if call.startswith("torch.set_")], path.name
