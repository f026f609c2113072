"""Affine couplings: one half of the image scales and shifts the other (Dinh et al. 2017)."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genlab.bijections.bijection import Bijection


class AffineCoupling(Bijection):
    """z = mask·x + (1 − mask)·(x·exp(log_scale(mask·x)) + shift(mask·x)),  ladj = Σ log_scale over the moved half.

    Dinh et al. 2017, equations 4-9, with log_scale = bound·tanh(·) and a learned bound per moved channel or feature.
    A subclass says which half is kept: `split` takes x apart, `join` puts it together. The net reads only the kept half
    and returns values only for the moved one, so nothing is computed to be masked out.

    Args:
        net: kept, concatenated on dimension 1 with the context if there is one, and the labels if there are any → raw
            log-scales and shifts, concatenated on dimension 1. Under autocast only its output is rounded.
        bound_shape: of the learned bound, which broadcasts against the moved half.
    """

    takes_labels = True

    def __init__(self, net: nn.Module, bound_shape: Sequence[int]) -> None:
        super().__init__()
        self.net = net
        self.bound = nn.Parameter(torch.ones(*bound_shape))

    @abstractmethod
    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x → (kept, moved)."""

    @abstractmethod
    def join(self, kept: Tensor, moved: Tensor) -> Tensor:
        """(kept, moved) → x, the inverse of `split`."""

    def condition(self, kept: Tensor, context: Tensor | None, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """kept → (log_scale, shift), of the shape of the moved half."""
        seen = kept if context is None else torch.cat([kept, context], dim=1)
        # Contiguous, because tanh of a channels-last half takes four times as long.
        answer = self.net(seen, *(() if labels is None else (labels,))).to(
            kept.dtype, memory_format=torch.contiguous_format
        )
        raw, shift = answer.chunk(2, dim=1)
        return self.bound * raw.tanh(), shift

    def forward(self, x: Tensor, context: Tensor | None = None, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        kept, moved = self.split(x)
        log_scale, shift = self.condition(kept, context, labels)
        return self.join(kept, moved * log_scale.exp() + shift), log_scale.flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        kept, moved = self.split(z)
        log_scale, shift = self.condition(kept, context, labels)
        return self.join(kept, (moved - shift) * (-log_scale).exp())


class ChannelCoupling(AffineCoupling):
    """An affine coupling of (B, C, H, W) that keeps one half of the channels.

    After a squeeze the channels are the four corners of each 2×2 block, and an invertible 1×1 convolution chooses
    which combinations of them are kept. A checkerboard is one of its choices.

    net: (B, kept, H, W) → (B, 2·moved, H, W), where kept = C//2 and moved = C − C//2, or the reverse.
    """

    def __init__(self, net: nn.Module, channels: int, keep_first: bool = True) -> None:
        self.first = channels // 2
        self.second = channels - self.first
        super().__init__(net, (self.second if keep_first else self.first, 1, 1))
        self.keep_first = keep_first

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.split([self.first, self.second], dim=1)
        return (first, second) if self.keep_first else (second, first)

    def join(self, kept: Tensor, moved: Tensor) -> Tensor:
        return torch.cat([kept, moved] if self.keep_first else [moved, kept], dim=1)


class MaskedCoupling(AffineCoupling):
    """An affine coupling of (B, *mask.shape) that keeps the elements where the boolean mask is true.

    net: (B, kept) → (B, 2·moved), vectors in the order of `mask.flatten()`.
    """

    kept_index: Tensor
    moved_index: Tensor
    order: Tensor

    def __init__(self, net: nn.Module, mask: Tensor) -> None:
        flat = mask.flatten()
        super().__init__(net, (int((~flat).sum()),))
        self.shape = mask.shape
        kept_index, moved_index = flat.nonzero().squeeze(1), (~flat).nonzero().squeeze(1)
        # Derived from the constructor's argument, so they are not part of a checkpoint.
        self.register_buffer("kept_index", kept_index, persistent=False)
        self.register_buffer("moved_index", moved_index, persistent=False)
        self.register_buffer("order", torch.cat([kept_index, moved_index]).argsort(), persistent=False)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.flatten(1)
        return x.index_select(1, self.kept_index), x.index_select(1, self.moved_index)

    def join(self, kept: Tensor, moved: Tensor) -> Tensor:
        return torch.cat([kept, moved], dim=1).index_select(1, self.order).unflatten(1, self.shape)


def checkerboard(shape: Sequence[int]) -> Tensor:
    """mask[…, i, j] = (i + j is even), boolean; its negation is the other colour (Dinh et al. 2017, figure 3)."""
    rows, columns = torch.arange(shape[-2]).unsqueeze(1), torch.arange(shape[-1])
    return ((rows + columns) % 2 == 0).expand(*shape)
