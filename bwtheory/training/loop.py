"""The training loop, from top to bottom: evaluate, call back, step.

``train_together`` in ``session`` says what surrounds it: folders, checkpoints, results.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from bwtheory.nn import INR, variation_norm
from bwtheory.nn.calibration import products_of_run
from bwtheory.nn.workers import one_thread
from bwtheory.tasks.operators import LinearOperator
from bwtheory.training.config import TrainingConfig
from bwtheory.training.gauss_newton import GaussNewton
from bwtheory.training.gradient import ChunkedNetworks


@dataclass(frozen=True)
class Measured:
    """What a callback is told before a step: the epoch, the loss, the values (N, C) on the coordinates, the network."""

    epoch: int
    loss: float
    values: Tensor
    network: nn.Module


Callback = Callable[[Measured], bool | None]  # true: no further step


@dataclass(eq=False)
class Descent:
    """One network on its way: ``epoch`` steps taken, the last ``loss`` that was read, and whether it is to go on."""

    config: TrainingConfig
    network: nn.Module
    optimizer: torch.optim.Optimizer
    callbacks: list[Callback] = field(default_factory=list)
    epoch: int = 0
    loss: float = math.nan
    stopped: bool = False

    @property
    def diverged(self) -> bool:
        """Whether a loss was read that is not finite; before the first one is read, no."""
        return self.stopped and not math.isfinite(self.loss)

    def measure(self, loss: float, values: Tensor) -> None:
        """Read the loss and ask the callbacks in turn, up to the first that stops."""
        self.loss = loss
        told = Measured(self.epoch, loss, values, self.network)
        self.stopped = not math.isfinite(loss) or any(callback(told) for callback in self.callbacks)


class Stepper(Protocol):
    """A way to go down for several networks of one shape, up to ``last_epoch``."""

    last_epoch: int

    def evaluate(self, is_read: bool) -> tuple[Tensor, Tensor]:
        """At the present weights: losses (k,) and values (k, N, C); they may be missing if nobody reads them."""

    def step(self, descent: Descent, interrupted: Sequence[object]) -> int:
        """Change the weights of one network; the epochs that this counts for, 0 if there is no step."""


class FirstOrder:
    """Steps of each network's optimizer along the gradient of the mean squared error and the penalties."""

    def __init__(
        self, config: TrainingConfig, networks: Sequence[nn.Module], x: Tensor, y: Tensor, operator: LinearOperator | None
    ):
        self.last_epoch, self._problem = config.first_order_epochs, (x, y, operator)
        products, _ = products_of_run(config.engine)
        self._networks = ChunkedNetworks(networks, config.chunk_size, bool(config.compile), products=products)

    def evaluate(self, is_read: bool) -> tuple[Tensor, Tensor]:
        return self._networks.least_squares(*self._problem)

    def step(self, descent: Descent, interrupted: Sequence[object]) -> int:
        _step(descent, descent.epoch)
        return 1


class Minibatches:
    """Passes over the measurements of one network in random batches, each of which is a step of the optimizer.

    The order of a pass follows from the seed and the epoch.  A pass that is interrupted is undone, and begun again later.
    """

    def __init__(self, config: TrainingConfig, network: nn.Module, x: Tensor, y: Tensor):
        self.last_epoch, self._config, self._x, self._y = config.epochs, config, x, y
        products, _ = products_of_run(config.engine)
        self._networks = ChunkedNetworks([network], config.chunk_size, bool(config.compile), products=products)

    def evaluate(self, is_read: bool) -> tuple[Tensor, Tensor]:
        if not is_read:
            return self._y.new_empty(0), self._y.new_empty(0)
        values = self._networks.values(self._x)
        return (values - self._y).square().mean((1, 2)), values

    def step(self, descent: Descent, interrupted: Sequence[object]) -> int:
        before = copy.deepcopy((descent.network.state_dict(), descent.optimizer.state_dict()))
        batches = list(minibatches(self._config, len(self._x), descent.epoch))
        for number, batch in enumerate(batches):
            if interrupted:
                descent.network.load_state_dict(before[0])
                descent.optimizer.load_state_dict(before[1])
                return 0
            place = batch.to(self._x.device)
            self._networks.least_squares(self._x[place], self._y[place])
            _step(descent, descent.epoch + number / len(batches))
        return 1


def minibatches(config: TrainingConfig, measurements: int, epoch: int) -> Iterator[Tensor]:
    """Indices of the batches of a pass: all measurements once; sizes differ by at most one, the larger ones first."""
    mixed = np.random.SeedSequence((config.seed % 2**64, epoch)).generate_state(1, np.uint64)[0]
    order = torch.randperm(measurements, generator=torch.Generator().manual_seed(int(mixed)))
    return iter(order.tensor_split(config.batches(measurements)))


def _step(descent: Descent, epoch: float) -> None:
    """The optimizer's, with the penalties' gradients and the learning rate of this time."""
    config = descent.config
    with one_thread():
        if config.weight_decay or config.norm_penalty:
            _penalty(descent.network, config).backward()
        for group in descent.optimizer.param_groups:
            group["lr"] = config.learning_rate(epoch) * group["lr_multiple"]
        descent.optimizer.step()


class SecondOrder:
    """Gauss–Newton steps of one network; an iteration of conjugate gradients counts for an epoch."""

    def __init__(self, config: TrainingConfig, network: INR, x: Tensor, y: Tensor, operator: LinearOperator | None):
        self.last_epoch = config.epochs
        products, _ = products_of_run(config.engine)
        self._solver = GaussNewton(network, x, y, operator, config.chunk_size, products)

    def evaluate(self, is_read: bool) -> tuple[Tensor, Tensor]:
        return self._solver.linearize()

    def step(self, descent: Descent, interrupted: Sequence[object]) -> int:
        iterations = min(descent.config.gauss_newton_iterations, self.last_epoch - descent.epoch)
        step = self._solver.solve(iterations, interrupted)
        if step is None:
            return 0
        self._solver.move(step)
        return iterations


def descend(
    descents: Sequence[Descent], steppers: Sequence[Stepper], is_read: Callable[[int], bool], interrupted: Sequence[object]
) -> None:
    """Train to the last epoch, or until each is stopped, or something is in ``interrupted``.

    Those at the least epoch take a step; after resuming, others may be ahead.  ``is_read`` says at which epochs the losses are
    read and callbacks asked: a GPU has to wait for that.
    """
    for stepper in steppers:
        while not interrupted:
            training = [d for d in descents if not d.stopped and d.epoch < stepper.last_epoch]
            if not training:
                break
            epoch = min(descent.epoch for descent in training)
            awake = [descent for descent in training if descent.epoch == epoch]
            losses, values = stepper.evaluate(asked := is_read(epoch))
            if asked:
                read = losses.tolist()
                for descent in awake:
                    descent.measure(read[descent.config.place], values[descent.config.place])
            for descent in awake:
                if not descent.stopped:
                    taken = stepper.step(descent, interrupted)
                    descent.epoch += taken
                    descent.stopped = taken == 0 and not interrupted


def _penalty(network: nn.Module, config: TrainingConfig) -> Tensor:
    assert isinstance(network, INR)
    squares = torch.stack([linear.weight.abs().square().sum() for linear in network.linears]).sum()
    penalty = config.weight_decay * squares
    return penalty + config.norm_penalty * variation_norm(network) if config.norm_penalty else penalty
