"""What starting costs, by the time of ``import numpy`` or ``import torch``: fresh processes, one of each in every round.

python benchmarks/startup.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

MAIN = "import sys; from bwtheory.cli import main; sys.exit(main({!r}))"
CASES = {
    "python": "pass",
    "import numpy": "import numpy",
    "import torch": "import torch",
    "import bwtheory": "import bwtheory",
    "import bwtheory.nn": "import bwtheory.nn",
    "bwtheory --help": MAIN.format(["--help"]),
    "a mistake in a flag": MAIN.format(["train", "signal", "--image", "camera", "--activation", "sirn"]),
}


def seconds(code: str) -> float:
    """Of a process that runs this."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return time.perf_counter() - started


def main() -> None:
    """Print medians, and ratios of the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    for code in CASES.values():
        seconds(code)  # compiled and in the file system's cache from here on
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for name, code in CASES.items():
            times[name].append(seconds(code))
    median = {name: statistics.median(values) for name, values in times.items()}
    print("| | seconds | by import numpy | by import torch |\n|---|---:|---:|---:|")
    for name, value in median.items():
        print(f"| {name} | {value:.2f} | {value / median['import numpy']:.2f} | {value / median['import torch']:.2f} |")


if __name__ == "__main__":
    main()
