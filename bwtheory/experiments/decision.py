"""The one test by which a claim about an experiment is decided.

*Unit.*  A run with a seed of its own, on the image or target that the claim names.  Over several images the unit is the
image, represented by the mean over its seeds (``bwtheory.experiments.statistics``).  At least five units.

*Several images.*  Differences between two methods are paired by image, and one image on which a method reaches 140 dB must not
decide for all: the mean of the differences is the 20 % trimmed one, its standard error comes from the winsorized differences,
and its number of units is the number of differences that are left (Tukey and McLaughlin).  ``bwtheory.experiments.statistics``
does that, and says how many images it takes.

*Test.*  Welch's t test of two means, which assumes neither equal variances nor a known one; against a number (a printed
value, a chance level) it is Student's t test.  "Smaller", "larger" and "negative" are one-sided, "agrees" is two-sided.

*Size.*  5 %, divided by the number of claims that are decided from the same experiment (Bonferroni), so that with
probability 95 % none of them is decided wrongly by chance.

*Agreement.*  That a test does not reject is no evidence: a claim that two numbers agree also needs runs that scatter little
enough to have seen a difference.  The check says how little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

LEVEL = 0.05
LEAST_TRIALS = 5


@dataclass(frozen=True)
class Mean:
    """A mean over ``trials`` units with its standard error; a number that is not measured has the error 0."""

    value: float
    standard_error: float = 0.0
    trials: int = LEAST_TRIALS

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.standard_error:.2g}" if self.standard_error else f"{self.value:.4g}"


def p_larger(first: Mean, second: Mean) -> float:
    """One-sided p value of "the first mean is not larger than the second"; exact 0 or 1 if neither has any scatter."""
    gap, error = first.value - second.value, math.hypot(first.standard_error, second.standard_error)
    if error == 0:
        return 0.0 if gap > 0 else 1.0
    return float(stats.t.sf(gap / error, _freedom(first, second)))


def p_different(first: Mean, second: Mean, rounding: float = 0.0) -> float:
    """Two-sided p value of "the means differ by no more than ``rounding``", half a unit of the last printed digit."""
    gap, error = abs(first.value - second.value) - rounding, math.hypot(first.standard_error, second.standard_error)
    if gap <= 0 or error == 0:
        return 0.0 if gap > 0 else 1.0
    return 2 * float(stats.t.sf(gap / error, _freedom(first, second)))


def is_shown(p: float, comparisons: int) -> bool:
    """Whether a p value rejects at the level that one of so many claims has."""
    return p < LEVEL / comparisons


def _freedom(*means: Mean) -> float:
    """Degrees of freedom by Welch and Satterthwaite."""
    total = sum(m.standard_error**2 for m in means)
    return total**2 / sum(m.standard_error**4 / (m.trials - 1) for m in means)
