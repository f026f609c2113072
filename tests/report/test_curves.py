"""metrics.csv and times.csv as curves, whoever wrote them."""

import os

import pytest

from genlab.report.curves import read_curves

METRICS = """step,epoch,train/elbo,val/elbo,test/elbo
50,0.0,-200.5,,
100,0.0,-150,,
100,0.0,,-140,
150,1.0,nan,,
200,1.0,,-120,
200,2.0,,,-119
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "metrics.csv").write_text(METRICS)
    (tmp_path / "times.csv").write_text("epoch,step,seconds\n0,100,10.0\n1,200,40.0\n")
    return tmp_path


def test_values_are_over_epochs_and_over_seconds_of_training(run):
    curves = read_curves(run)
    assert curves.over_epochs("train/elbo") == [(0.5, -200.5), (1.0, -150.0)]
    assert curves.over_epochs("val/elbo") == [(1.0, -140.0), (2.0, -120.0)]
    assert curves.over_seconds("train/elbo") == [(5.0, -200.5), (10.0, -150.0)]
    assert curves.over_seconds("val/elbo") == [(10.0, -140.0), (40.0, -120.0)]
    assert [curves.seconds_after(epochs) for epochs in (0, 1, 1.5, 2, 3)] == [0.0, 10.0, 25.0, 40.0, None]


def test_an_epoch_that_has_not_ended_is_no_measure_of_epochs(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,epoch,val/elbo\n100,0.0,-140\n150,1.0,-130\n")
    assert read_curves(tmp_path).over_epochs("val/elbo") == [(1.0, -140.0), (1.5, -130.0)]


def test_without_times_there_are_no_seconds(run):
    (run / "times.csv").unlink()
    curves = read_curves(run)
    assert curves.over_seconds("val/elbo") == []
    assert len(curves.over_epochs("val/elbo")) == 2


def test_a_line_that_a_kill_has_cut_does_not_count(run):
    (run / "metrics.csv").write_text(METRICS + "250,2.0,,-110,")
    assert read_curves(run).over_epochs("val/elbo")[-1] == (2.0, -120.0)


def test_what_comes_before_the_damage_counts_and_the_damage_is_named(run):
    (run / "metrics.csv").write_text(METRICS + "250,2.0\n")
    curves = read_curves(run)
    assert curves.over_epochs("val/elbo")[-1] == (2.0, -120.0)
    assert "metrics.csv: damaged" in curves.fault


@pytest.mark.parametrize(
    "text",
    ["", "\n", "a,b\n1,2\n", "step,val/elbo\nx,y\n-1,2\n1e400,3\n1,2,3\n", "step,val/elbo\n1,1e200\n", "\0\n", "é\n"],
)
def test_whatever_a_stranger_writes_is_no_error(tmp_path, text):
    (tmp_path / "metrics.csv").write_bytes(text.encode("latin-1"))
    (tmp_path / "times.csv").write_bytes(text.encode("latin-1"))
    assert not any(read_curves(tmp_path).values.values())


def test_a_pipe_or_a_link_is_not_opened(run, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    os.mkfifo(elsewhere / "metrics.csv")
    (elsewhere / "times.csv").symlink_to(run / "times.csv")
    assert read_curves(elsewhere).times == []
