"""The time of a path, and the label of an image, as a network takes them."""

import math

import torch
from torch import Tensor, nn

from genlab.networks.labels import LabelEmbedding

LOWEST, HIGHEST = 1.0, 100.0  # frequencies of the sines of t, in [0, 1]; with higher ones solvers need more steps


class TimeCondition(nn.Module):
    """t (B,) in [0, 1], and labels (B,) if there are any → a condition (B, width).

    Sines and cosines of t through two layers, as the steps of Ho et al. 2020, plus an embedding of the label.

    Args:
        width: of the condition; even.
        classes: of the labels; 0: none is ever given.
    """

    def __init__(self, width: int, classes: int = 0) -> None:
        super().__init__()
        self.frequencies: Tensor
        frequencies = torch.logspace(math.log10(LOWEST), math.log10(HIGHEST), width // 2)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(nn.Linear(2 * (width // 2), width), nn.SiLU(), nn.Linear(width, width))
        self.labels = LabelEmbedding(classes, width) if classes else None

    def forward(self, t: Tensor, labels: Tensor | None = None) -> Tensor:
        angles = t.unsqueeze(-1) * self.frequencies
        condition = self.layers(torch.cat([angles.sin(), angles.cos()], dim=-1))
        return condition if labels is None or self.labels is None else condition + self.labels(labels).to(condition)


def zeroed(layer: nn.Module) -> nn.Module:
    """The layer, whose output is 0 until it is trained."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
