"""metrics.csv and times.csv, the seconds of training that had passed at each checkpoint: their one reader."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from genlab.errors import RunError
from genlab.runs.atomic import write_text
from genlab.runs.trust import read_text

Times = list[tuple[int, int, float]]  # epoch, step, seconds

FILE, TIMES = "metrics.csv", "times.csv"
LARGEST, LARGEST_TIMES = 100_000_000, 10_000_000  # bytes; a run of 40 epochs has 60,000 and 800
COLUMNS = ("epoch", "step", "seconds")  # of times.csv


def read_rows(folder: Path) -> Iterator[list[str]]:
    """Yield the names of the columns, then the cells of each row, as text; nothing where there is no file.

    A last line without its end, which a kill has cut, does not count. RunError if the file is damaged, or larger than
    `LARGEST`; the rows before the damage have been yielded.
    """
    path = folder / FILE
    try:
        if path.is_symlink() or not path.is_file():
            return
        if path.stat().st_size > LARGEST:
            raise RunError(f"{path}: larger than {LARGEST // 1_000_000} MB; move it away")
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(line for line in file if line.endswith("\n"))
            columns: list[str] = []
            for row in rows:
                columns = columns or row
                if len(row) != len(columns):
                    raise ValueError(f"line {rows.line_num} has {len(row)} cells instead of {len(columns)}")
                yield row
    except (OSError, ValueError, csv.Error) as error:
        raise RunError(f"{path}: damaged ({error}); restore it from a copy, or delete it") from None


def write_times(path: Path, rows: Sequence[tuple[int, int, float]]) -> None:
    """The whole file."""
    lines = [",".join(map(str, row)) for row in [COLUMNS, *rows]]
    write_text(path, "\n".join(lines) + "\n")


def read_times(path: Path) -> Times:
    """The rows, by step; none, if there is no such file or it is damaged: steps and seconds never fall."""
    if path.is_symlink():
        return []
    try:
        table = csv.DictReader(read_text(path, LARGEST_TIMES).splitlines())
        rows = [(int(row["epoch"]), int(row["step"]), float(row["seconds"])) for row in table]
    except (RunError, ValueError, KeyError, TypeError, csv.Error):
        return []
    rise = all(list(column) == sorted(column) and column[0] >= 0 for column in zip(*rows, strict=True))
    return rows if rise and all(math.isfinite(seconds) for *_, seconds in rows) else []
