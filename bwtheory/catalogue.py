"""The activations and tasks that have names, one row each.

It imports none of them, so that the command line answers a mistake without torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ActivationRow:
    """An activation.

    home : "module:Class" in ``bwtheory.nn``
    options : that the class takes
    settings : fields of ``TrainingConfig`` where no preset says others
    values : of options, likewise
    """

    home: str
    options: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=lambda: {"lr": 1e-3})
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskRow:
    """A task.

    home : "module:function" in ``bwtheory.tasks``; the function takes a source, coords, and options by name
    sources : flags that name its data, the usual one first, each with an example
    settings : fields of ``TrainingConfig`` that all its activations share: Appendix D for the paper's three tasks, else ours
    in_features : the dimension d of its coordinates
    measured : the flag that stands for measurements of your own, and the function of the same module that takes these
    what : is fitted, in a few words, for help texts
    """

    home: str
    sources: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    in_features: int = 2
    measured: tuple[str, str] | None = None
    what: str = ""


ACTIVATIONS: dict[str, ActivationRow] = {
    "bw-relu": ActivationRow("activations:BWReLU", ("c", "learnable"), {"lr": 3e-3}, {"c": 3.0}),
    "relu": ActivationRow("activations:ReLU", (), {"lr": 4e-3}),
    "relu-pe": ActivationRow("activations:ReLUPositional", ("frequencies",), {"lr": 4e-3}, {"frequencies": 7}),
    "relu-rff": ActivationRow("activations:ReLUFourier", ("sigma", "frequencies"), {"lr": 1e-3}, {"sigma": 10.0}),
    "siren": ActivationRow("activations:Siren", ("omega_0",), {"lr": 1e-3}, {"omega_0": 30.0}),
    "wire": ActivationRow("activations:Wire", ("omega_0", "sigma_0"), {"lr": 1e-3}, {"omega_0": 20.0, "sigma_0": 10.0}),
    "gauss": ActivationRow("activations:Gauss", ("sigma_0",), {"lr": 1e-3}, {"sigma_0": 10.0}),
    "finer": ActivationRow("activations:Finer", ("omega_0", "first_bias_scale"), {"lr": 5e-4}, {"omega_0": 30.0}),
}

IMAGE = {"image": "FILE, or a built-in name such as camera"}
TASKS: dict[str, TaskRow] = {
    "signal": TaskRow(
        "signal:signal_representation",
        IMAGE,
        {"epochs": 1000, "decay": 0.1, "hidden_features": 300},
        what="all pixels of an image",
    ),
    "superres": TaskRow(
        "superresolution:super_resolution",
        IMAGE,
        {"epochs": 2000, "decay": 0.2, "hidden_features": 256},
        what="an image from means of blocks of its pixels",
    ),
    "ct": TaskRow(
        "tomography:tomography",
        IMAGE | {"sinogram": "FILE"},
        {"epochs": 10000, "decay": 0.1, "hidden_features": 300},
        measured=("sinogram", "tomography_of_sinogram"),
        what="an image from projections of it, as a scanner measures them",
    ),
    "denoise": TaskRow(
        "denoising:denoising",
        IMAGE,
        {"epochs": 300, "decay": 0.1, "hidden_features": 256},
        measured=("noisy", "denoising_of_noisy"),
        what="an image from noisy pixels",
    ),
    "inpaint": TaskRow(
        "inpainting:inpainting",
        IMAGE,
        {"epochs": 500, "decay": 0.1, "hidden_features": 256},
        measured=("mask", "inpainting_under_mask"),
        what="an image from some of its pixels",
    ),
    "physics": TaskRow(
        "physics:physics",
        {"physics": "package.module:function"},
        {"epochs": 500, "decay": 0.1, "hidden_features": 256},
        what="measurements of your own linear operator",
    ),
    "univariate": TaskRow(
        "univariate:univariate",
        {"target": "sines"},
        {"epochs": 5000, "decay": 0.1, "hidden_features": 100, "hidden_layers": 1},
        in_features=1,
        what="samples of a function of one variable",
    ),
    "audio": TaskRow(
        "audio:audio",
        {"audio": "FILE, or chirp"},
        {"epochs": 1000, "decay": 0.1, "hidden_features": 256},
        in_features=1,
        what="a sound",
    ),
    "equation": TaskRow(
        "equation:equation",
        {"equation": "poisson, or heat"},
        {"epochs": 1000, "decay": 0.1, "hidden_features": 64},
        what="a partial differential equation in weak form",
    ),
    "flatland": TaskRow(
        "radiance:flatland",
        {"scene": "discs"},
        {"epochs": 500, "decay": 0.1, "hidden_features": 64},
        what="a radiance field of the plane from views",
    ),
    "radiance": TaskRow(
        "radiance:radiance",
        {"scene": "balls"},
        {"epochs": 500, "decay": 0.1, "hidden_features": 64},
        in_features=3,
        what="a radiance field of space from views",
    ),
    "distance": TaskRow(
        "distance:distance",
        {"solid": "torus, or box"},
        {"epochs": 500, "decay": 0.1, "hidden_features": 64},
        in_features=3,
        what="the signed distance of a solid",
    ),
}
GIVEN = "given"  # what a configuration calls data, or a network, that a Python program has given: no file says it again
