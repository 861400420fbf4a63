"""What is given by name: options of activations and of tasks, engines.  Unknown names are refused, and the known ones named."""

from __future__ import annotations

import difflib
import inspect
import numbers
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

ENGINES = ("mkl", "onednn", "openblas", "torch")  # of matrix products: bwtheory.nn.products


def engines_named(name: str) -> tuple[str, str]:
    """What multiplies by weights, and what forms gradients of weights: of one name, or of two with a plus between them."""
    first, plus, second = name.partition("+")
    second = second if plus else first
    if first not in ENGINES or second not in ENGINES:
        raise ValueError(
            f"There is no engine {name!r} for matrix products; there are {', '.join(ENGINES)}, or two such as mkl+openblas: "
            "the first multiplies by weights, the second forms their gradients."
        )
    return first, second


def check_options(owner: str, build: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """ValueError for an option that ``build`` does not take by name."""
    refuse_unknown(owner, names_of_options(build), options)


def names_of_options(build: Callable[..., Any]) -> list[str]:
    """What a function or class takes by name; if something by name only, just this, as the first positional ones are none."""
    parameters = inspect.signature(build).parameters.values()
    keyword_only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    return keyword_only or [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    types.NoneType: "None",
    Sequence[float]: "a sequence of numbers",
}


def refuse_other_types(build: Callable[..., Any], options: Mapping[str, Any], files: Sequence[str] = ()) -> None:
    """ValueError for an option of another type than ``build`` is annotated with.

    A truth value is no number, a text is no truth value, and 2.0 is no whole number.  What is annotated with other types than
    those of ``_WORDS`` may be anything.

    Parameters
    ----------
    files : options whose texts are names of files, which the message then says
    """
    for name, value in options.items():
        kinds = _kinds_of(build, name)
        if kinds and not any(_is_a(value, kind) for kind in kinds):
            words = ["the name of a file" if kind is str and name in files else _WORDS[kind] for kind in kinds]
            raise ValueError(f"{name} is {' or '.join(words)}; got {_shown(value)}.")


def _shown(value: Any) -> str:
    if getattr(value, "shape", ()):
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    line = " ".join(repr(value).split())
    return line if len(line) <= 60 else f"{line[:60]}…"


def _kinds_of(build: Callable[..., Any], option: str) -> tuple[Any, ...]:
    """The types of a union; none where one of them says nothing here."""
    try:
        parameter = inspect.signature(build, eval_str=True).parameters.get(option)
    except (NameError, TypeError, ValueError, AttributeError):  # somebody's own, with names that are not imported
        return ()
    found = parameter.annotation if parameter else None
    kinds = typing.get_args(found) if isinstance(found, types.UnionType) else (found,)
    return kinds if all(kind in _WORDS for kind in kinds) else ()


def _is_a(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind == Sequence[float]:
        return isinstance(value, list | tuple) and all(_is_a(part, float) for part in value)
    if kind is float and getattr(value, "shape", None) == ():  # of an array or a tensor
        return True
    wanted: type = {int: numbers.Integral, float: numbers.Real}.get(kind, kind)
    return isinstance(value, wanted)


def refuse_unknown(owner: str, known: Sequence[str], options: Iterable[str]) -> None:
    """ValueError for an option that is not among the known ones."""
    unknown = sorted(set(options) - set(known))
    if unknown:
        near = nearest(unknown[0], known)
        raise ValueError(f"{owner} has no option {unknown[0]!r}{near}; it has: {', '.join(known) or 'none'}.")


def nearest(word: str, names: Iterable[str]) -> str:
    """A hint at the name that was probably meant, " (did you mean camera?)"; empty if none is near."""
    close = difflib.get_close_matches(word[:100], list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
