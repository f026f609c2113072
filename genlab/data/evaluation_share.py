"""Which images of validation or test a process measures."""

from collections.abc import Iterator
from typing import cast

from torch.utils.data import Dataset, DistributedSampler

from genlab.data.dataset import ImageDataset


class EvaluationShare(DistributedSampler[int]):
    """Images rank, rank + processes, rank + 2 · processes, …: all processes together have each image once.

    torch's own sampler, which Lightning puts in the place of any that is none of its kind, fills the shares up to one
    length with images that are there already, and these would count twice. Shares here differ by an image, so processes
    can have different numbers of batches: nothing that a model does in an evaluation batch may wait for the others.

    Where there are fewer images than processes, each process has all of them, since one without any would log nothing;
    then each image counts the same still.

    Args:
        images: of the split.
        rank, processes: which process of how many.
    """

    def __init__(self, images: ImageDataset, rank: int, processes: int) -> None:
        super().__init__(cast(Dataset[int], images), num_replicas=processes, rank=rank, shuffle=False)
        count = len(images)
        self._indices = range(count) if count < processes else range(rank, count, processes)

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)
