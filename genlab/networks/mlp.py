"""Fully connected networks."""

import itertools
from collections.abc import Sequence

from torch import nn


def mlp(in_features: int, hidden_dims: Sequence[int], out_features: int) -> nn.Sequential:
    """(B, in_features) → (B, out_features), with a ReLU after each hidden layer."""
    layers: list[nn.Module] = []
    for width_in, width_out in itertools.pairwise([in_features, *hidden_dims]):
        layers += [nn.Linear(width_in, width_out), nn.ReLU()]
    last_width = hidden_dims[-1] if hidden_dims else in_features
    return nn.Sequential(*layers, nn.Linear(last_width, out_features))
