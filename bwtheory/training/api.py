"""``bw.fit``: a function from data in a few lines of Python."""

from __future__ import annotations

import functools
import inspect
import signal
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from bwtheory.catalogue import GIVEN
from bwtheory.nn import ACTIVATIONS, INR, Elementwise, resolve_activation
from bwtheory.options import nearest, refuse_other_types
from bwtheory.signals import Interrupted
from bwtheory.tasks import TASKS, ImageTask, Task, absolute_options, absolute_source, build_task
from bwtheory.tasks.given import PointsTask, measured_image, points
from bwtheory.tasks.in_memory import as_array
from bwtheory.tasks.signal import signal_representation
from bwtheory.torch_settings import usual_settings
from bwtheory.training.config import WHERE_IT_RUNS, TrainingConfig, with_preset
from bwtheory.training.devices import settled
from bwtheory.training.estimate import PREVIEW, announcement
from bwtheory.training.fitted import Fit, load, sides_of
from bwtheory.training.loop import Measured
from bwtheory.training.run import RunDirectory, build_network
from bwtheory.training.session import Session, carry_out, require_trainable
from bwtheory.training.size import refuse_to_train

NOT_SETTINGS = ("source", "task", "task_options", "activation", "options", "epochs", "together", "place", "settings_from")
SETTINGS = tuple(field.name for field in fields(TrainingConfig) if field.name not in NOT_SETTINGS)


@dataclass(frozen=True)
class Step:
    """What a callback of ``bw.fit`` is told before a step.

    number : steps taken so far, or passes of minibatches
    loss : mean squared error of the measurements
    values : (N, C) at the coordinates that are trained on
    network : at this step; not to be changed
    row : what the history says about this step, with the PSNR of an image; None where it says nothing
    """

    number: int
    loss: float
    values: Tensor
    network: nn.Module
    row: dict[str, Any] | None


