"""The ledger's engine: verdicts are computed, rules are enforced, misses are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bwtheory.claims import (
    Check,
    Claim,
    Ledger,
    Result,
    Verdict,
    _pair,
    check,
    find_checkout,
    judge,
)
from bwtheory.ledger_page import first_sentence, referee, render


def at_most(bound: float, limit: float = 3.0) -> Result:
    """A statement "limit <= bound" that is true or false by its parameter."""
    return Result(limit <= bound, {"bound": str(bound)})


def claim(**changes) -> Claim:
    row = {
        "id": "toy",
        "where": "(0)",
        "statement": "Three is at most\n   the bound.",
        "scope": "numbers",
        "expected": "holds",
        "evidence": "exact",
        "printed": {"bound": 5},
        "reason": "Three is small. Indeed.",
        "controls": [{"change": "the bound 2", "bound": 2}],
    }
    return Claim.from_toml(row | changes)


TOY = Check(at_most, ("toy",))
FALSE = {"printed": {"bound": 1}, "controls": [{"change": "4", "bound": 4, "holds": True}, {"change": "2", "bound": 2}]}
CORRECTED = {"correction": "At most four.", "corrected": {"bound": 4}, "controls": [{"change": "2", "bound": 2}]}


@pytest.mark.parametrize(
    "changes, verdict",
    [
        ({}, Verdict.HOLDS),
        (CORRECTED | {"expected": "loose"}, Verdict.LOOSE),
        (CORRECTED | {"printed": {"bound": 1}, "expected": "holds-corrected"}, Verdict.HOLDS_CORRECTED),
        (FALSE | {"expected": "fails"}, Verdict.FAILS),
        (FALSE | {"expected": "reading", "reading": "About four."}, Verdict.READING),
        (CORRECTED | {"printed": {"bound": 1}, "expected": "reading", "reading": "About four."}, Verdict.READING),
        ({"expected": "transcription", "documents": "agree"}, Verdict.TRANSCRIPTION),
        (FALSE | {"expected": "transcription", "documents": "differ"}, Verdict.TRANSCRIPTION),
        ({"evidence": "empirical", "expected": "reproduced"}, Verdict.REPRODUCED),
        (FALSE | {"evidence": "empirical", "expected": "not-reproduced"}, Verdict.NOT_REPRODUCED),
    ],
)
def test_verdict_is_computed(changes, verdict):
    judgement = judge(claim(**changes), TOY)
    assert judgement.verdict is verdict
    assert judgement.sound


def test_undecided_is_open():
    undecided = Check(lambda bound: Result(None if bound == 5 else False), ("toy",))
    judgement = judge(claim(expected="open", missing="a run"), undecided)
    assert judgement.verdict is Verdict.OPEN and judgement.sound
    assert "a run" in referee(judgement)


def test_what_rests_on_unpublished_data_is_undecidable():
    undecided = Check(lambda bound: Result(None if bound == 5 else False), ("toy",))
    judgement = judge(claim(expected="undecidable", missing="a run", unpublished="the image"), undecided)
    assert judgement.verdict is Verdict.UNDECIDABLE and judgement.sound
    assert "the image" in referee(judgement)


def test_a_true_statement_needs_no_other_reading():
    assert not judge(claim(**FALSE | {"printed": {"bound": 5}, "expected": "reading", "reading": "About four."}), TOY).sound


def test_documents_that_agree_where_they_should_differ_are_seen():
    agreeing = FALSE | {"printed": {"bound": 5}, "expected": "transcription", "documents": "differ"}
    assert not judge(claim(**agreeing), TOY).sound


def test_errors_of_substance_come_first_by_weight():
    wrong = FALSE | {"expected": "fails", "matters": "It is four."}
    light, heavy = claim(**wrong | {"weight": 2}), claim(**wrong | {"id": "heavy", "weight": 1})
    page = render([judge(light, TOY), judge(heavy, TOY)])
    assert (
        page.index("1. **heavy** ([fails](#heavy--fails)),")
        < page.index("2. **toy**")
        < page.index("## What does not hold as printed")
    )


def test_the_referee_names_every_printed_parameter():
    assert "bound = 5" in referee(judge(claim(), TOY))


def test_a_sentence_does_not_end_at_an_abbreviation():
    assert first_sentence("ReLU+P.E. is slow. It is.") == "ReLU+P.E. is slow."
    assert first_sentence("See Fig. 2, i.e. Eq. (3). Then.") == "See Fig. 2, i.e. Eq. (3)."
    assert first_sentence("At most c. The rest.") == "At most c."


def test_a_false_correction_is_a_defect():
    judgement = judge(claim(**CORRECTED | {"corrected": {"bound": 2.5}, "expected": "loose"}), TOY)
    assert judgement.verdict is Verdict.INCONSISTENT and not judgement.sound


def test_a_check_that_cannot_fail_is_seen():
    judgement = judge(claim(), Check(lambda bound: Result(True), ("toy",)))
    assert judgement.verdict is Verdict.HOLDS
    assert judgement.caught == 0 and not judgement.sound


def test_a_check_that_cannot_hold_is_seen():
    judgement = judge(claim(**FALSE | {"expected": "fails"}), Check(lambda bound: Result(False), ("toy",)))
    assert judgement.verdict is Verdict.FAILS
    assert not judgement.sound


def test_an_unexpected_verdict_is_seen():
    assert not judge(claim(expected="fails", controls=FALSE["controls"]), TOY).sound


def test_controls_change_the_corrected_statement():
    controls = [{"change": "2", "bound": 2}, {"change": "limit 5", "limit": 5.0}]
    printed = {"bound": 1, "limit": 3.0}
    changed = claim(**CORRECTED | {"printed": printed, "controls": controls, "expected": "holds-corrected"})
    assert changed.corrected == {"bound": 4, "limit": 3.0}
    assert changed.controls[0].parameters == {"bound": 2, "limit": 3.0}


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"controls": []}, "needs a negative control"),
        ({"controls": [{"change": "nothing", "bound": 5}]}, "changes nothing"),
        ({"expected": "fails"}, "needs a positive control"),
        ({"correction": "text only"}, "without parameters"),
        ({"expected": "loose"}, "needs the corrected statement"),
        ({"evidence": "numeric"}, "states no tolerance"),
        ({"expected": "open"}, "what is missing"),
        ({"printed": {"bound": 5, "limit": 3.0}}, "prints limit, which no control varies"),
        (FALSE | {"expected": "reading"}, "does not go with its fields"),
        ({"documents": "agree"}, "does not go with its fields"),
        ({"matters": "A lot."}, "has a weight without"),
    ],
)
def test_rules(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        claim(**changes)


def test_claims_and_checks_must_pair():
    @check("other")
    def other(bound: int) -> Result:
        return Result(True)

    with pytest.raises(ValueError, match="no check for the claim toy"):
        _pair([claim()], [])
    with pytest.raises(ValueError, match="no claim for the check of other"):
        _pair([claim()], [TOY, other])
    with pytest.raises(ValueError, match="more than one check"):
        _pair([claim()], [TOY, TOY])
    with pytest.raises(ValueError, match="two claims"):
        _pair([claim(), claim()], [TOY])


def test_rendering_opens_with_what_does_not_hold():
    good, bad = judge(claim(), TOY), judge(claim(id="bad", **FALSE | {"expected": "fails"}), TOY)
    page = render([good, bad])
    assert page.index("What does not hold") < page.index("### bad") < page.index("What holds") < page.index("### toy")
    assert "3/3 controls" in page
    assert len(page[: page.index("## What the verdicts mean")].strip().splitlines()) <= 20
    assert "Three is at most the bound." in page


def test_unknown_id():
    with pytest.raises(KeyError):
        Ledger((claim(),), {"toy": TOY}).judge("nothing")


def test_find_checkout(tmp_path):
    here = Path(__file__).resolve().parents[1]
    assert find_checkout(here / "tests") == here
    with pytest.raises(FileNotFoundError, match="not inside a bwtheory checkout"):
        find_checkout(tmp_path)


def test_a_claim_is_no_sounder_than_its_lemmas():
    """A lemma whose control is broken turns every claim above it red, however far above."""
    checks = dict.fromkeys(("lemma", "theorem", "corollary", "aside"), TOY)
    above = [claim(id="theorem", rests_on=["lemma"]), claim(id="corollary", rests_on=["theorem"]), claim(id="aside")]
    broken = claim(id="lemma", controls=[{"change": "a control that the check accepts", "bound": 7}])
    ledger = Ledger((*above, broken), checks)
    assert [ledger.judge(name).sound for name in ("lemma", "theorem", "corollary", "aside")] == [False, False, False, True]
    assert ledger.judge("corollary").broken_lemmas == ["lemma"]
    whole = Ledger((*above, claim(id="lemma")), checks)
    assert all(whole.judge(name).sound for name in checks)


@pytest.mark.parametrize(
    "rests_on, sentence", [(["nothing"], "rests on nothing, which is no claim"), (["second"], "rest on each other in a circle")]
)
def test_lemmas_exist_and_come_first(rests_on, sentence):
    with pytest.raises(ValueError, match=sentence):
        Ledger((claim(id="first", rests_on=rests_on), claim(id="second", rests_on=["first"])), {})
