"""A few seeds' numbers: a bootstrap interval, and whether two such sets differ."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import ttest_ind

RESAMPLES = 10_000
LEVEL = 0.05


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % percentile interval of the mean over resamples (Efron & Tibshirani 1993, chapter 13); None for one number.

    It never leaves the range of the values, so that of fewer than six it covers less than 95 %: 50 % of two values,
    75 % of three at most. The same values have the same interval.
    """
    if len(values) < 2:
        return None
    sample = np.asarray(values)
    drawn = np.random.default_rng(0).integers(len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.quantile(sample[drawn].mean(1), [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def distinguishable(one: Sequence[float], other: Sequence[float], comparisons: int = 1) -> bool:
    """Whether two sets of seeds have different means, at 5 %, by Welch's t-test; never with one seed.

    A bootstrap would call too few seeds different too often, see `bootstrap_interval`.

    Args:
        one, other: a number for each seed.
        comparisons: how many such questions are asked together; the level is divided by it (Bonferroni).
    """
    if len(one) < 2 or len(other) < 2:
        return False
    if len({*one}) == len({*other}) == 1:  # no spread, of which the test would divide by zero
        return one[0] != other[0]
    return float(ttest_ind(one, other, equal_var=False).pvalue) * comparisons < LEVEL
