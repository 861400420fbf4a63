"""Seconds to a PSNR: Adam by Appendix D against Adam that hands over to Gauss–Newton steps, half of the cores each.

    python benchmarks/wall_clock.py --image cameraman.tif --out wall_clock

One row a seed, written to wall_clock/table.json as they come.  A run that never gets there has the time of all its epochs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

PROVENANCE = ("commit", "bwtheory", "torch", "python", "device", "threads", "chunk", "kernel", "sha256", "source")


def main() -> None:
    """Train pairs of runs and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="camera")
    parser.add_argument("--activation", default="bw-relu")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--psnr", type=float, default=107.9, help="the paper's, of Figure 5")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    methods = {"adam": [], "gauss-newton": ["--gauss-newton-after", "200", "--epochs", "400"]}
    common = [
        "--preset",
        "paper",
        "--image",
        asked.image,
        "--activation",
        asked.activation,
        "--log-every",
        "100",
        "--device",
        "cpu",
    ]
    common += ["--stop-at-loss", str(10 ** (-asked.psnr / 10))]
    threads = str(max(1, (os.cpu_count() or 1) // len(methods)))
    table = []
    for seed in range(40, 40 + asked.seeds):
        started = []
        for name, arguments in methods.items():
            folder = asked.out / f"{name}-{seed}"
            command = [sys.executable, "-m", "bwtheory", "train", "signal", *common, *arguments]
            command += ["--seed", str(seed), "--out", str(folder)]
            started.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": threads}, stdout=subprocess.DEVNULL))
        if any([process.wait() for process in started]):
            raise SystemExit(1)
        summaries = [json.loads(next((asked.out / f"{name}-{seed}").glob("*/summary.json")).read_text()) for name in methods]
        table.append(row := _row(seed, dict(zip(methods, summaries)), asked.psnr))
        print(row, flush=True)
        where = {name: {key: summary[key] for key in PROVENANCE} for name, summary in zip(methods, summaries)}
        (asked.out / "table.json").write_text(json.dumps({"psnr": asked.psnr, "rows": table, "provenance": where}, indent=1))
    ratios = [row["ratio"] for row in table if row["gauss-newton"]["there"]]
    if ratios:
        spread = f"median of {len(ratios)} seeds; {min(ratios):.2f} to {max(ratios):.2f}"
        print(f"Where Gauss–Newton gets there Adam took {statistics.median(ratios):.2f} times as long or longer ({spread}).")


def _row(seed: int, found: dict[str, dict[str, Any]], psnr: float) -> dict[str, Any]:
    row: dict[str, Any] = {"seed": seed}
    for name, summary in found.items():
        there = -10 * math.log10(summary["loss"]) >= psnr
        row[name] = {"seconds": round(summary["seconds"], 1), "epochs": summary["epochs"], "there": there}
    row["ratio"] = row["adam"]["seconds"] / row["gauss-newton"]["seconds"]
    return row


if __name__ == "__main__":
    main()
