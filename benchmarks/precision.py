"""What rounded matrix products cost in dB: ``python benchmarks/precision.py [--tasks signal ct] [--activations bw-relu]``.

TF32 and bfloat16 products round both operands, to 10 and to 7 bits after the leading one, and add in float32.  That is done
here in software, for every product of the forward and the backward pass, so that it can be measured without such hardware.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bwtheory.experiments.tables import Table, wide_console
from bwtheory.tasks import build_task
from bwtheory.training.config import with_preset
from bwtheory.training.devices import settled
from bwtheory.training.run import RunDirectory, build_network
from bwtheory.training.session import train

KEPT_BITS = {"float32": 23, "TF32": 10, "bfloat16": 7}
PROBLEMS: dict[str, dict[str, Any]] = {"signal": {"shrink": 4}, "superres": {"shrink": 2}, "ct": {"shrink": 4}}
_PRODUCTS = {torch.ops.aten.mm.default: (0, 1), torch.ops.aten.addmm.default: (1, 2), torch.ops.aten.bmm.default: (0, 1)}


def rounded(x: Tensor, bits: int) -> Tensor:
    """Float32 numbers to so many bits after the leading one, to nearest, ties to even."""
    dropped = 23 - bits
    if dropped == 0:
        return x
    whole = x.contiguous().view(torch.int32)
    half = (1 << (dropped - 1)) - 1 + ((whole >> dropped) & 1)
    return ((whole + half) & -(1 << dropped)).view(torch.float32)


class RoundedProducts(TorchDispatchMode):
    """Every float32 matrix product with rounded operands."""

    def __init__(self, bits: int):
        super().__init__()
        self.bits = bits

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in _PRODUCTS and all(a.layout == torch.strided for a in args):  # not the projector's sparse matrix
            args = tuple(rounded(a, self.bits) if i in _PRODUCTS[func] else a for i, a in enumerate(args))
        return func(*args, **(kwargs or {}))


def main() -> None:
    """Train each problem with each kind of product and print the PSNR."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--epochs", type=int, default=300)
    flags.add_argument("--hidden-features", type=int, default=128)
    flags.add_argument("--tasks", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    flags.add_argument("--activations", nargs="+", default=["bw-relu", "siren"])
    given = flags.parse_args()
    rows = []
    for name in given.tasks:
        options = PROBLEMS[name]
        task = build_task(name, "camera", "stretch", options)
        for activation in given.activations:
            asked = {"task": name, "source": "camera", "activation": activation, "compile": False, "device": "cpu"}
            asked |= {"epochs": given.epochs, "hidden_features": given.hidden_features}
            config = with_preset(asked, {}, options)
            config = settled(config, build_network(config, task.channels).count_parameters(), len(task.coordinates))
            found = []
            for bits in KEPT_BITS.values():
                with tempfile.TemporaryDirectory() as folder, RoundedProducts(bits):
                    found.append(train(config, task, RunDirectory.create(Path(folder) / "run", config))["psnr"])
            rows.append([f"{name}, {activation}", *(f"{psnr:.2f}" for psnr in found)])
            print(*rows[-1], flush=True)
    title = f"PSNR in dB by kind of product: camera, {given.epochs} epochs, width {given.hidden_features}, seed 40"
    Table(title, ("", *KEPT_BITS), rows).show(wide_console())


if __name__ == "__main__":
    main()
