"""Certificates: enclosures of the extreme eigenvalues of a Gram matrix, as data that verify/check.py checks alone.

With G = D M D, D = diag(2^(j/2)) the factors of normalized wavelets and M rational, eigenvalues of G are those of the pencil
M − λW, W = D⁻², which is rational too.  A certificate holds for each end a shift s, an integer factor L of ±(M − sW), a bound d
of what L misses, and an approximate eigenvector: s ∓ d is the outer bound, Rayleigh's quotient the inner one.  All is computed
in integers, and nothing here needs to be trusted.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from pathlib import Path
from typing import Any

from bwtheory import checks
from bwtheory.families import CertifiableFamily, Family
from bwtheory.files import write_text
from bwtheory.gram.dense import CERTIFIED_DENSE_LIMIT
from bwtheory.gram.structure import NotConverged, PrecisionTooLow

FIRST_BITS, LAST_BITS = 64, 2048  # of the factor, after the binary point
MARGIN = Fraction(1, 2**50)  # relative distance of the shift from the eigenvalue: float64's bounds are no closer
VECTOR_BITS = 96
SHOWN_TERMS = 6

Rows = Sequence[Sequence[Fraction]]


@dataclass(frozen=True)
class Pencil:
    """M − λW: the rows of M up to the diagonal, and the diagonal of W."""

    rows: Rows
    weights: Sequence[Fraction]

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.rows)

    def rayleigh(self, x: Sequence[int]) -> Fraction:
        """xᵀMx / xᵀWx."""
        form = sum(
            (2 * x[i] * sum(map(mul, row[:i], x)) + x[i] * x[i] * row[i] for i, row in enumerate(self.rows)), Fraction(0)
        )
        return form / sum(w * v * v for w, v in zip(self.weights, x))


def certificate(family: Family, precision: int | None = None) -> dict[str, Any]:
    """Enclosures of λ_min, λ_max and κ of a family's Gram matrix, with what is needed to check them.

    Parameters
    ----------
    family : at most 200 functions on a bounded domain, linearly independent
    precision : bits of the factors after the binary point; as many as are needed without it

    Returns
    -------
    A dictionary for JSON: family, enclosures (pairs of [mantissa, exponent]), and for each end shift, defect, factor, vector.

    Raises
    ------
    ValueError
        For a singular family, with the combination that vanishes; for one that is too large, or of another kind.
    PrecisionTooLow
        If a factor with so few bits misses too much; it says how many are enough.
    """
    if precision is not None:
        precision = checks.integer("A factor has a precision >= 1 bit", "precision", precision, at_most=LAST_BITS)
    if not isinstance(family, CertifiableFamily):
        raise ValueError(f"A certificate is about ReLUs or wavelets of one shape; got {family.name}.")
    described = family.described()
    if reason := family.singular_reason():
        raise ValueError(f"This Gram matrix is singular. {reason} On D, 0 = {shown_direction(family)}.")
    if family.size > CERTIFIED_DENSE_LIMIT:
        raise ValueError(f"A certificate holds a factor of K × K numbers, for K <= {CERTIFIED_DENSE_LIMIT}; got {family.size}.")
    rows, levels = family.exact_pencil()
    pencil = Pencil(rows, [Fraction(1, 2**level) for level in levels])
    spectrum = family.spectrum("certified")
    ends = {"smallest": (spectrum.smallest.lower, 1), "largest": (spectrum.largest.upper, -1)}
    if not 0 < ends["smallest"][0] <= ends["largest"][0] < math.inf:
        raise NotConverged(f"The eigenvalues of {family.name} leave the range of float64.")
    proofs = {
        end: _prove(pencil, Fraction(bound), sign, precision or FIRST_BITS, family.name) for end, (bound, sign) in ends.items()
    }
    if precision is not None and (short := [end for end, proof in proofs.items() if proof.bits > precision]):
        enough = max(_fewest_bits(pencil, Fraction(ends[end][0]), ends[end][1], proofs[end].bits) for end in short)
        few = f"{precision} bit{'s' * (precision > 1)}"
        raise PrecisionTooLow(f"Factors with {few} prove nothing about {family.name}; {enough} bits are enough.")
    bounds = {end: proof.bounds for end, proof in proofs.items()}
    bounds["condition_number"] = (
        _rounded(bounds["largest"][0] / bounds["smallest"][1], -1),
        _rounded(bounds["largest"][1] / bounds["smallest"][0], 1),
    )
    return {
        "family": described,
        "enclosures": {name: [_dyadic(end) for end in pair] for name, pair in bounds.items()},
        **{end: proof.as_json() for end, proof in proofs.items()},
    }


def shown_direction(family: CertifiableFamily) -> str:
    """The vanishing combination of a singular family's functions as text, in whole numbers, of at most six terms."""
    direction = family.null_direction()
    common = math.lcm(*(c.denominator for c in direction.values()))
    divisor = math.gcd(*(int(c * common) for c in direction.values()))
    if next(iter(direction.values())) < 0:
        divisor = -divisor
    whole = {k: int(c * common) // divisor for k, c in direction.items()}
    terms = [
        f"{'-' if c < 0 else '+'} {'' if abs(c) == 1 else f'{abs(c)}·'}{family.function_name(k)}" for k, c in whole.items()
    ]
    text = " ".join(terms[:SHOWN_TERMS]).removeprefix("+ ")
    text += f" … ({len(terms)} terms, see null_direction())" if len(terms) > SHOWN_TERMS else ""
    return text + family.variable


def write_certificate(family: Family, target: Path, precision: int | None = None) -> tuple[float, float]:
    """Write ``certificate`` as JSON, and return the bounds of κ; OSError as the file system says."""
    made = certificate(family, precision)
    write_text(target, json.dumps(made) + "\n")
    least, most = (math.ldexp(*end) for end in made["enclosures"]["condition_number"])
    return least, most


@dataclass(frozen=True)
class Proof:
    """One end of the spectrum: sign·(M − shift·W) = L Lᵀ/4^bits + E, with the row sums of |E| at most defect·W."""

    sign: int
    shift: Fraction
    defect: Fraction
    bits: int
    factor: list[list[int]]
    vector: list[int]
    rayleigh: Fraction

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        """Lower and upper bound of the eigenvalue, float64 rounded outward."""
        outer = self.shift - self.sign * self.defect
        low, high = (outer, self.rayleigh) if self.sign == 1 else (self.rayleigh, outer)
        return _rounded(low, -1), _rounded(high, 1)

    def as_json(self) -> dict[str, Any]:
        """What the checker reads."""
        return {
            "shift": _dyadic(self.shift),
            "defect": _dyadic(self.defect),
            "bits": self.bits,
            "factor": self.factor,
            "vector": self.vector,
        }


def _prove(pencil: Pencil, bound: Fraction, sign: int, bits: int, about: str) -> Proof:
    """A proof with so many bits, or twice as many, and so on."""
    while bits <= LAST_BITS:
        if proof := _attempt(pencil, bound, sign, bits):
            return proof
        bits *= 2
    raise PrecisionTooLow(f"No factor with up to {LAST_BITS} bits proves a bound of an eigenvalue of {about}.")


def _fewest_bits(pencil: Pencil, bound: Fraction, sign: int, enough: int) -> int:
    """A number of bits that is enough where one bit less is not, between half of a number that is and that number."""
    few = enough // 2
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if _attempt(pencil, bound, sign, middle) else (middle, enough)
    return enough


def _attempt(pencil: Pencil, bound: Fraction, sign: int, bits: int) -> Proof | None:
    """A proof with so many bits, or None if the factor breaks down or misses too much.

    The first factor, at the bound given, yields the eigenvector; the second one is at a shift as close as float64 can show.
    """
    first = _factor(pencil, bound * (1 - sign * 8 * MARGIN), sign, bits)
    if first is None:
        return None
    vector = _eigenvector(pencil, first, bits)
    rayleigh = pencil.rayleigh(vector)
    shift = _rounded(rayleigh * (1 - sign * MARGIN), -sign)
    factor = _factor(pencil, shift, sign, bits)
    if factor is None:
        return None
    exact_defect = _defect(pencil, factor, shift, sign, bits)
    if exact_defect > shift * MARGIN:
        return None
    defect = Fraction(math.ceil(exact_defect * 4**bits), 4**bits)
    return Proof(sign, shift, defect, bits, factor, vector, rayleigh)


def _factor(pencil: Pencil, shift: Fraction, sign: int, bits: int) -> list[list[int]] | None:
    """Cholesky's factor of ±(M − shift·W), times 2^bits and rounded down; None where a pivot is not positive."""
    rows: list[list[int]] = []
    for i, exact in enumerate(pencil.rows):
        row: list[int] = []
        for j in range(i):
            rest = math.floor(sign * exact[j] * 4**bits) - sum(map(mul, row, rows[j]))
            row.append(rest // rows[j][j])
        pivot = math.floor(sign * (exact[i] - shift * pencil.weights[i]) * 4**bits) - sum(map(mul, row, row))
        if pivot <= 0:
            return None
        rows.append([*row, math.isqrt(pivot)])
        if not rows[-1][-1]:
            return None
    return rows


def _eigenvector(pencil: Pencil, factor: list[list[int]], bits: int) -> list[int]:
    """Three steps of inverse iteration with L Lᵀ in integers, which are then cut to some hundred bits."""
    size = pencil.size
    unit = 2**bits
    generator = random.Random(0)
    x = [generator.randrange(-unit, unit) for _ in range(size)]
    for _ in range(3):
        load = [math.floor(w * v) for w, v in zip(pencil.weights, x)]
        for i in range(size):
            load[i] = (load[i] * unit - sum(map(mul, factor[i][:i], load))) // factor[i][i]
        for i in reversed(range(size)):
            load[i] = load[i] * unit // factor[i][i]
            for j in range(i):
                load[j] -= factor[i][j] * load[i] // unit
        excess = max(abs(v) for v in load).bit_length() - max(bits, VECTOR_BITS)
        x = [v >> excess if excess > 0 else v << -excess for v in load]
    return x


def _defect(pencil: Pencil, factor: list[list[int]], shift: Fraction, sign: int, bits: int) -> Fraction:
    """The least d with Σ_j |E_ij| <= d W_i."""
    sums = [Fraction(0)] * pencil.size
    for i, exact in enumerate(pencil.rows):
        for j in range(i + 1):
            entry = sign * (exact[j] - (shift * pencil.weights[i] if i == j else 0))
            rest = abs(entry - Fraction(sum(map(mul, factor[i], factor[j])), 4**bits))
            for row in {i, j}:
                sums[row] += rest
    return max(rest / weight for rest, weight in zip(sums, pencil.weights))


def _rounded(value: Fraction, direction: int) -> Fraction:
    """The nearest float64 that is not below (direction 1) or not above (-1)."""
    nearest = float(value)
    while (Fraction(nearest) - value) * direction < 0:
        nearest = math.nextafter(nearest, direction * math.inf)
    return Fraction(nearest)


def _dyadic(value: Fraction) -> list[int]:
    """[mantissa, exponent] of a number whose denominator is a power of two."""
    exponent = value.denominator.bit_length() - 1
    mantissa = value.numerator
    trailing = (mantissa & -mantissa).bit_length() - 1 if mantissa and not exponent else 0
    return [mantissa >> trailing, trailing - exponent]
