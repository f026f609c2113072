"""Charts of a conditional model: what was asked and what was drawn, and scores by class."""

from collections.abc import Sequence

from markupsafe import Markup

from genlab.report.charts import Chart, bar_chart
from genlab.report.reading import ReportedRun
from genlab.report.run_charts import MOST_CLASSES

LEFT, TOP, SIDE, BOTTOM = 46, 8, 400, 42  # of the matrix
WITH_NUMBERS = 12  # classes whose cells have room for a number
FAINTEST = 0.05  # of what came at all
NOTED = 0.5  # per cent: rarer confusions have a colour only


def label_charts(run: ReportedRun) -> list[Chart]:
    """A confusion matrix for each classifier, then a chart for each score by class, where classes are few enough."""
    evaluation = run.evaluation
    if evaluation is None:
        return []
    matrices = [
        confusion_chart(f"Asked and drawn: {name}", rows)
        for name, rows in evaluation.confusion.items()
        if len(rows) <= MOST_CLASSES and all(len(row) == len(rows) for row in rows)
    ]
    charts = []
    for name, found in evaluation.by_class.items():
        series = [("samples", found.values), ("real images", found.floors)]
        classes = [str(label) for label in range(len(found.values))]
        if 0 < len(classes) <= MOST_CLASSES and len(found.floors) == len(classes):
            bars = [(whose, [value or 0.0 for value in values]) for whose, values in series]
            charts.append(
                bar_chart(
                    f"{name} by class", classes, bars, "class", f"{found.better} is better" if found.better else ""
                )
            )
    return [*matrices, *charts]


def confusion_chart(title: str, counts: Sequence[Sequence[float]]) -> Chart:
    """A row for each class that was asked for, and in it a column for each that was drawn, darker the larger its share.

    Args:
        title: above.
        counts: (classes, classes), of samples.
    """
    cell = SIDE / len(counts)
    parts = [Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(LEFT, TOP, SIDE, SIDE)]
    for asked, row in enumerate(counts):
        middle = TOP + (asked + 0.5) * cell + 4
        parts += [_text("tick", LEFT - 8, middle, asked, "end")]
        parts += [_text("tick", LEFT + (asked + 0.5) * cell, TOP + SIDE + 16, asked)]
        for drawn, count in enumerate(row):
            if not count:
                continue
            share = count / sum(row)
            said = f"asked for {asked}, drawn {drawn}: {count:,.0f}, {share:.1%}"
            box = '<rect class="b s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill-opacity="{:.3f}">'
            place = (int(asked != drawn), LEFT + drawn * cell, TOP + asked * cell, cell, cell, FAINTEST + 0.7 * share)
            parts.append(Markup(box + "<title>{}</title></rect>").format(*place, said))
            if len(counts) <= WITH_NUMBERS and 100 * share >= NOTED:
                parts.append(_text("note", LEFT + (drawn + 0.5) * cell, middle, f"{100 * share:.0f}"))
    parts.append(_text("label", LEFT + SIDE / 2, TOP + SIDE + 34, "taken for, per cent of a row"))
    turned = Markup(' transform="rotate(-90 13 {})"').format(TOP + SIDE / 2)
    parts.append(_text("label", 13, TOP + SIDE / 2, "asked for", more=turned))
    svg = Markup('<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        LEFT + SIDE + 8, TOP + SIDE + BOTTOM, title, Markup("").join(parts)
    )
    return Chart(title, svg)


def _text(kind: str, x: float, y: float, said: object, anchor: str = "middle", more: str = "") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>').format(
        kind, x, y, anchor, more, said
    )
