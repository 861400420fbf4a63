"""Certificates: what is written is accepted, what is changed is refused, and the checker shares nothing with the package."""

from __future__ import annotations

import ast
import copy
import json
import math
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from seeds import seeded
from test_spectrum import true_extremes

from bwtheory.certificates import certificate, shown_direction, write_certificate
from bwtheory.cli import main
from bwtheory.families import ReLUFamily, WaveletFamily
from bwtheory.gram.structure import NotConverged, PrecisionTooLow
from bwtheory.interval import IntervalWaveletFamily
from verify import check as checker

CHECKER = Path(checker.__file__)
REFUSALS = (ArithmeticError, LookupError, TypeError, ValueError)
FAMILIES = {
    "one relu": lambda: ReLUFamily([0.3]),
    "two relus": lambda: ReLUFamily.uniform(2),
    "ten relus": lambda: ReLUFamily.uniform(10),
    "both ways": lambda: ReLUFamily([-0.5, 0.2, 0.4, 0.7], [1, -1, 1, -1]),
    "outside": lambda: ReLUFamily([-3, -1.5, 0.5], domain=(-1, 2)),
    "close": lambda: ReLUFamily([0.1, float(np.nextafter(0.1, 1)), 0.7]),
    "one wavelet": lambda: WaveletFamily(1),
    "wavelets": lambda: WaveletFamily(4),
    "unnormalized": lambda: WaveletFamily(4, normalized=False),
    "cut": lambda: WaveletFamily(3, domain=(-1, 0.9)),
    "Haar": lambda: WaveletFamily(3, order=1, shifts="covering"),
    "cubic": lambda: WaveletFamily(2, order=4, domain=(-0.95, 1)),
    "other shifts": lambda: WaveletFamily(2, shifts=[[-1, 1], [3]], domain=(-3, 3)),
}


def value(pair):
    return Fraction(pair[0]) * Fraction(2) ** pair[1]


def value_of(pair):
    return float(value(pair))


def as_dyadic(number):
    return [number.numerator, 1 - number.denominator.bit_length()]


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_written_is_accepted_and_right(name, tmp_path):
    family = FAMILIES[name]()
    least, most = write_certificate(family, tmp_path / "file.json")
    made = json.loads((tmp_path / "file.json").read_text())
    assert f"at least {least!r} and at most {most!r}" in checker.check(made)
    assert 0 <= most / least - 1 < 2.0**-45  # two shifts and two quotients, each within 2^-50 and its rounding
    spectrum = family.spectrum("certified")
    for end, enclosure in (("smallest", spectrum.smallest), ("largest", spectrum.largest)):
        low, high = map(value, made["enclosures"][end])
        assert low <= Fraction(enclosure.upper) and Fraction(enclosure.lower) <= high
    if isinstance(family, ReLUFamily) and np.all(family.signs == 1) and name != "ten relus":  # whose spacing is no float
        for end, exact in zip(("smallest", "largest"), true_extremes(family.biases, family.domain)):
            low, high = (float(value(pair)) for pair in made["enclosures"][end])
            assert low <= exact <= high


def test_the_checker_is_short_and_alone(tmp_path):
    text = CHECKER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"json", "sys", "fractions", "math"}
    write_certificate(WaveletFamily(2), tmp_path / "right.json")
    (tmp_path / "wrong.json").write_text((tmp_path / "right.json").read_text().replace("true", "false"))
    command = [sys.executable, "-I", "-S", str(CHECKER)]  # no site-packages, no current folder
    for name, status, said in (
        ("right", 0, "accepted: the condition number"),
        ("wrong", 1, "refused: "),
        ("none", 1, "refused: "),
    ):
        answer = subprocess.run([*command, str(tmp_path / f"{name}.json")], capture_output=True, text=True)
        assert answer.returncode == status and (answer.stdout + answer.stderr).startswith(said)
        assert len((answer.stdout + answer.stderr).splitlines()) == 1


# --- Tampering -------------------------------------------------------------------------------------------------------


def nudged(pair, direction):
    """A dyadic number moved by 2^-40 of itself, a thousand times the width of the enclosures."""
    mantissa, exponent = pair
    return [mantissa * 2**40 + direction * abs(mantissa), exponent - 40]


