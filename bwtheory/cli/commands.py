"""The commands by name; and ``completion``, which prints a shell's script about all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import tyro

from bwtheory.claims import find_evidence, load_ledger
from bwtheory.cli.animate import animate_run
from bwtheory.cli.bench import bench
from bwtheory.cli.certify import certify
from bwtheory.cli.compare import compare
from bwtheory.cli.completion import script
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
    folder = find_evidence()
    drawn = sorted(path.stem for path in (folder / "figures").glob("[a-z]*.py"))
    print(script(shell, COMMANDS, {"verify": [claim.id for claim in load_ledger(folder).claims], "figures": drawn}), end="")
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
