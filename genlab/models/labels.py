"""What the families share that model p(x | y): y, the label of an image, in 0, …, num_classes − 1."""

from collections.abc import Callable, Sequence
from typing import Annotated, cast

import torch
from pydantic import Field
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional as F

from genlab.errors import ConfigError

LabelDropout = Annotated[float, Field(ge=0, lt=1)]
LogLikelihood = Callable[[Tensor | None], Tensor]
"""Labels (n,) → (…, n), in nats, of n images."""


def repeated(labels: Tensor | None, shape: Sequence[int]) -> Tensor | None:
    """Labels of (…, B) images, flat, from those of B."""
    return None if labels is None else labels.expand(shape).flatten()


class LabelledModel(LightningModule):
    """p(x | y), and p(x) = Σ_y p(x | y) p(y) with the training set's p(y), where `conditional`; else p(x).

    Args:
        conditional: whether the model is told the labels.
        num_classes: how many labels there are.
        label_dropout: share of the training images that have the null label, num_classes: they teach the same weights
            p(x) without labels (Ho & Salimans 2022, algorithm 1).

    Raises:
        ValueError: there are no labels to be told.
    """

    def __init__(self, conditional: bool, num_classes: int, label_dropout: float) -> None:
        super().__init__()
        if conditional and num_classes < 2:
            raise ValueError(f"conditional=true needs images of two classes or more; these have {num_classes}")
        if label_dropout and not conditional:
            raise ValueError(f"label_dropout={label_dropout} is of conditional=true; leave it out")
        self.conditional = conditional
        self.num_classes = num_classes
        self.label_dropout = label_dropout
        uniform = torch.full((num_classes,), 1 / num_classes) if conditional else None
        self.register_buffer("class_shares", uniform)

    @property
    def label_prior(self) -> Tensor:
        """p(y), (num_classes,): see `genlab.capabilities.CanSampleLabels`. Of a conditional model only."""
        return cast(Tensor, self.class_shares)

    @property
    def classes_told(self) -> int:
        """Of the labels that the networks take; 0: none."""
        return self.num_classes if self.conditional else 0

    @property
    def told_of_labels(self) -> str:
        """What the meaning of a `Part` says of its second input."""
        if not self.conditional:
            return ""
        learned = "" if self.label_dropout else ", which was not trained"
        return f"; labels: int64, 0 to {self.num_classes - 1}, or {self.num_classes} for the null label{learned}"

    # Labels on their way into the networks, which take None where there are none

    def told(self, labels: Tensor) -> Tensor | None:
        """The labels of a batch (B,): in training without those that are dropped."""
        if not self.conditional:
            return None
        if not (self.training and self.label_dropout):
            return labels
        dropped = torch.rand(len(labels), device=labels.device) < self.label_dropout
        return labels.masked_fill(dropped, self.num_classes)

    def checked_labels(self, labels: Tensor | None, n: int) -> Tensor | None:
        """Labels that somebody asks for (n,), on the model's device.

        Raises:
            ConfigError: the model takes none, or these are none of its labels, or not n.
        """
        if labels is None:
            return None
        if not self.conditional:
            raise ConfigError(f"labels: this {type(self).__name__} knows none; train one with model.conditional=true")
        if torch.compiler.is_compiling():  # a graph, as of ONNX, has no values that could be looked at
            return labels
        if labels.shape != (n,) or labels.is_floating_point():
            raise ConfigError(f"labels: {n} images need {n} whole numbers, got {labels.dtype} {tuple(labels.shape)}")
        for label in (labels.min(), labels.max()) if n else ():
            if not 0 <= label < self.num_classes:
                raise ConfigError(
                    f"labels: {int(label)} is none of the {self.num_classes}, 0 to {self.num_classes - 1}"
                )
        return labels.long().to(self.device)

    def labels_for(self, n: int, generator: torch.Generator | None, labels: Tensor | None) -> Tensor | None:
        """Of n samples: those asked for, or drawn from p(y), after the noise, which so is the same for all labels.

        Raises:
            ConfigError: see `checked_labels`.
        """
        if labels is not None or not self.conditional:
            return self.checked_labels(labels, n)
        if not n:
            return torch.zeros(0, dtype=torch.long, device=self.device)
        drawn = torch.multinomial(self.label_prior.float().cpu(), n, replacement=True, generator=generator)
        return drawn.to(self.device)

    # Likelihoods

    def log_prior(self, labels: Tensor) -> Tensor:
        """log p(y), in nats, (B,) → (B,); 0 for the null label."""
        return F.pad(self.label_prior.log(), (0, 1))[labels]

    def joint(self, log_likelihood: Tensor, labels: Tensor | None) -> Tensor:
        """log p(x, y) = log p(x | y) + log p(y) ≤ log p(x), (B,) → (B,); as it is where there are no labels."""
        return log_likelihood if labels is None else log_likelihood + self.log_prior(labels)

    def of_each_label(self, n: int, log_likelihood: LogLikelihood) -> Tensor:
        """log p(x | y) for all y, in the last dimension: (…, n, num_classes).

        Raises:
            ConfigError: the model is not conditional.
        """
        if not self.conditional:
            raise ConfigError(f"this {type(self).__name__} knows no labels; train one with model.conditional=true")
        labels = torch.arange(self.num_classes, device=self.device)
        return torch.stack([log_likelihood(label.expand(n)) for label in labels], dim=-1)

    def over_labels(self, n: int, log_likelihood: LogLikelihood, labels: Tensor | None) -> Tensor:
        """log p(x | y) for the labels; without any log p(x) = log Σ_y p(x | y) p(y): (…, n), in nats.

        Raises:
            ConfigError: see `checked_labels`.
        """
        labels = self.checked_labels(labels, n)
        if labels is not None or not self.conditional:
            return log_likelihood(labels)
        by_class = self.of_each_label(n, log_likelihood)
        return (by_class + self.label_prior.log().to(by_class)).logsumexp(-1)
