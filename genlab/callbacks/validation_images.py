"""The validation images that pictures show."""

import torch
from pytorch_lightning import Trainer
from torch import Tensor


def first_validation_images(trainer: Trainer, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The first n images of the validation set, or all if it has fewer, with their labels."""
    images, labels = [], []
    for some_images, some_labels in trainer.datamodule.val_dataloader():  # type: ignore[attr-defined]
        images.append(some_images)
        labels.append(some_labels)
        if sum(map(len, images)) >= n:
            break
    return torch.cat(images)[:n].to(device), torch.cat(labels)[:n]
