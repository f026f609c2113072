"""Curves of groups of runs, laid over one another."""

from collections.abc import Mapping, Sequence

from genlab.report.charts import COLOURS, EPOCHS, GREY, STYLES, Chart, Panel, Series, line_chart
from genlab.report.grouping import Group
from genlab.report.reading import ReportedRun

Members = list[tuple[Group, ReportedRun]]

LONGEST_LABEL = 40  # characters, of what stands along the y axis
POINTS = 8000  # of all lines of a chart; a line has 20 at least
UNKNOWN = "protocol not recorded, because no run of it has finished"


def styles_of(groups: Sequence[Group]) -> dict[Group, int]:
    """A style for each group, the same in all charts: a colour, and later such a colour of its own model, dashed.

    Two models never share a colour, unless there are more models than colours. What is left is grey. The first groups
    have a colour first.
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


def overlays(groups: Sequence[Group], styles: Mapping[Group, int]) -> list[Panel]:
    """Over epochs and over seconds, the headline of each model and the score of samples, by each protocol."""
    by_kind: dict[tuple[str, str, str], Members] = {}
    for group, run in [(each, run) for each in groups for run in each.runs]:
        for quantity in dict.fromkeys([(run.listed.headline or "").rpartition("/")[2], run.sample_score]):
            if run.curves.values.get(f"val/{quantity}"):
                kind = (quantity, group.data, _protocol(group, run, f"val/{quantity}"))
                by_kind.setdefault(kind, []).append((group, run))
    panels = []
    for (quantity, data, protocol), members in by_kind.items():
        several = sum(name == quantity for name, _, _ in by_kind) > 1
        untimed = sum(not run.curves.over_seconds(f"val/{quantity}") for _, run in members)
        notes = [f"{data}; {protocol}"] if several else []
        notes += [f"Seconds of training were not recorded by {untimed} of these runs."] if untimed else []
        panels.append(Panel(_charts(quantity, members, styles), notes, quantity=quantity))
    return [panel for panel in panels if panel.charts]


def _protocol(group: Group, run: ReportedRun, tag: str) -> str:
    """A run that has not finished has recorded none: it is taken to have that of the others of its group."""
    known = {protocol for one in group.runs if (protocol := one.listed.protocol.get(tag))}
    return run.listed.protocol.get(tag) or (known.pop() if len(known) == 1 else UNKNOWN)


def _charts(quantity: str, members: Members, styles: Mapping[Group, int]) -> list[Chart]:
    shown_as = members[0][1].quantity(quantity)
    words = shown_as.label or quantity
    if len(words) > LONGEST_LABEL:
        words = f"{quantity}, {shown_as.better} is better" if shown_as.better else quantity
    members = sorted(members, key=lambda member: styles[member[0]] % (STYLES + 1))  # grey ones last, so behind
    charts = []
    for axis in (EPOCHS, "seconds of training"):
        series: list[Series] = []
        for group, run in members:
            over = run.curves.over_epochs if axis == EPOCHS else run.curves.over_seconds
            if points := over(f"val/{quantity}"):
                new = group.label not in {one.name for one in series}
                series.append(Series(group.label, points, styles[group], in_legend=new))
        charts.append(
            line_chart(
                f"{shown_as.chart_title} over {axis}",
                series,
                axis,
                words,
                marks=shown_as.marks,
                most_points=max(20, min(200, POINTS // len(members))),
            )
        )
    return [chart for chart in charts if chart]
