"""Images in arrays: a user's .npz file, and the digits of scikit-learn."""

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from genlab.data.dataset import ImageDataset
from genlab.data.splits import Splits, drawn
from genlab.errors import DataError

# split → names of images and labels: those of Keras, of medmnist, and of whoever leaves the split to genlab
NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels")),
    "validation": (("x_val", "y_val"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
CHANNELS = (1, 3)
MOST_CLASSES = 10_000


def read_arrays(root: str) -> Splits:
    """Read `x_train, y_train, x_test, y_test` of an .npz file, or what `NAMES` says besides.

    Labels may be missing, from all splits; so may the validation and test images, which are drawn then.

    Raises:
        DataError: the file is damaged, has pickled objects, or arrays that can be read in two ways or none.
    """
    path = Path(os.path.expanduser(root))
    known = {name for pairs in NAMES.values() for pair in pairs for name in pair}
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError("one array")
        with loaded as file:
            names = sorted(file.files)
            arrays = {name: np.asarray(file[name]) for name in names if name in known}
    except (OSError, ValueError, EOFError, BadZipFile, RuntimeError, zlib.error) as error:
        why = f"no .npz file of plain arrays, so it is not opened ({' '.join(str(error).split())})"
        raise DataError(f"{path}: {why}; put a whole one in its place, made with numpy.savez") from None
    if not arrays:
        wanted = "x_train, y_train, x_test, y_test, or images and labels"
        raise DataError(f"{path}: has {', '.join(names) or 'nothing'} in it; its arrays must be called {wanted}")
    return split_arrays(arrays, str(path))


def read_digits() -> Splits:
    """The 1,797 handwritten digits of 8×8 pixels that scikit-learn brings, in 17 shades of grey."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return split_arrays({"images": images, "labels": labels}, "scikit-learn")


def split_arrays(arrays: Mapping[str, np.ndarray], place: str) -> Splits:
    """Tell images from labels and splits from one another; `place` is where they are from, for messages."""
    chosen = {split: [pair for pair in pairs if set(pair) & set(arrays)] for split, pairs in NAMES.items()}
    names = {split: found[0] for split, found in chosen.items() if found}
    there = f"{place}: {', '.join(sorted(arrays))}"
    if any(len(found) > 1 for found in chosen.values()):
        raise DataError(f"{there} say twice what the images are; leave one of them out")
    if missing := [name for name, _ in names.values() if name not in arrays]:
        raise DataError(f"{there}, but no {missing[0]}; save the images too")
    if "train" not in names:
        raise DataError(f"{there}, but nothing to train on; save x_train too")
    unlabelled = [name for _, name in names.values() if name not in arrays]
    if 0 < len(unlabelled) < len(names):
        raise DataError(f"{place}: no {unlabelled[0]}, though other images have labels; save all labels, or none")
    images = {split: to_images(arrays[name], f"{place}: {name}") for split, (name, _) in names.items()}
    if len(shapes := {tuple(found.shape[1:]) for found in images.values()}) > 1:
        raise DataError(f"{place}: images of several shapes, {sorted(shapes)}; save all of one")
    labels = {
        split: _labels(arrays.get(name), len(images[split]), f"{place}: {name}") for split, (_, name) in names.items()
    }
    highest = max(int(found.max()) if len(found) else 0 for found in labels.values())
    kind = torch.uint8 if highest < 256 else torch.int64
    rows = drawn({split: list(range(len(found))) for split, found in images.items()}, place)
    sets, members = {}, {}
    for split, numbers in rows.items():
        source, index = split if split in names else "train", torch.tensor(numbers)
        sets[split] = ImageDataset(images[source][index], labels[source][index].to(kind))
        members[split] = {names[source][0]: numbers}
    classes = tuple(map(str, range(highest + 1))) if not unlabelled else ()
    return Splits(**sets, place=place, classes=classes, members=members)


def to_images(array: np.ndarray, what: str) -> Tensor:
    """uint8 (N, H, W), (N, H, W, C) or (N, C, H, W), C 1 or 3 → (N, C, H, W); a `DataError` if it could be two."""
    if array.dtype != np.uint8:
        raise DataError(f"{what} has {array.dtype} values; save pixels as uint8, 0 to 255")
    images = torch.from_numpy(array)
    if images.ndim == 3:
        return images.unsqueeze(1).contiguous()
    first, last = (images.ndim == 4 and images.shape[axis] in CHANNELS for axis in (1, -1))
    if first == last:
        why = "could be (N, H, W, C) or (N, C, H, W)" if first else "is not (N, H, W), nor with 1 or 3 channels"
        raise DataError(f"{what} has the shape {tuple(images.shape)}, which {why}; save another")
    return (images.permute(0, 3, 1, 2) if last else images).contiguous()


def _labels(array: np.ndarray | None, n: int, what: str) -> Tensor:
    """Labels (N,) or (N, 1) → int64 (N,); zeros without any."""
    if array is None:
        return torch.zeros(n, dtype=torch.int64)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(f"{what} has {array.dtype} values of shape {array.shape}; save one whole number an image")
    if len(array) != n:
        raise DataError(f"{what} has {len(array)} labels for {n} images; save one an image")
    if n and (array.min() < 0 or array.max() >= MOST_CLASSES):
        told = f"{what} has labels from {array.min()} to {array.max()}"
        raise DataError(f"{told}; number them from 0, {MOST_CLASSES:,} at most")
    return torch.from_numpy(array.astype(np.int64))
