"""What a finished run reports besides its scores: norms, other stopping rules' choices, and what computed it."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import torch
from torch import nn

import bwtheory
from bwtheory.nn import INR, BWReLU, variation_norm, variation_norm_invariant
from bwtheory.nn.activations import Siren, Wire, kernels_of
from bwtheory.nn.calibration import products_of_run
from bwtheory.nn.kernels import has_numba
from bwtheory.nn.network import reason_for_autograd
from bwtheory.processor import processor
from bwtheory.tasks import Task
from bwtheory.training.config import TrainingConfig
from bwtheory.training.run import source_commit


@torch.no_grad()
def norms(network: nn.Module) -> dict[str, float]:
    """(53), its invariant form and c of a BW-ReLU network; nothing for others."""
    if not (isinstance(network, INR) and isinstance(network.activation, BWReLU)):
        return {}
    found = {"variation_norm": variation_norm(network), "variation_norm_invariant": variation_norm_invariant(network)}
    return {name: float(value) for name, value in (found | {"c": network.activation.c}).items()}


def oracle(task: Task, metrics: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The logged epoch that is best against the truth, if there is one: nobody who needs the reconstruction can know it."""
    if not len(task.truth):
        return None
    best = (max if task.higher_is_better else min)(metrics, key=lambda row: row[task.score_name])
    return {"epoch": best["epoch"], task.score_name: best[task.score_name]}


def stopping(task: Task, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """Logged epochs that rules without the truth would have chosen: discrepancy principle, least held-out error.

    The discrepancy principle takes the first whose loss is at most the noise's variance; None if there is none, and for a rule
    that the task has no data for.
    """
    fits = (row for row in metrics if row["loss"] <= task.noise_std**2)
    found = {"discrepancy": next(fits, None) if task.noise_std else None, "held_out": None}
    if task.held_out is not None:
        found["held_out"] = min(metrics, key=lambda row: row["held_out_loss"])
    name = task.score_name
    return {rule: row and {"epoch": row["epoch"], name: row[name]} for rule, row in found.items()}


def kernel(config: TrainingConfig, network: nn.Module) -> str:
    """What evaluates a network and its gradient; its rounding is in the weights of a close fit."""
    way = "autograd" if reason_for_autograd(network) else "explicit"
    if config.compile:
        return f"{way}, torch.compile"
    kernels = kernels_of(network.activation) if isinstance(network, INR) else None
    fused = config.device == "cpu" and kernels is not None and kernels.numba and has_numba()
    return f"{way}, Numba" if fused else way


def is_earlier_kernel(before: str, config: TrainingConfig, network: nn.Module) -> bool:
    """Whether a run is of a version without engines, and its activation had no kernels by Numba then: it is rounded anew."""
    had_none = isinstance(network, INR) and isinstance(network.activation, Siren | Wire)
    return config.engine is None and had_none and kernel(config, network) == f"{before}, Numba"


def provenance(config: TrainingConfig, network: nn.Module) -> dict[str, Any]:
    """Device, kernel and versions."""
    products, _ = products_of_run(config.engine if config.device == "cpu" else "torch")
    return {
        "settings_from": config.settings_from,
        "chunk": config.chunk_size,
        "together": config.together,
        "kernel": kernel(config, network),
        "engine": products.name,
        "engine_library": products.library,
        "reason_for_autograd": reason_for_autograd(network),
        **environment(config.device),
    }


def environment(device: str) -> dict[str, Any]:
    """A device with its name, threads and versions."""
    return {
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "bwtheory": bwtheory.__version__,
        "commit": source_commit(),
        "python": platform.python_version(),
    }
