"""TensorBoard's event files without their pictures, which are nearly all of their size."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tensorboard.compat.proto.event_pb2 import Event

from genlab.runs.atomic import whole_file

HEADER, FOOTER = 12, 4  # bytes: a length and its checksum; the checksum of the data


def remove_pictures(folder: Path) -> None:
    """Rewrite the event files of a run that has ended: all records stay as they are, but those with pictures.

    A file that ends in the middle of a record, or is no event file, is left alone.
    """
    for path in folder.glob("events.out.tfevents.*"):
        if path.is_file() and not path.is_symlink():
            try:
                with path.open("rb") as file:
                    kept = [record for record, event in _records(file) if not _is_picture(event)]
            except (ValueError, struct.error):
                continue
            with whole_file(path) as target:
                target.write(b"".join(kept))


def _records(file: BinaryIO) -> Iterator[tuple[bytes, Event]]:
    while header := file.read(HEADER):
        (length,) = struct.unpack_from("<Q", header)
        data, footer = file.read(length), file.read(FOOTER)
        if len(data) < length or len(footer) < FOOTER:
            raise ValueError("the file ends in the middle of a record")
        try:
            yield header + data + footer, Event.FromString(data)
        except Exception as error:  # of protobuf, whose class depends on its implementation
            raise ValueError(str(error)) from None


def _is_picture(event: Event) -> bool:
    return any(value.HasField("image") for value in event.summary.value)
