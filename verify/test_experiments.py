"""Section 5 and the appendices: experiments, and what the printed numbers themselves say."""

from __future__ import annotations

import json
import math
from pathlib import Path

from bwtheory.claims import Result, check

RESULTS = Path(__file__).resolve().parents[1] / "results"


@check("fig-5")
def mean_agrees(experiment: str, mean: float, standard_error: float, ours: dict | None = None) -> Result:
    """The rule, written before any run: an experiment is reproduced if our mean over five seeds, on the same image
    and with the same metric, is within two combined standard errors, 2·√(s² + s'²), of the printed mean.  Our mean
    and standard error come from results/<experiment>.json; without that file the claim is open.
    """
    file = RESULTS / f"{experiment}.json"
    if ours is None:
        if not file.is_file():
            return Result(None, {"printed": f"{mean} ± {standard_error}"})
        ours = json.loads(file.read_text(encoding="utf-8"))
    distance = abs(ours["mean"] - mean)
    allowed = 2 * math.hypot(standard_error, ours["standard_error"])
    return Result(
        distance <= allowed,
        {"printed": f"{mean} ± {standard_error}", "ours": f"{ours['mean']:.2f} ± {ours['standard_error']:.3f}"},
    )
