"""Section 5 and the appendices: experiments, and what the printed numbers themselves say."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import sympy
from scipy import stats

from bwtheory.claims import Result, check
from bwtheory.experiments.decision import LEAST_TRIALS, LEVEL, Mean, is_shown, p_different, p_larger
from bwtheory.families import WaveletFamily
from bwtheory.wavelet import BSplineWavelet

RESULTS = Path(__file__).resolve().parents[1] / "results"


def our_result(experiment: str, invented: dict | None) -> dict | None:
    """What full runs gave, from results/, or the invented result of a control; None if the experiment has not been done.

    "fig5-bw-relu" is an entry of results/fig5.json, "between-ct-norm" one of results/between-ct.json.
    """
    if invented is not None:
        return invented
    words = experiment.split("-")
    files = (RESULTS / f"{'-'.join(words[:count])}.json" for count in range(len(words), 0, -1))
    file = next((file for file in files if file.is_file()), None)
    return json.loads(file.read_text(encoding="utf-8")).get(experiment) if file else None


def trial_claims() -> tuple[str, ...]:
    """Figures 4-6: one claim for each of the four printed numbers, read in the order of the captions."""
    return tuple(f"fig-{figure}{which}" for figure in (4, 5, 6) for which in ("", "-siren", "-wire", "-relu-pe"))


@check(*trial_claims())
def mean_agrees(
    experiment: str,
    mean: float,
    standard_error: float,
    unit: float,
    comparisons: int,
    trials: int = 5,
    ours: dict | None = None,
) -> Result:
    """The rule: mean and standard error over five trials, on the same image and with the same metric, agree with the
    printed ones.

    *Mean*: the ledger's test does not show that the two differ by more than half a unit of the last printed
    digit. *Standard error*: not the larger of the two by more than the two-sided 5 % quantile of the F test of equal
    variances allows (a factor 3.1 for 5 + 5 trials), so that runs too scattered to say anything do not agree with
    everything. Ours has to rest on at least as many trials. It comes from results/, {mean, standard_error, trials};
    without it the claim is open.
    """
    result = our_result(experiment, ours)
    printed = Mean(mean, standard_error, trials)
    if result is None:
        return Result(None, {"printed": f"{mean} ± {standard_error}"})
    found = Mean(result["mean"], result["standard_error"], result["trials"])
    p = p_different(found, printed, rounding=unit / 2)
    scatter = math.sqrt(stats.f.ppf(0.975, found.trials - 1, trials - 1))
    agrees = (
        not is_shown(p, comparisons)
        and found.standard_error * math.sqrt(found.trials / trials) <= scatter * standard_error
        and found.trials >= trials
    )
    numbers = {"printed": f"{mean} ± {standard_error}", "ours": f"{found.value:.2f} ± {found.standard_error:.3f}"}
    return Result(agrees, numbers | {"p of a difference": f"{p:.2g}"})


@check("fig-3-numbers", "fig-7-numbers", "fig-8-numbers", "fig-9-numbers")
def values_agree(experiment: str, values: list[float], ours: dict | None = None) -> Result:
    """The rule, written before any run, for numbers printed from one run each: every printed value lies in the 95 % prediction
    interval of one further run, m ± t·s·√(1 + 1/n), t Student's quantile for n − 1 degrees of freedom, and n ≥ 5; the 5 % are
    divided by the number of values (``bwtheory/experiments/decision.py``).

    The result holds for each value [m, s], mean and standard deviation over n trials; without it the claim is
    open.  A scatter s above a tenth of m says nothing and does not agree.
    """
    result = our_result(experiment, ours)
    if result is None:
        return Result(None, {"printed": ", ".join(f"{x:g}" for x in values)})
    n = result["trials"]
    reach = stats.t.ppf(1 - LEVEL / len(values) / 2, n - 1) * math.sqrt(1 + 1 / n)
    agrees = n >= LEAST_TRIALS and len(result["values"]) == len(values)
    agrees = agrees and all(abs(x - m) <= reach * s and s <= m / 10 for x, (m, s) in zip(values, result["values"]))
    return Result(agrees, {"printed and ours": ", ".join(f"{x:g} / {m:g}" for x, (m, _) in zip(values, result["values"]))})


OPEN_EXPERIMENTS = (
    *(
        "fig-2",
        "fig-2-c3",
        "fig-2-c9",
        "fig-2-wide",
        "fig-2-wide-c3",
        "fig-2-wide-c9",
        "fig-2-wide-median",
        "fig-2-wide-median-c3",
    ),
    *("first-1", "first-1-c3", "first-1-c9"),
    *(
        "fig-3",
        "fig-3-tv",
        "fig-3-kinks",
        "fig-3-kinks-tv",
        "fig-3-smooth",
        "fig-3-smooth-tv",
        "fig-3-best-norm",
        "fig-3-best-tv",
    ),
    *("fig-7", "fig-8", "fig-9", "text-deep", "text-deep-last", "text-fast", "text-state-of-the-art"),
    *("next-1", "next-1-ct", "next-1-last", "next-1-ct-last", "next-2", "next-3", "first-2", "first-3"),
    *("open-1", "open-2", "open-3", "open-4", "future", "rel-fourier", "rel-wire"),
)


@check(*OPEN_EXPERIMENTS)
def experiment_decides(experiment: str, rule: str, comparisons: int, factor: float = 1.0, ours: dict | None = None) -> Result:
    """The rule on two numbers of a result, each a mean over seeds with its standard error, by the ledger's test.

    *smaller*: the first is smaller than the second divided by the factor.  *larger*: the first is larger, likewise.  With
    scale = "log10" the numbers are logarithms: geometric means.  *negative*: the first, a rank correlation over seeds and
    settings, is below 0.  Without a finite result over at least five trials the claim is open.
    """
    result = our_result(experiment, ours)
    if result is None:
        return Result(None)
    trials, logarithmic = result.get("trials", LEAST_TRIALS), result.get("scale") == "log10"
    first, second = (Mean(*result.get(name, (0.0, 0.0)), trials) for name in ("first", "second"))
    if trials < LEAST_TRIALS or not np.isfinite([first.value, first.standard_error, second.value, second.standard_error]).all():
        return Result(None)
    if logarithmic:
        threshold = replace(second, value=second.value - math.log10(factor))
    else:
        threshold = replace(second, value=second.value / factor, standard_error=second.standard_error / factor)
    p = {"smaller": p_larger(threshold, first), "larger": p_larger(first, threshold), "negative": p_larger(Mean(0.0), first)}[
        rule
    ]
    what = "log₁₀ of the {}" if logarithmic else "{}"
    numbers = {what.format("first"): str(first)}
    numbers |= {what.format("second"): str(second)} if "second" in result else {}
    return Result(is_shown(p, comparisons), numbers | {"p": f"{p:.2g}"})


@check(*(f"fig-2-few{reading}{c}" for reading in ("", "-descent", "-descent-pi") for c in ("", "-c3")))
def figure_two_from_few_samples(
    experiment: str, says: list[str], factor: float, comparisons: int, ours: dict | None = None
) -> Result:
    """All that Figure 2 says of one pair of networks, each part shown by the ledger's one-sided test on log₁₀ over seeds.

    *kappa*: the largest κ(ΦᵀΦ) of BW-ReLU over training is smaller than the smallest of ReLU by the factor.  *loss*: so is its
    final training loss, by no factor.  A statement that needs every part to be shown is wrongly accepted no more often than
    its weakest part, so that each part is tested at the claim's level.
    """
    parts = {
        name: experiment_decides(
            experiment=f"{experiment}-{name}",
            rule="smaller",
            comparisons=comparisons,
            factor=factor if name == "kappa" else 1.0,
            ours=None if ours is None else ours[name],
        )
        for name in says
    }
    answers = [part.holds for part in parts.values()]
    numbers = {f"{name}, {label}": text for name, part in parts.items() for label, text in part.numbers.items()}
    return Result(None if None in answers else all(answers), numbers)


@check("fig-2-initial")
def initial_features_are_regular(neurons: int, half_width: str, scale: str, chance: str, draws: int = 4000) -> Result:
    """With weights and biases U(−1, 1), PyTorch's default for one input, κ(ΦΦᵀ) of `neurons` BW-ReLU neurons ψ(c(wx + b)) on
    [−r, r] is finite with at least the stated chance.

    ψ(cz) vanishes outside 0 < z < 3/c, so a neuron is zero on all of [−r, r], a zero row of Φ, exactly if b + r|w| ≤ 0 or
    b − r|w| ≥ 3/c: with probability p = g(1) + g(1 − 3/c), g(a) = ½∫₀¹ max(0, a − rw) dw.  κ is infinite unless none of the
    neurons is: (1 − p)^K bounds the chance from above.  The formula is compared with evaluated neurons, seed 0, within five
    standard deviations.
    """
    r, c = (float(sympy.sympify(text)) for text in (half_width, scale))

    def g(a: float) -> float:
        return 0.0 if a <= 0 else (a - r / 2) / 2 if a >= r else a * a / (4 * r)

    p = g(1) + g(1 - 3 / c)
    w, b = np.random.default_rng(0).uniform(-1, 1, (2, draws, 1))
    found = np.mean(~BSplineWavelet(2)(c * (w * np.linspace(-r, r, 401) + b)).any(axis=1))
    assert abs(found - p) < 5 * math.sqrt(p * (1 - p) / draws), (found, p)
    bound = (1 - p) ** neurons
    numbers = {"chance that a neuron is zero on the domain": f"{p:.4f}", "chance of a finite κ, at most": f"{bound:.3g}"}
    return Result(bound >= float(Fraction(chance)), numbers)


@check("fig-4-captions", "fig-5-captions", "fig-6-captions")
def every_caption_has_its_number(rows: list[list[str]], numbers: list[list[float]]) -> Result:
    """Each architecture has one printed number, row by row of the figure; panels without number excepted.

    Numbers stand above their row of panels, in order.  r numbers over n panels can be assigned in C(n, r) ways that keep the
    order: one exactly if r = n.
    """
    ways = [math.comb(len(row), len(found)) for row, found in zip(rows, numbers, strict=True)]
    holds = all(len(row) == len(found) for row, found in zip(rows, numbers))
    return Result(holds, {"ways to assign the numbers, row by row": ", ".join(map(str, ways))})


@check("fig-4-whose", "fig-5-whose", "fig-6-whose")
def number_is_missing(
    figure: str, numbers: list[list[float]], captions: list[str], without: str, ratio: float = 100.0, ours: dict | None = None
) -> Result:
    """The printed numbers, in order, belong to all captions but one; that one is the architecture without a number.

    For each caption left out, −2 log likelihood = Σ (m − m')²/(s² + s'²) + log(s² + s'²) over printed and our means with
    their standard errors.  The stated one has to be `ratio` times as likely as every other, and none of its numbers may
    differ from ours by the ledger's test.  Open until we have every architecture.
    """
    found = {name: our_result(f"{figure}-{name}", (ours or {}).get(name)) for name in captions}
    if any(result is None for result in found.values()):
        return Result(None, {"done": ", ".join(name for name, result in found.items() if result) or "none"})
    deviance = {}
    for left_out in captions:
        pairs = zip(numbers, [found[name] for name in captions if name != left_out], strict=True)
        variances = [(m - r["mean"], s**2 + r["standard_error"] ** 2) for (m, s), r in pairs]
        deviance[left_out] = sum(gap**2 / variance + math.log(variance) for gap, variance in variances)
    others = min(value for name, value in deviance.items() if name != without)
    assigned = zip(numbers, [found[name] for name in captions if name != without])
    means = [(Mean(m, s), Mean(r["mean"], r["standard_error"], r.get("trials", LEAST_TRIALS))) for (m, s), r in assigned]
    fits = not any(is_shown(p_different(*pair), len(numbers)) for pair in means)
    holds = fits and others - deviance[without] >= 2 * math.log(ratio)
    return Result(holds, {f"−2 log likelihood without {name}": f"{value:.4g}" for name, value in deviance.items()})


@check("fig-4-better", "fig-5-better", "fig-6-better")
def significantly_better(first: list[float], second: list[float], trials: int) -> Result:
    """Welch's t test on two printed means with their standard errors over five trials: the first is larger at the
    one-sided 5 % level.

    The test of ``bwtheory/experiments/decision.py``, for this claim alone.
    """
    p = p_larger(Mean(*first, trials), Mean(*second, trials))
    return Result(is_shown(p, 1), {"p": f"{p:.3f}"})


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


@check("fig-7-chance")
def extremes_coincide_beyond_chance(networks: list[int], level: str) -> Result:
    """If norm and PSNR had nothing to do with each other, "the least norm has the best PSNR" in every figure would have at most
    the probability `level`.  The figures have the stated numbers of networks.

    Exact, by counting: for n networks all n! rankings of the PSNRs are equally likely, and in 1/n of them the best is the one
    of least norm.  Figures are independent.
    """
    chance = Fraction(1)
    for n in networks:
        rankings = list(permutations(range(n)))
        chance *= Fraction(sum(ranking[0] == 0 for ranking in rankings), len(rankings))
    return Result(chance <= Fraction(level), {"chance": str(chance)})


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


@check("app-D.1", "app-D.2", "app-D.3", "app-D.4", "fig-3-published", "readme-cmds")
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
    different = {(k * step) % 180 for k in range(count)}
    return Result(len(different) == directions, {"different directions": str(len(different))})


@check("app-D-relu")
def hyperparameters_are_given(architectures: list[str], given: list[str]) -> Result:
    """Every architecture of the figures has its learning rate in Appendix D."""
    missing = [name for name in architectures if name not in given]
    return Result(not missing, {"without hyperparameters": ", ".join(missing) or "none"})


@check("first-3-gram")
def gabor_against_wavelet(settings: list[list[float]], centre: str, levels: int, bound: float = 1.0) -> Result:
    """κ of Theorem 3.3's ψ_{j,k} is less than `bound` times κ of the Gabor neurons 2^{j/2} γ(2^j·(3/2)(x+1) − k), γ(z) =
    exp(iω₀(z − m) − σ₀²(z − m)²), for every J = 2, …, levels and every (ω₀, σ₀) of the list; m is 0, WIRE's own activation,
    or 3/2, the middle of ψ.

    κ of ψ is that of the closed-form Gram matrix.  The Hermitian Gram matrix of the Gabor neurons on D = [−1, 1] is integrated
    by eight-point Gauss-Legendre rules on panels of 1/(2 max(ω₀, σ₀)) units of the finest scale: less than one oscillation and
    one width, so that it is exact to rounding.
    """
    middle = {"at 0": 0.0, "at ψ's middle": 1.5}[centre]
    kappas = {}
    for omega, sigma in settings:
        kappas[omega, sigma] = [gabor_condition_number(J, omega, sigma, middle) for J in range(2, levels + 1)]
    wavelet = [WaveletFamily(J).condition_number() for J in range(2, levels + 1)]
    holds = all(k < bound * g for row in kappas.values() for k, g in zip(wavelet, row))
    numbers = {f"κ, ψ, J = 2 to {levels}": ", ".join(f"{k:.3g}" for k in wavelet)}
    numbers |= {f"Gabor ω₀ = {o:g}, σ₀ = {s:g}": ", ".join(f"{k:.3g}" for k in row) for (o, s), row in kappas.items()}
    return Result(holds, numbers)


def gabor_condition_number(levels: int, omega: float, sigma: float, middle: float) -> float:
    edges = np.linspace(0, 3, 3 * 2**levels * math.ceil(max(omega, sigma)) + 1)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = (edges[1] - edges[0]) / 2
    t = ((edges[1:] + edges[:-1])[:, None] / 2 + half * nodes).ravel()
    root = np.sqrt(np.tile(half * weights, len(edges) - 1))  # dx = (2/3) dt does not change κ
    z = np.array([2**j * t - k - middle for j in range(levels) for k in range(2**j)])
    heights = np.array([2 ** (j / 2) for j in range(levels) for _ in range(2**j)])[:, None]
    features = heights * np.exp(1j * omega * z - (sigma * z) ** 2) * root
    low, *_, high = np.linalg.eigvalsh(features @ features.conj().T)
    return float(high / low)
