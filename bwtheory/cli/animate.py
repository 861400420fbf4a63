"""``bwtheory animate``."""

from __future__ import annotations

import sys
from pathlib import Path

import tyro

from bwtheory import units
from bwtheory.cli.edge import bad_input_is_a_sentence
from bwtheory.cli.paths import file_to_write, folder_at, importable_here
from bwtheory.report.folders import require_film
from bwtheory.signals import importing
from bwtheory.training.run_files import require_run


def animate_run(
    run: tyro.conf.Positional[Path],
    *,
    out: Path | None = None,
    frames: int = 60,
    seconds: float = 8.0,
    trust: bool = False,
) -> int:
    """Make a film of how a run has learned: it is trained again, as its settings say, and filmed on the way.

    Args:
        run: a run folder
        out: the film, .mp4, .gif or .png (animated); film.gif in the run folder without it
        frames: how many, about, on a logarithmic scale of the epochs
        seconds: that the film takes
        trust: run code that the run's settings name, an activation or a physics of your own
    """
    run = folder_at(run)
    with bad_input_is_a_sentence(), importable_here([":"] if trust else []):
        require_run(run)
        target = file_to_write(out) if out else run / "film.gif"
        require_film(target, frames, seconds)
        with importing():
            from bwtheory.report.animate import animate

        try:
            file, said = animate(run, target, frames, seconds, trust)
        except KeyboardInterrupt:
            print("\nInterrupted; no film was written.", file=sys.stderr)
            raise
    print(f"{file}, {units.size(file.stat().st_size)}. {said}")
    return 0
