"""The deliberate errors of `make mutants`: each can still be made, and the program tells caught from survived."""

from __future__ import annotations

import ast
import json
from collections import Counter

import pytest

from tests import mutants
from tests.mutant_table import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}: {mutant.what}")
def test_every_old_text_occurs_once_and_the_new_one_is_python(mutant):
    text = (mutants.CHECKOUT / mutant.file).read_text(encoding="utf-8")
    wrong = mutants.mutated(text, mutant)
    assert wrong != text
    ast.parse(wrong)
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (mutants.CHECKOUT / file).read_text(encoding="utf-8")


def test_there_are_enough_and_none_twice():
    assert len(MUTANTS) >= 60
    assert max(Counter((mutant.file, mutant.old, mutant.new) for mutant in MUTANTS).values()) == 1
    assert max(Counter((mutant.file, mutant.what) for mutant in MUTANTS).values()) == 1


def test_a_text_that_is_gone_or_occurs_twice_is_an_error():
    for text in ("", "one one"):
        with pytest.raises(ValueError, match=r"[02] places"):
            mutants.mutated(text, Mutant("file.py", "an error", "one", "two", ("test.py",)))


def test_caught_survived_and_broken_are_told_apart(tmp_path):
    (tmp_path / "library.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "test_it.py").write_text("import library\n\ndef test_double():\n    assert library.double(0) == 0\n")
    assert mutants.failures_without([tmp_path], ["test_it.py"]) == []
    texts = {"return x": mutants.SURVIVED, "return 2 * x + 1": mutants.CAUGHT, "retrn 2": mutants.BROKEN}
    tried = [Mutant("library.py", "an error", "return 2 * x", new, ("test_it.py",)) for new in texts]
    told = []
    outcomes = mutants.try_mutants([tmp_path], tried, told.append)
    assert told == outcomes
    assert [outcome.result for outcome in outcomes] == list(texts.values())
    assert [outcome.by == "test_it.py::test_double" for outcome in outcomes] == [False, True, False]
    assert "2 * x\n" in (tmp_path / "library.py").read_text()


def test_a_mutant_that_hangs_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "SECONDS", 2)
    (tmp_path / "library.py").write_text("def wait():\n    pass\n")
    (tmp_path / "test_it.py").write_text("import library\n\ndef test_wait():\n    library.wait()\n")
    one = Mutant("library.py", "an error", "    pass", "    while True:\n        pass", ("test_it.py",))
    (outcome,) = mutants.try_mutants([tmp_path], [one])
    assert (outcome.result, outcome.by) == (mutants.CAUGHT, "no end in 2 s")


def test_the_copy_is_what_is_tested(tmp_path):
    mutants.copy_checkout(tmp_path)
    assert (tmp_path / "verify" / "claims.toml").is_file() and not (tmp_path / ".git").exists()
    (tmp_path / "test_where.py").write_text(
        "import subprocess, sys\nimport bwtheory\nfrom verify import printed\n\n"
        "def test_where():\n"
        f"    assert bwtheory.__file__.startswith({str(tmp_path)!r}) and printed.__file__.startswith({str(tmp_path)!r})\n"
        "    code = 'import bwtheory; print(bwtheory.__file__)'\n"
        "    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
        f"    assert run.stdout.startswith({str(tmp_path)!r})\n"
    )
    assert mutants.failures_without([tmp_path], ["test_where.py"]) == []


def test_the_report_names_what_survived_and_keeps_earlier_rows(tmp_path):
    first, second, third = MUTANTS[:3]
    mutants.write([mutants.Outcome(first, mutants.SURVIVED), mutants.Outcome(third, mutants.CAUGHT, "a test")], "abc", tmp_path)
    text = (tmp_path / "mutants.md").read_text(encoding="utf-8")
    assert "1 of 2 are caught" in text and f"- {first.file}: {first.what} (survived)" in text
    again = [mutants.Outcome(second, mutants.CAUGHT, "a test"), mutants.Outcome(first, mutants.CAUGHT, "another")]
    mutants.write(again, "def", tmp_path)
    made = json.loads((tmp_path / "mutants.json").read_text(encoding="utf-8"))
    assert (made["in the table"], made["tried"], made["caught"]) == (len(MUTANTS), 3, 3)
    assert [(row["error"], row["commit"]) for row in made["mutants"]] == [
        (first.what, "def"),
        (second.what, "def"),
        (third.what, "abc"),
    ]
    assert "Not caught" not in (tmp_path / "mutants.md").read_text(encoding="utf-8")


def test_the_recorded_score_is_of_mutants_of_the_table_and_nothing_survived():
    made = json.loads((mutants.CHECKOUT / "results" / "mutants.json").read_text(encoding="utf-8"))
    known = {(mutant.file, mutant.what) for mutant in MUTANTS}
    assert {(row["file"], row["error"]) for row in made["mutants"]} <= known
    readme = (mutants.CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert f"{made['caught']} of {made['tried']} deliberate errors" in readme
    assert made["tried"] == made["caught"] == len(made["mutants"]) >= 60
