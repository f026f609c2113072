"""Images in memory as one uint8 tensor, indexed once a batch."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from genlab.data.idx import damaged, read_idx
from genlab.data.sources import Files

Batch = tuple[Tensor, Tensor]

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
        DataError: a file is damaged, has no image or images of another size than MNIST's, there are not as many
            labels as images, or a label is none of the classes.
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
