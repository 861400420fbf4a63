"""``bwtheory compare``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import tyro

from bwtheory.claims import find_evidence
from bwtheory.cli.edge import bad_input_is_a_sentence
from bwtheory.cli.paths import absolute, folder_to_write, from_home, importable_here
from bwtheory.signals import importing
from bwtheory.tasks.asked import refuse_before_import
from bwtheory.training import flags


def compare(
    task: tyro.conf.Positional[Literal["signal", "superres", "ct", "denoise", "inpaint"]],
    *,
    image: tuple[str, ...],
    simulation: tyro.conf.OmitArgPrefixes[flags.Simulation] = flags.Simulation(),
    activations: tuple[str, ...] = ("bw-relu", "siren", "finer", "wire", "gauss", "relu-pe", "relu-rff", "relu"),
    tune_on: tuple[str, ...] = ("rocket", "moon"),
    steps: int | None = None,
    budget: str | None = None,
    parameters: tuple[int, ...] = (50_000,),
    hidden_layers: int = 3,
    side: int | None = None,
    trials: int = 20,
    seeds: int = 5,
    compile: bool = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
    out: Path = Path("compared"),
) -> int:
    """Compare networks with each other, and with methods without one, on your images: tuned alike, at equal steps and time.

    The same command continues a comparison that was interrupted. Its tables and figure are in the folder.

    Args:
        task: what to compare on, as for train
        image: the images to report on: files or built-in names
        activations: networks; differences are to the first
        tune_on: the images on which the settings are chosen
        steps: training steps of every network (500); without a budget the results are compared at equal time, too
        budget: training time of every network, such as 60s or 5min (as long as the first network takes for the steps)
        parameters: numbers of parameters of the networks; the settings are chosen at the first
        hidden_layers: number of hidden layers
        side: make the images smaller until the longer side has about this number of pixels
        trials: settings that are tried for each method
        seeds: runs for each image
        compile: compile the steps of all networks
        device: where to train; auto takes CUDA or MPS if there is one
        workers: train this number of runs at a time on this machine, one thread each
        scheduler: address of a dask scheduler, such as tcp://10.0.0.1:8786, whose workers train the runs
        out: the folder in which the comparison gets a folder
    """
    with bad_input_is_a_sentence():
        for activation in activations:
            flags.refuse_activation(activation)
        seconds = None if budget is None else flags.in_seconds(budget)
        measured = flags.given(simulation)
        for each in (*image, *tune_on):
            refuse_before_import(task, "image", from_home(each), measured)
        target = folder_to_write(out)
    with bad_input_is_a_sentence(), importable_here(activations):
        with importing():
            from bwtheory.baselines import baselines_of
            from bwtheory.comparison.compare import compare as carry_out
            from bwtheory.comparison.protocol import Protocol
            from bwtheory.comparison.report import report
            from bwtheory.experiments.cluster import open_cluster
            from bwtheory.training.devices import pick_device

        protocol = Protocol(
            task,
            tuple(map(absolute, image)),
            activations,
            tuple(baselines_of(task)),
            tuple(map(absolute, tune_on)),
            measured,
            side,
            parameters,
            hidden_layers,
            500 if steps is None and budget is None else steps,
            seconds,
            trials,
            seeds,
            compile,
            pick_device(device),
        )
        try:
            spread = usual_spread(task, protocol.options)
            with open_cluster(scheduler, workers) as cluster:
                done = carry_out(protocol, target / task, spread=spread, cluster=cluster)
        except KeyboardInterrupt:
            print("\nInterrupted; what is finished is kept; repeat the command to continue.", file=sys.stderr)
            raise
        report(done)
    return 0


def usual_spread(task: str, options: Mapping[str, Any]) -> float | None:
    """By how many dB methods differ from image to image in our study of a task; None for a task without a study."""
    try:
        file = find_evidence() / "results" / "spread.json"
        problems = json.loads(file.read_text(encoding="utf-8"))["spread_db"]
    except (OSError, ValueError, KeyError):
        return None
    spread: float | None = problems.get(f"{task}-noisy" if options.get("noise") else task)
    return spread
