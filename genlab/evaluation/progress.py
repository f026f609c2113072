"""How long work says how far it is."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Gives a sequence's items out one by one, and shows how many are done; such is `rich.progress.Progress.track`."""

    def __call__(self, sequence: Sequence[T], *, description: str) -> Iterable[T]: ...


def silently(sequence: Sequence[T], *, description: str) -> Iterable[T]:
    """A `Track` that shows nothing."""
    return sequence
