"""Rows of runs × numbers that compare: mean and spread over seeds, whether they differ, and the best of each column.

The table at the end of a sweep and the report's comparison are both made of this.
"""

import statistics
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from genlab.quantities import KINDS, place

Row = TypeVar("Row", bound=Hashable)

UNCLEAR = "not distinguishable"
LEVEL = 0.05


@dataclass(frozen=True)
class Column:
    """What stands in one column: numbers that may be compared."""

    name: str  # as `test/elbo` of summary.json, or `fid_mnist` of evaluation.json
    kind: str = "likelihood"  # of the quantity, see `genlab.quantities`
    better: str = ""  # `higher`, `lower` or empty
    unit: str = ""
    protocol: str = ""  # what must be equal, as the images and their binarization; empty where it is not stated
    features: str = ""  # digest of the feature network; empty where none is involved

    @property
    def ranked(self) -> bool:
        return bool(self.better and self.protocol)

    @property
    def measured(self) -> str:
        """Protocol and feature network, as a footnote."""
        words = self.protocol or "protocol not stated, so it is not ranked"
        return f"{words}; features {self.features[:12]}" if self.features else words


@dataclass(frozen=True)
class Number:
    """A run's value in a column, None if it is not finite, and how it was estimated, see `genlab.evaluation.scores`."""

    value: float | None
    estimator: str = ""


@dataclass(frozen=True)
class Cell:
    """A row's numbers in a column, or why there are none."""

    values: tuple[float, ...] = ()  # one for each run that has it
    estimators: tuple[str, ...] = ()  # of these, each once
    verdict: str = ""  # `best`, `not distinguishable` (from the best) or empty
    absent: str = ""  # the reason, where there are no values

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """Sample standard deviation, with n − 1 in the denominator; None of fewer than two values."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return bootstrap_interval(self.values)


Measured = Mapping[Column, Number]
Cells = dict[Column, dict[Row, Cell]]


def compare(rows: Mapping[Row, Sequence[Measured]], why: Callable[[Row, Column], str] = lambda *_: "") -> Cells[Row]:
    """Column → row → cell, in the order of the quantities; `why` tells why a row has nothing in a column."""
    columns = dict.fromkeys(column for runs in rows.values() for run in runs for column in run)
    return {column: _judged(column, _cells(column, rows, why)) for column in sorted(columns, key=_order)}


def ranking(column: Column, cells: Mapping[Row, Cell]) -> list[Row]:
    """The rows that have a number, the best first."""
    means = {row: cell.mean for row, cell in cells.items() if cell.mean is not None}
    return sorted(means, key=means.__getitem__, reverse=column.better == "higher")


def _order(column: Column) -> tuple[Any, ...]:
    return KINDS.index(column.kind), place(column.name.removeprefix("test/")), column.name, column.protocol


def _cells(
    column: Column, rows: Mapping[Row, Sequence[Measured]], why: Callable[[Row, Column], str]
) -> dict[Row, Cell]:
    cells = {}
    for row, runs in rows.items():
        found = [run[column] for run in runs if column in run]
        values = tuple(number.value for number in found if number.value is not None)
        if not found:
            cells[row] = Cell(absent=why(row, column))
        elif len(values) < len(found):  # a mean of the others would hide it
            which = f" with {len(found) - len(values)} of {len(found)} seeds" if values else ""
            cells[row] = Cell(absent=f"not finite{which}")
        else:
            cells[row] = Cell(values, tuple(dict.fromkeys(number.estimator for number in found)))
    return cells


def _judged(column: Column, cells: dict[Row, Cell]) -> dict[Row, Cell]:
    """The same with their verdicts, where the column ranks."""
    found = ranking(column, cells)
    if not column.ranked or len(found) < 2:
        return cells
    best, *others = found
    differs = {row: distinguishable(cells[row].values, cells[best].values, len(others)) for row in others}
    verdicts = {best: "best" if all(differs.values()) else UNCLEAR}
    verdicts |= {row: "" if far else UNCLEAR for row, far in differs.items()}
    return {row: replace(cell, verdict=verdicts.get(row, "")) for row, cell in cells.items()}


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % percentile interval of the mean over resamples (Efron & Tibshirani 1993, chapter 13); None for one number.

    It never leaves the range of the values, so that of fewer than six it covers less than 95 %: 50 % of two values,
    75 % of three at most. The same values have the same interval.
    """
    if len(values) < 2:
        return None
    import numpy as np  # here, and scipy below: a second, and not each sweep has repetitions
    from scipy.stats import bootstrap

    found = bootstrap(
        *((values,), np.mean), confidence_level=1 - LEVEL, n_resamples=10_000, method="percentile", random_state=0
    ).confidence_interval
    return float(found.low), float(found.high)


def distinguishable(one: Sequence[float], other: Sequence[float], comparisons: int = 1) -> bool:
    """Whether two sets of seeds have different means, at 5 %, by Welch's t-test; never with one seed.

    A bootstrap would call too few seeds different too often, see `bootstrap_interval`. The level is divided by the
    number of comparisons that are asked for together (Bonferroni).
    """
    if len(one) < 2 or len(other) < 2:
        return False
    if len({*one}) == len({*other}) == 1:  # no spread, of which the test would divide by zero
        return one[0] != other[0]
    from scipy.stats import ttest_ind

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of seeds that are nearly the same
        return float(ttest_ind(one, other, equal_var=False).pvalue) * comparisons < LEVEL
