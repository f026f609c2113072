"""Which digits samples are taken for."""

from dataclasses import dataclass

import torch
from torch import Tensor

COVERED = 0.1  # of an even share


@dataclass(frozen=True)
class DigitCounts:
    """How a classifier sorts N images into its classes.

    Attributes:
        counts: images of each class.
        class_entropy: of the shares, in nats; ln 10 = 2.303 is even.
        digits_covered: classes with at least a tenth of an even share.
        confidence: mean of the highest probability.
    """

    counts: list[int]
    class_entropy: float
    digits_covered: int
    confidence: float


def count_digits(probabilities: Tensor) -> DigitCounts:
    """Class probabilities (N, 10) of a classifier → their counts."""
    n, classes = probabilities.shape
    highest, digit = probabilities.double().max(-1)
    counts = torch.bincount(digit, minlength=classes)
    shares = counts.double() / n
    return DigitCounts(
        counts=counts.tolist(),
        class_entropy=float(torch.special.entr(shares).sum()),
        digits_covered=int((shares >= COVERED / classes).sum()),
        confidence=float(highest.mean()),
    )
