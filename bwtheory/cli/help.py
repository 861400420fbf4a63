"""What ``--help`` prints."""

from __future__ import annotations

from contextlib import suppress

import tyro

from bwtheory.catalogue import TASKS
from bwtheory.cli import help_texts
from bwtheory.cli.commands import COMMANDS
from bwtheory.cli.edge import BadInput, bad_input_is_a_sentence
from bwtheory.cli.train import train
from bwtheory.cli.words import NARROWEST, columns
from bwtheory.options import nearest
from bwtheory.training import flags


def show_help(words: list[str]) -> None:
    """Print what ``--help`` shows of the whole, of a command, or of ``train`` with a task; then examples."""
    first, *others = words
    if first.startswith("-"):
        print("usage: bwtheory COMMAND [--help] [...]\n       bwtheory --version\n")
        print("The theory of BW-ReLU networks, derived and checked; and networks to train.\n")
        print(help_texts.overview(COMMANDS))
        print(help_texts.examples(""), end="")
        return
    topic, shown = first, help_texts.view(COMMANDS[first])
    if first == "train" and others[0] in TASKS:
        topic = f"train {others[0]}"
        with bad_input_is_a_sentence():
            shown = _view_of_task(others)
    elif first == "train":
        if not others[0].startswith("-"):
            raise BadInput(f"There is no task {others[0]!r}{nearest(others[0], TASKS)}; there are {', '.join(TASKS)}.")
        print(help_texts.tasks())
    with suppress(SystemExit), columns(at_least=NARROWEST):
        tyro.cli(shown, prog=f"bwtheory {topic}", args=["--help"], config=(tyro.conf.FlagCreatePairsOff,))
    print(help_texts.examples(topic), end="")


def _view_of_task(words: list[str]) -> type:
    """``train TASK --help`` with the activation and the preset that the line names; ValueError for one that there is not."""

    def value(flag: str) -> str | None:
        after = [
            word.partition("=")[2] or following
            for word, following in zip(words, [*words[1:], ""])
            if word.partition("=")[0] == flag
        ]
        return after[-1] if after else None

    activation = value("--activation") or "bw-relu"
    flags.refuse_activation(activation)
    return help_texts.view_of_task(train, words[0], activation, value("--preset"), "--faithful" in words)
