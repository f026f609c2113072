"""Which images a process sees, and in which order."""

from collections.abc import Iterator
from itertools import islice
from typing import cast

from torch.utils.data import Dataset, DistributedSampler, Sampler, SequentialSampler

from genlab.data.dataset import ImageDataset


class _Skips(Sampler[int]):
    """The next pass leaves out `skip` images at its beginning; the passes after it are whole."""

    skip = 0

    def __iter__(self) -> Iterator[int]:
        skip, self.skip = self.skip, 0
        return islice(super().__iter__(), skip, None)


class EpochOrder(_Skips, DistributedSampler[int]):
    """A shuffle that is a function of seed and epoch only, for one process or many; Lightning tells it the epoch."""

    def __init__(self, images: ImageDataset, seed: int, rank: int = 0, processes: int = 1) -> None:
        # the factor keeps seed 0, epoch 1 from being seed 1, epoch 0
        super().__init__(cast(Dataset[int], images), num_replicas=processes, rank=rank, seed=seed * 1_000_003)


class SameOrder(_Skips, SequentialSampler):
    """The images as they are in the file, for `trainer.overfit_batches`; Lightning leaves it in its place."""


class EvaluationShare(DistributedSampler[int]):
    """Images rank, rank + processes, rank + 2 · processes, …: all processes together have each image once.

    torch's own sampler, which Lightning puts in the place of any that is none of its kind, fills the shares up to one
    length with images that are there already, and these would count twice. Shares here differ by an image, so processes
    can have different numbers of batches: nothing that a model does in an evaluation batch may wait for the others.

    Where there are fewer images than processes, each process has all of them, since one without any would log nothing;
    then each image counts the same still.
    """

    def __init__(self, images: ImageDataset, rank: int, processes: int) -> None:
        super().__init__(cast(Dataset[int], images), num_replicas=processes, rank=rank, shuffle=False)
        count = len(images)
        self._indices = range(count) if count < processes else range(rank, count, processes)

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)
