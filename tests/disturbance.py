"""A run that fails at its n-th write or step."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest
import torch

from bwtheory.nn import psi
from bwtheory.training import callbacks


class Killed(BaseException):
    """The process is gone; nothing catches it."""


@contextmanager
def failing(n: int, failure: BaseException):
    """The n-th call of os.fsync, os.replace or an optimizer's step raises instead; yields how many calls there were.

    A checkpoint is written at every epoch.
    """
    for dtype in (torch.float32, torch.float64):  # the first time in a process Numba may write its cache, by os.replace too
        psi(torch.zeros(1, dtype=dtype))
    calls = [0]

    def counted(function):
        def call(*arguments, **options):
            calls[0] += 1
            if calls[0] == n:
                raise failure
            return function(*arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks, "CHECKPOINT_EVERY_SECONDS", -1.0)
        for owner, name in ((os, "fsync"), (os, "replace"), (torch.optim.Adam, "step")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield calls
