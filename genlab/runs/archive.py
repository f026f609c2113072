"""A checkpoint may come from a stranger: it takes no more time and memory than a file of its size should."""

import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any

LARGEST = 20_000_000  # bytes of the pickle, without the tensors; genlab's own have 30,000
MOST = 1_000_000  # values, and characters of text, each time that they are met; genlab's own have some thousands


def check_archive(path: Path) -> None:
    """Raise UnpicklingError, before anything is unpacked, unless a file is what `torch.save` writes.

    Its archive is not compressed, its files share no bytes, it is none of TorchScript or of a machine with another
    order of bytes, and no tuple of its pickle, whose hash may be asked for, is larger than `MOST`: thirty tuples of the
    one before twice have a billion values.
    """
    with path.open("rb") as opened:
        if opened.read(2) != b"PK":  # torch would read it as its older format
            raise pickle.UnpicklingError("no archive")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        named = {entry.filename.rpartition("/")[2]: entry for entry in entries}
        pickles = [entry for entry in entries if entry.filename.endswith(".pkl")]
        if (
            any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            or sum(entry.file_size for entry in entries) > path.stat().st_size
            or any(entry.file_size > LARGEST for entry in pickles)
            or "constants.pkl" in named
            or ("byteorder" in named and archive.read(named["byteorder"]) != b"little")
        ):
            raise pickle.UnpicklingError("not as torch.save writes it")
        for entry in pickles:
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
    """Raise UnpicklingError if a value is larger than `MOST`, each part counted as often as it is met.

    Lists and dictionaries can hold themselves.
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
