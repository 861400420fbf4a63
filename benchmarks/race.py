"""The race: processor time to a PSNR of the paper's kind, of named recipes one after another in one run.

    python benchmarks/race.py --image cameraman.tif --out race
    python benchmarks/race.py --quick --out race

Seed by seed, each run in a process of its own with one thread, and who comes first changes from seed to seed.  Times are the
processor's, not the clock's, as other work may run on the machine.  A run ends at the goal.  A finished run is kept in its
folder and not done again; one that was interrupted goes on.  results.json, table.md and figure.png are written after every
seed; ``--write`` puts them into results/ and docs/full/ as well.

``RECIPES`` are runs of this package.  ``LOOPS`` are loops that are written here, of which only a few steps are measured, as
their arithmetic is that of ``paper`` with other roundings: ``torch``, a plain loop of PyTorch as users write it, with the
published network of seven ReLU terms, all pixels and Adam; ``torch-compiled``, that by torch.compile; ``published``, as
relu-inrs is described to do it: TorchScript, and the PSNR at every step.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import bwtheory
from bwtheory.files import read_json, write_text
from bwtheory.processor import processor

CHECKOUT = Path(__file__).resolve().parents[1]
GAUSS_NEWTON = {"gauss_newton_iterations": 20, "steps": 300}
EARLY = {"decay": 0.05, "decay_epochs": 80, "gauss_newton_after": 80, **GAUSS_NEWTON}
LATER = {"decay": 0.1, "decay_epochs": 150, "gauss_newton_after": 150, **GAUSS_NEWTON}
ROUGH = {"init": "scales", "init_options": {"smallest_scale": 2.0, "largest_scale": 8.0, "gain": 6.0}, "c": 6.0}
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {"activation": "bw-relu", "steps": 1000},
    "fast": {"activation": "bw-relu", "lr": 4e-3, "beta1": 0.7, "beta2": 0.95, **ROUGH, **EARLY},
    "siren": {"activation": "siren", "steps": 1000},
    "siren, fast": {"activation": "siren", "lr": 2e-3, **LATER},
    "finer": {"activation": "finer", "steps": 1000},
    "finer, fast": {"activation": "finer", "lr": 2e-3, **LATER},
}
LOOPS = ("torch", "torch-compiled", "published")
BASE, QUICK = "paper", {"image": "camera", "shrink": 16, "width": 32, "psnr": 20.0, "seeds": [40]}
C, LR, WIDTH, WARM_UP = 9.0, 4e-3, 300, 2


def steps_of_loop(recipe: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Processor seconds of each of a few steps, after two that also compile.

    What only looks at the result is left out of the time, but in ``published``, which does that at every step.
    """
    import torch
    from torch import nn

    from bwtheory.nn import psi_seven_relus
    from bwtheory.tasks import build_task
    from bwtheory.tasks.task import psnr_of_normalized

    class Psi(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return psi_seven_relus(C * z)

    torch.manual_seed(asked.seeds[0])
    width = asked.width or WIDTH
    layers: list[nn.Module] = []
    for inputs in (2, width, width):
        layers += [nn.Linear(inputs, width), Psi()]
    network: Any = nn.Sequential(*layers, nn.Linear(width, 1))
    task = build_task("signal", asked.image, "stretch", {"shrink": asked.shrink})
    x, y = task.coordinates.float(), task.measurements.float()
    optimizer = torch.optim.Adam(network.parameters(), lr=LR)
    function = torch.compile(network) if recipe == "torch-compiled" else network
    if recipe == "published":
        function = torch.jit.trace(network, x[:8])
    seconds = []
    for _ in range(WARM_UP + asked.loop_steps):
        started = time.process_time()
        values = function(x)
        loss = (values - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if recipe == "published":
            psnr_of_normalized(values.detach(), task.truth)
        seconds.append(time.process_time() - started)
    return {"step": statistics.median(seconds[WARM_UP:]), "before": sum(seconds[:WARM_UP])}


def run_of_package(recipe: str, asked: argparse.Namespace, seed: int, folder: Path) -> dict[str, Any]:
    """A run of ``bw.fit`` in a folder, where it goes on: epoch, processor seconds and PSNR whenever they are logged."""
    import bwtheory as bw
    from bwtheory.tasks import build_task
    from bwtheory.tasks.task import psnr_of_normalized

    task = build_task("signal", asked.image, "stretch", {"shrink": asked.shrink})
    file = folder / "rows.json"
    before = read_json(file)["rows"] if file.exists() else []
    rows: list[list[float]] = []
    looking, started = 0.0, time.process_time()
    offset = before[-1][1] if before else 0.0

    def look(step: bw.training.Step) -> bool:
        nonlocal looking
        if step.row is None:
            return False
        now = time.process_time()
        score = psnr_of_normalized(step.values, task.truth)
        rows.append([step.number, offset + now - started - looking, score])
        kept = [row for row in before if row[0] < rows[0][0]]
        write_text(file, json.dumps({"rows": kept + rows}) + "\n")
        looking += time.process_time() - now
        return score >= asked.psnr

    settings = dict(RECIPES[recipe])
    if asked.width:
        settings["hidden_features"] = asked.width
    f = bw.fit(
        asked.image,
        settings.pop("activation"),
        preset="paper",
        seed=seed,
        shrink=asked.shrink,
        probe=0.0,  # trained on all pixels
        device="cpu",
        run=folder / "run",
        callbacks=look,
        progress=False,
        log_every=10,
        **settings,
    )
    seconds, found = offset + time.process_time() - started - looking, read_json(file)["rows"]
    last, score = f.summary["epochs"], f.summary["psnr_paper"]
    if found[-1][0] < last and score is not None:  # callbacks are asked before a step, and none follows this one
        found.append([last, seconds, score])
    return {"rows": found, **{name: f.summary[name] for name in ("sha256", "engine", "kernel", "torch")}}


def folder_of(asked: argparse.Namespace, recipe: str, seed: int) -> Path:
    """Where a run is kept."""
    return Path(asked.out / f"{recipe.replace(', ', '-')}-seed{seed}")


def in_this_process(asked: argparse.Namespace, recipe: str, seed: int) -> None:
    """A run and its outcome in its folder."""
    folder = folder_of(asked, recipe, seed)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder.resolve() / "compiled")  # compiling is counted
    import torch

    torch.set_num_threads(1)
    found = steps_of_loop(recipe, asked) if recipe in LOOPS else run_of_package(recipe, asked, seed, folder)
    write_text(folder / "outcome.json", json.dumps(found) + "\n")


def one_after_another(asked: argparse.Namespace, seed: int) -> None:
    """The runs of a seed that are missing, loops with the first seed only; a process and a thread each."""
    recipes = [name for name in asked.recipes if name not in LOOPS]
    turn = asked.seeds.index(seed) % max(len(recipes), 1)
    loops = [name for name in asked.recipes if name in LOOPS] if seed == asked.seeds[0] else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for recipe in [*recipes[turn:], *recipes[:turn], *loops]:
        if not (folder_of(asked, recipe, seed) / "outcome.json").exists():
            done = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--one", recipe, str(seed)], env=environment, check=False
            )
            if done.returncode:
                raise SystemExit("A run has failed; what is finished is kept, and the same command goes on.")


