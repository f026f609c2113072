"""times.csv: the seconds of training that had passed at each checkpoint."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from genlab.errors import RunError
from genlab.runs.atomic import write_text
from genlab.runs.trust import read_text

Times = list[tuple[int, int, float]]  # epoch, step, seconds

FILE = "times.csv"
COLUMNS = ("epoch", "step", "seconds")
LARGEST = 10_000_000  # bytes; a row has 20


def write_times(path: Path, rows: Sequence[tuple[int, int, float]]) -> None:
    """The whole file."""
    lines = [",".join(map(str, row)) for row in [COLUMNS, *rows]]
    write_text(path, "\n".join(lines) + "\n")


def read_times(path: Path) -> Times:
    """The rows, by step; none, if there is no such file or it is damaged: steps and seconds never fall."""
    if path.is_symlink():
        return []
    try:
        table = csv.DictReader(read_text(path, LARGEST).splitlines())
        rows = [(int(row["epoch"]), int(row["step"]), float(row["seconds"])) for row in table]
    except (RunError, ValueError, KeyError, TypeError, csv.Error):
        return []
    rise = all(list(column) == sorted(column) and column[0] >= 0 for column in zip(*rows, strict=True))
    return rows if rise and all(math.isfinite(seconds) for *_, seconds in rows) else []
