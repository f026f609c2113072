"""The multi-scale architecture: every scale factors out half of the dimensions."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from genlab.bijections.bijection import Bijection, given, locate
from genlab.bijections.squeeze import Squeeze


class MultiScale(Bijection):
    """h_0 = x,  (h_i, z_i) = halves(f_i(squeeze(h_{i−1}))),  z = [z_1, …, z_n]; the last scale factors out everything.

    What is factored out skips the later scales. It is the second half of the channels: where f_i ends with a coupling
    that keeps the first half, that coupling is a learned prior of this half given the other.

    Args:
        image_shape: (C, H, W).
        scales: f_i, each of which keeps its shape, (B, *scale_shapes(image_shape, n)[i]).

    Shapes: x (B, C, H, W), z (B, C·H·W), ladj (B,).

    Raises:
        ValueError: H or W is not divisible by 2^n, or a scale changes the shape.

    Dinh et al. 2017, section 3.6 and figure 4.
    """

    takes_labels = True

    def __init__(self, image_shape: Sequence[int], scales: Sequence[Bijection]) -> None:
        super().__init__()
        self.squeeze = Squeeze()
        self.scales = nn.ModuleList(scales)
        self.shapes = scale_shapes(image_shape, len(scales))
        # Elements that each scale factors out: half of what came in, and everything at the last.
        sizes = [channels * height * width for channels, height, width in self.shapes]
        self.factored_sizes = [larger - smaller for larger, smaller in pairwise([*sizes, 0])]

    def forward(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z, ladj = [], x.new_zeros(x.shape[0], dtype=torch.promote_types(x.dtype, torch.float32))
        for index, shape in enumerate(self.shapes):
            squeezed, _ = self.squeeze(x)
            scale = self._scale(index)
            x, scale_ladj = scale(squeezed, **given(scale, labels))
            if x.shape[1:] != shape:
                raise ValueError(
                    f"scale {index} maps {tuple(squeezed.shape)} to {tuple(x.shape)}: it must keep the shape"
                )
            ladj = ladj + scale_ladj
            if index < len(self.shapes) - 1:
                x, factored = x.chunk(2, dim=1)
                z.append(factored.flatten(1))
        return torch.cat([*z, x.flatten(1)], dim=1), ladj

    def inverse(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        *earlier, last = z.split(self.factored_sizes, dim=1)
        x = last.unflatten(1, self.shapes[-1])
        for index in reversed(range(len(self.shapes))):
            if index < len(earlier):
                x = torch.cat([x, earlier[index].view_as(x)], dim=1)
            scale = self._scale(index)
            x = self.squeeze.inverse(scale.inverse(x, **given(scale, labels)))
        return x

    @torch.no_grad()
    def first_non_finite(self, x: Tensor, labels: Tensor | None = None) -> str | None:
        for index in range(len(self.shapes)):
            squeezed, _ = self.squeeze(x)
            scale = self._scale(index)
            inside = scale.first_non_finite(squeezed, labels)
            if inside is not None:
                return locate(f"scale {index}", inside)
            x = scale(squeezed, **given(scale, labels))[0].chunk(2, dim=1)[0]
        return None

    def _scale(self, index: int) -> Bijection:
        return cast(Bijection, self.scales[index])


def scale_shapes(image_shape: Sequence[int], scales: int) -> list[tuple[int, int, int]]:
    """The (C, H, W) at which each scale works, for images (C, H, W): (1, 28, 28) → (4, 14, 14), (8, 7, 7)."""
    channels, height, width = image_shape
    if scales < 1 or height % 2**scales or width % 2**scales:
        raise ValueError(
            f"scales={scales} must be at least 1 and needs a height and width divisible by {2**scales}, "
            f"got {height}x{width}"
        )
    shapes = []
    for _ in range(scales):
        channels, height, width = 4 * channels, height // 2, width // 2
        shapes.append((channels, height, width))
        channels //= 2
    return shapes
