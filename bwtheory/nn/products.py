"""Matrix products on a CPU by the libraries that torch and NumPy bring: MKL, oneDNN and OpenBLAS.

torch sends products of float32 numbers to MKL, which is slow on processors of other makers than its own.  oneDNN is inside
torch too, and NumPy brings OpenBLAS, which reads and writes the memory of tensors.  Each engine has the two products that
training needs: features times weights, and the gradient of weights.  Results differ by rounding only.

What an engine does not take goes the way of torch: other numbers than float32 and float64, for oneDNN float64 as well, products
with a side of less than ``THIN``, tensors that are not on a CPU, and all of it while somebody records torch's functions.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bwtheory.nn.kernels import is_plain
from bwtheory.options import ENGINES as NAMES
from bwtheory.options import engines_named

BLOCK = 128  # rows of a product: MKL has a faster way for up to 160 of them
LONG = 512  # rows that MKL adds up at once in a gradient of weights: more are slower by a twentieth
THIN = 32  # a product with fewer columns is not worth another engine, nor blocks

Call = Callable[[], object]


class Engine(ABC):
    """A library's products.  Tensors have shapes (k, …, …): k products at once, of k networks."""

    name: ClassVar[str]
    dtypes: ClassVar[tuple[torch.dtype, ...]] = (torch.float32, torch.float64)

    @abstractmethod
    def library(self) -> str:
        """What multiplies, with its version."""

    @abstractmethod
    def why_not(self) -> str | None:
        """Why it is not available here, in words; None if it is."""

    @abstractmethod
    def product(self, x: Tensor, weights: Tensor, transposed: Tensor, out: Tensor) -> Call:
        """x (k, n, K) times weights (k, K, M) into ``out``, later; ``transposed`` is (k, M, K).  All are contiguous."""

    def add_product(
        self, total: Tensor, x: Tensor, weights: Tensor, transposed: Tensor, spare: Callable[[Tensor], Tensor]
    ) -> Call:
        """Add ``product`` to ``total`` (k, n, M), later.

        ``spare`` gives memory in the shape of a tensor, which may be overwritten.
        """
        product = spare(total)
        return _one_after_the_other([self.product(x, weights, transposed, product), partial(total.add_, product)])

    @abstractmethod
    def outer(self, total: Tensor, gradient: Tensor, inputs: Tensor, spare: Callable[[Tensor], Tensor]) -> Call:
        """Add the sum over n of the products of gradient (k, n, M) and inputs (k, n, K) to ``total`` (k, M, K), later.

        ``total`` is contiguous; ``spare`` as in ``add_product``.
        """

    def takes(self, x: Tensor, *sides: int) -> bool:
        """Whether a product with these sides goes this way, and not torch's."""
        return x.device.type == "cpu" and x.dtype in self.dtypes and min(sides) >= THIN and is_plain(x)


class Torch(Engine):
    """torch.bmm and torch.baddbmm, on any device: Apple's Accelerate, OpenBLAS, or cuBLAS."""

    name = "torch"

    def library(self) -> str:
        return f"torch {torch.__version__}"

    def why_not(self) -> str | None:
        return None

    def product(self, x: Tensor, weights: Tensor, transposed: Tensor, out: Tensor) -> Call:
        return partial(torch.bmm, x, weights, out=out)

    def add_product(
        self, total: Tensor, x: Tensor, weights: Tensor, transposed: Tensor, spare: Callable[[Tensor], Tensor]
    ) -> Call:
        return partial(total.baddbmm_, x, weights)

    def outer(self, total: Tensor, gradient: Tensor, inputs: Tensor, spare: Callable[[Tensor], Tensor]) -> Call:
        return partial(total.baddbmm_, gradient.transpose(1, 2), inputs)

    def takes(self, x: Tensor, *sides: int) -> bool:
        return True