def tamper_with_bounds(data, draw):
    name, end = draw.choice(list(data["enclosures"])), draw.randrange(2)
    pair = data["enclosures"][name]
    pair[end] = nudged(pair[end], 1 if end == 0 else -1)


def tamper_with_shift(data, draw):
    proof = data[draw.choice(["smallest", "largest"])]
    proof["shift"] = nudged(proof["shift"], draw.choice([-1, 1]))


def tamper_with_defect(data, draw):
    proof = data[draw.choice(["smallest", "largest"])]
    mantissa, exponent = proof["defect"]
    proof["defect"] = draw.choice([[0, 0], [-mantissa, exponent], [mantissa, exponent - 1]])


def tamper_with_factor(data, draw):
    proof = data[draw.choice(["smallest", "largest"])]
    row = draw.choice(proof["factor"])
    row[draw.randrange(len(row))] += draw.choice([-1, 1]) * 2 ** (proof["bits"] // 2)


def tamper_with_vector(data, draw):
    vector = data[draw.choice(["smallest", "largest"])]["vector"]
    vector[draw.randrange(len(vector))] += draw.choice([-1, 1]) * (max(map(abs, vector)) >> 10)


def tamper_with_bits(data, draw):
    data[draw.choice(["smallest", "largest"])]["bits"] += draw.choice([-1, 1, 100, -1000, 10**9])


def tamper_with_family(data, draw):
    family = data["family"]
    changes = ["domain", "biases", "signs"] if family["kind"] == "relus" else ["domain", "order", "normalized", "index"]
    what = draw.choice(changes)
    if what == "domain":
        end = draw.randrange(2)  # a larger domain may change nothing
        family["domain"][end] = ["-3/4", "1/4"][end]
    elif what == "biases":
        k = draw.randrange(len(family["biases"]))
        family["biases"][k] = str(Fraction(family["biases"][k]) + Fraction(1, 2**30))
    elif what == "signs":
        family["signs"][draw.randrange(len(family["signs"]))] *= draw.choice([-1, 0, 2])
    elif what == "order":
        family["order"] += draw.choice([-1, 1, 2])
    elif what == "normalized":
        family["normalized"] = not family["normalized"]
    else:
        family["index"][draw.randrange(len(family["index"]))][0] += 1


def tamper_with_form(data, draw):
    """A part that is missing, of another length or of another type."""
    end = draw.choice(["smallest", "largest"])
    proof = data[end]
    key = draw.choice(list(proof))
    change = draw.randrange(6)
    if change == 0:
        del data[draw.choice(list(data))]
    elif change == 1:
        del proof[key]
    elif change == 2:
        proof[key] = draw.choice([None, "1", 1.5, True, [], {}, float("nan"), [1.0, 0]])
    elif change == 3:
        proof["vector"].pop()
    elif change == 4:
        proof["factor"].pop(0)
    else:
        data["smallest"], data["largest"] = data["largest"], data["smallest"]


TAMPERINGS = [
    tamper_with_bounds,
    tamper_with_shift,
    tamper_with_defect,
    tamper_with_factor,
    tamper_with_vector,
    tamper_with_bits,
    tamper_with_family,
    tamper_with_form,
]


@pytest.fixture(scope="module")
def accepted():
    made = [certificate(family) for family in (ReLUFamily.uniform(6), WaveletFamily(3), ReLUFamily([-0.1, -0.5], [1, -1]))]
    for one in made:
        checker.check(one)
    return made


@pytest.mark.parametrize("seed", range(100))
def test_a_changed_certificate_is_refused(accepted, seed):
    """Changes that matter: none of them leaves both what is claimed and what proves it as it was, up to 2^-40."""
    draw = random.Random(seeded(seed))
    original = draw.choice(accepted)
    changed = copy.deepcopy(original)
    TAMPERINGS[seed % len(TAMPERINGS)](changed, draw)
    assert changed != original
    with pytest.raises(REFUSALS):
        checker.check(changed)


@pytest.mark.parametrize("name", ["smallest", "largest", "condition_number"])
@pytest.mark.parametrize("end", [0, 1])
def test_each_bound_is_compared(accepted, name, end):
    for original in accepted:
        changed = copy.deepcopy(original)
        changed["enclosures"][name][end] = nudged(changed["enclosures"][name][end], 1 if end == 0 else -1)
        with pytest.raises(ValueError, match="not proved to be enclosed"):
            checker.check(changed)


def test_an_integer_is_no_truth_value_and_has_a_limit():
    assert checker.integer(2**4096) == 2**4096
    for wrong in (True, 1.0, "1", None, 2**4096 + 1):
        with pytest.raises(ValueError, match="is no integer"):
            checker.integer(wrong)


def test_a_right_factor_of_another_matrix_proves_nothing(accepted):
    relus, wavelets, pair = accepted
    for one, other in ((relus, wavelets), (wavelets, pair), (pair, relus)):
        with pytest.raises(REFUSALS):
            checker.check({**one, "family": other["family"]})
        with pytest.raises(REFUSALS):
            checker.check({**one, "enclosures": other["enclosures"]})


@pytest.mark.parametrize("end", ["smallest", "largest"])
def test_a_rough_factor_proves_rough_bounds_only(accepted, end):
    """A factor with an honest defect of 1 % is a proof: of bounds that are 1 % away, and of none closer."""
    for original in accepted:
        rough = copy.deepcopy(original)
        proof = rough[end]
        proof["factor"] = [[value >> (proof["bits"] // 2) << (proof["bits"] // 2) for value in row] for row in proof["factor"]]
        proof["defect"] = [1, math.frexp(value_of(proof["shift"]))[1] - 7]
        with pytest.raises(ValueError, match=f"the {end} eigenvalue is not proved"):
            checker.check(rough)
        sign = 1 if end == "smallest" else -1
        outer = value(proof["shift"]) - sign * value(proof["defect"])
        rough["enclosures"][end][0 if end == "smallest" else 1] = as_dyadic(outer)
        rough["enclosures"]["condition_number"] = [[0, 0], [1, 100]]
        assert "at least 0.0" in checker.check(rough)


# --- Families that have none -----------------------------------------------------------------------------------------

SINGULAR = {
    "twins": ReLUFamily([0.5, 0.1, 0.5]),
    "zero": ReLUFamily([0.0, 1.0]),
    "three affine": ReLUFamily([-1.0, -2.0, -3.0, 0.5]),
    "two parallel": ReLUFamily([-1.0, 0.3, 1.0], [1, 1, -1], (-1, 1)),
    "a pair and two affine": ReLUFamily([0.25, -0.25, -1, -2], [1, -1, 1, 1]),
    "two pairs and an affine one": ReLUFamily([0.25, -0.25, 0.5, -0.5, -2], [1, -1, 1, -1, 1]),
    "outside": WaveletFamily(2, domain=(0, 1)),
    "covering": WaveletFamily(2, shifts="covering"),
    "covering without normalization": WaveletFamily(3, shifts="covering", normalized=False),
    "Haar": WaveletFamily(2, order=1, domain=(-0.9, 0.9), shifts=[[-1, 0], [-1, 0, 1]]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_the_null_direction_is_one(name, tmp_path):
    """Exact: M c = 0, which for a Gram matrix says that the combination is 0."""
    family = SINGULAR[name]
    direction = family.null_direction()
    rows, _ = family.exact_pencil()
    assert any(direction.values())
    assert all(sum(row[k] * c for k, c in direction.items()) == 0 for row in rows)
    with pytest.raises(ValueError, match=r"is singular\. .* On D, 0 = .*[σψ]\("):
        write_certificate(family, tmp_path / "file.json")
    assert not list(tmp_path.iterdir())


def test_an_independent_family_has_no_null_direction():
    for family in (ReLUFamily.uniform(5), ReLUFamily([-2.0, -1.5, 0.0]), WaveletFamily(3)):
        assert family.null_direction() == {}


def test_the_direction_is_written_in_formulas():
    assert shown_direction(SINGULAR["twins"]) == "σ(x - 0.5) - σ(x - 0.5)"
    assert shown_direction(SINGULAR["a pair and two affine"]).endswith("- 4·σ(x - 0.25) + 4·σ(-x + 0.25)")
    assert shown_direction(SINGULAR["outside"]) == "ψ(2t), where t = 3(x + 1)/2"
    assert shown_direction(ReLUFamily([0.0, 0.0])) == "σ(x) - σ(x)"


def test_a_long_direction_is_written_in_whole_numbers_and_cut():
    """The same combination as null_direction's, first coefficient positive, without a common divisor."""
    family = SINGULAR["covering"]
    text = shown_direction(family)
    assert text.startswith("7953·ψ(t + 2) + 571·ψ(t + 1) + 41·ψ(t) + 3·ψ(t - 1) + ψ(t - 2) - 11644·ψ(2t + 2) … (12 terms, see")
    first = family.null_direction()[0]
    assert [c / first * 7953 for c in list(family.null_direction().values())[:6]] == [7953, 571, 41, 3, 1, -11644]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: certificate(ReLUFamily.uniform(201)), "K <= 200; got 201"),
        (lambda: certificate(IntervalWaveletFamily(1)), "got the Gram matrix of the interval basis"),
        (lambda: certificate(WaveletFamily(2, domain=(-math.inf, math.inf))), "bounded domain"),
        (lambda: certificate(ReLUFamily([0.0]), precision=0), "precision >= 1"),
        (lambda: certificate(ReLUFamily([0.0]), precision=4096), "precision <= 2048"),
    ],
)
def test_what_cannot_be_certified(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_eigenvalues_beyond_float64_are_refused():
    with pytest.raises(NotConverged, match="leave the range of float64"):
        certificate(ReLUFamily([0.0, 1e-200, 0.5]))


@pytest.mark.parametrize("precision", [10, 30, 55])
def test_too_low_a_precision_says_how_much_is_enough(precision):
    """Equally spaced ReLUs need some 50 bits and those of κ = 4·20⁴, about 19."""
    with pytest.raises(PrecisionTooLow, match=rf"{precision} bits prove nothing about .*; \d+ bits are enough") as caught:
        certificate(ReLUFamily.uniform(20), precision)
    enough = int(str(caught.value).rpartition("; ")[2].split()[0])
    made = certificate(ReLUFamily.uniform(20), enough)
    checker.check(made)
    assert made["smallest"]["bits"] == enough
    with pytest.raises(PrecisionTooLow, match=f"; {enough} bits are enough"):
        certificate(ReLUFamily.uniform(20), enough - 1)


# --- The command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "uniform --size 1",
        "uniform --size 2",
        "relus --biases -0.5 0.25 --signs 1 -1 --domain -1 2",
        "wavelets --levels 1",
        "wavelets --levels 2 --order 3 --unnormalized --precision 150",
    ],
)
def test_the_command_writes_what_the_checker_accepts(line, tmp_path, capsys):
    assert main(["certify", *line.split(), "--out", str(tmp_path / "file.json")]) == 0
    said = capsys.readouterr().out
    least = said.partition("at least ")[2].split()[0]
    assert f"at least {least} " in checker.check(json.loads((tmp_path / "file.json").read_text()))


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("uniform", "needs --size"),
        ("relus --size 3 --biases 1", "--size does not go with relus"),
        ("wavelets --levels 0", "levels=0"),
        ("relus --biases 0.5 0.1 0.5", "Neurons 1 and 3 coincide (bias 0.5). On D, 0 = σ(x - 0.5) - σ(x - 0.5)."),
        ("uniform --size 20 --precision 20", "bits are enough"),
        ("uniform --size 3 --precision 1", "Factors with 1 bit prove nothing about G_σ of 3 ReLUs"),
        ("uniform --size 201", "K <= 200"),
        ("relus --biases nan", "finite"),
        ("spline", "There is no family 'spline'; there are uniform"),
    ],
)
def test_bad_input_is_one_sentence(line, sentence, tmp_path, capsys):
    assert main(["certify", *line.split(), "--out", str(tmp_path / "file.json")]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not list(tmp_path.iterdir())
