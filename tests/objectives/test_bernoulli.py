"""The Bernoulli log-likelihood against torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Bernoulli
from torch.nn import functional

from genlab.objectives import bernoulli_log_likelihood, pairwise_bernoulli_log_likelihood


def test_is_that_of_torch_distributions_summed_over_pixels():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(5, 4, 1, 6, 7, generator=generator, dtype=torch.float64)  # 5 samples of z for 4 images
    x = (torch.rand(4, 1, 6, 7, generator=generator, dtype=torch.float64) < 0.3).double()
    expected = Bernoulli(logits=logits).log_prob(x.expand_as(logits)).sum((-1, -2, -3))
    torch.testing.assert_close(bernoulli_log_likelihood(logits, x), expected)


def test_probabilities_of_all_images_sum_to_one():
    logits = torch.tensor([0.4, -1.1, 2.0], dtype=torch.float64).view(1, 1, 1, 3)
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3).view(8, 1, 1, 3)
    total = bernoulli_log_likelihood(logits.expand(8, 1, 1, 3), images).exp().sum()
    torch.testing.assert_close(total, torch.ones((), dtype=torch.float64))


def test_extreme_logits_stay_finite():
    logits = torch.tensor([1000.0, -1000.0]).view(2, 1, 1, 1)
    assert bernoulli_log_likelihood(logits, torch.zeros_like(logits)).tolist() == [-1000.0, 0.0]


def test_is_in_nats():
    value = bernoulli_log_likelihood(
        torch.zeros(1, 1, 28, 28, dtype=torch.float64), torch.ones(1, 1, 28, 28, dtype=torch.float64)
    )
    assert math.isclose(value.item(), -784 * math.log(2))


@pytest.mark.parametrize("pixels", [1, 7, 42, 784])  # which eight divides, or not
def test_the_gradient_is_the_residual(pixels):
    generator = torch.Generator().manual_seed(pixels)
    logits = 30 * torch.randn(3, 1, 1, pixels, generator=generator, dtype=torch.float64)
    x = (torch.rand(logits.shape, generator=generator) < 0.5).double()
    logits.requires_grad_()
    bernoulli_log_likelihood(logits, x).sum().backward()
    torch.testing.assert_close(logits.grad, x - logits.detach().sigmoid())


def test_the_gradient_is_that_of_finite_differences():
    logits = torch.randn(2, 3, 1, 2, 4, dtype=torch.float64, requires_grad=True)
    x = (torch.rand(3, 1, 2, 4) < 0.5).double()
    torch.autograd.gradcheck(lambda logits: bernoulli_log_likelihood(logits, x), logits)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_float32_is_as_exact_as_a_softplus_for_each_pixel(scale):
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(1000, 1, 28, 28, generator=generator)
    x = (torch.rand(logits.shape, generator=generator) < 0.5).float()
    exact = Bernoulli(logits=logits.double()).log_prob(x.double()).sum((-1, -2, -3))
    terms = (x * logits).abs() + functional.softplus(logits)
    # a sum in float32 of terms, each of which is rounded once or twice
    error = (bernoulli_log_likelihood(logits, x) - exact).abs() / terms.double().sum((-1, -2, -3))
    assert error.max() < 4 * torch.finfo(torch.float32).eps


def test_pairs_are_those_of_the_images_one_by_one():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 4, 4, generator=generator, dtype=torch.float64)
    x = (torch.rand(5, 1, 4, 4, generator=generator) < 0.5).double()
    expected = bernoulli_log_likelihood(logits.unsqueeze(1), x)
    torch.testing.assert_close(pairwise_bernoulli_log_likelihood(logits, x), expected)


def test_several_models_at_once_by_vmap():
    logits, x = torch.randn(2, 3, 1, 4, 4), torch.ones(2, 3, 1, 4, 4)
    together = torch.func.vmap(torch.func.grad(lambda logits, x: bernoulli_log_likelihood(logits, x).sum()))(logits, x)
    torch.testing.assert_close(together, x - logits.sigmoid())
