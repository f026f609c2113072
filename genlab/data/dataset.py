"""Images in memory as one uint8 tensor, indexed once a batch by a loader, or on the device where the model is."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from genlab.data.idx import damaged, read_idx
from genlab.data.sources import Files

Batch = tuple[Tensor, Tensor]

CHUNK_BYTES = 2**26  # of float32 images made at once
CACHE_BYTES = 2**21  # the same on a CPU, whose cache is to have them still when their batch comes
SHARE = 1 / 4  # of a GPU's free memory that images may have without being asked for
SIDE = 28  # pixels of an image, across and down, in all data sets of IDX files


class ImageDataset(Dataset[Batch]):
    """N images (N, C, H, W), uint8, and labels (N,), whole numbers.

    `__getitems__` is the hook by which `torch.utils.data.DataLoader` asks for a whole batch at once: one indexing of
    the tensor instead of B, and nothing to collate. The loader stays an ordinary one, so samplers work as with any data
    set.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Batch:
        images, labels = self.__getitems__([index])
        return images[0], labels[0]

    def __getitems__(self, indices: list[int]) -> Batch:
        """Images float32 in [0, 1], shape (B, C, H, W); labels int64 (B,)."""
        rows = torch.as_tensor(indices)
        # index_select copies whole rows, ten times as fast as images[rows], which copies pixels
        images = self.images.index_select(0, rows).to(torch.float32).div_(255)
        return images, self.labels.index_select(0, rows).long()


def read_split(files: Files, split: str, classes: range = range(10)) -> ImageDataset:
    """Read `train` or `t10k` from IDX files; the labels are those of `classes`.

    Raises:
        DataError: a file is damaged, or images and labels do not fit MNIST's size, the classes or one another.
    """
    images_file, labels_file = files[f"{split}-images-idx3-ubyte"], files[f"{split}-labels-idx1-ubyte"]
    images = read_idx(images_file, dimensions=3)
    if len(images) == 0 or images.shape[1:] != (SIDE, SIDE):
        raise damaged(images_file, f"{tuple(images.shape)} instead of (N, {SIDE}, {SIDE}) pixels")
    labels = read_idx(labels_file, dimensions=1)
    if len(labels) != len(images):
        raise damaged(labels_file, f"{len(labels)} labels for {len(images)} images")
    for label in (labels.min(), labels.max()):
        if int(label) not in classes:
            which = f"where the {len(classes)} classes are {classes[0]} to {classes[-1]}"
            raise damaged(labels_file, f"a label {label}, {which}")
    return ImageDataset(images.unsqueeze(1), labels)


class DeviceBatches:
    """The batches of `torch.utils.data.DataLoader` over the same images and sampler, to the bit.

    The uint8 images are copied once, where they are not there already, and the order of an epoch once an epoch; batches
    are views of larger tensors, so that hardly anything is called, or on a GPU launched, for one.
    """

    def __init__(self, images: ImageDataset, batch_size: int, sampler: Sampler[int], device: torch.device) -> None:
        self.images, self.labels = images.images.to(device), images.labels.to(device, torch.int64)
        self.batch_size = batch_size
        self.sampler = sampler  # Lightning tells it the epoch
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
