"""Standard output and error as one meets them: missing, closed, a pipe whose reader has left, a full disk, any encoding.

What cannot be written is dropped, and the work goes on.  What an encoding does not have is spelt in ASCII.
"""

from __future__ import annotations

import codecs
import errno
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SPELT = "bwtheory.spelt"  # the error handler's name, as codecs.register_error has it
_ASCII = {
    **dict.fromkeys("−–—‐‑", "-"),
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    **dict(zip("×·∗•′“”‘’≈≡ℓℝℤℕ∂", "x***'\"\"''~=lRZNd")),
    **{"…": "...", "″": "''", "→": "->", "←": "<-", "↔": "<->", "⇒": "=>", "↦": "|->", "≤": "<=", "≥": ">=", "≠": "!="},
    **{"±": "+-", "∞": "inf", "√": "sqrt ", "∫": "int ", "∑": "sum ", "∏": "prod ", "∇": "grad ", "∈": " in ", "∉": " not in "},
    **{"⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "⟨": "<", "⟩": ">", "‖": "||", "∘": " o ", "⊂": " in ", "∪": " or "},
    **{"½": "1/2", "¼": "1/4", "ᵀ": "^T", "∅": "{}", "≪": "<<", "≫": ">>"},
}


def _spelt(error: UnicodeError) -> tuple[str, int]:
    """Mathematics in ASCII; letters of file names as Python escapes them, which is unambiguous."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    spelt, mark = "", ""
    for character in error.object[error.start : error.end]:
        text = _in_ascii(character)
        spelt += text[1:] if mark and text.startswith(mark) else text  # one mark for all of an exponent
        mark = text[0] if text.startswith(("^", "_")) else ""
    return spelt, error.end


def _in_ascii(character: str) -> str:
    if character in _ASCII:
        return _ASCII[character]
    name = unicodedata.name(character, "")
    kind, _, letter = name.partition(" LETTER ")
    if kind in ("GREEK SMALL", "GREEK CAPITAL") and letter.isalpha():
        return letter.lower() if kind == "GREEK SMALL" else letter.capitalize()
    for kind, mark in (("SUBSCRIPT ", "_"), ("SUPERSCRIPT ", "^")):
        if name.startswith(kind):
            plain = unicodedata.normalize("NFKD", character)
            return mark + (plain if plain.isascii() else _in_ascii(plain))
    if name.startswith("BOX DRAWINGS "):
        vertical, horizontal = ("VERTICAL" in name or "UP" in name or "DOWN" in name), ("HORIZONTAL" in name or "LEFT" in name)
        return "+" if vertical and (horizontal or "RIGHT" in name) else "|" if vertical else "-"
    return character.encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error(SPELT, _spelt)


class SteadyStream:
    """A text stream that never raises: what it cannot write is dropped, and ``error`` says why.

    Parameters
    ----------
    stream : any object with ``write``, or None

    Attributes
    ----------
    error : the first one in writing; None if there was none, or if a pipe's reader has left, which is its good right
    """

    def __init__(self, stream: Any):
        self._stream, self._silent = stream, stream is None
        self.error: OSError | None = None

    @property
    def encoding(self) -> str:
        """That of the stream; UTF-8 if it takes any text."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        if not self._silent:
            try:
                self._attempt(self._stream.write, self._encodable(text))
            except UnicodeError:  # of a stream that does not say what its encoding is
                self._attempt(self._stream.write, text.encode("ascii", SPELT).decode("ascii"))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush, if the stream can."""
        if not self._silent and hasattr(self._stream, "flush"):
            self._attempt(self._stream.flush)

    def isatty(self) -> bool:
        """Whether the stream says that it is a terminal."""
        try:
            return bool(self._stream.isatty())
        except (AttributeError, ValueError):  # there is none, it has no such method, or it is closed
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _encodable(self, text: str) -> str:
        if text.isascii() or getattr(self._stream, "encoding", None) is None:
            return text
        try:
            return text.encode(self.encoding, SPELT).decode(self.encoding)
        except LookupError:  # no such encoding
            return text.encode("ascii", SPELT).decode("ascii")

    def _attempt(self, act: Callable[..., object], *arguments: str) -> None:
        try:
            act(*arguments)
        except UnicodeError:
            raise
        except ValueError:  # the stream is closed
            self._silent = True
        except OSError as error:
            self._silent = True
            if error.errno not in (errno.EPIPE, errno.ESHUTDOWN, errno.EINVAL):  # the last is Windows' broken pipe
                self.error = error
            self._drop_the_rest()

    def _drop_the_rest(self) -> None:
        """What Python still has in its buffer would be an error again when it ends."""
        if self._stream in (sys.__stdout__, sys.__stderr__):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


@contextmanager
def steady_streams() -> Iterator[tuple[SteadyStream, SteadyStream]]:
    """sys.stdout and sys.stderr as steady ones, for a while."""
    _fill_closed_descriptors()
    before = sys.stdout, sys.stderr
    out, err = SteadyStream(sys.stdout), SteadyStream(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        try:
            out.flush()
            err.flush()
        finally:  # a signal may come meanwhile
            sys.stdout, sys.stderr = before


def _fill_closed_descriptors() -> None:
    """A process that is started with descriptors 0 to 2 closed would give their numbers to the files that it opens."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