class MKL(Torch):
    """torch where it is built with MKL: in blocks of rows."""

    name = "mkl"
    takes = Engine.takes

    def library(self) -> str:
        return f"MKL {_in_configuration(r'Math Kernel Library Version ([0-9.]+)')}"

    def why_not(self) -> str | None:
        return None if torch.backends.mkl.is_available() else "this torch is built without MKL"

    def product(self, x: Tensor, weights: Tensor, transposed: Tensor, out: Tensor) -> Call:
        x, weights, out = _in_blocks(x, weights, out)
        return partial(torch.bmm, x, weights, out=out)

    def add_product(
        self, total: Tensor, x: Tensor, weights: Tensor, transposed: Tensor, spare: Callable[[Tensor], Tensor]
    ) -> Call:
        x, weights, total = _in_blocks(x, weights, total)
        return partial(total.baddbmm_, x, weights)

    def outer(self, total: Tensor, gradient: Tensor, inputs: Tensor, spare: Callable[[Tensor], Tensor]) -> Call:
        pairs = zip(gradient.transpose(1, 2).split(LONG, 2), inputs.split(LONG, 1))
        return _one_after_the_other([partial(total.baddbmm_, left, right) for left, right in pairs])


class OneDNN(Engine):
    """The function that torch.compile makes of linear layers, an internal one of torch: it may be gone in another version.

    It has no way to write to memory that is there already.
    """

    name = "onednn"
    dtypes = (torch.float32,)

    def library(self) -> str:
        return f"oneDNN {_in_configuration(r'MKL-DNN v([0-9.]+)')}"

    def why_not(self) -> str | None:
        return "this torch has no oneDNN, or not the function that is used of it" if _linear_function() is None else None

    def product(self, x: Tensor, weights: Tensor, transposed: Tensor, out: Tensor) -> Call:
        linear = _linear_function()
        assert linear is not None
        parts = zip(out.unbind(), x.unbind(), transposed.unbind())
        return _one_after_the_other([partial(_copy, to, partial(linear, rows, matrix)) for to, rows, matrix in parts])

    def outer(self, total: Tensor, gradient: Tensor, inputs: Tensor, spare: Callable[[Tensor], Tensor]) -> Call:
        linear = _linear_function()
        assert linear is not None
        parts = zip(total.unbind(), gradient.transpose(1, 2).unbind(), inputs.transpose(1, 2).unbind())
        return _one_after_the_other([partial(_add, to, partial(linear, rows, matrix)) for to, rows, matrix in parts])


class OpenBLAS(Engine):
    """numpy.matmul on the memory of tensors.  Its threads are OpenBLAS's: see ``Products.with_threads``."""

    name = "openblas"

    def library(self) -> str:
        loaded = _openblas_libraries().info()
        return "OpenBLAS " + ", ".join(sorted({f"{each['version']} ({each['architecture']})" for each in loaded}))

    def why_not(self) -> str | None:
        built_with = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
        if "openblas" in built_with and len(_openblas_libraries()):
            return None
        return f"NumPy's products are those of {built_with!r}"

    def product(self, x: Tensor, weights: Tensor, transposed: Tensor, out: Tensor) -> Call:
        return partial(np.matmul, x.numpy(), weights.numpy(), out=out.numpy())

    def outer(self, total: Tensor, gradient: Tensor, inputs: Tensor, spare: Callable[[Tensor], Tensor]) -> Call:
        product = spare(total)
        multiply = partial(np.matmul, gradient.transpose(1, 2).numpy(), inputs.numpy(), out=product.numpy())
        return _one_after_the_other([multiply, partial(total.add_, product)])


ENGINES: dict[str, Engine] = dict(zip(NAMES, (MKL(), OneDNN(), OpenBLAS(), Torch())))


