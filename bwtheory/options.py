"""What is given by name: options of activations and of tasks, engines.  Unknown names are refused, and the known ones named."""

from __future__ import annotations

import difflib
import inspect
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
