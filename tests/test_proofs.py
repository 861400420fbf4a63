"""The record of the Coq proofs: it is of these files, a changed file loses it, gaps and new axioms are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bwtheory import proofs
from bwtheory.claims import Check, Claim, Result, judge, load_ledger
from tests.proof_controls import CONTROLS, PROOFS, compiles, theorem, wrong

ROOT = PROOFS.parent
AXIOM = "ClassicalDedekindReals.sig_not_dec : forall P : Prop, {~ ~ P} + {~ P}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROOFS, tmp_path / "proofs", ignore=shutil.ignore_patterns("*.vo*", "*.glob", ".*")))


def test_the_record_is_of_these_files_and_has_every_theorem_with_allowed_axioms():
    theorems = proofs.recorded(PROOFS)
    assert set(theorems) == set(proofs.stated(PROOFS)) == set(proofs.audited(PROOFS))
    assert all(set(axioms) <= proofs.ALLOWED for axioms in theorems.values())
    proofs.check_sources(PROOFS)
    assert {path.name for path in PROOFS.glob("*.v")} - {"FloatPoints.v", "Points.v"} == set(proofs.hashes(PROOFS))


def test_generated_file_says_what_the_wavelet_says():
    assert subprocess.run([sys.executable, PROOFS / "generate.py", "--check"], cwd=ROOT).returncode == 0


def test_every_theorem_of_the_ledger_is_stated_and_recorded():
    judged = [claim for claim in load_ledger(ROOT).claims if claim.theorem]
    assert judged
    for claim in judged:
        assert set(claim.theorem) <= set(proofs.stated(PROOFS)) & set(proofs.recorded(PROOFS)), claim.id


@pytest.mark.parametrize("name", ["Statements.v", "Hats.v"])
def test_a_changed_file_loses_the_record_and_line_ends_do_not(folder, name):
    path = folder / name
    text = path.read_bytes()
    path.write_bytes(text.replace(b"\n", b"\r\n"))
    assert proofs.recorded(folder)
    path.write_bytes(text.replace(b"1", b"2", 1))
    assert proofs.recorded(folder) == {}


def test_without_a_record_nothing_is_proved(folder):
    (folder / proofs.RECORD).unlink()
    assert proofs.recorded(folder) == {} == proofs.recorded(folder / "none")


def test_the_ledger_shows_the_mark_only_with_the_record():
    row = {"id": "toy", "where": "(0)", "statement": "s", "scope": "s", "expected": "holds", "evidence": "exact"}
    row |= {"printed": {"bound": 5}, "reason": "r.", "controls": [{"change": "2", "bound": 2}], "theorem": ["one", "two"]}
    judged = judge(Claim.from_toml(row), Check(lambda bound: Result(bound > 3), ("toy",)), (), frozenset({"one", "two"}))
    assert judged.evidence == "proved (one, two); exact"
    lost = replace(judged, recorded=frozenset({"one"}))
    assert not lost.is_proved and lost.evidence == "exact (no record here that Coq proved one, two)"


@pytest.mark.parametrize("text", ["Admitted.", "Axiom a : False.", "Parameter a : nat.", "admit.", "Unset Guard Checking."])
def test_gaps_and_axioms_are_refused(folder, text):
    path = folder / "Hats.v"
    path.write_text(path.read_text(encoding="utf-8") + f"\n(* Admitted (* Axiom *) admit *)\n{text}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"proofs/Hats.v says"):
        proofs.check_sources(folder)


def test_answers_of_the_audit_are_read_and_another_axiom_is_refused():
    output = f"Closed under the global context\nAxioms:\n{AXIOM}\nClassical_Prop.classic\n  : forall P : Prop, P \\/ ~ P\n"
    names = ["ClassicalDedekindReals.sig_not_dec", "Classical_Prop.classic"]
    assert proofs.assumptions(output, ["one", "two"]) == {"one": [], "two": sorted(names)}
    with pytest.raises(ValueError, match=r"two rests on Hats\.gap"):
        proofs.assumptions(output + "Hats.gap : False\n", ["one", "two"])
    with pytest.raises(ValueError, match="asks about 3 theorems, and Coq gave 2"):
        proofs.assumptions(output, ["one", "two", "three"])


def test_controls_change_a_statement_that_is_there():
    assert len(CONTROLS) >= 15
    for name, text, instead in CONTROLS:
        assert wrong(name, text, instead) != theorem(name)[1]


@pytest.mark.skipif(
    shutil.which("coqc") is None or not (PROOFS / "Statements.vo").exists(), reason="needs Coq and the compiled proofs"
)
@pytest.mark.parametrize("name, text, instead", [c for c in CONTROLS if c[0] in ("psi_two_scale", "C1_C2_printed")])
def test_a_wrong_constant_does_not_compile(name, text, instead):
    head, right = theorem(name)
    assert compiles(head, right)
    assert not compiles(head, wrong(name, text, instead))


def test_record_is_plain_json():
    assert set(json.loads((PROOFS / proofs.RECORD).read_text(encoding="utf-8"))) == {"files", "theorems"}
