"""A transformer over the patches of an image, at a time."""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from genlab.networks.convolutional import ImageShape
from genlab.networks.patches import from_patches, patch_grid
from genlab.networks.time_condition import TimeCondition, zeroed
from genlab.networks.transformer import TransformerBlock, sinusoidal_positions


class TimedTransformer(nn.Module):
    """x (B, C, H, W), t (B,) → (B, C, H, W): a transformer over patches, whose layer norms depend on t.

    Peebles & Xie 2023, "DiT" with adaLN-Zero, without a code in between. What goes in at a position is linear in its
    patch and half a patch around it: attention need not learn first what is next to what. The output is 0 at the start.

    Args:
        image_shape: (C, H, W).
        patch_size: height and width in pixels.
        layers: blocks.
        width: of a position's features.
        heads: of the attention.
        classes: see `TimeCondition`.

    Raises:
        ValueError: the patches do not fill the image; see also `TransformerBlock` and `sinusoidal_positions`.
    """

    def __init__(
        self, image_shape: ImageShape, patch_size: Sequence[int], layers: int, width: int, heads: int, classes: int = 0
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.patch_size = tuple(patch_size)
        self.positions: Tensor
        grid = patch_grid(image_shape, patch_size)
        self.register_buffer("positions", sinusoidal_positions(*grid, width), persistent=False)
        features = image_shape[0] * math.prod(patch_size)
        self.condition = TimeCondition(width, classes)
        down, across = patch_size
        around = down // 2, across // 2
        reach = down + 2 * around[0], across + 2 * around[1]
        self.embedding = nn.Conv2d(image_shape[0], width, reach, stride=(down, across), padding=around)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, condition_dim=width) for _ in range(layers))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = zeroed(nn.Linear(width, 2 * width))
        self.head = zeroed(nn.Linear(width, features))

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        condition = self.condition(t, labels)
        features = self.embedding(x).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            features = block(features, condition)
        shift, scale = self.modulation(F.silu(condition)).unsqueeze(1).chunk(2, dim=-1)
        patches = self.head(self.norm(features) * (1 + scale) + shift)
        return from_patches(patches, self.image_shape, self.patch_size)
