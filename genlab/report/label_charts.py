"""Charts of a conditional model: what was asked and what was drawn, and scores by class."""

from collections.abc import Sequence

from genlab.report.charts import Chart, bar_chart
from genlab.report.reading import ReportedRun
from genlab.report.run_charts import MOST_CLASSES
from genlab.report.svg import box, drawing, element, labels, words

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
    parts = [element("rect", class_="frame", x=LEFT, y=TOP, width=SIDE, height=SIDE)]
    for asked, row in enumerate(counts):
        middle = TOP + (asked + 0.5) * cell + 4
        parts.append(words("tick", LEFT - 8, middle, str(asked), "end"))
        parts.append(words("tick", LEFT + (asked + 0.5) * cell, TOP + SIDE + 16, str(asked)))
        for drawn, count in enumerate(row):
            if not count:
                continue
            share = count / sum(row)
            said = f"asked for {asked}, drawn {drawn}: {count:,.0f}, {share:.1%}"
            place, shade = (LEFT + drawn * cell, TOP + asked * cell), f"{FAINTEST + 0.7 * share:.3f}"
            parts.append(box(f"b s{int(asked != drawn)}", place, (cell, cell), said, fill_opacity=shade))
            if len(counts) <= WITH_NUMBERS and 100 * share >= NOTED:
                parts.append(words("note", LEFT + (drawn + 0.5) * cell, middle, f"{100 * share:.0f}"))
    frame = (LEFT, TOP, LEFT + SIDE, TOP + SIDE)
    parts.append(labels(frame, "taken for, per cent of a row", "asked for"))
    return Chart(title, drawing("bars", title, LEFT + SIDE + 8, TOP + SIDE + BOTTOM, *parts))
