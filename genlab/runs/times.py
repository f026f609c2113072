"""times.csv: the seconds of training that had passed at each checkpoint."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from genlab.runs.atomic import write_text

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
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return []
        table = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        rows = [(int(row["epoch"]), int(row["step"]), float(row["seconds"])) for row in table]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []
    before = (0, 0, 0.0)
    for row in rows:
        if not math.isfinite(row[2]) or any(here < there for here, there in zip(row, before, strict=True)):
            return []
        before = row
    return rows
