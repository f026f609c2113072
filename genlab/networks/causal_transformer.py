"""A causal transformer over the patches of an image."""

from typing import Literal

import torch
from torch import Tensor, nn

from genlab.networks.labels import LabelEmbedding
from genlab.networks.transformer import KeyValueCache, TransformerBlock, sinusoidal_positions

REACH = 2  # patches to the left, to the right and upwards that a position sees before any attention

Positions = Literal["learned", "sinusoidal"]


class CausalTransformer(nn.Module):
    """Patches (B, N, features) → logits of each patch's symbol (B, N, symbols), from the patches before it.

    Patches come row by row. The features of a position are linear in its nearest neighbours of those before it, like
    a masked convolution (van den Oord et al. 2016, section 3.4, mask A), plus an embedding of the position; then follow
    causal blocks. The patch just before is always among the neighbours, or the first of a row would not know it.

    Args:
        grid: rows and columns of patches; N is their product.
        features: numbers in a patch.
        symbols: that a patch can be.
        layers: blocks.
        width: of a position's features.
        heads: of the attention.
        positions: `learned`, or `sinusoidal` in row and column.
        classes: of the labels whose embedding is added to that of each position; 0: none.

    Raises:
        ValueError: see `TransformerBlock` and `sinusoidal_positions`.
    """

    def __init__(
        self,
        grid: tuple[int, int],
        features: int,
        symbols: int,
        layers: int,
        width: int,
        heads: int,
        positions: Positions = "learned",
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.neighbours: Tensor
        self.positions: Tensor
        neighbours = earlier_neighbours(*grid)
        self.register_buffer("neighbours", neighbours, persistent=False)
        self.embedding = nn.Linear(neighbours.shape[1] * features, width)
        if positions == "learned":
            self.positions = nn.Parameter(0.02 * torch.randn(len(neighbours), width))
        else:
            self.register_buffer("positions", sinusoidal_positions(*grid, width), persistent=False)
        self.labels = LabelEmbedding(classes, width) if classes else None
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, causal=True) for _ in range(layers))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, symbols))

    def empty_caches(self) -> list[KeyValueCache]:
        """One for each block."""
        return [KeyValueCache(len(self.neighbours)) for _ in self.blocks]

    def forward(
        self,
        patches: Tensor,
        end: int | None = None,
        caches: list[KeyValueCache] | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """(B, N, features) → logits of the positions up to `end` that are not in the caches yet (B, n, symbols).

        Args:
            patches: those of `end - 1` and behind are not looked at.
            end: None: all positions.
            caches: of the same images, whose patches and labels were the same; they get the new positions.
            labels: (B,), if there are classes; None is the null label.
        """
        start = caches[0].length if caches else 0
        padded = torch.cat([patches, torch.zeros_like(patches[:, :1])], dim=1)
        around = padded[:, self.neighbours[start:end]].flatten(2)
        x = self.embedding(around) + self.positions[start:end]
        if labels is not None and self.labels is not None:
            x = x + self.labels(labels).to(x).unsqueeze(1)
        for index, block in enumerate(self.blocks):
            x = block(x, cache=caches[index] if caches else None)
        return self.head(x)


def earlier_neighbours(rows: int, columns: int) -> Tensor:
    """(N, neighbours): the position before each, in the first column that at the end of the last row, and all others
    in reach that come before it; N stands for one outside of the image.
    """
    outside = rows * columns
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    before = torch.arange(outside) - 1
    found = [torch.where(before < 0, outside, before)]
    for up in range(REACH + 1):
        for right in range(-REACH, REACH + 1 if up else -1):
            y, x = row - up, column + right
            inside = (y >= 0) & (x >= 0) & (x < columns)
            found.append(torch.where(inside, y * columns + x, outside).flatten())
    return torch.stack(found, dim=1)
