"""Batches of images that lie where the model is."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from genlab.data.dataset import Batch, ImageDataset

CHUNK_BYTES = 2**26  # of float32 images made at once
CACHE_BYTES = 2**21  # the same on a CPU, whose cache is to have them still when their batch comes
SHARE = 1 / 4  # of a GPU's free memory that images may have without being asked for


class DeviceBatches:
    """The batches of `torch.utils.data.DataLoader` over the same images and sampler, to the bit.

    The uint8 images are copied once, where they are not there already, and the order of an epoch once an epoch; batches
    are views of larger tensors, so that hardly anything is called, or on a GPU launched, for one.

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
        chunk_bytes = CACHE_BYTES if self.device.type == "cpu" else CHUNK_BYTES
        at_once = self.batch_size * max(1, chunk_bytes // batch_bytes)
        order = torch.tensor(list(self.sampler), dtype=torch.int64).to(self.device)
        for rows in order.split(at_once):
            images = torch.div(self.images.index_select(0, rows), self._white)
            labels = self.labels.index_select(0, rows)
            yield from zip(images.split(self.batch_size), labels.split(self.batch_size), strict=True)


def fits(images: Tensor, device: torch.device) -> bool:
    """Whether images may be on a device without being asked for: where they are, or a GPU of which they take little."""
    if device.type == "cuda":
        return images.numel() <= SHARE * torch.cuda.mem_get_info(device)[0]
    return device == images.device
