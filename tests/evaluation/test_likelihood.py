"""Estimates of log p(x) against a model whose log p(x) is known."""

import math

import pytest
import torch
from evaluation.linear_gaussian import LinearGaussian

from genlab.evaluation.likelihood import from_prior, importance_weighted


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_weights_of_the_exact_posterior_are_the_likelihood():
    model = LinearGaussian(latent_dim=3, x_dim=5, spread=1.0)
    images = model.images(7)
    estimate = importance_weighted(model, images, [1, 4], generator())
    exact = model.log_likelihood(images)
    torch.testing.assert_close(estimate.log_likelihood, exact.expand(2, -1))
    torch.testing.assert_close(estimate.elbo, exact)


def test_the_error_is_that_of_the_weights():
    model = LinearGaussian(latent_dim=3, x_dim=5, spread=1.5)
    images = model.images(50)
    samples = 4000
    estimate = importance_weighted(model, images, [samples], generator())
    # log(1 + ε) ≈ ε, and ε has the standard deviation √(ρ / K) and a skewed, but finite-variance, distribution
    error = math.sqrt(model.relative_variance / samples)
    deviations = (estimate.log_likelihood[0] - model.log_likelihood(images)) / error
    assert deviations.abs().max() < 5
    # neither is the error smaller than it must be: the mean square of 50 such is 1 ± 0.2
    assert 0.4 < deviations.square().mean() < 1.8


def test_the_curve_rises_from_the_elbo_to_the_likelihood():
    model = LinearGaussian(latent_dim=4, x_dim=6, spread=1.6)
    images = model.images(3000)
    counts = (1, 3, 10, 100)
    estimate = importance_weighted(model, images, counts, generator())
    exact = model.log_likelihood(images)
    gaps = exact - estimate.log_likelihood
    errors = gaps.std(-1) / math.sqrt(len(images))
    assert gaps[0].mean() == pytest.approx(model.gap, abs=4 * float(errors[0]))
    assert (gaps[:-1].mean(-1) - gaps[1:].mean(-1) > 2 * errors[:-1]).all()
    assert (gaps.mean(-1) > -4 * errors).all()
    # each of 100 weights counts for the ELBO
    elbo_gap = exact - estimate.elbo
    assert elbo_gap.mean() == pytest.approx(model.gap, abs=4 * float(elbo_gap.std()) / math.sqrt(len(images)))


def test_the_prior_agrees_with_importance_weights_in_one_dimension():
    model = LinearGaussian(latent_dim=1, x_dim=2, spread=1.3)
    images = model.images(20)
    samples = 200_000
    naive = from_prior(model, images, samples, generator(3))
    weighted = importance_weighted(model, images, [2000], generator(4)).log_likelihood[0]
    # of the naive estimate: Var(w) / (M p²) = 1 / ESS − 1 / M
    error = (1 / naive.effective_samples + model.relative_variance / 2000).sqrt()
    assert ((naive.log_likelihood - weighted).abs() < 5 * error).all()
    assert ((naive.log_likelihood - model.log_likelihood(images)).abs() < 5 / naive.effective_samples.sqrt()).all()
    assert naive.effective_samples.median() > 1000


def test_the_prior_is_hopeless_in_many_dimensions():
    model = LinearGaussian(latent_dim=20, x_dim=40, spread=1.0)
    images = model.images(10)
    naive = from_prior(model, images, 2000, generator())
    assert naive.effective_samples.median() < 3
    assert (naive.log_likelihood < model.log_likelihood(images) - 10).all()


class EqualWeights:
    """All of four latents explain an image equally well, all of the others not at all."""

    latent_dim = 1

    def conditional_log_likelihood(self, images, z):
        explains = torch.arange(len(z)) < 4
        return torch.where(explains, -3.0, -math.inf).double().unsqueeze(1).expand(-1, len(images))


def test_effective_samples_counts_the_latents_that_matter():
    estimate = from_prior(EqualWeights(), torch.zeros(2, 1, 1, 1), 100, generator())
    torch.testing.assert_close(estimate.effective_samples, torch.full((2,), 4.0, dtype=torch.float64))
    torch.testing.assert_close(estimate.log_likelihood, torch.full((2,), -3 + math.log(4 / 100), dtype=torch.float64))


class FixedWeights:
    """log w of sample k and image i is log(k + 1) + image_i, dealt out in order."""

    pixels = "binary"

    def __init__(self):
        self.dealt = {}

    def log_weights(self, images, samples, generator=None):
        values = images.flatten(1).mean(1).double()
        start = self.dealt.get(values[0].item(), 0)
        self.dealt[values[0].item()] = start + samples
        return torch.arange(start + 1, start + samples + 1, dtype=torch.float64).log().unsqueeze(1) + values


@pytest.mark.parametrize("chunk", [1, 7, 100, 10_000])
def test_is_the_log_of_the_mean_of_the_first_weights(chunk):
    values = torch.tensor([-90.0, 0.5, -2000.0])
    images = values.view(3, 1, 1, 1).expand(3, 1, 2, 2)
    estimate = importance_weighted(FixedWeights(), images, [20, 3], generator(), chunk)
    assert estimate.counts == (3, 20)
    means = [math.log(sum(range(1, k + 1)) / k) for k in (3, 20)]
    expected = torch.stack([values.double() + mean for mean in means])
    torch.testing.assert_close(estimate.log_likelihood, expected)
    torch.testing.assert_close(estimate.elbo, values.double() + math.lgamma(21) / 20)
