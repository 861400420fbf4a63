"""A command line from its words to its exit status."""

from __future__ import annotations

import os
import sys
from functools import partial

import bwtheory
from bwtheory.cli.edge import BadInput, bad_input_is_a_sentence, exit_status, warnings_are_no_errors
from bwtheory.cli.help import show_help
from bwtheory.cli.words import parse, refuse_unknown_words
from bwtheory.signals import status_of_stop
from bwtheory.streams import steady_streams
from bwtheory.training import flags


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status, and raises nothing for bad input.

    Output that cannot be written, because the reader of a pipe has left or there is no stdout, stops no work and changes no
    status; a full disk does: then it is 2.
    """
    try:
        with steady_streams() as (out, _), warnings_are_no_errors():
            status = exit_status(partial(_carry_out, sys.argv[1:] if arguments is None else list(arguments)))
            out.flush()
            if out.error is not None:
                print(f"bwtheory: Not all of the output was written: {out.error.strerror}.", file=sys.stderr)
                status = status or 2
    except KeyboardInterrupt as stop:  # while output waits for its reader, or a second one
        return status_of_stop(stop)
    return status


def _carry_out(words: list[str]) -> int:
    if words == ["--version"]:
        print(f"bwtheory {bwtheory.__version__}")
        return 0
    refuse_unknown_words(words)
    if {"-h", "--help"} & set(words):
        show_help(words)
        return 0
    command = parse(words)
    if command is None:
        return 0
    _require_current_folder()
    with bad_input_is_a_sentence():
        flags.refuse_absurd_numbers(command.keywords)
    return command()


def _require_current_folder() -> None:
    """MKL ends the process, without an exception, where the current folder has been deleted."""
    try:
        os.getcwd()
    except OSError as error:
        raise BadInput(f"The current folder cannot be used ({error.strerror}); change to one that exists.") from None
