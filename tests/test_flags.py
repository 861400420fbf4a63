"""Flags of ``bwtheory train``: what they become, which of them go together, and the sentences for those that do not."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from PIL import Image

from bwtheory import catalogue, cli
from bwtheory.cli.commands import COMMANDS
from bwtheory.cli.train import train
from bwtheory.cli.words import flags_of, refuse_unknown_words
from bwtheory.nn import ACTIVATIONS
from bwtheory.tasks import FILE_OPTIONS, TASKS, sources
from bwtheory.tasks.images import BUILT_IN
from bwtheory.tasks.univariate import TARGETS
from bwtheory.training import flags
from bwtheory.training.config import TrainingConfig
from bwtheory.training.run import RunDirectory


@pytest.fixture
def picture(tmp_path) -> str:
    Image.fromarray(np.arange(0, 240, 2, dtype=np.uint8).reshape(8, 15)).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png")


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {}),
        ({"c": 3.0}, {"c": 3.0}),
        ({"learnable_c": True}, {"learnable": True}),
        ({"learnable_c": False}, {}),
        ({"omega_0": 20.0, "sigma_0": 10.0}, {"omega_0": 20.0, "sigma_0": 10.0}),
        ({"option": ("frequencies=4",)}, {"frequencies": 4}),
        ({"option": ("sigma=2.5", "frequencies=1e2")}, {"sigma": 2.5, "frequencies": 100}),
        ({"option": ("a=-1", "b=0", "c=-0.5")}, {"a": -1, "b": 0, "c": -0.5}),
        ({"option": ("one=true", "two=false")}, {"one": True, "two": False}),
        ({"c": 3.0, "option": ("frequencies=4",)}, {"c": 3.0, "frequencies": 4}),
    ],
)
def test_options_of_the_activation(given, expected):
    found = flags.ActivationOptions(**given).as_options()
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in expected.items()}


@pytest.mark.parametrize("text", ["c", "", "=", "=3", "c=", "c=three", "c=True", "c=1=2", "c 3"])
def test_options_that_are_not_name_and_value(text):
    with pytest.raises(ValueError) as refused:
        flags.ActivationOptions(option=("a=1", text)).as_options()
    assert str(refused.value) == f"--option takes NAME=VALUE with a finite number, true or false; got {text!r}."


def test_only_what_is_given_counts():
    """Zeros are given; None, false and an empty tuple are what a flag has that is not there."""
    for group in (flags.Source, flags.Measurement, flags.ActivationOptions, flags.Training):
        assert flags.given(group()) == {}
    assert flags.given(flags.Measurement(noise=0.0, data_seed=0)) == {"noise": 0.0, "data_seed": 0}
    assert flags.given(flags.Training(skip=True, double=False, condition_every=0)) == {"skip": True, "condition_every": 0}
    assert flags.given(flags.ActivationOptions(option=("a=1",))) == {"option": ("a=1",)}
    assert flags.given(flags.Source(target="sines")) == {"target": "sines"}


def test_flags_are_those_of_the_tasks_and_the_configuration():
    """Every task and every flag has its other end."""
    (tasks, _) = get_args(get_type_hints(train)["task"])
    assert get_args(tasks) == tuple(TASKS)
    own = {problem.own[0]: problem.own[1] for problem in TASKS.values() if problem.own}
    sources, measurements = ({f.name for f in fields(group)} for group in (flags.Source, flags.Measurement))
    measurements.remove("task_option")  # any of them
    assert set(own) <= sources | measurements and sources == {p.needs for p in TASKS.values()} | (set(own) - measurements)
    assert {f.name for f in fields(flags.Training)} <= {f.name for f in fields(TrainingConfig)}
    builders = [*(problem.build for problem in TASKS.values()), *own.values()]
    assert measurements <= {name for build in builders for name in inspect.signature(build).parameters}
    for name, build in own.items():  # it is asked for by name
        assert name in inspect.signature(build).parameters
    assert set(FILE_OPTIONS) <= measurements


def test_the_help_is_right():
    """Names and defaults that the help mentions are those of the code; flags.py imports none of it."""
    source = inspect.getsource(flags)
    assert re.search(r"\b" + r",\s+".join(BUILT_IN), source)
    assert tuple(TARGETS) == sources.TARGETS
    assert ", ".join(list(TARGETS)[:-1]) + f" or {list(TARGETS)[-1]}" in source
    defaults = re.findall(r"^    (\w+): .*= None\n    \"\"\"(?:(\w+): )?[^\n]*\(([\d.]+)\)\"\"\"", source, re.MULTILINE)
    assert {name for name, _, _ in defaults} >= {"factor", "angles", "missing", "samples", "seconds", "seed"}
    for name, task, value in defaults:
        if task:
            assert inspect.signature(TASKS[task].build).parameters[name].default == float(value), name
        else:
            assert getattr(TrainingConfig("x"), name) == float(value), name


def test_gauss_newton_from_the_command_line(picture, tmp_path, capsys):
    arguments = ["train", "signal", "--image", picture, "--device", "cpu", "--hidden-features", "8", "--epochs", "9"]
    assert (
        cli.main([*arguments, "--gauss-newton-after", "2", "--gauss-newton-iterations", "4", "--out", str(tmp_path / "a")]) == 0
    )
    (run,) = (tmp_path / "a").iterdir()
    assert [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [0, 2, 6, 9]
    for more, words in (
        (["--activation", "wire", "--gauss-newton-after", "2"], "not for WIRE"),
        (["--gauss-newton-after", "9"], "need more than 9 epochs"),
        (["--gauss-newton-after", "2", "--weight-decay", "1"], "without a penalty"),
        (["--gauss-newton-after", "2", "--learnable-c"], "not activation.log_c"),
    ):
        capsys.readouterr()
        assert cli.main([*arguments, *more, "--out", str(tmp_path / "b")]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1 and not (tmp_path / "b").exists()


def test_every_flag_arrives(picture, tmp_path):
    """Zeros and falls from a preset's value included."""
    wanted = {
        "hidden_features": 5,
        "hidden_layers": 2,
        "linear_layers": True,
        "skip": True,
        "input_scale": 2.0,
        "symmetric_targets": True,
        "epochs": 2,
        "lr": 0.01,
        "decay": 0.5,
        "decay_epochs": 7,
        "optimizer": "sgd",
        "gauss_newton_iterations": 3,
        "matmul_precision": "high",
        "weight_decay": 0.25,
        "norm_penalty": 0.125,
        "stop_at_loss": 0.0,
        "stop_rule": "held-out",
        "coords": "isotropic",
        "seed": 0,
        "chunk": 50,
        "double": True,
        "log_every": 1,
        "log_details": True,
        "log_stable_rank": True,
        "condition_every": 2,
        "condition_sample": 9,
    }
    # sgd has no betas (tests/test_betas.py); compiling takes long;
    # Gauss-Newton does not go with penalties, nor minibatches with this task (tests/test_minibatches.py).
    elsewhere = {"activation", "compile", "gauss_newton_after", "batch", "beta1", "beta2"}
    assert set(wanted) == {f.name for f in fields(flags.Training)} - elsewhere
    arguments = ["train", "superres", "--image", picture, "--device", "cpu", "--out", str(tmp_path / "runs")]
    for name, value in wanted.items():
        arguments += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    arguments += [
        "--factor",
        "2",
        "--noise",
        "0",
        "--held-out",
        "0.2",
        "--data-seed",
        "3",
        "--shrink",
        "1",
        "--c",
        "2",
        "--learnable-c",
    ]
    assert cli.main(arguments) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name == "picture-superres-bw-relu-seed0"
    config = json.loads((folder / "config.json").read_text())
    assert {name: config[name] for name in wanted} == wanted
    assert config["task"] == "superres" and config["source"] == str(Path(picture).resolve()) and config["device"] == "cpu"
    assert config["options"] == {"c": 2.0, "learnable": True}
    assert config["task_options"] == {"factor": 2, "noise": 0.0, "held_out": 0.2, "data_seed": 3, "shrink": 1}
    assert len(RunDirectory(folder).read_metrics()) == 3


