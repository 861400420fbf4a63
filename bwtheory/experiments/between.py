"""PSNR on the pixels that a network is evaluated at in training, and between them, over scales, starts and learning rates."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bwtheory.baselines import BASELINES
from bwtheory.experiments.experiment import Budget, Experiment, Finished, Report, mean_and_error, plus_minus
from bwtheory.experiments.interpolation import rank_correlation
from bwtheory.experiments.labels import label
from bwtheory.experiments.starts import roughness
from bwtheory.experiments.statistics import paired_difference
from bwtheory.plots import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, canvas
from bwtheory.starts import named_start
from bwtheory.tasks import ImageTask, build_task
from bwtheory.tasks.images import load_image
from bwtheory.training.config import TrainingConfig, with_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 3  # images whose starts are listed below a table
COLUMNS = 4  # of a figure
LEVEL = 1.0  # dB: a method's settings within this of its best between the pixels are level there


COMPARED = (
    "Differences are between the pixels and paired by image, each method with its best setting on that image, on other seeds "
    "if there are some; intervals are Student's t over images, and hold together with 95 % (Bonferroni)."
)
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
    Method(
        "wire",
        "pytorch",
        (*_each(omega_0=(5.0, 10.0), sigma_0=(5.0, 10.0)), {"omega_0": 7.0, "sigma_0": 10.0}),
        ({},),
        (1e-3, 2.5e-3, 5e-3),
        GREEN,
        "P",
    ),
)


@dataclass(frozen=True)
class Point:
    """A method's setting on an image, with the first seed: dB on the pixels trained on and between them, and the excess.

    others : means over other seeds, on the pixels and between them, of the setting that the first seed has chosen
    predicted : roughness at the start times the distance of neighbouring pixels, of BW-ReLU; above 1 is noise
    """

    setting: str
    grid: float
    off_grid: float
    seeds: int
    excess: float = 0.0
    predicted: float | None = None
    others: tuple[float, float] | None = None

    @property
    def confirmed(self) -> tuple[float, float]:
        """On the pixels and between them, with seeds that have not chosen it if there are any."""
        return self.others or (self.grid, self.off_grid)


# Methods without a network, by the values of their setting; they have as many numbers as the network, at most the pixels'.
GRIDS: dict[str, tuple[float, ...]] = {
    "grid-tv": (1.25e-4, 2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),
    "hash-grid": (0.25, 0.5, 1.0),
}
GRID_STYLES = {"grid-tv": ("#CC79A7", "h"), "hash-grid": ("#666666", "d")}


Tables = dict[str, dict[str, list[Point]]]  # by image and method


class Between(Experiment):
    """Every second pixel along both axes is trained on; the others are the truth between them.

    Every method has fifteen settings of its scale and learning rate, and all are shown with the first seed; the best of them
    is done again with the other seeds.  Quick settings are three scales of each at the middle learning rate.  Networks have
    width 64, as the images have some 64×64 pixels to train on.
    """

    name = "between"
    title = "Between the pixels: every second pixel is trained on"
    takes = ("image", "more_images", "seeds", "epochs", "shrink", "activations")
    task = "signal"
    options: ClassVar[dict[str, Any]] = {"every": 2}
    methods = METHODS
    images: ClassVar[tuple[str, ...]] = ("camera", "chelsea", "coins")
    side = 128  # images are made smaller until their longer side has about so many pixels
    epochs, width = 300, 64
    enough = 30.0  # dB on the grid: less is no representation of an image

    def _methods(self, budget: Budget) -> tuple[Method, ...]:
        return tuple(method for method in self.methods if not budget.activations or method.activation in budget.activations)

    def plan(self, budget: Budget, done: dict[str, Finished]) -> dict[str, TrainingConfig]:
        return self.plan_besides(budget, done, frozenset())

    def plan_besides(self, budget: Budget, done: dict[str, Finished], failed: Collection[str]) -> dict[str, TrainingConfig]:
        """All settings with the first seed; where these are finished, the best between of each method with the other seeds."""
        images = budget.images or (self.images if budget.full else self.images[:1])
        first, *others = budget.seed_list(quick=1, full=2)
        runs: dict[str, TrainingConfig] = {}
        for image, method in itertools.product(images, self._methods(budget)):
            tried = dict(self._run(budget, image, method, setting, first) for setting in method.settings(budget.full))
            runs |= tried
            if not all(name in done or name in failed for name in tried):
                continue
            scores = {
                name: (done[name].summary["grid_psnr"], done[name].summary["off_grid_psnr"]) for name in tried if name in done
            }
            enough = {name: off_grid or 0.0 for name, (grid, off_grid) in scores.items() if grid >= self.enough}
            if enough:
                best = tried[max(enough, key=lambda name: enough[name])]
                setting = best.options, best.init_options, best.lr
                runs |= dict(self._run(budget, image, method, setting, seed) for seed in others)
        return runs

    def _run(
        self, budget: Budget, image: str, method: Method, setting: tuple[Settings, Settings, float], seed: int
    ) -> tuple[str, TrainingConfig]:
        of_activation, of_start, rate = setting
        epochs = budget.epochs or self.epochs
        options = {**self.options, "shrink": budget.shrink or max(1, round(_longer_side(image) / self.side))}
        given = {"task": self.task, "source": image, "activation": method.activation, "seed": seed, "lr": rate}
        given |= {"init": method.init, "init_options": of_start, "epochs": epochs, "decay": 0.1}
        given |= {"hidden_features": self.width, "device": budget.device, "log_every": epochs}
        words = [f"{name}{value:g}" for name, value in {**of_activation, **of_start, "lr": rate}.items()]
        return "-".join([Path(image).stem, method.name, *words, f"seed{seed}"]), with_preset(given, of_activation, options)

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        tables: Tables = {}
        for run in done.values():
            tables.setdefault(run.summary["source"], {})
        for source, table in tables.items():
            for method in self._methods(budget):
                points = _points([run for run in done.values() if run.summary["source"] == source and _is_of(run, method)])
                if points:
                    table[method.name] = points
            if not budget.activations:
                table |= _grids(next(run for run in done.values() if run.summary["source"] == source))
        rows, results = [], {}
        methods = {method.name: method for method in self._methods(budget)}
        methods |= {name: _grid_method(name) for name in GRIDS if not budget.activations}
        for source, table in tables.items():
            for name, points in table.items():
                best = best_between(points, self.enough)
                level = [p for p in points if best and p.off_grid >= best.off_grid - LEVEL]
                widest = max(level, key=lambda p: p.grid, default=None)
                cells = [cell for p in (best, widest) for cell in (_shown(p), p.setting if p else "")]
                confirmed = _pair(*best.others) if best and best.others else ""
                cells = [*cells[:2], confirmed, *cells[2:], f"{len(level)} of {len(points)}"]
                rows.append([source, methods[name].label, *cells, f"{max(p.grid for p in points):.1f}"])
                results[f"{self.name}-{source}-{name}"] = {
                    "points": [vars(p) for p in points],
                    "best": best and [best.setting, best.grid, best.off_grid],
                }
        rows += _over_images(tables, methods, self.enough) if len(tables) > 1 else []
        columns = (
            *("image", "method", "best between", "its setting", "on other seeds"),
            *(f"best on the grid, level between ({LEVEL:g} dB)", "its setting", "level settings", "most on the grid"),
        )
        notes: tuple[str, ...] = (
            "Pairs are dB on the grid of pixels / between them; of the first seed, but for the means over other seeds.",
            f"Best between: among settings with {self.enough:g} dB on the grid. All are in results.json and in the figure.",
        )
        notes += tuple(
            f"{methods[name].label} on {source}, roughness of the start times pixel distance → excess after training: "
            + "; ".join(f"{p.setting}: {p.predicted:.2g} → {p.excess:.2g}" for p in points if p.predicted is not None)
            for source, table in tables.items()
            for name, points in table.items()
            if methods[name].activation == "bw-relu" and len(tables) <= FEW
        )
        notes += _comparisons(tables, methods, self.enough) if len(tables) > 1 else ()
        return Report(columns, rows, self._draw(tables, methods), results, notes)

    def _draw(self, tables: Tables, methods: dict[str, Method]) -> Figure:
        columns, rows = min(COLUMNS, len(tables)), -(-len(tables) // COLUMNS)
        figure, grid = canvas(3.6 * columns, 3.6 * rows + 0.8, nrows=rows, ncols=columns, squeeze=False)
        for axes in grid.flat[len(tables) :]:
            axes.set_axis_off()
        for axes, (source, table) in zip(grid.flat, tables.items()):
            for name, points in table.items():
                method = methods[name]
                front = pareto_front(points)
                x, y = [p.grid for p in points], [p.off_grid for p in points]
                axes.plot(x, y, method.marker, color=method.colour, ms=4, alpha=0.5, mec="none")
                axes.plot([p.grid for p in front], [p.off_grid for p in front], "-", color=method.colour, lw=1.2)
                axes.plot([], [], method.marker + "-", color=method.colour, label=method.label)
            axes.set(title=source.partition(",")[0], xlabel="dB on the pixels")
        grid[0][0].set_ylabel("dB between them")
        entries = grid.flat[len(tables) - 1].get_legend_handles_labels()
        figure.legend(*entries, loc="outside lower center", ncols=2 * columns, fontsize=8)  # not over the points
        return figure


class StartsForCT(Between):
    """CT from 40 angles without noise, by start: fifteen settings for each method, as in ``Between``."""

    name = "between-ct"
    title = "CT from 40 projections, by start"
    task = "ct"
    options: ClassVar[dict[str, Any]] = {"angles": 40}
    methods = CT_METHODS
    images: ClassVar[tuple[str, ...]] = ("shepp_logan_phantom", "camera", "coins")
    side = 48
    enough = 0.0

    def report(self, budget: Budget, done: dict[str, Finished]) -> Report:
        """As for ``Between``, and the rank correlation of norm (53) and PSNR over c of the published start."""
        report = super().report(budget, done)
        correlations = _norm_correlations(list(done.values()))
        if not correlations:
            return report
        entry = {"first": mean_and_error(list(correlations.values())), "by_image": correlations, "trials": len(correlations)}
        note = (
            "BW-ReLU, published start: rank correlation (Kendall) of the norm (53) and PSNR over five scales c, mean over the "
            f"learning rates, first seed; over images {plus_minus(list(correlations.values()))}."
        )
        return replace(report, results={**report.results, f"{self.name}-norm": entry}, notes=[*report.notes, note])


@lru_cache(maxsize=256)
def _longer_side(image: str) -> int:
    height, width = load_image(image).pixels.shape[:2]
    return max(int(height), int(width))


def _norm_correlations(runs: Sequence[Finished]) -> dict[str, float]:
    """By image: of the runs of the published start that differ in c alone, where there are several."""
    groups: dict[str, dict[float, list[Finished]]] = {}
    first = min((run.config.seed for run in runs), default=0)
    for run in runs:
        if (run.config.activation, run.config.init, run.config.seed) == ("bw-relu", "pytorch", first):
            groups.setdefault(run.summary["source"], {}).setdefault(run.config.lr, []).append(run)
    found = {}
    for source, by_rate in groups.items():
        pairs = [
            [(run.summary["variation_norm"], run.summary["psnr"]) for run in group]
            for group in by_rate.values()
            if len(group) > 1
        ]
        if pairs:
            found[source] = statistics.fmean(rank_correlation(group) for group in pairs)
    return found


def _is_of(run: Finished, method: Method) -> bool:
    return (run.config.activation, run.config.init) == (method.activation, method.init)


def _points(runs: Sequence[Finished]) -> list[Point]:
    by_setting: dict[str, list[Finished]] = {}
    for run in runs:
        numbers = {**run.config.options, **run.config.init_options, "lr": run.config.lr}
        by_setting.setdefault(", ".join(f"{name} = {value:g}" for name, value in numbers.items()), []).append(run)
    points = []
    for setting, found in by_setting.items():
        first, *others = sorted(found, key=lambda run: run.config.seed)
        grid, off_grid, excess = (first.summary[name] or 0.0 for name in ("grid_psnr", "off_grid_psnr", "off_grid_excess"))
        means = [statistics.fmean(run.summary[name] for run in others) for name in ("grid_psnr", "off_grid_psnr") if others]
        confirmed = (means[0], means[1]) if others else None
        points.append(Point(setting, grid, off_grid, len(found), excess, _predicted(first), confirmed))
    return points


def _grids(run: Finished) -> dict[str, list[Point]]:
    """Grids on a run's problem, with as many numbers as its network has."""
    config = run.config
    task = build_task(config.task, config.source, config.coords, config.task_options)
    assert isinstance(task, ImageTask) and task.off_grid is not None
    found: dict[str, list[Point]] = {}
    for name, values in GRIDS.items():
        baseline = BASELINES[name]
        assert baseline.setting is not None
        for value in values:
            estimate = baseline.solve(task, value, parameters=run.summary["parameters"])
            assert estimate.function is not None
            off_grid = task.off_grid_psnr(estimate.function(task.off_grid.coordinates)) or 0.0
            excess = task.excess_between(estimate.function) or 0.0
            grid = task.metrics(estimate.values)["grid_psnr"] or 0.0
            found.setdefault(name, []).append(Point(f"{baseline.setting.name} = {value:g}", grid, off_grid, 0, excess))
    return found


