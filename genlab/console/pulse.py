"""A sign of life where no progress bar moves: how far something is, each half minute."""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import TypeVar

from genlab.console.readable import duration

EVERY = 30.0  # seconds
T = TypeVar("T")


class Pulse:
    """Says when a line is due, and how long the rest will take at the pace since the line before."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._before: tuple[float, int] | None = None

    def restart(self) -> None:
        """Something else begins."""
        self._before = None

    def line(self, done: int, total: int) -> str | None:
        """`120/860   4 min left`, or None where the line before is less than half a minute old."""
        now = self._clock()
        then, before = self._before = self._before or (now, done)
        if now - then < EVERY:
            return None
        self._before = now, done
        return f"{done}/{total}   {duration((now - then) / (done - before) * (total - done))} left"

    def track(self, sequence: Sequence[T], *, description: str) -> Iterator[T]:
        """The items of a sequence; prints lines between them. A `Track` of `genlab.evaluation.settings`."""
        self.restart()
        for done, item in enumerate(sequence):
            line = self.line(done, len(sequence))
            if line:
                print(f"{description}   {line}", flush=True)
            yield item
