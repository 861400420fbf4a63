"""Which numbers of the ledger can be changed by one unit without their check noticing; `python -m tests.nearest_errors`.

    python -m tests.nearest_errors [ID ...]

Of each claim about mathematics that holds, printed or corrected, each number among its parameters is made a unit larger and a
unit smaller: an integer and a numerator by 1, a decimal by 1 in its last digit, a float by a fifth; a truth value is
inverted.  A number is listed if the check says yes to all of these.  That is right where the statement is about all
such numbers, and the printed one is an example; otherwise the check does not see it.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bwtheory.claims import Claim, Evidence, load_ledger

NUMBER = re.compile(r"(-?\d+)(/\d+)?|-?\d+\.\d+")
Way = tuple[Any, ...]


def leaves(value: Any, path: Way = ()) -> Iterator[tuple[Way, Any]]:
    """Every number or text in nested dictionaries and lists, with the way to it."""
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, key))
    else:
        yield path, value


def changed(parameters: dict[str, Any], path: Way, value: Any) -> dict[str, Any]:
    """A copy with another value at the end of the way."""
    result = place = copy.deepcopy(parameters)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return result


def neighbours(value: Any) -> list[Any]:
    """A unit more and a unit less; none for a text that is not a number."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [1.2 * value, 0.8 * value]
    found = NUMBER.fullmatch(value)
    if not found:
        return []
    if found[1] is not None:
        return [f"{int(found[1]) + unit}{found[2] or ''}" for unit in (1, -1)]
    whole, _, digits = value.partition(".")
    scaled = int(whole + digits)
    return [f"{(scaled + unit) / 10 ** len(digits):.{len(digits)}f}" for unit in (1, -1)]


def unseen(claim: Claim, check: Any) -> list[tuple[str, Any]]:
    """The numbers whose neighbours the check accepts, all of them, by name; an exception counts as no."""
    parameters = dict(claim.corrected or claim.printed)
    found = []
    for path, value in leaves(parameters):
        near = neighbours(value)
        if near and all(accepts(check, changed(parameters, path, other)) for other in near):
            found.append((".".join(map(str, path)), value))
    return found


def accepts(check: Any, parameters: dict[str, Any]) -> bool:
    """Whether the check says yes."""
    try:
        return check(**parameters).holds is True
    except Exception:  # a level of −1, an empty domain
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.nearest_errors", description=__doc__.partition(";")[0])
    parser.add_argument("ids", nargs="*", metavar="ID", help="claims; all without one")
    wanted = parser.parse_args(arguments).ids
    ledger = load_ledger(Path(__file__).resolve().parents[1])
    unknown = [name for name in wanted if name not in ledger.checks]
    if unknown:
        parser.error(f"There is no claim {unknown[0]!r}; `bwtheory verify` lists them.")
    for claim in ledger.claims:
        if (claim.id in wanted or not wanted) and claim.evidence is not Evidence.EMPIRICAL:
            check = ledger.checks[claim.id]
            if accepts(check, dict(claim.corrected or claim.printed)) and (names := unseen(claim, check)):
                print(f"{claim.id}: {', '.join(f'{name} = {value}' for name, value in names)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
