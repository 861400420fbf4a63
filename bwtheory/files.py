"""One way to write a file: whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write to a temporary file beside ``target``, sync it, and rename it.

    Whenever the process dies, the old file or the new one is there, whole.  A symbolic link is replaced, not followed.
    What is no regular file, such as /dev/stdout, is written to directly.

    Parameters
    ----------
    target : the file; its folder exists
    write : called with the open binary file

    Raises
    ------
    OSError
        As the file system says; the old file is then unchanged, and nothing else is left.
    """
    if target.exists() and not target.is_file():
        with open(target, "wb") as file:
            write(file)
        return
    temporary = target.with_name(f".{target.name}.partial")
    temporary.unlink(missing_ok=True)  # of a process that was killed
    try:
        exclusive = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # never through somebody's link
        with os.fdopen(os.open(temporary, exclusive, 0o666), "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # a full disk, an interrupt: the old file stays, the half-written one goes
        temporary.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":  # there a folder cannot be opened
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_text(target: Path, text: str) -> None:
    """``write_atomically`` of a text in UTF-8, with line feeds on every system."""
    write_atomically(target, lambda file: file.write(text.encode("utf-8")))
