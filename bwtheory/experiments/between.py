"""PSNR on the pixels that a network is evaluated at in training, and between them, over scales, starts and learning rates."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report
from bwtheory.experiments.labels import label
from bwtheory.experiments.starts import roughness
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas
from bwtheory.starts import named_start
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL = 1.0  # dB: a method's settings within this of its best between the pixels are level there


Settings = dict[str, float]


@dataclass(frozen=True)
class Method:
    """An activation with a start, and what is tried of it: options of the activation and of the start, and learning rates."""

    activation: str
    init: str
    options: tuple[Settings, ...]
    init_options: tuple[Settings, ...]
    rates: tuple[float, ...]
    colour: str
    marker: str

    @property
    def name(self) -> str:
        """As folders and results have it."""
        return self.activation if self.init == "pytorch" else f"{self.activation}-{self.init}"

    @property
    def label(self) -> str:
        """As tables and figures have it."""
        return label(self.activation) if self.init == "pytorch" else f"{label(self.activation)}, {self.init}"

    def settings(self, full: bool) -> list[tuple[Settings, Settings, float]]:
        """All combinations; for a quick look every second of the scales, and the middle learning rate."""
        step, rates = (1, self.rates) if full else (2, self.rates[1:2])
        scales = list(itertools.product(self.options, self.init_options))[::step]
        return [(options, init_options, rate) for (options, init_options), rate in itertools.product(scales, rates)]


def _each(**values: tuple[float, ...]) -> tuple[Settings, ...]:
    return tuple(dict(zip(values, combination)) for combination in itertools.product(*values.values()))


# Fifteen settings each: five of the scale, three learning rates.
_RATES = (5e-4, 1e-3, 2e-3)
METHODS: tuple[Method, ...] = (
    Method("bw-relu", "pytorch", _each(c=(1.5, 2.0, 3.0, 5.0, 9.0)), ({},), (2e-3, 4e-3, 8e-3), SKY, "v"),
    Method("bw-relu", "scales", ({"c": 2.0},), _each(gain=(0.5, 1.0, 2.0, 3.0, 6.0)), (4e-3, 8e-3, 1.6e-2), BLUE, "o"),
    Method("bw-relu", "edge", ({"c": 2.0},), _each(gain=(0.5, 1.0, 2.0, 3.0, 6.0)), (8e-3, 1.6e-2, 3.2e-2), BLACK, "s"),
    Method("siren", "pytorch", _each(omega_0=(15.0, 20.0, 25.0, 30.0, 40.0)), ({},), _RATES, VERMILION, "^"),
    Method(
        "finer",
        "pytorch",
        (*_each(omega_0=(15.0, 30.0), first_bias_scale=(1.0, 5.0)), {"omega_0": 30.0, "first_bias_scale": 20.0}),
        ({},),
        _RATES,
        ORANGE,
        "D",
    ),
    Method(
        "wire",
        "pytorch",
        (*_each(omega_0=(8.0, 15.0), sigma_0=(5.0, 10.0)), {"omega_0": 20.0, "sigma_0": 10.0}),
        ({},),
        (1e-3, 3e-3, 6e-3),
        GREEN,
        "P",
    ),
    Method("gauss", "pytorch", _each(sigma_0=(3.0, 5.0, 7.0, 10.0, 15.0)), ({},), (1e-3, 3e-3, 6e-3), "0.45", "X"),
    Method("relu-pe", "pytorch", _each(frequencies=(3, 4, 5, 6, 7)), ({},), (2e-3, 4e-3, 8e-3), "0.7", "*"),
)


CT_METHODS: tuple[Method, ...] = (
    Method("bw-relu", "pytorch", _each(c=(1.5, 2.0, 3.0, 5.0, 9.0)), ({},), (1e-3, 2e-3, 4e-3), SKY, "v"),
    Method("bw-relu", "scales", ({"c": 1.5},), _each(gain=(0.5, 1.0, 2.0, 3.0, 6.0)), (4e-3, 8e-3, 1.6e-2), BLUE, "o"),
    Method(
        "bw-relu",
        "edge",
        ({"c": 1.5},),
        ({"gain": 1.0}, {"gain": 0.7}, {"largest_scale": 8.0}, {"gain": 1.4}, {"largest_scale": 16.0}),
        (4e-3, 8e-3, 1.6e-2),
        BLACK,
        "s",
    ),
    Method("siren", "pytorch", _each(omega_0=(10.0, 15.0, 20.0, 25.0, 30.0)), ({},), _RATES, VERMILION, "^"),
    Method(
        "finer",
        "pytorch",
        (*_each(omega_0=(10.0, 20.0), first_bias_scale=(1.0, 2.0)), {"omega_0": 30.0, "first_bias_scale": 20.0}),
        ({},),
        _RATES,
        ORANGE,
        "D",
    ),
)


@dataclass(frozen=True)
class Point:
    """A method's setting on an image: means over seeds, in dB, on the pixels trained on and between them, and of the excess.

    predicted : roughness at the start times the distance of neighbouring pixels, of BW-ReLU; above 1 is noise
    """

    setting: str
    grid: float
    off_grid: float
    seeds: int
    excess: float = 0.0
    predicted: float | None = None


class Between(Experiment):
    """Every second pixel along both axes is trained on; the others are the truth between them.

    Every method has fifteen settings of its scale and learning rate, and all are shown, so that nothing depends on how one is
    chosen; quick settings are three scales of each at the middle learning rate.  Networks have width 64, as the images have
    some 64×64 pixels to train on.
    """

    name = "between"
    title = "Between the pixels: every second pixel is trained on"
    takes = ("image", "seeds", "epochs", "shrink", "activations")
    task = "signal"
    options: ClassVar[dict[str, Any]] = {"every": 2}
    methods = METHODS
    images: ClassVar[dict[str, int]] = {"camera": 4, "chelsea": 3, "coins": 3}  # with shrink, to sides of about 128
    epochs, width = 300, 64
    enough = 30.0  # dB on the grid: less is no representation of an image

    def _methods(self, budget: Budget) -> tuple[Method, ...]:
        return tuple(method for method in self.methods if not budget.activations or method.activation in budget.activations)

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        images = (budget.image,) if budget.image else tuple(self.images) if budget.full else tuple(self.images)[:1]
        epochs = budget.epochs or self.epochs
        runs = {}
        for image in images:
            options = {**self.options, "shrink": budget.shrink or self.images.get(image, 1)}
            name = image.rpartition("/")[2].partition(".")[0]
            for seed, method in itertools.product(budget.seed_list(quick=1, full=2), self._methods(budget)):
                for of_activation, of_start, rate in method.settings(budget.full):
                    given = {"task": self.task, "source": image, "activation": method.activation, "seed": seed, "lr": rate}
                    given |= {"init": method.init, "init_options": of_start, "epochs": epochs, "decay": 0.1}
                    given |= {"hidden_features": self.width, "device": budget.device, "log_every": epochs}
                    words = [f"{name}{value:g}" for name, value in {**of_activation, **of_start, "lr": rate}.items()]
                    runs["-".join([name, method.name, *words, f"seed{seed}"])] = with_preset(given, of_activation, options)
        return runs

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        tables: dict[str, dict[str, list[Point]]] = {}
        for run in done.values():
            tables.setdefault(run.summary["source"], {})
        for source, table in tables.items():
            for method in self._methods(budget):
                points = _points([run for run in done.values() if run.summary["source"] == source and _is_of(run, method)])
                if points:
                    table[method.name] = points
        rows, results = [], {}
        methods = {method.name: method for method in self._methods(budget)}
        for source, table in tables.items():
            for name, points in table.items():
                best = best_between(points, self.enough)
                widest = best and max((p for p in points if p.off_grid >= best.off_grid - LEVEL), key=lambda p: p.grid)
                cells = [cell for p in (best, widest) for cell in (_shown(p), p.setting if p else "")]
                rows.append([source, methods[name].label, *cells, f"{max(p.grid for p in points):.1f}"])
                results[f"{self.name}-{source}-{name}"] = {
                    "points": [vars(p) for p in points],
                    "best": best and [best.setting, best.grid, best.off_grid],
                }
        columns = ("image", "method", "best between", "its setting", f"best on the grid, level between ({LEVEL:g} dB)")
        notes: tuple[str, ...] = (
            "Pairs are dB on the grid of pixels / between them, means over seeds.",
            f"Best between: among settings with {self.enough:g} dB on the grid. All are in results.json and in the figure.",
        )
        notes += tuple(
            f"{methods[name].label} on {source}, roughness of the start times pixel distance → excess after training: "
            + "; ".join(f"{p.setting}: {p.predicted:.2g} → {p.excess:.2g}" for p in points if p.predicted is not None)
            for source, table in tables.items()
            for name, points in table.items()
            if methods[name].activation == "bw-relu"
        )
        return Report((*columns, "its setting", "most on the grid"), rows, self._draw(tables, methods), results, notes)

    def _draw(self, tables: dict[str, dict[str, list[Point]]], methods: dict[str, Method]) -> Figure:
        figure, grid = canvas(3.6 * len(tables), 3.6, ncols=len(tables), squeeze=False)
        for axes, (source, table) in zip(grid[0], tables.items()):
            for name, points in table.items():
                method = methods[name]
                front = pareto_front(points)
                x, y = [p.grid for p in points], [p.off_grid for p in points]
                axes.plot(x, y, method.marker, color=method.colour, ms=4, alpha=0.5, mec="none")
                axes.plot([p.grid for p in front], [p.off_grid for p in front], "-", color=method.colour, lw=1.2)
                axes.plot([], [], method.marker + "-", color=method.colour, label=method.label)
            axes.set(title=source.partition(",")[0], xlabel="dB on the grid of pixels")
        grid[0][0].set_ylabel("dB between them")
        grid[0][-1].legend(fontsize=6, loc="lower right")
        return figure


class StartsForCT(Between):
    """CT from 40 angles without noise, by start: fifteen settings for each method, as in ``Between``."""

    name = "between-ct"
    title = "CT from 40 projections, by start"
    task = "ct"
    options: ClassVar[dict[str, Any]] = {"angles": 40}
    methods = CT_METHODS
    images: ClassVar[dict[str, int]] = {"shepp_logan_phantom": 4, "camera": 5, "coins": 4}
    epochs, width = 300, 64
    enough = 0.0


def _is_of(run: Finished, method: Method) -> bool:
    return (run.config.activation, run.config.init) == (method.activation, method.init)


def _points(runs: Sequence[Finished]) -> list[Point]:
    by_setting: dict[str, list[Finished]] = {}
    for run in runs:
        numbers = {**run.config.options, **run.config.init_options, "lr": run.config.lr}
        by_setting.setdefault(", ".join(f"{name} = {value:g}" for name, value in numbers.items()), []).append(run)
    points = []
    for setting, found in by_setting.items():
        grid, off_grid, excess = (
            statistics.fmean(run.summary[name] or 0.0 for run in found)
            for name in ("grid_psnr", "off_grid_psnr", "off_grid_excess")
        )
        points.append(Point(setting, grid, off_grid, len(found), excess, _predicted(found[0])))
    return points


def _predicted(run: Finished) -> float | None:
    config = run.config
    if config.activation != "bw-relu":
        return None
    side: int = (max(run.summary["shape"]) - 1) // config.task_options.get("every", 1)
    start = named_start(config.init, config.init_options)
    return roughness(start, config.options["c"], config.hidden_features, config.hidden_layers) * 2 / side


def best_between(points: Sequence[Point], enough: float) -> Point | None:
    """The best between the pixels of those with enough on them; None if there is none."""
    return max((p for p in points if p.grid >= enough), key=lambda p: p.off_grid, default=None)


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Those that no other one is ahead of on both axes, by PSNR on the grid."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (-p.grid, -p.off_grid)):
        if not front or point.off_grid > front[-1].off_grid:
            front.append(point)
    return front[::-1]


def _shown(point: Point | None) -> str:
    return "–" if point is None else f"{point.grid:.1f} / {point.off_grid:.1f}"
