"""What a model learns labels from, where few training images have one: these images, and a classifier."""

import torch
from torch import Tensor, nn


def classification_error(log_q: Tensor, labels: Tensor) -> Tensor:
    """The share of images whose label is not the likeliest by log q(y|x) (B, classes); labels (B,)."""
    return (log_q.argmax(-1) != labels).float().mean()


class FewLabels(nn.Module):
    """q(y|x), and the training images whose label is known, of which each step draws some.

    These come from the data whenever training begins, and are in no checkpoint.

    Args:
        classifier: images (B, C, H, W) → logits of the classes (B, classes).

    Attributes:
        share: of the training images that have a label.
    """

    images: Tensor
    labels: Tensor

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier
        self.share = 0.0
        self.register_buffer("images", torch.zeros(0, dtype=torch.uint8), persistent=False)
        self.register_buffer("labels", torch.zeros(0, dtype=torch.long), persistent=False)

    def log_probabilities(self, x: Tensor) -> Tensor:
        """log q(y|x): (B, C, H, W) → (B, classes)."""
        return self.classifier(x).log_softmax(-1)

    def keep(self, images: Tensor, labels: Tensor, of: int) -> None:
        """See `genlab.capabilities.LearnsFromFewLabels`."""
        self.images, self.labels, self.share = images, labels, len(labels) / of

    def draw(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """As many as a batch of images has, each any: images like those, in [0, 1], and labels (B,)."""
        rows = torch.randint(len(self.labels), (len(like),), device=like.device)
        return self.images.index_select(0, rows).to(like) / 255, self.labels.index_select(0, rows)
