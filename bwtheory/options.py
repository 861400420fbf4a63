"""Options given by name, to activations and to tasks: an unknown one is refused, and the known ones are named."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def check_options(owner: str, build: Callable[..., Any], options: dict[str, Any]) -> None:
    """ValueError for an option that ``build`` does not take by name; the first positional parameters are no options."""
    parameters = inspect.signature(build).parameters.values()
    keyword_only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    known = keyword_only or [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"{owner} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}.")
