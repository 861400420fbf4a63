"""The program that looks for numbers which no check sees."""

from __future__ import annotations

import pytest

from bwtheory.claims import Claim, Result
from tests.nearest_errors import changed, leaves, neighbours, unseen


@pytest.mark.parametrize(
    "value, near",
    [
        (3, [4, 2]),
        (True, [False]),
        (2.0, [2.4, 1.6]),
        ("-5/6", ["-4/6", "-6/6"]),
        ("7", ["8", "6"]),
        ("-0.90", ["-0.89", "-0.91"]),
        ("9.99", ["10.00", "9.98"]),
        ("half", []),
    ],
)
def test_neighbours_are_one_unit_away(value, near):
    assert neighbours(value) == near


def test_what_a_check_ignores_is_found():
    row = {"id": "x", "where": "here", "statement": "s", "scope": "all", "reason": "r"}
    row |= {"expected": "holds", "evidence": "exact"}
    printed = {"seen": "1/2", "ignored": [4, 5]}
    controls = [{"change": "more", "seen": "1"}, {"change": "others", "ignored": [6, 7]}]
    claim = Claim.from_toml({**row, "printed": printed, "controls": controls})
    assert unseen(claim, lambda seen, ignored: Result(seen == "1/2")) == [("ignored.0", 4), ("ignored.1", 5)]
    assert unseen(claim, lambda seen, ignored: Result(seen == "1/2" and ignored[0] <= 4)) == [("ignored.1", 5)]
    assert [path for path, _ in leaves(printed)] == [("seen",), ("ignored", 0), ("ignored", 1)]
    assert changed(printed, ("ignored", 1), 9) == {"seen": "1/2", "ignored": [4, 9]} and printed["ignored"] == [4, 5]
