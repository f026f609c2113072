"""Image → features and features → image: the two networks of the VAE and the autoencoder."""

import math
from collections.abc import Sequence
from typing import Literal

from torch import nn

from genlab.networks.convolutional import ImageShape, downsampling, trunk_features, upsampling
from genlab.networks.mlp import Activation, mlp

Architecture = Literal["mlp", "convolutional"]


def image_encoder(
    architecture: Architecture,
    image_shape: ImageShape,
    hidden_dims: Sequence[int],
    out_features: int,
    activation: Activation = "relu",
) -> nn.Sequential:
    """(B, C, H, W) → (B, out_features): [convolutions,] then fully connected layers of hidden_dims."""
    convolutional = architecture == "convolutional"
    features = trunk_features(image_shape) if convolutional else math.prod(image_shape)
    trunk = downsampling(image_shape) if convolutional else nn.Flatten()
    return nn.Sequential(trunk, mlp(features, hidden_dims, out_features, activation))


def image_decoder(
    architecture: Architecture,
    image_shape: ImageShape,
    hidden_dims: Sequence[int],
    in_features: int,
    activation: Activation = "relu",
) -> nn.Sequential:
    """(B, in_features) → logits (B, C, H, W): the encoder's layers in reverse."""
    convolutional = architecture == "convolutional"
    features = trunk_features(image_shape) if convolutional else math.prod(image_shape)
    trunk = upsampling(image_shape) if convolutional else nn.Unflatten(1, image_shape)
    return nn.Sequential(mlp(in_features, list(reversed(hidden_dims)), features, activation), trunk)
