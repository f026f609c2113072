"""Fully connected networks."""

import itertools
from collections.abc import Sequence
from typing import Literal

from torch import nn

Activation = Literal["relu", "tanh", "gelu"]

ACTIVATIONS: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def mlp(
    in_features: int, hidden_dims: Sequence[int], out_features: int, activation: Activation = "relu"
) -> nn.Sequential:
    """(B, in_features) → (B, out_features), with the activation after each hidden layer."""
    layers: list[nn.Module] = []
    for width_in, width_out in itertools.pairwise([in_features, *hidden_dims]):
        layers += [nn.Linear(width_in, width_out), ACTIVATIONS[activation]()]
    last_width = hidden_dims[-1] if hidden_dims else in_features
    return nn.Sequential(*layers, nn.Linear(last_width, out_features))