@pytest.mark.parametrize("task, source", [("univariate", ["--target", "sines"]), ("audio", ["--audio", "chirp"])])
def test_other_sources(tmp_path, capsys, task, source):
    small = ["--epochs", "2", "--hidden-features", "5", "--device", "cpu", "--out", str(tmp_path / "runs")]
    seconds = ["--seconds", "0.01"] if task == "audio" else ["--samples", "7"]
    assert cli.main(["train", task, *source, *seconds, *small, "--seeds", "2", "--seed", "5"]) == 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {f"{source[1]}-{task}-bw-relu-seed{n}" for n in (5, 6)}
    assert capsys.readouterr().out.count(" after 2 epochs on ") == 2


def test_options_by_name(picture, tmp_path):
    arguments = ["train", "signal", "--image", picture, "--activation", "relu-pe", "--option", "frequencies=3"]
    assert cli.main([*arguments, "--epochs", "1", "--hidden-features", "5", "--out", str(tmp_path / "runs")]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert RunDirectory(folder).read_config().options == {"frequencies": 3}


def complaint(arguments: list[str], capsys) -> str:
    """The one line that a refused command prints."""
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("bwtheory: ") and captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("task", TASKS)
def test_every_task_needs_its_own_source(task, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    needs = TASKS[task].needs
    right = {"image": "camera", "audio": "chirp", "target": "sines", "physics": "duck_physics:gray"}
    right |= {"equation": "poisson", "scene": "discs", "solid": "torus"}
    others = [name for name in right if name != needs]
    wrong = [[], *([f"--{name}", right[name]] for name in others)]
    wrong.append([f"--{needs}", right[needs], f"--{others[0]}", right[others[0]]])  # one too many
    for arguments in wrong:
        short = ["--epochs", "1", "--hidden-features", "4"]  # should it train
        assert f"The task '{task}' needs --{needs} " in complaint(["train", task, *arguments, *short], capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["signal", "--image", "missing.png"], "no image file 'missing.png'"),
        (
            ["signal", "--image", "camera", "--noise", "0.1"],
            "The task 'signal' has no option 'noise'; it has: normalize, every, held_out, probe, data_seed, shrink, value_r",
        ),
        (["ct", "--image", "camera", "--factor", "2"], "The task 'ct' has no option 'factor'"),
        (
            ["univariate", "--target", "cosines"],
            "no univariate target 'cosines' (did you mean sines?); there are sines, steps, smooth, kinks",
        ),
        (["audio", "--audio", "chirp", "--seconds", "0"], "seconds > 0"),
        (["audio", "--audio", "chirp", "--shrink", "2"], "The task 'audio' has no option 'shrink'"),
        (["signal", "--image", "camera", "--option", "c"], "--option takes NAME=VALUE"),
        (
            ["signal", "--image", "camera", "--activation", "siren", "--c", "3"],
            "The activation 'siren' has no option 'c'; it has: omega_0.",
        ),
        (["denoise", "--image", "camera", "--faithful"], "The published code has no task 'denoise'"),
        (["signal", "--image", "camera", "--seeds", "0"], "seeds >= 1"),
        (["signal", "--image", "camera", "--epochs", "0"], "epochs >= 1"),
        (["signal", "--resume", "nowhere"], "no run directory"),
        (["signal", "--resume", "."], "holds no run directory"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert sentence in complaint(["train", *arguments], capsys)
    assert not list(tmp_path.iterdir())


def test_a_flag_is_given_once(capsys):
    """Every flag of every command that takes a value, however it is written; not what is given again to name more."""
    kinds = set()
    for command, function in COMMANDS.items():
        for flag, takes in flags_of(function).items():
            kinds.add(takes)
            words = [command, flag, "1", f"{flag.replace('-', '_').replace('__', '--', 1)}=2"]
            if takes in ("one", "several"):
                said = complaint(words, capsys)
                assert said.startswith(f"bwtheory: {flag} is given 2 times, and only the last would count; "), said
                assert ("name all after one" in said) == (takes == "several")
            else:
                refuse_unknown_words(words)
    assert kinds == {"none", "one", "several", "again"}


def test_options_are_given_once(capsys):
    words = ["train", "signal", "--image", "camera"]
    assert "a is named twice" in complaint([*words, "--option", "a=1", "--option", "a=2"], capsys)
    assert "--c and --option c=4 set the same option" in complaint([*words, "--c", "3", "--option", "c=4"], capsys)
    assert "--every and --task-option every=2 set the same option" in complaint(
        [*words, "--every", "3", "--task-option", "every=2"], capsys
    )


def test_nothing_is_written_over_a_run(picture, tmp_path, capsys):
    train_once(picture, tmp_path / "runs", capsys)
    (run,) = (tmp_path / "runs").iterdir()
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    folders = (
        f"figures wavelet_supports --out {run}",
        f"train signal --image {picture} --epochs 1 --out {run}",
        f"reproduce fig5 --quick --image {picture} --out {run}",
        f"compare signal --image {picture} --out {run}",
    )
    for command in folders:
        assert f"{run} is the folder of a run; choose another --out." in complaint(command.split(), capsys)
    files = (
        f"certify uniform --size 3 --out {run}/config.json",
        f"render {run} --out {run}/reconstruction.png",
        f"animate {run} --out {run}/error.png",
        f"report {run} --out {run}/reconstruction.html",
    )
    for command in files:
        assert "is a file of the run in this folder; choose another --out." in complaint(command.split(), capsys)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    (tmp_path / "config.json").write_text("{}")  # of another program
    assert cli.main(["certify", "uniform", "--size", "3", "--out", str(tmp_path / "config.json")]) == 0


def test_a_diverged_run_ends_with_status_1(picture, tmp_path, capsys):
    arguments = ["train", "signal", "--image", picture, "--activation", "relu", "--lr", "1e30", "--hidden-features", "5"]
    assert cli.main([*arguments, "--out", str(tmp_path / "runs"), "--device", "cpu"]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("bwtheory: ") and "keeps the last checkpoint" in errors and errors.count("\n") == 1


@pytest.mark.parametrize(
    "flag",
    [
        ["--lr", "1"],
        ["--image", "camera"],
        ["--noise", "0"],
        ["--c", "3"],
        ["--learnable-c"],
        ["--option", "c=3"],
        ["--linear-layers"],
        ["--condition-every", "0"],
        ["--faithful"],
    ],
)
def test_a_resumed_run_keeps_its_settings(flag, tmp_path, capsys):
    expected = f"A resumed run keeps its settings; leave out {flag[0]}."
    assert expected in complaint(["train", "signal", "--resume", str(tmp_path), *flag], capsys)


def test_resume(picture, tmp_path, capsys, monkeypatch):
    """All unfinished runs of a folder, or one; finished ones are left alone."""
    out = tmp_path / "runs"
    arguments = ["train", "signal", "--image", picture, "--epochs", "3", "--hidden-features", "5", "--device", "cpu"]
    assert cli.main([*arguments, "--seeds", "2", "--out", str(out)]) == 0
    first, second = sorted(out.iterdir())
    weights = (second / "weights.safetensors").read_bytes()
    for path in second.iterdir():
        if path.name != "config.json":
            path.unlink()
    capsys.readouterr()
    assert cli.main(["train", "signal", "--resume", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"{first} is finished after 3 epochs" in said and f"{second}: psnr" in said
    assert (second / "weights.safetensors").read_bytes() == weights
    assert cli.main(["train", "signal", "--resume", str(second)]) == 0
    assert f"{second} is finished after 3 epochs" in capsys.readouterr().out


def train_once(picture, out, capsys):
    command = f"train signal --image {picture} --epochs 1 --hidden-features 5 --out {out}"
    assert cli.main(command.split()) == 0
    capsys.readouterr()


@pytest.mark.parametrize("flag", [["--seeds", "3"], ["--device", "cpu"], ["--out", "elsewhere"]])
def test_flags_that_a_resumed_run_ignores(flag, picture, tmp_path, capsys):
    train_once(picture, tmp_path / "runs", capsys)
    assert "leave out" in complaint(["train", "signal", "--resume", str(tmp_path / "runs"), *flag], capsys)


def test_a_run_of_another_task_is_not_resumed(picture, tmp_path, capsys):
    train_once(picture, tmp_path / "runs", capsys)
    complaint(["train", "audio", "--resume", str(tmp_path / "runs")], capsys)


def test_a_file_named_like_a_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sines").write_text("a file")
    assert cli.main(["train", "univariate", "--target", "sines", "--epochs", "1", "--device", "cpu"]) == 0


@pytest.fixture
def own_activation(tmp_path, monkeypatch):
    """A module in the current folder, with a search path as that of the installed command, which the folder is not on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_activations.py").write_text(
        "import torch\nfrom bwtheory.nn import Activation\n\n\n"
        "class Tanh(Activation):\n    def forward(self, z):\n        return torch.tanh(z)\n"
    )
    elsewhere = [path for path in sys.path if path not in ("", str(tmp_path))]

    def command(*arguments: str) -> int:
        sys.modules.pop("my_activations", None)
        monkeypatch.setattr(sys, "path", list(elsewhere))
        return cli.main(list(arguments))

    yield command
    sys.modules.pop("my_activations", None)


def train_own(command, picture: str) -> Path:
    own = ["--activation", "my_activations:Tanh", "--image", picture, "--device", "cpu", "--out", "runs"]
    assert command("train", "signal", *own, "--epochs", "1", "--hidden-features", "5") == 0
    (folder,) = Path("runs").iterdir()
    assert folder.name == "picture-signal-Tanh-seed40"
    return folder


def test_own_activation_in_the_current_folder(own_activation, picture):
    train_own(own_activation, picture)


@pytest.mark.parametrize("command", [["train", "signal", "--resume"], ["render"]])
def test_own_activation_when_a_run_comes_back(own_activation, picture, command, capsys):
    """A run folder that names code is somebody's code: it runs only where that is trusted."""
    folder = train_own(own_activation, picture)
    (folder / "summary.json").unlink()
    capsys.readouterr()
    assert own_activation(*command, str(folder)) == 2
    assert ":Tanh" in (error := capsys.readouterr().err) and "--trust" in error
    assert own_activation(*command, str(folder), "--trust") == 0


def test_the_catalogue_is_that_of_the_networks_and_tasks():
    """It says without torch what these say with it."""
    for name, row in catalogue.ACTIVATIONS.items():
        parameters = inspect.signature(ACTIVATIONS[name]).parameters.values()
        assert tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD) == row.options, name
        assert set(row.values) <= set(row.options)
    assert list(catalogue.ACTIVATIONS) == list(ACTIVATIONS) and len(ACTIVATIONS) == 8
    assert all(callable(getattr(torch.nn.functional, name)) for name in flags.TORCH_FUNCTIONS)
    for task, problem in TASKS.items():
        sources = {problem.needs, *([problem.own[0]] if problem.own else [])} & {f.name for f in fields(flags.Source)}
        assert set(catalogue.TASKS[task].sources) == sources, task


def test_files_of_the_current_folder_shadow_nothing(picture, tmp_path):
    """Only what nobody has installed is looked for there, and only if an activation of one's own is asked for."""
    for name in ("signal", "queue", "glob", "platform", "csv", "random", "numpy", "torch", "rich", "matplotlib", "camera"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('this is my own {name}.py')")
    (tmp_path / "mine.py").write_text("import torch\n\n\ndef bent(z):\n    return torch.tanh(z)\n")
    arguments = ["train", "signal", "--image", picture, "--epochs", "1", "--hidden-features", "4", "--out", "runs"]
    command = [sys.executable, "-m", "bwtheory", *arguments, "--activation", "mine:bent"]
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert len(list(tmp_path.glob("runs/*/summary.json"))) == 1


def test_a_tilde_that_no_shell_expanded(picture, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.main(["train", "signal", "--image=~/picture.png", "--epochs", "1", "--hidden-features", "4", "--out=~/r"]) == 0
    assert len(list((tmp_path / "r").iterdir())) == 1 and not Path("~").exists()


def test_a_class_that_applies_nothing_is_refused(picture, tmp_path, capsys):
    arguments = ["train", "signal", "--image", picture, "--activation", "bwtheory.nn:Activation", "--out", str(tmp_path / "r")]
    assert "no `forward`" in complaint(arguments, capsys)
