"""What a comparison is: its data, its methods and their budgets; the networks that these mean."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

from bwtheory.comparison.tuning import Axis, Point, values
from bwtheory.files import read_json as read_strict_json
from bwtheory.files import write_text
from bwtheory.nn import resolve_activation
from bwtheory.tasks import TASKS, Task, build_task
from bwtheory.tasks.images import load_image
from bwtheory.tasks.sources import BUILT_IN
from bwtheory.training.config import TrainingConfig, with_preset
from bwtheory.training.size import count_parameters, refuse_what_does_not_fit, training_bytes

TUNING_SEED = 0
FIRST_SEED = 40
MOST = {"trials": 10_000, "seeds": 10_000, "hidden_layers": 10_000, "steps": 10**9, "side": 10**6}
LONGEST = 10_000_000  # seconds, 116 days


@dataclass(frozen=True)
class Protocol:
    """All that a comparison's numbers depend on.

    task, options : of ``TASKS``, an image task, and its options
    images, tuning_images : files or built-in names; settings are chosen on the second, results are about the first
    side : images are made smaller until the longer side has about so many pixels
    activations, baselines : the methods; differences are to the first activation
    parameters : sizes of networks, real numbers; settings are chosen at the first
    steps : of every network, for the comparison at equal steps; None for no such
    budget : seconds for every network, for the comparison at equal time; None for the time that the first activation takes for
        ``steps``
    trials : settings that are tried for each method
    """

    task: str
    images: tuple[str, ...]
    activations: tuple[str, ...]
    baselines: tuple[str, ...]
    tuning_images: tuple[str, ...] = ("rocket", "moon")
    options: dict[str, Any] = field(default_factory=dict)
    side: int | None = None
    parameters: tuple[int, ...] = (50_000,)
    hidden_layers: int = 3
    steps: int | None = 500
    budget: float | None = None
    trials: int = 20
    seeds: int = 5
    compile: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("images", "activations", "parameters", "tuning_images"):
            if not getattr(self, name):
                raise ValueError(f"A comparison needs at least one of {name}.")
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"A comparison needs {name} that differ; got {', '.join(map(str, getattr(self, name)))}.")
        for name, most in MOST.items():
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"A comparison needs {name} from 1 to {most:,}; got {value}.")
        if min(self.parameters) < 1:
            raise ValueError(f"A comparison needs parameters >= 1; got {min(self.parameters)}.")
        largest = max(self.parameters)
        refuse_what_does_not_fit(f"A network of {largest:,} parameters", training_bytes(largest, self.hidden_layers))
        if self.budget is not None and not 0 < self.budget <= LONGEST:
            raise ValueError(
                f"A comparison needs a budget of more than 0 and at most {LONGEST:,} seconds; got {self.budget:g}."
            )
        if self.steps is None and self.budget is None:
            raise ValueError("A comparison needs a number of steps or a budget.")
        for name in self.activations:
            resolve_activation(name)
            self.axes(name)
        for what, names in (
            ("activations", [name.rpartition(":")[2] for name in self.activations]),
            ("images", [Path(image).stem for image in self.images]),
            ("tuning images", [Path(image).stem for image in self.tuning_images]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"A comparison names its runs after its {what}, and two are called {twice!r}; rename one.")

    @property
    def seed_list(self) -> range:
        """Of the runs that are reported, another than that of the trials."""
        return range(FIRST_SEED, FIRST_SEED + self.seeds)

    @property
    def overlap(self) -> list[str]:
        """Images that are reported on and tuned on, whatever they are called."""
        tuned_on = {self._image(image).sha256 for image in self.tuning_images}
        return [image for image in self.images if self._image(image).sha256 in tuned_on]

    def _image(self, image: str) -> _ImageFacts:
        value_range = None if image in BUILT_IN else self.options.get("value_range")
        return _image(image, value_range and tuple(value_range))

    def task_options(self, image: str) -> dict[str, Any]:
        """Options of the task for an image: how much smaller it is made, and a seed of its own for all that is random.

        Without ``side`` images are as they are, and those that only serve for tuning as large as these, if they are larger.
        """
        options = dict(self.options)
        if image in BUILT_IN:
            options.pop("value_range", None)  # of the files
        reported = image in self.images
        side = self.side if self.side or reported else statistics.median(max(self._image(i).shape[:2]) for i in self.images)
        if side is not None:
            options["shrink"] = max(1, round(max(self._image(image).shape[:2]) / side))
        if self.task in ("denoise", "inpaint") or options.get("noise") or options.get("held_out"):
            place = self.images.index(image) if reported else len(self.images) + self.tuning_images.index(image)
            options["data_seed"] = options.get("data_seed", 0) + place
        return options

    def network(
        self, activation: str, chosen: dict[str, Any], image: str, parameters: int, seed: int, steps: int
    ) -> TrainingConfig:
        """The configuration of one run with ``chosen`` settings, its width such that it has about so many parameters."""
        cls = resolve_activation(activation)
        own = {name: value for name, value in chosen.items() if name in cls.tuned_options}
        training = {name: value for name, value in chosen.items() if name not in own}
        given: dict[str, Any] = {"task": self.task, "source": image, "activation": activation, "seed": seed, "epochs": steps}
        given |= {"hidden_layers": self.hidden_layers, "device": self.device, "compile": self.compile, **training}
        given |= {"log_details": True, "log_every": max(1, steps // 30)}
        channels = self._image(image).shape[2]
        width = _width(self.task, activation, self.hidden_layers, tuple(sorted(own.items())), channels, parameters)
        return with_preset({**given, "hidden_features": width}, cls.options_of_width(width) | own, self.task_options(image))

    def axes(self, activation: str) -> list[Axis]:
        """What is tuned of an activation: learning rate, its own scales, and whether it learns [0, 1] or [−1, 1]."""
        preset = with_preset({"task": self.task, "source": self.images[0], "activation": activation})
        cls = resolve_activation(activation)
        found = [Axis("lr", preset.lr)]
        for name in cls.tuned_options:
            parameter = signature(cls).parameters.get(name)
            start = preset.options.get(name, parameter.default if parameter else None)
            if not isinstance(start, int | float) or not start > 0:
                raise ValueError(f"{activation} tunes {name!r}, which needs a default > 0 to start from; it has {start!r}.")
            whole = parameter is not None and parameter.annotation in (int, "int")
            found.append(Axis(name, start, None if whole else 1.5, whole))
        symmetric = preset.symmetric_targets
        return [*found, Axis("symmetric_targets", symmetric, choices=(symmetric, not symmetric))]

    def settings(self, activation: str, point: Point) -> dict[str, Any]:
        """Names and values at a point of ``axes``."""
        axes = self.axes(activation)
        return dict(zip((axis.name for axis in axes), values(axes, point)))

    def build_task(self, image: str) -> Task:
        """The problem of an image."""
        return build_task(self.task, image, "stretch", self.task_options(image))

    def save(self, file: Path) -> None:
        """Write as JSON; ValueError if another protocol is there already."""
        now = json.loads(json.dumps(asdict(self)))
        if file.exists():
            then = read_json(file)
            for each in fields(self):
                if then.get(each.name) != now[each.name]:
                    raise ValueError(
                        f"{file.parent} holds a comparison with {each.name} = {then.get(each.name)!r}, "
                        f"not {now[each.name]!r}; choose another --out."
                    )
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, now)


def read_json(file: Path) -> Any:
    """ValueError, which names the file, if it is damaged."""
    try:
        return read_strict_json(file)
    except ValueError as error:
        raise ValueError(f"{str(error).rstrip('.')}; delete it to have it made again.") from None


def write_json(file: Path, value: Any) -> None:
    """Atomically."""
    write_text(file, json.dumps(value, indent=1) + "\n")


@dataclass(frozen=True)
class _ImageFacts:
    shape: tuple[int, ...]
    sha256: str


@lru_cache(maxsize=256)
def _image(image: str, value_range: tuple[float, float] | None) -> _ImageFacts:
    loaded = load_image(image, value_range=value_range)
    return _ImageFacts(loaded.pixels.shape, loaded.sha256)


@lru_cache(maxsize=4096)
def _width(task: str, activation: str, layers: int, own: tuple[tuple[str, Any], ...], channels: int, parameters: int) -> int:
    """The width of a network whose number of parameters is nearest."""

    @lru_cache
    def size(width: int) -> int:
        options = resolve_activation(activation).options_of_width(width) | dict(own)
        given = {"task": task, "source": "", "activation": activation, "hidden_layers": layers, "hidden_features": width}
        config = with_preset(given, options)
        shape = TASKS[task].in_features, channels, width, layers, config.linear_layers, config.skip
        return count_parameters(activation, config.options, *shape)

    low, high = 1, 2
    while size(high) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) < parameters else (low, middle)
    return min((low, high), key=lambda width: abs(size(width) - parameters))
