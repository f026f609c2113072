"""The pre-norm transformer block, with or without a causal mask, a cache, and a condition."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4  # of the hidden layer behind the attention, in widths


class KeyValueCache:
    """Keys and values of the positions that a causal block has seen, so that the next one is not a pass over all.

    Args:
        positions: that there will be.
    """

    def __init__(self, positions: int) -> None:
        self.positions = positions
        self.length = 0
        self._held: Tensor | None = None

    def append(self, keys_and_values: Tensor) -> Tensor:
        """(2, B, heads, n, d) of the next n positions → those of all so far."""
        if self._held is None:
            shape = list(keys_and_values.shape)
            shape[3] = self.positions
            self._held = keys_and_values.new_empty(shape)
        end = self.length + keys_and_values.shape[3]
        self._held[:, :, :, self.length : end] = keys_and_values
        self.length = end
        return self._held[:, :, :, :end]


class TransformerBlock(nn.Module):
    """x ← x + gate₁ · attention(norm(x)), then x ← x + gate₂ · mlp(norm(x)): (B, N, width) → the same.

    The norm comes before each layer (Xiong et al. 2020). Without a condition the gates are 1. With one, each norm's
    shift and scale and each gate are linear in it, and 0 at the start, where the block is the identity: the adaptive
    layer norm "adaLN-Zero" of Peebles & Xie 2023, section 3.2.

    Args:
        width: of a position's features.
        heads: of the attention; they share the width.
        causal: position i attends to the positions up to i alone.
        condition_dim: width of the condition; None: there is none.

    Raises:
        ValueError: the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, causal: bool = False, condition_dim: int | None = None) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"the heads of the attention share its width: {heads} do not divide {width}")
        self.heads = heads
        self.causal = causal
        plain = condition_dim is None
        self.attention_norm = nn.LayerNorm(width, elementwise_affine=plain)
        self.to_queries_keys_values = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width, elementwise_affine=plain)
        self.mlp = nn.Sequential(nn.Linear(width, EXPANSION * width), nn.GELU(), nn.Linear(EXPANSION * width, width))
        self.modulation = None if condition_dim is None else nn.Linear(condition_dim, 6 * width)
        if self.modulation is not None:
            nn.init.zeros_(self.modulation.weight)
            nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor | None = None, cache: KeyValueCache | None = None) -> Tensor:
        """x (B, N, width), condition (B, condition_dim) → (B, N, width).

        Args:
            x: features of the positions; with a cache, of those behind the ones that it holds.
            condition: of each image.
            cache: gets the keys and values of x. Of a causal block only.

        Raises:
            ValueError: a condition is missing, or there should be none.
        """
        if (self.modulation is None) != (condition is None):
            raise ValueError("a condition belongs to a block that has a condition_dim, and to no other")
        if self.modulation is None or condition is None:
            x = x + self._attention(self.attention_norm(x), cache)
            return x + self.mlp(self.mlp_norm(x))
        modulation = self.modulation(F.silu(condition)).unsqueeze(1)
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = modulation.chunk(6, dim=-1)
        x = x + gate_1 * self._attention(self.attention_norm(x) * (1 + scale_1) + shift_1, cache)
        return x + gate_2 * self.mlp(self.mlp_norm(x) * (1 + scale_2) + shift_2)

    def _attention(self, x: Tensor, cache: KeyValueCache | None) -> Tensor:
        queries_keys_values = self.to_queries_keys_values(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys_values = queries_keys_values[0], queries_keys_values[1:]
        keys, values = keys_values if cache is None else cache.append(keys_values)
        n, seen = queries.shape[2], keys.shape[2]
        mask = None
        if self.causal and 1 < n < seen:  # torch's own causal mask is for as many queries as keys
            mask = torch.ones(n, seen, dtype=torch.bool, device=x.device).tril(seen - n)
        causal = self.causal and n == seen
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=causal)
        return self.attention_out(attended.transpose(1, 2).flatten(2))


def sinusoidal_positions(rows: int, columns: int, width: int) -> Tensor:
    """(rows · columns, width): sines and cosines of the row in the first half, of the column in the second.

    Vaswani et al. 2017, section 3.5, in two dimensions; frequencies from 1 down to 1/10,000.

    Raises:
        ValueError: the width is no multiple of four.
    """
    if width % 4:
        raise ValueError(f"two-dimensional sines and cosines need a width divisible by 4, got {width}")
    frequencies = 10_000 ** -(torch.arange(width // 4) / (width // 4))
    place = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    angles = place.unsqueeze(-1) * frequencies  # (positions, 2, width / 4)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)
