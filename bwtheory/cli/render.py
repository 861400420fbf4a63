"""``bwtheory render``."""

from __future__ import annotations

from pathlib import Path

import tyro

from bwtheory.cli.edge import bad_input_is_a_sentence
from bwtheory.cli.paths import file_to_write, folder_at, importable_here
from bwtheory.signals import importing
from bwtheory.tasks.sources import format_of
from bwtheory.training import flags
from bwtheory.training.run_files import require_run


def render_run(
    run: tyro.conf.Positional[Path],
    *,
    size: str | None = None,
    crop: tuple[float, float, float, float] | None = None,
    out: Path | None = None,
    trust: bool = False,
) -> int:
    """Draw what a run has learned, at any resolution.

    Args:
        run: a run folder of an image task
        size: WIDTHxHEIGHT in pixels (that of the training image)
        crop: left, top, right and bottom edge in coordinates from -1 to 1
        out: the file to write, in the format that its name ends with (render.png in the run folder)
        trust: run code that the run's settings name, an activation or a physics of your own
    """
    run = folder_at(run)
    with bad_input_is_a_sentence(), importable_here([":"] if trust else []):
        require_run(run)
        target = file_to_write(out) if out else run / "render.png"
        format_of(target)
        if size is not None:
            flags.size_in_pixels(size)
        with importing():
            from bwtheory.training.rendering import render_image

        print(render_image(run, size, crop, target, trust))
    return 0
