"""The data sets that torchvision downloads: their files, and what is in them."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
LETTERS = tuple(
    f"emnist-letters-{split}-{part}"
    for split in ("train", "test")
    for part in ("images-idx3-ubyte", "labels-idx1-ubyte")
)
CIFAR = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
DIGITS = tuple(string.digits)
KINDS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class DataSet:
    """One of them."""

    torchvision: str  # the class there
    folder: str  # of its files, in torchvision's layout; the first part is a name that no other data set has
    files: tuple[str, ...] = FILES  # without the `.gz` that those of the IDX format may have
    image_shape: tuple[int, int, int] = (1, 28, 28)  # (C, H, W)
    classes: tuple[str, ...] = DIGITS  # a name for each label
    downloads: tuple[Mapping[str, Any], ...] = ({},)  # the arguments of the class, once for each download

    @property
    def name(self) -> str:
        """Of the folder that has nothing but it."""
        return self.folder.partition("/")[0]


CATALOGUE = {
    "mnist": DataSet("MNIST", "MNIST/raw"),
    "fashion_mnist": DataSet("FashionMNIST", "FashionMNIST/raw"),
    "kmnist": DataSet("KMNIST", "KMNIST/raw"),
    "emnist_letters": DataSet(
        *("EMNIST", "EMNIST/raw", LETTERS), classes=tuple(string.ascii_lowercase), downloads=({"split": "letters"},)
    ),
    "cifar10": DataSet("CIFAR10", "cifar-10-batches-py", CIFAR, (3, 32, 32), KINDS),
    "svhn": DataSet(
        *("SVHN", "SVHN", ("train_32x32.mat", "test_32x32.mat"), (3, 32, 32)),
        downloads=({"split": "train"}, {"split": "test"}),
    ),
}
NAMES = {data_set.name for data_set in CATALOGUE.values()}  # of their folders
