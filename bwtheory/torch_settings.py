"""What a program may have changed in torch before it calls us: a run must not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor


@contextmanager
def usual_settings() -> Iterator[None]:
    """torch as it is after its import: gradients on, float32 and the CPU by default, no autocast, no search for anomalies.

    A notebook's first cell or another library may have switched gradients off for the whole process; training would then go
    through all its epochs and change nothing.  Number of threads, random numbers and precision of products are left alone.
    """
    dtype = torch.get_default_dtype()
    with ExitStack() as settings:
        settings.enter_context(torch.inference_mode(False))
        settings.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(device):
                settings.enter_context(torch.autocast(device, enabled=False))
        if torch.is_anomaly_enabled():  # the training loop says itself at which epoch the loss is not finite
            settings.enter_context(torch.autograd.set_detect_anomaly(False))
        if torch.get_default_device().type != "cpu":
            settings.enter_context(torch.device("cpu"))
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def outside_inference(tensor: Tensor) -> Tensor:
    """The tensor, or a copy of one that was made in inference mode: autograd refuses those."""
    return tensor.clone() if tensor.is_inference() else tensor
