"""What quality costs: one score against seconds of training and against the speed of sampling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from genlab.quantities import quantity
from genlab.report.charts import Chart, Series, line_chart
from genlab.report.comparison import Comparison, cost, measurements
from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun
from genlab.report.wording import seconds_of, shown
from genlab.runs.comparison import Column

AXES = {"training_seconds": "seconds of training", "samples_per_second": "samples drawn a second"}
MOST_FINDINGS = 12


@dataclass(frozen=True)
class TradeOff:
    """One data set, feature network and protocol.

    Attributes:
        protocol: of the score, and the data.
        charts: as many as there are costs for.
        findings: sentences with the numbers, the best score first.
    """

    protocol: str
    charts: list[Chart]
    findings: list[str]


def trade_offs(comparisons: Sequence[Comparison], styles: Mapping[Group, int]) -> list[TradeOff]:
    """One for each set of scores that may be compared, those of the most settings first."""
    found = []
    for comparison in comparisons:
        for column in comparison.sample_scores:
            ranking = comparison.ranking(column)
            protocol = "; ".join(filter(None, [comparison.data, column.protocol]))
            charts = _charts(column, ranking, styles, comparison.floor(column)) if len(ranking) > 1 else []
            findings = [_finding(comparison, column, group) for group in ranking[:MOST_FINDINGS]]
            found.append((len(ranking), TradeOff(protocol, charts, findings)))
    return [trade for _, trade in sorted(found, key=lambda one: -one[0])]


def _charts(column: Column, ranking: Sequence[Group], styles: Mapping[Group, int], floor: float | None) -> list[Chart]:
    charts = [
        line_chart(
            f"{column.name} after training, over {axis}",
            [
                Series(group.label, _points(column, group.finished, name), styles[group], single=True)
                for group in ranking
            ],
            axis,
            f"{column.name}, {quantity(column.name).better} is better",
            x_log=True,
            marks=[] if floor is None else [(floor, "floor: training images")],
        )
        for name, axis in AXES.items()
    ]
    return [chart for chart in charts if chart]


def _points(column: Column, runs: Sequence[ReportedRun], name: str) -> list[tuple[float, float]]:
    """(cost, score) of each run that has both."""
    both = [(cost(run, name), measured[column].value) for run in runs if column in (measured := measurements(run))]
    return [(x, y) for x, y in both if x is not None and y is not None]


def _finding(comparison: Comparison, column: Column, group: Group) -> str:
    """One group: its score, and what it cost."""
    runs = [run for run in group.finished if column in measurements(run)]
    seeds = f" (mean of {len(runs)} seeds)" if len(runs) > 1 else ""
    said = f"{group.label}: {column.name} {shown(comparison.mean(column, group))}{seeds}"
    seconds, speeds = ([x for run in runs if (x := cost(run, name)) is not None] for name in AXES)
    if seconds:
        said += f" after {seconds_of(fmean(seconds))} of training"
    if speeds:
        said += f", {shown(float(f'{fmean(speeds):.3g}'))} samples a second"
    return said + "."
