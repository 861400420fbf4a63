"""Run folders: two processes, damage, edits, foreign code, links, signals, more epochs, full disks; a sentence for each."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from disturbance import Killed, failing
from PIL import Image
from seeds import seeded

import bwtheory as bw
import figures
from bwtheory import cli, files, plots
from bwtheory.claims import load_ledger
from bwtheory.experiments import reproduce as runner
from bwtheory.files import InUse, locked
from bwtheory.tasks import build_task
from bwtheory.tasks.task import pixel_coordinates
from bwtheory.training import callbacks
from bwtheory.training.command import resume_runs, start_runs
from bwtheory.training.config import with_preset
from bwtheory.training.rendering import render_image
from bwtheory.training.run import RunDirectory
from bwtheory.training.sealed import open_checkpoint, seal_checkpoint
from bwtheory.training.session import train_together

CHECKOUT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
POINTS = pixel_coordinates(6, 9).numpy()
EPOCHS = 12


def settings(picture: Path, **changes) -> dict:
    return {"source": str(picture), "epochs": EPOCHS, "hidden_features": 5, "hidden_layers": 2, "device": "cpu"} | changes


def start(picture: Path, out: Path, **changes) -> Path:
    """The folder of one run, finished unless something fails."""
    start_runs(with_preset(settings(picture, **changes)), 1, out)
    (run,) = out.iterdir()
    return run


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("images") / "picture.png"
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (6, 9), dtype=np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def originals(picture, tmp_path_factory) -> dict[str, Path]:
    """A run that has finished, and one that was killed at its last step."""
    folder = tmp_path_factory.mktemp("originals")
    finished = start(picture, folder / "finished")
    steps = [0]
    real = torch.optim.Adam.step

    def last_step_fails(optimizer, *arguments):
        steps[0] += 1
        if steps[0] == EPOCHS:
            raise Killed
        return real(optimizer, *arguments)

    with failing(0, Killed()), pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(torch.optim.Adam, "step", last_step_fails)
        start(picture, folder / "unfinished")
    (unfinished,) = (folder / "unfinished").iterdir()
    assert RunDirectory(unfinished).load_checkpoint(RunDirectory(unfinished).read_config())["epoch"] == EPOCHS - 1
    return {"finished": finished, "unfinished": unfinished}


@pytest.fixture
def finished(originals, tmp_path) -> RunDirectory:
    return RunDirectory(Path(shutil.copytree(originals["finished"], tmp_path / "finished")))


@pytest.fixture
def unfinished(originals, tmp_path) -> RunDirectory:
    return RunDirectory(Path(shutil.copytree(originals["unfinished"], tmp_path / "unfinished")))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def result(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "weights.safetensors").read_bytes(), (folder / "metrics.jsonl").read_bytes()


# Two processes


def wait_for(condition: Callable[[], object], process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()


def long_run(picture: Path, out: Path) -> tuple[subprocess.Popen, Path]:
    """A process that trains for hours, and its run."""
    words = f"train signal --epochs 100000000 --log-every 100000 --hidden-features 5 --hidden-layers 2 --device cpu --out {out}"
    command = [sys.executable, "-m", "bwtheory", *words.split(), "--image", str(picture)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(path.stat().st_size for path in out.glob("*/metrics.jsonl")), process)
    (run,) = out.iterdir()
    return process, run


def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(picture, tmp_path, capsys):
    process, folder = long_run(picture, tmp_path / "runs")
    try:
        with pytest.raises(InUse, match=rf"{folder} is in use by process {process.pid} on .*; wait until it ends, or stop it"):
            resume_runs(folder)
        assert cli.main(["train", "--resume", str(folder)]) == 2
        assert f"in use by process {process.pid}" in capsys.readouterr().err
        assert cli.main(["train", "--resume", str(folder), "--epochs", "200000000"]) == 2
        assert RunDirectory(folder).read_config().epochs == 100000000
        bw.load(folder)  # reading needs no lock
    finally:
        process.kill()
        process.communicate()
    with locked(folder):
        assert (folder / ".lock").read_text().startswith(f"process {os.getpid()} on ")


def test_two_threads_of_one_process_are_two(tmp_path):
    with locked(tmp_path), pytest.raises(InUse, match=f"in use by process {os.getpid()}"), locked(tmp_path):
        raise AssertionError("both hold the lock")
    with locked(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="fcntl")
def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, capsys):
    def no_locks(descriptor, kind):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    with locked(tmp_path):
        pass
    assert capsys.readouterr().err == f"{tmp_path}: Operation not supported; a second process here would not be noticed.\n"


# One flipped bit


def load_quietly(folder: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # says that the checkpoint's weights are taken
        return bw.load(folder)(POINTS)


@pytest.mark.parametrize("state", ["finished", "unfinished"])
@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "checkpoint.pt", "weights.safetensors", "summary.json"])
def test_a_flipped_bit_changes_nothing_or_is_said(originals, tmp_path, state, name):
    """What is loaded is what was trained, and where a run ends is where it would have; else one sentence that names the file.

    Each value of the configuration is in the checkpoint and in the weights file, too, so that a change of any is seen.
    """
    if state == "unfinished" and name in ("weights.safetensors", "summary.json"):
        pytest.skip("an unfinished run has none")
    original = originals[state]
    right, end = bw.load(original)(POINTS), result(originals["finished"])
    chance, said = random.Random(seeded(17)), 0
    for trial in range(25):
        folder = Path(shutil.copytree(original, tmp_path / str(trial)))
        content = bytearray((folder / name).read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(content)
        try:
            assert np.array_equal(load_quietly(folder), right)
        except ValueError as error:
            said += 1
            assert str(folder) in str(error) and "\n" not in str(error)
        try:
            assert resume_runs(folder) == 0
        except ValueError as error:
            said += 1
            assert str(folder) in str(error) and "\n" not in str(error)
        else:
            assert result(folder) == end
    assert said > 0 or (state, name) in (("finished", "weights.safetensors"), ("finished", "checkpoint.pt"))


def test_a_damaged_log_of_a_finished_run_is_said(finished):
    finished.metrics_file.write_bytes(finished.metrics_file.read_bytes().replace(b'"epoch": 10', b'"epoch": 11'))
    for call in (finished.read_metrics, lambda: resume_runs(finished.path)):
        with pytest.raises(ValueError, match=r"metrics\.jsonl is damaged: it is not the log that the summary was made of\."):
            call()
    finished.metrics_file.unlink()
    with pytest.raises(ValueError, match=r"metrics\.jsonl is gone, which this finished run had written\."):
        resume_runs(finished.path)


@pytest.mark.parametrize("cut", [*range(1, 12), 22, 50, 79, 80, 81, 100])
def test_a_checkpoint_that_was_cut(unfinished, cut):
    content = unfinished.checkpoint_file.read_bytes()
    unfinished.checkpoint_file.write_bytes(content[:-cut])
    for call in (bw.load, resume_runs):
        with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged: it was cut short or changed after it was written\."):
            call(unfinished.path)
    assert unfinished.checkpoint_file.read_bytes() == content[:-cut]


# What was edited

CONFIG_EDITS: dict[str, tuple[object, str]] = {
    "epochs": (-5, "epochs >= 1; got -5"),
    "hidden_features": (True, "hidden_features is a whole number; got True"),
    "hidden_layers": ("2", "hidden_layers is a whole number; got '2'"),
    "input_scale": (2.0, r"says input_scale = 2\.0, but its \w+ (was|were) made with 1\.0"),
    "lr": (float("nan"), "learning rate lr must be positive and finite; got nan"),
    "decay": ([1], r"decay is a number; got \[1\]"),
    "seed": (10**40, "seed <= 9223372036854775807"),
    "chunk": (0, "chunk >= 1; got 0"),
    "task": ("segmentation", "no task 'segmentation'"),
    "optimizer": ("lbfgs", "optimizer is 'adam', 'sgd' or 'muon'; got 'lbfgs'"),
    "activation": ("tanh", "activation = 'tanh'|no activation 'tanh'"),
    "options": ({"c": [1]}, r"options holds finite numbers, texts, true or false; got \[1\] for 'c'"),
    "task_options": (None, "task_options is an object of named values; got None"),
    "source": (7, "source is a text; got 7"),
    "device": ("tpu", "device is 'auto', 'cpu', 'cuda' or 'mps'; got 'tpu'"),
    "symmetric_targets": (1, "symmetric_targets is true or false; got 1"),
    "colour": (3, "unknown field 'colour'"),
}


@pytest.mark.parametrize("field", CONFIG_EDITS)
@pytest.mark.parametrize("state", ["finished", "unfinished"])
def test_an_edited_configuration_is_refused_by_name(request, state, field):
    run = request.getfixturevalue(state)
    value, sentence = CONFIG_EDITS[field]
    row = json.loads(run.config_file.read_text()) | {field: value}
    run.config_file.write_text(json.dumps(row))
    before = contents(run.path)
    for call in (bw.load, resume_runs, lambda path: render_image(path, None, None, path.parent / "drawn.png")):
        with pytest.raises(ValueError, match=sentence):
            call(run.path)
    assert contents(run.path) == before and not (run.path.parent / "drawn.png").exists()


@pytest.mark.parametrize(
    "text, sentence",
    [
        ('{"source": "x", "epochs": 3, "epochs": 4}', r"config\.json is damaged: it has 'epochs' twice\."),
        ("[" * 100_000, r"config\.json is damaged: it is nested too deeply\."),
        ('{"source": ' + "9" * 5000 + "}", r"config\.json is damaged: Exceeds the limit"),
        ("", r"config\.json is damaged: it is not JSON"),
        ("[]", "an object with named fields"),
        ("{}", "It names no source"),
        (b'{"source": "\xff"}', r"config\.json is damaged: byte 12 is not UTF-8"),
    ],
)
def test_a_configuration_that_is_none(finished, text, sentence):
    finished.config_file.write_bytes(text if isinstance(text, bytes) else text.encode())
    for call in (bw.load, resume_runs):
        with pytest.raises(ValueError, match=sentence):
            call(finished.path)


SUMMARY_EDITS: dict[str, tuple[object, str]] = {
    "epochs": (-5, "epochs is at least 0; got -5"),
    "planned_epochs": ("12", "planned_epochs is a whole number; got '12'"),
    "parameters": (0, "parameters is at least 1; got 0"),
    "shape": ([6], "shape is null or height and width"),
    "psnr": (float("inf"), "psnr is a finite number; got inf"),
    "psnr_paper": ("good", "psnr_paper is a finite number; got 'good'"),
    "loss": (-1.0, "loss is at least 0"),
    "seconds": (10**400, "seconds is a finite number"),
    "weights_sha256": ("0", "weights_sha256 is not a SHA-256"),
    "ssim": (0.5, "its values are not those that were written"),
    "colour": (3, "its values are not those that were written"),
}


@pytest.mark.parametrize("field", SUMMARY_EDITS)
def test_an_edited_summary_is_refused_by_name(finished, field):
    value, sentence = SUMMARY_EDITS[field]
    whole = finished.summary_file.read_bytes()
    finished.summary_file.write_text(json.dumps(json.loads(whole) | {field: value}))
    for call in (finished.read_summary, lambda: bw.load(finished.path), lambda: resume_runs(finished.path)):
        with pytest.raises(
            ValueError, match=rf"summary\.json is damaged: .*{sentence}.*; delete it, and --resume makes it again"
        ):
            call()
    finished.summary_file.unlink()
    assert resume_runs(finished.path) == 0
    again, before = finished.read_summary(), json.loads(whole)
    assert {k: v for k, v in again.items() if k not in ("seconds", "commit")} == {
        k: v for k, v in before.items() if k not in ("seconds", "commit", "content_sha256")
    }


def test_an_empty_summary_is_not_a_finished_run(finished):
    for text, sentence in (("{}", "it has no 'epochs'"), ("", "it is not JSON"), ("null", "not an object with named values")):
        finished.summary_file.write_text(text)
        with pytest.raises(ValueError, match=sentence):
            resume_runs(finished.path)


# Code of others


@pytest.fixture
def evil(tmp_path, monkeypatch) -> Path:
    """A module in the current folder, on the search path, that leaves a file when it is imported; the file."""
    mark = tmp_path / "imported"
    (tmp_path / "evilmod.py").write_text(f"open({str(mark)!r}, 'w').close()\nfrom bwtheory.nn.activations import ReLU as X\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "evilmod", raising=False)
    return mark


@pytest.mark.parametrize("edit", [{"activation": "evilmod:X"}, {"task": "physics", "source": "evilmod:X"}])
@pytest.mark.parametrize("state", ["finished", "unfinished"])
def test_code_that_a_run_names_is_not_imported(request, evil, edit, state, capsys):
    run = request.getfixturevalue(state)
    run.config_file.write_text(json.dumps(json.loads(run.config_file.read_text()) | edit))
    for call in (bw.load, resume_runs, lambda path: render_image(path, None, None, path / "r.png")):
        with pytest.raises(ValueError, match=r"runs code of your Python path or the current folder, evilmod:X; if you trust"):
            call(run.path)
    for words in (["render", str(run.path)], ["train", "--resume", str(run.path)]):
        assert cli.main([*words]) == 2
        assert "evilmod:X; if you trust it and this folder, add --trust" in capsys.readouterr().err
    assert not evil.exists()


def test_trusted_code_is_run(evil, picture, tmp_path):
    run = start(picture, tmp_path / "runs", activation="evilmod:X")
    sys.modules.pop("evilmod")
    evil.unlink()
    with pytest.raises(ValueError, match="evilmod:X"):
        bw.load(run)
    assert not evil.exists()
    assert bw.load(run, trust=True)(POINTS).shape == (54, 1) and evil.exists()
    assert resume_runs(run, trust=True) == 0


class Evil:
    def __reduce__(self):
        return os.mkdir, ("made-by-a-pickle",)


@pytest.mark.parametrize("sealed", [True, False])
def test_a_checkpoint_holds_numbers_only(unfinished, tmp_path, monkeypatch, sealed):
    monkeypatch.chdir(tmp_path)
    state = {"config": {}, "network": Evil()}
    if sealed:
        unfinished.checkpoint_file.write_bytes(seal_checkpoint(state))
    else:
        torch.save(state, unfinished.checkpoint_file)
    for call in (bw.load, resume_runs):
        with pytest.raises(
            ValueError, match=r"checkpoint\.pt is not a checkpoint of this program: PyTorch does not read it as"
        ):
            call(unfinished.path)
    assert not (tmp_path / "made-by-a-pickle").exists()


# Links


@pytest.mark.parametrize("kind", ["symbolic", "hard", "dangling"])
def test_links_in_a_run_folder_are_not_written_through(finished, tmp_path, kind):
    """The run goes on, and what the links named is as it was."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for path in finished.path.iterdir():
        if path.name == ".lock":
            continue
        target = outside / path.name
        if kind == "symbolic":
            path.rename(target)
            path.symlink_to(target)
        elif kind == "hard":
            os.link(path, target)
        elif path.name not in ("config.json", "checkpoint.pt", "summary.json"):
            path.unlink()
            path.symlink_to(target)
    if kind == "dangling":
        finished.summary_file.unlink()
        state = finished.load_checkpoint(finished.read_config())
        empty = {"logged_bytes": 0, "logged_sha256": hashlib.sha256().hexdigest()}
        finished.save_checkpoint({name: value for name, value in state.items() if name != "sealed"} | empty)
    before = contents(outside)
    epochs = None if kind == "dangling" else EPOCHS + 5
    assert resume_runs(finished.path, epochs=epochs) == 0
    assert contents(outside) == before
    assert not [path for path in finished.path.iterdir() if path.is_symlink()]
    assert np.isfinite(bw.load(finished.path)(POINTS)).all()