def _grid_method(name: str) -> Method:
    return Method(name, "pytorch", (), (), (), *GRID_STYLES[name])


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


def _over_images(tables: Tables, methods: dict[str, Method], enough: float) -> list[list[str]]:
    """Rows with each method's means over all images of its best between the pixels, and how many settings are level there."""
    rows = []
    for name, method in methods.items():
        best = [best_between(table.get(name, ()), enough) for table in tables.values()]
        known = [point for point in best if point is not None]
        if not known:
            continue
        level = [sum(p.off_grid >= b.off_grid - LEVEL for p in table[name]) for table, b in zip(tables.values(), best) if b]
        mean = _pair(*(statistics.fmean(values) for values in zip(*(point.confirmed for point in known))))
        of = f"mean over {len(known)} images" + f", {len(best) - len(known)} without any" * (len(known) < len(best))
        rows.append([of, method.label, "", "", mean, "", "", f"{statistics.fmean(level):.1f}", ""])
    return rows


def _comparisons(tables: Tables, methods: dict[str, Method], enough: float) -> tuple[str, ...]:
    """Of each BW-ReLU start, paired differences over images to every other network, between the pixels."""
    best = {
        name: {source: [p.confirmed[1]] for source, table in tables.items() if (p := best_between(table.get(name, ()), enough))}
        for name in methods
    }
    ours = [name for name, method in methods.items() if method.activation == "bw-relu"]
    others = [name for name in methods if name not in ours]
    sentences = []
    for name, other in itertools.product(ours, others):
        found = paired_difference(best[name], best[other], len(ours) * len(others))
        if found.images > 1:
            ends = f" [{found.lower:+.2f}, {found.upper:+.2f}]" if math.isfinite(found.lower) else ""
            ahead = f"ahead on {found.wins} of {found.images} images"
            sentences.append(f"{methods[name].label} minus {methods[other].label}, dB: {found.typical:+.2f}{ends}, {ahead}.")
    if sentences:
        sentences.insert(0, COMPARED)
    return tuple(sentences)


def _shown(point: Point | None) -> str:
    return "–" if point is None else _pair(point.grid, point.off_grid)


def _pair(grid: float, off_grid: float) -> str:
    return f"{grid:.1f} / {off_grid:.1f}"
