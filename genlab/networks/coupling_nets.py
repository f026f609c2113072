"""The networks inside affine couplings: they need no inverse, and each starts as the zero map."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genlab.networks.labels import LabelledSequential, modulation
from genlab.networks.mlp import mlp


def coupling_mlp(
    in_features: int, hidden_dims: Sequence[int], out_features: int, classes: int = 0
) -> LabelledSequential:
    """(B, in_features) → (B, out_features), with a ReLU after each hidden layer; 0 at the start."""
    net = mlp(in_features, hidden_dims, out_features, classes=classes)
    zero_initialise(net[-1])
    return net


class ConvolutionalCouplingNet(LabelledSequential):
    """(B, in_channels, H, W) → (B, out_channels, H, W) through 3×3, 1×1, 3×3, 3×3 convolutions; 0 at the start."""

    def __init__(self, in_channels: int, out_channels: int, channels: int, classes: int = 0) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, kernel_size=3, padding=1),
            *modulation(channels, classes),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=1),
            *modulation(channels, classes),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            *modulation(channels, classes),
            nn.ReLU(),
            nn.Conv2d(channels, out_channels, kernel_size=3, padding=1),
        )
        zero_initialise(self[-1])
        # Channels last nearly halves the time of a pass on a CPU: the convolutions exchange activations unconverted.
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(x.contiguous(memory_format=torch.channels_last), labels)


def zero_initialise(layer: nn.Module) -> None:
    """Set every parameter of the layer to 0: the coupling it ends starts as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
