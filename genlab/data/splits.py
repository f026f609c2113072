"""Three sets of images with their labels; what a source does not give, and which labels stay, is drawn always alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genlab.data.dataset import ImageDataset
from genlab.errors import ConfigError, DataError

# a variance, and the way from one image to another, need two
LEAST_TRAINING, LEAST_SPLIT = 12, 2  # images, those for validation counted as training
SHARES = {"test": 7, "validation": 12}  # one seventh, then one twelfth of what is left: as those of MNIST
SIDES = range(8, 257)
SPLIT_SEED = 0  # not that of the run: runs with other seeds see the same images
LABEL_SEED = 0  # not that of the run: runs with other seeds know the same labels
HIDDEN = -1  # in the place of a label


@dataclass(frozen=True)
class Splits:
    """What a source gives: images of one shape."""

    train: ImageDataset
    validation: ImageDataset
    test: ImageDataset
    place: str  # where they are from, for messages
    classes: tuple[str, ...]  # a name for each label; none, where the images have no labels (they are all 0 then)
    members: Mapping[str, Any] | None = None  # split → its images, where genlab has drawn any; for a file

    def check(self) -> None:
        """Raise a `DataError` unless there are enough images, of a size that networks and pictures can use."""
        n_train, n_test = len(self.train) + len(self.validation), len(self.test)
        if n_train < LEAST_TRAINING or n_test < LEAST_SPLIT:
            there = f"{self.place}: {n_train} training and {n_test} test images"
            raise DataError(f"{there}; there must be {LEAST_TRAINING} and {LEAST_SPLIT} at least")
        if len(self.validation) < LEAST_SPLIT or len(self.train) < LEAST_SPLIT:
            raise DataError(f"{self.place}: training and validation images must be {LEAST_SPLIT} each at least")
        height, width = self.train.images.shape[2:]
        if height not in SIDES or width not in SIDES:
            there = f"{self.place}: images of {height}×{width} pixels"
            raise DataError(f"{there}; their sides must be {SIDES[0]} to {SIDES[-1]}")


def drawn(rows: Mapping[str, list[int]], place: str) -> dict[str, list[int]]:
    """Complete the splits: those that are not there are drawn from the training images.

    Args:
        rows: `train`, and perhaps `validation` and `test` → numbers of their images.
        place: of the images, for messages.

    Returns:
        Split → numbers, in rising order; a `DataError` says that there are too few to draw from.
    """
    missing = [name for name in SHARES if name not in rows]
    least = LEAST_TRAINING + LEAST_SPLIT * ("test" in missing)
    if len(rows["train"]) < least:
        n = len(rows["train"])
        what = f"{n} image{'s' * (n != 1)}{' to train on' * ('test' not in missing)}"
        raise DataError(f"{place}: {what}; there must be {least} at least")
    order = torch.randperm(len(rows["train"]), generator=torch.Generator().manual_seed(SPLIT_SEED)).tolist()
    left, found = [rows["train"][index] for index in order], dict(rows)
    for name in missing:
        n = max(LEAST_SPLIT, len(left) // SHARES[name])
        found[name], left = left[:n], left[n:]
    found["train"] = left
    return {name: sorted(found[name]) for name in ("train", "validation", "test")}


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