def test_a_lock_that_is_a_link_is_refused(unfinished, tmp_path):
    (unfinished.path / ".lock").unlink()
    (unfinished.path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        resume_runs(unfinished.path)
    assert not (tmp_path / "elsewhere").exists()


# Checkpoints whose parts do not fit


def first_moment(state: dict) -> dict:
    return state["optimizer"]["state"][0]


CHECKPOINT_EDITS: dict[str, tuple[Callable[[dict], object], str]] = {
    "moment shape": (lambda s: first_moment(s).update(exp_avg=torch.zeros(3)), r"optimizer\.state\.0\.exp_avg is \(5, 2\) in"),
    "moment type": (
        lambda s: first_moment(s).update(exp_avg_sq=torch.zeros(5, 2, dtype=torch.int64)),
        r"exp_avg_sq is \(5, 2\)",
    ),
    "no moment": (lambda s: first_moment(s).pop("exp_avg"), "holds step, exp_avg and exp_avg_sq; got"),
    "no moments": (lambda s: s["optimizer"]["state"].clear(), r"optimizer\.state has moments of 6 parameters; got 0"),
    "a moment less": (lambda s: s["optimizer"]["state"].pop(5), r"optimizer\.state has moments of 6 parameters; got 5"),
    "more parameters": (lambda s: s["optimizer"]["state"].update({99: {}}), "optimizer.state.99 is of no parameter"),
    "step": (lambda s: first_moment(s).update(step=torch.tensor(-1.0)), r"optimizer\.state\.0\.step is -1"),
    "weights": (
        lambda s: s["network"].update({"output.bias": torch.zeros(1, 1, 1)}),
        "another network than its config|no output",
    ),
    "epoch": (lambda s: s.update(epoch=-1), "epoch is at least 0; got -1"),
    "later": (lambda s: s.update(epoch=EPOCHS + 1), f"epoch is at most {EPOCHS}; got {EPOCHS + 1}"),
    "seconds": (lambda s: s.update(seconds=float("nan")), "seconds is a finite number; got nan"),
    "log": (lambda s: s.update(logged_bytes=10**9), "shorter than when the last checkpoint was written"),
    "no network": (lambda s: s.pop("network"), "its entry 'network' is a dict; got nothing"),
    "config": (lambda s: s["config"].update(lr="fast"), "lr is a number; got 'fast'"),
}


@pytest.mark.parametrize("edit", CHECKPOINT_EDITS)
def test_a_checkpoint_that_was_made_up(unfinished, edit):
    """Its hash is right: somebody has written it so.  Without the checks a moment of another shape ends the process."""
    change, sentence = CHECKPOINT_EDITS[edit]
    state = open_checkpoint(unfinished.checkpoint_file.read_bytes(), "")
    del state["sealed"]
    change(state)
    unfinished.checkpoint_file.write_bytes(seal_checkpoint(state))
    before = contents(unfinished.path)
    with pytest.raises(ValueError, match=sentence):
        resume_runs(unfinished.path)
    assert contents(unfinished.path) == before


# Signals


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_save_and_exit_with_their_number(picture, tmp_path, name):
    process, folder = long_run(picture, tmp_path / "runs")
    number = getattr(signal, name)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number and "everything is saved. Continue with: bwtheory train signal --resume" in errors
    assert "Traceback" not in errors
    run = RunDirectory(folder)
    assert run.load_checkpoint(run.read_config())["epoch"] > 0
    assert not [path for path in folder.iterdir() if path.name.endswith(".partial")]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_second_signal_within_the_saving_says_what_is_lost(picture, tmp_path, name, capsys):
    """The checkpoint that was there stays, whole, and nobody says that everything was saved."""
    number, real, syncs = getattr(signal, name), os.fsync, []
    handler = signal.getsignal(number)

    def stopped_again(descriptor):
        syncs.append(descriptor)
        if stopping:
            signal.raise_signal(number)
        return real(descriptor)

    def stopped_once(optimizer, *arguments):
        stopping.append(1)
        signal.raise_signal(number)
        return step(optimizer, *arguments)

    stopping, step = [], torch.optim.Adam.step
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt) as raised:
        patch.setattr(torch.optim.Adam, "step", stopped_once)
        patch.setattr(os, "fsync", stopped_again)
        start(picture, tmp_path / "runs")
    assert raised.value.status == 128 + number and not raised.value.saved
    errors = capsys.readouterr().err
    assert "what was computed since the last checkpoint is lost, nothing before it" in errors and "everything" not in errors
    assert signal.getsignal(number) is handler
    (folder,) = (tmp_path / "runs").iterdir()
    run = RunDirectory(folder)
    assert run.load_checkpoint(run.read_config())["epoch"] == 0
    assert not [path for path in folder.iterdir() if path.name.endswith(".partial")]
    assert resume_runs(folder) == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_torch_is_imported_is_no_traceback(tmp_path, name):
    code = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'torch': signal.raise_signal(signal.{name})\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv = ['bwtheory', 'train', 'signal', '--image', 'camera', '--shrink', '64', '--epochs', '1']\n"
        "from bwtheory.__main__ import run\n"
        "run()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 128 + getattr(signal, name) and "Traceback" not in ended.stderr
    assert not list(tmp_path.iterdir())


