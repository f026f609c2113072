"""Convolutional trunks that halve an image twice, and their mirror image."""

from typing import Annotated

from pydantic import Field, PositiveInt
from torch import nn

from genlab.networks.labels import LabelledSequential, modulation

# (C, H, W); a list, as configs have it, is taken too
ImageShape = Annotated[tuple[PositiveInt, PositiveInt, PositiveInt], Field(strict=False)]

CHANNELS = (32, 64)


def downsampling(image_shape: ImageShape, classes: int = 0) -> LabelledSequential:
    """(B, C, H, W) → (B, 64 · H/4 · W/4), by two convolutions of stride two; classes: of labels it takes."""
    return LabelledSequential(
        nn.Conv2d(image_shape[0], CHANNELS[0], kernel_size=4, stride=2, padding=1),
        *modulation(CHANNELS[0], classes),
        nn.ReLU(),
        nn.Conv2d(CHANNELS[0], CHANNELS[1], kernel_size=4, stride=2, padding=1),
        *modulation(CHANNELS[1], classes),
        nn.ReLU(),
        nn.Flatten(),
    )


def upsampling(image_shape: ImageShape, classes: int = 0) -> LabelledSequential:
    """(B, 64 · H/4 · W/4) → (B, C, H, W), by two transposed convolutions of stride two; classes: of labels it takes."""
    return LabelledSequential(
        nn.ReLU(),
        nn.Unflatten(1, (CHANNELS[1], *quarter_size(image_shape))),
        nn.ConvTranspose2d(CHANNELS[1], CHANNELS[0], kernel_size=4, stride=2, padding=1),
        *modulation(CHANNELS[0], classes),
        nn.ReLU(),
        nn.ConvTranspose2d(CHANNELS[0], image_shape[0], kernel_size=4, stride=2, padding=1),
    )


def trunk_features(image_shape: ImageShape) -> int:
    """Width of the flat side of both trunks; raises as `quarter_size` does."""
    height, width = quarter_size(image_shape)
    return CHANNELS[1] * height * width


def quarter_size(image_shape: ImageShape) -> tuple[int, int]:
    """(C, H, W) → (H/4, W/4).

    Raises:
        ValueError: height or width is no multiple of four, so halving twice does not come out even.
    """
    _, height, width = image_shape
    if height % 4 or width % 4:
        raise ValueError(f"the convolutional networks need a height and width divisible by 4, got {height}x{width}")
    return height // 4, width // 4
