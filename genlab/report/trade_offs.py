"""What quality costs: a score of samples over seconds of training, over the speed of sampling, and over evaluations."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from genlab.evaluation.scores import EVALUATIONS
from genlab.quantities import is_sample_score, quantity
from genlab.report.charts import Panel, Points, Series, line_chart
from genlab.report.comparison import Comparison, costs, measurements
from genlab.report.evaluation import points_of
from genlab.report.grouping import Group
from genlab.report.wording import seconds_of, shown
from genlab.runs.comparison import Column

AXES = {"training_seconds": "seconds of training", "samples_per_second": "samples drawn a second"}
MOST_FINDINGS = 12
FAR_APART = 20  # the largest score by the smallest, from which on the axis is logarithmic


def trade_offs(comparisons: Sequence[Comparison], styles: Mapping[Group, int]) -> list[Panel]:
    """One for each set of scores that may be compared, those of the most settings first."""
    scores = [(comparison, column) for comparison in comparisons for column in comparison.sample_scores]
    panels = []
    for comparison, column in sorted(scores, key=lambda one: -len(one[0].means(one[1]))):
        ranking, floor = list(comparison.means(column)), comparison.floor(column)
        charts = [
            line_chart(
                f"{column.name} after training, over {axis}",
                [Series(group.label, _points(column, group, name), styles[group], single=True) for group in ranking],
                axis,
                f"{column.name}, {quantity(column.name).better} is better",
                x_log=True,
                marks=[] if floor is None else [(floor, "floor: training images")],
            )
            for name, axis in (AXES.items() if len(ranking) > 1 else ())
        ]
        findings = [_finding(comparison, column, group) for group in ranking[:MOST_FINDINGS]]
        protocol = "; ".join(filter(None, [comparison.data, column.protocol]))
        panels.append(Panel([chart for chart in charts if chart], [protocol], findings))
    return panels


def _points(column: Column, group: Group, name: str) -> Points:
    """(cost, score) of each run that has both."""
    scored = [(costs(run).get(name), measurements(run).get(column)) for run in group.finished]
    return [(x, score.value) for x, score in scored if x is not None and score and score.value is not None]


def _finding(comparison: Comparison, column: Column, group: Group) -> str:
    """One group: its score, and what it cost."""
    runs = [run for run in group.finished if column in measurements(run)]
    seeds = f" (mean of {len(runs)} seeds)" if len(runs) > 1 else ""
    said = f"{group.label}: {column.name} {shown(comparison.means(column)[group])}{seeds}"
    seconds, speeds = ([x for run in runs if (x := costs(run).get(name)) is not None] for name in AXES)
    if seconds:
        said += f" after {seconds_of(fmean(seconds))} of training"
    if speeds:
        said += f", {shown(float(f'{fmean(speeds):.3g}'))} samples a second"
    return said + "."


def quality_over_evaluations(groups: Sequence[Group], styles: Mapping[Group, int]) -> list[Panel]:
    """What evaluations of the network buy: a chart for each set of curves that may be compared, where some have steps.

    A run whose samples always take as many evaluations is a point.
    """
    kinds: dict[tuple[str, str, str, str], list[tuple[Group, Points]]] = {}
    for group, run in [(each, run) for each in groups for run in each.finished]:
        for name, curve in run.evaluation.curves.items() if run.evaluation else ():
            if run.evaluation and curve.x == EVALUATIONS and is_sample_score(name) and (points := points_of(curve)):
                kind = (name, group.data, curve.protocol, run.evaluation.features.sha256)
                kinds.setdefault(kind, []).append((group, points))
    panels = []
    for (name, data, protocol, _), curves in kinds.items():
        series, told = [], set()
        for group, points in curves:
            one, first = len(points) == 1, group not in told
            line = [] if one else [Series(group.label, points, styles[group], in_legend=first)]
            dots = Series(group.label, points, styles[group], single=True, in_legend=one and first)
            series += [*line, dots]
            told.add(group)
        values = [score for _, points in curves for _, score in points]
        chart = line_chart(
            f"{name} over {EVALUATIONS}",
            series,
            f"{EVALUATIONS} for one image",
            f"{name}, {quantity(name).better} is better",
            x_log=True,
            y_log=min(values) > 0 and max(values) > FAR_APART * min(values),
        )
        if chart and any(len(points) > 1 for _, points in curves):
            panels.append(Panel([chart], [f"{data}; {protocol}"]))
    return panels
