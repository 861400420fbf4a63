"""The race: steps and time to a PSNR of the paper's kind, of named recipes side by side.

    python benchmarks/race.py --image cameraman.tif --psnr 107.9 --out race
    python benchmarks/race.py --image camera --shrink 16 --psnr 30 --epochs 200 --recipes paper scales torch --out race

One process for each recipe with one thread each, as many at a time as there are cores, all with the same seed; then the next
seed.  Who runs beside whom changes from seed to seed.  A finished run is kept in its folder and not done again; one of bwtheory
that was interrupted goes on.  race/results.json and race/table.md are written after every seed.

Recipes: ``paper`` (Appendix D), ``scales`` (this package's start), SIREN and FINER, each alone and with Gauss-Newton after
some epochs; and three loops that are written here: ``torch``, a plain loop of PyTorch as users write it, with the published
network of seven ReLU terms, all pixels and Adam; ``torch-compiled``, that by torch.compile; ``published``, as relu-inrs is
described to do it: TorchScript, learning rate 3e-3, and the PSNR at every step.  Each learning rate is multiplied by those of
``--lr``; each is a run, and the best one counts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bwtheory.files import read_json, write_text

BASES: dict[str, dict[str, Any]] = {
    "paper": {"preset": "paper"},
    "scales": {"preset": "recommended"},
    "scales, gain 6": {"preset": "recommended", "init": "scales", "init_options": {"gain": 6.0}},
    "siren": {"preset": "paper", "activation": "siren"},
    "finer": {"preset": "paper", "activation": "finer"},
}
SECOND_ORDER = ", gauss-newton"
RECIPES = [name + end for name in BASES for end in ("", SECOND_ORDER)]
LOOPS = ("torch", "torch-compiled", "published")
C, LR, PUBLISHED_LR, DECAY, WIDTH = 9.0, 4e-3, 3e-3, 0.1, 300


def plain_loop(recipe: str, asked: argparse.Namespace, seed: int, multiple: float) -> dict[str, Any]:
    """The published network in a plain loop of PyTorch; row by row what a run of bwtheory logs, and its seconds.

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

    torch.manual_seed(seed)
    width = asked.width or WIDTH
    layers: list[nn.Module] = []
    for inputs in (2, width, width):
        layers += [nn.Linear(inputs, width), Psi()]
    network: Any = nn.Sequential(*layers, nn.Linear(width, 1))
    task = build_task("signal", asked.image, "stretch", {"shrink": asked.shrink, "normalize": recipe == "published"})
    x, y = task.coordinates.float(), task.measurements.float()
    optimizer = torch.optim.Adam(network.parameters(), lr=multiple * (PUBLISHED_LR if recipe == "published" else LR))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: DECAY ** min(epoch / asked.epochs, 1))
    function = torch.compile(network) if recipe == "torch-compiled" else network
    if recipe == "published":
        function = torch.jit.trace(network, x[:8])
    rows: list[dict[str, Any]] = []
    seconds, started = 0.0, time.perf_counter()
    for epoch in range(asked.epochs + 1):
        values = function(x)
        loss = (values - y).square().mean()
        looked = time.perf_counter()
        if epoch % asked.log_every == 0 or recipe == "published":
            score = psnr_of_normalized(values.detach(), task.truth)
            rows.append({"epoch": epoch, "seconds": seconds + looked - started, "psnr_paper": score})
        if recipe != "published":
            seconds, started = seconds + looked - started, time.perf_counter()
        if rows[-1]["psnr_paper"] >= asked.psnr or not math.isfinite(float(loss.detach())):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return {"rows": rows, "torch": torch.__version__, "sha256": task.sha256}


def package_run(recipe: str, asked: argparse.Namespace, seed: int, multiple: float, folder: Path) -> dict[str, Any]:
    """A run of ``bw.fit`` in a folder, where it goes on; what it logs, with the seconds at each row."""
    import bwtheory as bw
    from bwtheory.tasks import build_task
    from bwtheory.tasks.task import psnr_of_normalized
    from bwtheory.training.config import with_preset

    settings = {"log_every": asked.log_every, **BASES[recipe.removesuffix(SECOND_ORDER)]}
    activation = settings.pop("activation", "bw-relu")
    if recipe.endswith(SECOND_ORDER):
        settings |= {"gauss_newton_after": asked.handover, "decay_epochs": asked.epochs}
    if asked.width:
        settings["hidden_features"] = asked.width
    given = {"source": asked.image, "activation": activation}
    given |= {"hidden_features": asked.width} if asked.width else {}
    rate = with_preset(given, recommended=settings["preset"] == "recommended").lr
    task = build_task("signal", asked.image, "stretch", {"shrink": asked.shrink})
    rows: list[dict[str, Any]] = []
    file = folder / "race.json"
    before = read_json(file)["rows"] if file.exists() else []
    looking, started = 0.0, time.perf_counter()
    offset = before[-1]["seconds"] if before else 0.0

    def look(step: bw.training.Step) -> bool:
        nonlocal looking
        if step.row is None:
            return False
        now = time.perf_counter()
        score = psnr_of_normalized(step.values, task.truth)
        rows.append({"epoch": step.number, "seconds": offset + now - started - looking, "psnr_paper": score})
        kept = [row for row in before if row["epoch"] < rows[0]["epoch"]]
        write_text(file, json.dumps({"rows": kept + rows}) + "\n")
        looking += time.perf_counter() - now
        return score >= asked.psnr

    folder.mkdir(parents=True, exist_ok=True)
    f = bw.fit(
        asked.image,
        activation,
        steps=asked.epochs,
        lr=multiple * rate,
        seed=seed,
        shrink=asked.shrink,
        probe=0.0,  # trained on all pixels
        device="cpu",
        run=folder / "run",
        callbacks=look,
        progress=False,
        **settings,
    )
    seconds, found = offset + time.perf_counter() - started - looking, read_json(file)
    last, score = f.summary["epochs"], f.summary["psnr_paper"]
    if found["rows"][-1]["epoch"] < last and score is not None:  # callbacks are asked before a step, and none follows this one
        found["rows"].append({"epoch": last, "seconds": seconds, "psnr_paper": score})
    return {"rows": found["rows"], "torch": f.summary["torch"], "sha256": f.summary["sha256"], "engine": f.summary["engine"]}


