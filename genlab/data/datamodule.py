"""The one LightningDataModule that every model trains on."""

import hashlib
import re
from functools import cached_property
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Sampler

from genlab.arguments import checked
from genlab.data.arrays import read_arrays, read_digits
from genlab.data.catalogue import CATALOGUE
from genlab.data.dataset import Batch, DeviceBatches, ImageDataset, fits
from genlab.data.decoding import FolderSettings
from genlab.data.folder import read_folder
from genlab.data.official import read_official
from genlab.data.samplers import EpochOrder, EvaluationShare, SameOrder
from genlab.data.sources import Files, SourceName, cache_folder, fetched_files, find_files, what_lacks
from genlab.data.splits import HIDDEN, SIDES, Splits, chosen_evenly
from genlab.errors import ConfigError, DataError

Batches = DataLoader[Batch] | DeviceBatches

OWN = ("arrays", "folder")  # whatever images the user has
MOST_WORKERS = 256  # a slip of the pen would fill the machine with processes


class ImageDataModule(LightningDataModule):
    """Images of MNIST's kind, or of the user's, as batches (images, labels).

    Images are float32 in [0, 1], shape (B, C, H, W); labels int64 (B,). Of the data sets that torchvision knows the
    official test images stay the test set; validation is the last twelfth of the training images (5,000 of 60,000; two
    at least), the rest trains.

    Args:
        name: which data set.
        root: folder or file of the images, see `find_files`, `read_arrays` and `read_folder`; None is, for data sets
            that are fetched, a folder in the user's cache, which is filled.
        image_size: of `folder`: side of the square from the middle, scaled to it; None: images stay as they are.
        channels: of `folder`: 1 or 3; None: 1, if all files are grey, else 3.
        unfit: of `folder`: what becomes of files that are no images, damaged, animated, or not of 8-bit grey or RGB.
        batch_size: images a training batch.
        eval_batch_size: images a validation or test batch; no metric depends on it.
        num_workers: loader processes; 0 is fastest, because nothing is decoded.
        on_device: whether the images lie on the device of the model, as 8-bit numbers, and batches are made there.
            `auto`: on a CPU, and on a GPU if they take a quarter of its free memory at most. The batches are the same.
        seed: the order of the training images is a function of this and the epoch alone.
    """

    @checked
    def __init__(
        self,
        name: SourceName = "mnist",
        root: str | None = None,
        image_size: Annotated[int | None, Field(ge=SIDES[0], le=SIDES[-1])] = None,
        channels: Literal[1, 3] | None = None,
        unfit: Literal["refuse", "skip"] = "refuse",
        batch_size: PositiveInt = 128,
        eval_batch_size: PositiveInt = 500,
        num_workers: Annotated[int, Field(ge=0, le=MOST_WORKERS)] = 0,
        on_device: bool | Literal["auto"] = "auto",
        seed: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.source = name
        self._official = CATALOGUE.get(name)
        self.root = root
        self.folder_settings = FolderSettings(image_size, channels, unfit)
        if name != "folder" and self.folder_settings != FolderSettings():
            raise ConfigError(f"data={name}: image_size, channels and unfit are of data=folder; leave them out")
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        if on_device is True and num_workers:
            why = "nothing is loaded where data.on_device=true; leave one of them out"
            raise ConfigError(f"data.num_workers={num_workers}: {why}")
        self.num_workers = num_workers
        self.on_device = on_device
        self.seed = seed
        self._labelled: torch.Tensor | None = None  # rows of the training images whose label is not hidden

    def prepare_data(self) -> None:
        """Find the files; into genlab's own folder they are unpacked or downloaded: see `find_files`."""
        if self._official:
            self._files()

    def setup(self, stage: str | None = None) -> None:
        """Read all splits once; a `DataError` tells of files that are missing or damaged, or of too few images."""
        if hasattr(self, "train_set"):
            return
        splits = self._read()
        splits.check()
        self.place, self.classes, self.members = splits.place, splits.classes, splits.members
        self.train_set, self.val_set, self.test_set = splits.train, splits.validation, splits.test

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W); the images are read for it, where the name does not say it."""
        if self._official:
            return self._official.image_shape
        self.setup()
        channels, height, width = self.train_set.images.shape[1:]
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """How many classes the labels tell apart; 0, where there are no labels."""
        if self._official:
            return len(self._official.classes)
        self.setup()
        return len(self.classes)

    @property
    def label_shares(self) -> torch.Tensor:
        """Of each class among the training images with a label; one more image each leaves none without any."""
        known = self.train_set.labels if self._labelled is None else self.train_set.labels[self._labelled]
        counts = torch.bincount(known.long(), minlength=self.num_classes) + 1.0
        return counts / counts.sum()

    def hide_labels(self, but: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        """Hide the labels of the training images, but for some, which `chosen_evenly` takes whatever the seed.

        Batches of training have −1 for a hidden label; whatever is done after training has all labels still.

        Returns:
            Images with a label, uint8 (but, C, H, W), their labels, int64 (but,), and how many train.
        """
        rows = self._labelled = chosen_evenly(self.train_set.labels, but, self.num_classes)
        return self.train_set.images[rows], self.train_set.labels[rows].long(), len(self.train_set)

    def _training_images(self) -> ImageDataset:
        if self._labelled is None:
            return self.train_set
        labels = torch.full((len(self.train_set),), HIDDEN)
        labels[self._labelled] = self.train_set.labels[self._labelled].long()
        return ImageDataset(self.train_set.images, labels)

    @property
    def space(self) -> str:
        """The name of these images behind `fid_`: that of the data set, of the user's own with their fingerprint."""
        return f"{self.source}_{self.images['fingerprint']:.8}" if self.source in OWN else self.source

    @property
    def overrides(self) -> list[str]:
        """What names these images on a command line, without what is so by default."""
        given = {"root": self.root, **self.folder_settings._asdict()}
        usual = {"root": None, **FolderSettings()._asdict()}
        words = [
            f"data.{name}={value}" if re.fullmatch(r"[\w./-]+", str(value)) else f"data.{name}='{value}'"
            for name, value in given.items()
            if value != usual[name]
        ]
        return [f"data={self.source}", *words]

    @cached_property
    def images(self) -> dict[str, int | str]:
        """What a run's summary says of its images: how many of each split, and a fingerprint of all with their labels.

        The same images have the same fingerprint wherever they lie, packed or not.
        """
        self.setup()
        splits = {"train": self.train_set, "validation": self.val_set, "test": self.test_set}
        digest = hashlib.sha256(str([tuple(split.images.shape) for split in splits.values()]).encode())
        for split in splits.values():
            digest.update(split.images.numpy().data)
            digest.update(split.labels.numpy().data)
        return {name: len(split) for name, split in splits.items()} | {"fingerprint": digest.hexdigest()[:16]}

    def check_images(self, recorded: Any) -> None:
        """Raise a `DataError` unless these are the images of a run, by `images` of its summary, or it has none."""
        known = recorded.get("fingerprint") if isinstance(recorded, dict) else None
        if recorded is not None and known != self.images["fingerprint"]:
            raise DataError(
                f"{self.place}: its images or labels are others than those that the run was trained on; give the "
                "folder of those as data.root=FOLDER"
            )

    def _files(self) -> Files:
        return fetched_files(self.source, cache_folder()) if self.root is None else find_files(self.source, self.root)

    def _read(self) -> Splits:
        if self._official:
            return read_official(self.source, self._files())
        if self.root is not None and (why := what_lacks(self.source, self.root)):
            remedy = "; name the folder of the images" if self.source == "folder" else ""
            raise DataError(f"data.root={self.root}: {why}{remedy}")
        if self.source == "digits":
            return read_digits()
        if self.root is None:
            raise DataError(f"data.root: is missing; data={self.source} needs data.root=PATH")
        return read_arrays(self.root) if self.source == "arrays" else read_folder(self.root, self.folder_settings)

    def train_dataloader(self) -> Batches:
        shuffled = EpochOrder(self.train_set, self.seed, **self._process())
        order: EpochOrder | SameOrder = shuffled
        if self.trainer:
            # A run that is resumed begins in the epoch, and behind the batches, that its checkpoint was written at
            loop: Any = self.trainer.fit_loop
            epochs, batches = loop.epoch_progress.current, loop.epoch_loop.batch_progress.current
            shuffled.set_epoch(epochs.processed)
            if self.trainer.overfit_batches:  # type: ignore[attr-defined]
                order = SameOrder(self.train_set)
            if epochs.processed < epochs.ready:
                order.skip = batches.processed * self.batch_size
        return self._loader(self._training_images(), self.batch_size, order)

    def val_dataloader(self) -> Batches:
        return self._evaluation_loader(self.val_set)

    def test_dataloader(self) -> Batches:
        return self._evaluation_loader(self.test_set)

    def _evaluation_loader(self, images: ImageDataset) -> Batches:
        return self._loader(images, self.eval_batch_size, EvaluationShare(images, **self._process()))

    def _process(self) -> dict[str, int]:
        """Which of how many, as samplers want it."""
        if not self.trainer:
            return {"rank": 0, "processes": 1}
        return {"rank": self.trainer.global_rank, "processes": self.trainer.world_size}

    def _loader(self, images: ImageDataset, batch_size: int, sampler: Sampler[int]) -> Batches:
        if self.trainer and self.on_device and not self.num_workers:
            device = self.trainer.strategy.root_device
            if self.on_device is True or fits(images.images, device):
                return DeviceBatches(images, batch_size, sampler, device)
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
