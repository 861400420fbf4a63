"""What a run will take, before it begins: operations and memory by arithmetic, time by a few steps on this machine."""

from __future__ import annotations

import inspect
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from bwtheory import units
from bwtheory.nn import INR
from bwtheory.nn.calibration import products_of_run
from bwtheory.nn.chunked import KEEP_BYTES
from bwtheory.nn.linear import real_map
from bwtheory.nn.workers import one_thread, threads_for
from bwtheory.tasks import TASKS, ImageTask, Task
from bwtheory.tasks.operators import Operator
from bwtheory.torch_settings import usual_settings
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gradient import ChunkedNetworks
from bwtheory.training.run import build_network, build_optimizer
from bwtheory.training.size import available_bytes

LONG = 600.0  # seconds, from which on a run is announced with what it will take
SLOWEST, SLOWEST_STEP = 2e9, 2e-3  # operations a second, and seconds of a step besides them: no machine of today is slower
MEASURING = 0.4  # seconds of steps, at least REPEATS of them
REPEATS = 3
SAMPLE = 32  # chunks for each thread that are measured
ITERATION = 4 / 3  # a conjugate-gradient iteration by a step: four products of a layer's size instead of three
PREVIEW = 4  # a preview has so many times shorter sides

# Numbers in memory at once, counted in the code and compared with measured peaks in tests/test_estimate.py.
SCORING = 5  # float64 arrays of the image's size while it is scored: values, truth, both stretched, their difference
WINDOWS = 10 * 262  # float64 numbers of a row while SSIM is computed, a strip of 262 rows with ten arrays
NETWORK = 4 + 12  # of each weight: itself, its gradient, two moments; four copies of a checkpoint of three of these
PASS = 5  # of each weight, for each way of evaluating: prepared, copied, transposed, and a thread's total and room
WAYS = 2  # of evaluating that are there at once: that of training, and that of looking at the result


@dataclass(frozen=True)
class Estimate:
    """What a run takes.

    seconds : of all its epochs on this machine, as it is now
    bytes : of memory, beyond what the process has before the run
    """

    seconds: float
    bytes: float


def operations(config: TrainingConfig, network: INR, coordinates: int) -> float:
    """Additions and multiplications in the matrix products of a whole run; of a run on minibatches too.

    A step has three products for each layer: values, gradients of weights, and gradients of inputs, which the first layer does
    without.  An iteration of conjugate gradients has four, and three in the first layer.
    """
    sizes = [real_map(linear)[0].numel() for linear, _ in network.layers()]
    skip = 0 if network.skip is None else network.skip.weight.numel()
    step = 2.0 * coordinates * (3 * sum(sizes) - sizes[0] + 2 * skip)
    iteration = 2.0 * coordinates * (4 * sum(sizes) - sizes[0] + 2 * skip)
    first = config.first_order_epochs
    return step * first + iteration * (config.epochs - first)


