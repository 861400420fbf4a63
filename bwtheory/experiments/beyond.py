"""Beyond imaging: equations in weak form, radiance fields, signed distances; BW-ReLU against SIREN and ReLU+P.E."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from bwtheory.experiments.contest import Contest, Entrant, Problem
from bwtheory.experiments.experiment import Finished, plus_minus
from bwtheory.plots import BLACK, BLUE, VERMILION
from bwtheory.tasks import build_task
from bwtheory.tasks.equation import EquationTask

WIDTH = 48
PROBLEMS = (
    Problem("poisson", "Poisson", "equation", ("poisson",), "snr"),
    Problem("heat", "heat", "equation", ("heat",), "snr"),
    Problem("flatland", "flatland", "flatland", ("discs",), "psnr"),
    Problem("radiance", "radiance in 3-D", "radiance", ("balls",), "psnr"),
    Problem("torus", "distance to a torus", "distance", ("torus",), "snr"),
    Problem("box", "distance to a box", "distance", ("box",), "snr"),
)
# CPU time of a step relative to BW-ReLU's, by ``python benchmarks/beyond.py``: width 48, two hidden layers, one thread
COST: dict[str, dict[str, float]] = {
    "siren": {"poisson": 1.12, "heat": 1.2, "flatland": 1.1, "radiance": 1.14, "torus": 1.35, "box": 1.35},
    "relu-pe": {"poisson": 1.04, "heat": 1.05, "flatland": 1.03, "radiance": 1.05, "torus": 1.15, "box": 1.15},
}


class Beyond(Contest):
    """Six problems, networks of width 48 with two hidden layers, at equal time: BW-ReLU has 400 steps."""

    name = "beyond"
    title = "Beyond imaging: equations, radiance fields, distances"
    problems = PROBLEMS
    steps = 400
    claims: ClassVar = {
        "open1": tuple(problem.name for problem in PROBLEMS),
        "future": ("poisson", "heat", "flatland", "radiance"),
    }
    entrants = (
        Entrant(
            "bw-relu",
            (({"c": 3.0}, "pytorch"), ({"c": 1.5}, "scales"), ({"c": 1.5}, "edge")),
            (2e-3, 5e-3, 1.2e-2),
            BLUE,
            WIDTH,
        ),
        Entrant(
            "siren",
            tuple(({"omega_0": omega}, "pytorch") for omega in (5.0, 12.0, 30.0)),
            (5e-4, 1.5e-3, 4e-3),
            VERMILION,
            WIDTH,
            COST["siren"],
        ),
        Entrant(
            "relu-pe",
            tuple(({"frequencies": count}, "pytorch") for count in (2, 4, 6)),
            (1e-3, 3e-3, 1e-2),
            BLACK,
            WIDTH,
            COST["relu-pe"],
        ),
    )
    more_columns = ("relative error in H¹", "common volume, %")

    def more(self, problem: Problem, runs: Sequence[Finished]) -> list[str]:
        """The error in H¹ of equations, and the volume that both solids share over that of their union."""
        return [
            plus_minus([run.summary["h1_error"] for run in runs], 3) if problem.task == "equation" else "",
            plus_minus([100 * run.summary["iou"] for run in runs], 1) if problem.task == "distance" else "",
        ]

    def beside(self, problem: Problem, runs: Mapping[str, Sequence[Finished]]) -> list[list[str]]:
        """Finite elements on the nodes that the networks are tested at, and with as many unknowns as BW-ReLU has."""
        if problem.task != "equation":
            return []
        rows = []
        ours = runs["bw-relu"]
        for nodes in (33, math.isqrt(ours[0].summary["parameters"])):
            found = []
            for run in ours:
                task = build_task(run.config.task, run.config.source, "stretch", run.config.task_options)
                assert isinstance(task, EquationTask)
                found.append(task.of_finite_elements(nodes))
            scores, errors = ([each[name] for each in found] for name in ("snr", "h1_error"))
            size = f"{nodes}×{nodes} nodes"
            rows.append(
                [problem.label, "finite elements", size, str(nodes**2), "", plus_minus(scores), plus_minus(errors, 3), ""]
            )
        return rows
