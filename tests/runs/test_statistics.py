"""Means over seeds: what is said of them, and what is not."""

import itertools
import math
import random
import statistics

import pytest
from scipy.special import stdtr

from genlab.runs.comparison import bootstrap_interval, distinguishable


def test_the_interval_is_that_of_all_resamples():
    """Of five values all 3,125 resamples can be listed; 10,000 random ones come near their quantiles."""
    values = [0.0, 1.0, 3.0, 7.0, 15.0]
    means = sorted(sum(sample) / 5 for sample in itertools.product(values, repeat=5))
    low, high = bootstrap_interval(values)
    assert low == pytest.approx(means[round(0.025 * len(means))], abs=0.41)  # the neighbouring means are 0.2 apart
    assert high == pytest.approx(means[round(0.975 * len(means))], abs=0.41)
    assert bootstrap_interval(values) == (low, high)


def test_the_interval_of_two_seeds_is_their_range_and_of_one_there_is_none():
    assert bootstrap_interval([2.0, 3.0]) == (2.0, 3.0)
    assert bootstrap_interval([2.0]) is None


def test_the_interval_covers_the_mean_as_often_as_it_says():
    """95 % of 200 trials with 20 values from N(0, 1): standard error 1.5 %, and percentile intervals are 2 % short."""
    generator = random.Random(0)
    intervals = [bootstrap_interval([generator.gauss(0, 1) for _ in range(20)]) for _ in range(200)]
    assert 0.88 < sum(low <= 0 <= high for low, high in intervals) / 200 < 0.98


@pytest.mark.parametrize(
    ("one", "other"), [([1.0, 2.0, 3.0], [2.5, 4.0, 9.0]), ([1.0, 1.1], [1.3, 1.35, 1.4]), ([5.0, 6.0], [1.0, 1.5])]
)
def test_the_question_is_welchs_test(one, other):
    """t = difference / √(s₁²/n₁ + s₂²/n₂), with the degrees of freedom of Welch (1947)."""
    a, b = (statistics.variance(values) / len(values) for values in (one, other))
    freedom = (a + b) ** 2 / (a**2 / (len(one) - 1) + b**2 / (len(other) - 1))
    p = 2 * stdtr(freedom, -abs(statistics.mean(one) - statistics.mean(other)) / math.sqrt(a + b))
    for comparisons in (1, 2, 10, 1000):
        assert distinguishable(one, other, comparisons) == (p * comparisons < 0.05)
        assert distinguishable(other, one, comparisons) == distinguishable(one, other, comparisons)


def test_one_seed_is_never_distinguished():
    assert not distinguishable([0.0], [100.0, 100.1])
    assert not distinguishable([0.0], [100.0])


def test_results_without_any_spread():
    assert distinguishable([1.0, 1.0], [2.0, 2.0])
    assert not distinguishable([1.0, 1.0], [1.0, 1.0])


def test_equal_means_are_seldom_called_different():
    """At 5 %: of 1,000 pairs of three seeds from one distribution, 5 ± 2 % (three standard errors)."""
    generator = random.Random(0)
    seeds = [[[generator.gauss(0, 1) for _ in range(3)] for _ in range(2)] for _ in range(1000)]
    assert sum(distinguishable(*pair) for pair in seeds) < 70
