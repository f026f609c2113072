"""A small U-Net, at a time."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genlab.networks.convolutional import ImageShape
from genlab.networks.time_condition import TimeCondition, zeroed

GROUPS = 8  # of channels that are normalised together


class ResidualBlock(nn.Module):
    """x + convolution(norm(convolution(norm(x))), scaled and shifted by the condition): (B, in, H, W) → (B, out, H, W).

    Ho et al. 2020, appendix B, with the scale of Dhariwal & Nichol 2021, section 4.1. The second convolution is 0 at
    the start.
    """

    def __init__(self, channels_in: int, channels_out: int, condition_dim: int) -> None:
        super().__init__()
        self.norm_1 = nn.GroupNorm(math.gcd(GROUPS, channels_in), channels_in)
        self.convolution_1 = nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1)
        self.modulation = nn.Linear(condition_dim, 2 * channels_out)
        self.norm_2 = nn.GroupNorm(math.gcd(GROUPS, channels_out), channels_out)
        self.convolution_2 = zeroed(nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1))
        self.skip = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.modulation(F.silu(condition))[..., None, None].chunk(2, dim=1)
        hidden = self.convolution_1(F.silu(self.norm_1(x)))
        hidden = self.convolution_2(F.silu(self.norm_2(hidden) * (1 + scale) + shift))
        return self.skip(x) + hidden


class TimedUNet(nn.Module):
    """x (B, C, H, W), t (B,) → (B, C, H, W): a residual block at each size on the way down and on the way up.

    Ronneberger et al. 2015; Ho et al. 2020, without attention. The output is 0 at the start.

    Args:
        image_shape: (C, H, W).
        channels: width at each size, the full one first; each further one is half as high and wide.
        classes: see `TimeCondition`.

    Raises:
        ValueError: the height or the width cannot be halved so often.
    """

    def __init__(self, image_shape: ImageShape, channels: Sequence[int], classes: int = 0) -> None:
        super().__init__()
        _, height, width = image_shape
        halvings = len(channels) - 1
        if height % 2**halvings or width % 2**halvings:
            raise ValueError(f"channels: images of {height}x{width} cannot be halved {halvings} times")
        condition_dim = 2 * channels[-1]
        self.condition = TimeCondition(condition_dim, classes)
        self.first = nn.Conv2d(image_shape[0], channels[0], kernel_size=3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for above, here in itertools.pairwise(channels):
            self.down.append(ResidualBlock(above, above, condition_dim))
            self.shrink.append(nn.Conv2d(above, here, kernel_size=3, stride=2, padding=1))
            self.grow.append(nn.Conv2d(here, above, kernel_size=3, padding=1))
            self.up.append(ResidualBlock(2 * above, above, condition_dim))
        self.middle = nn.ModuleList(ResidualBlock(channels[-1], channels[-1], condition_dim) for _ in range(2))
        self.norm = nn.GroupNorm(math.gcd(GROUPS, channels[0]), channels[0])
        self.last = zeroed(nn.Conv2d(channels[0], image_shape[0], kernel_size=3, padding=1))

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        condition = self.condition(t, labels)
        x, kept = self.first(x), []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            kept.append(block(x, condition))
            x = shrink(kept[-1])
        for block in self.middle:
            x = block(x, condition)
        for block, grow, beside in zip(reversed(self.up), reversed(self.grow), reversed(kept), strict=True):
            x = block(torch.cat([grow(_doubled(x)), beside], dim=1), condition)
        return self.last(F.silu(self.norm(x)))


def _doubled(x: Tensor) -> Tensor:
    """Each pixel becomes four; unlike torch's own, deterministic on a GPU too."""
    return x.repeat_interleave(2, -1).repeat_interleave(2, -2)
