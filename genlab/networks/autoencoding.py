"""Image → features and features → image: the two networks of the VAE and the autoencoder."""

import math
from collections.abc import Sequence
from typing import Literal

from torch import nn

from genlab.networks.convolutional import ImageShape, downsampling, trunk_features, upsampling
from genlab.networks.labels import LabelledSequential
from genlab.networks.mlp import Activation, mlp

Architecture = Literal["mlp", "convolutional"]


def image_encoder(
    architecture: Architecture,
    image_shape: ImageShape,
    hidden_dims: Sequence[int],
    out_features: int,
    activation: Activation = "relu",
    classes: int = 0,
) -> LabelledSequential:
    """(B, C, H, W) → (B, out_features): [convolutions,] then fully connected layers of hidden_dims.

    Args:
        classes: of the labels that it takes; 0: none.
    """
    convolutional = architecture == "convolutional"
    features = trunk_features(image_shape) if convolutional else math.prod(image_shape)
    trunk = downsampling(image_shape, classes) if convolutional else nn.Flatten()
    return LabelledSequential(trunk, mlp(features, hidden_dims, out_features, activation, classes))


def image_decoder(
    architecture: Architecture,
    image_shape: ImageShape,
    hidden_dims: Sequence[int],
    in_features: int,
    activation: Activation = "relu",
    classes: int = 0,
) -> LabelledSequential:
    """(B, in_features) → logits (B, C, H, W): the encoder's layers in reverse; classes: as there."""
    convolutional = architecture == "convolutional"
    features = trunk_features(image_shape) if convolutional else math.prod(image_shape)
    trunk = upsampling(image_shape, classes) if convolutional else nn.Unflatten(1, image_shape)
    layers = mlp(in_features, list(reversed(hidden_dims)), features, activation, classes)
    return LabelledSequential(layers, trunk)
