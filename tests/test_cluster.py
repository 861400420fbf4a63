"""Runs on a cluster end as undisturbed ones do; the whole of it, with more kills, is ``python -m tests.cluster``."""

from __future__ import annotations

import hashlib
import random
import sys
import threading
import time
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from cluster import Processes, differing, disturb, on_cluster, plan, undisturbed
from disturbance import Killed, failing

import bwtheory
from bwtheory.cli import main
from bwtheory.experiments import cluster as cluster_module
from bwtheory.experiments import remote
from bwtheory.experiments.remote import Job, files_of, finish_run, forget, unpack
from bwtheory.experiments.runs import finish_runs
from bwtheory.files import locked
from bwtheory.training.run import RunDirectory

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> tuple[dict, Path]:
    """Three runs, and the folder where they are, undisturbed."""
    folder = tmp_path_factory.mktemp("expected")
    planned = plan(folder, 3, 60)
    undisturbed(planned, folder / "runs")
    return planned, folder / "runs"


def job(planned: dict, folder: Path, **changes) -> Job:
    config = planned["run0"]
    found = Job("run0", config.to_json(), "here", str(folder), ".mark", files_of(config), bwtheory.__version__)
    return replace(found, **changes)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """This process sees no file of the one that asks, and has its own temporary files."""
    monkeypatch.setattr(remote, "_sees", lambda path: False)
    monkeypatch.setattr(remote, "_scratch_root", lambda: tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_worker_that_is_killed(tmp_path):
    """One kill -9 in a run; it goes on from its checkpoint, and all end as they should."""
    planned = plan(tmp_path, 2, 600)
    undisturbed(planned, tmp_path / "expected")
    with Processes(tmp_path / "processes") as processes:
        work = threading.Thread(target=on_cluster, args=(planned, tmp_path / "runs", processes.address), daemon=True)
        work.start()
        killed = disturb(processes, tmp_path / "runs", 1, random.Random(0), work.is_alive)
        work.join(300)
        assert not work.is_alive()
    assert len(killed) <= 1  # none where the runs were faster than this process
    assert differing(tmp_path / "runs", tmp_path / "expected", list(planned)) == []
    assert not list((tmp_path / "runs").glob(".*"))


def test_a_run_that_is_sent_back(tmp_path, expected, elsewhere):
    """A worker asks for the image, keeps its checkpoint through a kill, and sends a folder that is the undisturbed one."""
    planned, there = expected
    asked = job(planned, tmp_path / "runs")
    first = finish_run(asked)
    (path,) = first.missing
    assert path == planned["run0"].source and first.archive is None
    asked = replace(asked, contents={asked.files[path]: Path(path).read_bytes()})
    with failing(200, Killed()), pytest.raises(Killed):
        finish_run(asked)
    with failing(0, Killed()) as calls:
        outcome = finish_run(replace(asked, contents={}))  # the file is there now
    assert calls[0] < 150, "it has gone on, not begun anew: 60 steps with five calls each, for a checkpoint at each epoch"
    unpack(outcome, tmp_path / "runs" / "run0", planned["run0"])
    assert differing(tmp_path / "runs", there, ["run0"]) == [] and not list((tmp_path / "runs").glob(".*"))
    again = finish_run(replace(asked, contents={}))
    assert again.sha256 == outcome.sha256, "what is finished is sent again"
    other = replace(asked, config=replace(planned["run0"], epochs=1).to_json())
    unpack(finish_run(other), tmp_path / "runs" / "run0", replace(planned["run0"], epochs=1))
    assert RunDirectory(tmp_path / "runs" / "run0").read_summary()["epochs"] == 1
    forget(asked.sweep)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("damage", ["byte", "name", "weights", "log", "unfinished", "settings"])
def test_what_comes_back_is_checked(tmp_path, expected, damage):
    planned, there = expected
    files = {path.name: path.read_bytes() for path in (there / "run0").iterdir() if not path.name.startswith(".")}
    if damage in ("weights", "log"):
        name = {"weights": "weights.safetensors", "log": "metrics.jsonl"}[damage]
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    if damage == "unfinished":
        del files["summary.json"]
    if damage == "name":
        files["../outside"] = b""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    archive, config = content.getvalue(), planned["run0"]
    sha256 = hashlib.sha256(archive).hexdigest()
    if damage == "byte":
        archive = archive[:200] + bytes([archive[200] ^ 1]) + archive[201:]
    if damage == "settings":
        config = replace(config, lr=1.0)
    outcome = remote.Outcome("run0", archive=archive, sha256=sha256)
    with pytest.raises((ValueError, FileNotFoundError)):
        unpack(outcome, tmp_path / "runs" / "run0", config)
    assert list((tmp_path / "runs").glob("*")) == [] and not (tmp_path / "outside").exists()


def test_a_folder_that_a_lost_worker_still_works_on(tmp_path, expected, monkeypatch):
    """The next worker waits for its end, and finds the run finished."""
    planned, there = expected
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / ".mark").touch()
    undisturbed({"run0": planned["run0"]}, folder)
    summary = folder / "run0" / "summary.json"
    content, waited = summary.read_bytes(), []
    summary.unlink()

    def finished_meanwhile(seconds: float) -> None:
        waited.append(seconds)
        summary.write_bytes(content)

    monkeypatch.setattr(time, "sleep", finished_meanwhile)
    with locked(folder / "run0"):
        assert finish_run(job(planned, folder)).archive is None
    assert len(waited) == 1 and differing(folder, there, ["run0"]) == []


def test_refusals(tmp_path, expected, monkeypatch, capsys):
    planned, _ = expected
    with pytest.raises(ValueError, match=r"has bwtheory .*, and this is 0\.0; install the same"):
        finish_run(job(planned, tmp_path, version="0.0"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 0.5)
    command = ["reproduce", "fig5", "--quick"]
    for words, sentence in {
        "--workers 2 --scheduler tcp://127.0.0.1:1": "give one of the two",
        "--workers 0": "A cluster needs workers >= 1; got 0.",
        "--scheduler tcp://127.0.0.1:1": "No scheduler answers at tcp://127.0.0.1:1.",
    }.items():
        assert main([*command, *words.split()]) == 2
        error = capsys.readouterr().err
        assert sentence in error and error.count("\n") == 1, words
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main([*command, "--workers", "2"]) == 2
    assert "pip install 'bwtheory[cluster]'" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_run_that_is_refused_on_a_worker_is_a_sentence(tmp_path, expected):
    """An error of the run itself comes back as it is, and is no reason to try again."""
    planned, _ = expected

    class Worker(cluster_module.DaskCluster):
        def __init__(self):
            self.submitted = 0

        def workers(self):
            return 1

        def wait(self, futures):
            return True

        def submit(self, job):
            self.submitted += 1

            class Future:
                status = "error"

                def exception(self):
                    return ValueError("There is no such image.")

            return Future()

    worker = Worker()
    with pytest.raises(ValueError, match=r"^There is no such image\.$"):
        finish_runs(lambda done, failed: planned, tmp_path / "runs", cluster=worker)
    assert worker.submitted == 3 and not list((tmp_path / "runs").glob(".*"))
