"""What evaluations of the network buy: the quality of samples of all families over how many an image takes."""

from collections.abc import Mapping, Sequence

from genlab.evaluation.scores import EVALUATIONS
from genlab.quantities import is_sample_score, quantity
from genlab.report.charts import Chart, Points, Series, line_chart
from genlab.report.grouping import Group
from genlab.report.trade_offs import TradeOff

Kind = tuple[str, str, str, str]  # score, data, protocol, digest of the feature network
FAR_APART = 20  # the largest score by the smallest, from which on the axis is logarithmic


def quality_over_evaluations(groups: Sequence[Group], styles: Mapping[Group, int]) -> list[TradeOff]:
    """One chart for each set of curves that may be compared, where the samples of some run take steps.

    A run whose samples always take as many evaluations is a point.
    """
    kinds: dict[Kind, dict[Group, list[Points]]] = {}
    for group in groups:
        for run in group.finished:
            for name, curve in run.evaluation.curves.items() if run.evaluation else ():
                points = [(point.x, point.value) for point in curve.points if point.value is not None]
                if run.evaluation and curve.x == EVALUATIONS and is_sample_score(name) and points:
                    kind = (name, group.data, curve.protocol, run.evaluation.features.sha256)
                    kinds.setdefault(kind, {}).setdefault(group, []).append(points)
    found = []
    for (name, data, protocol, _), curves in kinds.items():
        chart = _chart(name, curves, styles)
        if chart and any(len(points) > 1 for lines in curves.values() for points in lines):
            found.append(TradeOff(f"{data}; {protocol}", [chart], []))
    return found


def _chart(name: str, curves: Mapping[Group, list[Points]], styles: Mapping[Group, int]) -> Chart | None:
    series = []
    for group, lines in curves.items():
        single = all(len(points) == 1 for points in lines)
        if not single:
            series += [Series(group.label, points, styles[group], in_legend=not i) for i, points in enumerate(lines)]
        together = [point for points in lines for point in points]
        series.append(Series(group.label, together, styles[group], single=True, in_legend=single))
    scores = [score for lines in curves.values() for points in lines for _, score in points]
    return line_chart(
        f"{name} over {EVALUATIONS}",
        series,
        f"{EVALUATIONS} for one image",
        f"{name}, {quantity(name).better} is better",
        x_log=True,
        y_log=min(scores) > 0 and max(scores) > FAR_APART * min(scores),
    )
