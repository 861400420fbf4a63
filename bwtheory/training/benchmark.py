"""What a training step costs relative to its bare matrix products by the fastest engine, all measured side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bwtheory.nn import INR, BWReLU, psi_seven_relus
from bwtheory.nn.activations import Activation
from bwtheory.nn.calibration import available, default_products, fastest_products
from bwtheory.nn.linear import real_map
from bwtheory.nn.products import Call, Products, products_named
from bwtheory.nn.workers import Workers, one_thread, threads_for
from bwtheory.tasks.operators import BlockAverage, LinearOperator
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gauss_newton import GaussNewton
from bwtheory.training.gradient import ChunkedNetworks, keep_freed_memory
from bwtheory.training.run import build_optimizer
from bwtheory.training.size import refuse_what_does_not_fit, training_bytes

SIDE_OF_BLOCKS = 4
LONGEST = 86_400  # seconds
ROUNDS, SLOW = 3, 5.0  # least number of rounds; what takes so many times the bare products is not in more of them
NOISE = 0.15  # more spread of the bare products says that others use the machine


class SevenReLUs(BWReLU):
    """BW-ReLU as its definition writes it, one ReLU after the other."""

    def forward(self, z: Tensor) -> Tensor:
        return psi_seven_relus(self.c * z)


@dataclass
class Measured:
    """Times of one way to do a step.

    name : of the way
    products : matrix products that it has to do, as a multiple of the bare ones that it is compared with
    ratios : time of a step by the time of the fastest bare products in the same round
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

    @property
    def chunk(self) -> int:
        """Coordinates that go through the network at once."""
        return min(TrainingConfig("", hidden_features=self.width, device=self.device).chunk_size, self.side**2)

    def products(self) -> Products:
        """What a step multiplies with here: by the calibration that training has."""
        if self.device != "cpu":
            return default_products()
        threads = 1 if self.chunk < self.side**2 else torch.get_num_threads()
        return fastest_products(self.chunk, self.width, threads)

    def bare_products(self) -> dict[str, Callable[[], None]]:
        """Ways to do the products of (side², width) matrices that a step cannot do without, into memory that is there.

        torch.mm on whole matrices; on a CPU also each engine, with all threads on whole matrices, and each thread on chunks of
        its own as a step has them.
        """
        a, b, tall = (torch.rand(1, self.side**2, self.width, device=self.device) for _ in range(3))
        weights = torch.rand(1, self.width, self.width, device=self.device)
        transposed, square = weights.transpose(1, 2).contiguous(), torch.zeros_like(weights)

        def products() -> None:
            for _ in range(self.depth - 1):
                torch.mm(a[0], weights[0], out=tall[0])
                torch.mm(b[0], weights[0], out=tall[0])
                torch.mm(b[0].t(), a[0], out=square[0])

        def by_engine(name: str, rows: int, threads: int) -> Callable[[], None]:
            engine, workers = products_named(name), Workers(products_named(name))
            calls: list[list[Call]] = []
            for thread in range(threads):
                total, room = torch.zeros_like(square), torch.empty_like(square)
                calls.append([])
                for start in range(thread * rows, self.side**2, threads * rows):
                    x, gradient, out = (tensor[:, start : start + rows] for tensor in (a, b, tall))
                    calls[-1] += [
                        engine.product(x, weights, transposed, out),
                        engine.product(gradient, transposed, weights, out),
                        engine.outer(total, gradient, x, room.view_as),
                    ]

            @torch.no_grad()
            def work(thread: int, _: range) -> None:
                for call in calls[thread]:
                    call()

            def products() -> None:
                for _ in range(self.depth - 1):
                    workers.share(work, threads, threads)

            return products

        ways = {"torch.mm": products}
        threads = threads_for(-(-(self.side**2) // self.chunk), a)
        for name in available() if self.device == "cpu" else ():
            ways[f"{name}, together"] = by_engine(name, self.side**2, 1)
            if threads > 1:
                ways[f"{name}, per thread"] = by_engine(name, self.chunk, threads)
        return ways

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
        points, config = self.side**2, TrainingConfig("", device=self.device)
        operator: LinearOperator | None = None
        if blocks:
            operator = BlockAverage((self.side, self.side), SIDE_OF_BLOCKS).to(self.device, torch.float32)
        x = torch.rand(points, 2, device=self.device) * 2 - 1
        y = torch.rand(operator.measurements if operator else points, 1, device=self.device)
        chunked = ChunkedNetworks([network], chunk or self.chunk, compiled, explicit, self.products())
        optimizer = build_optimizer(config, network)

        def step() -> None:
            chunked.least_squares(x, y, operator)
            with one_thread():
                optimizer.step()

        return step

    def conjugate_gradient_iteration(self, activation: str) -> Callable[[], None]:
        """What an iteration within a Gauss–Newton step costs: the Jacobian times a vector, and its transpose."""
        torch.manual_seed(0)
        network = INR(2, 1, self.width, self.depth, activation).to(self.device)
        x = torch.rand(self.side**2, 2, device=self.device) * 2 - 1
        y = torch.rand(len(x), 1, device=self.device)
        solver = GaussNewton(network, x, y, None, self.chunk, self.products())
        solver.linearize()
        vector = torch.rand(solver.size, device=self.device)

        def iteration() -> None:
            solver.curvature(vector)

        return iteration


@dataclass(frozen=True)
class Measurements:
    """What ``benchmark`` has measured, the fastest way to do the bare products, and all of them."""

    steps: list[Measured]
    fastest: Measured
    bare: list[Measured]

    @property
    def spread(self) -> float:
        """Of the fastest bare products' times from the first decile to the last, by their median: how noisy the machine is."""
        times = self.fastest.seconds
        first, *_, last = statistics.quantiles(times, n=10, method="inclusive")
        return (last - first) / statistics.median(times)


def benchmark(problem: Problem, activations: Sequence[str], compilers: bool, seconds: float = 60.0) -> Measurements:
    """Every way to do a step, round after round, each round with the bare products by every engine.

    Parameters
    ----------
    problem : what a step is
    activations : names of ``bwtheory.nn.ACTIVATIONS``
    compilers : measure compiled steps too
    seconds : rounds go on for so long, at least ``ROUNDS`` of them

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
    bare = {name: (Measured(name, 1.0), products) for name, products in problem.bare_products().items()}
    rows: dict[str, tuple[Measured, Callable[[], None]]] = {}

    def add(name: str, step: Callable[[], None], products: float = 1.0, without: str | None = None) -> None:
        rows[name] = Measured(name, products, without=without), step

    for name in activations:
        if name == "bw-relu":
            add("bw-relu, seven ReLUs, autograd, all at once", problem.step(SevenReLUs, all_points))
            add("bw-relu, seven ReLUs, autograd, in chunks", problem.step(SevenReLUs, None))
        if name in ("bw-relu", "relu"):
            add(f"{name}, in your own loop", problem.step(name, all_points, explicit=False))
            add(f"{name}, autograd, in chunks", problem.step(name, None, explicit=False))
        add(name, problem.step(name, None), _products(problem, name))
    if "bw-relu" in activations:
        add("bw-relu, super-resolution", problem.step("bw-relu", None, blocks=True))
        add("bw-relu, Gauss-Newton iteration", problem.conjugate_gradient_iteration("bw-relu"), 4 / 3)
    for name in activations if compilers else ():
        add(f"{name}, compiled", problem.step(name, None, True), _products(problem, name), name)
    everything = [*bare.values(), *rows.values()]
    for row, step in everything:
        row.first = _time(step, problem.device)
    started = time.monotonic()
    rounds, measured = 0, everything
    while rounds < ROUNDS or time.monotonic() - started < seconds:
        for row, step in measured:
            if row.first < SLOW * bare["torch.mm"][0].first:  # in training a step follows one of its kind: caches, memory
                _time(step, problem.device)
            row.seconds.append(_time(step, problem.device))
        rounds += 1
        if rounds == ROUNDS:
            unit = min(statistics.median(row.seconds) for row, _ in bare.values())
            measured = [(row, step) for row, step in everything if statistics.median(row.seconds) < SLOW * unit]
    fastest = min((row for row, _ in bare.values()), key=lambda row: statistics.median(row.seconds))
    for row, _ in everything:
        row.ratios = [took / unit for took, unit in zip(row.seconds, fastest.seconds)]
    return Measurements([row for row, _ in rows.values()], fastest, [row for row, _ in bare.values()])


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
