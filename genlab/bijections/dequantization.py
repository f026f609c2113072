"""From 8-bit images to real numbers, and what that does to a likelihood."""

import math

from torch import Tensor, nn

LEVELS = 256

# Noise keeps this distance from 0 and 1. Without it float32 rounds 255 + u up to 256 for one u in 131,000, and a
# level could be lost between a logit and its inverse, whose rounding moves 256·x by up to 5e-5.
MARGIN = 2.0**-13


def to_levels(images: Tensor) -> Tensor:
    """k = 255·image: images k/255 in [0, 1] → whole numbers 0, …, 255, in the floating type of the images."""
    return (images * (LEVELS - 1)).round()


def to_images(x: Tensor) -> Tensor:
    """image = ⌊256·x⌋/255 in [0, 1]: the 8-bit image in whose cell x lies, the nearest one if x is not in [0, 1)."""
    return (x * LEVELS).floor().clamp(0, LEVELS - 1) / (LEVELS - 1)


def bits_per_dim(log_likelihood: Tensor, dims: int) -> Tensor:
    """−log₂ P / dims, for log P of the 8-bit image in nats: 8 for a model that is uniform over the 256 levels."""
    return -log_likelihood / (dims * math.log(2))


class UniformNoise(nn.Module):
    """u ~ U[0, 1] per pixel: (levels, uniform) → (u, log_q) = (uniform, 0)."""

    def forward(self, levels: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        return uniform, levels.new_zeros(len(levels))


class Dequantization(nn.Module):
    """image → x = (k + u)/256 in (0, 1),  k = 255·image,  with ladj = −D·log 256 − log q(u|k).

    For a density p on [0, 1]^D, log p(x) + ladj is in expectation a lower bound on log P(image), where
    P(image) = ∫ p((k + u)/256) 256^−D du. It is exact in the limit of many draws, importance-weighted
    (Theis et al. 2016, section 3.1; Ho et al. 2019, section 3.1).

    Not a `Bijection`, because many x fall on one image; `inverse` recovers that image exactly.

    Args:
        noise: (levels, uniform) → (u, log_q), the density of u given the levels: `UniformNoise`, `VariationalNoise`.

    Shapes: images, uniform and x (B, C, H, W); ladj (B,), in nats. `uniform` is U(0, 1) noise, which the caller draws
    afresh in training and fixes for a validation metric.
    """

    def __init__(self, noise: nn.Module) -> None:
        super().__init__()
        self.noise = noise

    def forward(self, images: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
        levels = to_levels(images)
        u, log_q = self.noise(levels, uniform.clamp(MARGIN, 1 - MARGIN))
        x = (levels + u.clamp(MARGIN, 1 - MARGIN)) / LEVELS
        return x, -log_q - levels[0].numel() * math.log(LEVELS)

    def inverse(self, x: Tensor) -> Tensor:
        return to_images(x)
