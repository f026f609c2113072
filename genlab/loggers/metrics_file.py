"""metrics.csv: a row for each logged step."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import NonNegativeInt
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from genlab.arguments import checked
from genlab.errors import RunError
from genlab.runs.atomic import write_text
from genlab.runs.metrics import FILE, read_rows

OF_THE_END = ("test/", "evaluation/")  # what is measured when training has ended


class MetricsFile(Logger):
    """Appends rows to `folder/metrics.csv`; that of a resumed run is continued.

    Lightning's CSVLogger deletes a file that it finds, keeps all rows in memory and writes all of them each time.

    Args:
        folder: of the run.
        purge_step: of a resumed run: rows of this step and later ones are dropped, as are all rows of the test and the
            evaluation, which belonged to the end of the run.

    Raises:
        RunError: the file of a resumed run is damaged.
    """

    @checked
    def __init__(self, folder: str, purge_step: NonNegativeInt | None = None) -> None:
        super().__init__()
        self.path = Path(folder) / FILE
        self._kept = [] if purge_step is None else self._before(purge_step)
        self._columns: list[str] = []  # none until the file has been begun

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if not self._columns:
            self._write(self._kept, list(dict.fromkeys(["step", *(name for row in self._kept for name in row)])))
        row = {"step": step, **{name: float(value) for name, value in metrics.items()}}
        if new := sorted(row.keys() - set(self._columns)):
            self._write(self._read(), self._columns + new)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            file.write(self._format([row]))

    def _before(self, step: int) -> list[dict[str, str]]:
        """The rows of a resumed run that stay, without their empty cells."""
        try:
            before = [{name: cell for name, cell in row.items() if cell} for row in self._read()]
            return [row for row in before if int(row["step"]) < step and not any(n.startswith(OF_THE_END) for n in row)]
        except (ValueError, KeyError) as error:
            raise RunError(f"{self.path}: damaged ({error}); restore it from a copy, or delete it") from None

    def _read(self) -> list[dict[str, str]]:
        names, *rows = [*read_rows(self.path.parent)] or [[]]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _write(self, rows: Sequence[Mapping[str, Any]], columns: list[str]) -> None:
        self._columns = columns
        write_text(self.path, ",".join(columns) + "\n" + self._format(rows))

    def _format(self, rows: Sequence[Mapping[str, Any]]) -> str:
        text = io.StringIO()
        csv.DictWriter(text, self._columns, lineterminator="\n").writerows(rows)
        return text.getvalue()
