"""Write Generated.v: the knots, coefficients and pieces of psi that bwtheory/wavelet.py hands to NumPy and torch.

Run it as `python proofs/generate.py`; with `--check` it writes nothing and fails if Generated.v is out of date.
With `--points N` it writes FloatPoints.v too: the float64 values of psi at N dyadic points, for the check in Bridge.v.
"""

from __future__ import annotations

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from bwtheory.files import write_text
from bwtheory.wavelet import BSplineWavelet

HERE = Path(__file__).parent
HEADER = "(* Written by generate.py from bwtheory/wavelet.py: do not edit. *)\n"
IMPORTS = "Require Import ZArith QArith List.\nImport ListNotations.\n"


def rational(value) -> str:
    """One rational number as a Coq literal in Q_scope."""
    numerator, denominator = int(value.p), int(value.q)
    return f"{numerator} # {denominator}" if numerator >= 0 else f"({numerator}) # {denominator}"


def generated() -> str:
    """The text of Generated.v."""
    psi = BSplineWavelet(2)
    knots = "; ".join(map(rational, psi.relu_knots))
    coefficients = "; ".join(map(rational, psi.relu_coefficients))
    two_scale = "; ".join(map(rational, psi.two_scale_coefficients))
    pieces = "; ".join(f"({rational(low)}, {rational(slope)})" for low, slope in psi.pieces[:-1])
    norm = rational(psi.norm_squared)
    return (
        f"{HEADER}{IMPORTS}Open Scope Q_scope.\n\n"
        f"(* psi(x) = sum of coefficients times relu(x - knot) *)\n"
        f"Definition knots : list Q := [{knots}].\n"
        f"Definition coefficients : list Q := [{coefficients}].\n\n"
        f"(* on the cell [i/2, (i+1)/2]: value at the left end, and increase over the cell *)\n"
        f"Definition pieces : list (Q * Q) :=\n  [{pieces}].\n\n"
        f"(* psi(x) = sum of q_n hat(2x - n), and the squared norm over the line *)\n"
        f"Definition two_scale : list Q := [{two_scale}].\n"
        f"Definition norm_squared : Q := {norm}.\n"
    )


def float_points(count: int) -> str:
    """The text of FloatPoints.v: for x = (i - count/8)/2^11 the value of psi that NumPy computes, times 2^70, exact."""
    psi = BSplineWavelet(2)
    x = (np.arange(count) - count // 8) / 2**11
    values = []
    for value in psi(x):
        scaled = Fraction(float(value)) * 2**70
        if scaled.denominator != 1:
            raise ValueError(f"psi takes the value {value!r}, which is not a multiple of 2^-70.")
        values.append(int(scaled))
    lines, line = [], "  "
    for value in values:
        text = f"{value}; "
        if len(line) + len(text) > 126:
            lines.append(line.rstrip())
            line = "  "
        line += text
    lines.append(line.rstrip().rstrip(";"))
    return (
        f"{HEADER}Require Import ZArith List.\nImport ListNotations.\nOpen Scope Z_scope.\n\n"
        f"(* point number i is (i - first) / 2^11; its value in float64 is the entry divided by 2^70 *)\n"
        f"Definition first : Z := {count // 8}.\n"
        "Definition values : list Z := [\n" + "\n".join(lines) + "].\n"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if Generated.v is out of date")
    parser.add_argument("--points", type=int, default=0, metavar="N", help="write FloatPoints.v with N points as well")
    options = parser.parse_args(arguments)
    target = HERE / "Generated.v"
    if options.check:
        if not target.exists() or target.read_text(encoding="utf-8") != generated():
            print(
                "proofs/Generated.v does not say what bwtheory/wavelet.py says; run python proofs/generate.py.", file=sys.stderr
            )
            return 1
        return 0
    write_text(target, generated())
    if options.points:
        write_text(HERE / "FloatPoints.v", float_points(options.points))
    return 0


if __name__ == "__main__":
    sys.exit(main())
