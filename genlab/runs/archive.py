"""A checkpoint may come from a stranger: it takes no more time and memory than a file of its size should."""

import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any

LARGEST = 20_000_000  # bytes of the pickle, without the tensors; genlab's own have 30,000
MOST = 1_000_000  # values, and characters of text, each time that they are met; genlab's own have some thousands


def check_archive(path: Path) -> None:
    """Check, before anything is unpacked, that a file is what `torch.save` writes.

    Its archive is not compressed, and no tuple of its pickle, whose hash may be asked for, is larger than `MOST`:
    thirty tuples of the one before twice have a billion values.

    Raises:
        UnpicklingError: it is not; OSError: it cannot be read.
    """
    with path.open("rb") as opened:
        if opened.read(2) != b"PK":
            raise pickle.UnpicklingError("no archive")
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename.rpartition("/")[2]: entry for entry in archive.infolist()}
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise pickle.UnpicklingError("compressed")
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise pickle.UnpicklingError("its files share their bytes")
        if "constants.pkl" in entries or ("byteorder" in entries and archive.read(entries["byteorder"]) != b"little"):
            raise pickle.UnpicklingError("of TorchScript, or of a machine with another order of bytes")
        for entry in archive.infolist():
            if entry.filename.endswith(".pkl"):
                if entry.file_size > LARGEST:
                    raise pickle.UnpicklingError("its pickle is too large")
                _check_pickle(archive.read(entry))


def _check_pickle(data: bytes) -> None:
    """Add up the sizes of nested values as they would be made, by what each opcode takes from the stack."""
    mark = pickletools.markobject
    stack: list[int] = []  # sizes; 0 is a mark
    memo: dict[Any, int] = {}
    for opcode, argument, _ in pickletools.genops(data):
        taken, size = opcode.stack_before, 1
        if mark in taken:
            while item := stack.pop():
                size += item
            taken = taken[: taken.index(mark)]
        size += sum(stack.pop() for _ in taken)
        if size > MOST:
            raise pickle.UnpicklingError("its values are nested in one another many times")
        if "PUT" in opcode.name or opcode.name == "MEMOIZE":
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif "GET" in opcode.name:
            stack.append(memo[argument])
        else:
            stack += [0 if item is mark else size for item in opcode.stack_after]


def check_size(value: Any) -> None:
    """Check that values are bounded, each counted as often as it is met: lists and dictionaries can hold themselves.

    Raises:
        UnpicklingError: it is larger than `MOST`.
    """
    met, left = 0, [value]
    while left:
        item = left.pop()
        met += len(item) if isinstance(item, str | bytes) else 1
        if isinstance(item, dict):
            left += item.keys()
            left += item.values()
        elif isinstance(item, list | tuple | set | frozenset):
            left += item
        if met + len(left) > MOST:
            raise pickle.UnpicklingError("its values are nested in one another many times")
