"""Files, folders and modules that a command line names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bwtheory.claims import find_checkout
from bwtheory.cli.edge import BadInput
from bwtheory.training.run_files import refuse_file_of_run, refuse_run_folder


def from_home(path: str) -> str:
    """A path that begins with a tilde which the shell has not expanded, as in --out=~/runs."""
    return os.path.expanduser(path) if path.startswith("~") and not os.path.exists(path) else path


def absolute(image: str) -> str:
    """A file is found again from elsewhere; built-in names stay."""
    image = from_home(image)
    return str(Path(image).resolve()) if Path(image).is_file() else image


def folder_at(path: Path) -> Path:
    """A file or folder that is there, or that should be."""
    return Path(from_home(str(path)))


def file_to_write(path: Path) -> Path:
    """A file to write; ValueError for one of a run's."""
    target = folder_at(path)
    refuse_file_of_run(target)
    return target


def folder_to_write(path: Path) -> Path:
    """A folder to write to; ValueError for a run's."""
    target = folder_at(path)
    refuse_run_folder(target)
    return target


@contextmanager
def importable_here(names: Iterable[str]) -> Iterator[None]:
    """Modules of the current folder, after all installed ones, where a name such as package.module:Class asks for one."""
    if not any(":" in name for name in names):
        yield
        return
    sys.path.append("")
    try:
        yield
    finally:
        sys.path.remove("")


def checkout() -> Path:
    """The checkout that the package lies in; BadInput outside of one."""
    try:
        return find_checkout()
    except FileNotFoundError as error:
        raise BadInput(str(error)) from None
