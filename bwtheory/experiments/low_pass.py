"""Images from their low Fourier coefficients, by a network of one hidden layer on Fourier features with weight decay."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bwtheory.baselines.total_variation import least_variation
from bwtheory.experiments.experiment import Budget, Report, mean_and_error
from bwtheory.experiments.trials import Trial, TrialsExperiment
from bwtheory.plots import BLACK, BLUE, GREEN, canvas
from bwtheory.tasks.images import load_image
from bwtheory.tasks.operators import LinearOperator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu}
LABELS = {"relu": "ReLU", "tv": "total variation", "tikhonov": "Tikhonov"}
COLOURS = {"relu": BLUE, "tv": GREEN, "tikhonov": BLACK}
SIDE, FEATURES, NEURONS, IMAGES = 24, 1, 24, 12  # of a random image, cutoff of the features, hidden neurons, images a trial
CUTOFFS = (1, 2, 3, 4)
WIDTHS = {"relu": (1, 2)}  # of the images
RECOVERED = 0.01  # relative error
DECIDES = ("relu", 1, 3)  # activation, width of the images, cutoff of the samples: three times that of the features
FIRST_WEIGHT, LAST_WEIGHT, RATE = 1.0, 1e-7, 0.05
TV_WEIGHTS = (1e-5, 1e-4, 1e-3)
# The phantom: pixels along a side are divided by SHRINK
PHANTOM, SHRINK, PHANTOM_CUTOFF, PHANTOM_FEATURES, PHANTOM_NEURONS = "shepp_logan_phantom", 8, 8, 6, 48
PHANTOM_WEIGHTS = (1e-6, 1e-5, 1e-4)  # the last weight of the penalty


class LowPass(LinearOperator):
    """Fourier coefficients of a periodic image with frequencies up to ``cutoff`` along both axes: (2·cutoff + 1)² real numbers.

    They are means of the image times 1, √2 cos and √2 sin, so that the adjoint, times the number of pixels, fills the missing
    coefficients with zeros.  ValueError if the sides are not above 2·cutoff.
    """

    def __init__(self, shape: tuple[int, int], cutoff: int):
        if not 0 <= 2 * cutoff < min(shape):
            raise ValueError(f"Fourier coefficients up to {cutoff} need more than {2 * cutoff} pixels a side; got {shape}.")
        self.matrix = fourier_features(shape, cutoff).T / math.prod(shape)
        super().__init__(shape, len(self.matrix))

    def _forward(self, values: Tensor) -> Tensor:
        return self.matrix.to(values) @ values

    def _adjoint(self, measurements: Tensor) -> Tensor:
        return self.matrix.to(measurements).T @ measurements


def fourier_features(shape: tuple[int, int], cutoff: int) -> Tensor:
    """1, √2 cos 2πk·x and √2 sin 2πk·x at the pixels of a periodic image, for |k|_∞ <= cutoff: (H·W, (2·cutoff + 1)²)."""
    axes = [torch.arange(side, dtype=torch.float64) / side for side in shape]
    x = torch.cartesian_prod(*axes)
    waves = [k for k in itertools.product(range(-cutoff, cutoff + 1), repeat=2) if k > (0, 0)]
    phase = 2 * math.pi * x @ torch.tensor(waves, dtype=torch.float64).reshape(-1, 2).T
    return torch.cat(
        [torch.ones(len(x), 1, dtype=torch.float64), math.sqrt(2) * phase.cos(), math.sqrt(2) * phase.sin()], dim=1
    )


def images_of_neurons(activation: str, width: int, seed: int, count: int = IMAGES) -> Tensor:
    """(count, H·W) images that are sums of ``width`` random neurons on Fourier features, each divided by its largest value."""
    draw = torch.Generator().manual_seed(1000 * seed + 10 * width + list(ACTIVATIONS).index(activation))
    features = fourier_features((SIDE, SIDE), FEATURES)
    weights = torch.randn(count, width, features.shape[1], generator=draw, dtype=torch.float64) / math.sqrt(features.shape[1])
    images = ACTIVATIONS[activation](weights @ features.T).sum(dim=1)
    return images / images.amax(dim=1, keepdim=True)


def recover(
    measurements: Tensor,
    operator: LowPass,
    features: Tensor,
    activation: str,
    *,
    neurons: int,
    last_weight: float,
    steps: int,
    seed: int,
) -> Tensor:
    """Images (B, H·W) of networks Σ a σ(w·γ) that fit measurements (B, M), each with ½Σ(a² + |w|²) as penalty.

    All are trained at a time by Adam.  The penalty's weight falls geometrically from ``FIRST_WEIGHT`` to ``last_weight`` over
    the first 80 % of the steps; the step size is constant for half of them and falls by a factor 1000 then.
    """
    draw = torch.Generator().manual_seed(seed)
    count, size = len(measurements), features.shape[1]
    weights = torch.randn(count, neurons, size, generator=draw) / math.sqrt(size)
    outputs = torch.randn(count, neurons, generator=draw) / math.sqrt(neurons)
    weights.requires_grad_(), outputs.requires_grad_()
    inputs, matrix, wanted = features.float().T, operator.matrix.float(), measurements.float()
    optimizer = torch.optim.Adam([weights, outputs], lr=RATE)

    def images() -> Tensor:
        return torch.einsum("bk,bkp->bp", outputs, ACTIVATIONS[activation](weights @ inputs))

    for step in range(steps):
        share = step / steps
        penalty = FIRST_WEIGHT * (last_weight / FIRST_WEIGHT) ** min(1.0, share / 0.8)
        for group in optimizer.param_groups:
            group["lr"] = RATE * 1e-3 ** max(0.0, 2 * share - 1)
        misfit = (images() @ matrix.T - wanted).square().sum()
        optimizer.zero_grad()
        (misfit + penalty / 2 * (outputs.square().sum() + weights.square().sum())).backward()
        optimizer.step()
    return images().detach().double()


class LowPassRecovery(TrialsExperiment):
    """Random images of one and two neurons from their low Fourier coefficients, and the super-resolution of a phantom.

    A trial of the first kind is twelve images, which the seed draws with the networks' weights.  Rivals: total variation, with
    the best of three weights; Tikhonov with the square of the gradient, whose best weight is 0 for exact samples: the missing
    coefficients are 0.  The networks' settings were chosen on images of another seed; on the phantom they have three weights of
    the penalty, as total variation has.
    """

    name = "rel-fourier"
    title = "Recovery from low Fourier coefficients"
    takes = ("seeds", "epochs")
    epochs = 3000

    def settings(self, budget: Budget) -> dict[str, dict[str, Any]]:
        cutoffs = CUTOFFS if budget.full else CUTOFFS[1:3]
        cells = [(activation, width) for activation, widths in WIDTHS.items() for width in (widths if budget.full else (1,))]
        steps = budget.epochs or (self.epochs if budget.full else 300)
        found: dict[str, dict[str, Any]] = {}
        for seed, (activation, width), cutoff in itertools.product(budget.seed_list(quick=1, full=1), cells, cutoffs):
            settings = {"activation": activation, "width": width, "cutoff": cutoff, "seed": seed, "steps": steps}
            found[f"{activation}-width{width}-cutoff{cutoff}-seed{seed}"] = {"image": "neurons", **settings}
        for seed, activation in itertools.product(budget.seed_list(quick=1, full=1), ACTIVATIONS if budget.full else ()):
            settings = {"activation": activation, "cutoff": PHANTOM_CUTOFF, "seed": seed, "steps": steps}
            found[f"{activation}-phantom-seed{seed}"] = {"image": PHANTOM, **settings}
        return found

    def carry_out(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Relative errors by method, of every image; for the phantom PSNR by method and setting."""
        return _phantom(settings) if settings["image"] == PHANTOM else _random_images(settings)

    def report_trials(self, budget: Budget, trials: Mapping[str, Trial]) -> Report:
        cells = {
            (trial.settings["activation"], trial.settings["width"], trial.settings["cutoff"]): trial.result
            for trial in trials.values()
            if trial.settings["image"] == "neurons"
        }
        rows = []
        for (activation, width, cutoff), errors in cells.items():
            shares = [f"{_share(errors[method]):.2f}" for method in ("network", "tv", "tikhonov")]
            medians = [f"{float(np.median(errors[method])):.1e}" for method in ("network", "tv", "tikhonov")]
            rows.append(
                [
                    f"{width} {LABELS[activation]} neuron{'s' * (width > 1)}",
                    str(cutoff),
                    str((2 * cutoff + 1) ** 2),
                    *shares,
                    *medians,
                ]
            )
        results: dict[str, dict[str, Any]] = {}
        for trial in trials.values():
            if trial.settings["image"] != PHANTOM:
                continue
            for method, scores in trial.result.items():
                if isinstance(scores, dict):
                    name = trial.settings["activation"] if method == "network" else method
                    results[f"{self.name}-phantom-{name}"] = {"psnr": scores, "best": max(scores.values())}
        if DECIDES in cells:
            recovered = [float(error <= RECOVERED) for error in cells[DECIDES]["network"]]
            entry = {"first": mean_and_error(recovered), "second": (0.5, 0.0), "trials": len(recovered)}
            results[self.name] = entry | {"errors": cells[DECIDES]}
        results |= {
            f"{self.name}-{activation}-width{width}-cutoff{cutoff}": {method: _share(errors[method]) for method in errors}
            for (activation, width, cutoff), errors in cells.items()
        }
        notes = [
            f"Recovered: relative error at most {RECOVERED:g} over all {SIDE}×{SIDE} pixels, of {IMAGES} random images; "
            f"medians of the relative error. Networks of {NEURONS} neurons on features up to frequency {FEATURES}, as the "
            "images have.",
            "Total variation with the best of three weights for each row, told the range of each image, after half as many "
            "iterations as the networks have steps, where it may not be at its minimum; Tikhonov's best weight is 0, which "
            "fills the missing coefficients with zeros.",
        ]
        if results.get(f"{self.name}-phantom-relu"):
            kinds = [kind for kind in LABELS if f"{self.name}-phantom-{kind}" in results]
            best = ", ".join(f"{LABELS[kind]} {results[f'{self.name}-phantom-{kind}']['best']:.1f}" for kind in kinds)
            notes.append(
                f"Shepp–Logan's phantom from frequencies up to {PHANTOM_CUTOFF}, PSNR in dB: {best}. Networks of "
                f"{PHANTOM_NEURONS} neurons on features up to {PHANTOM_FEATURES}; three weights each for networks and for "
                "total variation, the best is shown; one seed."
            )
        columns = ("image", "cutoff", "numbers", *(f"recovered, {m}" for m in METHODS), *(f"error, {m}" for m in METHODS))
        return Report(columns, rows, self._draw(cells), results, notes)

    def _draw(self, cells: Mapping[tuple[str, int, int], Mapping[str, Any]]) -> Figure:
        figure, (left, right) = canvas(9.0, 3.4, ncols=2)
        for width, style in zip(sorted({width for _, width, _ in cells}), ("-", "--")):
            cutoffs = sorted(cutoff for _, w, cutoff in cells if w == width)
            for method, kind in (("network", "relu"), ("tv", "tv"), ("tikhonov", "tikhonov")):
                errors = [cells["relu", width, cutoff][method] for cutoff in cutoffs]
                look = {"ls": style, "marker": "o", "ms": 3, "color": COLOURS[kind], "lw": 1.2}
                left.plot(cutoffs, [_share(found) for found in errors], **look)
                right.semilogy(cutoffs, [float(np.median(found)) for found in errors], **look, label=f"{LABELS[kind]}, {width}")
        decided = cells.get(DECIDES, {"network": [], "tv": []})
        network, rival = (_share(decided[method]) if decided[method] else 0.0 for method in ("network", "tv"))
        title = f"From 7×7 coefficients a ReLU network recovers {network:.0%}\n"
        left.set_title(f"{title}of images of one neuron, total variation {rival:.0%}", fontsize=9)
        right.set_title("Median relative error, by number of neurons in the image", fontsize=9)
        for axes in (left, right):
            axes.set_xlabel("largest frequency measured")
            axes.set_xticks(sorted({cutoff for _, _, cutoff in cells}))
        left.set(ylabel="share of images recovered", ylim=(-0.05, 1.05))
        right.legend(fontsize=6)
        return figure