def collected(asked: argparse.Namespace) -> dict[str, Any]:
    """All runs that are finished, with rounded rows."""
    found: dict[str, Any] = {"psnr": asked.psnr, "image": Path(asked.image).name, "shrink": asked.shrink}
    about: dict[str, set[str]] = {name: set() for name in ("sha256", "engine", "kernel", "torch")}
    found["loops"], found["runs"] = {}, {}
    for recipe, seed in itertools.product(asked.recipes, asked.seeds):
        file = folder_of(asked, recipe, seed) / "outcome.json"
        if not file.exists():
            continue
        outcome = read_json(file)
        if recipe in LOOPS:
            found["loops"][recipe] = {name: round(value, 3) for name, value in outcome.items()}
            continue
        for name, values in about.items():
            values.add(outcome[name])
        rows = [[epoch, round(seconds, 2), round(score, 2)] for epoch, seconds, score in outcome["rows"]]
        first = next((row for row in outcome["rows"] if row[2] >= asked.psnr), None)
        found["runs"].setdefault(recipe, {})[str(seed)] = {"reached": first is not None, "rows": rows}
    found |= {name: sorted(values) for name, values in about.items()}
    found |= {"numpy": np.__version__, "python": platform.python_version(), "processor": processor()}
    return {**found, "bwtheory": bwtheory.__version__, "recipes": {name: RECIPES[name] for name in found["runs"]}}


