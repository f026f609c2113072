"""Estimates of log p(x|y) for every label y, and of log p(x) by them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genlab.evaluation.likelihood import ImportanceWeighted, importance_weighted
from genlab.evaluation.settings import Track, silently


def importance_weighted_by_class(
    model: Any,
    images: Tensor,
    labels: Tensor,
    counts: Sequence[int],
    generator: torch.Generator,
    chunk: int = 1000,
    track: Track = silently,
) -> tuple[Tensor, ImportanceWeighted]:
    """log p(x|y) for each y, (B, classes), of a share of the K samples each, and for the labels, of all K.

    A classifier decides by the former: with more samples for the right label it would be told the answer.

    Args:
        model, images, counts, generator, chunk, track: see `importance_weighted`; K is the last of the counts.
        labels: of the images, (B,).
    """
    few, columns = [share_of_each(counts[-1], model)], []
    for label in track(each_label(model, images), description="likelihood of each label"):
        noise = generator.clone_state()  # the same for all labels: only the label tells them apart
        every = label.expand(len(images))
        columns.append(importance_weighted(model, images, few, noise, chunk, labels=every).log_likelihood[0])
    return torch.stack(columns, dim=1), importance_weighted(model, images, counts, generator, chunk, track, labels)


def share_of_each(samples: int, model: Any) -> int:
    """Of K samples, those for each label."""
    return max(1, samples // model.num_classes)


def log_marginal(model: Any, by_class: Tensor, given: Tensor, labels: Tensor) -> Tensor:
    """log p(x) = log Σ_y p(y) p(x|y), (B,), of log p(x|y) for each y (B, classes) and, better, for the labels (B,)."""
    best = by_class.scatter(1, labels.cpu().unsqueeze(1), given.unsqueeze(1))
    return (best + log_prior(model)).logsumexp(1)


def log_prior(model: Any) -> Tensor:
    """log p(y), (classes,), float64 on the CPU."""
    found: Tensor = model.label_prior.double().cpu().log()
    return found


def each_label(model: Any, images: Tensor) -> list[Tensor]:
    """The labels, where the images are."""
    return list(torch.arange(model.num_classes, device=images.device))