@usual_settings()
def fit(
    data: Any,
    activation: Any = None,
    y: Any = None,
    *,
    x: Any = None,
    operator: Any = None,
    shape: Sequence[int] | None = None,
    task: str = "signal",
    steps: int | None = None,
    preset: str = "recommended",
    lr: float | None = None,
    optimizer: str | None = None,
    seed: int | None = None,
    device: str | torch.device | None = None,
    target_psnr: float | None = None,
    run: str | Path | None = None,
    callbacks: Callable[[Step], Any] | Iterable[Callable[[Step], Any]] = (),
    progress: bool = True,
    **settings: Any,
) -> Fit:
    """Fit an implicit neural representation to an image, to values at points, or to what an operator has measured.

    ::

        bw.fit("photo.jpg", "bw-relu", steps=500)       # an image: a file, a built-in name, an array, Pillow's, a tensor
        bw.fit((x, y), "siren", omega_0=20)             # values y (N, C) at points x (N, d) in [−1, 1]
        bw.fit((x, y), gradients=dy)                    # values and their derivatives (N, C, d) there
        bw.fit(y, "bw-relu", operator=A, shape=(H, W))  # what A has measured of an image
        bw.fit(network, x, y, steps=500)                # a torch.nn.Module of your own; also fit(network, image)

    On a terminal or in a notebook it shows a progress bar.  Ctrl-C ends it early: the function as trained so far is returned,
    and its ``interrupted`` is true.

    Parameters
    ----------
    data : an image (H, W) or (H, W, 3): 0 is black and white is 1, or the largest number of an unsigned integer type; a torch
        tensor may have its channels first.  Or a pair (x, y); or measurements, with an operator; or a module from coordinates
        (N, d) to values (N, C), which is trained in place
    activation : bw-relu, relu, relu-pe, relu-rff, siren, wire, gauss, finer, another name that ``bwtheory.nn.INR`` takes, a
        class, an instance or a function ("bw-relu").  After a module, x or the image
    y : after a module and x, the values (N, C) or (N,); with an operator, its measurements
    x : after a module, the coordinates (N, d), by name
    operator : as ``bwtheory.tasks.adapters.as_operator`` takes it: a ``LinearOperator`` of this package or of SciPy, a matrix,
        an object with ``A`` and ``A_adjoint``; of the values at x, or of the pixels of an image, row by row
    shape : (H, W) of the image that the operator takes, where it does not say that
    task : what is fitted of an image file: signal (its pixels), superres, ct, denoise, inpaint, with the options of these
    steps : on all measurements, or with ``batch`` passes over them; without it, and for the other settings, the preset of the
        activation
    preset : recommended (ours, good between the pixels, where we have such settings), or paper
    lr : the first learning rate
    optimizer : adam, sgd, or muon (for the weights between hidden layers; the others by Adam)
    seed : of the weights (40); ``data_seed`` is that of noise that is added, and of what is held out
    device : auto, cpu, cuda or mps (auto); a module of your own stays where it is without it
    target_psnr : stop as soon as the fitted pixels are met with this PSNR, in dB
    run : a folder to keep everything in, from which the same call goes on after a crash; nothing is written without it
    callbacks : are called with a ``Step`` before each step; one that returns True or "stop" ends training
    progress : whether a bar is shown where there is a terminal or a notebook
    **settings : options of the activation (c, omega_0, sigma_0, …), options of the task (value_range, held_out, noise_std,
        gradients, …), and fields of ``TrainingConfig``: hidden_features, hidden_layers, batch, decay, weight_decay, stop_rule,
        log_every, chunk, double, gauss_newton_after, …

    Returns
    -------
    Fit : a function of coordinates (N, d); ``.image((H, W))``, ``.network``, ``.history``, ``.summary``, ``.save(folder)``

    Raises
    ------
    ValueError
        For data that make no sense or do not fit each other, unknown settings, or a folder that holds another run.
    TypeError
        If the data, the operator or a callback are of a type that cannot be meant.
    Diverged
        If the loss is not finite any more.

    Warns
    -----
    UserWarning
        About what was assumed of the data, and of a run that will take more than ten minutes, or more memory than is free.
    """
    if steps is not None and (not isinstance(steps, int | np.integer) or isinstance(steps, bool) or steps < 1):
        raise ValueError(f"steps is a whole number >= 1; got {steps!r}.")
    if isinstance(device, torch.device):
        device = str(device)
    if preset not in ("recommended", "paper"):
        raise ValueError(f"A preset is 'recommended' or 'paper'; got {preset!r}.")
    named = {"lr": lr, "optimizer": optimizer, "seed": seed}
    settings |= {name: value for name, value in named.items() if value is not None}
    network = data if isinstance(data, nn.Module) else None
    if network is not None:
        _refuse_network(network)
        data, activation = _data_after_network(activation, x, y), GIVEN
    elif x is not None or y is not None:
        raise TypeError("x and y follow a network; without one, points are a pair: bw.fit((x, y), activation).")
    source = _source(data, operator, shape, task)
    activation = "bw-relu" if activation is None else activation
    name = _name_of(activation)
    chosen = _Chosen.of(settings, source, activation if network is None else None)
    problem = source.build(chosen.fields.get("coords", "stretch"), chosen.task_options)
    for note in problem.notes:
        warnings.warn(note, stacklevel=3)
    if target_psnr is not None:
        chosen.fields["stop_at_loss"] = _loss_of(target_psnr, problem)
    config = source.config(problem, name, chosen, steps, preset == "recommended")
    if network is None:
        _refuse_coordinates(problem)
        if name != GIVEN:
            refuse_to_train(config)
        network = build_network(config, problem.channels, activation if name == GIVEN else None)
        size = network.count_parameters()
        config = settled(replace(config, device=device or "auto"), size, len(problem.coordinates))
    else:
        config = _of_network(config, network, problem, device)
    require_trainable(config, problem, network)
    folder = None if run is None else Path(run).expanduser()
    if isinstance(network, INR) and name != GIVEN:
        long = announcement(config, problem, network, hint=f"shrink={PREVIEW}" if "shrink" in source.option_names else "")
        if long is not None:
            warnings.warn(long, stacklevel=3)
    return _trained(config, problem, network, folder, _asked(callbacks), progress)


