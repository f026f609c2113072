"""What quality costs: one score against seconds of training and against the speed of sampling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from genlab.evaluation.scores import Score
from genlab.quantities import quantity
from genlab.report.charts import Chart, Series, line_chart
from genlab.report.comparison import cost, training_seconds
from genlab.report.grouping import Group
from genlab.report.overlays import styles_of
from genlab.report.reading import ReportedRun
from genlab.report.wording import seconds_of, shown

AXES = ("seconds of training", "samples drawn a second")
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


@dataclass(frozen=True)
class _Scored:
    group: Group
    run: ReportedRun
    score: Score

    @property
    def seconds(self) -> float | None:
        """Of training."""
        return training_seconds(self.run)

    @property
    def speed(self) -> float | None:
        """Samples a second."""
        return cost(self.run, "samples_per_second")


def trade_offs(groups: Sequence[Group], order: Sequence[Group]) -> list[TradeOff]:
    """One for each set of scores that may be compared.

    Args:
        groups: whose finished and evaluated runs count.
        order: see `genlab.report.overlays.overlays`.
    """
    kinds: dict[tuple[str, str, str, str], list[_Scored]] = {}
    for group in groups:
        for run in group.finished:
            score = run.evaluation.scores.get(run.sample_score) if run.evaluation else None
            if run.evaluation and score:
                kind = (group.data, run.sample_score, run.evaluation.features.sha256, score.protocol)
                kinds.setdefault(kind, []).append(_Scored(group, run, score))
    styles = styles_of(order)
    by_size = sorted(kinds.items(), key=lambda kind: -len({id(scored.group) for scored in kind[1]}))
    return [
        TradeOff("; ".join(filter(None, [data, protocol])), _charts(members, styles), _findings(members))
        for (data, _, _, protocol), members in by_size
    ]


def _charts(members: Sequence[_Scored], styles: dict[int, int]) -> list[Chart]:
    name = members[0].run.sample_score
    floors = {scored.score.floor for scored in members}
    floor = floors.pop() if len(floors) == 1 else None
    charts = [
        line_chart(
            f"{name} after training, over {axis}",
            _points(members, cost, styles),
            axis,
            f"{name}, {quantity(name).better} is better",
            x_log=True,
            marks=[] if floor is None else [(floor, "floor: training images")],
        )
        for axis, cost in zip(AXES, (lambda s: s.seconds, lambda s: s.speed), strict=True)
    ]
    several = len({id(scored.group) for scored in members}) > 1  # of one, the sentence says as much
    return [chart for chart in charts if chart and several]


def _points(
    members: Sequence[_Scored], cost: Callable[[_Scored], float | None], styles: dict[int, int]
) -> list[Series]:
    series: dict[int, Series] = {}
    for scored in members:
        at = cost(scored)
        if at is not None:
            name, style = scored.group.label, styles[id(scored.group)]
            series.setdefault(id(scored.group), Series(name, [], style, single=True)).points.append(
                (at, scored.score.value)
            )
    return list(series.values())


def _findings(members: Sequence[_Scored]) -> list[str]:
    by_group: dict[int, list[_Scored]] = {}
    for scored in members:
        by_group.setdefault(id(scored.group), []).append(scored)
    found = sorted(by_group.values(), key=lambda runs: fmean([scored.score.value for scored in runs]))
    return [_finding(runs, found) for runs in found[:MOST_FINDINGS]]


def _finding(runs: Sequence[_Scored], all_groups: Sequence[Sequence[_Scored]]) -> str:
    """One group: its score, what it cost, and when its curve passed the best that others came to."""
    seeds = f" (mean of {len(runs)} seeds)" if len(runs) > 1 else ""
    name = runs[0].run.sample_score
    said = f"{runs[0].group.label}: {name} {shown(fmean([scored.score.value for scored in runs]))}{seeds}"
    seconds = [scored.seconds for scored in runs if scored.seconds is not None]
    speeds = [scored.speed for scored in runs if scored.speed is not None]
    if seconds:
        said += f" after {seconds_of(fmean(seconds))} of training"
    if speeds:
        said += f", {shown(float(f'{fmean(speeds):.3g}'))} samples a second"
    for other in all_groups:
        if other is not runs and len(all_groups) == 2:  # of more, the table of milestones is clearer
            said += _passing(runs[0], other[0])
    return said + "."


def _passing(one: _Scored, other: _Scored) -> str:
    """When the score in training first was as good as the best that another run reached in its training."""
    tag = f"val/{one.run.sample_score}"
    theirs = [value for _, value in other.run.curves.over_seconds(tag)]
    mine = one.run.curves.over_seconds(tag)
    if not mine or not theirs or one.run.protocol.get(tag) != other.run.protocol.get(tag):
        return ""
    goal = min(theirs)
    at = next((seconds for seconds, value in mine if value <= goal), None)
    reached = "was never reached" if at is None else f"was reached after {seconds_of(at)}"
    return f"; in training (seed {one.run.listed.seed}) the best {tag} of {other.group.label}, {shown(goal)}, {reached}"
