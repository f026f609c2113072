"""The image files of a folder → one file of uint8 pixels, and one that says what they are."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from rich.console import Console
from rich.progress import Progress

from genlab.data.image_files import Header, read_header, read_pixels
from genlab.data.splits import SIDES, drawn
from genlab.errors import DataError

SHOWN = 5  # names in a message

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


def decode(folder: Path, listed: Sequence[File], settings: FolderSettings, target: Path) -> None:
    """Write images.u8, the pixels of all images one after another, and split.json, what they are.

    Raises:
        DataError: there are no images, or some that do not fit.
    """
    faults: dict[str, str] = {}
    console = Console(stderr=True)
    with (
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ThreadPoolExecutor() as threads,
    ):
        task = progress.add_task("decoding images", total=2 * len(listed))

        def read_each(files: Iterable[File], read: Callable[[Path], Found | str]) -> Iterator[tuple[File, Found]]:
            """What `read` gives of each file; where it gives words, the file is at fault."""
            files = list(files)
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
        split_of = _split(folder, list(headers))
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


def _split(folder: Path, files: Sequence[File]) -> dict[File, str]:
    """File → its split, those of one split together."""
    rows: dict[str, list[int]] = {"train": []}
    for index, file in enumerate(files):
        rows.setdefault(file.split, []).append(index)
    return {files[index]: split for split, chosen in drawn(rows, str(folder)).items() for index in chosen}


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
        raise DataError(
            f"{folder}: {told[0]}, where sides are {SIDES[0]} to {SIDES[-1]}; data.image_size=32 or so scales them"
        )
    return width, height


def _told(folder: Path, faults: Mapping[str, str]) -> str:
    named = [f"{name} ({why})" for name, why in list(faults.items())[:SHOWN]]
    more = [f"{len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return f"{folder}: files that are no images for genlab: {', '.join([*named, *more])}"
