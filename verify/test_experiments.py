"""Section 5 and the appendices: experiments, and what the printed numbers themselves say."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import combinations
from pathlib import Path

from scipy import stats

from bwtheory.claims import Result, check

RESULTS = Path(__file__).resolve().parents[1] / "results"


def our_result(experiment: str, invented: dict | None) -> dict | None:
    """The summary of a full run in results/, or the invented one of a control; None if the experiment has not been run."""
    file = RESULTS / f"{experiment}.json"
    if invented is not None:
        return invented
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


@check("fig-4", "fig-4-siren", "fig-5", "fig-5-siren", "fig-6", "fig-6-siren")
def mean_agrees(experiment: str, mean: float, standard_error: float, ours: dict | None = None) -> Result:
    """The rule, written before any run: an experiment is reproduced if our mean over five seeds, on the same image
    and with the same metric, is within two combined standard errors, 2·√(s² + s'²), of the printed mean.  Our mean
    and standard error come from results/<experiment>.json; without that file the claim is open.
    """
    result = our_result(experiment, ours)
    printed = {"printed": f"{mean} ± {standard_error}"}
    if result is None:
        return Result(None, printed)
    allowed = 2 * math.hypot(standard_error, result["standard_error"])
    numbers = printed | {"ours": f"{result['mean']:.2f} ± {result['standard_error']:.3f}"}
    return Result(abs(result["mean"] - mean) <= allowed, numbers)


OPEN_EXPERIMENTS = (
    *("fig-2", "fig-3", "fig-7", "fig-8", "fig-9", "text-deep", "text-state-of-the-art"),
    *("next-1", "next-2", "next-3", "first-1", "first-2", "first-3"),
    *("open-1", "open-2", "open-3", "open-4", "future", "rel-fourier", "rel-wire"),
)


@check(*OPEN_EXPERIMENTS)
def experiment_decides(experiment: str, rule: str, factor: float = 1.0, ours: dict | None = None) -> Result:
    """The rule, written before any run, on two numbers of results/<experiment>.json, each a mean over seeds with its
    standard error.

    *smaller*: the first is smaller than the second divided by the factor, by more than two combined standard errors.
    *larger*: the first is larger, likewise.  *negative*: the first, a rank correlation over seeds and settings, is
    below 0 by more than two standard errors.  Without the file the claim is open.
    """
    result = our_result(experiment, ours)
    if result is None:
        return Result(None)
    first, first_error = result["first"]
    second, second_error = result.get("second", (0.0, 0.0))
    slack = 2 * math.hypot(first_error, second_error / factor)
    holds = {
        "smaller": first + slack < second / factor,
        "larger": first - slack > second / factor,
        "negative": first + 2 * first_error < 0,
    }[rule]
    return Result(holds, {"first": f"{first:.4g} ± {first_error:.2g}", "second": f"{second:.4g} ± {second_error:.2g}"})


@check("fig-4-captions", "fig-5-captions", "fig-6-captions")
def every_caption_has_its_number(captions: list[str], numbers: list[float]) -> Result:
    """The printed numbers and the architectures they are printed under are counted: with fewer numbers than
    architectures it is not determined whose they are.
    """
    return Result(len(captions) == len(numbers), {"captions": str(len(captions)), "numbers": str(len(numbers))})


@check("fig-4-better", "fig-5-better", "fig-6-better")
def significantly_better(first: list[float], second: list[float], trials: int) -> Result:
    """Welch's t test on two printed means with their standard errors over five trials: the first is larger at the
    one-sided 5 % level.

    t = (m − m')/√(s² + s'²), with the degrees of freedom of Welch and Satterthwaite.
    """
    (m, s), (n, r) = first, second
    t = (m - n) / math.hypot(s, r)
    freedom = (s**2 + r**2) ** 2 / ((s**4 + r**4) / (trials - 1))
    p = float(stats.t.sf(t, freedom))
    return Result(p < 0.05, {"t": f"{t:.3f}", "degrees of freedom": f"{freedom:.2f}", "p": f"{p:.3f}"})


@check("fig-7-least", "fig-8-least", "fig-9-least", "fig-7-ranking", "fig-8-ranking", "fig-9-ranking")
def least_norm_is_best(norms: list[float], psnrs: list[float], extent: str) -> Result:
    """On the printed numbers: the network with the least norm has the highest PSNR (*extreme*), or the whole ranking by
    norm is the reverse of the ranking by PSNR (*ranking*: Kendall's τ = −1).  With n networks the extreme coincides by
    chance with probability 1/n.
    """
    extreme = norms.index(min(norms)) == psnrs.index(max(psnrs))
    pairs = list(combinations(zip(norms, psnrs), 2))
    discordant = sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in pairs)
    tau = Fraction(2 * discordant - len(pairs), len(pairs)) * -1
    holds = extreme if extent == "extreme" else tau == -1
    return Result(holds, {"Kendall's τ": str(tau), "chance of the extreme": f"1/{len(norms)}"})


@check("text-three")
def counts_agree(text: int, figure: list[str]) -> Result:
    """The number in the text against the number of networks in the figure."""
    return Result(text == len(figure), {"text": str(text), "figure": str(len(figure))})


@check("app-D", "app-D-code")
def schedule(decay: float, horizon: int, epochs: int, stops: bool) -> Result:
    """η(t)/η₀ = r^{t/T} with T = all epochs, against r^{t/horizon} (which stops decaying at the horizon if `stops`), at
    every 100th epoch; equal up to rounding of the power.
    """
    worst = 0.0
    for t in range(0, epochs + 1, 100):
        other = min(t / horizon, 1.0) if stops else t / horizon
        worst = max(worst, abs(decay**other / decay ** (t / epochs) - 1))
    return Result(worst < 1e-12, {"largest relative difference": f"{worst:.3f}"})


@check("app-D.1", "app-D.2", "app-D.3", "readme-cmds")
def settings_agree(paper: dict, published: dict) -> Result:
    """The settings printed in Appendix D against those of the published commands (or the code's defaults, where the
    command names none), field by field.
    """
    differing = sorted(k for k in paper.keys() | published.keys() if paper.get(k) != published.get(k))
    return Result(not differing, {f"{k}, paper and published": f"{paper.get(k)} and {published.get(k)}" for k in differing})


@check("fig-4-angles")
def equally_spaced_projections(count: int, ends: str, directions: int) -> Result:
    """The number of different projection directions, angles modulo 180°, among `count` equally spaced angles on [0°,
    180°] with both ends or without the last one: the projections at 0° and at 180° are mirror images.
    """
    step = Fraction(180, count - 1 if ends == "both" else count)
    return Result(len({(k * step) % 180 for k in range(count)}) == directions)


@check("app-D-relu")
def hyperparameters_are_given(architectures: list[str], given: list[str]) -> Result:
    """Every architecture of the figures has its learning rate in Appendix D."""
    missing = [name for name in architectures if name not in given]
    return Result(not missing, {"without hyperparameters": ", ".join(missing) or "none"})
