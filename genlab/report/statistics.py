"""A few seeds' numbers: mean, standard deviation, a bootstrap interval, and whether two such sets differ."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr

RESAMPLES = 10_000
LEVEL = 0.05


def standard_deviation(values: Sequence[float]) -> float | None:
    """s = √(Σ (x − mean)² / (n − 1)), exactly 0 of equal numbers; None for one number."""
    if len(values) < 2:
        return None
    return 0.0 if min(values) == max(values) else float(np.std(values, ddof=1))


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
    a, b = ((standard_deviation(values) or 0.0) ** 2 / len(values) for values in (one, other))
    difference = abs(float(np.mean(one)) - float(np.mean(other)))
    if a + b == 0:
        return difference > 0
    freedom = (a + b) ** 2 / (a**2 / (len(one) - 1) + b**2 / (len(other) - 1))
    p = 2 * float(stdtr(freedom, -difference / math.sqrt(a + b)))
    return p * comparisons < LEVEL
