"""The charts of one run."""

from genlab.quantities import in_order
from genlab.report.charts import EPOCHS, Chart, Series, bar_chart, line_chart
from genlab.report.evaluation import points_of
from genlab.report.reading import ReportedRun

MOST_CLASSES = 30  # in a chart


def curves_over_epochs(run: ReportedRun) -> list[Chart]:
    """A chart for each quantity, training and validation together."""
    curves = run.curves
    split_of: dict[str, list[str]] = {}
    for tag in curves.values:
        split, _, quantity = tag.partition("/")
        if split in ("train", "val") and not (quantity == "loss" and _repeats(run, tag)):
            split_of.setdefault(quantity, []).append(split)
    charts = [_quantity(run, quantity, split_of) for quantity in in_order(split_of)]
    return [chart for chart in charts if chart]


def headline_over_seconds(run: ReportedRun) -> Chart | None:
    """The model's first quantity against seconds of training, where these were recorded."""
    quantity = run.quantity(run.listed.headline or "")
    return line_chart(
        f"{quantity.chart_title} over seconds of training",
        [
            Series(split, run.curves.over_seconds(f"{tag}/{quantity.name}"), style, light=tag == "train")
            for style, (tag, split) in enumerate([("val", "validation"), ("train", "training")])
        ],
        "seconds of training",
        quantity.label or quantity.name,
        marks=quantity.marks,
    )


def evaluation_curves(run: ReportedRun) -> list[Chart]:
    """Of `genlab evaluate`: a score over what was varied, as importance samples."""
    charts = []
    for name, curve in run.evaluation.curves.items() if run.evaluation else ():
        points = points_of(curve)
        if len(points) < 2:
            continue
        many = points[0][0] > 0 and points[-1][0] >= 20 * points[0][0]
        line = Series(name, points)
        chart = line_chart(
            f"{name} over {curve.x}",
            [line, Series(name, points, single=True, in_legend=False)] if len(points) < 30 else [line],
            curve.x,
            curve.unit,
            x_log=many,
        )
        if chart:
            charts.append(chart)
    return charts


def classes_chart(run: ReportedRun) -> Chart | None:
    """Shares of the classes among samples and test images, where these are few enough for a chart."""
    found = run.evaluation.classes if run.evaluation else {}
    most = max(map(len, found.values()), default=0)
    counts = found if most <= MOST_CLASSES else {}
    shares = [(name, [100 * count / sum(found) for count in found]) for name, found in list(counts.items())[:4]]
    if not shares:
        return None
    names = [str(number) for number in range(most)]
    return bar_chart("Classes, as the feature network sees them", names, shares, "class", "per cent")


def _quantity(run: ReportedRun, name: str, split_of: dict[str, list[str]]) -> Chart | None:
    quantity = run.quantity(name)
    if quantity.drawn_with in split_of:
        return None
    together = [name, *(other for other in split_of if run.quantity(other).drawn_with == name)]
    series = []
    for style, one in enumerate(together):
        for split, words in (("val", "validation"), ("train", "training")):
            said = f"{one}, {words}" if len(together) > 1 else words
            at = style if len(together) > 1 else int(split == "train")
            series.append(Series(said, run.curves.over_epochs(f"{split}/{one}"), at, light=split == "train"))
    return line_chart(quantity.chart_title + quantity.parts, series, EPOCHS, quantity.label, marks=quantity.marks)


def _repeats(run: ReportedRun, tag: str) -> bool:
    """Whether a loss is the headline again, or the headline with the other sign."""
    split = tag.partition("/")[0]
    headline = run.curves.values.get(f"{split}/{(run.listed.headline or '').rpartition('/')[2]}", [])
    sizes, others = ([(step, abs(value)) for step, value in points] for points in (run.curves.values[tag], headline))
    return sizes == others
