"""The Bernoulli log-likelihood against torch.distributions."""

import math

import torch
from torch.distributions import Bernoulli

from genlab.objectives import bernoulli_log_likelihood


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
