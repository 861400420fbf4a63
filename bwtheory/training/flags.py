"""The command line's flags of ``bwtheory train``, in groups; what is not given comes from a preset.  Imports no torch."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal

import tyro

from bwtheory.catalogue import ACTIVATIONS, TASKS
from bwtheory.options import nearest

TORCH_FUNCTIONS = (  # elementwise ones of torch.nn.functional, which are activations too
    *("celu", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish", "relu6", "selu"),
    *("sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh", "tanhshrink"),
)
MOST = {"seeds": 10_000, "hidden_layers": 10_000}  # of one command
MOST_OF_ALL = 10**12  # of any whole number but a seed
MOST_OF_A_SEED = 2**63 - 1  # PyTorch's
_ACTIVATION = f"{', '.join(ACTIVATIONS)}, or your own as package.module:Class (bw-relu)"
PATHS = ("image", "audio", "sinogram", "mask", "truth", "angles")  # flags that may name files


@dataclass(frozen=True)
class Source:
    """What the data are."""

    image: str | None = None
    """an image file, or a built-in one: astronaut, camera, chelsea, coffee, coins, immunohistochemistry, moon, page, retina,
    rocket, shepp_logan_phantom, text, octaves"""
    audio: str | None = None
    """a WAV file, or chirp"""
    target: str | None = None
    """univariate function: sines, steps, smooth or kinks"""
    equation: str | None = None
    """equation: poisson or heat"""
    scene: str | None = None
    """flatland: discs; radiance: balls"""
    solid: str | None = None
    """distance: torus or box"""
    sinogram: str | None = None
    """ct: measured line integrals (.npy, .csv, .txt or an image), a row of detector bins for each angle"""
    physics: str | None = None
    """package.module:function that returns (physics, y) or (physics, y, x): an operator as deepinv's, measurements, image"""


@dataclass(frozen=True)
class Simulation:
    """What is measured of a known image."""

    noise: float | None = None
    """standard deviation of the measurements' noise, as a fraction of the largest one"""
    held_out: float | None = None
    """fraction of the measurements that is not trained on, but tests the network"""
    data_seed: int | None = None
    """seed of the noise, of the missing pixels, of the univariate target"""
    factor: int | None = None
    """superres: side of the blocks that are averaged (4)"""
    angles: int | str | None = None
    """ct: number of projections in [0, 180), or a file of angles in degrees (100)"""
    missing: float | None = None
    """inpaint: fraction of the pixels that are hidden (0.8)"""
    value_range: tuple[float, float] | None = None
    """the image file's numbers for black and for white, if its format does not define them: integers with a sign or of more
    than 16 bits, floats outside of [0, 1]; the result is written back in these numbers"""


@dataclass(frozen=True)
class Measurement(Simulation):
    """Options of the task."""

    shrink: int | None = None
    """make the image smaller by this factor first"""
    noisy: bool = False
    """denoise: the image is noisy already, and nothing is added"""
    noise_std: float | None = None
    """standard deviation of the noise in your measurements, in their units"""
    mask: str | None = None
    """inpaint: an image file, white where a pixel is known and black where it is hidden; instead of random pixels"""
    truth: str | None = None
    """inpaint with a mask, ct with a sinogram, denoise of a noisy image: an image to compare with, in the units of the
    measurements"""
    every: int | None = None
    """signal: train on every second, third, … pixel along both axes, and compare with those between"""
    probe: float | None = None
    """signal: fraction of the pixels that only tests the network between pixels, if no finer truth is known"""
    samples: int | None = None
    """univariate: number of samples (20)"""
    seconds: float | None = None
    """audio: how much of the sound to fit (1)"""
    task_option: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ..."), tyro.conf.UseAppendAction] = ()
    """any option of the task, also of one that you have added"""


@dataclass(frozen=True)
class ActivationOptions:
    """Options of the activation."""

    c: float | None = None
    """scale of BW-ReLU"""
    learnable_c: bool = False
    """train c with the weights"""
    omega_0: float | None = None
    """frequency of SIREN, WIRE and FINER"""
    sigma_0: float | None = None
    """scale of WIRE and Gauss"""
    option: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ..."), tyro.conf.UseAppendAction] = ()
    """any option of the activation, also of one that you have written"""

    def as_options(self) -> dict[str, Any]:
        """By the names that the activations have; ValueError for an --option that is not NAME=VALUE."""
        found = given(self)
        if found.pop("learnable_c", False):
            found["learnable"] = True
        return with_named_values(found, "--option", found.pop("option", ()))


