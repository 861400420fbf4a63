"""What can be said about a task before anything of it is imported: whether its options exist, and the files that they name."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.abc import InspectLoader

from bwtheory.catalogue import TASKS
from bwtheory.options import refuse_unknown
from bwtheory.tasks.sources import require_data


def refuse_before_import(task: str, flag: str, source: str, options: Mapping[str, object]) -> None:
    """ValueError, as the task itself would say it, for an option that it does not have, or data that are not there.

    Parameters
    ----------
    task : of ``bwtheory.catalogue.TASKS``
    flag : that has named the source
    """
    row = TASKS[task]
    module, _, function = row.home.partition(":")
    names = _written_options(f"bwtheory.tasks.{module}")
    if function in names and (row.measured is None or row.measured[1] in names):
        measured = row.measured and (row.measured[0], names[row.measured[1]])
        refuse_options(task, options, names[function], measured)
    require_data(flag, source)
    for name, value in options.items():
        require_data(name, value)


def refuse_options(
    task: str, options: Mapping[str, object], simulated: Sequence[str], measured: tuple[str, Sequence[str]] | None
) -> None:
    """ValueError for an option that a task does not have, or not for what is measured.

    Parameters
    ----------
    simulated : options of the task
    measured : the option that stands for measurements of one's own, and the options with these
    """
    own, with_own = measured or ("", ())
    if options.get(own):
        refuse_unknown(f"The task {task!r} with --{own}", with_own, options)
        return
    for option in options:
        if option in set(with_own) - set(simulated) - {own}:
            together = f"--{option.replace('_', '-')} goes with --{own}"
            raise ValueError(f"The task {task!r} has no option {option!r} without measurements of your own: {together}.")
    refuse_unknown(f"The task {task!r}", simulated, options)


@cache
def _written_options(module: str) -> dict[str, list[str]]:
    """Options that functions of a module take by name only, read from its text; none where there is no text."""
    spec = importlib.util.find_spec(module)
    text = spec.loader.get_source(module) if spec and isinstance(spec.loader, InspectLoader) else None
    functions = [node for node in ast.parse(text or "").body if isinstance(node, ast.FunctionDef)]
    return {function.name: [argument.arg for argument in function.args.kwonlyargs] for function in functions}
