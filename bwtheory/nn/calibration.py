"""Which engine multiplies matrices fastest on this processor: measured once, in less than half a second, and remembered."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bwtheory.files import read_json, write_text
from bwtheory.nn.kernels import is_plain
from bwtheory.nn.products import ENGINES, Call, Products, products_named, usual_products
from bwtheory.processor import processor
from bwtheory.torch_settings import usual_settings

VARIABLE = "BWTHEORY_ENGINE"
SECONDS, ROUNDS = 0.3, 5  # of measuring; the first round, which is not counted, comes on top
LARGEST = 512, 512  # rows and columns that are measured: more take longer and change little
WORTH = 1.03  # engines have to be so many times as fast as torch's to be taken: less is noise
MIXED = 1.05  # two engines in one step can be slower by this than their times say: benchmarks/README.md has a table
_of_this_process: dict[str, Products] = {}  # what could not be written, by the name that its file would have
_known_here: dict[tuple[object, ...], Products] = {}  # what ``known_products`` has read
SETTINGS = ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


def asked_for() -> Products | None:
    """What ``BWTHEORY_ENGINE`` names; None if it is not set.  ValueError if there is no such engine here."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        return None
    try:
        return products_named(name)
    except ValueError as error:
        raise ValueError(f"{VARIABLE} is set to {name!r}. {error}") from None


def default_products() -> Products:
    """What ``BWTHEORY_ENGINE`` names, or torch's."""
    return asked_for() or usual_products()


def products_of_run(engine: str | None) -> tuple[Products, str]:
    """Those that a run has been started with, by their name; and a sentence if they are not available here.

    For a run that names none these are ``default_products()``.
    """
    if engine is None:
        return default_products(), ""
    try:
        return products_named(engine), ""
    except ValueError as error:
        products = usual_products()
        return (
            products,
            f"It began with other matrix products and continues with {products.name}, which rounds differently. {error}",
        )


def fastest_products(rows: int, width: int, threads: int, dtype: torch.dtype = torch.float32) -> Products:
    """The engines that are fastest here for (rows, width) features and (width, width) weights.

    What ``BWTHEORY_ENGINE`` names comes first, then what an earlier measurement on this processor with these libraries has
    found.  A file of it that is damaged is measured again.  While somebody records torch's functions these are torch's.

    Parameters
    ----------
    threads : of each product
    """
    known = _known(rows, width, threads, dtype)
    if known is not None:
        return known
    rows, width = min(rows, LARGEST[0]), min(width, LARGEST[1])
    seconds = measured_seconds(rows, width, threads, dtype)
    chosen = _choice(seconds)
    key, file = _file(rows, width, threads, dtype)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps({"circumstances": key, "engine": chosen.name, "seconds": seconds}, indent=1) + "\n")
    except OSError:
        _of_this_process[file.name] = chosen
    return chosen


def known_products(rows: int, width: int, threads: int, dtype: torch.dtype = torch.float32) -> Products:
    """As ``fastest_products``, but torch's where nothing has been measured yet."""
    key = os.environ.get(VARIABLE, ""), rows, width, threads, dtype
    if key not in _known_here:
        known = _known(rows, width, threads, dtype)
        if known is None:
            return usual_products()
        _known_here[key] = known
    return _known_here[key]


def _known(rows: int, width: int, threads: int, dtype: torch.dtype) -> Products | None:
    """What is asked for, or was measured earlier; None if that is to be measured."""
    asked = asked_for()
    if asked is not None:
        return asked
    if not is_plain(torch.empty(0, device="cpu")):
        return usual_products()
    key, file = _file(min(rows, LARGEST[0]), min(width, LARGEST[1]), threads, dtype)
    return _of_this_process.get(file.name) or _remembered(file, key)


def _file(rows: int, width: int, threads: int, dtype: torch.dtype) -> tuple[dict[str, Any], Path]:
    """All that a choice depends on, and the file that it is kept in."""
    key = _circumstances(rows, width, threads, dtype)
    return key, _cache_folder() / f"engine-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.json"


def measured_seconds(
    rows: int, width: int, threads: int, dtype: torch.dtype, seconds: float = SECONDS
) -> dict[str, tuple[float, float]]:
    """Of each engine the least times of a product by weights and of a gradient of weights, round after round.

    Of one thread these are times of the processor: what others do on a busy machine is not in them.
    """
    before = torch.get_num_threads()
    with usual_settings(), torch.no_grad():
        try:
            torch.set_num_threads(threads)
            return _least_times(rows, width, threads, dtype, seconds)
        finally:
            torch.set_num_threads(before)


def available() -> list[str]:
    """Engines that are here; torch's way by itself only where it is not MKL's."""
    names = [name for name, engine in ENGINES.items() if engine.why_not() is None]
    return [name for name in names if name != "torch" or "mkl" not in names]


def _least_times(rows: int, width: int, threads: int, dtype: torch.dtype, seconds: float) -> dict[str, tuple[float, float]]:
    values = torch.linspace(-1, 1, rows * width, dtype=dtype).view(1, rows, width)
    weights = torch.linspace(-1, 1, width * width, dtype=dtype).view(1, width, width)
    transposed, gradient, total = weights.transpose(1, 2).contiguous(), values.clone(), torch.zeros_like(weights)
    out, room = torch.empty_like(values), torch.empty_like(weights)
    calls: dict[str, tuple[Products, Call, Call]] = {}
    for name in available():
        products = products_named(name)
        product = products.product(values, weights, transposed, out)
        calls[name] = products, product, products.outer(total, gradient, values, lambda total: room)
    least = {name: [float("inf"), float("inf")] for name in calls}
    _round(calls, threads, out)
    started, rounds = time.perf_counter(), 0
    while rounds < ROUNDS or time.perf_counter() - started < seconds:
        for name, times in _round(calls, threads, out).items():
            least[name] = [min(pair) for pair in zip(least[name], times)]
        rounds += 1
    return {name: (first, second) for name, (first, second) in least.items()}


def _round(calls: dict[str, tuple[Products, Call, Call]], threads: int, out: Tensor) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    clock = time.thread_time if threads == 1 and sys.platform != "win32" else time.perf_counter  # there it has 16 ms steps
    for name, (products, *both) in calls.items():
        with products.with_threads(threads):
            times[name] = []
            for call in both:
                out.add_(1.0)  # as between a step's products: threads of two libraries may wait for each other
                start = clock()
                call()
                times[name].append(clock() - start)
    return times


def _choice(seconds: dict[str, tuple[float, float]]) -> Products:
    """The engines with the least time for a layer of a step: two products with its weights, and one gradient of them."""

    def layer(by_weights: str, of_weights: str) -> float:
        time = 2 * seconds[by_weights][0] + seconds[of_weights][1]
        return time if by_weights == of_weights else MIXED * time

    usual = usual_products().name
    best = min(itertools.product(seconds, seconds), key=lambda pair: layer(*pair))
    return products_named("+".join(best) if layer(*best) * WORTH < layer(usual, usual) else usual)


def _circumstances(rows: int, width: int, threads: int, dtype: torch.dtype) -> dict[str, Any]:
    """All that the choice depends on."""
    return {
        "processor": processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "libraries": [ENGINES[name].library() for name in available()],
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "rows": rows,
        "width": width,
        "threads": threads,
        "numbers": str(dtype).removeprefix("torch."),
    }


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("bwtheory", appauthor=False)


def _remembered(file: Path, key: dict[str, Any]) -> Products | None:
    """What a file says about these circumstances; None if it is not there, damaged, or about others."""
    try:
        row = read_json(file)
        return products_named(row["engine"]) if row["circumstances"] == key else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
