"""The variation norm (53) against generalization: over scales c, tasks, images, noise levels and seeds."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bwtheory.experiments.choices import Choice, Network, at_equal_loss, correlations, regrets, within_scales
from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.plots import BLACK, BLUE, ORANGE, SKY, VERMILION, canvas
from bwtheory.tasks.images import load_image
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALES = (1.25, 1.75, 2.5, 3.5, 5.0)
IMAGES = ("camera", "coins", "moon", "page", "shepp_logan_phantom")
SIDE = 24  # images are made smaller until their longer side has about so many pixels
HELD_OUT = 0.1  # of the measurements, which no network is trained on


@dataclass(frozen=True)
class Problem:
    """A task with its options, one of which is the noise level."""

    task: str
    noise: float
    options: Mapping[str, float]

    @property
    def name(self) -> str:
        """As folders and tables have it."""
        return f"{self.task}-noise{self.noise:g}"


PROBLEMS = (
    Problem("inpaint", 0.0, {"missing": 0.75}),
    Problem("inpaint", 0.1, {"missing": 0.75}),
    Problem("ct", 0.0, {"angles": 20}),
    Problem("ct", 0.02, {"angles": 20}),
)
COLOURS = (SKY, BLUE, ORANGE, VERMILION)


class NormAgainstGeneralization(Experiment):
    """BW-ReLU at five scales c on four problems with five images and five seeds, which draw the weights, noise and masks.

    A tenth of the measurements is held out in every run, so that all rules choose among the same networks.  Equal training loss
    is what ``at_equal_loss`` says, for the runs of one image and problem.
    """

    name = "next3"
    title = "The variation norm against generalization"
    takes = ("seeds", "epochs")
    epochs, width, rate = 250, 32, 1e-2

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        images, problems = (IMAGES, PROBLEMS) if budget.full else (IMAGES[:2], PROBLEMS[1:3])
        epochs = budget.epochs or (self.epochs if budget.full else 60)
        runs = {}
        for problem, image, seed in itertools.product(problems, images, budget.seed_list(quick=1)):
            options = {**problem.options, "noise": problem.noise, "held_out": HELD_OUT}
            options |= {"data_seed": seed, "shrink": _shrink(image)}
            given = {"task": problem.task, "source": image, "activation": "bw-relu", "seed": seed, "lr": self.rate}
            given |= {"epochs": epochs, "decay": 0.1, "hidden_features": self.width, "log_every": max(1, epochs // 25)}
            given |= {"device": budget.device}
            for c in SCALES:
                runs[f"{image}-{problem.name}-c{c:g}-seed{seed}"] = with_preset(given, {"c": c}, options)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        choices = [choice for runs in _groups(done).values() for choice in runs]
        images = sorted({choice.target for choice in choices})
        lost = regrets(choices)
        equal, last = ({image: correlations(choices, image, end) for image in images} for end in (False, True))
        within = {image: within_scales([choice for choice in choices if choice.target == image]) for image in images}
        results = {f"{self.name}-norm": _entry(equal), f"{self.name}-norm-end": _entry(last)}
        results |= {f"{self.name}-norm-within-c": _entry(within)} if all(within.values()) else {}
        for rule, found in lost.items():
            by_image = _mean_by_image(found)
            name = f"{self.name}-regret-{rule.replace(',', '').replace(' ', '-')}"
            results[name] = {"first": mean_and_error(list(by_image.values())), "by_image": by_image, "trials": len(images)}
        rows = []
        for problem in dict.fromkeys(choice.problem for choice in choices):
            here = [choice for choice in choices if choice.problem == problem]
            taus = ([statistics.fmean(correlations(here, image, end)) for image in images] for end in (False, True))
            of_rules = [plus_minus([found[problem, image] for image in images]) for found in lost.values()]
            rows.append([problem, *map(plus_minus, taus), *of_rules])
        totals = [plus_minus([statistics.fmean(found) for found in by_image.values()]) for by_image in (equal, last)]
        rows.append(["all", *totals, *(plus_minus(list(_mean_by_image(found).values())) for found in lost.values())])
        columns = ("problem, noise", "τ, equal loss", "τ, end of training", *(f"regret, dB: {rule}" for rule in lost))
        seeds = sorted({choice.seed for choice in choices})
        notes: tuple[str, ...] = (
            f"τ: rank correlation (Kendall) of the norm (53) and PSNR over c = {', '.join(f'{c:g}' for c in SCALES)}; "
            f"means over {len(seeds)} seeds, then mean ± standard error over {len(images)} images: {', '.join(images)}.",
            "Equal loss: of one image and problem, the least training loss of the network that gets least far, over c and "
            "seeds; of each network, its first logged step with that loss.",
            "Regret: the best PSNR of the five networks at equal loss, minus that of the network which a rule chooses; "
            "negative where a later step is better. Cross-validation looks at the tenth of the measurements that is held out.",
        )
        if all(within.values()):
            tau = plus_minus([statistics.fmean(found) for found in within.values()])
            notes += (f"Norm and PSNR at the same c, over seeds, at equal loss: τ = {tau}.",)
        return Report(columns, rows, _draw(choices, lost), results, notes)


@lru_cache(maxsize=64)
def _shrink(image: str) -> int:
    longer: int = max(load_image(image).pixels.shape[:2])
    return max(1, round(longer / SIDE))


def _groups(done: dict[str, Finished]) -> dict[tuple[str, str], list[Choice]]:
    """By problem and image."""
    groups: dict[tuple[str, str], dict[tuple[int, float], list[Network]]] = {}
    for run in done.values():
        config = run.config
        problem = f"{config.task}, {config.task_options['noise']:g}"
        steps = [_network(config.options["c"], row) for row in run.metrics()]
        groups.setdefault((problem, config.source), {})[config.seed, config.options["c"]] = steps
    return {group: at_equal_loss(*group, runs) for group, runs in groups.items()}


def _network(c: float, row: Mapping[str, Any]) -> Network:
    return Network(c, row["loss"], row["variation_norm"], row["held_out_loss"], row["psnr"])


def _entry(by_image: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    means = {image: statistics.fmean(found) for image, found in by_image.items()}
    return {"first": mean_and_error(list(means.values())), "by_image": means, "trials": len(means)}


def _mean_by_image(found: Mapping[tuple[str, str], float]) -> dict[str, float]:
    images = dict.fromkeys(image for _, image in found)
    return {image: statistics.fmean(value for (_, target), value in found.items() if target == image) for image in images}


def _draw(choices: Sequence[Choice], lost: Mapping[str, Mapping[tuple[str, str], float]]) -> Figure:
    """τ by problem, a dot for each image; what each rule loses, likewise."""
    figure, (left, right) = canvas(9.6, 3.8, ncols=2)
    images = dict.fromkeys(choice.target for choice in choices)
    problems = list(dict.fromkeys(choice.problem for choice in choices))
    means = []
    for place, (problem, colour) in enumerate(zip(problems, COLOURS)):
        here = [choice for choice in choices if choice.problem == problem]
        taus = [statistics.fmean(correlations(here, image, end=False)) for image in images]
        means += taus
        left.plot([place] * len(taus), taus, "o", color=colour, ms=4)
    left.axhline(0, color="0.7", lw=0.8)
    names = [problem.removesuffix(", 0").replace(", ", ",\nnoise ") for problem in problems]
    left.set_xticks(range(len(names)), names, fontsize=7)
    left.set(ylabel="τ of norm and PSNR over c", ylim=(-1.05, 1.05))
    left.set_title(
        f"Over c, at equal training loss, norm and PSNR\nhave a rank correlation of {statistics.fmean(means):+.2f}", fontsize=9
    )
    for place, found in enumerate(lost.values()):
        values = list(_mean_by_image(found).values())
        right.plot(values, [place] * len(values), "o", color=BLUE, ms=4)
        right.plot([statistics.fmean(values)], [place], "|", color=BLACK, ms=12)
    right.set_yticks(range(len(lost)), list(lost), fontsize=7)
    right.invert_yaxis()
    right.set_xlabel("regret, dB: a dot for each image")
    told = {rule: statistics.fmean(_mean_by_image(lost[rule]).values()) for rule in ("least norm", "cross-validation")}
    right.set_title("Mean regret: " + ",\n".join(f"{rule} {value:.2f} dB" for rule, value in told.items()), fontsize=9)
    return figure
