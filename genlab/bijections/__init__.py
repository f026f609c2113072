"""The flow's maps: x → z returns (z, ladj); the inverse z → x."""

from genlab.bijections.actnorm import ActNorm
from genlab.bijections.architectures import course_realnvp, multiscale_glow
from genlab.bijections.bijection import Bijection
from genlab.bijections.composition import Composition
from genlab.bijections.coupling import AffineCoupling, ChannelCoupling, MaskedCoupling, checkerboard
from genlab.bijections.dequantization import (
    LEVELS,
    Dequantization,
    UniformNoise,
    bits_per_dim,
    to_images,
    to_levels,
)
from genlab.bijections.invertible_convolution import InvertibleConvolution
from genlab.bijections.logit import Logit
from genlab.bijections.multiscale import MultiScale
from genlab.bijections.squeeze import Flatten, Identity, Squeeze
from genlab.bijections.variational_noise import VariationalNoise

__all__ = [
    "LEVELS",
    "ActNorm",
    "AffineCoupling",
    "Bijection",
    "ChannelCoupling",
    "Composition",
    "Dequantization",
    "Flatten",
    "Identity",
    "InvertibleConvolution",
    "Logit",
    "MaskedCoupling",
    "MultiScale",
    "Squeeze",
    "UniformNoise",
    "VariationalNoise",
    "bits_per_dim",
    "checkerboard",
    "course_realnvp",
    "multiscale_glow",
    "to_images",
    "to_levels",
]
