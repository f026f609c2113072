"""What growth.py has measured as one SVG, drawn as the report's charts are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from genlab import report
from genlab.report.charts import HEIGHT, WIDTH, Series, line_chart, style_class

ABOVE = 44  # units for the title and the names
ACROSS = 2  # charts
# by attributes in Chromium, by the style in browsers where that wins
STYLE = "svg svg {{ width: {}px; height: {}px; }} :root {{ width: {}px !important; height: {}px !important; }}"


def draw(parts: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """A chart for each part: its columns of seconds over its first column, both logarithmic.

    Args:
        parts: name → rows.
    """
    cells = [_cell(index, rows) for index, rows in enumerate(parts.values())]
    width, height = ACROSS * WIDTH, -(-len(cells) // ACROSS) * (ABOVE + HEIGHT)
    style = (Path(report.__path__[0]) / "style.css").read_text(encoding="utf-8")
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}"><style>{}</style>'
        '<rect width="100%" height="100%" fill="var(--page)"/>{}</svg>\n'
    ).format(width, height, Markup(style + STYLE.format(WIDTH, HEIGHT, width, height)), Markup("").join(cells))


def _cell(index: int, rows: Sequence[Mapping[str, float]]) -> Markup:
    varied, *measured = rows[0]
    names = [name for name in measured if name.startswith("seconds")]
    lines = [[(row[varied], row[name]) for row in rows] for name in names]
    series = [Series(name, points, style) for style, (name, points) in enumerate(zip(names, lines, strict=True))]
    series += [Series(one.name, one.points, one.style, single=True) for one in series]
    chart = line_chart(f"seconds over {varied}", series, varied, "seconds", x_log=True, y_log=True)
    assert chart is not None
    words = [_words(8, 16, "label", chart.title[0].upper() + chart.title[1:])]
    start = 74.0
    for style, name in enumerate(names):
        words.append(_words(start, 36, f"b {style_class(style)}", name))
        start += 7.2 * len(name) + 16
    svg = chart.svg.replace(Markup("<svg "), Markup('<svg width="{}" height="{}" ').format(WIDTH, HEIGHT), 1)
    x, y = index % ACROSS * WIDTH, index // ACROSS * (ABOVE + HEIGHT)
    return Markup('<g transform="translate({} {})">{}<g transform="translate(0 {})">{}</g></g>').format(
        x, y, Markup("").join(words), ABOVE, svg
    )


def _words(x: float, y: float, kind: str, said: str) -> Markup:
    return Markup('<text x="{}" y="{}" class="{}" style="{}">{}</text>').format(
        x, y, kind, "fill: var(--c)" if kind != "label" else "font-weight: 600", said
    )
