"""tensors → tensors. No loss, no sampling, no Lightning."""

from genlab.networks.autoencoding import Architecture, image_decoder, image_encoder
from genlab.networks.convolutional import ImageShape
from genlab.networks.mlp import Activation, mlp

__all__ = ["Activation", "Architecture", "ImageShape", "image_decoder", "image_encoder", "mlp"]
