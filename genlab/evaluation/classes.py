"""Which classes a classifier takes images for."""

import torch
from torch import Tensor

COVERED = 0.1  # of an even share


def class_counts(probabilities: Tensor) -> Tensor:
    """How many of N images are taken for each class: probabilities (N, classes) → (classes,)."""
    return torch.bincount(probabilities.argmax(-1), minlength=probabilities.shape[1])


def class_scores(probabilities: Tensor) -> dict[str, float]:
    """How N images come in classes, by their probabilities (N, classes).

    `class_entropy` is that of the shares, in nats, ln 10 = 2.303 where ten classes come evenly; `classes_covered` are
    those with at least a tenth of an even share; `confidence` is the mean of the highest probability.
    """
    n, classes = probabilities.shape
    shares = class_counts(probabilities).double() / n
    return {
        "class_entropy": float(torch.special.entr(shares).sum()),
        "classes_covered": int((shares >= COVERED / classes).sum()),
        "confidence": float(probabilities.double().max(-1).values.mean()),
    }
