"""What was asked and what was drawn, as an SVG."""

import re

import pytest

from genlab.report.page import page
from genlab.report.reading import read_run
from genlab.report.run_charts import FAINTEST, confusion_chart, evaluation_charts

OF_TWO = {
    "scores": {"label_accuracy": {"value": 0.8, "unit": "share of samples", "better": "higher", "protocol": "p"}},
    "absent": {},
    "curves": {},
    "by_class": {
        "label_accuracy": {"unit": "", "better": "higher", "protocol": "p", "values": [0.9, 0.7], "floors": [1, 1]},
        "fid_mnist": {"unit": "", "better": "lower", "protocol": "p", "values": [2.0, None], "floors": [0.1, None]},
    },
    "confusion": {"label_accuracy": [[90, 10], [30, 70]]},
}


def boxes(svg):
    found = re.findall(r'<rect class="b s\d" x="([\d.]+)" y="([\d.]+)".*?fill-opacity="([\d.]+)"><title>([^<]+)', svg)
    return {said: (float(x), float(y), float(shade)) for x, y, shade, said in found}


def test_a_row_is_what_was_asked_and_the_shade_its_share():
    found = boxes(confusion_chart("t", [[90, 10], [30, 70]]).svg)
    right, wrong = found["asked for 0, drawn 0: 90, 90.0%"], found["asked for 1, drawn 0: 30, 30.0%"]
    assert right[0] == wrong[0] and right[1] < wrong[1]
    assert found["asked for 0, drawn 1: 10, 10.0%"][0] > right[0]
    assert right[2] - FAINTEST == pytest.approx(3 * (wrong[2] - FAINTEST), abs=0.01)


def test_a_class_that_was_not_asked_for_is_an_empty_row():
    assert list(boxes(confusion_chart("t", [[0, 0], [1, 3]]).svg)) == [
        "asked for 1, drawn 0: 1, 25.0%",
        "asked for 1, drawn 1: 3, 75.0%",
    ]


def test_of_many_classes_the_colour_says_it():
    few, many = ([[float(i == j) for i in range(n)] for j in range(n)] for n in (12, 13))
    assert 'class="note"' in confusion_chart("t", few).svg
    assert 'class="note"' not in confusion_chart("t", many).svg


def test_a_run_has_a_matrix_and_a_chart_of_each_score(make_run):
    run = read_run(make_run("a", evaluated=OF_TWO))
    titles = [chart.title for chart in evaluation_charts(run)]
    assert titles == ["Asked and drawn: label_accuracy", "label_accuracy by class", "fid_mnist by class"]
    html = page([run])
    assert all(title in html for title in titles) and "of a label accuracy, what the classifier reaches" in html


def test_a_run_without_labels_has_none(make_run):
    plain = {name: part for name, part in OF_TWO.items() if name not in ("by_class", "confusion")}
    assert (
        evaluation_charts(read_run(make_run("a", evaluated=plain))) == evaluation_charts(read_run(make_run("b"))) == []
    )


@pytest.mark.parametrize("rows", [[[1, 2, 3], [1, 2, 3]], [[1.0] * 31] * 31, [[1, 2], [1, 2, 3]]])
def test_what_is_no_small_square_is_left_out(rows, make_run):
    run = read_run(make_run("a", evaluated=OF_TWO | {"confusion": {"<b>": rows}}))
    assert not [chart for chart in evaluation_charts(run) if "Asked" in chart.title]
    assert page([run])


def test_names_are_escaped(make_run):
    html = page([read_run(make_run("a", evaluated=OF_TWO | {"confusion": {"<b>": [[1, 2], [3, 4]]}}))])
    assert "<b>:" not in html and "Asked and drawn: &lt;b&gt;" in html
