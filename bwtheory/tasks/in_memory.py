"""Arrays and tensors that a program gives, as plain NumPy arrays: what they do not say is not made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bwtheory.checks import refuse_masked


def as_array(found: Any, name: str) -> np.ndarray:
    """A NumPy array, of no subclass, of an array, a tensor or nested lists; the numbers are not looked at.

    Parameters
    ----------
    found : a tensor may be on any device, require gradients, and be of a floating type that NumPy does not have
    name : what a message calls it

    Raises
    ------
    ValueError
        For masked entries, whose numbers under the mask nobody means; for tensors without numbers or that are no plain arrays
        of them (meta, sparse, nested, quantized); and for what NumPy makes no array of.
    """
    refuse_masked(name, found)
    try:
        return np.asarray(_plain(found, name) if isinstance(found, Tensor) else found)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, _NoArray):
            raise
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{name} is no array: {reason}.") from None


class _NoArray(ValueError):
    """A sentence that is complete."""


def _plain(tensor: Tensor, name: str) -> np.ndarray:
    if tensor.is_meta:
        raise _NoArray(f"{name} is a tensor on the meta device, which holds no numbers.")
    if tensor.is_nested or tensor.is_quantized or tensor.layout != torch.strided:
        kind = "nested" if tensor.is_nested else "quantized" if tensor.is_quantized else "sparse"
        how = {"nested": "to_padded_tensor(0)", "quantized": "dequantize()", "sparse": "to_dense()"}[kind]
        raise _NoArray(f"{name} is a {kind} tensor, and a dense one is needed: .{how} makes one.")
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if plain.is_floating_point() and plain.dtype not in (torch.float16, torch.float32, torch.float64):
        plain = plain.float()  # exact: bfloat16 and the types of 8 bits have fewer digits and exponents
    return plain.numpy()
