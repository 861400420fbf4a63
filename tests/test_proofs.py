"""The record of the Coq proofs: it is of these files, a changed file loses it, gaps and new axioms are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from bwtheory import proof_record as proofs
from bwtheory.claims import Check, Claim, Result, judge, load_ledger
from bwtheory.nn.functional import psi_of_centred
from bwtheory.wavelet import BSplineWavelet
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
    judged = judge(Claim.from_toml(row), Check(lambda bound: Result(bound > 3), ("toy",)), (), {"one": 7, "two": 9, "three": 1})
    assert judged.evidence == "proved ([`one`](proofs/Statements.v#L7), [`two`](proofs/Statements.v#L9)); exact"
    lost = replace(judged, recorded={"one": 7})
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


def test_a_theorem_is_linked_to_its_line():
    lines = (PROOFS / "Statements.v").read_text(encoding="utf-8").splitlines()
    found = proofs.recorded_lines(PROOFS)
    assert found.keys() == proofs.recorded(PROOFS).keys()
    for name, line in found.items():
        assert lines[line - 1].split()[:2] == ["Theorem", name]


@pytest.mark.parametrize("name", proofs.DOCUMENTS)
def test_links_of_the_documents_are_up_to_date(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.count("Statements.v#L") > 10
    assert proofs.linked(text, PROOFS) == text


def test_links_follow_the_theorem_and_unknown_ones_are_refused(folder):
    path = folder / "Statements.v"
    before = proofs.linked("[`theorem_3_3`](../proofs/Statements.v)", PROOFS)
    path.write_text("\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    line = proofs.stated(PROOFS)["theorem_3_3"]
    assert before == f"[`theorem_3_3`](../proofs/Statements.v#L{line})"
    assert proofs.linked(before, folder) == f"[`theorem_3_3`](../proofs/Statements.v#L{line + 2})"
    with pytest.raises(ValueError, match="theorem_9_9"):
        proofs.linked("[`theorem_9_9`](Statements.v#L1)", PROOFS)


def test_every_theorem_is_in_the_readme_of_the_proofs():
    text = (PROOFS / "README.md").read_text(encoding="utf-8")
    assert not [
        name for name in proofs.stated(PROOFS) if f"[`{name}`](Statements.v#L" not in text and name != "integral_over_the_line"
    ]


def test_rounding_is_within_what_is_proved():
    """rounding_numpy and rounding_training, at random points and at the knots' neighbours, against exact values."""
    rng = np.random.default_rng(20)
    knots = np.arange(7) / 2
    near = np.concatenate([knots, np.nextafter(knots, -9), np.nextafter(knots, 9)])
    psi = BSplineWavelet(2)
    pairs = list(zip(map(Fraction, map(float, psi.relu_knots)), (Fraction(int(a.p), int(a.q)) for a in psi.relu_coefficients)))

    def exact(x: Fraction) -> Fraction:
        return sum((a * max(x - knot, Fraction(0)) for knot, a in pairs), Fraction(0))

    z = np.concatenate([near, rng.uniform(-1, 4, 2000), rng.uniform(0, 3, 500) * 2.0 ** -rng.integers(0, 60, 500)])
    for x, value in zip(z.tolist(), psi(z).tolist()):
        assert abs(Fraction(value) - exact(Fraction(x))) <= Fraction(1, 2**50)
    v = np.concatenate([near - 1.5, rng.uniform(-2, 2, 2000)])
    for x, value in zip(v.tolist(), psi_of_centred(torch.from_numpy(v)).tolist()):
        assert abs(Fraction(value) - exact(Fraction(x) + Fraction(3, 2))) <= Fraction(1, 2**49)


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
