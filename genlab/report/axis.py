"""An axis of a chart: from values to places, with ticks at round numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` on places from `start` to `end`, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    whole: bool = False  # ticks at whole numbers only, as of epochs

    def place(self, value: float) -> float:
        """Where a value lies; outside of the axis too."""
        low, high, at = (math.log10(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """(place, label) at round numbers, at most so many."""
        decades = self.log and self.high > 20 * self.low
        values = (_log_ticks if decades else _linear_ticks)(self.low, self.high, most)
        return [(self.place(value), tick_label(value)) for value in values if value == round(value) or not self.whole]


def spanning(values: Sequence[float], start: float, end: float, log: bool = False, margin: float = 0.04) -> Axis:
    """The axis that has all values, with a margin at both ends; around a single value too."""
    low, high = min(values), max(values)
    if log:
        spread = max(math.log10(high / low) * margin, 0.05 if high > low else 0.5)
        return Axis(low / 10**spread, high * 10**spread, start, end, log)
    spread = (high - low) * margin or abs(high) * 0.1 or 1.0
    return Axis(low - spread, high + spread, start, end)


def tick_label(value: float) -> str:
    """As short as it can be said: 0.25, 40, 1,200, 2M, 1e-09."""
    size = abs(value)
    for least, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if least <= size < 1e12:
            return f"{value / {'G': 1e9, 'M': 1e6, 'k': 1e3}[sign]:g}{sign}".replace("-", "−")
    return (f"{value:,.0f}" if 1000 <= size < 1e4 and value == round(value) else f"{value:.6g}").replace("-", "−")


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    span = high - low
    magnitude = 10.0 ** math.floor(math.log10(span / most))
    step = next(magnitude * factor for factor in (1, 2, 5, 10, 20) if span / (magnitude * factor) <= most)
    first = math.ceil(low / step)
    count = math.floor(high / step) - first + 1
    return [float(f"{(first + index) * step:.12g}") for index in range(count)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [factor * 10.0**decade for decade in decades for factor in factors]
        inside = [value for value in values if low <= value <= high]
        if len(inside) <= most:
            return inside or [math.sqrt(low * high)]
    return inside[:: math.ceil(len(inside) / most)]