def memory(config: TrainingConfig, task: Task, network: nn.Module) -> float:
    """Bytes that training takes beyond what the process has when the task is built.

    These are the data in the network's precision, the image's copies while it is scored, what the layers hold of a chunk for
    each thread, the weights with all that belongs to them, and of an operator its copy and the features that wait for its
    adjoint.
    """
    size, count, channels = 8 if config.double else 4, len(task.coordinates), task.channels
    parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    data: float = count * size * (task.coordinates.shape[1] + 2 * channels)
    points = len(task.grid)
    data += 8 * SCORING * points * channels
    if isinstance(task, ImageTask):
        data += 8 * WINDOWS * task.shape[1]
    if not task.compared_where_trained:
        data += points * size * (task.coordinates.shape[1] + channels)
    if config.batch is not None:
        data += 8 * count + min(config.batch, count) * size * (task.coordinates.shape[1] + 2 * channels)
    rows = min(config.chunk_size, count, config.batch or count)
    threads = threads_for(-(-min(count, config.batch or count) // config.chunk_size), task.coordinates)
    features = config.together * _features(network) * size
    weights = config.together * parameters * (NETWORK * size + WAYS * PASS * size * (1 if threads == 1 else 1.4))
    held = WAYS * threads * rows * features
    if task.operator is not None:
        data += _bytes_of(task.operator) * size / 8
        data += count * features if count * features <= KEEP_BYTES else 0
    if config.gauss_newton_after is not None:  # inputs and slopes of all layers
        data += count * features if count * features <= KEEP_BYTES else 0
    return float(data + weights + held)


@usual_settings()
def measured_seconds(config: TrainingConfig, task: Task, network: INR) -> float:
    """Seconds that a run would take, from steps of its network on a part of its coordinates, which are measured now.

    With an operator a step needs all coordinates: if they are more than that part, the operator is measured by itself, on
    all of them.  The score of a row is measured once.  What comes after the last epoch is left out.
    """
    device, dtype = torch.device(config.device), torch.float64 if config.double else torch.float32
    count = len(task.coordinates)
    batch = min(config.batch or count, count)
    threads = threads_for(-(-batch // config.chunk_size), task.coordinates)
    part = min(batch, SAMPLE * threads * config.chunk_size)
    x = task.coordinates[:part].to(device, dtype)
    networks = [build_network(replace(config, seed=n), task.channels).to(device) for n in range(config.together)]
    products, _ = products_of_run(config.engine)
    chunked = ChunkedNetworks(networks, config.chunk_size, products=products)
    optimizers = [build_optimizer(config, network) for network in networks]
    operator = task.operator and task.operator.to(device, dtype)
    at_once = operator if part == count else None
    y = torch.zeros(part if at_once is None else len(task.measurements), task.channels, device=device, dtype=dtype)

    def pass_of_part() -> None:
        losses, _ = chunked.least_squares(x, y, at_once)
        losses.tolist()  # waits for a GPU

    def update() -> None:
        with one_thread():
            for optimizer in optimizers:
                optimizer.step()

    on_part = _median_seconds(pass_of_part)
    whole = on_part * count / part
    steps = config.batches(count)
    epoch = whole + steps * _median_seconds(update)
    if operator is not None and at_once is None:
        epoch += _seconds_of_operator(operator, task, whole, len(networks), _features(network))
    total = config.first_order_epochs * epoch
    total += (config.epochs - config.first_order_epochs) * ITERATION * epoch
    return total + _rows(config) * (_seconds_of_row(task) + _other_points(config, task) / count * whole / 3)


def may_be_long(config: TrainingConfig, task: Task, network: INR, runs: int = 1) -> bool:
    """Whether some machine takes more than ``LONG`` seconds for as many such runs: by arithmetic, nothing is measured."""
    count = len(task.coordinates)
    steps = config.epochs * config.batches(count)
    seconds = config.together * operations(config, network, count) / SLOWEST + steps * SLOWEST_STEP
    return runs * seconds >= LONG


def estimate(config: TrainingConfig, task: Task, network: INR) -> Estimate | None:
    """What a run will take; None, without measuring, for one that takes less than ``LONG`` seconds on any machine."""
    if not may_be_long(config, task, network):
        return None
    return Estimate(measured_seconds(config, task, network), memory(config, task, network))


def announcement(config: TrainingConfig, task: Task, network: INR, runs: int = 1, hint: str = "") -> str | None:
    """A sentence about runs that will take more than ``LONG`` seconds or more memory than is free; None for others.

    Parameters
    ----------
    runs : of the same configuration, one after the other; those trained together are one
    hint : how an image is asked for with a quarter of the sides, if it can be
    """
    found = estimate(config, task, network)
    if found is None or (runs * found.seconds < LONG and found.bytes < available_bytes()):
        return None
    free = "" if found.bytes < available_bytes() else f", of which {units.size(available_bytes())} are free"
    total = resident_bytes() + found.bytes
    what = f"This takes about {units.duration(runs * found.seconds)} and {units.size(total)} of memory{free}"
    if not hint:
        return f"{what}."
    return f"{what}; {hint} does a quarter of the sides in about {units.duration(runs * found.seconds / PREVIEW**2)}."


def can_be_previewed(config: TrainingConfig) -> bool:
    """Whether the task has an image that can be made smaller."""
    problem = TASKS.get(config.task)
    if problem is None:
        return False
    own = bool(problem.own and config.task_options.get(problem.own[0]))
    build = problem.own[1] if own and problem.own else problem.build
    return "shrink" in inspect.signature(build).parameters


def preview(config: TrainingConfig) -> TrainingConfig:
    """The same run on an image with a quarter of the sides; ValueError for a task without an image that can be made smaller."""
    if not can_be_previewed(config):
        raise ValueError("A preview is of an image that is made smaller; this task has none. Leave out --preview.")
    return replace(config, task_options=config.task_options | {"shrink": PREVIEW * config.task_options.get("shrink", 1)})


def resident_bytes() -> int:
    """Memory that this process has now; 0 where the system does not say it."""
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


def _features(network: nn.Module) -> int:
    """Numbers of one coordinate that a pass holds: each layer's result, again after its activation, and two gradients."""
    if not isinstance(network, INR):
        widths = [part.out_features for part in network.modules() if isinstance(part, nn.Linear)]
        return 2 * sum(widths)
    widths = [len(real_map(linear)[0]) for linear, _ in network.layers()]
    return 2 * sum(widths) + 2 * max(widths)


def _median_seconds(call: Callable[[], None]) -> float:
    """The median seconds of a call, after a first one that prepares everything."""
    call()
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < MEASURING:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def _seconds_of_operator(operator: Operator, task: Task, whole: float, networks: int, features: int) -> float:
    """Of an operator and its adjoint, and of a second evaluation where the features are too many to be kept."""
    count, channels = len(task.coordinates), task.channels * networks
    values = torch.zeros(count, channels, device=operator.device, dtype=operator.dtype)
    before = time.perf_counter()
    measured = operator(values)
    float(operator.pull(values, measured).sum())
    seconds = time.perf_counter() - before
    kept = count * features * values.element_size() * networks <= KEEP_BYTES
    return seconds + (0 if kept else whole / 3)


def _rows(config: TrainingConfig) -> int:
    steps = (config.epochs - config.first_order_epochs) / config.gauss_newton_iterations
    return round(config.first_order_epochs / config.log_every + steps)


def _other_points(config: TrainingConfig, task: Task) -> int:
    """Coordinates at which a row of the log evaluates the network, besides those it is trained on."""
    points = 0 if task.compared_where_trained else len(task.grid)
    points += len(task.coordinates) if config.batch is not None else 0
    if isinstance(task, ImageTask) and task.off_grid is not None:
        points += len(task.off_grid.coordinates)
    return points


def _seconds_of_row(task: Task) -> float:
    if not len(task.truth):
        return 0.0
    before = time.perf_counter()
    task.score(task.truth.float() + 0.1)
    return time.perf_counter() - before


def _bytes_of(part: object, depth: int = 3) -> int:
    """Of the tensors that an object holds, and those that its own objects hold."""
    if isinstance(part, Tensor):
        if part.layout is torch.sparse_csr:
            return sum(t.numel() * t.element_size() for t in (part.values(), part.col_indices(), part.crow_indices()))
        return part.numel() * part.element_size()
    return sum(_bytes_of(own, depth - 1) for own in vars(part).values()) if depth and hasattr(part, "__dict__") else 0
