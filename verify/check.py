"""Usage: python check.py FILE.  Checks a certificate of `bwtheory certify` exactly, by Python's integers and fractions alone.

The file names K functions φ_i and encloses the extreme eigenvalues and the condition number of G_ij = ∫_D φ_i φ_j dx.  With
φ_i = 2^(j/2) f_i, j the level of a normalized wavelet and 0 for all others, M_ij = ∫_D f_i f_j dx and W = diag(2^-j):

* λ_min(G) >= s − d if M − sW = L Lᵀ + E with Σ_j |E_ij| <= d W_i, as E + dW is then diagonally dominant;
* λ_max(G) <= s + d if sW − M = L Lᵀ + E in the same way;
* xᵀMx / xᵀWx lies between both eigenvalues, for every x.
"""

import json
import sys
from fractions import Fraction
from math import comb, factorial


def integer(value, low=-(2**4096), high=2**4096):
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{value!r} is no integer, or beyond what is allowed here")
    return value


def dyadic(pair):
    return integer(pair[0]) * Fraction(2) ** integer(pair[1], -4096, 4096)


def relus(family):
    """Each σ(w x − b) as its level and its pieces (left, right, coefficients of 1 and x)."""
    (low, high), biases = map(Fraction, family["domain"]), map(Fraction, family["biases"])
    for bias, sign in zip(biases, family["signs"], strict=True):
        left, right = {1: (max(low, bias), high), -1: (low, min(high, -bias))}[sign]
        yield 0, [(left, right, [-bias, sign])]


def wavelets(family):
    """Each ψ(2^j t − k), t = (2m − 1)(x + 1)/2, by pieces in t; ψ from the two-scale relation of Chui and Wang."""
    m, powers = integer(family["order"], 1, 64), [Fraction(0)] * (4 * family["order"] - 1)
    low, high = ((2 * m - 1) * (Fraction(end) + 1) / 2 for end in family["domain"])
    for n in range(3 * m - 1):
        steps = [(i, k) for i in range(m + 1) for k in range(2 * m + 1)]
        q = sum(comb(m, i) * comb(2 * m, k) * (-1) ** k * max(n + 1 - i - k, 0) ** (2 * m - 1) for i, k in steps)
        for k in range(m + 1):
            powers[n + k] += Fraction((-1) ** (n + k) * q * comb(m, k), factorial(2 * m - 1) * factorial(m - 1))
    for j, k in family["index"]:
        scale, pieces = 2 ** integer(j, 0, 64), []
        for cell in range(4 * m - 2):  # of half a unit: ψ is Σ_i powers[i] (y − i/2)^(m−1), i up to the cell's number
            left, right = (Fraction(2 * integer(k) + end, 2 * scale) for end in (cell, cell + 1))
            terms = [(powers[i], -k - Fraction(i, 2)) for i in range(cell + 1)]
            coefficients = [comb(m - 1, p) * scale**p * sum(a * c ** (m - 1 - p) for a, c in terms) for p in range(m)]
            pieces.append((max(low, left), min(high, right), coefficients))
        yield {True: j, False: 0}[family["normalized"]], pieces


def integral(f, g):
    overlaps = ((max(a, c), min(b, d), p, q) for a, b, p in f for c, d, q in g)
    parts = ((low, high, p, q) for low, high, p, q in overlaps if low < high)
    terms = ((low, high, u * v, i + j + 1) for low, high, p, q in parts for i, u in enumerate(p) for j, v in enumerate(q))
    return sum(c * (high**n - low**n) / n for low, high, c, n in terms)


def check(certificate):
    """What the certificate proves, in one line; ValueError, KeyError or TypeError if it proves nothing or something else."""
    family, claims, bounds = certificate["family"], certificate["enclosures"], {}
    levels, functions = zip(*{"relus": relus, "wavelets": wavelets}[family["kind"]](family))
    K, W = len(levels), [Fraction(1, 2**j) for j in levels]
    dx = Fraction(2, 2 * family["order"] - 1) if family["kind"] == "wavelets" else 1  # dx = 2/(2m − 1) dt
    M = [[dx * integral(f, g) for g in functions[: i + 1]] for i, f in enumerate(functions)]
    for end, sign in (("smallest", 1), ("largest", -1)):
        proof, rests = certificate[end], [Fraction(0)] * K
        shift, defect, unit = map(dyadic, (proof["shift"], proof["defect"], [1, -2 * integer(proof["bits"])]))
        L, x = [[integer(v) for v in row] for row in proof["factor"]], [integer(v) for v in proof["vector"]]
        if len(x) != K or [len(row) for row in L] != list(range(1, K + 1)):
            raise ValueError(f"the vector or the factor is not of size {K}")
        for i in range(K):
            for j in range(i + 1):
                entry = sign * (M[i][j] - (shift * W[i] if i == j else 0))
                rest = abs(entry - unit * sum(u * v for u, v in zip(L[i], L[j])))
                for row in {i, j}:
                    rests[row] += rest
        form = sum(x[i] * x[j] * M[i][j] * (1 + (i > j)) for i in range(K) for j in range(i + 1))
        quotient, outer = form / sum(w * v * v for w, v in zip(W, x)), shift - sign * defect
        low, high = bounds[end] = [dyadic(bound) for bound in claims[end]]
        enclosed = 0 < low <= outer and quotient <= high if sign == 1 else 0 < low <= quotient and outer <= high
        if not enclosed or any(rest > defect * w for rest, w in zip(rests, W)):
            raise ValueError(f"the {end} eigenvalue is not proved to be enclosed")
    least, most = (dyadic(bound) for bound in claims["condition_number"])
    if not (least * bounds["smallest"][1] <= bounds["largest"][0] and bounds["largest"][1] <= most * bounds["smallest"][0]):
        raise ValueError("the condition number is not proved to be enclosed")
    named = {name: value if len(str(value)) < 80 else f"{len(value)} of them" for name, value in family.items()}
    return f"the condition number is at least {float(least)!r} and at most {float(most)!r}, for {named}"


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(print(__doc__) if len(sys.argv) == 2 else __doc__)
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            print("accepted:", check(json.load(file)))
    except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        sys.exit(f"refused: {type(error).__name__}: {error}")
