"""The command ``bwtheory``.

Exit status: 0 fine, 1 a check failed or a run diverged, 2 bad input, 130 interrupted; 143 and 129 for SIGTERM and SIGHUP.  A
reader that leaves a pipe changes nothing: the work goes on to its end, and the status is that of the work.

Only the commands that train import torch, and only when all that can be said about their flags without it has been said.
"""

from __future__ import annotations

import difflib
import inspect
import json as json_text
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import fields, is_dataclass
from functools import partial, wraps
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

import bwtheory
from bwtheory import help_texts, units
from bwtheory.catalogue import TASKS
from bwtheory.claims import (
    Judgement,
    Ledger,
    Verdict,
    find_checkout,
    find_evidence,
    first_sentence,
    import_evidence,
    load_ledger,
    referee,
    render,
)
from bwtheory.files import write_text
from bwtheory.options import nearest
from bwtheory.report.folders import find, require_film, require_page
from bwtheory.signals import importing, status_of_stop
from bwtheory.streams import steady_streams
from bwtheory.tasks.asked import refuse_before_import
from bwtheory.tasks.sources import find_image, format_of
from bwtheory.training import flags
from bwtheory.training.config import with_preset
from bwtheory.training.run_files import refuse_file_of_run, refuse_run_folder, require_run

_FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {  # of certify: the flag that each needs, and those that it may have
    "uniform": ("size", ()),
    "relus": ("biases", ("signs", "domain")),
    "wavelets": ("levels", ("order", "shifts", "unnormalized", "domain")),
}
_STYLE = {
    Verdict.FAILS: "bold red",
    Verdict.HOLDS_CORRECTED: "red",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.INCONSISTENT: "bold white on red",
    Verdict.READING: "yellow",
    Verdict.LOOSE: "yellow",
    Verdict.HOLDS: "green",
    Verdict.REPRODUCED: "green",
    Verdict.TRANSCRIPTION: "cyan",
    Verdict.OPEN: "dim",
    Verdict.UNDECIDABLE: "dim",
}


Takes = Literal["none", "one", "several", "again"]
if TYPE_CHECKING:
    TaskName = str
else:
    TaskName = Literal[tuple(TASKS)]


class BadInput(Exception):
    """A sentence for the user; the command ends with exit status 2."""


class Failed(Exception):
    """A sentence for the user; the command ends with exit status 1."""


def verify(
    claim: tyro.conf.Positional[Annotated[str | None, tyro.conf.arg(metavar="[ID]")]] = None,
    *,
    explain: bool = False,
    json: bool = False,
    write: bool = False,
    check: bool = False,
) -> int:
    """Check the paper's statements: all of them, or the one with this ID.

    Args:
        claim: a claim's id, as in the table (eq-44, thm-3.1, ...); all claims without one
        explain: report each claim as a referee would: statement, scope, derivation, numbers, verdict
        json: print the results as JSON instead of a table
        write: write paper_checks.md from this run (all claims)
        check: fail if paper_checks.md is not what this run would write (all claims)
    """
    if claim and (write or check):
        raise BadInput("--write and --check are about the whole ledger; leave out the ID.")
    if write or check:
        _checkout()  # the page belongs to a checkout
    folder = find_evidence()
    ledger = load_ledger(folder)
    judgements = _judge(ledger, [_known(claim, ledger)] if claim else [c.id for c in ledger.claims])
    page = folder / "paper_checks.md"
    if write:
        try:
            write_text(page, render(judgements))
        except OSError as error:
            raise BadInput(f"{error}; the old file is unchanged.") from None
    stale = check and (not page.is_file() or page.read_text(encoding="utf-8") != render(judgements))
    if json:
        _print_json(judgements)
    elif explain:
        from rich.console import Console
        from rich.markdown import Markdown

        for judgement in judgements:
            Console().print(Markdown(referee(judgement)))
    else:
        _print_table(judgements)
    if stale:
        print("paper_checks.md is stale: run `bwtheory verify --write` and commit it.", file=sys.stderr)
    return int(stale or not all(j.sound for j in judgements))