@dataclass(frozen=True)
class _Source:
    """How a task is made of the data: which options it takes by name, and which task's presets it has.

    task, source : what a file's configuration says; None for what is in memory
    typed : a function that is annotated with the options' types, where ``make`` does not look at them
    """

    make: Callable[..., Task]  # of coords and the options
    option_names: tuple[str, ...]
    like: str
    task: str = GIVEN
    source: str | None = None
    typed: Callable[..., Any] | None = None

    def build(self, coords: str, options: dict[str, Any]) -> Task:
        """The task; ValueError for what it refuses."""
        if self.typed is not None:
            refuse_other_types(self.typed, options)
        return self.make(coords, options)

    def config(self, problem: Task, activation: str, chosen: _Chosen, steps: int | None, recommended: bool) -> TrainingConfig:
        """The configuration that this is noted down in."""
        wanted = dict(chosen.fields) | ({} if steps is None else {"epochs": int(steps)})
        wanted |= {"source": self.source or problem.source, "task": self.like, "activation": activation}
        in_file = self.source is not None
        options = absolute_options(chosen.task_options) if in_file else {}
        config = replace(with_preset(wanted, chosen.options, options, recommended=recommended), task_options=options)
        if in_file:
            return config
        return replace(config, task=GIVEN, task_options={"dimensions": problem.coordinates.shape[1]})


@dataclass(frozen=True)
class _Chosen:
    """Settings by what they belong to: fields of ``TrainingConfig``, the task's options, the activation's."""

    fields: dict[str, Any]
    task_options: dict[str, Any]
    options: dict[str, Any]

    @classmethod
    def of(cls, settings: dict[str, Any], source: _Source, activation: Any) -> _Chosen:
        """Settings sorted by their names; ValueError for an unknown name, with the nearest known one."""
        found = cls({}, {}, {})
        names, takes_any = _option_names(activation)
        for name, given in settings.items():
            value = _plain(name, given)
            if name in SETTINGS:
                found.fields[name] = value
            elif name in source.option_names:
                found.task_options[name] = value
            elif name in names or takes_any:
                found.options[name] = value
            else:
                near = nearest(name, [*SETTINGS, *source.option_names, *names, "steps"])
                raise ValueError(
                    f"There is no setting {name!r}{near}; the options of this activation are: {', '.join(names) or 'none'}, "
                    f"those of this task: {', '.join(source.option_names) or 'none'}."
                )
        return found


def _plain(name: str, value: Any) -> Any:
    """A setting as a configuration holds it: NumPy's numbers as Python's, a path as a text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and name == "value_range":
        return value.tolist()
    return str(value) if isinstance(value, Path) else value


def _source(data: Any, operator: Any, shape: Sequence[int] | None, task: str) -> _Source:
    """What kind of data are fitted; TypeError for anything that is no data."""
    sides = None if shape is None else sides_of(shape)
    if sides is not None and len(sides) != 2:
        raise ValueError(f"The shape of an image is (H, W); got {sides}.")
    if task not in TASKS:
        raise ValueError(f"There is no task {task!r}{nearest(task, TASKS)}; there are {', '.join(TASKS)}.")
    if task != "signal" and not isinstance(data, str | Path):
        raise ValueError(f"The task {task!r} is made of a file or a built-in name; got {type(data).__name__}.")
    if isinstance(data, tuple | list) and len(data) == 2 and not isinstance(data[0], int | float | str):
        at, values = data
        names = _keywords(points, but="shape")
        return _Source(lambda coords, o: points(at, values, operator, shape=sides, **o), names, GIVEN, typed=points)
    if operator is not None:
        names = _keywords(measured_image)
        return _Source(
            lambda coords, o: measured_image(data, operator, sides, coords, **o), names, "physics", typed=measured_image
        )
    if sides is not None:
        raise ValueError("A shape belongs to an operator; an image has its own.")
    if isinstance(data, str | Path):
        path, own = absolute_source(task, str(data)), TASKS[task].own
        names = tuple(dict.fromkeys((*_keywords(TASKS[task].build), *(_keywords(own[1]) if own else ()))))
        return _Source(lambda coords, o: build_task(task, path, coords, absolute_options(o)), names, task, task, path)
    image, names = _image(data), _keywords(signal_representation)
    return _Source(lambda coords, o: signal_representation(image, coords, **o), names, "signal", typed=signal_representation)


def _image(data: Any) -> np.ndarray | Image.Image:
    """An array (H, W) or (H, W, C) as it is, a tensor with its channels last, an image of Pillow's."""
    if isinstance(data, Tensor):
        array = as_array(data, "The image")
        array = array[0] if array.ndim == 4 and len(array) == 1 else array
        if array.ndim == 3 and array.shape[0] in (1, 3):
            if array.shape[2] in (1, 3):
                raise ValueError(f"The channels of a tensor {tuple(data.shape)} may be first or last; give an array (H, W, C).")
            return array.transpose(1, 2, 0)
        return array
    if isinstance(data, np.ndarray | Image.Image):
        return data
    if hasattr(data, "__array__"):
        return as_array(data, "The image")
    raise TypeError(
        "What is fitted is an image (a file, a built-in name, an array, a tensor or Pillow's), a pair (x, y), measurements "
        f"with an operator, or a torch.nn.Module with its data; got {type(data).__name__}."
    )