@dataclass(frozen=True)
class Products:
    """The engine that multiplies by weights, and the one that forms their gradients."""

    by_weights: Engine
    of_weights: Engine

    @property
    def name(self) -> str:
        """One name, or two with a plus between them."""
        return "+".join(dict.fromkeys((self.by_weights.name, self.of_weights.name)))

    @property
    def library(self) -> str:
        """What multiplies, with versions."""
        return " and ".join(dict.fromkeys((self.by_weights.library(), self.of_weights.library())))

    def product(self, x: Tensor, weights: Tensor, transposed: Tensor, out: Tensor) -> Call:
        """``Engine.product``, by torch where the engine does not take it."""
        return self._multiplier(x, weights).product(x, weights, transposed, out)

    def add_product(
        self, total: Tensor, x: Tensor, weights: Tensor, transposed: Tensor, spare: Callable[[Tensor], Tensor]
    ) -> Call:
        """``Engine.add_product``, by torch where the engine does not take it."""
        return self._multiplier(x, weights).add_product(total, x, weights, transposed, spare)

    def outer(self, total: Tensor, gradient: Tensor, inputs: Tensor, spare: Callable[[Tensor], Tensor]) -> Call:
        """``Engine.outer``; ``total`` may be a transposed view."""
        if not total.is_contiguous():
            total, gradient, inputs = total.transpose(1, 2), inputs, gradient
        engine = self.of_weights if self.of_weights.takes(inputs, *total.shape[1:]) else ENGINES["torch"]
        return engine.outer(total, gradient, inputs, spare)

    def _multiplier(self, x: Tensor, weights: Tensor) -> Engine:
        return self.by_weights if self.by_weights.takes(x, *weights.shape[1:]) else ENGINES["torch"]

    @contextmanager
    def with_threads(self, number: int) -> Iterator[None]:
        """So many threads for each product, where they are not torch's: OpenBLAS has one number for the whole process.

        Where each thread of ours has chunks of its own, threads of a library would only take cores from each other.
        """
        if ENGINES["openblas"] not in (self.by_weights, self.of_weights):
            yield
            return
        with _openblas_libraries().limit(limits=number):
            yield


def products_named(name: str) -> Products:
    """Of an engine's name, or of two with a plus between them; ValueError for an unknown or unavailable one."""
    first, second = engines_named(name)
    for each in (first, second):
        reason = ENGINES[each].why_not()
        if reason is not None:
            raise ValueError(f"The engine {each!r} for matrix products is not available here: {reason}.")
    return Products(ENGINES[first], ENGINES[second])


def usual_products() -> Products:
    """Those of torch."""
    return products_named("torch" if ENGINES["mkl"].why_not() else "mkl")


def _in_blocks(x: Tensor, weights: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A single product as many of ``BLOCK`` rows, if its rows are so many times a number."""
    if len(x) > 1 or x.shape[1] % BLOCK:
        return x, weights, out
    blocks = x.shape[1] // BLOCK
    return x.view(blocks, BLOCK, -1), weights.expand(blocks, -1, -1), out.view(blocks, BLOCK, -1)


def _one_after_the_other(calls: list[Call]) -> Call:
    if len(calls) == 1:
        return calls[0]

    def all_of_them() -> None:
        for call in calls:
            call()

    return all_of_them


def _copy(out: Tensor, value: Callable[[], Tensor]) -> None:
    out.copy_(value())


def _add(total: Tensor, value: Callable[[], Tensor]) -> None:
    total += value()


@cache
def _linear_function() -> Callable[[Tensor, Tensor], Tensor] | None:
    """x (n, K) and weights (M, K) to (n, M) by oneDNN; None if this torch has none that gives a right answer."""
    if not torch.backends.mkldnn.is_available():
        return None
    try:
        function = torch.ops.mkldnn._linear_pointwise.default

        def linear(x: Tensor, weight: Tensor) -> Tensor:
            value: Tensor = function(x, weight, None, "none", [], "")
            return value

        with torch.no_grad():
            small = torch.arange(6, dtype=torch.float32, device="cpu").view(2, 3)
            right = linear(small, small).tolist() == [[5.0, 14.0], [14.0, 50.0]]
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return None
    return linear if right else None


@cache
def _openblas_libraries() -> Any:
    """What threadpoolctl knows of the loaded copies of OpenBLAS: kernel, version, and how many threads they take."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")


def _in_configuration(pattern: str) -> str:
    match = re.search(pattern, torch.__config__.show())
    return match[1] if match else "of unknown version"
