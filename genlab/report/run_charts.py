"""The charts of one run: its curves, and what an evaluation has found, of a conditional model by class too."""

from collections.abc import Sequence

from genlab.quantities import in_order
from genlab.report.charts import EPOCHS, Chart, Series, bar_chart, line_chart
from genlab.report.evaluation import points_of
from genlab.report.reading import ReportedRun
from genlab.report.svg import box, drawing, element, labels, words

SPLITS = {"val": "validation", "train": "training"}
MOST_CLASSES = 30  # in a chart
LEFT, TOP, SIDE, BOTTOM = 46, 8, 400, 42  # of the matrix
WITH_NUMBERS = 12  # classes whose cells have room for a number
FAINTEST = 0.05  # of what came at all
NOTED = 0.5  # per cent: rarer confusions have a colour only


def training_charts(run: ReportedRun) -> list[Chart]:
    """Each quantity over epochs, training and validation together, and the model's first one over seconds."""
    tags = [tag for tag in run.curves.values if tag.startswith(("val/", "train/"))]
    named = in_order({tag.partition("/")[2] for tag in tags if not (tag.endswith("/loss") and _repeats(run, tag))})
    charts = []
    for name in named:
        quantity = run.quantity(name)
        if quantity.drawn_with in named:
            continue
        together = [name, *(other for other in named if run.quantity(other).drawn_with == name)]
        series = []
        for style, one in enumerate(together):
            for split, said in SPLITS.items():
                label, at = (f"{one}, {said}", style) if len(together) > 1 else (said, int(split == "train"))
                series.append(Series(label, run.curves.over_epochs(f"{split}/{one}"), at, light=split == "train"))
        title = quantity.chart_title + quantity.parts
        charts.append(line_chart(title, series, EPOCHS, quantity.label, marks=quantity.marks))
    first = run.quantity(run.listed.headline or "")
    lines = [
        Series(said, run.curves.over_seconds(f"{split}/{first.name}"), style, light=split == "train")
        for style, (split, said) in enumerate(SPLITS.items())
    ]
    axis = "seconds of training"
    charts.append(
        line_chart(f"{first.chart_title} over {axis}", lines, axis, first.label or first.name, marks=first.marks)
    )
    return [chart for chart in charts if chart]


def _repeats(run: ReportedRun, tag: str) -> bool:
    """Whether a loss is the headline again, or the headline with the other sign."""
    headline = f"{tag.partition('/')[0]}/{(run.listed.headline or '').rpartition('/')[2]}"
    sizes, others = ([(step, abs(value)) for step, value in run.curves.values.get(one, [])] for one in (tag, headline))
    return sizes == others


def evaluation_charts(run: ReportedRun) -> list[Chart]:
    """A score over what was varied, as importance samples; the classes of samples, where they are few enough."""
    evaluation = run.evaluation
    if evaluation is None:
        return []
    charts: list[Chart | None] = []
    for name, curve in evaluation.curves.items():
        points = points_of(curve)
        if len(points) < 2:
            continue
        series = [Series(name, points)]
        if len(points) < 30:
            series.append(Series(name, points, single=True, in_legend=False))
        far = points[0][0] > 0 and points[-1][0] >= 20 * points[0][0]
        charts.append(line_chart(f"{name} over {curve.x}", series, curve.x, curve.unit, x_log=far))
    most = max(map(len, evaluation.classes.values()), default=0)
    if 0 < most <= MOST_CLASSES:
        found = list(evaluation.classes.items())[:4]
        shares = [(name, [100 * count / sum(counts) for count in counts]) for name, counts in found]
        title = "Classes, as the feature network sees them"
        charts.append(bar_chart(title, [*map(str, range(most))], shares, "class", "per cent"))
    for name, rows in evaluation.confusion.items():
        if len(rows) <= MOST_CLASSES and all(len(row) == len(rows) for row in rows):
            charts.append(confusion_chart(f"Asked and drawn: {name}", rows))
    for name, score in evaluation.by_class.items():
        count, better = len(score.values), f"{score.better} is better" if score.better else ""
        if 0 < count <= MOST_CLASSES and len(score.floors) == count:
            bars = [("samples", score.values), ("real images", score.floors)]
            heights = [(whose, [value or 0.0 for value in values]) for whose, values in bars]
            charts.append(bar_chart(f"{name} by class", [*map(str, range(count))], heights, "class", better))
    return [chart for chart in charts if chart]


def confusion_chart(title: str, counts: Sequence[Sequence[float]]) -> Chart:
    """A row for each class that was asked for, and in it a column for each that was drawn, darker the larger its share.

    `counts` are (classes, classes), of samples.
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
