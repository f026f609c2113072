"""benchmarks/growth_chart.py: the chart of docs/speed.md, from numbers that were measured before."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

MEASURED = {
    "batch": [{"images a batch": 32, "seconds an epoch": 18.0}, {"images a batch": 512, "seconds an epoch": 3.0}],
    "runs": [
        {"runs under outputs": n, "seconds of genlab runs": n / 500, "seconds of a run of one batch": 8.0, "GB": 1.0}
        for n in (10, 1000, 10_000)
    ],
}


@pytest.fixture
def draw(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    yield __import__("growth_chart").draw
    sys.modules.pop("growth_chart")


def test_each_part_has_a_chart_and_each_column_of_seconds_a_line(draw):
    svg = draw(MEASURED)
    ElementTree.fromstring(svg)  # well-formed, since a browser shows no other as an image
    assert [len(re.findall("<polyline", cell)) for cell in svg.split("<g transform=")[2::2]] == [1, 2]
    for words in ("Seconds over images a batch", "Seconds over runs under outputs", "seconds of genlab runs"):
        assert f">{words}</text>" in svg
    assert "GB" not in svg
