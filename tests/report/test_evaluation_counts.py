"""The quality of samples of all families over evaluations of the network, in one chart."""

import re
from pathlib import Path

import pytest
from report.run_folders import over_evaluations

from genlab.report.axis import Axis
from genlab.report.grouping import group_runs
from genlab.report.overlays import styles_of
from genlab.report.page import page
from genlab.report.reading import read_run
from genlab.report.run_charts import evaluation_charts
from genlab.report.trade_offs import quality_over_evaluations

STEPS = ((4, 180.0), (10, 21.0), (20, 4.0), (50, 1.9), (100, 1.7))
ONCE = {"GAN": 0.9, "VAE": 5.2, "Flow": 12.0}


@pytest.fixture
def families(make_run):
    """A run of each family."""
    runs = [make_run(model, model=model, evaluated=over_evaluations((1, fid))) for model, fid in ONCE.items()]
    runs.append(make_run("ar", model="Autoregressive", evaluated=over_evaluations((196, 2.4))))
    runs.append(make_run("fm", model="FlowMatching", evaluated=over_evaluations(*STEPS)))
    return runs


def charts_of(*folders):
    groups = group_runs([read_run(folder) for folder in folders])
    return groups, quality_over_evaluations(groups, styles_of(groups))


def axes(svg):
    scale = list(map(float, re.search(r'data-scale="([^"]*)"', svg)[1].split()))
    return Axis(*scale[:4], bool(scale[4])), Axis(*scale[5:9], bool(scale[9]))


def test_every_family_stands_where_its_samples_cost(families):
    groups, (found,) = charts_of(*families)
    (chart,) = found.charts
    x_axis, y_axis = axes(chart.svg)
    assert x_axis.log and y_axis.log  # 180 and 0.9
    circles = re.findall(r'<circle class="p (s\d)" cx="([\d.]+)" cy="([\d.]+)" r="5"><title>([^<:]+):', chart.svg)
    styles = styles_of(groups)
    expected = [(1, fid, model) for model, fid in ONCE.items()] + [(196, 2.4, "Autoregressive")]
    expected += [(x, y, "FlowMatching") for x, y in STEPS]
    label = {group.label: f"s{styles[group]}" for group in groups}
    assert sorted((name, style) for style, _, _, name in circles) == sorted((n, label[n]) for *_, n in expected)
    places = {(name, float(x), float(y)) for _, x, y, name in circles}
    for x, y, name in expected:
        near = [one for one in places if one[0] == name and abs(one[1] - x_axis.place(x)) < 0.06]
        assert [one for one in near if abs(one[2] - y_axis.place(y)) < 0.06], (name, x)
    assert len(re.findall("<polyline", chart.svg)) == 1
    assert sorted(name for *_, name in chart.legend) == sorted(label)
    assert found.notes == ["mnist; 1000 samples against 10000 test images"]


def test_the_page_has_it_among_the_costs(families):
    html = page([read_run(folder) for folder in families])
    costs = html[html.index('id="cost"') : html.index('id="curves"')]
    assert costs.count("fid_mnist over evaluations of the network</figcaption>") == 1
    assert "evaluations of the network for one image" in costs


def test_where_no_samples_take_steps_there_is_none(families):
    assert charts_of(*families[:-1])[1] == []


def test_what_does_not_compare_is_not_together(make_run):
    folders = [
        make_run("a", model="FlowMatching", evaluated=over_evaluations(*STEPS)),
        make_run("b", evaluated=over_evaluations((1, 3.0))),
        make_run("c", evaluated=over_evaluations((1, 3.0), protocol="100 samples"), settings={"latent_dim": 3}),
        make_run("d", evaluated=over_evaluations((1, 3.0), space="digits"), settings={"latent_dim": 4}),
        make_run("e", data="digits", evaluated=over_evaluations((1, 3.0))),
        make_run("f", status="failed", evaluated=over_evaluations((1, 3.0)), settings={"latent_dim": 5}),
    ]
    other = over_evaluations((1, 3.0))
    other["features"] = {"name": "another", "sha256": "cd" * 32}
    folders.append(make_run("g", evaluated=other, settings={"latent_dim": 6}))
    groups, (found,) = charts_of(*folders)
    shown = {name for *_, name in found.charts[0].legend}
    assert shown == {group.label for group in groups if Path(group.runs[0].name).name in ("a", "b")}


def test_each_seed_has_its_line_and_a_setting_one_name(make_run):
    folders = [make_run(f"{i}", model="FlowMatching", seed=i, evaluated=over_evaluations(*STEPS)) for i in range(3)]
    folders.append(make_run("gan", model="GAN", evaluated=over_evaluations((1, 20.0))))
    chart = charts_of(*folders)[1][0].charts[0]
    assert len(re.findall("<polyline", chart.svg)) == 3
    assert [name for *_, name in chart.legend] == ["FlowMatching", "GAN"]


def test_scores_of_one_size_have_a_linear_axis(make_run):
    folders = [make_run("a", model="FlowMatching", evaluated=over_evaluations((4, 3.0), (10, 2.0)))]
    folders.append(make_run("b", evaluated=over_evaluations((1, 1.0))))
    assert not axes(charts_of(*folders)[1][0].charts[0].svg)[1].log


def test_a_single_point_is_no_curve_of_a_run(families):
    charts = [evaluation_charts(read_run(folder)) for folder in families]
    titles = [[chart.title for chart in of_run if " over " in chart.title] for of_run in charts]
    assert titles == [[]] * 4 + [["fid_mnist over evaluations of the network"]]


@pytest.mark.parametrize("points", [((0, 3.0), (-1, 2.0)), ((1, None),), ((4, 0.0), (10, -1.0)), ((1e300, 1e300),)])
def test_whatever_a_stranger_writes_is_no_error(families, make_run, points):
    odd = make_run("odd", evaluated=over_evaluations(*points), settings={"latent_dim": 7})
    assert page([read_run(folder) for folder in (*families, odd)])
