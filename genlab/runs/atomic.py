"""Files that are there whole or not at all."""

import json
import math
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

LEFTOVER = re.compile(r"\.\w+\.(ckpt|json|yaml|png|csv|safetensors)\.\w{8}")  # eight characters that nobody else has


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file beside the target, which takes its place, flushed to the disk, when the block ends without an error.

    A reader, and a process that dies at any moment, never sees half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete the half-written files of a process that was killed in `whole_file`; call it where nobody writes now."""
    for parent, _, files in os.walk(folder):
        for name in filter(LEFTOVER.fullmatch, files):
            Path(parent, name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """A whole UTF-8 file."""
    with whole_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, values: Any) -> None:
    """A whole file of JSON, which has no NaN and no infinity: null stands in their place."""
    write_text(path, json.dumps(_finite(values), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
