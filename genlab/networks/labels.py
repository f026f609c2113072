"""How a label y reaches a network: each layer that it changes has an embedding of its own.

The null label's embedding is 0 always: with it the network is the one without labels, of the same weights, and images
whose label is left out in training teach it p(x). The others are 0 at the start too, so that a network begins as the
one without labels, except those of hidden units: a VAE's latent would have told it the class before they have grown.
"""

import torch
from torch import Tensor, nn


class LabelEmbedding(nn.Embedding):
    """y (…) → (…, width), for y in 0, …, classes − 1; the null label, y = classes, gives 0."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__(classes + 1, width, padding_idx=classes)

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)


def once_for_each(labels: Tensor, x: Tensor) -> Tensor:
    """x (B, …) → (K · B, …), all of it K times over, where there are K · B labels, and K = 1 as a rule.

    So the layers in front of the first that takes a label are computed once for all K labels of an image.
    """
    n, wanted = x.shape[0], labels.shape[0]  # len() would fix the size of a traced batch
    return x if wanted == n else x.repeat(wanted // n, *[1] * (x.ndim - 1))


class LabelledLinear(nn.Linear):
    """x (B, in), y (B,) → W x + b + e(y), (B, out), of hidden units: as if y were a one-hot part of x.

    e(y) ~ N(0, 1) at the start. For y (K · B,) see `once_for_each`.
    """

    def __init__(self, in_features: int, out_features: int, classes: int) -> None:
        super().__init__(in_features, out_features)
        self.embedding = LabelEmbedding(classes, out_features)
        with torch.no_grad():
            self.embedding.weight[:classes].normal_()

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        out = super().forward(x)
        return out if labels is None else once_for_each(labels, out) + self.embedding(labels).to(out)


class LabelModulation(nn.Module):
    """x (B, C, …), y (B,) → x · (1 + scale(y)) + shift(y), one scale and one shift a channel.

    Behind batch norm that is conditional batch norm (Dumoulin, Shlens & Kudlur 2017, section 2.2), in front of an
    activation in any network the feature-wise transformation of Perez et al. 2018, equation 2. For y (K · B,) see
    `once_for_each`.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.embedding = LabelEmbedding(classes, 2 * channels)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is None:
            return x
        modulation = self.embedding(labels).to(x.dtype).view(labels.shape[0], -1, *[1] * (x.ndim - 2))
        scale, shift = modulation.chunk(2, dim=1)
        return once_for_each(labels, x) * (1 + scale) + shift


class LabelProjection(nn.Linear):
    """Features φ (B, F), y (B,) → wᵀφ + b + e(y)ᵀφ, (B, 1): the last layer of a discriminator that is told the label.

    Where log p(y|φ) is log-linear under either distribution, the logit of the best discriminator has that form
    (Miyato & Koyama 2018, equation 3).
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, 1)
        self.embedding = LabelEmbedding(classes, features)

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        logits = super().forward(features)
        if labels is None:
            return logits
        return logits + (self.embedding(labels).to(features) * features).sum(1, keepdim=True)


class LabelledSequential(nn.Sequential):
    """Layers one after the other; those of them that take a label get it."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x, labels) if isinstance(layer, TAKES_LABELS) else layer(x)
        return x


TAKES_LABELS = (LabelledLinear, LabelModulation, LabelProjection, LabelledSequential)


def linear(in_features: int, out_features: int, classes: int = 0) -> nn.Linear:
    """A fully connected layer, which takes a label if there are classes."""
    return LabelledLinear(in_features, out_features, classes) if classes else nn.Linear(in_features, out_features)


def modulation(channels: int, classes: int = 0) -> list[nn.Module]:
    """A `LabelModulation` if there are classes; else nothing."""
    return [LabelModulation(channels, classes)] if classes else []
