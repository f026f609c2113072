"""Fully connected networks."""

import itertools
from collections.abc import Sequence
from typing import Literal

from torch import nn

from genlab.networks.labels import LabelledSequential, linear

Activation = Literal["relu", "tanh", "gelu"]

ACTIVATIONS: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def mlp(
    in_features: int, hidden_dims: Sequence[int], out_features: int, activation: Activation = "relu", classes: int = 0
) -> LabelledSequential:
    """(B, in_features) → (B, out_features), with the activation after each hidden layer.

    Classes of labels: each hidden layer is told the label, or the only layer, where there is none.
    """
    layers: list[nn.Module] = []
    for width_in, width_out in itertools.pairwise([in_features, *hidden_dims]):
        layers += [linear(width_in, width_out, classes), ACTIVATIONS[activation]()]
    last_width = hidden_dims[-1] if hidden_dims else in_features
    return LabelledSequential(*layers, linear(last_width, out_features, 0 if hidden_dims else classes))
