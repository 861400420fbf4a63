"""What a run is: everything needed to repeat it, completed by presets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from bwtheory.catalogue import TASKS
from bwtheory.options import engines_named
from bwtheory.processor import chunk_for
from bwtheory.starts import named_start
from bwtheory.training.presets import (
    DEFAULTS,
    FAITHFUL_ACTIVATION,
    FAITHFUL_SOURCE,
    FAITHFUL_TASK,
    OURS,
    PRESETS,
    RECOMMENDED,
    RECOMMENDED_TASK_OPTIONS,
    TASK_SETTINGS,
    Preset,
)

# Fields that say where and how a run is computed, not what: results differ by rounding only.
WHERE_IT_RUNS = ("device", "chunk", "compile", "together", "place", "engine", "settings_from")


@dataclass(frozen=True)
class TrainingConfig:
    """One run; an epoch is one step on all measurements.

    With ``batch`` an epoch is a pass: all measurements once, in a random order that follows from the seed and the epoch, in
    ``batches`` of at most so many; each batch is a step.  Every number of epochs counts passes then, that of the schedule too.

    The learning rate at epoch t is lr·decay^(t/T), T = ``decay_epochs`` or all epochs (Appendix D), constant after T; within a
    pass of B batches, step b has t = epoch + b/B.  What is
    minimized is the mean squared error of the measurements, plus ``weight_decay`` times the squared weights of the linear
    layers, as in (27), plus ``norm_penalty`` times the variation norm (53).

    From epoch ``gauss_newton_after`` on, an epoch is an iteration of conjugate gradients, ``gauss_newton_iterations`` of them a
    Gauss–Newton step; weights change, rows are logged, and stopping rules are asked, at the ends of these only.

    ``stop_rule`` says which iterate is kept: the last one, the first that fits the measurements as well as their noise allows
    (*discrepancy*), or the logged one with the least error on measurements that are held out (*held-out*).

    ``matmul_precision`` is torch's: products of float32 numbers, or of their roundings to TF32 (*high*) or bfloat16 (*medium*)
    on devices that are faster with these.

    ``init`` and ``init_options`` say how the weights start, and the step sizes that go with it: see ``bwtheory.starts``.
    """

    source: str  # of the data: an image, a sound, the name of a univariate target
    task: str = "signal"
    task_options: dict[str, Any] = field(default_factory=dict)
    coords: str = "stretch"
    activation: str = "bw-relu"
    options: dict[str, Any] = field(default_factory=dict)  # of the activation
    hidden_features: int = 300
    hidden_layers: int = 3
    linear_layers: bool = False
    skip: bool = False
    input_scale: float = 1.0
    symmetric_targets: bool = False
    init: str = "pytorch"
    init_options: dict[str, Any] = field(default_factory=dict)
    epochs: int = 1000
    lr: float = 1e-3
    decay: float = 0.1
    decay_epochs: int | None = None
    optimizer: str = "adam"
    beta1: float = 0.9  # Adam's mean of gradients forgets by this factor in a step, that of their squares by the next
    beta2: float = 0.999
    batch: int | None = None  # measurements in a step: all of them
    gauss_newton_after: int | None = None
    gauss_newton_iterations: int = 40
    weight_decay: float = 0.0
    norm_penalty: float = 0.0
    stop_at_loss: float = 0.0
    stop_rule: str = "last"
    seed: int = 40
    device: str = "cpu"
    chunk: int | None = None  # by width and device
    double: bool = False
    matmul_precision: str = "highest"
    compile: bool | None = None  # if it pays
    engine: str | None = None  # of matrix products on a CPU, bwtheory.nn.products: a long run takes the fastest
    together: int = 1  # runs in one batched network
    place: int = 0  # in that network
    log_every: int = 10
    log_details: bool = False
    log_stable_rank: bool = False
    condition_every: int = 0
    condition_sample: int = 2048
    settings_from: str = OURS

    def __post_init__(self) -> None:
        for each in fields(self):
            _check_type(each.name, str(each.type), getattr(self, each.name))
        for name, (smallest, largest) in _WHOLE.items():
            value = getattr(self, name)
            if value is not None and not smallest <= value <= largest:
                bound = f">= {smallest}" if value < smallest else f"<= {largest}"
                raise ValueError(f"Training needs {name} {bound}; got {value}.")
        for name in ("weight_decay", "norm_penalty", "stop_at_loss"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise ValueError(f"Training needs {name} >= 0; got {getattr(self, name)}.")
        if not (self.lr > 0 and math.isfinite(self.lr)):
            raise ValueError(f"The learning rate lr must be positive and finite; got {self.lr}.")
        if not (self.input_scale > 0 and math.isfinite(self.input_scale)):
            raise ValueError(f"Training needs a positive, finite input_scale; got {self.input_scale}.")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} of Adam lies in [0, 1), {name} = {getattr(self, name)} does not.")
        if self.optimizer == "sgd" and (self.beta1, self.beta2) != ADAM_BETAS:
            raise ValueError("beta1 and beta2 are Adam's, and the optimizer sgd has none; leave them out, or take adam.")
        if not 0 < self.decay <= 1:
            raise ValueError(f"The decay rate lies in (0, 1], decay = {self.decay} does not.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                words = [repr(choice) for choice in choices]
                raise ValueError(f"{name} is {', '.join(words[:-1])} or {words[-1]}; got {getattr(self, name)!r}.")
        if self.engine is not None:
            engines_named(self.engine)
        named_start(self.init, self.init_options)
        if self.task not in TASK_SETTINGS:
            raise ValueError(f"There is no task {self.task!r}; there are {', '.join(TASKS)}.")
        weights = (self.hidden_layers - 1) * self.hidden_features**2 * (2 if self.linear_layers else 1)
        if weights > MOST_WEIGHTS:
            raise ValueError(
                f"A network with hidden_layers = {self.hidden_layers} and hidden_features = {self.hidden_features} has about "
                f"{weights:.0e} weights; at most {MOST_WEIGHTS:.0e} are allowed."
            )
        if self.gauss_newton_after is not None:
            if self.gauss_newton_after >= self.epochs:
                raise ValueError(
                    f"Gauss-Newton steps from epoch {self.gauss_newton_after} on need more than {self.epochs} epochs."
                )
            if self.weight_decay or self.norm_penalty or self.together > 1:
                raise ValueError("Gauss-Newton steps are for one run at a time and for the squared error without a penalty.")
            if self.batch is not None:
                raise ValueError(
                    "Gauss-Newton steps are on all measurements at once; minibatches (batch) cannot be combined with them."
                )
        if self.place >= self.together:
            raise ValueError(
                f"place is less than together, the number of runs in a network; got {self.place} of {self.together}."
            )
        if self.batch is not None and self.together > 1:
            raise ValueError("Minibatches (batch) are for one run at a time, not for runs that are trained together.")
        if self.double and self.device == "mps":
            raise ValueError("MPS has no float64; leave out --double or take --device cpu.")

    @property
    def run_name(self) -> str:
        """Name of the run's folder: task, activation, seed."""
        return f"{self.task}-{self.activation.rpartition(':')[2]}-seed{self.seed}"

    @property
    def shared_settings(self) -> TrainingConfig:
        """What runs that are trained together have in common: all but seed, place, learning rate and c."""
        options = {name: value for name, value in self.options.items() if name != "c"}
        return replace(self, seed=0, place=0, lr=1.0, options=options)

    @property
    def first_order_epochs(self) -> int:
        """Epochs before Gauss–Newton steps begin; all of them without these."""
        return self.epochs if self.gauss_newton_after is None else self.gauss_newton_after

    def has_row(self, epoch: int) -> bool:
        """Whether the log has a row about this epoch, besides the last one."""
        if epoch >= self.first_order_epochs or epoch % self.log_every == 0:
            return True
        return self.condition_every > 0 and epoch % self.condition_every == 0

    @property
    def chunk_size(self) -> int:
        """``chunk``, or some 1.2 MB of a layer's features in float32, 1024 for width 300; 256 times that on a GPU."""
        return self.chunk or chunk_for(self.hidden_features) * (1 if self.device in ("cpu", "auto") else 256)

    def batches(self, measurements: int) -> int:
        """Steps in an epoch."""
        return 1 if self.batch is None else -(-measurements // self.batch)

    def learning_rate(self, epoch: float) -> float:
        """η(t) = lr·decay^min(t/T, 1)."""
        return self.lr * float(self.decay ** min(epoch / (self.decay_epochs or self.epochs), 1.0))

    @property
    def foreign_code(self) -> tuple[str, ...]:
        """What a run executes that is no part of this package: names as package.module:Class, without importing anything."""
        named = (self.activation, self.source if self.task == "physics" else "")
        return tuple(name for name in named if ":" in name)

    def extended(self, epochs: int) -> TrainingConfig:
        """The same run with more epochs.  The learning rate goes on as it was: constant after the first ``epochs`` of all.

        ValueError for fewer epochs than the run has.
        """
        if epochs < self.epochs:
            raise ValueError(
                f"This run has {self.epochs} epochs; --epochs is the new number of all of them, not less; got {epochs}."
            )
        if epochs == self.epochs:
            return self
        others = ", with other settings given"
        named = self.settings_from if self.settings_from.endswith(others) else self.settings_from + others
        return replace(self, epochs=epochs, decay_epochs=self.decay_epochs or self.epochs, settings_from=named)

    def difference(self, before: TrainingConfig) -> str | None:
        """The field, if any, in which a run that was started with ``before`` cannot go on with these settings."""
        if self == before or (self.epochs > before.epochs and self == before.extended(self.epochs)):
            return None
        now, then = self.to_json(), before.to_json()
        return next(name for name in sorted(now) if now[name] != then[name])

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> TrainingConfig:
        """From ``to_json``; ValueError names a field that is not known, missing, or has a value that makes no sense."""
        if not isinstance(row, dict):
            raise ValueError(f"A configuration is an object with named fields; got {_shown(row)}.")
        unknown = sorted(set(row) - {f.name for f in fields(cls)})
        if unknown or "source" not in row:
            raise ValueError(f"This configuration has an unknown field {unknown[0]!r}." if unknown else "It names no source.")
        return cls(**row)


ADAM_BETAS = 0.9, 0.999  # PyTorch's, and the paper's
MOST_WEIGHTS = 10**9  # 16 GB with Adam's moments, in float32
_MANY = 10**12
# Smallest and largest value of whole numbers; the largest are beyond what anybody waits for, and below what overflows.
_WHOLE = {
    "hidden_features": (1, 10**6),
    "hidden_layers": (1, 10**4),
    "epochs": (1, _MANY),
    "decay_epochs": (1, _MANY),
    "batch": (1, _MANY),
    "gauss_newton_after": (0, _MANY),
    "gauss_newton_iterations": (1, _MANY),
    "seed": (-(2**63), 2**63 - 1),
    "chunk": (1, _MANY),
    "together": (1, 10**4),
    "place": (0, 10**4 - 1),
    "log_every": (1, _MANY),
    "condition_every": (0, _MANY),
    "condition_sample": (1, _MANY),
}
_CHOICES = {
    "coords": ("stretch", "isotropic"),
    "optimizer": ("adam", "sgd", "muon"),
    "stop_rule": ("last", "discrepancy", "held-out"),
    "matmul_precision": ("highest", "high", "medium"),
    "device": ("auto", "cpu", "cuda", "mps"),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "dict[str, Any]": (dict,),
    "None": (type(None),),
}
_IN_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "None": "null"}


