"""The Fréchet distance of Gaussians, in closed form."""

import math

import pytest
import torch

from genlab.evaluation.distances import frechet_distance


def features(mean, covariance, n=50, seed=0):
    """n points whose mean and covariance are exactly these."""
    mean, covariance = torch.tensor(mean, dtype=torch.float64), torch.tensor(covariance, dtype=torch.float64)
    points = torch.randn(n, len(mean), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    points = points - points.mean(0)
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(points.T.cov()), points.T, upper=False)
    return (torch.linalg.cholesky(covariance) @ whitened).T + mean


A, B = [[2.0, 0.6], [0.6, 1.0]], [[1.0, -0.4], [-0.4, 3.0]]


def test_shifted_gaussians():
    distance = frechet_distance(features([1.0, 2.0], A), features([4.0, -2.0], A, seed=1))
    assert distance == pytest.approx(25, rel=1e-9)


def test_gaussians_with_covariances_that_do_not_commute():
    # tr(M^½) of a 2×2 matrix is √(tr M + 2 √det M)
    a, b = torch.tensor(A), torch.tensor(B)
    root = math.sqrt(float(torch.trace(a @ b) + 2 * torch.det(a @ b).sqrt()))
    expected = 1 + float(torch.trace(a) + torch.trace(b)) - 2 * root
    assert frechet_distance(features([0.0, 1.0], A), features([0.0, 0.0], B, n=70)) == pytest.approx(expected, rel=1e-6)


def test_a_set_is_at_no_distance_from_itself():
    assert frechet_distance(features([0.0, 1.0], A), features([0.0, 1.0], A)) == pytest.approx(0, abs=1e-6)
