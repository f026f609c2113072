"""A masked network, whose output at a position depends on the positions before it alone."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genlab.networks.labels import LabelEmbedding
from genlab.networks.mlp import ACTIVATIONS, Activation


class MADE(nn.Module):
    """Patches (B, N, features) → logits of each patch's symbol (B, N, symbols), from those before it in an order.

    Each input has the rank of its position as its degree, each hidden unit a random one. A hidden unit sees those
    of the layer below with a degree no higher than its own, an output those with one lower than its rank (Germain et
    al. 2015, section 3). The logit of the first symbol is 0.

    Args:
        positions: N.
        features: numbers in a patch.
        symbols: that a patch can be.
        hidden_dims: widths of the hidden layers, at least one.
        orders: that share the weights; the first is row by row, the others are random.
        activation: after each hidden layer.
        classes: of the labels whose embeddings are added behind each layer; 0: none.

    Attributes:
        ranks: (orders, N): when a position comes.
    """

    def __init__(
        self,
        positions: int,
        features: int,
        symbols: int,
        hidden_dims: Sequence[int],
        orders: int = 1,
        activation: Activation = "relu",
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.features, self.outputs = features, symbols - 1
        widths = [positions * features, *hidden_dims, positions * self.outputs]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(widths))
        self.labels = nn.ModuleList(LabelEmbedding(classes, width) for width in widths[1:] if classes)
        self.activation = ACTIVATIONS[activation]()
        generator = torch.Generator().manual_seed(0)
        ranks = [torch.arange(positions)]
        ranks += [torch.randperm(positions, generator=generator) for _ in range(orders - 1)]
        self.ranks: Tensor
        self.register_buffer("ranks", torch.stack(ranks))
        lowest = 0
        for layer, width in enumerate(hidden_dims):
            degrees = torch.randint(lowest, max(positions - 1, lowest + 1), (width,), generator=generator)
            lowest = int(degrees.min())  # a lower one would see nothing
            self.register_buffer(f"degrees_{layer}", degrees)

    def forward(self, patches: Tensor, order: int = 0, labels: Tensor | None = None) -> Tensor:
        """The logits under one of the orders, for labels (B,) if there are classes; None is the null label."""
        ranks = self.ranks[order]
        hidden = [self.get_buffer(f"degrees_{index}") for index in range(len(self.layers) - 1)]
        # an output sees lower degrees only, so its own is one less than its rank
        degrees = [ranks.repeat_interleave(self.features), *hidden, ranks.repeat_interleave(self.outputs) - 1]
        x = patches.flatten(1)
        for index, (below, own) in enumerate(itertools.pairwise(degrees)):
            layer = self.layers[index]
            assert isinstance(layer, nn.Linear)
            mask = own.unsqueeze(1) >= below
            x = F.linear(self.activation(x) if index else x, layer.weight * mask, layer.bias)
            if labels is not None and self.labels:
                x = x + self.labels[index](labels).to(x)
        return F.pad(x.unflatten(1, (-1, self.outputs)), (1, 0))
