"""Everything that needs a GPU, at once: ``python benchmarks/gpu.py --image cameraman.tif --ct-image chest.png --out gpu``.

Steps of all activations by their own matrix products, five seeds together by one, results and gradients by those of the CPU,
peak memory, and the paper's Figures 4, 5, 6 and 7 in full.  Each part is written to gpu/results.json when it has ended; a part
that is there is not done again, and figures go on from their run folders.  ``--device cpu --quick`` tries the program where
there is no GPU: tiny problems, and no number of it means anything.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bwtheory.experiments.experiment import Budget
from bwtheory.experiments.reproduce import reproduce
from bwtheory.files import read_json, write_text
from bwtheory.nn import ACTIVATIONS, INR
from bwtheory.training.benchmark import Problem, benchmark
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gradient import ChunkedNetworks
from bwtheory.training.run import build_optimizer, source_commit

SEEDS, ROUNDS = 5, 20
FIGURES = ("fig4", "fig5", "fig6", "fig7")
GOALS = {"step by its own products": 1.3, "five seeds by one": 2.0}


def wait(device: str) -> None:
    """For what a GPU still has to do."""
    if device == "cuda":
        torch.cuda.synchronize()


def steps(problem: Problem, seconds: float) -> dict[str, Any]:
    """Of each activation the time of a step by that of its own products, and the spread of the bare products."""
    measured = benchmark(problem, tuple(ACTIVATIONS), compilers=False, seconds=seconds)
    rows = {row.name: row.ratio / row.products for row in measured.steps if row.name in ACTIVATIONS}
    return {"ratios": rows, "spread": measured.spread, "fastest": measured.fastest.name}


def step_of(problem: Problem, networks: int) -> Callable[[], None]:
    """An Adam step of several networks as one batched network."""
    members = []
    for seed in range(networks):
        torch.manual_seed(seed)
        members.append(INR(2, 1, problem.width, problem.depth).to(problem.device))
    chunked = ChunkedNetworks(members, problem.chunk, products=problem.products())
    optimizers = [build_optimizer(TrainingConfig("", device=problem.device), network) for network in members]
    x = torch.rand(problem.side**2, 2, device=problem.device) * 2 - 1
    y = torch.rand(problem.side**2, 1, device=problem.device)

    def step() -> None:
        chunked.least_squares(x, y)
        for optimizer in optimizers:
            optimizer.step()
        wait(problem.device)

    return step


def together(problem: Problem) -> dict[str, Any]:
    """Time of a step of five networks by that of one, in interleaved rounds."""
    ways = [step_of(problem, SEEDS), step_of(problem, 1)]
    ratios = []
    for number in range(ROUNDS + 2):
        times = []
        for way in ways:
            started = time.perf_counter()
            way()
            times.append(time.perf_counter() - started)
        ratios += [times[0] / times[1]] if number >= 2 else []
    return {"ratio": statistics.median(ratios), "smallest": min(ratios), "largest": max(ratios)}


def agreement(problem: Problem) -> dict[str, Any]:
    """Of each activation the largest differences of values and gradients from those of the CPU, by the largest of these.

    In float64, where both are a sum of the same numbers in another order.
    """
    found = {}
    x, y = torch.rand(1000, 2).double() * 2 - 1, torch.rand(1000, 1).double()
    for activation in ACTIVATIONS:
        results = []
        for device in ("cpu", problem.device):
            torch.manual_seed(0)
            network = INR(2, 1, problem.width, problem.depth, activation).double().to(device)
            _, values = ChunkedNetworks([network], 300).least_squares(x.to(device), y.to(device))
            gradient = torch.cat([p.grad.cpu().flatten() for p in network.parameters() if p.grad is not None])
            results.append((values.cpu(), gradient))
        pairs = zip(("values", "gradient"), *results)
        found[activation] = {name: float((b - a).abs().max() / a.abs().max()) for name, a, b in pairs}
    return found


def peak_memory(problem: Problem) -> dict[str, Any]:
    """Bytes of a step on the GPU at its peak, alone and of five networks; none are known of a CPU."""
    found: dict[str, Any] = {}
    for networks in (1, SEEDS):
        if problem.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        step_of(problem, networks)()
        found[str(networks)] = torch.cuda.max_memory_allocated() if problem.device == "cuda" else None
    return found


def figure(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """The experiment's results, and the seconds that this call has taken."""
    image = asked.ct_image if name in ("fig4", "fig7") else asked.image if name == "fig5" else asked.superres_image
    options: dict[str, Any] = {"image": image, "device": asked.device, "full": not asked.quick}
    options |= {"seeds": 1, "epochs": 2, "shrink": 32} if asked.quick else {}
    started = time.perf_counter()
    folder = reproduce(name, Budget(**options), asked.out)
    return {"seconds": time.perf_counter() - started, "results": read_json(folder / "results.json")}


def main() -> int:
    """Do the parts that are missing; exit status 2 without a GPU, 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="camera", help="of Figure 5")
    parser.add_argument("--ct-image", default="camera", help="of Figures 4 and 7")
    parser.add_argument("--superres-image", default="camera", help="of Figure 6")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("gpu"))
    parser.add_argument("--quick", action="store_true", help="tiny problems: whether the program works")
    parser.add_argument("--figures", nargs="*", default=FIGURES, choices=FIGURES)
    asked = parser.parse_args()
    if asked.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that PyTorch can use here; --device cpu --quick tries the program without one.", file=sys.stderr)
        return 2
    problem = Problem(16, 32, 3, asked.device) if asked.quick else Problem(512, 300, 3, asked.device)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "steps": lambda: steps(problem, 0.0 if asked.quick else 60.0),
        "together": lambda: together(problem),
        "agreement": lambda: agreement(problem),
        "memory": lambda: peak_memory(problem),
        **{name: lambda name=name: figure(name, asked) for name in asked.figures},
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "results.json"
    where = {"device": torch.cuda.get_device_name() if asked.device == "cuda" else asked.device, "torch": torch.__version__}
    where |= {"cuda": torch.version.cuda, "quick": asked.quick}
    found = read_json(file) if file.exists() else {"where": where}
    if found["where"] != where:
        print(f"{file} has results of {found['where']}, and this is {where}; choose another --out.", file=sys.stderr)
        return 2
    for name, part in parts.items():
        if name not in found:
            found[name] = {**part(), "commit": source_commit()}
            write_text(file, json.dumps(found, indent=1) + "\n")
        print(f"{name}: done", flush=True)
    missed = [name for name, ratio in found["steps"]["ratios"].items() if ratio > GOALS["step by its own products"]]
    missed += ["five seeds together"] if found["together"]["ratio"] >= GOALS["five seeds by one"] else []
    print(f"{file}; goals missed by: {', '.join(missed) or 'none'}")
    return int(bool(missed) and not asked.quick)


if __name__ == "__main__":
    sys.exit(main())