def certify(
    family: tyro.conf.Positional[Literal["uniform", "relus", "wavelets"]],
    *,
    out: Path,
    size: int | None = None,
    biases: tuple[float, ...] | None = None,
    signs: tuple[int, ...] | None = None,
    levels: int | None = None,
    order: int | None = None,
    shifts: Literal["theorem", "covering"] | None = None,
    unnormalized: bool = False,
    domain: tuple[float, float] | None = None,
    precision: int | None = None,
) -> int:
    """Write an enclosure of the condition number of a Gram matrix, with all that is needed to check it without bwtheory.

    `python verify/check.py FILE` checks it, in the exact arithmetic of Python's standard library.

    Args:
        family: ReLUs with equally spaced biases (--size) or given ones (--biases), or the wavelets of Theorem 3.3 (--levels)
        out: the file to write, JSON
        size: number of equally spaced ReLUs on [-1, 1]
        biases: of the ReLUs, taken as the exact float64 numbers that they are
        signs: 1 or -1 for each bias: the side to which the ReLU faces (1)
        levels: of the wavelets
        order: of the wavelets (2)
        shifts: of the wavelets: those of the theorem, or all that meet the domain (theorem)
        unnormalized: wavelets without the factor 2^(j/2)
        domain: the interval of the inner products (-1 1)
        precision: bits of the factors in the certificate; as many as are needed without it
    """
    options = {
        "size": size,
        "biases": biases,
        "signs": signs,
        "levels": levels,
        "order": order,
        "shifts": shifts,
        "unnormalized": unnormalized or None,
        "domain": domain,
    }
    given = {name: value for name, value in options.items() if value is not None}
    needed, allowed = _FAMILIES[family]
    if needed not in given:
        raise BadInput(f"`bwtheory certify {family}` needs --{needed}.")
    if foreign := sorted(given.keys() - {needed, *allowed}):
        raise BadInput(f"--{foreign[0]} does not go with {family}; it takes {', '.join(f'--{n}' for n in (needed, *allowed))}.")
    with _bad_input_is_a_sentence():
        from bwtheory.certificates import write_certificate
        from bwtheory.families import ReLUFamily, WaveletFamily

        if "unnormalized" in given:
            given["normalized"] = not given.pop("unnormalized")
        makers: dict[str, Callable[..., ReLUFamily | WaveletFamily]] = {
            "uniform": ReLUFamily.uniform,
            "relus": ReLUFamily,
            "wavelets": WaveletFamily,
        }
        target = _target(out)
        least, most = write_certificate(makers[family](**given), target, precision)
    print(f"{target}: the condition number is at least {least!r} and at most {most!r}.")
    return 0


def figures(
    names: tyro.conf.Positional[Annotated[tuple[str, ...], tyro.conf.arg(metavar="[NAME ...]")]] = (),
    *,
    out: Path | None = None,
) -> int:
    """Draw the theory figures as PNG, PDF and SVG: all of them, or those named.

    Args:
        names: figure names, as `python -m figures --list` prints them
        out: folder for the files; without it figures/out in a checkout, and ./figures elsewhere
    """
    drawing = import_evidence(find_evidence(), "figures")
    with _bad_input_is_a_sentence():
        drawing.draw(names, _target_folder(out) if out else _figures_folder())
    return 0


