"""The command ``bwtheory``: a command is one file here, and a row in ``commands.py``.

A reader that leaves a pipe changes nothing: the work goes on to its end, and the status is that of the work.  Only the
commands that train import torch, and only when all that can be said about their flags without it has been said.
"""

from __future__ import annotations

from bwtheory.cli.command_line import main

__all__ = ["main"]
