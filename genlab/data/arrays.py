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
from genlab.data.sources import what_lacks
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
        DataError: the file is missing or damaged, has pickled objects, or arrays that can be read in two ways or none.
    """
    if why := what_lacks("arrays", root):
        raise DataError(f"data.root={root}: {why}")
    path = Path(os.path.expanduser(root))
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise DataError(f"{path}: no .npz file, but one array; save images and labels with numpy.savez")
        with loaded as file:
            known = {name for pairs in NAMES.values() for pair in pairs for name in pair}
            arrays = {name: _array(file, name, path) for name in file.files if name in known}
            others = ", ".join(sorted(set(file.files) - known)) or "nothing"
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); name an .npz file") from None
    except MemoryError:
        raise DataError(f"{path}: its arrays are larger than the memory; save fewer or smaller images") from None
    except (ValueError, EOFError, BadZipFile, RuntimeError, zlib.error) as error:
        if "pickle" in str(error):  # what numpy takes any file for that it does not know
            raise DataError(f"{path}: no .npz file, so it is not opened; save plain arrays with numpy.savez") from None
        raise DataError(f"{path}: damaged ({' '.join(str(error).split())}); put a whole copy in its place") from None
    if not arrays:
        wanted = "x_train, y_train, x_test, y_test, or images and labels"
        raise DataError(f"{path}: has {others} in it; its arrays must be called {wanted}")
    return split_arrays(arrays, str(path))


def read_digits() -> Splits:
    """The 1,797 handwritten digits of 8×8 pixels that scikit-learn brings, in 17 shades of grey."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return split_arrays({"images": images, "labels": labels}, "scikit-learn")


def split_arrays(arrays: Mapping[str, np.ndarray], place: str) -> Splits:
    """Tell images from labels and splits from one another.

    Raises:
        DataError: see `read_arrays`.
    """
    chosen = {split: [pair for pair in pairs if set(pair) & set(arrays)] for split, pairs in NAMES.items()}
    names = {split: found[0] for split, found in chosen.items() if found}
    if any(len(found) > 1 for found in chosen.values()):
        raise DataError(f"{place}: {', '.join(sorted(arrays))} say twice what the images are; leave one of them out")
    for of_images, of_labels in names.values():
        if of_images not in arrays:
            raise DataError(f"{place}: {of_labels}, but no {of_images}; save the images too")
    if "train" not in names:
        raise DataError(f"{place}: {', '.join(sorted(arrays))}, but nothing to train on; save x_train too")
    labelled = {name in arrays for _, name in names.values()}
    if len(labelled) > 1:
        missing = next(name for _, name in names.values() if name not in arrays)
        raise DataError(f"{place}: no {missing}, though other images have labels; save all labels, or none")
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
    classes = tuple(map(str, range(highest + 1))) if labelled == {True} else ()
    return Splits(**sets, place=place, classes=classes, members=members)


def to_images(array: np.ndarray, what: str) -> Tensor:
    """uint8 (N, H, W), (N, H, W, C) or (N, C, H, W), C 1 or 3 → (N, C, H, W).

    Raises:
        DataError: it is none of these, or could be two of them.
    """
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
        raise DataError(
            f"{what} has labels from {array.min()} to {array.max()}; number them from 0, {MOST_CLASSES:,} at most"
        )
    return torch.from_numpy(array.astype(np.int64))


def _array(file: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    try:
        array = file[name]
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise DataError(f"{path}: {name} has pickled objects, which are not opened; save plain numbers") from None
        raise
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is no array")
    return array
