"""The commands by name; and ``completion``, which prints a shell's script about all of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import tyro

from bwtheory.cli import help_texts
from bwtheory.cli.animate import animate_run
from bwtheory.cli.bench import bench
from bwtheory.cli.certify import certify
from bwtheory.cli.compare import compare
from bwtheory.cli.figures import figures
from bwtheory.cli.presets import presets
from bwtheory.cli.render import render_run
from bwtheory.cli.report import report_runs
from bwtheory.cli.reproduce import reproduce
from bwtheory.cli.train import train
from bwtheory.cli.verify import verify


def completion(shell: tyro.conf.Positional[Literal["bash", "zsh", "fish"]]) -> int:
    """Print a script with which a shell completes commands, flags and their values when you press Tab.

    Args:
        shell: which shell
    """
    commands: dict[str, Callable[..., Any]] = {
        name: help_texts.view(command) for name, command in COMMANDS.items()
    }  # with each text on one line
    with suppress(SystemExit):
        tyro.extras.subcommand_cli_from_dict(
            commands, prog="bwtheory", args=["--tyro-print-completion", shell], config=(tyro.conf.FlagCreatePairsOff,)
        )
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "verify": verify,
    "certify": certify,
    "figures": figures,
    "train": train,
    "render": render_run,
    "report": report_runs,
    "animate": animate_run,
    "reproduce": reproduce,
    "compare": compare,
    "bench": bench,
    "presets": presets,
    "completion": completion,
}