# More epochs


def test_a_finished_run_goes_on(finished, picture, tmp_path):
    """As one that had so many epochs from the start, at the same learning rates: the old schedule, then constant.

    So the row of the end that it had is not in the log, unless its epoch is one of those that are logged.
    """
    longer = start(picture, tmp_path / "longer", epochs=EPOCHS + 8, decay_epochs=EPOCHS)
    assert resume_runs(finished.path, epochs=EPOCHS + 8) == 0
    assert np.array_equal(bw.load(finished.path)(POINTS), bw.load(longer)(POINTS))
    rows = finished.read_metrics()
    assert [row["epoch"] for row in rows] == [0, 10, 20] and rows == RunDirectory(longer).read_metrics()
    summary, config = finished.read_summary(), finished.read_config()
    assert summary["epochs"] == config.epochs == EPOCHS + 8 and config.decay_epochs == EPOCHS
    assert resume_runs(finished.path, epochs=EPOCHS + 8) == 0 and finished.read_metrics() == rows
    with pytest.raises(
        ValueError, match=f"This run has {EPOCHS + 8} epochs; --epochs is the new number of all of them, not less"
    ):
        resume_runs(finished.path, epochs=EPOCHS)


def test_an_extension_that_is_killed_goes_on(originals, tmp_path):
    """At each of its writes and steps; where it was extended already, the same command, or --resume alone, goes on."""
    folder = Path(shutil.copytree(originals["finished"], tmp_path / "whole"))
    with failing(0, Killed()) as calls:
        resume_runs(folder, epochs=EPOCHS + 3)
    end = result(folder)
    assert calls[0] > 20
    for n in range(1, calls[0] + 1):
        folder = Path(shutil.copytree(originals["finished"], tmp_path / str(n)))
        with failing(n, Killed()), pytest.raises(Killed):
            resume_runs(folder, epochs=EPOCHS + 3)
        run = RunDirectory(folder)
        if run.read_config().epochs == EPOCHS:
            assert np.array_equal(bw.load(folder)(POINTS), bw.load(originals["finished"])(POINTS))
        elif n % 2:
            assert resume_runs(folder) == 0
        assert resume_runs(folder, epochs=EPOCHS + 3) == 0
        assert result(folder) == end, n


