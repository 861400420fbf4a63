"""The task list of WIRE's abstract: denoising, inpainting, super-resolution, CT, overfitting and view synthesis."""

from __future__ import annotations

from typing import Any, ClassVar

from bwtheory.experiments.contest import Contest, Entrant, Problem
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, VERMILION

# The first image chooses settings, the others are reported; each is shrunk to some 40 pixels a side
IMAGES = {"camera": 12, "astronaut": 12, "chelsea": 9, "coffee": 12, "coins": 8, "rocket": 13}
WIDTH = 48  # of WIRE 34, complex, so that all have about as many numbers: ``INR`` divides by √2 itself


def _images(name: str, label: str, task: str, **options: Any) -> Problem:
    each = tuple({"shrink": shrink, **options} for shrink in IMAGES.values())
    return Problem(name, label, task, tuple(IMAGES), "psnr", each, data_seeds=task != "signal")


PROBLEMS = (
    _images("denoise", "denoising", "denoise", noise=0.1),
    _images("inpaint", "inpainting", "inpaint", missing=0.8),
    _images("superres", "super-resolution", "superres", factor=2),
    _images("ct", "CT", "ct", angles=30),
    _images("signal", "overfitting", "signal"),
    Problem("flatland", "view synthesis", "flatland", ("discs",), "psnr"),
)


class WireTasks(Contest):
    """Six tasks at equal steps and about equal numbers of weights, five images for each that did not choose the settings."""

    name = "rel-wire"
    title = "WIRE's task list"
    problems = PROBLEMS
    steps = 200
    claims: ClassVar = {"all": tuple(problem.name for problem in PROBLEMS)}
    entrants = (
        Entrant(
            "wire",
            tuple(
                ({"omega_0": omega, "sigma_0": sigma}, "pytorch") for omega, sigma in ((7.0, 10.0), (20.0, 10.0), (8.0, 6.0))
            ),
            (8e-3, 2.5e-2),
            GREEN,
            WIDTH,
        ),
        Entrant(
            "siren",
            tuple(({"omega_0": omega}, "pytorch") for omega in (12.0, 25.0, 50.0)),
            (1e-3, 3e-3),
            VERMILION,
            WIDTH,
        ),
        Entrant(
            "bw-relu",
            (({"c": 3.0}, "pytorch"), ({"c": 1.5}, "scales"), ({"c": 1.5}, "edge")),
            (4e-3, 1e-2),
            BLUE,
            WIDTH,
        ),
        Entrant(
            "gauss",
            tuple(({"sigma_0": sigma}, "pytorch") for sigma in (3.0, 6.0, 12.0)),
            (1e-3, 4e-3),
            ORANGE,
            WIDTH,
        ),
        Entrant(
            "relu-pe",
            tuple(({"frequencies": count}, "pytorch") for count in (2, 4, 6)),
            (3e-3, 1e-2),
            BLACK,
            WIDTH,
        ),
    )