def table(found: dict[str, Any]) -> str:
    """One row for each run, and one for each loop."""
    lines = [f"# The race to {found['psnr']:g} dB", ""]
    columns = ["recipe", "seed", "reached", "epochs", "PSNR as published, dB", f"time of `{BASE}` by its time"]
    loop_columns = ["loop", f"time for one step, by that of `{BASE}`", "before the first step, in steps of its own"]
    lines += _header(columns)
    base = found["runs"].get(BASE, {})
    for recipe, runs in found["runs"].items():
        ratios = []
        for seed, run in runs.items():
            epoch, seconds, score = run["rows"][-1]
            ratio = "" if seed not in base or recipe == BASE else _ratio(base[seed], run, seconds)
            ratios += [ratio] if ratio else []
            lines.append(f"| {recipe} | {seed} | {'yes' if run['reached'] else 'no'} | {epoch} | {score:.1f} | {ratio} |")
        reached = sum(run["reached"] for run in runs.values())
        lines.append(f"| **{recipe}** | all | {reached} of {len(runs)} | | | {_range(ratios)} |")
    if found["loops"]:
        lines += ["", *_header(loop_columns)]
        own = statistics.median(run["rows"][-1][1] / run["rows"][-1][0] for run in base.values()) if base else float("nan")
        for name, loop in found["loops"].items():
            lines.append(f"| {name} | {loop['step'] / own:.1f} | {loop['before'] / loop['step']:.1f} |")
    notes = [
        f"{found['image']}; PSNR as the published code measures it, of the weights at that epoch. An epoch is a step of Adam, "
        "and from the change on an iteration of conjugate gradients.",
        "Times are of the processor, one thread, one process at a time; other work ran on the machine. `>`: `paper` did not "
        "reach the goal, and the time of all its epochs counts.",
    ]
    if found["loops"]:
        notes.append(
            "The loops take the steps of `paper`, up to rounding, so only single steps were measured: their time to "
            "the goal is not."
        )
    return "\n".join([*lines, "", *(f"- {note}" for note in notes), ""])


def _header(columns: list[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def _ratio(base: dict[str, Any], run: dict[str, Any], seconds: float) -> str:
    if not run["reached"]:
        return "not reached"
    return f"{'' if base['reached'] else '> '}{base['rows'][-1][1] / seconds:.1f}"


def _range(ratios: list[str]) -> str:
    known = sorted((ratio for ratio in ratios if ratio != "not reached"), key=lambda ratio: float(ratio.removeprefix("> ")))
    return " to ".join(dict.fromkeys(known[:1] + known[-1:]))


def draw(found: dict[str, Any], folder: Path) -> None:
    """PSNR over processor time, a colour for each recipe and a thin line for each seed."""
    from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas, in_style

    with in_style():
        figure, axes = canvas(6.5, 4.0)
        for (recipe, runs), colour in zip(found["runs"].items(), itertools.cycle((VERMILION, BLUE, ORANGE, GREEN, SKY, BLACK))):
            for number, run in enumerate(runs.values()):
                seconds, scores = zip(*((row[1], row[2]) for row in run["rows"]))
                axes.plot(seconds, scores, color=colour, linewidth=0.8, label=None if number else recipe)
                axes.plot(seconds[-1:], scores[-1:], "o" if run["reached"] else "x", color=colour, markersize=4)
        axes.axhline(found["psnr"], color=BLACK, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", xlabel="time of the processor, s", ylabel="PSNR as published, dB")
        axes.set_xlim(left=5 if found["shrink"] == 1 else None)
        axes.legend()
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "race.png", metadata={"Software": None})


def report(asked: argparse.Namespace) -> None:
    """Write what is finished so far."""
    found = collected(asked)
    if not found["runs"]:
        return
    text, rows = table(found), json.dumps(found, separators=(",", ":")).replace('"rows":', '\n"rows":') + "\n"
    places = [(asked.out, asked.out)] + ([(CHECKOUT / "results", CHECKOUT / "docs" / "full")] if asked.write else [])
    for folder, pictures in places:
        write_text(folder / "race.json", rows)
        write_text(folder / "race.md", text)
        draw(found, pictures)
    print(text, flush=True)


def main() -> None:
    """Seed after seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="camera")
    parser.add_argument("--shrink", type=int, default=1)
    parser.add_argument("--psnr", type=float, default=107.9, help="as the published code measures it")
    parser.add_argument("--width", type=int, help="of hidden layers, if not the paper's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[40, 41, 42, 43, 44])
    parser.add_argument("--loop-steps", type=int, default=5, help="steps that are measured of each plain loop")
    parser.add_argument("--recipes", nargs="+", default=[*RECIPES, *LOOPS], choices=[*RECIPES, *LOOPS])
    parser.add_argument("--quick", action="store_true", help="a small image and network, one seed")
    parser.add_argument("--report", action="store_true", help="only of what is finished in --out; nothing runs")
    parser.add_argument("--write", action="store_true", help="into results/ and docs/full/ as well")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.quick:
        vars(asked).update(QUICK)
    if asked.one:
        in_this_process(asked, asked.one[0], int(asked.one[1]))
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.report:
        report(asked)
        return
    for seed in asked.seeds:
        one_after_another(asked, seed)
        report(asked)


if __name__ == "__main__":
    main()
