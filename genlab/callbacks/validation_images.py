"""The validation images that pictures show."""

import torch
from pytorch_lightning import Trainer
from torch import Tensor


def first_validation_images(trainer: Trainer, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The first n images of the validation set, or all if it has fewer, with their labels.

    Of the whole set, where a loader has the share of one process alone.
    """
    images = trainer.datamodule.val_set  # type: ignore[attr-defined]
    chosen, labels = images.__getitems__(list(range(min(n, len(images)))))
    return chosen.to(device), labels
