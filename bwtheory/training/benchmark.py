"""What a training step costs relative to its bare matrix products, all measured side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bwtheory.nn import INR, BWReLU, psi_seven_relus
from bwtheory.nn.activations import Activation
from bwtheory.nn.network import real_map
from bwtheory.tasks.operators import BlockAverage, LinearOperator
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gauss_newton import GaussNewton
from bwtheory.training.gradient import ChunkedNetworks, keep_freed_memory
from bwtheory.training.run import build_optimizer
from bwtheory.training.size import refuse_what_does_not_fit, training_bytes
from bwtheory.training.workers import one_thread

SIDE_OF_BLOCKS = 4
LONGEST = 86_400  # seconds


class SevenReLUs(BWReLU):
    """BW-ReLU as its definition writes it, one ReLU after the other."""

    def forward(self, z: Tensor) -> Tensor:
        return psi_seven_relus(self.c * z)


@dataclass
class Measured:
    """Times of one way to do a step.

    name : of the way
    products : matrix products that it has to do, as a multiple of the bare ones that it is compared with
    ratios : time of a step by the time of the bare products in the same round
    seconds : of a step, in each round
    first : seconds of the first step, which includes compiling
    without : name of the way that does the same without a compiler
    """

    name: str
    products: float
    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    first: float = 0.0
    without: str | None = None

    @property
    def ratio(self) -> float:
        """Median of the ratios."""
        return statistics.median(self.ratios)


@dataclass(frozen=True)
class Problem:
    """A network of ``width`` and ``depth`` hidden layers on side² coordinates."""

    side: int = 256
    width: int = 300
    depth: int = 3
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.side < SIDE_OF_BLOCKS or self.side % SIDE_OF_BLOCKS or self.width < 1 or self.depth < 2:
            raise ValueError(f"A benchmark needs width >= 1, depth >= 2 and a side that {SIDE_OF_BLOCKS} divides; got {self}.")
        matrices = 3 * 4 * self.side**2 * self.width  # of the bare products
        weights = training_bytes((self.depth - 1) * self.width**2, self.depth)
        refuse_what_does_not_fit(f"A step of {self}", matrices + weights)

    @property
    def operations(self) -> float:
        """Of the bare products: forward, with respect to the inputs, with respect to the weights, for each inner layer."""
        return 3 * (self.depth - 1) * 2.0 * self.side**2 * self.width**2

    def bare_products(self) -> Callable[[], None]:
        """The products of (side², width) matrices that a step cannot do without, into memory that is there."""
        a, b, weights = (torch.rand(n, self.width, device=self.device) for n in (self.side**2, self.side**2, self.width))
        tall, square = torch.empty_like(a), torch.empty_like(weights)

        def products() -> None:
            for _ in range(self.depth - 1):
                torch.mm(a, weights, out=tall)
                torch.mm(b, weights, out=tall)
                torch.mm(b.t(), a, out=square)

        return products

    def step(
        self,
        activation: str | type[Activation],
        chunk: int | None,
        compiled: bool = False,
        blocks: bool = False,
        explicit: bool | None = None,
    ) -> Callable[[], None]:
        """One Adam step of the training loop; of super-resolution for ``blocks``, by autograd if not ``explicit``."""
        torch.manual_seed(0)
        network = INR(2, 1, self.width, self.depth, activation).to(self.device)
        points, config = self.side**2, TrainingConfig("", hidden_features=self.width, device=self.device)
        operator: LinearOperator | None = None
        if blocks:
            operator = BlockAverage((self.side, self.side), SIDE_OF_BLOCKS).to(self.device, torch.float32)
        x = torch.rand(points, 2, device=self.device) * 2 - 1
        y = torch.rand(operator.measurements if operator else points, 1, device=self.device)
        chunked = ChunkedNetworks([network], min(chunk or config.chunk_size, points), compiled, explicit)
        optimizer = build_optimizer(config, network)

        def step() -> None:
            chunked.start()
            chunked.least_squares(x, y, operator)
            with one_thread():
                optimizer.step()

        return step

    def conjugate_gradient_iteration(self, activation: str) -> Callable[[], None]:
        """What an iteration within a Gauss–Newton step costs: the Jacobian times a vector, and its transpose."""
        torch.manual_seed(0)
        network = INR(2, 1, self.width, self.depth, activation).to(self.device)
        x = torch.rand(self.side**2, 2, device=self.device) * 2 - 1
        chunk = TrainingConfig("", hidden_features=self.width, device=self.device).chunk_size
        solver = GaussNewton(network, x, torch.rand(len(x), 1, device=self.device), None, min(chunk, len(x)))
        solver.linearize()
        vector = torch.rand(solver.size, device=self.device)

        def iteration() -> None:
            solver.curvature(vector)

        return iteration


def benchmark(problem: Problem, activations: Sequence[str], compilers: bool, seconds: float = 60.0) -> list[Measured]:
    """Every way to do a step, round after round, each round with the bare products; the first row is these.

    Parameters
    ----------
    problem : what a step is
    activations : names of ``bwtheory.nn.ACTIVATIONS``
    compilers : measure compiled steps too
    seconds : rounds go on for so long, at least three of them

    Raises
    ------
    ValueError
        For no activations, unknown ones, one named twice, or a time that is negative or longer than a day.
    """
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"A benchmark takes 0 to {LONGEST:,} seconds; got {seconds:g}.")
    if not activations or len(set(activations)) < len(activations):
        raise ValueError(f"A benchmark needs activations, each of them once; got {', '.join(activations) or 'none'}.")
    keep_freed_memory()
    all_points = problem.side**2
    rows = {"bare products": (Measured("bare products", 1.0), problem.bare_products())}

    def add(name: str, step: Callable[[], None], products: float = 1.0, without: str | None = None) -> None:
        rows[name] = Measured(name, products, without=without), step

    for name in activations:
        if name == "bw-relu":
            add("bw-relu, seven ReLUs, autograd, all at once", problem.step(SevenReLUs, all_points))
            add("bw-relu, seven ReLUs, autograd, in chunks", problem.step(SevenReLUs, None))
        if name in ("bw-relu", "relu"):
            add(f"{name}, autograd, all at once", problem.step(name, all_points, explicit=False))
            add(f"{name}, autograd, in chunks", problem.step(name, None, explicit=False))
        add(name, problem.step(name, None), _products(problem, name))
    if "bw-relu" in activations:
        add("bw-relu, super-resolution", problem.step("bw-relu", None, blocks=True))
        add("bw-relu, Gauss-Newton iteration", problem.conjugate_gradient_iteration("bw-relu"), 4 / 3)
    for name in activations if compilers else ():
        add(f"{name}, compiled", problem.step(name, None, True), _products(problem, name), name)
    for row, step in rows.values():
        row.first = _time(step, problem.device)
    started = time.monotonic()
    rounds = 0
    while rounds < 3 or time.monotonic() - started < seconds:
        for row, step in rows.values():
            row.seconds.append(_time(step, problem.device))
        for row, _ in rows.values():
            row.ratios.append(row.seconds[-1] / rows["bare products"][0].seconds[-1])
        rounds += 1
    return [row for row, _ in rows.values()]


def _products(problem: Problem, activation: str) -> float:
    """Operations of a network's inner layers by those of width² weights: complex weights have four real products."""
    second = INR(2, 1, problem.width, 2, activation).layers()[1]
    return real_map(second.linear)[0].numel() / problem.width**2


def _time(step: Callable[[], None], device: str) -> float:
    _wait(device)
    start = time.perf_counter()
    step()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
