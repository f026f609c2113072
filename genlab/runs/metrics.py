"""metrics.csv: its one reader."""

import csv
from collections.abc import Iterator
from pathlib import Path

from genlab.errors import RunError

FILE = "metrics.csv"
LARGEST = 100_000_000  # bytes; a run of 40 epochs has 60,000


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