def train(
    task: tyro.conf.Positional[TaskName | None] = None,
    source: tyro.conf.OmitArgPrefixes[flags.Source] = flags.Source(),
    measurement: tyro.conf.OmitArgPrefixes[flags.Measurement] = flags.Measurement(),
    activation: tyro.conf.OmitArgPrefixes[flags.ActivationOptions] = flags.ActivationOptions(),
    training: tyro.conf.OmitArgPrefixes[flags.Training] = flags.Training(),
    start: tyro.conf.OmitArgPrefixes[flags.Start] = flags.Start(),
    *,
    preset: Literal["recommended", "paper"] | None = None,
    faithful: bool = False,
    seeds: str | None = None,
    together: bool = False,
    preview: bool = False,
    device: Literal["auto", "cpu", "cuda", "mps"] | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    trust: bool = False,
) -> int:
    """Train an implicit neural representation; settings that are not given come from the preset of the task and activation.

    Args:
        task: what to fit: all pixels (signal), block means (superres), projections (ct), noisy pixels (denoise), some pixels
            (inpaint), measurements of your own operator (physics), samples of a function (univariate), a sound (audio)
        preset: what is not given: recommended (ours, good between the pixels, where we have such settings), or the paper's
            (recommended; with --faithful the paper's)
        faithful: settings of the published code where it differs from the paper
        seeds: a number of runs, with seeds from --seed on, as in 5; or which seeds, as in 40-44 or 40,41,44 (1)
        together: train the seeds as one batched network, not one after another; faster for small networks
        preview: train on the image with a quarter of the sides first, in about a sixteenth of the time
        device: where to train; auto takes CUDA or MPS if there is one (auto)
        out: the folder in which each run gets a folder (runs)
        resume: a run folder, or a folder of run folders, to continue with their settings; more --epochs train them further
        trust: with --resume: run code that the run's settings name, an activation or a physics of your own
    """
    given = [flags.given(group) for group in (source, measurement, activation, training, start)]
    if resume is not None:
        epochs = given[3].pop("epochs", None)
        others = {
            "preset": preset,
            "faithful": faithful or None,
            "seeds": seeds,
            "together": together or None,
            "preview": preview or None,
            "device": device,
            "out": out,
        }
        named = [name for group in given for name in group] + [n for n, value in others.items() if value is not None]
        if named:
            raise BadInput(f"A resumed run keeps its settings; leave out --{named[0].replace('_', '-')}.")
        if epochs is not None and epochs < 1:
            raise BadInput(f"Training needs epochs >= 1; got {epochs}.")
        with _bad_input_is_a_sentence(), _importable_here([":"] if trust else []):
            folder = _folder(resume)
            if not folder.is_dir():
                require_run(folder)
            with importing():
                from bwtheory.training.command import resume_runs

            return resume_runs(folder, task, trust, epochs)
    if task is None:
        raise BadInput(f"A task is missing: {', '.join(TASKS)}; only --resume needs none.")
    if trust:
        raise BadInput("--trust is about the settings of runs that exist; it goes with --resume.")
    with _bad_input_is_a_sentence():
        for group in given[:2]:
            group |= {name: _from_home(group[name]) for name in flags.PATHS if isinstance(group.get(name), str)}
        config = {"task": task, "source": flags.source_of(task, given[0]), "device": device or "auto", **given[3]}
        config |= {"init": given[4].pop("init")} if "init" in given[4] else {}
        config |= {"init_options": given[4]} if given[4] else {}
        given[1] = flags.with_named_values(given[1], "--task-option", given[1].pop("task_option", ()))
        if "sinogram" in given[0]:
            given[1]["sinogram"] = True
        options = activation.as_options()
        flags.refuse_activation(config.get("activation", "bw-relu"), options)
        recommended = preset == "recommended" or (preset is None and not faithful)
        first = with_preset(config, options, given[1], faithful, recommended)
        chosen = flags.seeds_of(seeds, given[3].get("seed"), first.seed)
        refuse_before_import(task, next(iter(given[0])), first.source, first.task_options)
        target = _target_folder(out or Path("runs"))
    with _bad_input_is_a_sentence(), _importable_here([first.activation, first.source if task == "physics" else ""]):
        with importing():
            from bwtheory.training.command import start_runs
            from bwtheory.training.size import refuse_to_train

        refuse_to_train(first, len(chosen) if together else 1)
        return start_runs(first, chosen, target, together, preview)


def render_run(
    run: tyro.conf.Positional[Path],
    *,
    size: str | None = None,
    crop: tuple[float, float, float, float] | None = None,
    out: Path | None = None,
    trust: bool = False,
) -> int:
    """Draw what a run has learned, at any resolution.

    Args:
        run: a run folder of an image task
        size: WIDTHxHEIGHT in pixels (that of the training image)
        crop: left, top, right and bottom edge in coordinates from -1 to 1
        out: the file to write, in the format that its name ends with (render.png in the run folder)
        trust: run code that the run's settings name, an activation or a physics of your own
    """
    run = _folder(run)
    with _bad_input_is_a_sentence(), _importable_here([":"] if trust else []):
        require_run(run)
        target = _target(out) if out else run / "render.png"
        format_of(target)
        if size is not None:
            flags.size_in_pixels(size)
        with importing():
            from bwtheory.training.rendering import render_image

        print(render_image(run, size, crop, target, trust))
    return 0


def report_runs(
    runs: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN [RUN ...]")]],
    *,
    out: Path | None = None,
    trust: bool = False,
) -> int:
    """Make a page of runs that opens in any browser, without a network: pictures, errors, curves, seeds, settings.

    Args:
        runs: run folders, folders of them, or folders of compare and reproduce
        out: the HTML file; report.html in the first folder without it
        trust: run code that the runs' settings name, an activation or a physics of your own
    """
    if not runs:
        raise BadInput("A run is missing: a run folder, a folder of them, or one of compare or reproduce.")
    with _bad_input_is_a_sentence(), _importable_here([":"] if trust else []):
        folders = [_folder(run) for run in runs]
        target = _target(out) if out else folders[0] / "report.html"
        find(folders)
        require_page(target)
        with importing():
            from bwtheory.report.page import write_report

        file, size = write_report(folders, target, trust)
    print(f"{file}, {units.size(size)}")
    return 0


def animate_run(
    run: tyro.conf.Positional[Path],
    *,
    out: Path | None = None,
    frames: int = 60,
    seconds: float = 8.0,
    trust: bool = False,
) -> int:
    """Make a film of how a run has learned: it is trained again, as its settings say, and filmed on the way.

    Args:
        run: a run folder
        out: the film, .mp4, .gif or .png (animated); film.gif in the run folder without it
        frames: how many, about, on a logarithmic scale of the epochs
        seconds: that the film takes
        trust: run code that the run's settings name, an activation or a physics of your own
    """
    run = _folder(run)
    with _bad_input_is_a_sentence(), _importable_here([":"] if trust else []):
        require_run(run)
        target = _target(out) if out else run / "film.gif"
        require_film(target, frames, seconds)
        with importing():
            from bwtheory.report.animate import animate

        try:
            file, said = animate(run, target, frames, seconds, trust)
        except KeyboardInterrupt:
            print("\nInterrupted; no film was written.", file=sys.stderr)
            raise
    print(f"{file}, {units.size(file.stat().st_size)}. {said}")
    return 0


