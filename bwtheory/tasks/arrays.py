"""Arrays of numbers as files hold them: .npy, .npz with one array, and text.  What a header claims is checked first."""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from bwtheory.tasks.sources import kind_of

TEXT = (".csv", ".tsv", ".txt", ".dat")
LARGEST_DECODED = 2**30  # bytes: what a packed file may become in memory before anything is known to be worth it
LARGEST_TEXT = 2**26  # bytes: Python's words take some 20 times as many
_LETTER = re.compile(r"[^\W\d_]")
_NO_NAME = re.compile(r'\s*(["\']{2})?[,;\t]')
_INDEX = "seems to be an index and no data; save it without (in pandas, to_csv with index=False and header=False)"
_DECIMAL_COMMA = re.compile(r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?")


def is_array(path: Path) -> bool:
    """Whether a file is read by ``read_array``, by its suffix."""
    return path.suffix.lower() in (".npy", ".npz", *TEXT)


def read_array(path: Path) -> np.ndarray:
    """The array of a .npy, .npz or text file; ValueError with the reason for what is none, or claims more than it holds."""
    suffix = path.suffix.lower()
    if not path.stat().st_size:
        raise ValueError("it is empty")
    with open(path, "rb") as file:
        named_wrongly = suffix == ".npy" and file.read(6) != np.lib.format.MAGIC_PREFIX
    if named_wrongly:
        raise ValueError(f"it is {_kind(path)}no .npy file")
    try:
        if suffix == ".npy":
            return _read_npy(path)
        return _read_npz(path) if suffix == ".npz" else read_table(path)
    except zipfile.BadZipFile:
        raise ValueError("it is not a .npz file, or it is cut short") from None
    except (ValueError, EOFError, OSError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ValueError(" ".join(str(error).split()).rstrip(".") or type(error).__name__) from None


def _kind(path: Path) -> str:
    """For a sentence that says what a file is not: what it is, with "and", if that is known."""
    found = kind_of(path)
    return f"{found.partition(';')[0].removeprefix('it is ')} and " if found else ""


def _read_npy(path: Path) -> np.ndarray:
    with open(path, "rb") as file:
        shape, dtype = _npy_header(file)
        claimed, held = math.prod(shape) * dtype.itemsize, path.stat().st_size - file.tell()
        if dtype.hasobject:
            raise ValueError("it holds Python objects, not numbers")
        if claimed > held:
            raise ValueError(f"its header says {_times(shape)} numbers of {dtype}, {claimed:,} bytes, and only {held:,} follow")
        _refuse_large(claimed)
        file.seek(0)
        numbers = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(6) == np.lib.format.MAGIC_PREFIX:
            raise ValueError("it holds more than one array; save the one that you mean in a file of its own")
        return numbers


def _read_npz(path: Path) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        if len(names) != 1:
            listed = ", ".join(ascii(name) for name in names[:8]) + (", …" if len(names) > 8 else "")
            raise ValueError(f"it holds {len(names)} arrays ({listed}), and one is needed; save the one that you mean as .npy")
        with archive.open(archive.infolist()[0]) as member:
            shape, dtype = _npy_header(member)
        if dtype.hasobject:
            raise ValueError("it holds Python objects, not numbers")
        _refuse_large(math.prod(shape) * dtype.itemsize)
        with archive.open(archive.infolist()[0]) as member:
            return np.lib.format.read_array(member, allow_pickle=False)


def _refuse_large(size: int) -> None:
    if size > LARGEST_DECODED:
        raise ValueError(f"it holds {size:,} bytes of numbers, and at most {LARGEST_DECODED:,} (2^30) are read")


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"its format version is {version[0]}.{version[1]}, and 1.0 to 3.0 are known")
    # Version 3 is version 2 with names of fields in UTF-8; plain numbers have none.
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(file)
    except (TokenError, SyntaxError, RecursionError, MemoryError) as error:  # of the Python literal that a header is
        raise ValueError(f"its header is damaged ({type(error).__name__})") from None
    if any(side < 0 for side in shape):
        raise ValueError(f"its header says the shape {shape}")
    return shape, dtype


def read_table(path: Path) -> np.ndarray:
    """Numbers (rows, columns) of a text: separated by white space, commas or semicolons, "#" begins a comment.

    A first line of names, without a number, is left out.  With semicolons, tabs or spaces between the numbers, a comma
    may be the decimal mark.
    """
    if (size := path.stat().st_size) > LARGEST_TEXT:
        raise ValueError(f"it is a text of {size:,} bytes, and at most {LARGEST_TEXT:,} (2^26) are read; save it as .npy")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"it is {_kind(path)}no text in UTF-8") from None
    kept = ((n, line.partition("#")[0].strip("\r\n ")) for n, line in enumerate(text.splitlines(), 1))
    numbered = [(n, line) for n, line in kept if line.strip()]
    if len(numbered) > 1 and _is_header(numbered[0][1]):
        if _NO_NAME.match(numbered[0][1]):
            raise ValueError(f"its first column has no name, so that it {_INDEX}")
        numbered = numbered[1:]
    lines = [line for _, line in numbered]
    if not lines:
        return np.empty(0)
    mark = next((mark for mark in (";", "\t") if any(mark in line for line in lines)), None)
    if mark is None and any("," in line for line in lines):
        words = [line.split() for line in lines]
        decimal = all(len(row) > 1 and all(map(_DECIMAL_COMMA.fullmatch, row)) for row in words)
        mark = None if decimal else ","
    rows = [[field.strip() for field in (line.split(mark) if mark else line.split())] for line in lines]
    if mark != "," and any("," in line for line in lines):
        if any("." in line for line in lines):
            raise ValueError("it has both commas and points in its numbers; write a point for the decimals and nothing else")
        rows = [[field.replace(",", ".") for field in row] for row in rows]
    if mark is not None and all(len(row) > 1 and row[-1] == "" for row in rows):  # each line ends with a separator
        rows = [row[:-1] for row in rows]
    if len(rows) > 1:
        _refuse_counted(rows)
    for (n, _), row in zip(numbered, rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"its line {n} has {len(row)} numbers, and line {numbered[0][0]} has {len(rows[0])}")
        bad = next((field for field in row if not _is_number(field)), None)
        if bad is not None:
            what = f"has {bad[:40]!a} where a number is expected" if bad else "has an empty field"
            raise ValueError(f"its line {n} {what}")
    return np.array(rows, dtype=np.float64)


def _refuse_counted(rows: list[list[str]]) -> None:
    """ValueError where the first line numbers the columns, as pandas does with columns that have no names.

    A first line 0, 1, 2, … may be data: of whole numbers that are counted on in the next line, or too few to tell.
    """
    names, below = rows[0], rows[1:]
    if names[0] == "" and names[1:] == _counted(0, len(names) - 1):
        raise ValueError(f"its first line and column number columns and rows; it {_INDEX}")
    if len(names) < 3 or names != _counted(0, len(names)) or below[0] == _counted(len(names), len(names)):
        return
    if len(names) >= 8 or all("." in field for row in below for field in row):
        raise ValueError("its first line numbers the columns; delete it (in pandas, to_csv with header=False)")


def _counted(first: int, count: int) -> list[str]:
    return [str(number) for number in range(first, first + count)]


def _is_header(line: str) -> bool:
    """Whether a line names columns: there are letters in it, and no numbers."""
    return _LETTER.search(line) is not None and not any(map(_is_number, re.split(r"[\s,;]+", line)))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"
