"""Images in [-1, 1] → one logit: the discriminators of the GAN."""

import math

from torch import nn

from genlab.networks.autoencoding import Architecture
from genlab.networks.convolutional import ImageShape, quarter_size
from genlab.networks.generators import SLOPE, dcgan_initialise
from genlab.networks.labels import LabelledSequential, LabelProjection

HIDDEN_DIMS = (512, 256)
CHANNELS = (64, 128)


def image_discriminator(architecture: Architecture, image_shape: ImageShape, classes: int = 0) -> LabelledSequential:
    """(B, C, H, W) → logits (B,); of so many classes it is told the label, by projection: see `LabelProjection`."""
    if architecture == "convolutional":
        return convolutional_discriminator(image_shape, classes)
    return mlp_discriminator(image_shape, classes)


def mlp_discriminator(image_shape: ImageShape, classes: int = 0) -> LabelledSequential:
    """image → 512 → 256 → logit, with LeakyReLU."""
    return LabelledSequential(
        nn.Flatten(),
        nn.Linear(math.prod(image_shape), HIDDEN_DIMS[0]),
        nn.LeakyReLU(SLOPE),
        nn.Linear(HIDDEN_DIMS[0], HIDDEN_DIMS[1]),
        nn.LeakyReLU(SLOPE),
        logit(HIDDEN_DIMS[1], classes),
        nn.Flatten(0),
    )


def convolutional_discriminator(image_shape: ImageShape, classes: int = 0) -> LabelledSequential:
    """image → 64 maps of half the size → 128 maps of a quarter of the size → logit, with LeakyReLU.

    Radford et al. 2016, section 3, without its batch norm: with it D(x) would depend on the other images of the
    batch, so that its gradient with respect to x would be meaningless (Gulrajani et al. 2017, section 4), and d_real
    of training, by the batch's statistics, could not be compared with that of validation, by running statistics.

    Raises:
        ValueError: height or width is no multiple of four.
    """
    height, width = quarter_size(image_shape)
    discriminator = LabelledSequential(
        nn.Conv2d(image_shape[0], CHANNELS[0], kernel_size=4, stride=2, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(CHANNELS[0], CHANNELS[1], kernel_size=4, stride=2, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Flatten(),
        logit(CHANNELS[1] * height * width, classes),
        nn.Flatten(0),
    )
    return discriminator.apply(dcgan_initialise)


def logit(features: int, classes: int) -> nn.Linear:
    """The last layer: (B, features) → (B, 1)."""
    return LabelProjection(features, classes) if classes else nn.Linear(features, 1)
