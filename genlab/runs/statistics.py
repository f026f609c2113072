"""A few seeds' numbers: a bootstrap interval, and whether two such sets differ."""

import warnings
from collections.abc import Sequence

LEVEL = 0.05


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % percentile interval of the mean over resamples (Efron & Tibshirani 1993, chapter 13); None for one number.

    It never leaves the range of the values, so that of fewer than six it covers less than 95 %: 50 % of two values,
    75 % of three at most. The same values have the same interval.
    """
    if len(values) < 2:
        return None
    import numpy as np  # here, and scipy below: a second, and not each sweep has repetitions
    from scipy.stats import bootstrap

    found = bootstrap(
        *((values,), np.mean), confidence_level=1 - LEVEL, n_resamples=10_000, method="percentile", random_state=0
    ).confidence_interval
    return float(found.low), float(found.high)


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
    from scipy.stats import ttest_ind

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of seeds that are nearly the same
        return float(ttest_ind(one, other, equal_var=False).pvalue) * comparisons < LEVEL
