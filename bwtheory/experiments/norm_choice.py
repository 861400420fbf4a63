"""The variation norm (53) against generalization: over scales c, tasks, images, noise levels and seeds."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.experiments.interpolation import rank_correlation
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas
from bwtheory.tasks.images import load_image
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALES = (1.25, 1.75, 2.5, 3.5, 5.0)
IMAGES = ("camera", "coins", "moon", "page", "shepp_logan_phantom")
SIDE = 32  # images are made smaller until their longer side has about so many pixels
HELD_OUT = 0.1  # of the measurements, which no network is trained on


@dataclass(frozen=True)
class Problem:
    """A task with its options, one of which is the noise level."""

    task: str
    noise: float
    options: Mapping[str, float]
    colour: str

    @property
    def name(self) -> str:
        """As folders and tables have it."""
        return f"{self.task}-noise{self.noise:g}"


PROBLEMS = (
    Problem("inpaint", 0.0, {"missing": 0.75}, SKY),
    Problem("inpaint", 0.1, {"missing": 0.75}, BLUE),
    Problem("denoise", 0.1, {}, GREEN),
    Problem("superres", 0.0, {"factor": 2}, ORANGE),
    Problem("ct", 0.0, {"angles": 20}, VERMILION),
    Problem("ct", 0.02, {"angles": 20}, BLACK),
)


@dataclass(frozen=True)
class Network:
    """What is known of a network at one step of its training.

    c : its scale
    loss, norm : on the measurements trained on; the norm (53)
    held_out : mean squared error of the measurements held out
    psnr : of its image, in dB: what a rule that chooses is to make large, and may not look at
    """

    c: float
    loss: float
    norm: float
    held_out: float
    psnr: float


@dataclass(frozen=True)
class Choice:
    """Networks that differ in c alone: one image, problem and seed.

    equal : for each c, the first logged step with the loss that all of them reach
    last : for each c, the end of the training
    logged : all logged steps of all
    level : that loss
    """

    problem: str
    image: str
    seed: int
    equal: tuple[Network, ...]
    last: tuple[Network, ...]
    logged: tuple[Network, ...]
    level: float

    @property
    def best(self) -> float:
        """The largest PSNR at equal training loss."""
        return max(network.psnr for network in self.equal)


Rule = Callable[[Choice], Network]
# Of one choice alone; a fixed c is chosen on other images.
RULES: dict[str, Rule] = {
    "least norm": lambda choice: min(choice.equal, key=lambda network: network.norm),
    "least c": lambda choice: min(choice.equal, key=lambda network: network.c),
    "cross-validation": lambda choice: min(choice.equal, key=lambda network: network.held_out),
    "least norm, end of training": lambda choice: min(choice.last, key=lambda network: network.norm),
    "cross-validation, any step": lambda choice: min(choice.logged, key=lambda network: network.held_out),
}
FIXED = "fixed c, from other images"


class NormAgainstGeneralization(Experiment):
    """BW-ReLU at five scales c on six problems with five images and five seeds, which draw the weights, noise and masks.

    A tenth of the measurements is held out in every run, so that all rules choose among the same networks.  "Equal training loss"
    is the least loss of the network that gets least far; of each network it is the first logged step with that loss.
    """

    name = "next3"
    title = "The variation norm against generalization"
    takes = ("seeds", "epochs")
    epochs, width, rate = 400, 32, 1e-2

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        images, problems = (IMAGES, PROBLEMS) if budget.full else (IMAGES[:2], PROBLEMS[1:3])
        epochs = budget.epochs or (self.epochs if budget.full else 60)
        runs = {}
        for problem, image, seed in itertools.product(problems, images, budget.seed_list(quick=1)):
            options = {**problem.options, "noise": problem.noise, "held_out": HELD_OUT}
            options |= {"data_seed": seed, "shrink": _shrink(image)}
            given = {"task": problem.task, "source": image, "activation": "bw-relu", "seed": seed, "lr": self.rate}
            given |= {"epochs": epochs, "decay": 0.1, "hidden_features": self.width, "log_every": max(1, epochs // 40)}
            given |= {"device": budget.device}
            for c in SCALES:
                runs[f"{image}-{problem.name}-c{c:g}-seed{seed}"] = with_preset(given, {"c": c}, options)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        raise NotImplementedError


@lru_cache(maxsize=64)
def _shrink(image: str) -> int:
    return max(1, round(max(load_image(image).pixels.shape[:2]) / SIDE))