def test_a_run_that_has_stopped_by_itself_is_not_extended(picture, tmp_path):
    run = start(picture, tmp_path / "runs", stop_at_loss=10.0)
    with pytest.raises(
        ValueError, match="has ended at epoch 0 of 12, by its stopping rule or because no step lowered the loss"
    ):
        resume_runs(run, epochs=30)
    assert RunDirectory(run).read_config().epochs == EPOCHS


@pytest.mark.parametrize(
    "what, sentence",
    [
        ("image gone", "at the path in its config.json: There is no image file"),
        ("another image", "was started on other data"),
        ("log cut", "is damaged: it is not the log that the summary was made of"),
        ("log gone", "is gone, which this finished run had written"),
    ],
)
def test_what_cannot_go_on_stays_finished(what, sentence, picture, tmp_path):
    image = Path(shutil.copy(picture, tmp_path))
    run = RunDirectory(start(image, tmp_path / "runs"))
    if what == "image gone":
        image.unlink()
    elif what == "another image":
        Image.new("L", (17, 12), 9).save(image)
    elif what == "log cut":
        run.metrics_file.write_bytes(run.metrics_file.read_bytes()[:-9])
    else:
        run.metrics_file.unlink()
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    with pytest.raises(ValueError, match=sentence) as refused:
        resume_runs(run.path, epochs=EPOCHS + 8)
    assert "\n" not in str(refused.value)
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


