"""The generators and discriminators of the GAN."""

import itertools
import math

import pytest
import torch
from torch import nn

from genlab.networks.discriminators import image_discriminator
from genlab.networks.generators import image_generator

ARCHITECTURES = ["mlp", "convolutional"]
SHAPES = [(1, 28, 28), (3, 12, 20)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", SHAPES)
def test_generators_make_images_between_minus_one_and_one(architecture, shape):
    images = image_generator(architecture, shape, 5)(100 * torch.randn(3, 5))
    assert images.shape == (3, *shape)
    assert -1 <= images.min() < 0 < images.max() <= 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", SHAPES)
def test_discriminators_judge_each_image_by_itself(architecture, shape):
    torch.manual_seed(0)
    discriminator, images = image_discriminator(architecture, shape), torch.randn(3, *shape)
    logits = discriminator(images)
    assert logits.shape == (3,)
    torch.testing.assert_close(logits[:1], discriminator(images[:1]))


def test_the_mlps_are_the_course_s():
    """Parameters by hand: where batch norm follows, its scale and shift in place of a bias."""
    widths = [100, 128, 256, 512, 1024, 784]
    generator = sum((a + 1) * b for a, b in itertools.pairwise(widths)) + (256 + 512 + 1024)
    discriminator = 785 * 512 + 513 * 256 + 257
    count = [
        sum(p.numel() for p in network.parameters())
        for network in (image_generator("mlp", (1, 28, 28), 100), image_discriminator("mlp", (1, 28, 28)))
    ]
    assert count == [generator, discriminator]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_batch_norm_has_its_own_epsilon_and_momentum(architecture):
    network = image_generator(architecture, (1, 28, 28), 100)
    norms = [m for m in network if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    assert norms
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 0.1)}


def test_dcgan_starts_from_normal_weights():
    torch.manual_seed(0)
    for module in [
        *image_generator("convolutional", (1, 28, 28), 100),
        *image_discriminator("convolutional", (1, 28, 28)),
    ]:
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            weights = module.weight.detach()
            # the standard deviation of n normal draws has a standard error of σ / √(2n): five of them on either side
            tolerance = 5 * 0.02 / math.sqrt(2 * weights.numel())
            assert weights.std().item() == pytest.approx(0.02, abs=tolerance)


def test_a_convolutional_generator_needs_sizes_divisible_by_four():
    with pytest.raises(ValueError, match="divisible by 4, got 30x28"):
        image_generator("convolutional", (1, 30, 28), 5)


def test_a_convolutional_discriminator_needs_sizes_divisible_by_four():
    with pytest.raises(ValueError, match="divisible by 4, got 28x30"):
        image_discriminator("convolutional", (1, 28, 30))
