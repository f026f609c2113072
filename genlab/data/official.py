"""Files of torchvision's data sets → their official splits."""

import io
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genlab.data.catalogue import CATALOGUE
from genlab.data.dataset import ImageDataset, read_split
from genlab.data.idx import damaged
from genlab.data.sources import Files
from genlab.data.splits import LEAST_SPLIT, SHARES, Splits

# What a pickled array of numbers is made of; nothing else is unpickled
ARRAY = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


def read_official(name: str, files: Files) -> Splits:
    """The official test images are the test set; the last of the training images validate, as many as of MNIST."""
    train, test = READERS.get(name, _read_idx)(files)
    n = len(train) - max(LEAST_SPLIT, len(train) // SHARES["validation"])
    validation = ImageDataset(train.images[n:], train.labels[n:])
    train = ImageDataset(train.images[:n], train.labels[:n])
    return Splits(train, validation, test, str(next(iter(files.values())).parent), CATALOGUE[name].classes)


def _read_idx(files: Files) -> tuple[ImageDataset, ImageDataset]:
    return read_split(files, "train"), read_split(files, "t10k")


def _read_letters(files: Files) -> tuple[ImageDataset, ImageDataset]:
    """EMNIST has rows and columns the other way round, and its letters begin at 1."""
    sets = [read_split(files, f"emnist-letters-{split}", range(1, 27)) for split in ("train", "test")]
    train, test = (ImageDataset(letters.images.mT.contiguous(), letters.labels - 1) for letters in sets)
    return train, test


def _read_colour(files: Files, what: str, read: Callable[[Path], tuple[Any, Any]]) -> tuple[ImageDataset, ImageDataset]:
    """Of files that `read` gives pixels (N, 3, 32, 32) or (N, 3072) and labels (N,) of, the last has test images."""
    sets = []
    for path in files.values():
        try:
            pixels, labels = read(path)
        except Exception as error:  # whatever the bytes of a stranger lead to
            raise damaged(path, f"no {what} ({' '.join(str(error).split())})") from None
        sets.append(_checked(path, pixels, labels))
    *parts, test = sets
    return ImageDataset(torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts])), test


def _checked(path: Path, pixels: Any, labels: Any) -> ImageDataset:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or not pixels.size or pixels[0].size != 3072:
        raise damaged(path, "no 3×32×32 pixels of bytes in it")
    numbers = np.asarray(labels)
    if numbers.shape != (len(pixels),) or numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() > 9:
        raise damaged(path, "its labels are not one number from 0 to 9 for each image")
    images = torch.from_numpy(np.ascontiguousarray(pixels).reshape(-1, 3, 32, 32))
    return ImageDataset(images, torch.from_numpy(numbers.astype(np.uint8)))


def _read_cifar(path: Path) -> tuple[Any, Any]:
    """A pickled table of `data` (N, 3072), red, green and blue row by row, and a list of `labels`."""
    table = _Arrays(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    return table.get("data"), table.get("labels")


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ARRAY:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not run")
        return super().find_class(module, name)


def _read_svhn(path: Path) -> tuple[Any, Any]:
    """MATLAB's `X` (32, 32, 3, N) and `y` (N, 1), where 10 stands for the digit 0."""
    from scipy.io import loadmat

    found = loadmat(path, variable_names=("X", "y"))
    return found["X"].transpose(3, 2, 0, 1), found["y"].squeeze(1) % 10


READERS: dict[str, Callable[[Files], tuple[ImageDataset, ImageDataset]]] = {
    "emnist_letters": _read_letters,
    "cifar10": partial(_read_colour, what="batch of CIFAR-10", read=_read_cifar),
    "svhn": partial(_read_colour, what="file of SVHN", read=_read_svhn),
}