@dataclass(frozen=True)
class Start:
    """How the weights start."""

    init: Literal["pytorch", "scales", "edge"] | None = None
    """pytorch (PyTorch's default; for SIREN and FINER that of their papers), scales (neurons of several scales everywhere,
    deeper biases over the whole support), or edge (deeper biases at the edge of the support)"""
    smallest_scale: float | None = None
    """of the first layer's neurons"""
    largest_scale: float | None = None
    """of the first layer's neurons"""
    bias_centre: float | None = None
    """of the deeper layers' biases, in the activation's argument (the support of BW-ReLU is from 0 to 3)"""
    bias_spread: float | None = None
    """biases are uniform within the centre ± this number"""
    gain: float | None = None
    """deeper weights are uniform within gain/sqrt(n), in the activation's argument"""
    first_step: float | None = None
    """step size of the first layer's weights in the activation's argument, in multiples of the learning rate; 4 for BW-ReLU"""
    bias_step: float | None = None
    """step size of the hidden layers' biases, in the same way; 2 for BW-ReLU"""


@dataclass(frozen=True)
class Training:
    """Network and optimization."""

    activation: Annotated[str | None, tyro.conf.arg(help=_ACTIVATION)] = None
    hidden_features: int | None = None
    """neurons in a hidden layer"""
    hidden_layers: int | None = None
    """number of hidden layers"""
    linear_layers: bool = False
    """a further linear layer after each activation but the last"""
    skip: bool = False
    """add a linear function of the coordinates"""
    input_scale: float | None = None
    """multiply the coordinates by this first"""
    symmetric_targets: bool = False
    """learn values of [0, 1] as numbers of [-1, 1]"""
    epochs: int | None = None
    """steps on all measurements; with --batch, passes over all measurements"""
    batch: int | None = None
    """measurements in a step, for images that are too large for all of them: random minibatches, all measurements once an
    epoch"""
    lr: float | None = None
    """initial learning rate"""
    decay: float | None = None
    """the learning rate is lr * decay^(t/T) at epoch t"""
    decay_epochs: int | None = None
    """T of --decay; the rate is constant after it (all epochs, or the preset's if Gauss-Newton steps follow)"""
    optimizer: Literal["adam", "sgd", "muon"] | None = None
    """adam, plain gradient descent (sgd), or Muon for the weights between hidden layers and Adam for the others (muon)"""
    beta1: float | None = None
    """how much of its mean of gradients Adam keeps in a step (0.9); 0.7 is faster for a start with a large --gain"""
    beta2: float | None = None
    """the same for the mean of their squares (0.999)"""
    gauss_newton_after: int | None = None
    """from this epoch on Gauss-Newton steps; an epoch is then an iteration of conjugate gradients, and an interrupted
    step of 40 of them is begun again"""
    gauss_newton_iterations: int | None = None
    """iterations of conjugate gradients in a Gauss-Newton step (40)"""
    weight_decay: float | None = None
    """penalty on the squared weights"""
    norm_penalty: float | None = None
    """penalty on the variation norm (BW-ReLU)"""
    stop_at_loss: float | None = None
    """end as soon as the loss is this small"""
    stop_rule: Literal["last", "discrepancy", "held-out"] | None = None
    """which iterate is kept: the last, the first with a loss of the noise's variance, or that of least held-out error (last)"""
    coords: Literal["stretch", "isotropic"] | None = None
    """both axes from -1 to 1, or the longer one only (stretch)"""
    seed: int | None = None
    """the first seed (40)"""
    chunk: int | None = None
    """coordinates that go through the network together (by width and device)"""
    double: bool = False
    """train in float64"""
    matmul_precision: Literal["highest", "high", "medium"] | None = None
    """matrix products in float32, or where the device has them in TF32 (high) or bfloat16 (medium) (highest)"""
    compile: bool | None = None
    """compile a chunk's values and gradients with torch.compile (only in runs that are long enough to gain from it)"""
    log_every: int | None = None
    """epochs between two entries of metrics.jsonl (10)"""
    log_details: bool = False
    """images: SSIM, largest error and the error by octave of frequency in each entry too"""
    log_stable_rank: bool = False
    """the stable rank of each hidden layer's weights and features in each entry too"""
    condition_every: int | None = None
    """epochs between two logs of all singular values of each hidden layer's features"""
    condition_sample: int | None = None
    """number of coordinates at which --condition-every computes them (2048)"""


def with_named_values(found: Mapping[str, Any], flag: str, texts: Iterable[str]) -> dict[str, Any]:
    """What flags have said, and the numbers and truth values of NAME=VALUE; ValueError for anything else.

    Also for a name that comes twice, or that flags have said.
    """
    named: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            number = {"true": True, "false": False}[value] if value in ("true", "false") else float(value)
        except ValueError:
            number = math.nan
        if not (name and equals and math.isfinite(number)):
            raise ValueError(f"{flag} takes NAME=VALUE with a finite number, true or false; got {text!r}.")
        if name in named:
            raise ValueError(f"{flag}: {name} is named twice, and only the last would count; give it once.")
        named[name] = int(number) if isinstance(number, float) and number.is_integer() else number
    for name in found.keys() & named.keys():
        raise ValueError(f"--{name.replace('_', '-')} and {flag} {name}={named[name]} set the same option; leave one out.")
    return {**found, **named}


