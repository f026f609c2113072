"""Hutchinson's estimate of a divergence against autograd's whole Jacobian."""

import itertools
import math

import pytest
import torch

from genlab.objectives.trace import divergence_estimate, rademacher

D = 5


@pytest.fixture
def field():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(D, 7), torch.nn.Tanh(), torch.nn.Linear(7, D)).double()


@pytest.fixture
def x():
    return torch.randn(3, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def jacobians(field, x):
    return torch.stack([torch.autograd.functional.jacobian(field, row) for row in x])


def test_the_mean_over_all_probes_is_the_trace(field, x):
    """Of signs there are 2^D, each as likely: their mean is the expectation itself."""
    probes = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=D)), dtype=torch.float64)
    estimates = torch.stack([divergence_estimate(field, x, probe.expand(3, D))[1] for probe in probes])
    expected = jacobians(field, x).diagonal(dim1=1, dim2=2).sum(1)
    torch.testing.assert_close(estimates.mean(0), expected)
    assert estimates.std(0).min() > 0.01  # one alone is not


def test_random_probes_are_unbiased(field, x):
    """4,000 draws: within five standard errors."""
    uniform = torch.rand(4000, D, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    _, estimates = divergence_estimate(field, x[:1].expand(4000, D), rademacher(uniform))
    expected = jacobians(field, x[:1]).diagonal(dim1=1, dim2=2).sum()
    assert abs(estimates.mean() - expected) < 5 * estimates.std() / math.sqrt(4000)


def test_the_field_itself_comes_with_it_and_without_a_gradient(field, x):
    with torch.no_grad():
        value, estimate = divergence_estimate(field, x, torch.ones_like(x))
        torch.testing.assert_close(value, field(x))
    assert not value.requires_grad and not estimate.requires_grad


def test_probes_are_signs():
    signs = rademacher(torch.rand(1000, generator=torch.Generator().manual_seed(3)))
    assert set(signs.tolist()) == {-1.0, 1.0}
    assert abs(signs.mean()) < 5 / math.sqrt(1000)
