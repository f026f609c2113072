"""Files that are there whole or not at all."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LEFTOVER = re.compile(r"\.\w+\.(ckpt|json|yaml|png|csv)\.\w{8}")  # tempfile's eight characters


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file beside the target, which takes its place, flushed to the disk, when the block ends without an error.

    A reader, and a process that dies at any moment, never sees half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete the half-written files of a process that was killed in `whole_file`; call it where nobody writes now."""
    for path in folder.rglob(".*"):
        if LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """A whole UTF-8 file."""
    with whole_file(path) as file:
        file.write(text.encode())
