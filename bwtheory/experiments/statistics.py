"""What a comparison may conclude: means, standard errors over seeds, paired differences over images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

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
    """Of two methods, paired by image: its mean, the ends of a confidence interval, nan where it cannot be given; images.

    ``ahead`` is the number of images on which the first is ahead.
    """

    mean: float
    lower: float
    upper: float
    images: int
    ahead: int

    @property
    def significant(self) -> bool:
        """Whether the interval is without 0; False without an interval."""
        return self.lower > 0 or self.upper < 0


def paired_difference(first: Scores, second: Scores, comparisons: int = 1, level: float = 0.95) -> Difference:
    """First minus second over the images that both have: Student's t interval, images as a sample of images.

    With several ``comparisons`` the level is Bonferroni's, 1 − (1 − level)/comparisons, so that all intervals hold together.
    A difference that is not finite (an exact reconstruction) has no interval.
    """
    images = [image for image in first if image in second]
    with np.errstate(invalid="ignore"):
        differences = np.array([np.mean(first[image]) - np.mean(second[image]) for image in images])
    n, ahead = len(differences), int((differences > 0).sum())
    mean = float(differences.mean()) if n else math.nan
    if n < 2 or not math.isfinite(mean):
        return Difference(mean, math.nan, math.nan, n, ahead)
    reach = student.ppf(1 - (1 - level) / (2 * comparisons), n - 1) * differences.std(ddof=1) / math.sqrt(n)
    return Difference(mean, mean - reach, mean + reach, n, ahead)