METHODS = ("network", "total variation", "Tikhonov")


def _random_images(settings: Mapping[str, Any]) -> dict[str, list[float]]:
    activation, seed = settings["activation"], settings["seed"]
    images = images_of_neurons(activation, settings["width"], seed)
    operator, features = LowPass((SIDE, SIDE), settings["cutoff"]), fourier_features((SIDE, SIDE), FEATURES)
    measured = operator(images.T)
    options = {"neurons": NEURONS, "last_weight": LAST_WEIGHT, "steps": settings["steps"], "seed": seed}
    found = {"network": recover(measured.T, operator, features, activation, **options)}
    low, high = images.amin(dim=1, keepdim=True), images.amax(dim=1, keepdim=True)  # total variation is for values in [0, 1]
    moved = operator(((images - low) / (high - low)).T)
    found["tv"] = min(
        (
            low + (high - low) * least_variation(operator, moved, weight, iterations=settings["steps"] // 2)[0].T
            for weight in TV_WEIGHTS
        ),
        key=lambda values: float(np.median(_errors(values, images))),
    )
    found["tikhonov"] = (operator.adjoint(measured) * SIDE**2).T
    return {method: _errors(values, images) for method, values in found.items()}


def _phantom(settings: Mapping[str, Any]) -> dict[str, Any]:
    image = torch.from_numpy(load_image(PHANTOM, shrink=SHRINK).pixels[:, :, 0]).double()
    shape = (image.shape[0], image.shape[1])
    truth, operator = image.reshape(1, -1), LowPass(shape, settings["cutoff"])
    features, measured = fourier_features(shape, PHANTOM_FEATURES), operator(truth.T)
    found = {
        f"{weight:g}": recover(
            measured.T,
            operator,
            features,
            settings["activation"],
            neurons=PHANTOM_NEURONS,
            last_weight=weight,
            steps=settings["steps"] * 2 // 3,
            seed=settings["seed"],
        )
        for weight in PHANTOM_WEIGHTS
    }
    smooth = {f"{weight:g}": least_variation(operator, measured, weight, iterations=2000)[0].T for weight in TV_WEIGHTS}
    filled = {"0": (operator.adjoint(measured) * truth.numel()).T}
    scores = {
        method: {setting: -10 * math.log10(float((values - truth).square().mean())) for setting, values in each.items()}
        for method, each in {"network": found, "tv": smooth, "tikhonov": filled}.items()
    }
    return {**scores, "shape": list(shape)}


def _errors(values: Tensor, images: Tensor) -> list[float]:
    """‖f − g‖/‖g‖ of each image."""
    errors: list[float] = ((values - images).norm(dim=1) / images.norm(dim=1)).tolist()
    return errors


def _share(errors: list[float]) -> float:
    return float(np.mean(np.array(errors) <= RECOVERED))
