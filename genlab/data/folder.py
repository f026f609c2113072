"""Image files of the user's → uint8 pixels in one file of genlab's cache, decoded once and mapped into memory."""

import hashlib
import json
import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from PIL import Image, ImageOps, UnidentifiedImageError
from rich.console import Console
from rich.progress import Progress

from genlab.data.dataset import ImageDataset
from genlab.data.sources import STAGING, cache_folder, what_lacks
from genlab.data.splits import SIDES, Splits, drawn
from genlab.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
SPLITS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "RGBX")  # Pillow's modes of 8 bits and less
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # in EXIF: which way is up, and that width is height
VERSION = 1  # of the cache; another, when the same files become other pixels
SHOWN = 5  # names in a message


class FolderSettings(NamedTuple):
    """How files become images: see `ImageDataModule`."""

    image_size: int | None = None
    channels: Literal[1, 3] | None = None
    unfit: Literal["refuse", "skip"] = "refuse"


class _File(NamedTuple):
    name: str  # the path below the root
    split: str
    label: str  # the folder of the class; empty without any


class _Header(NamedTuple):
    is_grey: bool
    size: tuple[int, int]  # width, height


def read_folder(root: str, settings: FolderSettings) -> Splits:
    """Read the images in a folder, or in a folder a class, perhaps below `train`, `val` and `test`.

    The pixels lie in genlab's cache, in a file that belongs to the names, sizes and times of all that is in the folder.

    Raises:
        DataError: there are too few images, or some that do not fit; or the cache cannot be written.
    """
    if why := what_lacks("folder", root):
        raise DataError(f"data.root={root}: {why}; name the folder of the images")
    folder = Path(os.path.abspath(os.path.expanduser(root)))
    cache = cache_folder() / "folders"
    try:
        files = _listed(folder)
        if not files:
            raise _no_images(folder)
        made = cache / _key(folder, files, settings)
        if not made.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / ".lock"):
                for left in cache.glob(f"{STAGING}*"):  # by a process that was killed
                    shutil.rmtree(left)
                if not made.exists():  # no other process has been here
                    with TemporaryDirectory(prefix=STAGING, dir=cache) as staging:
                        whole = Path(staging) / "whole"
                        whole.mkdir()
                        _decode(folder, files, settings, whole)
                        os.replace(whole, made)
                    print(f"folder: {folder} decoded into {made}", file=sys.stderr, flush=True)
        return _mapped(made, str(folder))
    except OSError as error:
        raise DataError(f"{error.filename or folder}: {error.strerror or error}; make room, or allow access") from None


def _listed(folder: Path) -> list[_File]:
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
        found.append(_File(str(path), SPLITS[part], below[0] if len(below) > 1 else ""))
    return found


