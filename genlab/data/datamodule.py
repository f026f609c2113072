"""The one LightningDataModule that every model trains on."""

import os
from pathlib import Path
from typing import Annotated, Any

import platformdirs
import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from genlab.arguments import checked
from genlab.data.dataset import Batch, ImageDataset, read_split
from genlab.data.epoch_order import EpochOrder, SameOrder
from genlab.data.evaluation_share import EvaluationShare
from genlab.data.sources import DatasetName, ensure_files
from genlab.errors import DataError

MOST_WORKERS = 256  # a slip of the pen would fill the machine with processes


class ImageDataModule(LightningDataModule):
    """MNIST, Fashion-MNIST or KMNIST as batches (images, labels).

    Images are float32 in [0, 1], shape (B, 1, 28, 28); labels int64 (B,). The official test images stay the test set;
    validation is the last twelfth of the training images (5,000 of 60,000), the rest trains.

    Args:
        name: which data set.
        root: folder of the unpacked files in torchvision's layout; None is a folder in the user's cache.
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
        """Unpack or download what is missing.

        Raises:
            DataError: see `ensure_files`; or `root` was given and is no folder.
        """
        ensure_files(self.source, self.root_folder())

    def setup(self, stage: str | None = None) -> None:
        """Read both splits once.

        Raises:
            DataError: a file is missing or damaged, or there are too few images.
        """
        if hasattr(self, "train_set"):
            return
        folder = ensure_files(self.source, self.root_folder())
        train, self.test_set = read_split(folder, "train"), read_split(folder, "t10k")
        if len(train) < 12:
            raise DataError(f"{folder}: {len(train)} training images, of which a twelfth validates; there must be 12")
        n_train = len(train) - len(train) // 12
        self.train_set = ImageDataset(train.images[:n_train], train.labels[:n_train])
        self.val_set = ImageDataset(train.images[n_train:], train.labels[n_train:])

    def root_folder(self) -> Path:
        """The folder of the files: `root`, or the default in the user's cache."""
        if self.root is None:
            return Path(platformdirs.user_cache_dir("genlab", appauthor=False))
        root = os.path.expanduser(self.root)
        if not os.path.isdir(root):
            # A folder that was named and is not there is rather a slip of the pen than a wish.
            raise DataError(f"data.root={self.root}: no such folder; create it, or leave data.root out")
        return Path(root)

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
