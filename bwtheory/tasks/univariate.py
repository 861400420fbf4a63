"""Univariate fitting: a network interpolates samples of a function on [−1, 1] (Figures 2 and 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bwtheory.options import nearest
from bwtheory.tasks.task import Task, add_noise, noise_notes

MOST_SAMPLES = 2**24
GRID = 1001  # points where function and network are compared


def sines(x: np.ndarray, seed: int) -> np.ndarray:
    """sin πx + sin 3πx + sin 5πx, the target of a deleted published script; the seed does nothing."""
    return np.sin(np.pi * x) + np.sin(3 * np.pi * x) + np.sin(5 * np.pi * x)


def steps(x: np.ndarray, seed: int) -> np.ndarray:
    """Σ v·1[x + b > 1] over 20 units, b ~ U(−2, 2), v ~ 5·U(±1/√20): the published univariate script, with our seeds."""
    generator = np.random.default_rng(seed)
    b, v = generator.uniform(-2, 2, 20), 5 * generator.uniform(-1, 1, 20) / np.sqrt(20)
    return (v * (x[:, None] + b > 1)).sum(axis=1)


def smooth(x: np.ndarray, seed: int) -> np.ndarray:
    """A random trigonometric polynomial of degree 4 with coefficients N(0, 1)/degree: smooth, ours."""
    generator = np.random.default_rng(seed)
    degree = np.arange(1, 5)
    a, b = generator.standard_normal((2, 4)) / degree
    return (a * np.sin(np.pi * degree * x[:, None]) + b * np.cos(np.pi * degree * x[:, None])).sum(axis=1)


def kinks(x: np.ndarray, seed: int) -> np.ndarray:
    """Continuous, piecewise linear with 5 kinks at U(−1, 1) and slopes changing by N(0, 4): ours."""
    generator = np.random.default_rng(seed)
    b, v = generator.uniform(-1, 1, 5), 2 * generator.standard_normal(5)
    return (v * np.maximum(0, x[:, None] - b)).sum(axis=1)


TARGETS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"sines": sines, "steps": steps, "smooth": smooth, "kinks": kinks}


@dataclass(frozen=True, kw_only=True)
class UnivariateTask(Task):
    """Samples of a function, and the function on 1001 equally spaced points."""

    score_name = "rmse"
    score_unit = ""
    higher_is_better = False
    reconstruction_name = "reconstruction.png"

    def score(self, values: Tensor) -> float:
        """Root mean squared error on the grid."""
        return float((values.double() - self.truth).square().mean().sqrt())

    def save_reconstruction(self, path: Path, values: Tensor) -> None:
        from bwtheory.plots import BLACK, BLUE, VERMILION, canvas, in_style, save_png

        with in_style():
            figure, axes = canvas(6.5, 3.2)
            axes.plot(self.grid[:, 0], self.truth[:, 0], color=BLACK, lw=1, label="function")
            axes.plot(self.grid[:, 0], values.cpu()[:, 0], color=BLUE, label="network")
            axes.plot(self.coordinates[:, 0], self.measurements[:, 0], ".", color=VERMILION, label="samples")
            axes.set(xlabel="$x$")
            axes.legend()
        save_png(figure, path)


def univariate(
    target: str, coords: str = "stretch", *, samples: int = 20, noise: float = 0.0, data_seed: int = 0
) -> UnivariateTask:
    """Equally spaced samples, ends included, of one of ``TARGETS``; ``data_seed`` draws the target and the noise.

    ValueError for an unknown target or samples < 1.
    """
    if target not in TARGETS:
        raise ValueError(f"There is no univariate target {target!r}{nearest(target, TARGETS)}; there are {', '.join(TARGETS)}.")
    if not 1 <= samples <= MOST_SAMPLES:
        wanted = "samples >= 1" if samples < 1 else f"at most {MOST_SAMPLES:,} samples"
        raise ValueError(f"A univariate fit needs {wanted}; got {samples}.")
    points = np.linspace(-1, 1, samples) if samples > 1 else np.zeros(1)
    grid = np.linspace(-1, 1, GRID)
    values, truth = TARGETS[target](points, data_seed), TARGETS[target](grid, data_seed)
    column = [torch.from_numpy(a).unsqueeze(1) for a in (points, values, grid, truth)]
    return UnivariateTask(
        coordinates=column[0],
        measurements=add_noise(column[1], noise, data_seed),
        notes=noise_notes(noise),
        grid=column[2],
        truth=column[3],
        source=f"{target}, data seed {data_seed}",
        sha256=hashlib.sha256(truth.tobytes()).hexdigest(),
    )
