"""The table that compares groups of runs: a column for each number and protocol."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genlab.quantities import COMPARED, COSTS, is_known, place, quantity
from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun
from genlab.report.statistics import bootstrap_interval, distinguishable
from genlab.runs.repetitions import statistic

MOST_COLUMNS = 6  # of one table
SUMMARY_SECONDS = "seconds_in_all"
OTHER_PROTOCOL = "measured by another protocol, see the other column of this name"


@dataclass(frozen=True)
class Column:
    """What stands in one column: numbers that may be compared.

    Attributes:
        name: as `test/elbo` of summary.json, or `fid_mnist` of evaluation.json.
        kind: `likelihood`, `quality` or `cost`: the table that it belongs to.
        better: `higher`, `lower` or empty.
        unit: may be empty.
        protocol: how it was measured; empty where that is not stated.
        features: digest of the feature network; empty where none is involved.
    """

    name: str
    kind: str
    better: str = ""
    unit: str = ""
    protocol: str = ""
    features: str = ""

    @property
    def ranked(self) -> bool:
        return bool(self.better and self.protocol)

    @property
    def measured(self) -> str:
        """Protocol and feature network, as a footnote."""
        words = self.protocol or "protocol not stated, so it is not ranked"
        return f"{words}; features {self.features[:12]}" if self.features else words


@dataclass(frozen=True)
class Cell:
    """A group's number in a column, or why there is none.

    Attributes:
        values: one for each finished run that has it.
        mean, sd, interval: over them; None where there is none, see `genlab.report.statistics`.
        verdict: `best`, `not distinguishable` (from the best) or empty.
        absent: the reason, where there are no values.
    """

    values: tuple[float, ...] = ()
    mean: float | None = None
    sd: float | None = None
    interval: tuple[float, float] | None = None
    verdict: str = ""
    absent: str = ""


@dataclass(frozen=True)
class Comparison:
    """Groups of one data set, and a cell for each group and column, in their orders."""

    data: str
    groups: list[Group]
    columns: list[Column]
    cells: list[list[Cell]]

    def tables(self, kind: str) -> list[tuple[list[int], list[int]]]:
        """(columns, rows) of the tables of one kind, each narrow enough for a sheet of paper.

        The quality of samples has its own for each protocol, the most used first, without the rows that were measured
        by another. Rows that were not measured at all are with the first.
        """
        columns = [index for index, column in enumerate(self.columns) if column.kind == kind]
        alike: dict[tuple[str, str], list[int]] = {}
        for at in columns:
            column = self.columns[at]
            alike.setdefault((column.protocol, column.features) if kind == "quality" else ("", ""), []).append(at)
        tables = []
        for rank, found in enumerate(sorted(alike.values(), key=self._uses, reverse=True)):
            rows = [
                row
                for row, cells in enumerate(self.cells)
                if any(cells[at].values if rank else cells[at].absent != OTHER_PROTOCOL for at in found)
            ]
            tables += [(part, rows) for part in _split(found)]
        return tables

    def _uses(self, columns: Sequence[int]) -> int:
        """Rows that have a number in any of the columns."""
        return sum(any(cells[at].values for at in columns) for cells in self.cells)


def _split(columns: Sequence[int]) -> list[list[int]]:
    """In as few parts as can be, of about the same size."""
    size = math.ceil(len(columns) / math.ceil(len(columns) / MOST_COLUMNS))
    return [list(columns[start : start + size]) for start in range(0, len(columns), size)]


def compare(groups: Sequence[Group]) -> list[Comparison]:
    """One comparison for each data set: numbers on different images do not compare."""
    comparisons = []
    for data in dict.fromkeys(group.data for group in groups):
        members = [group for group in groups if group.data == data]
        measured = [[measurements(run) for run in group.finished] for group in members]
        columns = sorted(dict.fromkeys(c for runs in measured for found in runs for c in found), key=_order)
        by_column = [_cells(column, members, measured) for column in columns]
        comparisons.append(
            Comparison(data, members, columns, [[cells[row] for cells in by_column] for row, _ in enumerate(members)])
        )
    return comparisons


def measurements(run: ReportedRun) -> dict[Column, float]:
    """The numbers of a run that are worth a column: its headline, the likelihoods, all scores, and what it cost."""
    found: dict[Column, float] = {}
    headline = (run.listed.headline or "").rpartition("/")[2]
    for name in dict.fromkeys([headline, *COMPARED]):
        value = run.listed.metrics.get(f"test/{name}")
        if value is not None:
            protocol = run.protocol.get(f"test/{name}", "")
            found[Column(f"test/{name}", "likelihood", run.quantity(name).better or "", "", protocol)] = value
    evaluation = run.evaluation
    for name, score in evaluation.scores.items() if evaluation else ():
        kind = quantity(name).kind if is_known(name) else "quality"
        if kind == "cost":  # a speed of this machine ranks no model
            continue
        digest = "" if kind == "likelihood" or evaluation is None else evaluation.features.sha256
        found[Column(name, kind, score.better or "", score.unit, score.protocol, digest)] = score.value
    for name in COSTS:
        value = training_seconds(run) if name == "training_seconds" else cost(run, name)
        if value is not None:
            found[Column(name, "cost")] = value
    if run.listed.seconds is not None:
        found[Column(SUMMARY_SECONDS, "cost")] = run.listed.seconds
    return found


def training_seconds(run: ReportedRun) -> float | None:
    """As times.csv has them; where that is missing, as the evaluation says."""
    if run.curves.times:
        return run.curves.times[-1][1]
    return cost(run, "training_seconds")


def cost(run: ReportedRun, name: str) -> float | None:
    """By the evaluation, which has some of them among the scores."""
    if run.evaluation is None:
        return None
    score = run.evaluation.scores.get(name)
    return run.evaluation.cost.get(name, None if score is None else score.value)


def _order(column: Column) -> tuple[Any, ...]:
    kinds = ("likelihood", "quality", "cost")
    return kinds.index(column.kind), place(column.name.removeprefix("test/")), column.name, column.protocol


def _cells(column: Column, groups: Sequence[Group], measured: Sequence[list[dict[Column, float]]]) -> list[Cell]:
    values = [tuple(found[column] for found in runs if column in found) for runs in measured]
    statistics = [statistic(found) for found in values]
    means = [found.mean for found in statistics]
    known = [mean for mean in means if mean is not None]
    ranked = column.ranked and len(known) > 1
    best_mean = (max if column.better == "higher" else min)(known) if ranked else None
    best = means.index(best_mean) if best_mean is not None else None
    return [
        Cell(
            values[row],
            means[row],
            statistics[row].std,
            None if column.kind == "cost" else bootstrap_interval(values[row]),
            "" if best is None else _verdict(row, best, values, len(known) - 1),
        )
        if values[row]
        else Cell(absent=_why(column, group, measured[row]))
        for row, group in enumerate(groups)
    ]


def _verdict(row: int, best: int, values: Sequence[tuple[float, ...]], comparisons: int) -> str:
    if row != best:
        return "" if distinguishable(values[row], values[best], comparisons) else "not distinguishable"
    alone = all(distinguishable(v, values[best], comparisons) for at, v in enumerate(values) if v and at != best)
    return "best" if alone else "not distinguishable"


def _why(column: Column, group: Group, measured: Sequence[dict[Column, float]]) -> str:
    """Why a group has no number in a column."""
    if not group.finished:
        return "no run of it has finished"
    if any(other.name == column.name for found in measured for other in found):
        return OTHER_PROTOCOL
    name = column.name.removeprefix("test/")
    evaluations = [run.evaluation for run in group.finished]
    for evaluation in evaluations:
        if evaluation and name in evaluation.absent:
            return evaluation.absent[name]
    if column.name.startswith("test/"):
        if any(column.name in run.listed.metrics for run in group.finished):
            return "not finite"
        return "not measured by this model"
    for evaluation in evaluations:
        if evaluation and evaluation.faults:
            return evaluation.faults[0]
    if column.name == SUMMARY_SECONDS:
        return "not recorded"
    return "its evaluation has no such number" if any(evaluations) else "not evaluated; genlab evaluate RUN_FOLDER does"
