"""Charts as inline SVG: their colours are the page's, their texts are escaped, they load nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from markupsafe import Markup

from genlab.report.axis import Axis, spanning, tick_label
from genlab.report.svg import box, drawing, element, labels, points, words

Points = list[tuple[float, float]]
T = TypeVar("T")

WIDTH, HEIGHT = 460, 270
LEFT, RIGHT, TOP, BOTTOM = 74, 14, 12, 42
COLOURS = 8  # of the style sheet; what comes after them is dashed
STYLES = 2 * COLOURS
EPOCHS = "epochs"  # an axis with ticks at whole numbers
GREY = -1  # the style of what has no place in the legend
DIGIT = 8.5  # width of a character of a tick, on a phone
BEGINNING = 0.04  # of the x axis: what is steep there may lie outside, so that the rest can be read
LONG = 20  # points of a line of which the beginning may lie outside


@dataclass(frozen=True)
class Series:
    """A line, or single points, of one name."""

    name: str  # in the legend and under the pointer
    points: Points  # (x, y), finite
    style: int = 0  # number of the colour; `GREY` is behind the others, and not in the legend
    light: bool = False  # thinner and paler, for the noisier of two
    single: bool = False  # points without a line
    in_legend: bool = True  # not so for a second line of the same name


@dataclass(frozen=True)
class Chart:
    """A drawing with its words."""

    title: str  # above
    svg: Markup
    legend: list[tuple[int, bool, bool, str]] = field(default_factory=list)  # style, light, single, name
    note: str = ""  # below


@dataclass(frozen=True)
class Panel:
    """Charts that belong together."""

    charts: list[Chart]
    notes: list[str]  # below
    findings: Sequence[str] = ()  # sentences above
    quantity: str = ""  # that an overlay shows


def line_chart(
    title: str,
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    x_log: bool = False,
    y_log: bool = False,
    marks: Sequence[tuple[float, str]] = (),
    most_points: int = 240,
) -> Chart | None:
    """Lines and points over two axes; None if there is nothing to draw.

    Args:
        title, x_label, y_label: texts.
        series: what is drawn, the first on top.
        x_log, y_log: logarithmic axes; what is not above 0 is left out of these.
        marks: (y, text) of dashed horizontal lines.
        most_points: of a longer line, so many points are drawn.
    """
    fits = [[(x, y) for x, y in one.points if (x > 0 or not x_log) and (y > 0 or not y_log)] for one in series]
    drawn = [replace(one, points=spread(some, most_points)) for one, some in zip(series, fits, strict=True) if some]
    if not drawn:
        return None
    marks = [mark for mark in marks if mark[0] > 0 or not y_log]
    low, high, note = _visible_range(drawn)
    x_axis = spanning([x for one in drawn for x, _ in one.points], LEFT, WIDTH - RIGHT, x_log, margin=0.02)
    x_axis = replace(x_axis, whole=x_label == EPOCHS)
    y_axis = spanning([low, high, *(y for y, _ in marks)], HEIGHT - BOTTOM, TOP, y_log)
    places = [(x_axis.place(x), y_axis.place(y)) for one in drawn for x, y in one.points]
    scale = " ".join(f"{axis.low!r} {axis.high!r} {axis.start} {axis.end} {int(axis.log)}" for axis in (x_axis, y_axis))
    svg = drawing(
        *("plot", title, WIDTH, HEIGHT),
        *_frame(x_axis.ticks(7), y_axis, x_label, y_label),
        *(_line("mark", y_axis.place(y)) for y, _ in marks),
        *(_draw(one, x_axis, y_axis) for one in reversed(drawn)),
        *(_mark(y_axis, y, said, places) for y, said in marks),
        data_scale=scale,
        data_frame=f"{LEFT} {TOP} {WIDTH - LEFT - RIGHT} {HEIGHT - TOP - BOTTOM}",
        data_x=x_label,
    )
    legend = [(one.style, one.light, one.single, one.name) for one in drawn if one.style != GREY and one.in_legend]
    if len(legend) == 1 and legend[0][-1] in title:
        legend = []
    return Chart(title, svg, legend, note)


def bar_chart(
    title: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], x_label: str, y_label: str = ""
) -> Chart:
    """Bars side by side for each name, from 0."""
    top = max(max(values) for _, values in series)
    y_axis = Axis(0, top * 1.06 or 1.0, HEIGHT - BOTTOM, TOP)
    x_axis = Axis(-0.5, len(names) - 0.5, LEFT, WIDTH - RIGHT)
    wide = 0.8 / len(series)
    bars = [
        box(
            f"b s{style}",
            (x_axis.place(index - 0.4 + style * wide), y_axis.place(value)),
            (x_axis.place(wide) - x_axis.place(0), y_axis.place(0) - y_axis.place(value)),
            f"{name}, {names[index]}: {tick_label(value)}",
        )
        for style, (name, values) in enumerate(series)
        for index, value in enumerate(values)
    ]
    frame = _frame([(x_axis.place(index), name) for index, name in enumerate(names)], y_axis, x_label, y_label)
    legend = [(style, False, True, name) for style, (name, _) in enumerate(series)]
    return Chart(title, drawing("bars", title, WIDTH, HEIGHT, *frame, *bars), legend)


def spread(values: Sequence[T], most: int) -> list[T]:
    """So many of them at most, evenly, the first and the last among them; no means of them."""
    if len(values) <= most:
        return list(values)
    return [values[round(index * (len(values) - 1) / (most - 1))] for index in range(most)]


def _visible_range(series: Sequence[Series]) -> tuple[float, float, str]:
    """Lowest and highest y that the chart shows, and a note if the beginning of a line is outside."""
    values = [y for one in series for _, y in one.points]
    low, high = min(values), max(values)
    xs = [x for one in series for x, _ in one.points if not one.single]
    if not xs or high == low:
        return low, high, ""
    beginning = min(xs) + BEGINNING * (max(xs) - min(xs))
    early = [not one.single and len(one.points) >= LONG for one in series]
    later = [y for one, cut in zip(series, early, strict=True) for x, y in one.points if x > beginning or not cut]
    if not later or max(later) - min(later) > 0.6 * (high - low):
        return low, high, ""
    room = 0.25 * (max(later) - min(later)) or 0.1 * (high - low)
    shown = max(low, min(later) - room), min(high, max(later) + room)
    outside = [tick_label(float(f"{y:.3g}")) for y in (low, high) if not shown[0] <= y <= shown[1]]
    return *shown, f"The first steps lie outside, at {' and '.join(outside)}." if outside else ""


def _frame(x_ticks: Sequence[tuple[float, str]], y_axis: Axis, x_label: str, y_label: str) -> list[Markup]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for y, said in y_axis.ticks():
        parts += [_line("grid", y), words("tick", LEFT - 6, y + 4, said, "end")]
    free = 0.0  # labels of a logarithmic axis come close to one another
    for x, said in x_ticks:
        if x - DIGIT * len(said) / 2 > free:
            parts.append(words("tick", x, bottom + 16, said))
            free = x + DIGIT * (len(said) / 2 + 1)
    return [*parts, _line("axis", bottom), labels((LEFT, TOP, right, bottom), x_label, y_label)]


def _line(kind: str, y: float) -> Markup:
    """From the left to the right of the frame."""
    return element("line", class_=kind, x1=LEFT, x2=WIDTH - RIGHT, y1=float(y), y2=float(y))


def _mark(y_axis: Axis, value: float, said: str, places: Points) -> Markup:
    """The words of a line at its right end or its left one, where fewer points lie under them."""
    y = y_axis.place(value)
    at, long = y - 5 if y > TOP + 16 else y + 14, 0.75 * DIGIT * len(said)
    near = [x for x, place in places if abs(place - at) < 14]
    right = sum(x > WIDTH - RIGHT - long for x in near) <= sum(x < LEFT + long for x in near)
    return words("note", WIDTH - RIGHT - 2 if right else LEFT + 2, at, said, "end" if right else "start")


def _draw(one: Series, x_axis: Axis, y_axis: Axis) -> Markup:
    places = [(x_axis.place(x), y_axis.place(y)) for x, y in one.points]
    style = style_class(one.style, one.light)
    if one.single:
        told = [" at ".join(tick_label(float(f"{value:.4g}")) for value in (y, x)) for x, y in one.points]
        return Markup("").join(
            element("circle", element("title", f"{one.name}: {said}"), class_=f"p {style}", cx=x, cy=y, r=5)
            for said, (x, y) in zip(told, places, strict=True)
        )
    if len(places) == 1:
        ((x, y),) = places
        return element("circle", class_=f"p {style}", cx=x, cy=y, r=3.5, data_name=one.name)
    return element("polyline", class_=f"l {style}", points=points(_inside(places)), data_name=one.name)


def _inside(places: Points) -> Points:
    """A line that leaves the frame above or below is cut there, so that nothing is drawn over the labels."""
    top, bottom = TOP - 1.0, HEIGHT - BOTTOM + 1.0
    kept: Points = []
    for here, there in zip(places, [*places[1:], places[-1]], strict=True):
        if top <= here[1] <= bottom:
            kept.append(here)
        for edge in (top, bottom):
            if min(here[1], there[1]) < edge < max(here[1], there[1]):
                share = (edge - here[1]) / (there[1] - here[1])
                kept.append((here[0] + share * (there[0] - here[0]), edge))
    return kept


def style_class(style: int, light: bool = False) -> str:
    """Of the style sheet: the colour, and a dash from the ninth style on."""
    if style == GREY:
        return "grey"
    dashed = " d" if style % STYLES >= COLOURS else ""
    return f"s{style % COLOURS}{dashed}{' light' if light else ''}"
