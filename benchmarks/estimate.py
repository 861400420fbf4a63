"""How good the estimates before a run are: ``python benchmarks/estimate.py --out estimate.json``.

Five runs that differ in size, activation and task, each in a process of its own: what ``bwtheory.training.estimate`` says
before it, and what it took.  The file is written after each; a run that is in it is not done again.  Times mean something on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bwtheory.files import read_json, write_text

SIZES: dict[str, dict[str, Any]] = {
    "narrow, many pixels": {"shrink": 1, "hidden_features": 64, "hidden_layers": 2, "epochs": 60},
    "the paper's width": {"shrink": 2, "epochs": 60},
    "wide, few pixels": {"shrink": 8, "hidden_features": 800, "hidden_layers": 3, "epochs": 100},
    "SIREN in minibatches": {"shrink": 2, "activation": "siren", "batch": 8192, "epochs": 60},
    "CT": {"shrink": 4, "task": "ct", "hidden_features": 128, "epochs": 1000},
}
QUICK = {"epochs": 3, "shrink": 16}


def measure(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Estimate one run, then do it; what was said and what it took."""
    import resource

    from bwtheory.tasks import build_task
    from bwtheory.training.config import with_preset
    from bwtheory.training.devices import settled
    from bwtheory.training.estimate import measured_seconds, memory, operations, resident_bytes
    from bwtheory.training.gradient import keep_freed_memory
    from bwtheory.training.run import RunDirectory, build_network
    from bwtheory.training.session import train

    options = {"shrink": given.pop("shrink")}
    config = with_preset({"source": "camera", "device": "cpu", **given}, task_options=options)
    task = build_task(config.task, config.source, config.coords, config.task_options)
    network = build_network(config, task.channels)
    config = settled(config, network.count_parameters(), len(task.coordinates))
    keep_freed_memory()
    seconds = measured_seconds(config, task, network)
    total = resident_bytes() + memory(config, task, network)
    started = time.perf_counter()
    summary = train(config, task, RunDirectory.create(folder / "run", config))
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "operations": operations(config, network, len(task.coordinates)),
        "time_ratio": seconds / took,
        "memory_ratio": total / peak,
        **{name: summary[name] for name in ("threads", "engine_library", "commit", "torch", "sha256")},
    }


def main() -> None:
    """Do what is missing in the file, and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="tiny runs: whether the program works")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(json.loads(asked.one), Path(folder))))
        return
    found = read_json(asked.out) if asked.out.exists() else {}
    for name, given in SIZES.items():
        if name not in found:
            one = json.dumps(given | (QUICK if asked.quick else {}))
            words = [sys.executable, __file__, "--out", str(asked.out), "--one", one]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            found[name] = json.loads(done.stdout.splitlines()[-1])
            write_text(asked.out, json.dumps(found, indent=1) + "\n")
        row = found[name]
        print(f"{name}: time estimated/taken {row['time_ratio']:.2f}, memory {row['memory_ratio']:.2f}", flush=True)


if __name__ == "__main__":
    main()
