"""The Gaussian KL and density against torch.distributions and against Monte Carlo."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from genlab.objectives import gaussian_kl, gaussian_log_density, standard_normal_log_density


@pytest.fixture
def mu_log_var() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mu = torch.randn(64, 7, generator=generator, dtype=torch.float64) * 2
    log_var = torch.randn(64, 7, generator=generator, dtype=torch.float64)
    return mu, log_var


def normal(mu: torch.Tensor, log_var: torch.Tensor) -> Independent:
    return Independent(Normal(mu, torch.exp(0.5 * log_var)), 1)


def test_kl_is_that_of_torch_distributions(mu_log_var):
    mu, log_var = mu_log_var
    prior = normal(torch.zeros_like(mu), torch.zeros_like(mu))
    torch.testing.assert_close(gaussian_kl(mu, log_var), kl_divergence(normal(mu, log_var), prior))


def test_kl_is_the_mean_of_the_log_ratio():
    mu = torch.tensor([0.7, -1.2], dtype=torch.float64)
    log_var = torch.tensor([0.3, -0.9], dtype=torch.float64)
    n = 200_000
    z = mu + torch.exp(0.5 * log_var) * torch.randn(
        n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    log_ratio = gaussian_log_density(z, mu, log_var) - standard_normal_log_density(z)
    # five standard errors of the mean
    assert log_ratio.mean().item() == pytest.approx(
        gaussian_kl(mu, log_var).item(), abs=5 * log_ratio.std().item() / n**0.5
    )


@pytest.mark.parametrize(
    ("mean", "variance", "kl"),
    [
        (0.12, 1.1, 0.0096),  # ½ (0.0144 + 1.1 − 1 − ln 1.1)
        (8.0, 34.0, 46.74),  # ½ (64 + 34 − 1 − ln 34)
    ],
)
def test_kl_takes_a_variance(mean, variance, kl):
    mu, log_var = torch.tensor([mean], dtype=torch.float64), torch.tensor([math.log(variance)], dtype=torch.float64)
    assert gaussian_kl(mu, log_var).item() == pytest.approx(kl, rel=0.006)  # as many digits as are given


def test_kl_is_never_negative_in_float32():
    log_var = torch.linspace(-1e-3, 1e-3, 100_001).unsqueeze(1)
    assert gaussian_kl(torch.zeros_like(log_var), log_var).min() >= 0


def test_log_density_is_that_of_torch_distributions(mu_log_var):
    mu, log_var = mu_log_var
    z = mu.flip(0)
    torch.testing.assert_close(gaussian_log_density(z, mu, log_var), normal(mu, log_var).log_prob(z))


def test_standard_normal_is_the_gaussian_with_mean_0_and_variance_1(mu_log_var):
    z, _ = mu_log_var
    zero = torch.zeros_like(z)
    torch.testing.assert_close(standard_normal_log_density(z), gaussian_log_density(z, zero, zero))
