"""The table that compares groups of runs: a column for each number and protocol."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genlab.evaluation.scores import Evaluation
from genlab.quantities import COMPARED, COSTS, is_known, is_sample_score, quantity
from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun
from genlab.runs.comparison import Cells, Column, Number, compare, ranking

MOST_COLUMNS = 6  # of one table
SUMMARY_SECONDS = "seconds_in_all"
NOT_FINISHED = "no run of it has finished"
NOT_EVALUATED = "not evaluated; genlab evaluate RUN_FOLDER does"
OTHER_PROTOCOL = "measured by another protocol, see the other column of this name"


@dataclass(frozen=True)
class Comparison:
    """Groups of one data set, and a cell for each column and group."""

    data: str
    groups: list[Group]
    cells: Cells[Group]

    def means(self, column: Column) -> dict[Group, float]:
        """Of the groups that have a number, the best first."""
        cells = self.cells[column]
        return {group: mean for group in ranking(column, cells) if (mean := cells[group].mean) is not None}

    def most_used(self, wanted: Callable[[str], bool]) -> list[Column]:
        """Columns with such names that have a number, those with the most groups first."""
        found = [column for column in self.cells if wanted(column.name) and self.means(column)]
        return sorted(found, key=lambda column: -len(self.means(column)))

    @property
    def sample_scores(self) -> list[Column]:
        """The Fréchet distances, by each protocol."""
        return self.most_used(is_sample_score)

    def estimators(self, column: Column) -> list[str]:
        """How the numbers of a column were estimated, each once."""
        return list(dict.fromkeys(said for cell in self.cells[column].values() for said in cell.estimators))

    def measured(self, column: Column) -> str:
        """Protocol and feature network, and the estimator that all numbers of the column share, as a footnote."""
        shared = self.estimators(column)
        return "; ".join([column.measured, *(shared if len(shared) == 1 and shared[0] else [])])

    def beside(self, column: Column, group: Group) -> list[str]:
        """How a group's numbers were estimated, unless all of the column were so."""
        several = len(self.estimators(column)) > 1
        return list(filter(None, self.cells[column][group].estimators)) if several else []

    @property
    def untested(self) -> bool:
        """Whether chance cannot be asked about some row, because it has one seed."""
        return any(cell.verdict and len(cell.values) == 1 for cells in self.cells.values() for cell in cells.values())

    def verdict(self, column: Column, group: Group) -> str:
        """Against the best, or of the best against all others; empty where one seed allows no test."""
        cells = self.cells[column]
        ranked = ranking(column, cells)
        several = [one for one in ranked if len(cells[one].values) > 1]
        if group not in several or len(several) < 2:
            return ""
        unclear = [one for one in several if one != ranked[0] and cells[one].verdict]
        return cells[group].verdict if unclear or cells[group].verdict == "best" else ""

    def floor(self, column: Column) -> float | None:
        """What real images get in the place of samples, where all that were measured so say the same."""
        runs = [run for group in self.groups for run in group.finished if column in measurements(run)]
        floors = {run.evaluation.scores[column.name].floor for run in runs if run.evaluation}
        return floors.pop() if len(floors) == 1 else None

    def tables(self, kind: str) -> list[tuple[list[Column], list[Group]]]:
        """(columns, rows) of the tables of one kind, each narrow enough for a sheet of paper.

        The quality of samples has its own for each protocol, the most used first, without the rows that were measured
        by another. Groups that were not measured at all are with the first; those that have not finished are in none.
        """
        alike: dict[tuple[str, str], list[Column]] = {}
        for column in self.cells:
            if column.kind == kind:
                key = (column.protocol, column.features) if kind == "quality" else ("", "")
                alike.setdefault(key, []).append(column)
        tables: list[tuple[list[Column], list[Group]]] = []
        for columns in sorted(alike.values(), key=lambda columns: -len(self._measured(columns))):
            left_out = (OTHER_PROTOCOL, NOT_FINISHED)
            others = [g for g in self.groups if not all(self.cells[c][g].absent in left_out for c in columns)]
            rows = self._measured(columns) if tables else others
            size = math.ceil(len(columns) / math.ceil(len(columns) / MOST_COLUMNS))  # parts of about one size
            tables += [(columns[start : start + size], rows) for start in range(0, len(columns), size)]
        return tables

    def _measured(self, columns: Sequence[Column]) -> list[Group]:
        """Groups that have a number in any of the columns."""
        return [group for group in self.groups if any(self.cells[column][group].values for column in columns)]


def comparisons_of(groups: Sequence[Group]) -> list[Comparison]:
    """One comparison for each data set: numbers on different images do not compare."""
    comparisons = []
    for data in dict.fromkeys(group.data for group in groups):
        rows = {group: [measurements(run) for run in group.finished] for group in groups if group.data == data}
        names = {group: {column.name for run in runs for column in run} for group, runs in rows.items()}

        def why(group: Group, column: Column, names: dict[Group, set[str]] = names) -> str:
            return OTHER_PROTOCOL if column.name in names[group] else _why(group, column.name)

        comparisons.append(Comparison(data, list(rows), compare(rows, why)))
    return comparisons


def measurements(run: ReportedRun) -> dict[Column, Number]:
    """The numbers of a run that are worth a column: its headline, the likelihoods, all scores, and what it cost."""
    found: dict[Column, Number] = {}
    headline = (run.listed.headline or "").rpartition("/")[2]
    for tag in dict.fromkeys(f"test/{name}" for name in [headline, *COMPARED]):
        if tag in run.listed.metrics:
            column = Column(tag, "likelihood", run.quantity(tag).better or "", "", run.listed.protocol.get(tag, ""))
            found[column] = Number(run.listed.metrics[tag], run.listed.estimators.get(tag, ""))
    evaluation = run.evaluation or Evaluation()
    for name, score in evaluation.scores.items():
        kind = quantity(name).kind if is_known(name) else "quality"
        if kind != "cost":  # a speed of this machine ranks no model
            digest = "" if kind == "likelihood" else evaluation.features.sha256
            column = Column(name, kind, score.better or "", score.unit, score.protocol, digest)
            found[column] = Number(score.value, score.estimator or "")
    return found | {Column(name, "cost"): Number(value) for name, value in costs(run).items()}


def costs(run: ReportedRun) -> dict[str, float]:
    """By the run itself, where it says so; else by its evaluation, which has some among the scores."""
    evaluation = run.evaluation or Evaluation()
    known = {name: score.value for name, score in evaluation.scores.items()} | evaluation.cost
    own = {
        "training_seconds": run.curves.times[-1][1] if run.curves.times else None,
        "parameters": run.parameters,
        SUMMARY_SECONDS: run.listed.seconds,
    }
    known |= {name: value for name, value in own.items() if value is not None}
    return {name: known[name] for name in (*COSTS, SUMMARY_SECONDS) if name in known}


def _why(group: Group, name: str) -> str:
    """Why a group has no number of this name."""
    if not group.finished:
        return NOT_FINISHED
    evaluations = [run.evaluation for run in group.finished if run.evaluation]
    tested, short = name.startswith("test/"), name.removeprefix("test/")
    reasons = [evaluation.absent[short] for evaluation in evaluations if short in evaluation.absent]
    reasons += ["not measured by this model"] if tested else [f for found in evaluations for f in found.faults]
    if name == SUMMARY_SECONDS:
        reasons.append("not recorded")
    reasons.append("its evaluation has no such number" if evaluations else NOT_EVALUATED)
    return reasons[0]
