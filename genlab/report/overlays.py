"""Curves of groups of runs, laid over one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genlab.report.charts import COLOURS, EPOCHS, GREY, STYLES, Chart, Series, line_chart
from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun

Kind = tuple[str, str, str]  # quantity, data, protocol
Members = list[tuple[Group, ReportedRun]]

LONGEST_LABEL = 40  # characters, of what stands along the y axis
POINTS = 8000  # of all lines of a chart; a line has 20 at least
UNKNOWN = "protocol not recorded, because no run of it has finished"


@dataclass(frozen=True)
class Overlay:
    """One quantity of several runs, against epochs and against seconds of training.

    Attributes:
        quantity: as `elbo`.
        protocol: how it is measured, where there is more than one.
        charts: over epochs; over seconds, where these were recorded.
        without_seconds: names of the runs that have no recorded seconds.
    """

    quantity: str
    protocol: str
    charts: list[Chart]
    without_seconds: list[str] = field(default_factory=list)


def styles_of(groups: Sequence[Group]) -> dict[Group, int]:
    """A style for each group, the same in all charts: a colour, and later such a colour of its own model, dashed.

    Two models never share a colour, unless there are more models than colours. What is left is grey.

    Args:
        groups: those that should have a colour first.
    """
    styles: dict[Group, int] = {}
    dashed: dict[str, list[int]] = {}
    for group in groups:
        if len(styles) < COLOURS:
            styles[group] = len(styles)
            dashed.setdefault(group.model, []).append(len(styles) - 1 + COLOURS)
        else:
            own = dashed.get(group.model)
            styles[group] = own.pop(0) if own else GREY
    return styles


def overlays(groups: Sequence[Group], styles: Mapping[Group, int]) -> list[Overlay]:
    """A pair of charts for the headline of each model, and for each protocol that it was measured by."""
    by_kind: dict[Kind, Members] = {}
    for group in groups:
        for run in group.runs:
            for quantity in dict.fromkeys([(run.listed.headline or "").rpartition("/")[2], run.sample_score]):
                if run.curves.values.get(f"val/{quantity}"):
                    kind = (quantity, group.data, _protocol(group, run, f"val/{quantity}"))
                    by_kind.setdefault(kind, []).append((group, run))
    pairs = []
    for (quantity, data, protocol), members in by_kind.items():
        several = sum(name == quantity for name, _, _ in by_kind) > 1
        words = f"{data}; {protocol}" if several else ""
        pairs.append(_overlay(quantity, words, members, styles))
    return [pair for pair in pairs if pair.charts]


def _protocol(group: Group, run: ReportedRun, tag: str) -> str:
    """A run that has not finished has recorded none: it is taken to have that of the others of its group."""
    known = {protocol for one in group.runs if (protocol := one.listed.protocol.get(tag))}
    return run.listed.protocol.get(tag) or (known.pop() if len(known) == 1 else UNKNOWN)


def _overlay(quantity: str, protocol: str, members: Members, styles: Mapping[Group, int]) -> Overlay:
    shown_as = members[0][1].quantity(quantity)
    members = sorted(members, key=lambda member: styles[member[0]] % (STYLES + 1))  # grey ones last, so behind
    tag, most = f"val/{quantity}", max(20, min(200, POINTS // len(members)))
    words = shown_as.label or quantity
    if len(words) > LONGEST_LABEL:
        words = f"{quantity}, {shown_as.better} is better" if shown_as.better else quantity
    charts = []
    for axis in (EPOCHS, "seconds of training"):
        seen: set[Group] = set()
        series = []
        for group, run in members:
            points = run.curves.over_epochs(tag) if axis == EPOCHS else run.curves.over_seconds(tag)
            if points:
                series.append(Series(group.label, points, styles[group], in_legend=group not in seen))
                seen.add(group)
        chart = line_chart(
            f"{shown_as.chart_title} over {axis}",
            series,
            axis,
            words,
            marks=shown_as.marks,
            most_points=most,
        )
        if chart:
            charts.append(chart)
    return Overlay(quantity, protocol, charts, [run.name for _, run in members if not run.curves.over_seconds(tag)])
