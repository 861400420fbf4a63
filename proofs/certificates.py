"""Write Certificates.v: enclosures of kappa(G_sigma) at equal spacing, with the vectors that prove them (see Certificate.v).

Run it as `python proofs/certificates.py 8 16 32 64`.  The vectors come from floating point; Coq checks them exactly.
"""

from __future__ import annotations

import argparse
import math
import sys
from fractions import Fraction
from pathlib import Path

from bwtheory.families import ReLUFamily
from bwtheory.files import write_text
from bwtheory.gram.relu import perron_of_gram, perron_of_inverse

HERE = Path(__file__).parent
BITS = 44  # of the vectors and weights; the enclosures are a little wider than 2^-BITS


def up(value: Fraction, bits: int = BITS) -> Fraction:
    """The least multiple of 2^-bits that is not below the value."""
    return Fraction(math.ceil(value * 2**bits), 2**bits)


def down(value: Fraction, bits: int = BITS) -> Fraction:
    return -up(-value, bits)


def significant(value: Fraction, direction: int) -> Fraction:
    """Rounded up (direction 1) or down (-1) to about BITS significant bits."""
    bits = BITS - math.frexp(float(value))[1]
    return up(value, bits) if direction > 0 else down(value, bits)


def entry(b: Fraction, c: Fraction) -> Fraction:
    d = 1 - max(b, c)
    return d * d * (d / 3 + abs(b - c) / 2)


def enclose(size: int) -> dict[str, object]:
    """The certificate of Certificate.v for K = size equally spaced biases."""
    structure = ReLUFamily.uniform(size).structure()
    biases = [Fraction(2 * i - size, size) for i in range(size)]
    gap = Fraction(2, size)
    matrix = [[entry(b, c) for c in biases] for b in biases]

    def product(x):
        return [sum(a * t for a, t in zip(row, x)) for row in matrix]

    def rayleigh(x):
        return sum(a * t for a, t in zip(product(x), x)) / sum(t * t for t in x)

    def rounded(vector):
        largest = max(abs(float(t)) for t in vector)
        return [Fraction(round(float(t) / largest * 2**BITS), 2**BITS) for t in vector]

    top = rounded(perron_of_gram(structure)[0])
    alternating = rounded([t * (-1) ** k for k, t in enumerate(perron_of_inverse(structure)[0])])
    high = max(a / t for a, t in zip(product(top), top))
    slopes, values = [], [Fraction(0)]
    for t in alternating:
        slopes.append((slopes[-1] if slopes else 0) + t)
        values.append(values[-1] + gap * slopes[-1])
    one = Fraction(1)
    slopes1 = [one] + [up(abs(slopes[k - 1] / slopes[k])) for k in range(1, size)]
    slopes2 = [one] + [up(1 / t) for t in slopes1[1:]] + [-one]
    values1 = [one] + [up(abs(values[k + 1] / values[k])) for k in range(1, size)]
    values2 = [one] + [up(1 / t) for t in values1[1:]]
    square = 1 / gap**2
    # every condition of check_low is left + lo * right >= 0 with right < 0
    weight = [(1 if k == 0 else 1 + slopes1[k]) + 1 + slopes2[k + 1] for k in range(size)]
    left = [(gap / 3 * (1 - values1[k] / 2), weight[k] * square * (1 + values1[k])) for k in range(size)]
    right = [(gap / 3, weight[0] * square)] + [
        (gap / 3 * (1 - values2[k] / 2), weight[k] * square * (1 + values2[k])) for k in range(1, size)
    ]
    conditions = [(right[k - 1][0] + left[k][0], right[k - 1][1] + left[k][1]) for k in range(1, size)] + [right[size - 1]]
    low = min(a / b for a, b in conditions)
    return {
        "largest_vector": top,
        "smallest_vector": alternating,
        "low_p": significant(low, -1),
        "low_q": significant(rayleigh(alternating), 1),
        "high_p": significant(rayleigh(top), -1),
        "high_q": significant(high, 1),
        "slopes1": slopes1,
        "slopes2": slopes2,
        "values1": values1,
        "values2": values2,
        "gaps2": [square] * size,
    }


def literal(value: Fraction) -> str:
    return f"{value.numerator} # {value.denominator}" if value >= 0 else f"({value.numerator}) # {value.denominator}"


def theorem(size: int) -> str:
    """One certificate and its theorem, the bounds rounded outwards to nine digits."""
    certificate = enclose(size)
    fields = []
    for name, value in certificate.items():
        text = "[" + ";\n    ".join(map(literal, value)) + "]" if isinstance(value, list) else literal(value)
        fields.append(f"{name} := {text}")
    below = certificate["high_p"] / certificate["low_q"]
    above = certificate["high_q"] / certificate["low_p"]
    digits = 10 ** max(0, 9 - len(str(int(below))))
    low, high = math.floor(below * digits), math.ceil(above * digits)
    body = ";\n  ".join(fields)
    return (
        f"Definition certificate_{size} : certificate := {{|\n  {body} |}}%Q.\n\n"
        f"Theorem kappa_{size} kappa : condition_number {size} (G_sigma (equal_spacing {size})) kappa ->\n"
        f"  {low} / {digits} <= kappa <= {high} / {digits}.\n"
        f"Proof. intros H. destruct (check_equal {size} certificate_{size} kappa ltac:(vm_compute; reflexivity) H) as [L U].\n"
        "  cbn [low_p low_q high_p high_q] in L, U.\n"
        f"  unfold certificate_{size}, low_p, low_q, high_p, high_q, Q2R in L, U. simpl Qnum in L, U. simpl Qden in L, U.\n"
        "  split; [apply Rle_trans with (2 := L) | apply Rle_trans with (1 := U)]; lra. Qed.\n"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="+", metavar="K", help="numbers of equally spaced biases, at least 2")
    options = parser.parse_args(arguments)
    if min(options.sizes) < 2:
        parser.error(f"A certificate needs K >= 2 biases; got {min(options.sizes)}.")
    text = (
        "(* Written by certificates.py: do not edit. *)\n"
        "Require Import Reals Lra QArith Qreals List.\nFrom BW Require Import Definitions Checker.\n"
        "Import ListNotations.\nOpen Scope R_scope.\n\n"
    )
    write_text(HERE / "Certificates.v", text + "\n".join(map(theorem, options.sizes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
