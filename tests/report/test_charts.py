"""Where a chart puts its points, and the round numbers on its axes."""

import itertools
import math
import re

import pytest

from genlab.report.axis import Axis, spanning
from genlab.report.charts import GREY, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Series, bar_chart, line_chart, spread


def test_a_linear_axis_is_a_straight_line():
    axis = Axis(-10, 30, 100, 500)
    assert [axis.place(x) for x in (-10, 0, 30)] == [100, 200, 500]
    assert axis.ticks() == [(100, "−10"), (200, "0"), (300, "10"), (400, "20"), (500, "30")]


def test_epochs_have_ticks_at_whole_numbers():
    for epochs in (1, 2, 3, 40):
        svg = line_chart("elbo", [Series("a", [(0.5, 1.0), (epochs, 2.0)])], "epochs", "nats").svg
        ticks = re.findall(r'<text class="tick" x="[^"]*" y="[^"]*" text-anchor="middle">([^<]*)<', svg)
        assert ticks and not [tick for tick in ticks if "." in tick]


def test_a_logarithmic_axis_has_a_decade_as_long_as_any_other():
    axis = Axis(1, 10_000, 0, 400, log=True)
    assert [axis.place(10.0**n) for n in range(5)] == pytest.approx([0, 100, 200, 300, 400])
    assert [label for _, label in axis.ticks()] == ["1", "10", "100", "1,000", "10k"]


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-98.31, -98.27), (3e-9, 4e-9), (0, 1e9), (5, 5), (0, 0), (-1e100, 1e100), (7, 7 + 1e-14)]
)
@pytest.mark.parametrize("log", [False, True])
def test_every_axis_has_some_ticks_within(low, high, log):
    if log and low <= 0:
        return
    axis = spanning([low, high], 0, 400, log)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 8
    assert all(-0.5 <= place <= 400.5 for place, _ in ticks)


def polyline(chart):
    (points,) = re.findall(r'<polyline [^>]*points="([^"]*)"', chart.svg)
    return [tuple(map(float, point.split(","))) for point in points.split()]


def test_points_lie_where_the_scale_says():
    points = [(0.0, 1.0), (5.0, 4.0), (10.0, 2.0)]
    chart = line_chart("a", [Series("b", points)], "x", "y")
    scale = list(map(float, re.search(r'data-scale="([^"]*)"', chart.svg)[1].split()))
    x_axis, y_axis = Axis(*scale[:4], bool(scale[4])), Axis(*scale[5:9], bool(scale[9]))
    for (x, y), (at_x, at_y) in zip(points, polyline(chart), strict=True):
        assert (x_axis.place(x), y_axis.place(y)) == pytest.approx((at_x, at_y), abs=0.051)  # rounded to 0.1
        assert LEFT <= at_x <= WIDTH - RIGHT
        assert TOP <= at_y <= HEIGHT
    assert polyline(chart)[1][1] < polyline(chart)[2][1]  # higher is up


def test_a_steep_beginning_may_lie_outside_and_is_told():
    steep = [(float(i), -100 - 5000 * math.exp(-3 * i)) for i in range(100)]
    chart = line_chart("a", [Series("b", steep)], "x", "y")
    assert chart.note == "The first steps lie outside, at −5,100."
    assert max(y for _, y in polyline(chart)) <= HEIGHT - 41  # cut at the frame
    gentle = line_chart("a", [Series("b", [(float(i), float(i)) for i in range(100)])], "x", "y")
    few = line_chart("a", [Series("b", steep[:15])], "x", "y")
    assert gentle.note == few.note == ""


def test_long_lines_are_spread_and_keep_their_ends():
    points = [(float(i), float(i * i)) for i in range(1000)]
    thin = spread(points, 50)
    assert len(thin) == 50
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert set(thin) <= set(points)
    assert spread(points[:50], 50) == points[:50]


def test_the_legend_has_each_name_once_and_no_grey_ones():
    both = [(0.0, 1.0), (1.0, 2.0)]
    series = [Series("a", both), Series("a", both, in_legend=False), Series("b", both, 1), Series("c", both, GREY)]
    chart = line_chart("t", series, "x", "y")
    assert [name for *_, name in chart.legend] == ["a", "b"]
    assert chart.svg.index("grey") < chart.svg.index("s0")  # behind


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show():
    chart = line_chart("a", [Series("b", [(-1.0, 1.0), (0.0, 1.0), (1.0, 1.0), (10.0, 2.0)])], "x", "y", x_log=True)
    assert len(polyline(chart)) == 2
    assert line_chart("a", [Series("b", [(0.0, 1.0)])], "x", "y", x_log=True) is None
    assert line_chart("a", [], "x", "y") is None


def test_labels_of_an_axis_lie_beside_one_another():
    chart = line_chart("a", [Series("b", [(240.0, 1.0), (1280.0, 2.0)])], "x", "y", x_log=True)
    labels = re.findall(r'class="tick" x="([\d.]+)" y="[\d.]+" text-anchor="middle">([^<]+)', chart.svg)
    ends = [(float(x) - 4 * len(said), float(x) + 4 * len(said)) for x, said in labels]  # 8 units a digit, on a phone
    assert len(ends) >= 3
    assert all(left > right for (_, right), (left, _) in itertools.pairwise(ends))


@pytest.mark.parametrize(("x", "anchor"), [(9.0, "start"), (1.0, "end")])
def test_the_words_of_a_line_make_room_for_points(x, anchor):
    series = [Series("b", [(0.0, 9.0), (10.0, 9.0)]), Series("c", [(x, 0.3)], single=True)]
    chart = line_chart("a", series, "x", "y", marks=[(0.0, "the floor")])
    assert re.search(r'class="note" [^>]*text-anchor="(\w+)"', chart.svg)[1] == anchor


def test_bars_begin_at_zero():
    chart = bar_chart("a", ["x", "y"], [("s", [1.0, 2.0])], "label")
    bars = re.findall(r'<rect [^>]*y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', chart.svg)
    heights = [float(height) for _, height in bars]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.11)
    assert len({round(float(y) + float(height)) for y, height in bars}) == 1


def test_names_are_escaped():
    chart = line_chart("<b>", [Series('"><script>', [(0.0, 1.0), (1.0, 2.0)])], "<i>", "<u>", marks=[(1.0, "<s>")])
    for tag in ("<b>", "<script>", "<i>", "<u>", "<s>"):
        assert tag not in chart.svg