def _data_after_network(second: Any, x: Any, y: Any) -> Any:
    """The pair (x, y) or the image that follows a network."""
    at = second if x is None else x
    if at is None:
        raise TypeError("A network is fitted to something: bw.fit(network, x, y) or bw.fit(network, image).")
    return at if y is None else (at, y)


def _keywords(function: Callable[..., Any], but: str = "") -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != but)


def _name_of(activation: Any) -> str:
    """What a configuration calls an activation: its name, or ``GIVEN`` for one of a program's."""
    if isinstance(activation, str):
        return activation
    return next((name for name, cls in ACTIVATIONS.items() if cls is activation), GIVEN)


def _option_names(activation: Any) -> tuple[list[str], bool]:
    """Options of an activation, and whether it may have others: nobody knows those of a function."""
    if activation is None:
        return [], False
    cls = resolve_activation(activation)
    if issubclass(cls, Elementwise):
        return [], True
    return list(inspect.signature(cls).parameters), False


def _loss_of(target_psnr: float, problem: Task) -> float:
    """The loss at which pixels are met with a PSNR."""
    if not isinstance(target_psnr, int | float | np.number) or isinstance(target_psnr, bool):
        raise ValueError(f"target_psnr is a number of decibels; got {target_psnr!r}.")
    if not (isinstance(problem, ImageTask) and problem.operator is None and problem.measurements is problem.truth):
        raise ValueError("A target_psnr is for the pixels of an image that is itself fitted, all of it; use stop_at_loss.")
    return 10 ** (-target_psnr / 10)


def _refuse_coordinates(problem: Task) -> None:
    """ValueError for coordinates that presets are not made for."""
    given = problem.given if isinstance(problem, PointsTask) else problem.coordinates
    furthest = float(given.abs().max())
    if furthest > 1 + 1e-6:
        raise ValueError(
            f"Coordinates are in [−1, 1], and x goes to {furthest:.4g}: scale each column, such as "
            "2 * (x - x.min(0)) / (x.max(0) - x.min(0)) - 1."
        )


