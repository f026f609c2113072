"""Which training images have a label, where most are to have none."""

import torch
from torch import Tensor

from genlab.errors import ConfigError

LABEL_SEED = 0  # not that of the run: runs with other seeds know the same labels
HIDDEN = -1  # in the place of a label


def chosen_evenly(labels: Tensor, n: int, classes: int) -> Tensor:
    """n rows, rising, drawn from all: as many of each class, or one more; those of a smaller n are among them.

    Of a class that has too few all are taken, and more of the others.

    Args:
        labels: of the training images (N,).
        n: from the number of classes to N, or it is a `ConfigError`.
        classes: how many labels there are.
    """
    if n > len(labels):
        raise ConfigError(f"model.labels={n}: there are {len(labels)} training images; give fewer")
    if n < classes:
        raise ConfigError(f"model.labels={n}: there are {classes} classes; give one label for each at least")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(LABEL_SEED))
    drawn = labels[order].long()
    by_class, counts = drawn.argsort(stable=True), torch.bincount(drawn, minlength=classes)
    # the how-manieth of its class each is in the order drawn: all firsts come before all seconds
    turn = torch.empty_like(by_class)
    turn[by_class] = torch.arange(len(labels)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    return order[turn.argsort(stable=True)[:n]].sort().values
