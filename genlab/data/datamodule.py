"""The one LightningDataModule that every model trains on."""

import hashlib
from functools import cached_property
from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from genlab.arguments import checked
from genlab.data.dataset import Batch, ImageDataset, read_split
from genlab.data.samplers import EpochOrder, EvaluationShare, SameOrder
from genlab.data.sources import FILES, DatasetName, Files, cache_folder, fetched_files, find_files
from genlab.errors import DataError

MOST_WORKERS = 256  # a slip of the pen would fill the machine with processes
LEAST_TRAINING, LEAST_SPLIT = 12, 2  # a variance, and the way from one image to another, need two


class ImageDataModule(LightningDataModule):
    """MNIST, Fashion-MNIST or KMNIST as batches (images, labels).

    Images are float32 in [0, 1], shape (B, 1, 28, 28); labels int64 (B,). The official test images stay the test set;
    validation is the last twelfth of the training images (5,000 of 60,000; two at least), the rest trains.

    Args:
        name: which data set.
        root: folder of the files, see `find_files`; None is a folder in the user's cache, which is filled.
        batch_size: images a training batch.
        eval_batch_size: images a validation or test batch; no metric depends on it.
        num_workers: loader processes; 0 is fastest, because nothing is decoded.
        seed: the order of the training images is a function of this and the epoch alone.
    """

    @checked
    def __init__(
        self,
        name: DatasetName = "mnist",
        root: str | None = None,
        batch_size: PositiveInt = 128,
        eval_batch_size: PositiveInt = 500,
        num_workers: Annotated[int, Field(ge=0, le=MOST_WORKERS)] = 0,
        seed: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.source = name
        self.root = root
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.seed = seed

    def prepare_data(self) -> None:
        """Find the files; into genlab's own folder they are unpacked or downloaded.

        Raises:
            DataError: see `find_files` and `fetched_files`.
        """
        self._files()

    def setup(self, stage: str | None = None) -> None:
        """Read both splits once.

        Raises:
            DataError: a file is missing or damaged, or there are too few images.
        """
        if hasattr(self, "train_set"):
            return
        files = self._files()
        self.folder = files[FILES[0]].parent
        train, self.test_set = read_split(files, "train"), read_split(files, "t10k")
        if len(train) < LEAST_TRAINING or len(self.test_set) < LEAST_SPLIT:
            raise DataError(
                f"{self.folder}: {len(train)} training and {len(self.test_set)} test images; there must be "
                f"{LEAST_TRAINING} and {LEAST_SPLIT} at least"
            )
        n_train = len(train) - max(LEAST_SPLIT, len(train) // 12)
        self.train_set = ImageDataset(train.images[:n_train], train.labels[:n_train])
        self.val_set = ImageDataset(train.images[n_train:], train.labels[n_train:])

    @cached_property
    def images(self) -> dict[str, int | str]:
        """What a run's summary says of its images: how many of each split, and a fingerprint of all with their labels.

        The same images have the same fingerprint wherever they lie, packed or not.
        """
        splits = {"train": self.train_set, "validation": self.val_set, "test": self.test_set}
        digest = hashlib.sha256(str([tuple(split.images.shape) for split in splits.values()]).encode())
        for split in splits.values():
            digest.update(split.images.numpy().data)
            digest.update(split.labels.numpy().data)
        return {name: len(split) for name, split in splits.items()} | {"fingerprint": digest.hexdigest()[:16]}

    def check_images(self, recorded: Any) -> None:
        """Check that these are the images of a run.

        Args:
            recorded: `images` of its summary; None, of a run from before there was any, is accepted.

        Raises:
            DataError: they are others.
        """
        known = recorded.get("fingerprint") if isinstance(recorded, dict) else None
        if recorded is not None and known != self.images["fingerprint"]:
            raise DataError(
                f"{self.folder}: its images or labels are others than those that the run was trained on; give the "
                "folder of those as data.root=FOLDER"
            )

    def _files(self) -> Files:
        return fetched_files(self.source, cache_folder()) if self.root is None else find_files(self.source, self.root)

    def train_dataloader(self) -> DataLoader[Batch]:
        order: EpochOrder | SameOrder = EpochOrder(self.train_set, self.seed, **self._process())
        if self.trainer:
            if self.trainer.overfit_batches:  # type: ignore[attr-defined]
                order = SameOrder(self.train_set)
            # A run that is resumed begins in the epoch, and behind the batches, that its checkpoint was written at
            loop: Any = self.trainer.fit_loop
            epochs, batches = loop.epoch_progress.current, loop.epoch_loop.batch_progress.current
            if isinstance(order, EpochOrder):
                order.set_epoch(epochs.processed)
            if epochs.processed < epochs.ready:
                order.skip = batches.processed * self.batch_size
        return self._loader(self.train_set, self.batch_size, order)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader(self.val_set)

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader(self.test_set)

    def _evaluation_loader(self, images: ImageDataset) -> DataLoader[Batch]:
        return self._loader(images, self.eval_batch_size, EvaluationShare(images, **self._process()))

    def _process(self) -> dict[str, int]:
        """Which of how many, as samplers want it."""
        trainer = self.trainer
        return (
            {"rank": trainer.global_rank, "processes": trainer.world_size} if trainer else {"rank": 0, "processes": 1}
        )

    def _loader(self, images: ImageDataset, batch_size: int, sampler: Sampler[int]) -> DataLoader[Batch]:
        return DataLoader(
            images,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=_as_it_is,
            generator=torch.Generator(),  # else each loader draws from the generator of the noise
        )


def _as_it_is(batch: Any) -> Any:
    """`ImageDataset.__getitems__` has already made the batch."""
    return batch
