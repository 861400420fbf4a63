"""The ledger as a whole: complete, well-formed, honest about what it leaves open."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bwtheory.claims import Verdict, load_ledger
from bwtheory.ledger_page import first_sentence

CHECKOUT = Path(__file__).resolve().parents[1]
LEDGER = load_ledger(CHECKOUT)


def test_every_numbered_equation_has_a_claim():
    """The paper numbers (1) to (53); a claim's ``where`` names single equations or ranges such as (35)-(37)."""
    covered = set()
    for claim in LEDGER.claims:
        for first, last in re.findall(r"\((\d+)\)(?:-\((\d+)\))?", claim.where):
            covered |= set(range(int(first), int(last or first) + 1))
    assert covered >= set(range(1, 54))


@pytest.mark.parametrize(
    "name", ["Theorem 3.1", "Prop. 3.2", "Theorem 3.3", "Theorem B.1", *(f"Fig. {n}" for n in range(1, 10))]
)
def test_every_theorem_and_figure_has_a_claim(name):
    assert any(name in claim.where for claim in LEDGER.claims)


@pytest.mark.parametrize(
    "name", ["Next Checks 1", "Next Checks 2", "Next Checks 3", "Open Questions", "related abstracts", "README"]
)
def test_every_other_source_has_a_claim(name):
    assert any(name in claim.where for claim in LEDGER.claims)


def test_first_sentences_fit_a_table():
    for claim in LEDGER.claims:
        assert len(first_sentence(claim.summary)) <= 181, claim.id


def test_the_level_is_divided_by_the_claims_of_an_experiment():
    """Bonferroni's number, written with each claim, is that of the claims decided from the same file of results."""

    def file_of(experiment):  # the first word of its name, but for a protocol of its own beside that of a figure
        return "fig2-readings" if experiment.startswith("fig2-readings-") else experiment.partition("-")[0]

    empirical = [claim for claim in LEDGER.claims if "experiment" in claim.printed]
    files = Counter(file_of(claim.printed["experiment"]) for claim in empirical)
    for claim in empirical:
        expected = files[file_of(claim.printed["experiment"])]
        assert claim.printed.get("comparisons", expected) == expected, claim.id
    assert sum("comparisons" in claim.printed for claim in empirical) > 40


def test_open_claims_name_the_file_that_decides_them():
    for claim in LEDGER.claims:
        if claim.expected is Verdict.OPEN:
            entry = claim.printed.get("experiment") or claim.printed["figure"]
            file, dash, _ = entry.partition("-")
            assert f"results/{file}.json" + (f", {entry}" if dash else "") in claim.missing, claim.id


def test_ids_in_the_readme_exist():
    ids = {claim.id for claim in LEDGER.claims}
    named = re.findall(r"bwtheory verify ([a-z]+-[\w.-]+)", (CHECKOUT / "README.md").read_text(encoding="utf-8"))
    assert named and set(named) <= ids
