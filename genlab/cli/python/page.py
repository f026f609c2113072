"""A run as a notebook shows it: who it is, its last picture, its curve, its numbers."""

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup, escape

from genlab.console.readable import readable, short
from genlab.quantities import KNOWN
from genlab.runs.reading import Run

WIDTH, HEIGHT = 360, 200
MOST_POINTS = 300  # of a line
COLOURS = {"train": "#9aa0a6", "val": "#1a73e8"}

Points = list[tuple[float, float]]


def page(run: Run, history: Mapping[str, Sequence[float]], picture: Path | None) -> str:
    """HTML that needs no style sheet, and holds its picture; texts of the run are escaped."""
    summary = run.summary
    headline = str(summary.get("headline"))
    told = [f"{summary.get('model')} on {summary.get('data')}", f"seed {summary.get('seed')}", summary["status"]]
    told += [f"{summary.get('epochs')} epochs", f"{summary.get('seconds', 0):.0f} s", short(run.folder)]
    lines = {split: _points(history, f"{split}/{headline}") for split in COLOURS}
    parts = [_image(picture), _chart(headline, lines), _table(summary.get("metrics") or {})]
    cells = Markup("").join(Markup('<div style="margin-right:2em">{}</div>').format(part) for part in parts if part)
    body = Markup('<div style="display:flex;flex-wrap:wrap;align-items:flex-start">{}</div>').format(cells)
    return str(Markup("<div><p><b>{}</b> {}</p>{}</div>").format(told[0], " · ".join(map(str, told[1:])), body))


def _points(history: Mapping[str, Sequence[float]], tag: str) -> Points:
    pairs = zip(history.get("step", ()), history.get(tag, ()), strict=False)
    points = [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]
    return points[:: max(1, len(points) // MOST_POINTS)]


def _image(path: Path | None) -> Markup:
    if path is None:
        return Markup("")
    data = base64.b64encode(path.read_bytes()).decode()
    style = "max-height:260px;image-rendering:pixelated"
    return Markup('<img alt="{}" style="{}" src="data:image/png;base64,{}">').format(path.parent.name, style, data)


def _chart(headline: str, lines: Mapping[str, Points]) -> Markup:
    """Lines over training batches, with the first and the last number of each axis."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return Markup("")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)

    def place(x: float, y: float) -> str:
        across = (x - left) / ((right - left) or 1) * (WIDTH - 70) + 60
        return f"{across:.1f},{HEIGHT - 30 - (y - low) / ((high - low) or 1) * (HEIGHT - 50):.1f}"

    drawn = [
        Markup('<polyline fill="none" stroke="{}" stroke-width="1.5" points="{}"/>').format(
            COLOURS[split], " ".join(place(*point) for point in line)
        )
        for split, line in lines.items()
    ]
    words = [
        (55, 24, "end", readable(high)),
        (55, HEIGHT - 30, "end", readable(low)),
        (60, 12, "start", title(headline)),
    ]
    words += [(60, HEIGHT - 12, "start", f"{left:.0f}"), (WIDTH - 10, HEIGHT - 12, "end", f"{right:.0f} batches")]
    drawn += [Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(*word) for word in words]
    drawn += [
        Markup('<text x="{}" y="12" text-anchor="end" fill="{}">{}</text>').format(
            WIDTH - 10 - 40 * place, colour, split
        )
        for place, (split, colour) in enumerate(COLOURS.items())
    ]
    style = f'width="{WIDTH}" height="{HEIGHT}" font-size="11" fill="currentColor" role="img"'
    return Markup("<svg xmlns='http://www.w3.org/2000/svg' {}>{}</svg>").format(Markup(style), Markup("").join(drawn))


def title(headline: str) -> str:
    """`ELBO, nats per image`"""
    known = KNOWN.get(headline)
    return headline if known is None else ", ".join(filter(None, [known.chart_title, known.unit]))


def _table(metrics: Mapping[str, float | None]) -> Markup:
    """The numbers of validation and test."""
    row = Markup('<tr><td style="text-align:left">{}</td><td>{}</td></tr>')
    chosen = {name: value for name, value in metrics.items() if not name.startswith("train/")}
    rows = [row.format(escape(name), "—" if value is None else readable(value)) for name, value in chosen.items()]
    return Markup("<table>{}</table>").format(Markup("").join(rows)) if rows else Markup("")