def _refuse_network(network: nn.Module) -> None:
    """ValueError for a module that cannot be trained as it is."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    name = type(network).__name__
    if any(isinstance(p, nn.UninitializedParameter) for p in network.parameters()):
        raise ValueError(f"{name} has parameters whose shapes are not known yet; apply it to coordinates once before.")
    if not parameters:
        raise ValueError(f"{name} has no parameters to train.")
    if any(p.is_inference() for p in network.parameters()):
        raise ValueError(f"{name} was made in torch.inference_mode(), where nothing can be trained; make it outside.")
    kinds = {p.dtype for p in network.parameters()}
    if len(kinds) > 1 or not kinds <= {torch.float32, torch.float64}:
        raise ValueError(f"A network is trained in float32 or float64; {name} has {', '.join(sorted(map(str, kinds)))}.")
    places = {p.device for p in network.parameters()}
    if len(places) > 1 or next(iter(places)).type == "meta":
        raise ValueError(f"A network is on one device; {name} is on {', '.join(sorted(map(str, places)))}.")
    for part in network.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            raise ValueError(f"{name} has {type(part).__name__}: the value at a point would depend on the others in its chunk.")


def _of_network(config: TrainingConfig, network: nn.Module, problem: Task, device: str | None) -> TrainingConfig:
    """The settings that a given network decides: number type, device, chunk; ValueError unless it takes (N, d) to (N, C)."""
    like = next(network.parameters())
    widths = [part.out_features for part in network.modules() if isinstance(part, nn.Linear)]
    config = replace(
        config,
        device=device or like.device.type,
        double=like.dtype == torch.float64,
        compile=bool(config.compile),
        hidden_features=max(widths, default=config.hidden_features),
    )
    config = settled(config, 0, 0)
    x = problem.coordinates[:4].to(like.device, like.dtype)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            values = network(x)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            reason = " ".join(str(error).split())[:300].rstrip(".")
            raise ValueError(
                f"{type(network).__name__} does not take coordinates {tuple(x.shape)} in {x.dtype}: {reason}."
            ) from None
    if not isinstance(values, Tensor) or values.shape != (len(x), problem.channels) or values.dtype != like.dtype:
        got = f"{tuple(values.shape)} in {values.dtype}" if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(
            f"{type(network).__name__} is to give values {(len(x), problem.channels)} in {like.dtype} at coordinates "
            f"{tuple(x.shape)}; it gave {got}."
        )
    return config


def _asked(callbacks: Any) -> list[Callable[[Step], Any]]:
    asked = [callbacks] if callable(callbacks) else list(callbacks)
    for callback in asked:
        if not callable(callback):
            raise TypeError(f"A callback is a function of a Step; got {type(callback).__name__}.")
    return asked


def _trained(
    config: TrainingConfig,
    problem: Task,
    network: nn.Module,
    folder: Path | None,
    asked: list[Callable[[Step], Any]],
    progress: bool,
) -> Fit:
    """The session of one run, from where its folder is to its end."""
    run = None
    if folder is not None:
        run, config = _run_in(folder, config, problem)
        if run.is_finished(config):
            _refuse_other_data(run, problem)
            return load(folder, trust=True, network=network if config.activation == GIVEN else None)
    session = Session(config, problem, network, run)
    session.callbacks = [functools.partial(_ask, session, callback) for callback in asked]
    interrupted = carry_out([session], progress)
    for number in interrupted:
        if number != signal.SIGINT:
            raise Interrupted(number, saved=run is not None)
    if session.diverged is not None:
        raise session.diverged
    return Fit(network, config, session, run, bool(interrupted) and not session.is_finished)


def _ask(session: Session, callback: Callable[[Step], Any], measured: Measured) -> bool:
    row = session.log.row if session.log.row and session.log.row["epoch"] == measured.epoch else None
    answer = callback(Step(measured.epoch, measured.loss, measured.values, measured.network, row))
    if answer is None or isinstance(answer, bool | np.bool_):
        return bool(answer)
    if isinstance(answer, str) and answer == "stop":
        return True
    raise TypeError(f'A callback returns True or "stop" to end training, else None or False; got {answer!r}.')


def _run_in(folder: Path, config: TrainingConfig, problem: Task) -> tuple[RunDirectory, TrainingConfig]:
    """The run of a folder, new or to be gone on with; ValueError if it holds a run with other settings."""
    run = RunDirectory(folder)
    if not run.has_files:
        return RunDirectory.create(folder, config), config
    written = run.read_config()
    wanted = replace(config, **{name: getattr(written, name) for name in WHERE_IT_RUNS})
    if wanted.decay_epochs is None:
        wanted = replace(wanted, decay_epochs=written.decay_epochs)  # of a run that has had more steps before
    difference = replace(wanted, epochs=written.epochs).difference(written)
    if difference is not None or wanted.epochs < written.epochs:
        then, now = (getattr(each, difference or "epochs") for each in (written, wanted))
        name = difference or "steps"
        raise ValueError(f"{folder} holds a run with {name} = {then!r}, not {now!r}; choose another folder.")
    if wanted.epochs <= written.epochs:
        return run, written
    if run.is_finished(written):  # what cannot go on stays finished
        _refuse_other_data(run, problem)
    return run, run.extend(wanted.epochs)


def _refuse_other_data(run: RunDirectory, problem: Task) -> None:
    if run.read_summary().get("sha256", problem.sha256) != problem.sha256:
        raise ValueError(f"{run.path} holds a run on other data: the SHA-256 differs; choose another folder.")
