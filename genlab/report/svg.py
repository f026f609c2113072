"""SVG elements: their texts are escaped, their numbers are rounded to what can be seen."""

import math
from typing import Literal

from markupsafe import Markup


def element(tag: str, *content: str, **attributes: object) -> Markup:
    """`<tag attributes>content</tag>`, where the attribute `class_` is `class`, and `text_anchor` is `text-anchor`."""
    said = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _n(x) if isinstance(x, float) else x)
        for name, x in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(tag, said, Markup("").join(content))


def words(kind: str, x: float, y: float, said: str, anchor: Literal["start", "middle", "end"] = "middle") -> Markup:
    return element("text", said, class_=kind, x=float(x), y=float(y), text_anchor=anchor)


def box(kind: str, place: tuple[float, float], size: tuple[float, float], said: str, **more: object) -> Markup:
    """A rectangle that says something under the pointer."""
    (x, y), (width, height) = place, size
    return element("rect", element("title", said), class_=kind, x=x, y=y, width=width, height=height, **more)


def labels(frame: tuple[float, float, float, float], x_label: str, y_label: str) -> Markup:
    """What stands below and beside a frame (left, top, right, bottom)."""
    left, top, right, bottom = frame
    middle = (top + bottom) / 2
    below = words("label", (left + right) / 2, bottom + 34, x_label)
    turned = {"text_anchor": "middle", "transform": f"rotate(-90 13 {_n(middle)})"}
    return below + element("text", y_label, class_="label", x=13, y=middle, **turned) if y_label else below


def drawing(kind: str, title: str, width: int, height: int, *content: str, **data: object) -> Markup:
    """An image with a title for those who do not see it."""
    size = {"viewBox": f"0 0 {width} {height}", "role": "img", "aria_label": title}
    return element("svg", *content, class_=kind, **size, **data)


def points(places: list[tuple[float, float]]) -> str:
    """The corners of a line."""
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in places)


def _n(value: float) -> str:
    """A tenth of a pixel is enough; far outside of the drawing is outside."""
    return f"{max(-9999.0, min(9999.0, value)):.1f}".removesuffix(".0") if math.isfinite(value) else "0"