def key_of(recipe: str, seed: int, multiple: float) -> str:
    """Name of a run's folder."""
    return f"{recipe.replace(', ', '-').replace(' ', '-')}-lr{multiple:g}-seed{seed}"


def one(asked: argparse.Namespace) -> None:
    """A run in this process: its outcome in its folder."""
    recipe, seed, multiple = asked.one[0], int(asked.one[1]), float(asked.one[2])
    folder = asked.out / key_of(recipe, seed, multiple)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder.resolve() / "compiled")  # compiling is part of a run's time
    import torch

    torch.set_num_threads(1)
    plain = recipe in LOOPS
    found = plain_loop(recipe, asked, seed, multiple) if plain else package_run(recipe, asked, seed, multiple, folder)
    write_text(folder / "outcome.json", json.dumps(found) + "\n")


def side_by_side(asked: argparse.Namespace, seed: int) -> None:
    """All runs of a seed that are missing, each in a process with one thread, as many at a time as ``--beside`` says."""
    waiting = [(recipe, multiple) for multiple in asked.lr for recipe in asked.recipes]
    turn = (seed - 40) % len(waiting)
    waiting = [
        each
        for each in waiting[turn:] + waiting[:turn]
        if not (asked.out / key_of(each[0], seed, each[1]) / "outcome.json").exists()
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    running: list[subprocess.Popen[bytes]] = []
    while waiting or running:
        while waiting and len(running) < asked.beside:
            recipe, multiple = waiting.pop(0)
            words = sys.argv[1:]
            running.append(
                subprocess.Popen([sys.executable, __file__, *words, "--one", recipe, str(seed), str(multiple)], env=environment)
            )
        time.sleep(0.2)
        if any(process.poll() for process in running):
            for process in running:
                process.terminate()
            raise SystemExit("A run has failed; what is finished is kept, and the same command goes on.")
        running = [process for process in running if process.poll() is None]


def reached(outcome: dict[str, Any], psnr: float) -> dict[str, Any]:
    """The first row with this PSNR, or the last one."""
    rows = outcome["rows"]
    first = next((row for row in rows if row["psnr_paper"] >= psnr), None)
    return {"there": first is not None, **(first or rows[-1]), "best": max(row["psnr_paper"] for row in rows)}


def report(asked: argparse.Namespace, seeds: list[int]) -> None:
    """results.json with all rows, and a table of the best learning rate of each recipe."""
    found: dict[str, Any] = {"psnr": asked.psnr, "image": Path(asked.image).name, "seeds": seeds, "runs": {}}
    lines = ["| recipe | lr × | there | epochs | time, by the first recipe's | best PSNR, dB |", "|---|---|---|---|---|---|"]
    unit = math.nan
    for recipe in asked.recipes:
        candidates = []
        for multiple in asked.lr:
            outcomes = [read_json(asked.out / key_of(recipe, seed, multiple) / "outcome.json") for seed in seeds]
            ends = [reached(outcome, asked.psnr) for outcome in outcomes]
            found["runs"] |= {key_of(recipe, s, multiple): {**o, **e} for s, o, e in zip(seeds, outcomes, ends)}
            there = sum(end["there"] for end in ends)
            seconds = statistics.median(end["seconds"] for end in ends)
            candidates.append((-there, seconds, multiple, ends))
        missing, seconds, multiple, ends = min(candidates, key=lambda each: each[:3])
        unit = seconds if math.isnan(unit) else unit
        epochs, best = (statistics.median(end[name] for end in ends) for name in ("epoch", "best"))
        lines.append(
            f"| {recipe} | {multiple:g} | {-missing} of {len(seeds)} | {epochs:g} | {seconds / unit:.2f} | {best:.1f} |"
        )
    write_text(asked.out / "results.json", json.dumps(found) + "\n")
    notes = f"{found['image']}, {asked.psnr:g} dB as published; medians over seeds {seeds}. "
    notes += "A run that does not get there has the time of all its epochs."
    write_text(asked.out / "table.md", "\n".join([*lines, "", notes, ""]))
    print("\n".join([*lines, "", notes]), flush=True)


def main() -> None:
    """Seed after seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="camera")
    parser.add_argument("--shrink", type=int, default=1)
    parser.add_argument("--psnr", type=float, default=107.9, help="as the published code measures it")
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--log-every", type=int, default=10)
    parser.add_argument("--handover", type=int, default=200, help="epochs before Gauss-Newton steps")
    parser.add_argument("--width", type=int, help="of hidden layers, if not the paper's")
    parser.add_argument("--lr", type=float, nargs="+", default=[1.0], help="multiples of each recipe's learning rate to try")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--beside", type=int, default=os.cpu_count() or 1, help="runs at a time")
    parser.add_argument("--recipes", nargs="+", default=[*RECIPES, *LOOPS], choices=[*RECIPES, *LOOPS])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(asked)
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    seeds = list(range(40, 40 + asked.seeds))
    for seed in seeds:
        side_by_side(asked, seed)
        report(asked, seeds[: seed - 39])


if __name__ == "__main__":
    main()
