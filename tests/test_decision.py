"""The ledger's statistical test: sizes by simulation with a fixed seed, against SciPy, and at its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bwtheory.experiments.decision import LEVEL, Mean, is_shown, p_different, p_larger


def summary(sample: np.ndarray) -> Mean:
    return Mean(float(sample.mean()), float(sample.std(ddof=1) / math.sqrt(len(sample))), len(sample))


def test_it_is_welchs_test():
    generator = np.random.default_rng(0)
    first, second = generator.normal(1, 1, 5), generator.normal(0, 3, 8)
    expected = stats.ttest_ind(first, second, equal_var=False)
    # Both take means and variances of 13 numbers of size 10 or less: some 50 roundings.
    assert p_different(summary(first), summary(second)) == pytest.approx(expected.pvalue, rel=1e-12)
    one_sided = stats.ttest_ind(first, second, equal_var=False, alternative="greater").pvalue
    assert p_larger(summary(first), summary(second)) == pytest.approx(one_sided, rel=1e-12)


def test_against_a_number_it_is_students_test():
    sample = np.random.default_rng(1).normal(0.3, 1, 6)
    expected = stats.ttest_1samp(sample, 0.1)
    assert p_different(summary(sample), Mean(0.1)) == pytest.approx(expected.pvalue, rel=1e-12)


def test_five_seeds_of_unequal_variance_keep_the_size_that_a_z_test_does_not():
    """4000 samples under the null: the fraction rejected has a standard deviation of 0.0034 at 5 %; bounds at four of them."""
    generator = np.random.default_rng(2)
    samples = [(generator.normal(0, 1, 5), generator.normal(0, 10, 5)) for _ in range(4000)]
    rejected = np.mean([is_shown(p_different(summary(a), summary(b)), 1) for a, b in samples])
    z_test = np.mean(
        [abs(a.mean() - b.mean()) > 1.96 * math.hypot(*(summary(s).standard_error for s in (a, b))) for a, b in samples]
    )
    assert rejected < LEVEL + 4 * 0.0034
    assert z_test > LEVEL + 4 * 0.0034


@pytest.mark.parametrize("gap, larger, different", [(1.0, 0.0, 0.0), (0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)])
def test_without_scatter(gap, larger, different):
    assert (p_larger(Mean(gap), Mean(0.0)), p_different(Mean(gap), Mean(0.0))) == (larger, different)


def test_a_difference_below_the_printed_digit_is_none():
    assert p_different(Mean(1.04, 0.001), Mean(1.0, 0.001), rounding=0.05) == 1.0


def test_more_claims_need_a_smaller_p():
    assert is_shown(0.03, 1) and not is_shown(0.03, 2)
