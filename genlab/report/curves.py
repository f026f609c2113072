"""metrics.csv and times.csv: quantities over batches, and what a batch is in epochs and in seconds."""

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genlab.errors import RunError
from genlab.report.plain_values import number, text
from genlab.runs.metrics import read_rows, read_times

Points = list[tuple[float, float]]

MOST_EPOCHS = 1e9


@dataclass(frozen=True)
class Curves:
    """The curves of one run.

    Attributes:
        values: tag, as `val/elbo` → points (step, value), in the order of the steps; what is not finite is left out.
        steps_per_epoch: None where no epoch has ended.
        times: (step, seconds of training), from (0, 0) on; empty where they were not recorded.
        fault: why metrics.csv was not read, or not to its end.
    """

    values: dict[str, Points] = field(default_factory=dict)
    steps_per_epoch: float | None = None
    times: Points = field(default_factory=list)
    fault: str = ""

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
    return Curves(values, _steps_per_epoch(ends, folder), _times(folder), fault)


def _times(folder: Path) -> Points:
    """(step, seconds) from (0, 0) on; none, where a number is beyond any measure."""
    points = [(number(step), number(seconds)) for _, step, seconds in read_times(folder / "times.csv")]
    known = [(step, seconds) for step, seconds in points if step is not None and seconds is not None]
    return [(0.0, 0.0), *known] if known and len(known) == len(points) else []


def _read_rows(rows: Iterator[list[str]], values: dict[str, Points], ends: dict[int, float]) -> None:
    names: list[str] = next(rows, [])
    if "step" not in names:
        return
    step_column, epoch_column = names.index("step"), names.index("epoch") if "epoch" in names else None
    tags = [(column, tag, values.setdefault(tag, [])) for column, tag in enumerate(names) if "/" in tag]
    for row in rows:
        step = _finite(row[step_column])
        if step is None or step < 0:
            continue
        tested = validated = False
        for column, tag, points in tags:
            cell = row[column]
            value = _finite(cell) if cell else None
            if value is not None:
                points.append((step, value))
            tested |= bool(cell) and tag.startswith("test/")
            validated |= bool(cell) and tag.startswith("val/")
        epoch = _finite(row[epoch_column]) if epoch_column is not None else None
        if validated and not tested and epoch is not None and 0 <= epoch < MOST_EPOCHS:
            ends[int(epoch)] = step


def _steps_per_epoch(ends: dict[int, float], folder: Path) -> float | None:
    """By the epochs that were validated, or else timed; what was seen of an epoch that has not ended is too few."""
    if not ends:
        ends = {
            epoch: number(step) or 0.0 for epoch, step, _ in read_times(folder / "times.csv") if epoch < MOST_EPOCHS
        }
    return max((step / (epoch + 1) for epoch, step in ends.items()), default=0.0) or None


def _finite(cell: str) -> float | None:
    try:
        return number(float(cell))
    except ValueError:
        return None
