"""Batches of images that lie where the model is."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from genlab.data.dataset import Batch, ImageDataset

CHUNK_BYTES = 2**26  # of float32 images made at once
SHARE = 1 / 4  # of a GPU's free memory that images may have without being asked for


class DeviceBatches:
    """The batches of `torch.utils.data.DataLoader` over the same images and sampler, to the bit.

    The uint8 images are copied once, and the order of an epoch once an epoch; batches are views of larger tensors, so
    that on a GPU hardly anything is launched for one.

    Args:
        images: of a split.
        batch_size: images a batch.
        sampler: order of the images; Lightning tells it the epoch.
        device: of the batches.
    """

    def __init__(self, images: ImageDataset, batch_size: int, sampler: Sampler[int], device: torch.device) -> None:
        self.images, self.labels = images.images.to(device), images.labels.to(device, torch.int64)
        self.batch_size = batch_size
        self.sampler = sampler
        self.device = device
        self.batch_sampler = None  # Lightning looks for it
        # By a number GPUs divide as by a multiplication with its rounded inverse; by a tensor they divide
        self._white = torch.tensor(255.0, device=device)

    def __len__(self) -> int:
        return math.ceil(len(self.sampler) / self.batch_size)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        batch_bytes = self.batch_size * self.images[0].numel() * 4
        at_once = self.batch_size * max(1, CHUNK_BYTES // batch_bytes)
        order = torch.tensor(list(self.sampler), dtype=torch.int64).to(self.device)
        for rows in order.split(at_once):
            images = torch.div(self.images.index_select(0, rows), self._white)
            labels = self.labels.index_select(0, rows)
            yield from zip(images.split(self.batch_size), labels.split(self.batch_size), strict=True)


def fits(images: Tensor, device: torch.device) -> bool:
    """Whether images may go to a device without being asked for: a GPU of which they take a small part."""
    return device.type == "cuda" and images.numel() <= SHARE * torch.cuda.mem_get_info(device)[0]
