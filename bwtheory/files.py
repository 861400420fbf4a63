"""Files: written whole or not at all, read only if they are what they should be, and folders that one process works on."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

LARGEST_TEXT = 2**28  # bytes of a JSON file; the largest logs have some megabytes
_BINARY = getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a named pipe would wait for its other end
_numbers = itertools.count()


def write_atomically(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write to a temporary file beside ``target``, sync it, and rename it.

    Whenever the process dies, the old file or the new one is there, whole.  A symbolic link is replaced, not followed, but for
    those in /dev and /proc.  What is no regular file, such as /dev/stdout, is written to directly; a named pipe that nobody
    reads is refused, as opening it would wait for a reader.

    Parameters
    ----------
    target : the file; its folder exists
    write : called with the open binary file

    Raises
    ------
    OSError
        As the file system says, with the target's name; the old file is then unchanged, and nothing else is left.
    """
    target = Path(target)
    is_device_name = target.absolute().parts[1:2] in (("dev",), ("proc",))
    if (is_device_name or not target.is_symlink()) and target.exists() and not target.is_file():
        descriptor = os.open(target, os.O_WRONLY | _BINARY | _NO_WAIT)
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as file:
            write(file)
        return
    # Not after the target's name, which may be as long as a name can be.
    mark = f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-{_host_mark()}-"
    _remove_leftovers(target.parent, mark)
    temporary = target.with_name(f"{mark}{os.getpid()}-{next(_numbers)}.partial")
    try:
        exclusive = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY  # never through somebody's link
        with os.fdopen(os.open(temporary, exclusive, 0o666), "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:  # a full disk, an interrupt: the old file stays, the half-written one goes
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(target)) from None  # not the temporary file's name
        raise
    if sys.platform != "win32":  # there a folder cannot be opened
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_bytes(target: Path, content: bytes | memoryview) -> None:
    """``write_atomically`` of bytes."""
    write_atomically(target, lambda file: file.write(content))


def write_text(target: Path, text: str) -> None:
    """``write_atomically`` of a text in UTF-8, with line feeds on every system."""
    write_bytes(target, text.encode("utf-8"))


def _host_mark() -> str:
    return hashlib.sha256(socket.gethostname().encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _remove_leftovers(folder: Path, mark: str) -> None:
    """Temporary files of one target, of processes of this machine that were killed."""
    with suppress(OSError):  # what cannot be listed or removed does no harm
        for name in os.listdir(folder):
            if name.startswith(mark) and name.endswith(".partial"):
                process = name[len(mark) :].partition("-")[0]
                if not (process.isdecimal() and _runs(int(process))):
                    os.unlink(folder / name)


def _runs(process: int) -> bool:
    if process == os.getpid():
        return True
    if sys.platform == "win32":  # there a file that somebody has open cannot be removed
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def read_bytes(path: Path, largest: int | None = None) -> bytes:
    """The content of a regular file, through links too.

    ValueError, one sentence, for a folder, a pipe or a device, for one that may not be read, and for more than ``largest``
    bytes; FileNotFoundError and NotADirectoryError for none.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _BINARY | _NO_WAIT)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {_reason(error)}.") from None
    _require_file(descriptor, path)
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        if largest is not None and size > largest:
            raise ValueError(f"{path} has {size} bytes; at most {largest} are allowed.")
        try:
            return file.read()
        except (OSError, MemoryError) as error:
            raise ValueError(f"{path} cannot be read: {_reason(error) or 'it is larger than the memory'}.") from None


def _require_file(descriptor: int, path: Path) -> None:
    """Close it, and ValueError, if it is no regular file."""
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise ValueError(f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'a pipe or a device'}, not a file.")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).rstrip(".")


def open_log(path: Path) -> BinaryIO:
    """A file to append to, made if it is not there.

    A symbolic link, or a file with a second name (a hard link, as snapshots have them), is replaced by a copy first, so that
    nothing else changes.  ValueError for what is no file.
    """
    if path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1):
        try:
            write_bytes(path, read_bytes(path, LARGEST_TEXT))
        except FileNotFoundError:  # a link to nothing
            path.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY | _NO_LINK | _NO_WAIT
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {_reason(error)}.") from None
    _require_file(descriptor, path)
    return os.fdopen(descriptor, "ab")


def read_json(path: Path) -> Any:
    """The value in a JSON file; ValueError says what is wrong with it.  FileNotFoundError if it is not there."""
    return parse_json(read_bytes(path, LARGEST_TEXT), str(path))


def parse_json(content: bytes | str, name: str) -> Any:
    """The value of a JSON text; ValueError for a name that is given twice, and for what is no JSON."""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        return json.loads(text, object_pairs_hook=_without_doubles)
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is damaged: byte {error.start} is not UTF-8.") from None
    except RecursionError:
        raise ValueError(f"{name} is damaged: it is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is damaged: it is not JSON from line {error.lineno}, column {error.colno} on.") from None
    except ValueError as error:
        raise ValueError(f"{name} is damaged: {str(error).partition(';')[0].rstrip('.')}.") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


class InUse(ValueError):
    """A folder that another process works on; the sentence names it."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else works on a folder meanwhile: an exclusive lock on the file .lock in it.

    The operating system holds the lock for the open file, so it ends with the process, whatever ends that.  On network file
    systems it holds between machines if these pass locks on (NFS does unless mounted with nolock or local_lock).  Where there
    are no locks at all, one line on stderr says so.  The file stays, with the name of the last holder.

    Raises
    ------
    InUse
        If another process, or another thread of this one, holds the lock; it is named.
    OSError
        If the folder is not there, or nothing can be written in it.
    """
    path = folder / ".lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY | _NO_LINK | _NO_WAIT, 0o666)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}; it keeps a second process away", str(path)) from None
    _require_file(descriptor, path)
    try:
        try:
            _lock(descriptor)
        except BlockingIOError:
            holder = os.read(descriptor, 300).decode("utf-8", "replace").strip() or "another process"
            raise InUse(f"{folder} is in use by {holder}; wait until it ends, or stop it.") from None
        except OSError as error:
            print(f"{folder}: {error.strerror}; a second process here would not be noticed.", file=sys.stderr)
        with suppress(OSError):  # on a full disk the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode("utf-8", "replace"))
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 2**30, os.SEEK_SET)  # a byte beyond the holder's name, which others may so read
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # Not the package filelock: where a file system has no locks it makes a file that a killed process leaves behind.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except PermissionError:  # some file systems' word for a lock that is held
            raise BlockingIOError from None