def _key(folder: Path, files: Sequence[_File], settings: FolderSettings) -> str:
    digest = hashlib.sha256(repr((VERSION, str(folder), settings)).encode(errors="surrogateescape"))
    for file in files:
        status = os.stat(folder / file.name, follow_symlinks=os.path.exists(folder / file.name))
        digest.update(repr((file, status.st_size, status.st_mtime_ns)).encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _decode(folder: Path, listed: Sequence[_File], settings: FolderSettings, target: Path) -> None:
    """Write images.u8, the pixels of all images one after another, and split.json, what they are."""
    console = Console(stderr=True)
    with (
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ThreadPoolExecutor() as threads,
    ):
        task = progress.add_task("decoding images", total=2 * len(listed))
        done = partial(progress.advance, task)
        headers, faults = {}, {}
        for file, header in zip(listed, threads.map(_header, (folder / file.name for file in listed)), strict=True):
            done()
            if isinstance(header, str):
                faults[file.name] = header
            else:
                headers[file] = header
        _refuse(folder, faults, settings)
        if not headers:
            raise _no_images(folder)
        if len({not file.label for file in headers}) > 1:
            raise DataError(f"{folder}: images beside folders with images; put all in folders, one a class, or none")
        width, height = _size(folder, headers, settings)
        channels = settings.channels or (1 if all(header.is_grey for header in headers.values()) else 3)
        order = _split(folder, list(headers))
        pixels = partial(_pixels, channels=channels, size=(width, height))
        kept: dict[str, list[_File]] = {split: [] for split in order}
        ordered = [(split, file) for split, files in order.items() for file in files]
        with (target / "images.u8").open("wb") as images:
            all_pixels = threads.map(pixels, (folder / file.name for _, file in ordered))
            for (split, file), found in zip(ordered, all_pixels, strict=True):
                done()
                if isinstance(found, str):
                    faults[file.name] = found
                else:
                    images.write(found)
                    kept[split].append(file)
        _refuse(folder, faults, settings)
    classes = sorted({file.label for file in headers} - {""})
    number = {label: index for index, label in enumerate(classes)} | {"": 0}
    about = {
        "shape": [channels, height, width],
        "classes": classes,
        "left_out": faults,
        "labels": {split: [number[file.label] for file in files] for split, files in kept.items()},
        "files": {split: [file.name for file in files] for split, files in kept.items()},
    }
    (target / "split.json").write_text(json.dumps(about), encoding="utf-8")
    if faults:
        print(f"warning: {_told(folder, faults)}: left out", file=sys.stderr)


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


def _split(folder: Path, files: Sequence[_File]) -> dict[str, list[_File]]:
    rows: dict[str, list[int]] = {"train": []}
    for index, file in enumerate(files):
        rows.setdefault(file.split, []).append(index)
    return {split: [files[index] for index in chosen] for split, chosen in drawn(rows, str(folder)).items()}


def _size(folder: Path, headers: Mapping[_File, _Header], settings: FolderSettings) -> tuple[int, int]:
    if settings.image_size:
        return settings.image_size, settings.image_size
    sizes: dict[tuple[int, int], str] = {}
    for file, header in headers.items():
        sizes.setdefault(header.size, file.name)
    told = [f"{name} has {width}×{height} pixels" for (width, height), name in sizes.items()]
    if len(sizes) > 1:
        raise DataError(f"{folder}: {told[0]}, {told[1]}; data.image_size=32 or so makes them one size")
    ((width, height),) = sizes
    if width not in SIDES or height not in SIDES:
        raise DataError(
            f"{folder}: {told[0]}, where sides are {SIDES[0]} to {SIDES[-1]}; data.image_size=32 or so scales them"
        )
    return width, height


def _no_images(folder: Path) -> DataError:
    return DataError(f"{folder}: no images in it; put PNG, JPEG, WebP or BMP files there")


def _refuse(folder: Path, faults: Mapping[str, str], settings: FolderSettings) -> None:
    if faults and settings.unfit == "refuse":
        raise DataError(f"{_told(folder, faults)}; mend or remove them, or leave them out with data.unfit=skip")


def _told(folder: Path, faults: Mapping[str, str]) -> str:
    named = [f"{name} ({why})" for name, why in list(faults.items())[:SHOWN]]
    more = [f"{len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return f"{folder}: files that are no images for genlab: {', '.join([*named, *more])}"


def _header(path: Path) -> _Header | str:
    """What a file says of its pixels, or why they are not taken."""
    if not path.is_file():
        return "no file but a pipe, a device or a broken link"
    try:
        with path.open("rb") as file:
            start = file.read(25)
        with Image.open(path, formats=FORMATS) as image:
            if getattr(image, "is_animated", False):
                return "animated"
            if image.format == "PNG" and start[24] == 16:  # which Pillow would round, of colours without a word
                return "16 bits a colour"
            if image.mode not in (*GREY, *COLOUR):
                return f"{image.mode} pixels"
            turned = image.getexif().get(ORIENTATION) in TURNED
            return _Header(image.mode in GREY, image.size[::-1] if turned else image.size)
    except UnidentifiedImageError:
        return "no PNG, JPEG, WebP or BMP image"
    except Image.DecompressionBombError:
        return "too large"
    except (OSError, ValueError, SyntaxError, IndexError) as error:
        return f"damaged: {error}"


def _pixels(path: Path, channels: int, size: tuple[int, int]) -> bytes | str:
    """(C, H, W) as bytes, on white where the image is transparent; or why there is none."""
    try:
        with Image.open(path, formats=FORMATS) as opened:
            image: Image.Image = ImageOps.exif_transpose(opened)
            if image.has_transparency_data:
                above = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
            image = image.convert("L" if channels == 1 else "RGB")
            if image.size != size:
                image = ImageOps.fit(image, size, Image.Resampling.BICUBIC)
            pixels = np.asarray(image).reshape(*size[::-1], channels)
            return pixels.transpose(2, 0, 1).tobytes()
    except (OSError, ValueError, SyntaxError, IndexError) as error:
        return f"damaged: {error}"
