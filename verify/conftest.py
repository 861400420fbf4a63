"""Collects every Check as pytest items: its verdict, and each of its controls."""

from __future__ import annotations

from pathlib import Path

import pytest

from bwtheory.claims import Check, judge, load_ledger

CHECKOUT = Path(__file__).resolve().parents[1]


class ClaimItem(pytest.Item):
    """The computed verdict of one claim is the expected one."""

    def __init__(self, *, claim, check, **kwargs):
        super().__init__(**kwargs)
        self.claim, self.check = claim, check

    def runtest(self):
        verdict = judge(self.claim, self.check).verdict
        assert verdict == self.claim.expected, f"{self.claim.id}: computed {verdict}, expected {self.claim.expected}"

    def reportinfo(self):
        return self.path, None, f"{self.claim.id}: verdict"


class ControlItem(pytest.Item):
    """A wrong version of the statement is rejected (or a right version of a false one accepted)."""

    def __init__(self, *, claim, check, control, **kwargs):
        super().__init__(**kwargs)
        self.claim, self.check, self.control = claim, check, control
        self.user_properties.append(("control", control.change))

    def runtest(self):
        answer = self.check(**self.control.parameters).holds
        assert answer is self.control.holds, f"{self.claim.id}: the check answers {answer} to: {self.control.change}"

    def reportinfo(self):
        return self.path, None, f"{self.claim.id}: control: {self.control.change}"


def pytest_pycollect_makeitem(collector, name, obj):
    if not isinstance(obj, Check):
        return None
    claims = {claim.id: claim for claim in load_ledger(CHECKOUT).claims}
    items = []
    for identifier in obj.ids:
        claim = claims[identifier]
        items.append(ClaimItem.from_parent(collector, name=identifier, claim=claim, check=obj))
        items += [
            ControlItem.from_parent(collector, name=f"{identifier}[{number}]", claim=claim, check=obj, control=control)
            for number, control in enumerate(claim.controls)
        ]
    return items


def pytest_terminal_summary(terminalreporter):
    controls = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and any(key == "control" for key, _ in report.user_properties)
    ]
    if controls:
        caught = sum(report.passed for report in controls)
        terminalreporter.write_line(f"controls caught: {caught}/{len(controls)}")