def reproduce(
    experiment: tyro.conf.Positional[
        Literal[
            "fig2",
            "fig3",
            "fig4",
            "fig5",
            "fig6",
            "fig7",
            "fig8",
            "fig9",
            "fig5-start",
            "next1",
            "bandwidth",
            "between",
            "between-ct",
            "gauss-newton",
            "muon",
            "ablation",
            "next3",
            "open2",
            "rel-fourier",
            "all",
        ]
    ],
    *,
    quick: bool = False,
    full: bool = False,
    image: tuple[str, ...] = (),
    seeds: int | None = None,
    epochs: int | None = None,
    shrink: int | None = None,
    activations: tuple[str, ...] = (),
    target: float | None = None,
    faithful: bool = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
    out: Path = Path("reproduced"),
    write: bool = False,
) -> int:
    """Repeat an experiment of the paper, or continue it: train the runs that are missing, then make its table and figure.

    Args:
        experiment: a figure of the paper, fig5-start (Figure 5 from a start by scales), next1 (condition numbers on
            imaging tasks), bandwidth (which frequencies are learned when), between (PSNR on and between the pixels),
            between-ct (CT by start), gauss-newton (fewer steps to Figure 5), muon (against Adam),
            ablation (what of ψ does the work), next3 (the variation norm against generalization),
            open2 (the same in two to four dimensions), rel-fourier (images from low Fourier coefficients), or all of them
        quick: minutes on two cores, on a built-in image (the default)
        full: the paper's protocol, all epochs and seeds
        image: an image file or built-in name; for a verdict on Figures 4 to 6 the paper's own image. Between takes several
        seeds: number of seeds, instead of the protocol's
        epochs: number of epochs, instead of the protocol's
        shrink: make the image smaller by this factor first
        activations: the architectures to train, for Figures 4 to 6 and bandwidth
        target: of fig5-start, a PSNR in dB by the published code's formula: which runs reach it, and when
        faithful: settings of the published code where it differs from the paper
        device: where to train; auto takes CUDA or MPS if there is one
        workers: train this number of runs at a time on this machine, one thread each
        scheduler: address of a dask scheduler, such as tcp://10.0.0.1:8786, whose workers train the runs
        out: the folder in which each experiment gets a folder
        write: write the results of a full protocol to results/ in the checkout, where the ledger reads them
    """
    if quick and full:
        raise BadInput("An experiment is done --quick or --full, not both.")
    with _bad_input_is_a_sentence():
        for activation in activations:
            flags.refuse_activation(activation)
        for each in image:
            find_image(_from_home(each))
        folder = _target_folder(out)
    with _bad_input_is_a_sentence(), _importable_here(activations):
        with importing():
            from bwtheory.experiments import EXPERIMENTS
            from bwtheory.experiments.cluster import open_cluster
            from bwtheory.experiments.experiment import Budget
            from bwtheory.experiments.reproduce import reproduce as carry_out
            from bwtheory.training.devices import pick_device

        images = tuple(map(_from_home, image))
        first = images[0] if images else None
        with open_cluster(scheduler, workers) as cluster:
            there = (cluster.pick_device if cluster else pick_device)(device)
            budget = Budget(full, first, seeds, epochs, shrink, activations, faithful, there, images[1:], target)
            for name in EXPERIMENTS if experiment == "all" else (experiment,):
                carry_out(name, budget, folder, _results_folder(write), write, cluster)
    return 0


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
    with _bad_input_is_a_sentence():
        for activation in activations:
            flags.refuse_activation(activation)
        seconds = None if budget is None else flags.in_seconds(budget)
        measured = flags.given(simulation)
        for each in (*image, *tune_on):
            refuse_before_import(task, "image", _from_home(each), measured)
        target = _target_folder(out)
    with _bad_input_is_a_sentence(), _importable_here(activations):
        with importing():
            from bwtheory.baselines import baselines_of
            from bwtheory.comparison.compare import compare as carry_out
            from bwtheory.comparison.protocol import Protocol
            from bwtheory.comparison.report import report
            from bwtheory.experiments.cluster import open_cluster
            from bwtheory.training.devices import pick_device

        protocol = Protocol(
            task,
            tuple(map(_absolute, image)),
            activations,
            tuple(baselines_of(task)),
            tuple(map(_absolute, tune_on)),
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
            spread = _usual_spread(task, protocol.options)
            with open_cluster(scheduler, workers) as cluster:
                done = carry_out(protocol, target / task, spread=spread, cluster=cluster)
        except KeyboardInterrupt:
            print("\nInterrupted; what is finished is kept, and the same command goes on.", file=sys.stderr)
            raise
        report(done)
    return 0


def bench(
    *,
    activations: tuple[str, ...] = ("bw-relu", "relu", "siren", "wire"),
    side: int = 256,
    width: int = 300,
    depth: int = 3,
    seconds: float = 60.0,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
) -> int:
    """Compare the cost of a training step with that of its bare matrix products by the fastest engine, side by side.

    Engines are the libraries that PyTorch and NumPy bring. Where the machine is noisy nothing is reported: exit status 1.

    Args:
        activations: names of activations
        side: the step is on side x side coordinates
        width: neurons of a hidden layer
        depth: hidden layers, at least 2
        seconds: how long to measure, without the time for compiling
        device: where to measure; auto takes CUDA or MPS if there is one
    """
    with _bad_input_is_a_sentence():
        for activation in activations:
            flags.refuse_activation(activation)
    with _bad_input_is_a_sentence(), _importable_here(activations):
        with importing():
            from bwtheory.training.benchmark import Problem, benchmark
            from bwtheory.training.devices import has_compiler, pick_device

        problem = Problem(side, width, depth, pick_device(device))
        measured = benchmark(problem, activations, problem.device != "mps" and has_compiler(), seconds)
    from bwtheory.training.benchmark_report import report

    return report(problem, measured)


def presets(
    task: tyro.conf.Positional[Annotated[TaskName | None, tyro.conf.arg(metavar="[TASK]")]] = None,
    *,
    activation: str | None = None,
) -> int:
    """List the settings that runs have when no flag sets them, and say where they come from.

    Args:
        task: one task; all without it
        activation: one activation; all without it
    """
    with _bad_input_is_a_sentence():
        if activation is not None:
            flags.refuse_activation(activation)
    from bwtheory.preset_table import show

    show(task, activation)
    return 0


def completion(shell: tyro.conf.Positional[Literal["bash", "zsh", "fish"]]) -> int:
    """Print a script with which a shell completes commands, flags and their values when you press Tab.

    Args:
        shell: which shell
    """
    commands: dict[str, Callable[..., Any]] = {
        name: help_texts.view(command) for name, command in _COMMANDS.items()
    }  # with each text on one line
    with suppress(SystemExit):
        tyro.extras.subcommand_cli_from_dict(
            commands, prog="bwtheory", args=["--tyro-print-completion", shell], config=(tyro.conf.FlagCreatePairsOff,)
        )
    return 0


_COMMANDS: dict[str, Callable[..., int]] = {
    "verify": verify,
    "certify": certify,
    "figures": figures,
    "train": train,
    "render": render_run,
    "report": report_runs,
    "animate": animate_run,
    "reproduce": reproduce,
    "compare": compare,
    "bench": bench,
    "presets": presets,
    "completion": completion,
}
_LONGEST_SENTENCE = 2000
_NARROWEST = 40  # columns: tyro does not end in a few
_KINDS = {"INT": "a whole number", "FLOAT": "a number", "INT|STR": "a whole number or a file"}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status, and raises nothing for bad input.

    Output that cannot be written, because the reader of a pipe has left or there is no stdout, stops no work and changes no
    status; a full disk does: then it is 2.
    """
    try:
        with steady_streams() as (out, _), _warnings_are_no_errors():
            status = _status_of(sys.argv[1:] if arguments is None else list(arguments))
            out.flush()
            if out.error is not None:
                print(f"bwtheory: Not all of the output was written: {out.error.strerror}.", file=sys.stderr)
                status = status or 2
    except KeyboardInterrupt as stop:  # while output waits for its reader, or a second one
        return status_of_stop(stop)
    return status


def _status_of(words: list[str]) -> int:
    try:
        if words == ["--version"]:
            print(f"bwtheory {bwtheory.__version__}")
            return 0
        _refuse_unknown_words(words)
        command = _parse(words)
        if command is None:
            return 0
        _require_current_folder()
        with _bad_input_is_a_sentence():
            flags.refuse_absurd_numbers(command.keywords)
        if sys.flags.optimize and command.func is verify:
            raise BadInput("Python drops assertions under -O (PYTHONOPTIMIZE), and the checks rest on some; verify without it.")
        return command()
    except (BadInput, Failed) as error:
        print(f"bwtheory: {_on_one_line(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    except MemoryError as error:
        print(f"bwtheory: The memory does not suffice. {_on_one_line(str(error))}".rstrip(), file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        return status_of_stop(stop)


def _on_one_line(sentence: str) -> str:
    """Without line breaks and other control characters, which names of files may have, and not as long as a command may be."""
    if len(sentence) > _LONGEST_SENTENCE:
        half = _LONGEST_SENTENCE // 2
        sentence = f"{sentence[:half]} ... {sentence[-half:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in sentence)


def _refuse_unknown_words(words: list[str]) -> None:
    """A command or flag that does not exist is refused with the nearest one that does; no other flag of the line is read."""
    if not words:
        raise BadInput(f"A command is missing: {', '.join(_COMMANDS)}. `bwtheory --help` says what they do.")
    first, *others = words
    if first.startswith("-"):
        if first not in ("-h", "--help"):
            raise BadInput(f"A command comes first: {', '.join(_COMMANDS)}; got {first!r}.")
        return
    if "" in words or any(word.startswith("--") and word.endswith("=") for word in words):
        raise BadInput("A value is empty; leave its flag out.")
    if first not in _COMMANDS:
        raise BadInput(f"There is no command {first!r}{nearest(first, _COMMANDS)}; there are {', '.join(_COMMANDS)}.")
    flags_of_command = _flags_of(_COMMANDS[first])
    given = [word.partition("=")[0].replace("_", "-") for word in others if word.startswith("--") and word != "--"]
    for name in given:
        if name not in flags_of_command and name != "--help":
            near = nearest(name, flags_of_command)
            raise BadInput(f"`bwtheory {first}` has no flag {name}{near}; `bwtheory {first} --help` lists them.")
        takes = flags_of_command.get(name)
        if takes in ("one", "several") and given.count(name) > 1:
            advice = f"name all after one {name}" if takes == "several" else "give it once"
            raise BadInput(f"{name} is given {given.count(name)} times, and only the last would count; {advice}.")


def _require_current_folder() -> None:
    """MKL ends the process, without an exception, where the current folder has been deleted."""
    try:
        os.getcwd()
    except OSError as error:
        raise BadInput(f"The current folder cannot be used ({error.strerror}); change to one that exists.") from None


def _flags_of(command: Callable[..., int]) -> dict[str, Takes]:
    """Flags of a command, and how many values each takes."""
    found: dict[str, Takes] = {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        group = get_type_hints(command)[name]
        if is_dataclass(group):
            of_group = get_type_hints(group, include_extras=True)
            found |= {f"--{field.name.replace('_', '-')}": _values_of(of_group[field.name]) for field in fields(group)}
        elif parameter.kind is parameter.KEYWORD_ONLY:
            found[f"--{name.replace('_', '-')}"] = _values_of(hints[name])
    return found


def _values_of(hint: Any) -> Takes:
    """How many values a flag of this type takes: "again" is one for each time that it is given."""
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *others = get_args(hint)
        marks = tuple(others)
    if tyro.conf.UseAppendAction in marks:
        return "again"
    if hint is bool:
        return "none"
    return "several" if any(get_origin(t) is tuple and Ellipsis in get_args(t) for t in (hint, *get_args(hint))) else "one"


def _choices_of(command: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """What parameters and flags of a command take, where that is one of a few names."""
    found: dict[str, tuple[str, ...]] = {}
    for name, kind in get_type_hints(command).items():
        if isinstance(kind, type) and is_dataclass(kind):
            found |= _choices_of(kind)
        literal = next((each for each in (kind, *get_args(kind)) if get_origin(each) is Literal), None)
        if literal is not None:
            found[name] = tuple(map(str, get_args(literal)))
    return found


def _parse(words: list[str]) -> partial[int] | None:
    """The command with its arguments; None if tyro has printed a help text.  BadInput with tyro's reason in one sentence."""

    if {"-h", "--help"} & set(words):
        _show_help(words)
        return None
    said = StringIO()
    try:
        with redirect_stderr(said), _columns(at_least=_NARROWEST):
            return _tyro(words)
    except SystemExit as stop:
        if stop.code:
            raise BadInput(_reason(said.getvalue(), words[0])) from None
        return None


def _tyro(words: list[str]) -> partial[int]:
    """The command of these words with its arguments; SystemExit where tyro has printed something instead."""

    def deferred(function: Callable[..., int]) -> Callable[..., partial[int]]:
        return wraps(function)(lambda *arguments, **named: partial(function, *arguments, **named))

    commands = {name: deferred(function) for name, function in _COMMANDS.items()}
    chosen: partial[int] = tyro.extras.subcommand_cli_from_dict(
        commands, prog="bwtheory", args=words, config=(tyro.conf.FlagCreatePairsOff,)
    )
    return chosen


def _show_help(words: list[str]) -> None:
    """Print what ``--help`` shows of the whole, of a command, or of ``train`` with a task; then examples."""
    first, *others = words
    if first.startswith("-"):
        print("usage: bwtheory COMMAND [--help] [...]\n       bwtheory --version\n")
        print("The theory of BW-ReLU networks, derived and checked; and networks to train.\n")
        print(help_texts.overview(_COMMANDS))
        print(help_texts.examples(""), end="")
        return
    topic, shown = first, help_texts.view(_COMMANDS[first])
    if first == "train" and others[0] in TASKS:
        topic = f"train {others[0]}"
        with _bad_input_is_a_sentence():
            shown = _view_of_task(others)
    elif first == "train":
        if not others[0].startswith("-"):
            raise BadInput(f"There is no task {others[0]!r}{nearest(others[0], TASKS)}; there are {', '.join(TASKS)}.")
        print(help_texts.tasks())
    with suppress(SystemExit), _columns(at_least=_NARROWEST):
        tyro.cli(shown, prog=f"bwtheory {topic}", args=["--help"], config=(tyro.conf.FlagCreatePairsOff,))
    print(help_texts.examples(topic), end="")


def _view_of_task(words: list[str]) -> type:
    """``train TASK --help`` with the activation and the preset that the line names; ValueError for one that there is not."""

    def value(flag: str) -> str | None:
        after = [
            word.partition("=")[2] or following
            for word, following in zip(words, [*words[1:], ""])
            if word.partition("=")[0] == flag
        ]
        return after[-1] if after else None

    activation = value("--activation") or "bw-relu"
    flags.refuse_activation(activation)
    return help_texts.view_of_task(train, words[0], activation, value("--preset"), "--faithful" in words)


def _reason(box: str, command: str) -> str:
    """One sentence from the box that tyro draws around an error: what stands between its title and the next rule.

    Where the output takes no lines to draw with, the title has a rule of its own.
    """

    def is_rule(line: str) -> bool:
        return bool(line.strip()) and set(line.strip()) <= set("─-")

    lines = [line.strip("│|").rstrip() for line in box.splitlines()[1:]]
    above = takewhile(lambda line: not is_rule(line), lines[is_rule(lines[0]) if lines else 0 :])
    text = " ".join(" ".join(line for line in above if not line.startswith(" " * 8)).split())
    choice = re.match(r"invalid choice '(.*)' for argument '(.+?)'\. Expected one of ", text)
    if choice:
        names = _choices_of(_COMMANDS[command]).get(choice[2].strip("-").replace("-", "_"))
        if names is None:  # of a flag that takes True or False, as tyro lists them
            names = tuple(sorted(set(re.findall(r"\w+", text[choice.end() :])) - {"None"}))
        near, listed = nearest(choice[1], names), ", ".join(names)
        if choice[2].startswith("-"):
            return f"{choice[2]} takes one of {listed}{near}; got {choice[1]!r}."
        return f"There is no {choice[2]} {choice[1]!r}{near}; there are {listed}."
    value = re.match(r"Error parsing (\S+): no type matching \{None\}\|(\S+) could be instantiated from \[(.*?)\]\. Got", text)
    if value:
        text = f"{value[1]} takes {_KINDS.get(value[2], value[2])}; got {value[3]}"
    text = text.removeprefix("Error parsing ")
    return f"{text.rstrip('.')}. `bwtheory {command} --help` says more."


@contextmanager
def _columns(at_least: int) -> Iterator[None]:
    """A terminal of so many columns, for a while, if it has fewer or says so."""
    if shutil.get_terminal_size().columns >= at_least:
        yield
        return
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(at_least)
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


@contextmanager
def _warnings_are_no_errors() -> Iterator[None]:
    """Under `python -W error` a deprecation in a library that this one uses would end a training."""
    with warnings.catch_warnings():
        if any(kind == "error" for kind, *_ in warnings.filters):
            warnings.filters[:] = [("default" if kind == "error" else kind, *rest) for kind, *rest in warnings.filters]  # type: ignore
            warnings.simplefilter("default", append=True)  # which also says that the filters have changed
        yield


@contextmanager
def _bad_input_is_a_sentence() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        named = error.strerror and isinstance(error.filename, str) and error.args[1:] == (error.strerror,)
        raise BadInput(f"{error.strerror}: {error.filename!r}." if named else str(error)) from None
    except ValueError as error:
        raise BadInput(str(error)) from None
    except ImportError as error:
        if sys.flags.optimize < 2:
            raise
        raise BadInput(f"Python drops docstrings under -OO (PYTHONOPTIMIZE=2), and a library needs them: {error}.") from None
    except Exception as error:
        if "torch" not in sys.modules:
            raise
        from bwtheory.training.session import Diverged

        if isinstance(error, Diverged):
            raise Failed(str(error)) from None
        if isinstance(error, RuntimeError) and "allocate" in str(error):  # PyTorch's way of saying it
            raise MemoryError(str(error).splitlines()[0]) from None
        raise


def _absolute(image: str) -> str:
    """A file is found again from elsewhere; built-in names stay."""
    image = _from_home(image)
    return str(Path(image).resolve()) if Path(image).is_file() else image


def _from_home(path: str) -> str:
    """A path that begins with a tilde which the shell has not expanded, as in --out=~/runs."""
    return os.path.expanduser(path) if path.startswith("~") and not os.path.exists(path) else path


def _folder(path: Path) -> Path:
    return Path(_from_home(str(path)))


def _target(path: Path) -> Path:
    """A file to write; ValueError for one of a run's."""
    target = _folder(path)
    refuse_file_of_run(target)
    return target


def _target_folder(path: Path) -> Path:
    """A folder to write to; ValueError for a run's."""
    target = _folder(path)
    refuse_run_folder(target)
    return target


@contextmanager
def _importable_here(names: Iterable[str]) -> Iterator[None]:
    """Modules of the current folder, after all installed ones, where a name such as package.module:Class asks for one."""
    if not any(":" in name for name in names):
        yield
        return
    sys.path.append("")
    try:
        yield
    finally:
        sys.path.remove("")


def _checkout() -> Path:
    try:
        return find_checkout()
    except FileNotFoundError as error:
        raise BadInput(str(error)) from None


def _usual_spread(task: str, options: Mapping[str, Any]) -> float | None:
    """By how many dB methods differ from image to image in our study of a task; None for a task without a study."""
    try:
        file = find_evidence() / "results" / "spread.json"
        problems = json_text.loads(file.read_text(encoding="utf-8"))["spread_db"]
    except (OSError, ValueError, KeyError):
        return None
    spread: float | None = problems.get(f"{task}-noisy" if options.get("noise") else task)
    return spread


def _figures_folder() -> Path:
    """figures/out of the checkout, figures/ in the current folder outside of one."""
    try:
        return find_checkout() / "figures" / "out"
    except FileNotFoundError:
        return Path("figures")


def _results_folder(needed: bool) -> Path | None:
    """results/ of the checkout; None outside of one, where it is not needed."""
    try:
        return find_checkout() / "results"
    except FileNotFoundError as error:
        if needed:
            raise BadInput(str(error)) from None
        return None


def _known(identifier: str, ledger: Ledger) -> str:
    ids = [c.id for c in ledger.claims]
    if identifier in ids:
        return identifier
    close = difflib.get_close_matches(identifier, ids, n=3, cutoff=0.4)
    hint = f" Close to it: {', '.join(close)}." if close else ""
    raise BadInput(f"There is no claim {identifier!r}.{hint} `bwtheory verify` lists all.")


def _judge(ledger: Ledger, ids: list[str]) -> list[Judgement]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    quiet = len(ids) == 1 or not console.is_terminal
    return [ledger.judge(i) for i in track(ids, "Checking the paper", console=console, transient=True, disable=quiet)]


def _print_json(judgements: list[Judgement]) -> None:
    print(json_text.dumps([j.as_json() for j in judgements], indent=2, default=str))


def _print_table(judgements: list[Judgement]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="ReLUs Are Sufficient for Learning Implicit Neural Representations: what holds", title_style="bold")
    table.add_column("claim", style="bold", no_wrap=True)
    table.add_column("where", overflow="fold", max_width=20)
    table.add_column("verdict", no_wrap=True)
    table.add_column("evidence", no_wrap=True)
    table.add_column("controls", justify="right")
    table.add_column("why", ratio=1)
    for j in judgements:
        flag = "" if j.sound else f" (expected {j.claim.expected})"
        table.add_row(
            j.claim.id,
            j.claim.where,
            f"[{_STYLE[j.verdict]}]{j.verdict}{flag}[/]",
            "proved" if j.is_proved else str(j.claim.evidence),
            f"{j.caught}/{len(j.claim.controls)}",
            first_sentence(j.claim.summary),
        )
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    counts = {v: sum(j.verdict is v for j in judgements) for v in Verdict}
    controls = sum(len(j.claim.controls) for j in judgements)
    console.print("  ".join(f"[{_STYLE[v]}]{n} {v}[/]" for v, n in counts.items() if n), highlight=False)
    console.print(f"controls caught: {sum(j.caught for j in judgements)}/{controls}", highlight=False)
    proved = sum(j.is_proved for j in judgements)
    if proved:
        console.print(f"proved (not rechecked here): {proved}; `make proofs` in a checkout asks Coq again", highlight=False)
    wrong = [j.claim.id for j in judgements if not j.sound]
    console.print(
        f"[bold red]Not as expected: {', '.join(wrong)}[/]"
        if wrong
        else "Every verdict is the expected one. `bwtheory verify ID --explain` shows one claim in full.",
        highlight=False,
    )