# Disks


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file may grow beyond this many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refused_with_one_sentence(words: list[str], target: Path, capsys) -> None:
    """A full disk: exit status 2, one line that names the file, and the old file as it was, alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"old")
    others = set(target.parent.iterdir())
    with files_up_to(60):
        status = cli.main(words)
    errors = capsys.readouterr().err
    assert status == 2 and errors.count("\n") == 1 and "File too large" in errors and target.name in errors, errors
    assert target.read_bytes() == b"old" and set(target.parent.iterdir()) == others
    assert cli.main(words) == 0 and target.read_bytes() != b"old"


def test_the_page_of_checks_on_a_full_disk(tmp_path, monkeypatch, capsys):
    ledger = load_ledger(CHECKOUT)
    monkeypatch.setattr(cli.verify, "find_evidence", lambda: tmp_path)
    monkeypatch.setattr(cli.verify, "load_ledger", lambda folder: ledger)
    monkeypatch.setattr(cli.verify, "_judge", lambda ledger, ids: [])
    monkeypatch.chdir(CHECKOUT)
    refused_with_one_sentence(["verify", "--write"], tmp_path / "paper_checks.md", capsys)


def test_a_rendered_image_on_a_full_disk(finished, tmp_path, capsys):
    target = tmp_path / "drawings" / "render.png"
    refused_with_one_sentence(["render", str(finished.path), "--out", str(target)], target, capsys)


def test_a_figure_on_a_full_disk(tmp_path, capsys):
    target = tmp_path / "figures" / "figure1_left.png"
    refused_with_one_sentence(["figures", "figure1_left", "--out", str(target.parent)], target, capsys)


def test_both_files_of_a_figure_are_replaced_or_none(tmp_path, monkeypatch):
    """The PDF is refused, when the PNG is whole and not yet in its place."""
    figures.draw(["figure1_left"], tmp_path)
    before = contents(tmp_path)

    def full(target, content):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(plots, "write_bytes", full)
    monkeypatch.setattr(plots, "_drawn", lambda *arguments: b"another")
    with pytest.raises(OSError, match=r"figure1_left"):
        figures.draw(["figure1_left"], tmp_path)
    assert contents(tmp_path) == before


def test_results_on_a_full_disk(tmp_path):
    new, target = tmp_path / "new.json", tmp_path / "results" / "fig5.json"
    runner._write_results(new, {"a": {"mean": 1}})
    runner._merge(new, target)
    before = target.read_bytes()
    runner._write_results(new, {"b": {"mean": 2, "note": "x" * 100}})
    with files_up_to(60), pytest.raises(OSError, match="File too large"):
        runner._merge(new, target)
    assert target.read_bytes() == before and [path.name for path in target.parent.iterdir()] == ["fig5.json"]


@pytest.mark.parametrize("name", ["reconstruction.png", "weights.safetensors", "summary.json"])
def test_what_a_run_ends_with_on_a_full_disk(finished, name, monkeypatch):
    """The old file stays, and the run goes on afterwards to the same end."""
    before = contents(finished.path)
    finished.summary_file.unlink()
    real = os.replace

    def full(source, target):
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        return real(source, target)

    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(OSError, match=rf"No space left on device.*{name}.*continue with"),
    ):
        patch.setattr(os, "replace", full)
        resume_runs(finished.path)
    if name != "summary.json":
        assert (finished.path / name).read_bytes() == before[name]
    assert resume_runs(finished.path) == 0
    after = contents(finished.path)
    assert after.keys() == before.keys()
    assert all(after[key] == before[key] for key in before if key not in ("summary.json", "checkpoint.pt"))


def test_a_full_disk_in_the_middle_names_the_log(picture, tmp_path, monkeypatch):
    """What fails is a write to a file that is open, which Python's error does not name."""
    monkeypatch.setattr(callbacks, "CHECKPOINT_EVERY_SECONDS", 1e9)
    with files_up_to(30_000), pytest.raises(OSError, match=r"File too large: '.*metrics\.jsonl'.*continue with"):
        start(picture, tmp_path, epochs=1000, log_every=1)
    assert resume_runs(tmp_path) == 0
    start(picture, tmp_path / "undisturbed", epochs=1000, log_every=1)
    (run,) = (path.parent for path in tmp_path.glob("*/config.json"))
    (other,) = (path.parent for path in tmp_path.glob("undisturbed/*/config.json"))
    assert (run / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()


# Names


def test_images_of_the_same_name_are_told_apart(picture, tmp_path):
    other = tmp_path / "other" / picture.name
    other.parent.mkdir()
    shutil.copy(picture, other)
    run = start(picture, tmp_path / "runs")
    before = contents(run)
    sentence = rf"already holds a run of other data with the same name: {picture}, not {other}; choose another --out"
    with pytest.raises(ValueError, match=sentence):
        start(other, tmp_path / "runs")
    with pytest.raises(ValueError, match="already holds a run; continue it with --resume"):
        start(picture, tmp_path / "runs")
    assert contents(run) == before


def test_seeds_whose_folders_were_not_all_made_are_trained_by_resume(picture, tmp_path, monkeypatch):
    """A process that is killed after the first of three folders; what was to be made is noted before it."""
    config = with_preset(settings(picture, epochs=3))
    start_runs(config, 3, tmp_path / "undisturbed")
    out, real, made = tmp_path / "runs", RunDirectory._save_config, []

    def killed(run, config):
        if made:
            raise KeyboardInterrupt
        made.append(run)
        real(run, config)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RunDirectory, "_save_config", killed)
        start_runs(config, 3, out)
    with pytest.raises(ValueError, match=rf"whose start was interrupted; continue them with --resume {out}"):
        start_runs(config, 3, out)
    assert resume_runs(out) == 0
    names = sorted(path.parent.name for path in out.glob("*/config.json"))
    assert len(names) == 3
    for name in names:
        assert (out / name / "weights.safetensors").read_bytes() == (
            tmp_path / "undisturbed" / name / "weights.safetensors"
        ).read_bytes()
    assert [path.name for path in out.iterdir() if path.is_file()] == []


def test_a_run_folder_without_its_settings_is_named(picture, tmp_path):
    run = start(picture, tmp_path)
    (run / "config.json").unlink()
    with pytest.raises(ValueError, match=rf"^{run} is no run directory: it has no config.json"):
        resume_runs(run)


@pytest.mark.parametrize("note", ["[]", '{"../elsewhere": {}}', '{"run": {}}', "{"])
def test_a_damaged_note_of_runs_to_start_is_named(picture, tmp_path, note):
    (tmp_path / ".starting-run.json").write_text(note)
    with pytest.raises(ValueError, match=r"starting-run\.json (is damaged|cannot be used)"):
        resume_runs(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path != picture] == [".starting-run.json"]


def test_runs_that_are_trained_together_are_locked_together(picture, tmp_path):
    configs = [with_preset(settings(picture, seed=1 + n, together=2, place=n, chunk=64)) for n in (0, 1)]
    runs = [RunDirectory.create(tmp_path / str(config.seed), config) for config in configs]
    task = build_task("signal", str(picture), "stretch", {})
    with locked(runs[1].path), pytest.raises(InUse, match=str(runs[1].path)):
        train_together(configs, task, runs)
    with locked(runs[0].path):
        pass
