"""metrics.csv and times.csv: quantities over batches, and what a batch is in epochs and in seconds."""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genlab.errors import RunError
from genlab.report.plain_values import LARGEST, number, text
from genlab.runs.metrics import read_rows, read_times

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Curves:
    """The curves of one run."""

    # tag, as `val/elbo` → points (step, value), in the order of the steps; what is not finite is left out
    values: dict[str, Points] = field(default_factory=dict)
    steps_per_epoch: float | None = None  # None where no epoch has ended
    times: Points = field(default_factory=list)  # (step, seconds of training), from (0, 0) on; empty: not recorded
    fault: str = ""  # why metrics.csv was not read, or not to its end

    def over_epochs(self, tag: str) -> Points:
        """(epochs, value); empty where no epoch has ended."""
        if not self.steps_per_epoch:
            return []
        return [(step / self.steps_per_epoch, value) for step, value in self.values.get(tag, [])]

    def over_seconds(self, tag: str) -> Points:
        """(seconds of training, value), as far as seconds were recorded."""
        placed = [(self.seconds(step), value) for step, value in self.values.get(tag, [])]
        return [(seconds, value) for seconds, value in placed if seconds is not None]

    def seconds(self, step: float) -> float | None:
        """When training had come to this step; on a straight line between two recorded ones, None behind the last."""
        position = bisect_left(self.times, (step - 0.5, -math.inf))  # steps are whole, epochs in steps nearly so
        if position == len(self.times):
            return None
        here, there = self.times[max(0, position - 1)], self.times[position]
        share = min(1.0, (step - here[0]) / (there[0] - here[0])) if there[0] > here[0] else 1.0
        return here[1] + share * (there[1] - here[1])

    def seconds_after(self, epochs: float) -> float | None:
        """Seconds of training that so many epochs took."""
        return None if self.steps_per_epoch is None else self.seconds(epochs * self.steps_per_epoch)


def read_curves(folder: Path) -> Curves:
    """The curves of a run folder; none, if its files are missing. Of a damaged file, what comes before the damage."""
    values: dict[str, Points] = {}
    ends: dict[int, float] = {}  # epoch → the last step that was seen in it
    fault = ""
    try:
        _read_rows(read_rows(folder), values, ends)
    except RunError as error:
        fault = text(str(error))
    rows = read_times(folder / "times.csv")
    times = [(0.0, 0.0), *((float(step), seconds) for _, step, seconds in rows if max(step, seconds) <= LARGEST)]
    # of an epoch that has not ended, too little was seen
    ends = ends or {epoch: step for (epoch, _, _), (step, _) in zip(rows, times[1:], strict=False)}
    steps_per_epoch = max((step / (epoch + 1) for epoch, step in ends.items()), default=0.0)
    return Curves(values, steps_per_epoch or None, times if rows else [], fault)


def _read_rows(rows: Iterator[list[str]], values: dict[str, Points], ends: dict[int, float]) -> None:
    names = next(rows, [])
    for cells in rows:
        row = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
        step, epoch = _finite(row.get("step", "")), _finite(row.get("epoch", ""))
        if step is None or step < 0:
            continue
        for tag, cell in row.items():
            if "/" in tag and (value := _finite(cell)) is not None:
                values.setdefault(tag, []).append((step, value))
        splits = {tag.partition("/")[0] for tag in row}
        if "val" in splits and "test" not in splits and epoch is not None and epoch >= 0:
            ends[int(epoch)] = step


def _finite(cell: str) -> float | None:
    try:
        return number(float(cell))
    except ValueError:
        return None
