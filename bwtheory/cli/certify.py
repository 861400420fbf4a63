"""``bwtheory certify``: an enclosure of a condition number that others can check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from bwtheory.cli.edge import BadInput, bad_input_is_a_sentence
from bwtheory.cli.paths import file_to_write

if TYPE_CHECKING:
    from bwtheory.families import ReLUFamily, WaveletFamily


_FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {  # of certify: the flag that each needs, and those that it may have
    "uniform": ("size", ()),
    "relus": ("biases", ("signs", "domain")),
    "wavelets": ("levels", ("order", "shifts", "unnormalized", "domain")),
}


def certify(
    family: tyro.conf.Positional[Literal["uniform", "relus", "wavelets"]],
    *,
    out: Path,
    size: int | None = None,
    biases: tuple[float, ...] | None = None,
    signs: tuple[int, ...] | None = None,
    levels: int | None = None,
    order: int | None = None,
    shifts: Literal["theorem", "covering"] | None = None,
    unnormalized: bool = False,
    domain: tuple[float, float] | None = None,
    precision: int | None = None,
) -> int:
    """Write an enclosure of the condition number of a Gram matrix, with all that is needed to check it without bwtheory.

    `python verify/check.py FILE` checks it, in the exact arithmetic of Python's standard library.

    Args:
        family: ReLUs with equally spaced biases (--size) or given ones (--biases), or the wavelets of Theorem 3.3 (--levels)
        out: the file to write, JSON
        size: number of equally spaced ReLUs on [-1, 1]
        biases: of the ReLUs, taken as the exact float64 numbers that they are
        signs: 1 or -1 for each bias: the side to which the ReLU faces (1)
        levels: of the wavelets
        order: of the wavelets (2)
        shifts: of the wavelets: those of the theorem, or all that meet the domain (theorem)
        unnormalized: wavelets without the factor 2^(j/2)
        domain: the interval of the inner products (-1 1)
        precision: bits of the factors in the certificate; as many as are needed without it
    """
    options = {
        "size": size,
        "biases": biases,
        "signs": signs,
        "levels": levels,
        "order": order,
        "shifts": shifts,
        "unnormalized": unnormalized or None,
        "domain": domain,
    }
    given = {name: value for name, value in options.items() if value is not None}
    needed, allowed = _FAMILIES[family]
    if needed not in given:
        raise BadInput(f"`bwtheory certify {family}` needs --{needed}.")
    if foreign := sorted(given.keys() - {needed, *allowed}):
        raise BadInput(f"--{foreign[0]} does not go with {family}; it takes {', '.join(f'--{n}' for n in (needed, *allowed))}.")
    with bad_input_is_a_sentence():
        from bwtheory.certificates import write_certificate
        from bwtheory.families import ReLUFamily, WaveletFamily

        if "unnormalized" in given:
            given["normalized"] = not given.pop("unnormalized")
        makers: dict[str, Callable[..., ReLUFamily | WaveletFamily]] = {
            "uniform": ReLUFamily.uniform,
            "relus": ReLUFamily,
            "wavelets": WaveletFamily,
        }
        target = file_to_write(out)
        least, most = write_certificate(makers[family](**given), target, precision)
    print(f"{target}: the condition number is at least {least!r} and at most {most!r}.")
    return 0
