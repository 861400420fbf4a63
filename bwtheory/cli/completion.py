"""The scripts by which a shell completes commands: tyro's, which know the flags, and the words that they leave out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import docstring_parser
import tyro

from bwtheory.cli import help_texts

Command = Callable[..., int]

# Put into each script: read from a here-document, and in fish between double quotes, so without ", $ and backslash.
_WORDS = """
_WORDS = {words}
_SEVERAL = {several}
_FILES = {files}
_ABOUT = {about}
_TAB = chr(9)


def get_completions(words, current_word_index, spec):
    for command, text in _ABOUT.items():
        takes = spec['subcommands'][command]
        takes['description'] = text
        after = takes['subcommands'] if command in _SEVERAL else {{}}
        takes['subcommands'].update({{name: {{**takes, 'subcommands': after, 'description': ''}} for name in _WORDS[command]}})
    found = [one for one in get_flags(words, current_word_index, spec) if one.split(_TAB)[0] != 'None']
    current = words[current_word_index] if current_word_index < len(words) else ''
    if current.startswith('-'):
        return found
    if current_word_index > 1 and words[1] in _FILES and not words[current_word_index - 1].startswith('-'):
        return ['__TYRO_COMPLETE_FILES__']
    return [one for one in found if not one.startswith('-')] or found


def main("""


_EVERYWHERE = (("def get_completions(", "def get_flags("), ("\ndef main(", "ADDED"))
_CHANGES = {
    # Bash: tyro looks for files that begin with all words so far in one.
    "bash": (*_EVERYWHERE, ('compgen -f -- "$cur"', 'compgen -f -- "${COMP_WORDS[COMP_CWORD]}"')),
    "zsh": _EVERYWHERE,
    # Fish: tyro leaves out the word at the cursor.
    "fish": (*_EVERYWHERE, ('-c "$pycode" $words $current', '-c "$pycode" $words (commandline -ct) $current')),
}


def script(shell: str, commands: Mapping[str, Command], names: Mapping[str, Collection[str]]) -> str:
    """The script for a shell: commands, tasks and other words, flags with their values, and files.

    ``names`` are the words of commands whose types do not list them.
    """
    views: dict[str, Any] = {name: help_texts.view(command) for name, command in commands.items()}  # each text on one line
    printed = StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        tyro.extras.subcommand_cli_from_dict(
            views, prog="bwtheory", args=["--tyro-print-completion", shell], config=(tyro.conf.FlagCreatePairsOff,)
        )
    words = {name: _choices(command) for name, command in commands.items()} | {n: list(some) for n, some in names.items()}
    added = _WORDS.format(
        words=words,
        several=[name for name, command in commands.items() if _takes_several(command)],
        files=[name for name, command in commands.items() if Path in _parts(_positional(command))],
        about={name: _about(command) for name, command in commands.items()},
    )
    assert not any(character in added for character in '"$\\'), "a character that has a meaning in fish"
    text = printed.getvalue()
    for before, after in _CHANGES[shell]:
        assert text.count(before) == 1, f"tyro's script has changed: {before}"
        text = text.replace(before, after.replace("ADDED", added))
    return text


def _positional(command: Command) -> Any:
    """The type of what a command takes without a flag; None if it takes nothing."""
    for name, parameter in inspect.signature(command).parameters.items():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            return get_type_hints(command)[name]
    return None


def _parts(kind: Any) -> list[Any]:
    """A type, and the types that it is made of."""
    inner = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    made_of_types = get_origin(kind) in (Annotated, Union, UnionType, tuple)
    return [kind, *(part for each in inner for part in _parts(each))] if made_of_types else [kind]


def _choices(command: Command) -> list[str]:
    return [str(word) for part in _parts(_positional(command)) if get_origin(part) is Literal for word in get_args(part)]


def _about(command: Command) -> str:
    """What a command does, in words without quotes."""
    text = docstring_parser.parse(command.__doc__ or "").short_description or ""
    return text.replace("'", "’")


def _takes_several(command: Command) -> bool:
    return any(get_origin(part) is tuple for part in _parts(_positional(command)))