def _check_type(name: str, annotation: str, value: Any) -> None:
    """ValueError unless a value is of the type that a field is annotated with, as JSON has it: true is no number."""
    kinds = annotation.split(" | ")
    types = tuple(kind for word in kinds for kind in _TYPES[word])
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        words = " or ".join(_IN_WORDS.get(word, "an object of named values") for word in kinds)
        raise ValueError(f"{name} is {words}; got {_shown(value)}.")
    if "float" in kinds and isinstance(value, int) and abs(value) > 2**1023:
        raise ValueError(f"{name} is a number that a computer's floating point reaches; got a larger one.")
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"{name} is a text without null characters; got {_shown(value)}.")
    if isinstance(value, dict):
        for option, given in value.items():
            is_list = name == "task_options" and isinstance(given, list | tuple)  # of numbers, such as a value range
            for item in given if is_list else [given]:
                plain = isinstance(item, int | float) or (not is_list and isinstance(item, str | None))
                if not (isinstance(option, str) and plain) or (isinstance(item, float) and not math.isfinite(item)):
                    raise ValueError(f"{name} holds finite numbers, texts, true or false; got {_shown(given)} for {option!r}.")
                if isinstance(item, int) and abs(item) >= 2**63:
                    raise ValueError(f"{name} holds whole numbers below 2^63; got a larger one for {option!r}.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# What may be given without a word in ``settings_from``: which run it is and where it runs, not how it is trained.
_NO_SETTINGS = (
    "source",
    "task",
    "activation",
    "seed",
    "device",
    "chunk",
    "compile",
    "engine",
    "together",
    "place",
    "log_every",
    "log_details",
    "log_stable_rank",
    "condition_every",
)


def with_preset(
    given: dict[str, Any],
    options: dict[str, Any] | None = None,
    task_options: dict[str, Any] | None = None,
    faithful: bool = False,
    recommended: bool = False,
) -> TrainingConfig:
    """A configuration from what was given, completed by the preset of its task and activation.

    Parameters
    ----------
    given : fields of ``TrainingConfig``
    options, task_options : of the activation and of the task
    faithful : settings of the published code where it differs from the paper
    recommended : our settings where they are better than the paper's; a start that is given leaves only the paper's

    Raises
    ------
    ValueError
        What ``TrainingConfig`` refuses; ``faithful`` for a task that the published code does not have, or with ``recommended``.
    """
    task, activation = given.get("task", "signal"), given.get("activation", "bw-relu")
    options, asked = options or {}, task_options or {}
    task_options = asked
    if recommended and faithful:
        raise ValueError("Settings are the recommended ones or those of the published code (faithful); choose one of the two.")
    preset = PRESETS.get((task, activation)) or DEFAULTS.get(activation) or Preset({})
    better = RECOMMENDED.get((task, activation)) if recommended else None
    if better is not None and given.get("init", better.settings.get("init")) == better.settings.get("init"):
        preset = better
    settings = {**TASK_SETTINGS.get(task, {}), **preset.settings}
    if preset.lr_times_width is not None:
        settings["lr"] = preset.lr_times_width / given.get("hidden_features", settings["hidden_features"])
    task_options = {**(RECOMMENDED_TASK_OPTIONS.get(task, {}) if recommended else {}), **asked}
    source = preset.source
    if faithful:
        if task not in FAITHFUL_TASK:
            raise ValueError(f"The published code has no task {task!r}; --faithful is for {', '.join(FAITHFUL_TASK)}.")
        fields_as_published, task_as_published = FAITHFUL_TASK[task]
        settings |= fields_as_published | FAITHFUL_ACTIVATION.get((task, activation), {})
        task_options = {**task_as_published, **asked}
        source = f"{FAITHFUL_SOURCE} where it differs; {source}"
    settings |= {"options": preset.options, "task_options": task_options}
    plain = TrainingConfig(**{**settings, "source": given["source"]})
    settings |= {"options": {**preset.options, **options}, "settings_from": source}
    if given.get("gauss_newton_after") is not None:  # up to there the schedule is the preset's, however few epochs follow
        settings.setdefault("decay_epochs", settings.get("epochs"))
    config = TrainingConfig(**{**settings, **given})
    names = [f.name for f in fields(config) if f.name not in (*_NO_SETTINGS, "condition_sample", "settings_from")]
    if asked or any(getattr(config, name) != getattr(plain, name) for name in names):
        config = replace(config, settings_from=f"{source}, with other settings given")
    return config
