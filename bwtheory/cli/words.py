"""The words of a command line: which command and flags they are, refused in one sentence, and read by tyro."""

from __future__ import annotations

import inspect
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import fields, is_dataclass
from functools import partial, wraps
from io import StringIO
from itertools import takewhile
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from bwtheory.cli.commands import COMMANDS
from bwtheory.cli.edge import BadInput
from bwtheory.options import nearest

NARROWEST = 40  # columns: tyro does not end in a few
_KINDS = {"INT": "a whole number", "FLOAT": "a number", "INT|STR": "a whole number or a file"}
Takes = Literal["none", "one", "several", "again"]


def refuse_unknown_words(words: list[str]) -> None:
    """A command or flag that does not exist is refused with the nearest one that does; no other flag of the line is read."""
    if not words:
        raise BadInput(f"A command is missing: {', '.join(COMMANDS)}. `bwtheory --help` says what they do.")
    first, *others = words
    if first.startswith("-"):
        if first not in ("-h", "--help"):
            raise BadInput(f"A command comes first: {', '.join(COMMANDS)}; got {first!r}.")
        return
    if "" in words or any(word.startswith("--") and word.endswith("=") for word in words):
        raise BadInput("A value is empty; leave its flag out.")
    if first not in COMMANDS:
        raise BadInput(f"There is no command {first!r}{nearest(first, COMMANDS)}; there are {', '.join(COMMANDS)}.")
    flags_of_command = flags_of(COMMANDS[first])
    given = [word.partition("=")[0].replace("_", "-") for word in others if word.startswith("--") and word != "--"]
    for name in given:
        if name not in flags_of_command and name != "--help":
            near = nearest(name, flags_of_command)
            raise BadInput(f"`bwtheory {first}` has no flag {name}{near}; `bwtheory {first} --help` lists them.")
        takes = flags_of_command.get(name)
        if takes in ("one", "several") and given.count(name) > 1:
            advice = f"name all after one {name}" if takes == "several" else "give it once"
            raise BadInput(f"{name} is given {given.count(name)} times, and only the last would count; {advice}.")


def flags_of(command: Callable[..., int]) -> dict[str, Takes]:
    """Flags of a command, and how many values each takes."""
    found: dict[str, Takes] = {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        group = get_type_hints(command)[name]
        if is_dataclass(group):
            of_group = get_type_hints(group, include_extras=True)
            found |= {f"--{field.name.replace('_', '-')}": _values_of(of_group[field.name]) for field in fields(group)}
        elif parameter.kind is parameter.KEYWORD_ONLY:
            found[f"--{name.replace('_', '-')}"] = _values_of(hints[name])
    return found


def _values_of(hint: Any) -> Takes:
    """How many values a flag of this type takes: "again" is one for each time that it is given."""
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *others = get_args(hint)
        marks = tuple(others)
    if tyro.conf.UseAppendAction in marks:
        return "again"
    if hint is bool:
        return "none"
    return "several" if any(get_origin(t) is tuple and Ellipsis in get_args(t) for t in (hint, *get_args(hint))) else "one"


def _choices_of(command: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """What parameters and flags of a command take, where that is one of a few names."""
    found: dict[str, tuple[str, ...]] = {}
    for name, kind in get_type_hints(command).items():
        if isinstance(kind, type) and is_dataclass(kind):
            found |= _choices_of(kind)
        literal = next((each for each in (kind, *get_args(kind)) if get_origin(each) is Literal), None)
        if literal is not None:
            found[name] = tuple(map(str, get_args(literal)))
    return found


def parse(words: list[str]) -> partial[int] | None:
    """The command with its arguments, or None where tyro has printed something instead.

    BadInput with tyro's reason in one sentence.
    """

    def deferred(function: Callable[..., int]) -> Callable[..., partial[int]]:
        return wraps(function)(lambda *arguments, **named: partial(function, *arguments, **named))

    commands, said = {name: deferred(function) for name, function in COMMANDS.items()}, StringIO()
    settings = (tyro.conf.FlagCreatePairsOff,)
    try:
        with redirect_stderr(said), columns(at_least=NARROWEST):
            chosen: partial[int] = tyro.extras.subcommand_cli_from_dict(commands, prog="bwtheory", args=words, config=settings)
            return chosen
    except SystemExit as stop:
        if stop.code:
            raise BadInput(_reason(said.getvalue(), words[0])) from None
        return None


def _reason(box: str, command: str) -> str:
    """One sentence from the box that tyro draws around an error: what stands between its title and the next rule.

    Where the output takes no lines to draw with, the title has a rule of its own.
    """

    def is_rule(line: str) -> bool:
        return bool(line.strip()) and set(line.strip()) <= set("─-")

    lines = [line.strip("│|").rstrip() for line in box.splitlines()[1:]]
    above = takewhile(lambda line: not is_rule(line), lines[is_rule(lines[0]) if lines else 0 :])
    text = " ".join(" ".join(line for line in above if not line.startswith(" " * 8)).split())
    choice = re.match(r"invalid choice '(.*)' for argument '(.+?)'\. Expected one of ", text)
    if choice:
        names = _choices_of(COMMANDS[command]).get(choice[2].strip("-").replace("-", "_"))
        if names is None:  # of a flag that takes True or False, as tyro lists them
            names = tuple(sorted(set(re.findall(r"\w+", text[choice.end() :])) - {"None"}))
        near, listed = nearest(choice[1], names), ", ".join(names)
        if choice[2].startswith("-"):
            return f"{choice[2]} takes one of {listed}{near}; got {choice[1]!r}."
        return f"There is no {choice[2]} {choice[1]!r}{near}; there are {listed}."
    value = re.match(r"Error parsing (\S+): no type matching \{None\}\|(\S+) could be instantiated from \[(.*?)\]\. Got", text)
    if value:
        text = f"{value[1]} takes {_KINDS.get(value[2], value[2])}; got {value[3]}"
    text = text.removeprefix("Error parsing ")
    return f"{text.rstrip('.')}. `bwtheory {command} --help` says more."


@contextmanager
def columns(at_least: int) -> Iterator[None]:
    """A terminal of so many columns, for a while, if it has fewer or says so."""
    if shutil.get_terminal_size().columns >= at_least:
        yield
        return
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(at_least)
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
