"""Binarization draws each pixel with the probability that its grey is."""

import pytest
import torch

from genlab.models.binarization import binarize, binarize_afresh
from genlab.models.fixed_noise import fixed_normal, fixed_uniform

N = 200_000


def greys(value):
    return torch.full((N, 1, 1, 3), value / 255)  # three pixels: no multiple of four


@pytest.mark.parametrize("value", [1, 77, 128, 254])
def test_the_mean_of_fresh_draws_is_the_grey(value):
    torch.manual_seed(value)
    p = value / 255
    standard_error = (p * (1 - p) / (3 * N)) ** 0.5
    assert binarize_afresh(greys(value)).mean().item() == pytest.approx(p, abs=5 * standard_error + 2**-16)


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_are_certain(value):
    torch.manual_seed(0)
    assert (binarize_afresh(greys(value)) == value / 255).all()


def test_fresh_draws_of_neighbours_are_independent():
    """Four pixels share a draw of 64 bits, of which each has its own 16."""
    torch.manual_seed(0)
    x = binarize_afresh(torch.full((N, 1, 1, 4), 0.5)).view(N, 4)
    correlation = torch.corrcoef(x.T) - torch.eye(4)
    assert correlation.abs().max() < 5 / N**0.5


def test_compares_with_the_uniform_noise():
    images, uniform = torch.tensor([0.2, 0.2, 0.0, 1.0]), torch.tensor([0.1, 0.3, 0.0, 0.999])
    assert binarize(images, uniform).tolist() == [1, 0, 0, 1]


def test_fixed_noise_does_not_depend_on_the_batch():
    images = torch.rand(7, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    whole = fixed_uniform(images, (1, 5, 5))
    assert torch.equal(whole, torch.cat([fixed_uniform(part, (1, 5, 5)) for part in images.split([3, 4])]))
    assert torch.equal(whole.flip(0), fixed_uniform(images.flip(0), (1, 5, 5)))


def test_fixed_noise_differs_between_images():
    images = torch.rand(2, 1, 5, 5)
    first, second = fixed_normal(images, (100,))
    assert not torch.equal(first, second)


def test_fixed_noise_does_not_depend_on_how_a_device_divides():
    levels = torch.arange(256.0).view(1, 1, 16, 16)
    on_cpus, on_gpus = levels / 255, levels * (1 / torch.tensor(255.0))
    assert not torch.equal(on_cpus, on_gpus)
    assert torch.equal(fixed_uniform(on_cpus, (5,)), fixed_uniform(on_gpus, (5,)))


def test_fixed_noise_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    fixed_normal(torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(0)), (3,))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("draw", "mean", "variance"), [(fixed_uniform, 0.5, 1 / 12), (fixed_normal, 0.0, 1.0)])
def test_fixed_noise_over_many_images_has_its_distribution(draw, mean, variance):
    images = torch.rand(2000, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    noise = draw(images, (50,))
    # five standard errors; the variance of a squared deviation is at most 2 variance² for both
    assert noise.mean().item() == pytest.approx(mean, abs=5 * (variance / noise.numel()) ** 0.5)
    assert noise.var().item() == pytest.approx(variance, abs=5 * variance * (2 / noise.numel()) ** 0.5)
