"""What a report or a film is of, and where it is written: said before anything is imported that takes time."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bwtheory.files import read_bytes
from bwtheory.training.run_files import has_files_of_run

STUDY_FILES = ("table.md", "figure.png")
LARGEST_TABLE = 2**22  # bytes of a table.md; the largest has some 30 kB
ENDINGS = {".gif": "GIF", ".png": "PNG", ".apng": "PNG", ".mp4": "MP4"}
MOST_FRAMES = 240  # of a megabyte each, until the film is written


@dataclass(frozen=True)
class Study:
    """A folder of ``compare`` or ``reproduce``: its table in Markdown and its figure, as far as they are there."""

    folder: Path
    table: str
    figure: Path | None


def find(paths: Sequence[Path]) -> tuple[list[Path], list[Study]]:
    """Folders of runs, and of studies, in the order in which they are named; each once.

    A path is a run, a folder of runs, a folder of ``compare`` or ``reproduce``, or a folder of these.  The runs with which a
    comparison has chosen its settings are left out.  ValueError for another path.
    """
    runs: list[Path] = []
    studies: list[Study] = []
    for path in paths:
        found = list(_runs_and_studies(path))
        if not found:
            what = "is no folder" if not path.is_dir() else "holds neither a run nor a folder of compare or reproduce"
            raise ValueError(f"{path} {what}; a report is made of run folders, of folders of them, and of those two.")
        for each in found:
            if isinstance(each, Study):
                studies += [each] if each.folder.resolve() not in {s.folder.resolve() for s in studies} else []
            else:
                runs += [each] if each.resolve() not in {r.resolve() for r in runs} else []
    return runs, studies


def _runs_and_studies(path: Path, depth: int = 0) -> Iterator[Path | Study]:
    if has_files_of_run(path):
        yield path
        return
    if not path.is_dir():
        return
    if any((path / name).is_file() for name in STUDY_FILES):
        yield _study(path)
    inside = path / "runs" if (path / "runs").is_dir() and not _holds_run(path / "runs") else None
    trials = (path / "protocol.json").is_file()  # of a comparison: runs that only chose its settings
    for child in sorted((inside or path).iterdir()):
        if trials and re.match(r"trial\d", child.name):
            continue
        if _holds_run(child):
            yield child
        elif inside is None and depth == 0 and child.is_dir() and _is_study(child):
            yield from _runs_and_studies(child, depth + 1)


def _holds_run(path: Path) -> bool:
    return path.is_dir() and has_files_of_run(path)


def _is_study(path: Path) -> bool:
    return (path / "runs").is_dir() or any((path / name).is_file() for name in STUDY_FILES)


def _study(folder: Path) -> Study:
    try:
        table = read_bytes(folder / "table.md", LARGEST_TABLE).decode("utf-8", "replace")
    except FileNotFoundError:
        table = ""
    except ValueError as error:
        table = f"- {error}"
    figure = folder / "figure.png"
    return Study(folder, table, figure if figure.is_file() else None)


def require_page(out: Path) -> None:
    """ValueError for a page that is no HTML file, or has no folder."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"A report is an HTML file; got {out.name!r}, which should end with .html.")
    require_parent(out)


def require_film(out: Path, frames: int, seconds: float) -> None:
    """ValueError for a number of frames or a length that no film has, and for a file that it cannot be written to."""
    if not 2 <= frames <= MOST_FRAMES:
        raise ValueError(f"A film has 2 to {MOST_FRAMES} frames; got {frames}.")
    if not 0.1 <= seconds <= 3600:
        raise ValueError(f"A film takes 0.1 to 3600 seconds; got {seconds:g}.")
    kind_of_film(out)
    require_parent(out)


def kind_of_film(out: Path) -> str:
    """GIF, PNG or MP4 by the name's ending; ValueError for another one, and for an MP4 without what writes it."""
    kind = ENDINGS.get(out.suffix.lower())
    if kind is None:
        raise ValueError(f"A film is written as .mp4, .gif or .png; got {out.name!r}.")
    if kind == "MP4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise ValueError("An MP4 needs imageio-ffmpeg: pip install 'bwtheory[film]'; .gif and .png need nothing more.")
    return kind


def require_parent(out: Path) -> None:
    """ValueError for a file whose folder is not there."""
    if not out.parent.is_dir():
        raise ValueError(f"{out.parent} is not a folder in which {out.name} can be written.")
