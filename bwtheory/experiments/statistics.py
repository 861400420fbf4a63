"""What a comparison may conclude: means, standard errors over seeds, and which of two methods is ahead over images.

The test is the ledger's (``bwtheory.experiments.decision``), on differences paired by image.  A method may reach 140 dB on one
image, where it fits to the rounding of float32, and 40 dB on the others; so the mean of the differences is trimmed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, norm, rankdata
from scipy.stats import t as student
from scipy.stats.mstats import winsorize

from bwtheory.experiments.decision import LEAST_TRIALS, LEVEL, Mean, is_shown, p_different

TRIMMED = 0.2  # of the differences, on each side: 1 of 5 to 9 images, 2 of 10 to 14
POWER = 0.8  # the probability with which a difference is to be seen
MOST_IMAGES = 10_000  # more are not asked for
Scores = Mapping[str, Sequence[float]]  # of one method: by image, the scores of its seeds


def mean_and_seed_error(scores: Scores) -> tuple[float, float]:
    """Mean over images of the means over seeds, and its standard error from the seeds alone: √(Σ s_i²/n_i)/I.

    nan for the error if an image has a single seed.
    """
    means = [float(np.mean(found)) for found in scores.values()]
    variances = [float(np.var(found, ddof=1)) / len(found) if len(found) > 1 else math.nan for found in scores.values()]
    return float(np.mean(means)), math.sqrt(sum(variances)) / len(means)


@dataclass(frozen=True)
class Difference:
    """Of two methods, paired by image.

    Attributes
    ----------
    typical : the trimmed mean of the differences, in the scores' unit; infinite if one method is exact on most images
    lower, upper : a confidence interval; nan where none can be given
    images, wins, losses : how many images both have, and on how many the first is ahead and behind
    shown : whether the ledger's test shows a difference
    more : how many more images would show it with probability 80 % if it is as it seems; None if it is shown, if there are
        fewer than two images or it is exactly 0, or if that takes more than ``MOST_IMAGES``
    """

    typical: float
    lower: float
    upper: float
    images: int
    wins: int
    losses: int
    shown: bool
    more: int | None

    @property
    def ahead(self) -> bool:
        """Whether the first method is shown to be ahead."""
        return self.shown and self.typical > 0

    @property
    def behind(self) -> bool:
        """Whether the first method is shown to be behind."""
        return self.shown and self.typical < 0


def paired_difference(first: Scores, second: Scores, comparisons: int = 1) -> Difference:
    """First minus second over the images that both have, images as a sample of images.

    Of several ``comparisons`` each is tested at its share of 5 %, so that with 95 % all answers hold together (Bonferroni).
    Two exact scores, both infinite, differ by 0.
    """
    images = [image for image in first if image in second]
    pairs = [(float(np.mean(first[image])), float(np.mean(second[image]))) for image in images]
    differences = np.array([0.0 if a == b else a - b for a, b in pairs])
    n, wins, losses = len(differences), int((differences > 0).sum()), int((differences < 0).sum())
    mean = trimmed_mean(differences)
    if n < LEAST_TRIALS or not (math.isfinite(mean.value) and math.isfinite(mean.standard_error)):
        more = None if n < 2 or not math.isfinite(mean.value) else _images_to_show(mean, n, comparisons)
        return Difference(mean.value, math.nan, math.nan, n, wins, losses, False, more)
    reach = float(student.ppf(1 - LEVEL / (2 * comparisons), mean.trials - 1)) * mean.standard_error
    shown = is_shown(p_different(mean, Mean(0.0)), comparisons)
    more = None if shown else _images_to_show(mean, n, comparisons)
    return Difference(mean.value, mean.value - reach, mean.value + reach, n, wins, losses, shown, more)


def trimmed_mean(values: np.ndarray) -> Mean:
    """The trimmed mean, its standard error by Tukey and McLaughlin, and the number of values that are left.

    Of fewer than five values none is left out.  nan for the mean of none, and for the standard error of fewer than two or of
    winsorized values that are not finite.
    """
    n = len(values)
    cut = int(TRIMMED * n)
    left = np.sort(values)[cut : n - cut]
    if not len(left):
        return Mean(math.nan, math.nan, 0)
    with np.errstate(invalid="ignore"):
        held = np.asarray(winsorize(np.array(values), limits=(cut / n, cut / n)))
        deviation = float(held.std(ddof=1)) if n > 1 and np.isfinite(held).all() else math.nan
        return Mean(float(left.mean()), deviation / ((1 - 2 * cut / n) * math.sqrt(n)), len(left))


def detectable(images: int, comparisons: int) -> float:
    """The difference that so many images show with probability 80 %, in standard deviations of the differences between images.

    For normal differences; infinite for fewer than five images, for which nothing is decided.
    """
    if images < LEAST_TRIALS:
        return math.inf
    return float(brentq(lambda size: _power(size, images, comparisons) - POWER, 0.0, 1e4))


def images_for(size: float, comparisons: int) -> int | None:
    """The least number of images that shows a difference of ``size`` standard deviations with probability 80 %.

    None if it takes more than ``MOST_IMAGES``.
    """
    low, high = LEAST_TRIALS - 1, LEAST_TRIALS
    while _power(size, high, comparisons) < POWER:
        low, high = high, 2 * high
        if low > MOST_IMAGES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(size, middle, comparisons) >= POWER else (middle, high)
    return high if high <= MOST_IMAGES else None


def mean_ranks(scores: Mapping[str, Scores]) -> dict[str, float]:
    """Of methods: the mean over images of the rank by the mean over seeds, 1 for the best, equal ranks shared.

    Only images that all methods have count; empty if there is none.
    """
    images = set.intersection(*(set(found) for found in scores.values())) if scores else set()
    if not images:
        return {}
    means = np.array([[np.mean(found[image]) for image in sorted(images)] for found in scores.values()])
    ranks = rankdata(-means, axis=0).mean(axis=1)
    return dict(zip(scores, map(float, ranks)))


def standard_deviation(differences: np.ndarray) -> float:
    """Of normal numbers that would give the trimmed mean's standard error: robust, as that is."""
    return _deviation(trimmed_mean(differences), len(differences))


def _deviation(mean: Mean, images: int) -> float:
    return mean.standard_error * math.sqrt(images / _variance(int(TRIMMED * images) / images))


def _power(size: float, images: int, comparisons: int) -> float:
    """The probability that a difference of ``size`` standard deviations is shown; differences are normal."""
    cut = int(TRIMMED * images)
    freedom = images - 2 * cut - 1
    threshold = student.ppf(1 - LEVEL / (2 * comparisons), freedom)
    return float(nct.sf(threshold, freedom, size * math.sqrt(images / _variance(cut / images))))


def _variance(trimmed: float) -> float:
    """n times the variance of a trimmed mean of n standard normal numbers, for large n: 1 if nothing is trimmed."""
    if trimmed == 0:
        return 1.0
    end = float(norm.ppf(1 - trimmed))
    middle = (1 - 2 * trimmed) - 2 * end * float(norm.pdf(end))
    return (middle + 2 * trimmed * end**2) / (1 - 2 * trimmed) ** 2


def _images_to_show(mean: Mean, images: int, comparisons: int) -> int | None:
    """How many more images would show this difference."""
    if mean.standard_error == 0 or mean.value == 0:
        return None if mean.value == 0 else max(LEAST_TRIALS - images, 1)
    wanted = images_for(abs(mean.value) / _deviation(mean, images), comparisons)
    return None if wanted is None else max(wanted - images, 1)
