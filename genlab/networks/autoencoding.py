"""Image → features and features → image: the two networks of the VAE and the autoencoder."""

import math
from collections.abc import Sequence
from typing import Literal

from torch import nn

from genlab.networks.convolutional import ImageShape, downsampling, trunk_features, upsampling
from genlab.networks.mlp import mlp

Architecture = Literal["mlp", "convolutional"]


def image_encoder(
    architecture: Architecture, image_shape: ImageShape, hidden_dims: Sequence[int], out_features: int
) -> nn.Sequential:
    """(B, C, H, W) → (B, out_features): [convolutions,] then fully connected layers of hidden_dims."""
    if architecture == "convolutional":
        return nn.Sequential(downsampling(image_shape), mlp(trunk_features(image_shape), hidden_dims, out_features))
    return nn.Sequential(nn.Flatten(), mlp(math.prod(image_shape), hidden_dims, out_features))


def image_decoder(
    architecture: Architecture, image_shape: ImageShape, hidden_dims: Sequence[int], in_features: int
) -> nn.Sequential:
    """(B, in_features) → logits (B, C, H, W): the encoder's layers in reverse."""
    reverse = list(reversed(hidden_dims))
    if architecture == "convolutional":
        return nn.Sequential(mlp(in_features, reverse, trunk_features(image_shape)), upsampling(image_shape))
    return nn.Sequential(mlp(in_features, reverse, math.prod(image_shape)), nn.Unflatten(1, image_shape))
