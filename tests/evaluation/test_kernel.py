"""The kernel distance, by its definition and in expectation."""

import math

import pytest
import torch

from genlab.evaluation import distances
from genlab.evaluation.distances import kernel_distance


def normal(n, features, seed, mean=0.0, scale=1.0):
    noise = torch.randn(n, features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return mean + scale * noise


@pytest.mark.parametrize("chunk", [1, 4, 1000])
def test_is_its_definition(chunk, monkeypatch):
    monkeypatch.setattr(distances, "CHUNK", chunk)
    x, y = normal(5, 3, 0), normal(7, 3, 1, mean=0.5, scale=2.0)

    def k(a, b):
        return (float(a @ b) / 3 + 1) ** 3

    within_x = sum(k(x[i], x[j]) for i in range(5) for j in range(5) if i != j) / (5 * 4)
    within_y = sum(k(y[i], y[j]) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    between = sum(k(a, b) for a in x for b in y) / (5 * 7)
    assert kernel_distance(x, y) == pytest.approx(within_x + within_y - 2 * between, rel=1e-12)


def mean_and_error(values):
    values = torch.tensor(values, dtype=torch.float64)
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


def test_is_zero_in_expectation_for_one_distribution():
    mean, error = mean_and_error([kernel_distance(normal(20, 2, 2 * s), normal(30, 2, 2 * s + 1)) for s in range(400)])
    assert abs(mean) < 4 * error
    assert error < 0.1  # so that a biased estimate, whose diagonal adds about 1, would be seen


def test_is_the_distance_of_the_moments_in_expectation():
    # with one feature k(a, b) = Σ_j C(3, j) a^j b^j, so MMD² = Σ_j C(3, j) (E x^j − E y^j)²
    distances = [kernel_distance(normal(20, 1, 2 * s), normal(30, 1, 2 * s + 1, mean=0.5)) for s in range(2000)]
    mean, error = mean_and_error(distances)
    expected = 3 * 0.5**2 + 3 * 0.25**2 + (0.5**3 + 3 * 0.5) ** 2
    assert mean == pytest.approx(expected, abs=4 * error)
    assert error < 0.2 * expected
