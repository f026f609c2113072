"""A folder of the user's images: decoded once into genlab's cache, and mapped into memory from there."""

import hashlib
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from genlab.data.dataset import ImageDataset
from genlab.data.decoding import File, FolderSettings, decode
from genlab.data.sources import cache_folder, staging
from genlab.data.splits import Splits
from genlab.errors import DataError

SPLITS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
VERSION = 1  # of the cache; another, when the same files become other pixels


def read_folder(root: str, settings: FolderSettings) -> Splits:
    """Read the images in a folder, or in a folder a class, perhaps below `train`, `val` and `test`.

    The pixels lie in genlab's cache, in a file that belongs to the names, sizes and times of all that is in the folder.

    Raises:
        DataError: there are too few images, or some that do not fit; or the cache cannot be written.
    """
    folder = Path(os.path.abspath(os.path.expanduser(root)))
    try:
        files = _listed(folder)
        made = cache_folder() / "folders" / _key(folder, files, settings)
        if not made.exists():
            with staging(made.parent) as beside:
                if not made.exists():  # no other process has been here
                    (beside / "whole").mkdir()
                    decode(folder, files, settings, beside / "whole")
                    os.replace(beside / "whole", made)
                    print(f"folder: {folder} decoded into {made}", file=sys.stderr, flush=True)
        return _mapped(made, str(folder))
    except OSError as error:
        raise DataError(f"{error.filename or folder}: {error.strerror or error}; make room, or allow access") from None


def _listed(folder: Path) -> list[File]:
    """All files that are not hidden, in the order of their names."""
    parts = [name for name in sorted(os.listdir(folder)) if name in SPLITS and (folder / name).is_dir()]
    if len({SPLITS[name] for name in parts}) < len(parts) or (parts and "train" not in parts):
        raise DataError(f"{folder}: {', '.join(parts)}; there must be train, and test and val once each or not at all")
    paths = [
        Path(parent, name).relative_to(folder) for parent, _, names in os.walk(folder) for name in names
    ]  # links to folders are not followed, so there is an end
    found = []
    for path in sorted(path for path in paths if not any(part.startswith(".") for part in path.parts)):
        if parts and path.parts[0] not in parts:
            raise DataError(f"{folder}: {path.parts[0]} beside {', '.join(parts)}; move it away, or into one of them")
        part, below = (path.parts[0], path.parts[1:]) if parts else ("train", path.parts)
        found.append(File(str(path), SPLITS[part], below[0] if len(below) > 1 else ""))
    return found


def _key(folder: Path, files: Sequence[File], settings: FolderSettings) -> str:
    digest = hashlib.sha256(repr((VERSION, str(folder), settings)).encode(errors="surrogateescape"))
    for file in files:
        status = os.stat(folder / file.name, follow_symlinks=os.path.exists(folder / file.name))
        digest.update(repr((file, status.st_size, status.st_mtime_ns)).encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _mapped(made: Path, place: str) -> Splits:
    try:
        about = json.loads((made / "split.json").read_text(encoding="utf-8"))
        n = sum(map(len, about["labels"].values()))
        shape = (n, *about["shape"])
        if (made / "images.u8").stat().st_size != math.prod(shape):
            raise ValueError
        # copy-on-write, because torch wants to be allowed to write
        images = torch.from_numpy(np.memmap(made / "images.u8", np.uint8, "c", shape=shape))
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        raise DataError(f"{made}: damaged; delete it, and {place} is decoded anew") from None
    sets, start = {}, 0
    for split, labels in about["labels"].items():
        kind = torch.uint8 if len(about["classes"]) <= 256 else torch.int64
        sets[split] = ImageDataset(images[start : start + len(labels)], torch.tensor(labels, dtype=kind))
        start += len(labels)
    members = {**about["files"], "left_out": about["left_out"]}
    return Splits(**sets, place=place, classes=tuple(about["classes"]), members=members)
