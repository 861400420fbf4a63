"""The deliberate errors of `make mutants`: each can still be made, and the program tells caught from survived."""

from __future__ import annotations

import ast
import subprocess
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
    assert mutant.tests and all((mutants.CHECKOUT / test).is_file() for test in mutant.tests)


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
    results = {"2 * x": mutants.SURVIVED, "2 * x + 1": mutants.CAUGHT, "return": mutants.BROKEN}
    assert mutants.run_tests(tmp_path, ["test_it.py"]) == (0, "")
    for new, result in results.items():
        one = Mutant("library.py", "an error", "return 2 * x", f"return {new}" if "x" in new else "retrn 2", ("test_it.py",))
        outcome = mutants.try_mutant(tmp_path, one)
        assert outcome.result == result
        assert (outcome.by == "test_it.py::test_double") == (result == mutants.CAUGHT)
        assert "2 * x\n" in (tmp_path / "library.py").read_text()


def test_the_copy_is_what_is_tested(tmp_path):
    mutants.copy_checkout(tmp_path)
    assert (tmp_path / "verify" / "claims.toml").is_file() and not (tmp_path / ".git").exists()
    (tmp_path / "test_where.py").write_text(
        f"import bwtheory\n\ndef test_where():\n    assert bwtheory.__file__.startswith({str(tmp_path)!r})\n"
    )
    assert mutants.run_tests(tmp_path, ["test_where.py"]) == (0, "")


def test_the_report_names_what_survived():
    outcomes = [mutants.Outcome(MUTANTS[0], mutants.CAUGHT, "a test"), mutants.Outcome(MUTANTS[1], mutants.SURVIVED)]
    made = mutants.report(outcomes)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=mutants.CHECKOUT, capture_output=True, text=True).stdout
    assert (made["tried"], made["caught"]) == (2, 1) and head.startswith(made["commit"])
    assert f"- {MUTANTS[1].file}: {MUTANTS[1].what} (survived)" in mutants.table(made)
