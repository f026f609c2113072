"""The importance-weighted bound on a linear-Gaussian model, whose likelihood is known.

z ~ N(0, I), x | z ~ N(A z + b, s² I), so x ~ N(b, A Aᵀ + s² I) and p(z|x) is a Gaussian too.
"""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from genlab.objectives import gaussian_kl, gaussian_log_density, importance_weighted_bound, standard_normal_log_density

LATENT, OBSERVED, NOISE = 2, 5, 0.6


class LinearGaussian:
    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.a = torch.randn(OBSERVED, LATENT, generator=generator, dtype=torch.float64)
        self.b = torch.randn(OBSERVED, generator=generator, dtype=torch.float64)
        self.x = torch.randn(11, OBSERVED, generator=generator, dtype=torch.float64) + self.b
        self.log_noise_variance = torch.full((OBSERVED,), 2 * math.log(NOISE), dtype=torch.float64)

    def log_likelihood(self) -> torch.Tensor:
        covariance = self.a @ self.a.T + NOISE**2 * torch.eye(OBSERVED, dtype=torch.float64)
        return MultivariateNormal(self.b, covariance).log_prob(self.x)

    def exact_posterior(self) -> tuple[torch.Tensor, torch.Tensor]:
        precision = torch.eye(LATENT, dtype=torch.float64) + self.a.T @ self.a / NOISE**2
        covariance = precision.inverse()
        return (self.x - self.b) @ self.a @ covariance / NOISE**2, covariance

    def log_joint(self, z: torch.Tensor) -> torch.Tensor:
        mean = z @ self.a.T + self.b
        return gaussian_log_density(self.x, mean, self.log_noise_variance) + standard_normal_log_density(z)

    def log_weights(self, k: int, seed: int = 0) -> torch.Tensor:
        """(k, 11), from a proposal that is not the posterior: diagonal, and a third too wide."""
        mean, covariance = self.exact_posterior()
        log_var = torch.log(1.3 * covariance.diagonal()).expand_as(mean)
        noise = torch.randn(k, *mean.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        z = mean + 0.1 + torch.exp(0.5 * log_var) * noise
        return self.log_joint(z) - gaussian_log_density(z, mean + 0.1, log_var)


@pytest.fixture
def model() -> LinearGaussian:
    return LinearGaussian()


def test_with_the_exact_posterior_a_single_sample_gives_the_exact_likelihood(model):
    mean, covariance = model.exact_posterior()
    posterior = MultivariateNormal(mean, covariance)
    torch.manual_seed(0)
    z = posterior.sample((1,))
    bound = importance_weighted_bound(model.log_joint(z) - posterior.log_prob(z))
    torch.testing.assert_close(bound, model.log_likelihood())


def test_reaches_the_exact_likelihood_with_many_samples(model):
    k = 100_000
    log_weights = model.log_weights(k)
    # the relative standard error of the mean weight is that of its logarithm, to first order
    weights = torch.exp(log_weights - log_weights.max(0).values)
    standard_error = weights.std(0) / weights.mean(0) / math.sqrt(k)
    error = importance_weighted_bound(log_weights) - model.log_likelihood()
    assert (error.abs() <= 5 * standard_error).all()


@pytest.mark.parametrize("k", [1, 2, 5, 50])
def test_is_at_least_the_elbo_on_the_same_samples(model, k):
    log_weights = model.log_weights(k)
    assert (importance_weighted_bound(log_weights) >= log_weights.mean(0) - 1e-12).all()  # rounding; equal at k = 1


def test_rises_with_k_in_expectation(model):
    log_weights = model.log_weights(64 * 4000).view(4000, 64, -1)
    means = [importance_weighted_bound(log_weights[:, :k].transpose(0, 1)).mean() for k in (1, 4, 16, 64)]
    assert means == sorted(means)


def test_stays_below_the_likelihood_in_expectation(model):
    bounds = importance_weighted_bound(model.log_weights(4 * 20_000).view(4, 20_000, -1))
    assert (bounds.mean(0) < model.log_likelihood()).all()


def test_closed_form_elbo_is_the_mean_log_weight(model):
    """E_q[log p(x|z)] − KL = E_q[log w]: the two ways to write the ELBO agree."""
    mean, covariance = model.exact_posterior()
    log_var = torch.log(covariance.diagonal()).expand_as(mean)
    k = 200_000
    noise = torch.randn(k, *mean.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = mean + torch.exp(0.5 * log_var) * noise
    log_weights = model.log_joint(z) - gaussian_log_density(z, mean, log_var)
    reconstruction = model.log_joint(z) - standard_normal_log_density(z)
    difference = reconstruction.mean(0) - gaussian_kl(mean, log_var) - log_weights.mean(0)
    spread = (gaussian_log_density(z, mean, log_var) - standard_normal_log_density(z)).std(0)
    assert (difference.abs() <= 5 * spread / math.sqrt(k)).all()


def test_is_stable_for_weights_that_underflow():
    log_weights = torch.tensor([[-5000.0], [-5000.0]], dtype=torch.float64)
    assert importance_weighted_bound(log_weights).item() == pytest.approx(-5000.0)
