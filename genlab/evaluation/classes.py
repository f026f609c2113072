"""Which classes samples are taken for."""

from dataclasses import dataclass

import torch
from torch import Tensor

COVERED = 0.1  # of an even share


@dataclass(frozen=True)
class ClassCounts:
    """How a classifier sorts N images into its classes.

    Attributes:
        counts: images of each class.
        class_entropy: of the shares, in nats; ln 10 = 2.303 is even for ten classes.
        classes_covered: classes with at least a tenth of an even share.
        confidence: mean of the highest probability.
    """

    counts: list[int]
    class_entropy: float
    classes_covered: int
    confidence: float


def count_classes(probabilities: Tensor) -> ClassCounts:
    """Class probabilities (N, classes) of a classifier → their counts."""
    n, classes = probabilities.shape
    highest, found = probabilities.double().max(-1)
    counts = torch.bincount(found, minlength=classes)
    shares = counts.double() / n
    return ClassCounts(
        counts=counts.tolist(),
        class_entropy=float(torch.special.entr(shares).sum()),
        classes_covered=int((shares >= COVERED / classes).sum()),
        confidence=float(highest.mean()),
    )