def given(flags: Any) -> dict[str, Any]:
    """The flags of a group that have been given."""
    return {field.name: getattr(flags, field.name) for field in fields(flags) if getattr(flags, field.name) != field.default}


def source_of(task: str, given: Mapping[str, str]) -> str:
    """The one source of a task's data among those given; ValueError for none, another one, or several."""
    choices = TASKS[task].sources
    if len(given) != 1 or not set(given) <= set(choices):
        wanted = ", or ".join(f"--{name} {example}" for name, example in choices.items())
        raise ValueError(f"The task {task!r} needs {wanted}, and no other source.")
    return next(iter(given.values()))


def refuse_activation(name: str, options: Iterable[str] = ()) -> None:
    """ValueError for an activation that there is not, or an option that it does not have; your own ones are not looked at."""
    if ":" in name or name in TORCH_FUNCTIONS:
        return
    if name not in ACTIVATIONS:
        near = nearest(name, (*ACTIVATIONS, *TORCH_FUNCTIONS))
        raise ValueError(
            f"There is no activation {name!r}{near}; there are {', '.join(ACTIVATIONS)}, "
            "functions of torch.nn.functional such as gelu, and your own as package.module:Class."
        )
    unknown = sorted(set(options) - set(ACTIVATIONS[name].options))
    if unknown:
        near, known = nearest(unknown[0], ACTIVATIONS[name].options), ", ".join(ACTIVATIONS[name].options) or "none"
        raise ValueError(f"The activation {name!r} has no option {unknown[0]!r}{near}; it has: {known}.")


def refuse_absurd_numbers(values: Mapping[str, Any]) -> None:
    """ValueError for a flag with a number that is not finite, or larger than anything that a computer can do."""
    for name, value in values.items():
        flag, most = f"--{name.replace('_', '-')}", MOST.get(name, MOST_OF_A_SEED if "seed" in name else MOST_OF_ALL)
        for one in value if isinstance(value, tuple) else (value,):
            if is_dataclass(one):
                refuse_absurd_numbers(vars(one))
            elif isinstance(one, float) and not math.isfinite(one):
                raise ValueError(f"{flag} takes a finite number; got {one}.")
            elif isinstance(one, int) and not -most <= one <= most:
                raise ValueError(f"{flag} is at most {most:,}; got {one if abs(one) < 10**30 else 'one of many digits'}.")


def seeds_of(text: str | None, first: int | None, usual: int) -> list[int]:
    """The seeds of "5", a number of runs from the first seed on, or of "40-44" or "40,41,44", which names them.

    Parameters
    ----------
    text : what --seeds says; None for one run
    first : what --seed says, if it is given
    usual : the first seed otherwise

    ValueError for anything else, for more than ``MOST["seeds"]`` runs, and for named seeds beside a first one.
    """
    spans: list[tuple[int, int]] = []  # first and last
    if text is None or re.fullmatch(r"\d+", text):
        count = 1 if text is None else int(text[:30])
        if count < 1:
            raise ValueError(f"Training needs seeds >= 1; got {count}.")
        start, parts = usual if first is None else first, []
        spans.append((start, start + count - 1))
    else:
        parts = text.split(",")
    for part in parts:
        ends = re.fullmatch(r"(\d{1,19})(?:-(\d{1,19}))?", part.strip())
        if ends is None:
            raise ValueError(
                f"--seeds takes a number of runs, or the seeds as 40-44 or 40,41,44; got {','.join(parts)[:60]!r}."
            )
        low, high = int(ends[1]), int(ends[2] or ends[1])
        if high < low:
            raise ValueError(f"--seeds {part.strip()} ends before it begins; write {high}-{low}.")
        spans.append((low, high))
    count = sum(high - low + 1 for low, high in spans)
    if count > MOST["seeds"]:
        raise ValueError(f"--seeds is at most {MOST['seeds']:,}; got {count if count < 10**30 else 'one of many digits'}.")
    found = [seed for low, high in spans for seed in range(low, high + 1)]
    twice = next((seed for seed, times in Counter(found).items() if times > 1), None)
    if twice is not None:
        raise ValueError(f"--seeds names {twice} twice.")
    if parts and first is not None:
        raise ValueError("--seed is the first of several seeds; leave it out if --seeds names the seeds.")
    return found


def in_seconds(text: str) -> float:
    """Seconds of "60s", "5min", "1h" or "60"; ValueError for anything else."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    units = {"": 1, "s": 1, "min": 60, "h": 3600}
    try:
        return float(number) * units[text[len(number) :]]
    except (ValueError, KeyError):
        raise ValueError(f"A budget is a time such as 60s, 5min or 1h; got {text!r}.") from None


def size_in_pixels(text: str) -> tuple[int, int]:
    """(width, height) of "WIDTHxHEIGHT"; ValueError for anything else."""
    found = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text)
    if not found:
        raise ValueError(f"A size is WIDTHxHEIGHT in pixels, such as 2048x2048; got {text!r}.")
    return int(found[1]), int(found[2])
