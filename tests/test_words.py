"""Plain English: phrases that readers had to read twice stay out of documents, help texts, messages and the ledger."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bwtheory import cli
from bwtheory.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]
RIDDLES = {  # and what to write instead
    r"(?:that|which) (?:is|are) none\b": "say what they are: methods without a network",
    r"\bby themselves\b": "automatically; or say what does it",
    r"\bin the shape of\b": "say what it is",
    r"\b(?:on|of|in|from) what is not\b|\bwhat is not (?:there|done)\b": "name it: the missing runs",
    r"\bwhat there is\b": "name it: what was trained so far",
    r"\bon which is reported\b|\bthose reported, to\b": "the images that the results are about",
    r"\bgo(?:es)? on by (?:the|this) same\b": "the same command continues it",
    r"\b(?:is|are) an error here\b": "say whose error it is",
    r"\(but \w+\)": "other than …",
    r"\bas of its\b|\bas of all\b": "as for …",
    r"\bcomes? on top\b": "say what is counted and what is not",
    r"\bpays? for (?:small|large)\b": "is faster for …",
    r"\b(?:is|are) said\b": "is printed, is reported, is named in the message",
    r"\bone's own\b": "your own",
    r"\ba number of the weights\b": "depends on the weights, not only on the function",
    r"\b(?:of|about|by|take) so many\b|\bso and so many\b": "say of which number",
    r"\bthan there (?:is|are)\b": "than is free, than exist",
    r"\bwhere there is room\b": "say where",
    r"\bthe one is not the other's\b": "they are not adjoint to each other",
    r"\bgot its sentence\b": "is answered with an error message",
    r"\bcame? to pass\b": "happened",
    r"\bwhatever ends that\b": "for any reason",
    r"\bis another one\b": "differs",
    r"\b(?:it|which|that|this|they|one) (?:is|are) no (?!longer\b|more\b|less\b|better\b|worse\b|further\b)": "is not a …",
    r"\bcan be meant\b": "is allowed",
    r"\b(?:is|are) meant\b": "say who means it: the paper means …, the one that you mean",
    r"\bgo(?:es)? on\b": "continue",
    r"\bby itself\b": "automatically; or say what does it",
    r"\bso much (?:on|in|of|to|a|at)\b|\bthan so much\b|\bso many (?:a|epochs|steps|random)\b": "say which number",
    r"\bthan the (?:others?|rest) (?:had|have|has|did|do)\b(?=[,;.)])": "say what they had",
    r"\bnot to be told apart\b": "can't tell",
    r"\bwhat (?:goes|comes) (?:through|out|in)\b": "name it",
    r"\b(?:is|are|was|were) (?:gone|done|hit) (?:on )?(?:with|again|anew)\b": "continued, repeated",
    r"\bdoes the work\b": "say what matters",
    r"\b(?:lives?|lived) (?:in|on|where)\b": "is not zero in …, is used in …",
    r"\bof (?:your|our|its|their|one's) own ones?\b|\byour own ones?\b": "yours, or a noun",
    r"\bwhoever\b|\bwhosoever\b": "a person who …, or rewrite it",
    r"\bas (?:it was|they were) then\b": "of that time",
}
PATTERNS = {re.compile(pattern, re.IGNORECASE): advice for pattern, advice in RIDDLES.items()}
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "theorems").glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("proofs", "benchmarks", "results")),
]


def riddles(text: str) -> list[str]:
    """Every phrase of the list in this text, with what to write instead."""
    line = " ".join(text.split())
    return [
        f"…{line[max(match.start() - 50, 0) : match.end() + 30]}…: {advice}"
        for pattern, advice in PATTERNS.items()
        for match in pattern.finditer(line)
    ]


def strings(value: object) -> Iterator[str]:
    """All strings in a table of TOML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_are_plain(document):
    assert riddles(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_texts_are_plain(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")  # no sentence is broken
    assert cli.main([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "usage: bwtheory" in text
    assert riddles(text) == []


def test_the_ledger_is_plain():
    claims = tomllib.loads((ROOT / "verify" / "claims.toml").read_text(encoding="utf-8"))["claim"]
    assert [riddle for claim in claims for text in strings(claim) for riddle in riddles(text)] == []


def test_messages_are_plain():
    """The strings of the package that are no docstrings: error messages, notes, tables."""
    found = []
    for path in sorted((ROOT / "bwtheory").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
        found += [f"{path.name}: {riddle}" for node in texts if id(node) not in statements for riddle in riddles(node.value)]
    assert found == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Compare networks with methods that are none.",
        "Long runs are compiled by themselves.",
        "An error in these is an\nerror here.",
        "Parameters in the activation (but c).",
        "A note is said.",
        "A photograph is a file that is no scan.",
        "The same command goes on.",
        "Save the array that is meant.",
        "A batch takes so many a step.",
        "The wavelets live in the left half.",
        "Whoever trains it waits.",
        "It shows what of the wavelet does the work.",
        "Nothing is compiled by itself.",
    ],
)
def test_a_riddle_is_found(sentence):
    assert riddles(f"Before. {sentence} After.")


def test_plain_sentences_pass():
    text = "There is no network that is no longer than this. All neurons but two are zero. What is not proved is listed."
    assert riddles(text + " The methods have none of these.") == []
