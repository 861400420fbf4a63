"""CPU time of a step of `bwtheory reproduce beyond`, relative to BW-ReLU's: what bwtheory/experiments/beyond.py keeps as COST.

Run as  python benchmarks/beyond.py  with one thread (OMP_NUM_THREADS=1).  Medians over repeats that alternate between networks.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from bwtheory.experiments.beyond import Beyond
from bwtheory.experiments.contest import TUNED_ON
from bwtheory.experiments.tables import Table, wide_console
from bwtheory.nn import INR
from bwtheory.tasks import build_task
from bwtheory.torch_settings import usual_settings
from bwtheory.training.gradient import ChunkedNetworks

REPEATS, STEPS = 15, 10


@usual_settings()
def costs() -> dict[str, dict[str, float]]:
    """By problem and activation."""
    contest, found = Beyond(), {}
    for problem in contest.problems:
        source, options = problem.instance(TUNED_ON)
        task = build_task(problem.task, source, "stretch", options)
        x, y = task.coordinates.float(), task.measurements.float()
        operator = task.operator and task.operator.to(dtype=torch.float32)
        networks, seconds = {}, {}
        for entrant in contest.entrants:
            setting, start = entrant.settings[1]
            size = x.shape[1], task.channels, entrant.width, contest.layers
            network = INR(*size, activation=entrant.activation, init=start, **setting)
            networks[entrant.activation], seconds[entrant.activation] = ChunkedNetworks([network], 4096), []
        for _ in range(REPEATS):
            for name, network in networks.items():
                before = time.process_time()
                for _ in range(STEPS):
                    network.least_squares(x, y, operator)
                seconds[name].append(time.process_time() - before)
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        first = medians[contest.entrants[0].activation]
        found[problem.name] = {name: value / first for name, value in medians.items()}
    return found


def main() -> None:
    """Print a table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    table = costs()
    rows = [[name, *(f"{value:.2f}" for value in row.values())] for name, row in table.items()]
    Table("CPU time of a step relative to BW-ReLU's", ("problem", *next(iter(table.values()))), rows).show(wide_console())


if __name__ == "__main__":
    main()
