"""The image files of a folder → one file of uint8 pixels, and one that says what they are."""

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from rich.console import Console
from rich.progress import Progress

from genlab.data.splits import SIDES, drawn
from genlab.errors import DataError

SHOWN = 5  # names in a message
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA", "RGBX")  # Pillow's modes of 8 bits and less
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # in EXIF: which way is up, and that width is height
UNREADABLE = (OSError, ValueError, SyntaxError, IndexError)  # what Pillow raises for damaged files

Found = TypeVar("Found")


class FolderSettings(NamedTuple):
    """How files become images: see `ImageDataModule`."""

    image_size: int | None = None
    channels: Literal[1, 3] | None = None
    unfit: Literal["refuse", "skip"] = "refuse"


class File(NamedTuple):
    """One file below the folder."""

    name: str  # the path below the root
    split: str
    label: str  # the folder of the class; empty without any


class Header(NamedTuple):
    """What a file says of its image."""

    is_grey: bool
    size: tuple[int, int]  # width, height


def decode(folder: Path, listed: Sequence[File], settings: FolderSettings, target: Path) -> None:
    """Write images.u8, the pixels of all images one after another, and split.json, what they are.

    Raises:
        DataError: there are no images, or some that do not fit.
    """
    faults: dict[str, str] = {}
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    with bar as progress, ThreadPoolExecutor() as threads:
        task = progress.add_task("decoding images", total=2 * len(listed))

        def read_each(files: Collection[File], read: Callable[[Path], Found | str]) -> Iterator[tuple[File, Found]]:
            """What `read` gives of each file; where it gives words, the file is at fault."""
            for file, found in zip(files, threads.map(read, (folder / file.name for file in files)), strict=True):
                progress.advance(task)
                if isinstance(found, str):
                    faults[file.name] = found
                else:
                    yield file, found
            if faults and settings.unfit == "refuse":
                raise DataError(f"{_told(folder, faults)}; mend or remove them, or leave them out with data.unfit=skip")

        headers = dict(read_each(listed, read_header))
        if not headers:
            raise DataError(f"{folder}: no images in it; put PNG, JPEG, WebP or BMP files there")
        if len({not file.label for file in headers}) > 1:
            raise DataError(f"{folder}: images beside folders with images; put all in folders, one a class, or none")
        width, height = _size(folder, headers, settings)
        channels = settings.channels or (1 if all(header.is_grey for header in headers.values()) else 3)
        files, rows = list(headers), {"train": list[int]()}
        for index, file in enumerate(files):
            rows.setdefault(file.split, []).append(index)
        # those of one split together
        split_of = {files[row]: split for split, chosen in drawn(rows, str(folder)).items() for row in chosen}
        kept: dict[str, list[File]] = {split: [] for split in split_of.values()}
        with (target / "images.u8").open("wb") as images:
            for file, pixels in read_each(split_of, partial(read_pixels, channels=channels, size=(width, height))):
                images.write(pixels)
                kept[split_of[file]].append(file)
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


def _size(folder: Path, headers: Mapping[File, Header], settings: FolderSettings) -> tuple[int, int]:
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
        sides = f"{told[0]}, where sides are {SIDES[0]} to {SIDES[-1]}"
        raise DataError(f"{folder}: {sides}; data.image_size=32 or so scales them")
    return width, height


def _told(folder: Path, faults: Mapping[str, str]) -> str:
    named = [f"{name} ({why})" for name, why in list(faults.items())[:SHOWN]]
    more = [f"{len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return f"{folder}: files that are no images for genlab: {', '.join([*named, *more])}"


def read_header(path: Path) -> Header | str:
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
            return Header(image.mode in GREY, image.size[::-1] if turned else image.size)
    except UnidentifiedImageError:
        return "no PNG, JPEG, WebP or BMP image"
    except Image.DecompressionBombError:
        return "too large"
    except UNREADABLE as error:
        return f"damaged: {error}"


def read_pixels(path: Path, channels: int, size: tuple[int, int]) -> bytes | str:
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
    except UNREADABLE as error:
        return f"damaged: {error}"
