"""Latents → images in [-1, 1]: the generators of the GAN."""

import itertools
import math

from torch import nn

from genlab.networks.autoencoding import Architecture
from genlab.networks.convolutional import ImageShape, quarter_size
from genlab.networks.labels import LabelledSequential, modulation

HIDDEN_DIMS = (128, 256, 512, 1024)
CHANNELS = (128, 64)
SLOPE = 0.2  # of LeakyReLU for negative inputs; Radford et al. 2016, section 4


def image_generator(
    architecture: Architecture, image_shape: ImageShape, latent_dim: int, classes: int = 0
) -> LabelledSequential:
    """(B, latent_dim) → (B, C, H, W) in [-1, 1]; of so many classes it takes a label, in its batch norms."""
    if architecture == "convolutional":
        return convolutional_generator(image_shape, latent_dim, classes)
    return mlp_generator(image_shape, latent_dim, classes)


def mlp_generator(image_shape: ImageShape, latent_dim: int, classes: int = 0) -> LabelledSequential:
    """latent → 128 → 256 → 512 → 1024 → image: batch norm in all hidden layers but the first, LeakyReLU, Tanh."""
    layers: list[nn.Module] = [nn.Linear(latent_dim, HIDDEN_DIMS[0]), nn.LeakyReLU(SLOPE)]
    for width_in, width_out in itertools.pairwise(HIDDEN_DIMS):
        # No bias: batch norm subtracts it again, and Adam would take steps along the rounding errors in its gradient.
        # BatchNorm1d's second argument is eps, not momentum: a 0.8 there is a common slip in code for this network.
        layers += [nn.Linear(width_in, width_out, bias=False), nn.BatchNorm1d(width_out)]
        layers += [*modulation(width_out, classes), nn.LeakyReLU(SLOPE)]
    return LabelledSequential(
        *layers, nn.Linear(HIDDEN_DIMS[-1], math.prod(image_shape)), nn.Tanh(), nn.Unflatten(1, image_shape)
    )


def convolutional_generator(image_shape: ImageShape, latent_dim: int, classes: int = 0) -> LabelledSequential:
    """latent → 128 maps of a quarter of the size → 64 maps of half the size → image: batch norm, ReLU, Tanh.

    Radford et al. 2016, section 3 and figure 1, with two doublings of the size in place of four.

    Raises:
        ValueError: height or width is no multiple of four.
    """
    height, width = quarter_size(image_shape)
    generator = LabelledSequential(
        nn.Linear(latent_dim, CHANNELS[0] * height * width, bias=False),
        nn.Unflatten(1, (CHANNELS[0], height, width)),
        nn.BatchNorm2d(CHANNELS[0]),
        *modulation(CHANNELS[0], classes),
        nn.ReLU(),
        nn.ConvTranspose2d(CHANNELS[0], CHANNELS[1], kernel_size=4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(CHANNELS[1]),
        *modulation(CHANNELS[1], classes),
        nn.ReLU(),
        nn.ConvTranspose2d(CHANNELS[1], image_shape[0], kernel_size=4, stride=2, padding=1),
        nn.Tanh(),
    )
    return generator.apply(dcgan_initialise)


def dcgan_initialise(module: nn.Module) -> None:
    """Weights ~ N(0, 0.02²), biases 0; Radford et al. 2016, section 4. Batch norm keeps its scale of 1."""
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
