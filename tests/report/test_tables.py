"""The comparison as Markdown, CSV and JSON."""

import csv
import io
import json

import pytest
from report.run_folders import evaluation

from genlab.report.reading import read_run
from genlab.report.tables import table


def runs_of(make_run, *more):
    folders = [make_run(f"vae/{s}", seed=s, evaluated=evaluation(fid_mnist=9 + s / 10)) for s in range(3)]
    folders += [make_run(f"gan/{s}", model="GAN", seed=s, evaluated=evaluation(fid_mnist=3 + s / 10)) for s in range(3)]
    return [read_run(folder) for folder in [*folders, *more]]


def test_markdown_has_a_row_for_each_group_and_notes(make_run):
    lines = table(runs_of(make_run), "markdown").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    assert {len(row) for row in rows} == {len(rows[0])}
    at = next(i for i, name in enumerate(rows[0]) if name.startswith("fid\\_mnist ↓"))
    assert [row[0] for row in rows] == ["settings", "VAE", "GAN"]
    assert [row[at] for row in rows[1:]] == ["9.10 ± 0.10 [9.00, 9.20]", "3.10 ± 0.10 [3.00, 3.20] best"]
    number = rows[0][at].rpartition("(")[2].rstrip(")")
    assert f"{number}. 10000 against 10000; features abababababab" in lines


def test_csv_has_a_line_for_each_group_and_number(make_run):
    rows = list(csv.DictReader(io.StringIO(table(runs_of(make_run), "csv"))))
    (row,) = [row for row in rows if row["settings"] == "GAN" and row["metric"] == "fid_mnist"]
    assert (row["n"], row["verdict"], row["protocol"], row["absent"]) == ("3", "best", "10000 against 10000", "")
    assert float(row["mean"]) == (3.0 + 3.1 + 3.2) / 3
    (row,) = [row for row in rows if row["settings"] == "GAN" and row["metric"] == "test/elbo"]
    assert (row["n"], row["mean"], row["absent"]) == ("0", "", "not measured by this model")


def test_json_has_all_values(make_run):
    content = json.loads(table(runs_of(make_run), "json"))
    (comparison,) = content["comparisons"]
    vae = next(group for group in comparison["groups"] if group["label"] == "VAE")
    (fid,) = [metric for metric in vae["metrics"] if metric["name"] == "fid_mnist"]
    assert fid["values"] == [9.0, 9.1, 9.2]
    assert fid["n"] == 3
    assert [run["status"] for run in content["runs"]] == ["finished"] * 6


def test_what_strangers_write_is_no_markup_and_no_formula(make_run):
    evil = evaluation()
    evil["scores"]["=HYPERLINK(1)|<b>"] = {"value": 1.0, "protocol": "=1+1"}
    runs = runs_of(make_run, make_run("evil", data='"a|b<script>"', evaluated=evil))
    markdown = table(runs, "markdown")
    assert "<script>" not in markdown
    assert "HYPERLINK(1)\\|\\<b\\>" in markdown
    for row in csv.reader(io.StringIO(table(runs, "csv"))):
        assert not [cell for cell in row if cell.startswith(("=", "+", "@"))]


@pytest.mark.parametrize("form", ["markdown", "csv", "json"])
def test_a_data_set_without_a_finished_run_is_in_every_form(make_run, form):
    failed = make_run("kmnist", data="kmnist", status="failed", error="RuntimeError: no room")
    assert "kmnist" in table([read_run(failed)], form) or form == "csv"  # a line for each number: it has none
    assert "fid" in table(runs_of(make_run, failed), form)


def test_runs_that_are_not_in_the_table_are_named(make_run, tmp_path):
    (tmp_path / "broken").mkdir()
    runs = runs_of(make_run, make_run("stopped", seed=9, status="interrupted"), tmp_path / "broken")
    markdown = table(runs, "markdown")
    assert "- interrupted: " in markdown
    assert "- broken: " in markdown
    assert {run["status"] for run in json.loads(table(runs, "json"))["runs"]} == {"finished", "interrupted", "broken"}
