"""Means over the images of validation or test."""

from collections.abc import Mapping

import torch.distributed as dist
from pytorch_lightning import LightningModule
from torch import Tensor


def log_means(model: LightningModule, split: str, means: Mapping[str, Tensor], images: int) -> None:
    """Log `split/name` = Σ mean · images / Σ images, over the batches of all processes.

    Args:
        model: the one that is evaluated.
        split: `val` or `test`.
        means: scalars, over the images of one batch.
        images: number of images in the batch.
    """
    # Lightning divides Σ images by the number of processes and drops the fraction: 83 images on two processes would
    # count as 82. A multiple of the number of processes leaves no fraction
    together = dist.is_available() and dist.is_initialized()
    weight = images * (dist.get_world_size() if together else 1)
    model.log_dict({f"{split}/{name}": mean for name, mean in means.items()}, batch_size=weight, sync_dist=True)
