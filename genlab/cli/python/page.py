"""A run as a notebook shows it: who it is, its last picture, its curve, its numbers."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure

from genlab.console.readable import readable, short
from genlab.quantities import quantity
from genlab.runs.reading import Run

MOST_POINTS = 300  # of a line
LARGEST = 1e100  # number that is drawn
COLOURS = {"train": "#9aa0a6", "val": "#1a73e8"}


def page(run: Run, history: Mapping[str, Sequence[float]], picture: Path | None) -> str:
    """HTML that needs no style sheet, and holds its pictures; texts of the run are escaped."""
    summary = run.summary
    told = [f"{summary.get('model')} on {summary.get('data')}", f"seed {summary.get('seed')}", summary["status"]]
    told += [f"{summary['epochs']} epochs"] if "epochs" in summary else []
    told += [f"{summary.get('seconds', 0):.0f} s", short(run.folder)]
    parts = [_chart(str(summary.get("headline")), history), _table(summary.get("metrics") or {})]
    if picture is not None:
        parts.insert(0, _image(picture.read_bytes(), picture.parent.name, "image-rendering:pixelated"))
    cells = Markup("").join(Markup('<div style="margin-right:2em">{}</div>').format(part) for part in parts if part)
    body = Markup('<div style="display:flex;flex-wrap:wrap;align-items:flex-start">{}</div>').format(cells)
    return str(Markup("<div><p><b>{}</b> {}</p>{}</div>").format(told[0], " · ".join(map(str, told[1:])), body))


def _image(png: bytes, name: str, style: str = "") -> Markup:
    image = Markup('<img alt="{}" style="max-height:260px;{}" src="data:image/png;base64,{}">')
    return image.format(name, style, base64.b64encode(png).decode())


def _chart(headline: str, history: Mapping[str, Sequence[float]]) -> Markup:
    """The headline's lines over training batches."""
    title = ", ".join(filter(None, [quantity(headline).chart_title, quantity(headline).unit]))
    figure = Figure(figsize=(4, 2.6), layout="constrained")
    axes = figure.subplots()
    for split, colour in COLOURS.items():
        pairs = zip(history.get("step", ()), history.get(f"{split}/{headline}", ()), strict=False)
        points = [point for point in pairs if all(abs(number) < LARGEST for number in point)]  # as NaN is not
        if points:
            xs, ys = zip(*points[:: max(1, len(points) // MOST_POINTS)], strict=True)
            axes.plot(xs, ys, ".-", markersize=2, linewidth=1, color=colour, label=split)
    if not axes.lines:
        return Markup("")
    axes.set_title(title, parse_math=False)
    axes.set_xlabel("batches")
    axes.legend()
    file = io.BytesIO()
    figure.savefig(file)
    return _image(file.getvalue(), title)


def _table(metrics: Mapping[str, float | None]) -> Markup:
    """The numbers of validation and test."""
    row = Markup('<tr><td style="text-align:left">{}</td><td>{}</td></tr>')
    chosen = {name: value for name, value in metrics.items() if not name.startswith("train/")}
    rows = [row.format(name, "—" if value is None else readable(value)) for name, value in chosen.items()]
    return Markup("<table>{}</table>").format(Markup("").join(rows)) if rows else Markup("")
