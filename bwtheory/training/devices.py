"""Where a run is done and how: what its configuration leaves open is settled once, so that it is always done the same way."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import torch

from bwtheory.catalogue import GIVEN
from bwtheory.nn import resolve_activation
from bwtheory.nn.calibration import default_products, fastest_products
from bwtheory.nn.kernels import has_numba
from bwtheory.training.config import TrainingConfig


def pick_device(name: str) -> str:
    """ "auto" is the first available of CUDA, MPS and the CPU; ValueError for a device that is not available."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available.get(name, False):
        present = ", ".join(device for device, is_available in available.items() if is_available)
        raise ValueError(f"The device {name!r} is not available here; there is {present}.")
    return name


def require_compiler(config: TrainingConfig) -> None:
    """ValueError if a run is to be compiled for the CPU and there is no C++ compiler."""
    if config.compile and config.device == "cpu" and not has_compiler():
        raise ValueError("Compiling for a CPU needs a C++ compiler (g++ or clang++), and there is none; leave out --compile.")


def has_compiler() -> bool:
    """Whether there is a C++ compiler."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++"))


def settled(config: TrainingConfig, parameters: int, coordinates: int) -> TrainingConfig:
    """With what was left open: device, chunk, what multiplies, and whether compiling pays; then the run is always done so.

    Compiling takes some seconds and saves a fifth of a step on a CPU where the activation is costly: worth it there from 1e13
    operations in matrix products on; measuring which engine multiplies fastest takes half a second, and pays from 1e12 on.
    ValueError for a device, compiler or engine that is asked for and not there.
    """
    config = replace(config, device=pick_device(config.device))
    config = replace(config, chunk=config.chunk_size)
    require_compiler(config)
    if config.engine is None and config.device == "cpu":
        config = replace(config, engine=_engine(config, parameters, coordinates))
    if config.activation == GIVEN:  # by a program: nobody knows what it costs
        return replace(config, compile=bool(config.compile))
    if config.compile is None:
        long = 6.0 * parameters * coordinates * config.first_order_epochs > 1e13
        pays = long and config.device == "cpu" and _is_costly(config)
        config = replace(config, compile=pays and has_compiler() and _compiles())
    return config


def _engine(config: TrainingConfig, parameters: int, coordinates: int) -> str:
    if 6.0 * parameters * coordinates * config.epochs <= 1e12:
        return default_products().name
    coordinates = min(coordinates, config.batch or coordinates)
    chunks = -(-coordinates // config.chunk_size)
    threads = 1 if chunks > 1 else torch.get_num_threads()  # of a product
    numbers = torch.float64 if config.double else torch.float32
    return fastest_products(min(config.chunk_size, coordinates), config.hidden_features, threads, numbers).name


def _is_costly(config: TrainingConfig) -> bool:
    """Whether a CPU's compiled function is faster than what PyTorch and Numba have for this activation."""
    activation = resolve_activation(config.activation)
    fused = activation.kernels is not None and activation.kernels.numba and has_numba()
    return activation.costly and not fused


def _compiles() -> bool:
    try:
        torch.compile(torch.sin)(torch.zeros(8))
    except Exception:  # whatever is missing, headers or a linker: there is a way without
        return False
    return True
