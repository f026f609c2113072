"""`genlab report`: real runs in, a file or a table out."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest


def test_runs_of_every_family_are_one_page(of_every_family, genlab, tmp_path):
    result = genlab("report", of_every_family)
    assert (result.code, result.err) == (0, "")
    html = (tmp_path / "report.html").read_text()
    size = (tmp_path / "report.html").stat().st_size
    assert result.out == f"report.html: 5 runs, {size / 1e6:.1f} MB\n"
    for words in ("<h1>5 runs of 5 settings</h1>", "Samples at equal epochs", "test/<wbr>bits_<wbr>per_<wbr>dim"):
        assert words in html, words


@pytest.mark.parametrize("format", ["markdown", "csv", "json"])
def test_a_table_goes_to_the_terminal_or_to_a_file(runs, genlab, tmp_path, format):
    result = genlab("report", runs["vae"], runs["gan"], "--format", format)
    assert (result.code, result.err) == (0, "")
    assert list(tmp_path.iterdir()) == []
    again = genlab("report", runs["vae"], runs["gan"], "--format", format, "--out", "table")
    assert again.out.startswith("table: 2 runs, ")
    text = (tmp_path / "table").read_text()
    assert text == result.out
    elbo = json.loads((runs["vae"] / "summary.json").read_text())["metrics"]["test/elbo"]
    if format == "json":
        (comparison,) = json.loads(text)["comparisons"]
        metrics = {m["name"]: m["mean"] for m in comparison["groups"][0]["metrics"]}
        assert metrics["test/elbo"] == elbo
    elif format == "csv":
        rows = csv.DictReader(io.StringIO(text))
        assert [float(row["mean"]) for row in rows if row["metric"] == "test/elbo" and row["mean"]] == [elbo]
    else:
        assert f"{elbo:.4g}".replace("-", "−") in text


def test_a_broken_folder_among_others_is_named(runs, genlab, tmp_path):
    (tmp_path / "empty").mkdir()
    result = genlab("report", runs["vae"], "empty")
    assert (result.code, result.err) == (0, "")
    assert "broken: empty: empty: no run folder, it has no summary.json" in result.out
    assert "broken" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "answer"),
    [
        (["absent"], 1, "absent: no such folder; genlab runs lists those there are"),
        (["empty"], 1, "no run can be read; empty: no run folder, it has no summary.json"),
        ([], 2, "Missing argument 'RUN...'; see genlab report --help"),
        (["RUN", "--format", "pdf"], 2, "Invalid value for '--format': 'pdf' is not one of 'html', 'markdown', "),
        (["RUN", "--out", "absent/a.html"], 2, "Invalid value for '--out': absent/a.html: the folder absent is not th"),
        (["RUN", "--out", "empty"], 2, "Invalid value for '--out': empty: is a folder, a pipe or a device; "),
        (["RUN", "--out", "empty/pipe"], 2, "Invalid value for '--out': empty/pipe: is a folder, a pipe or a device"),
    ],
)
def test_wrong_input_is_answered_in_one_line(runs, genlab, tmp_path, arguments, code, answer):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "empty" / "pipe")
    result = genlab("report", *[runs["vae"] if argument == "RUN" else argument for argument in arguments])
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert result.err.startswith(f"error: {answer}")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert (tmp_path / "empty" / "pipe").is_fifo()


def test_a_disk_that_cannot_be_written_leaves_nothing(runs, genlab, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = genlab("report", runs["vae"], "--out", "a.html")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error: a.html: No space left on device; choose another file with --out\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["folder", "unwritable"])
def test_a_place_where_the_page_cannot_be_is_answered_in_one_line(runs, genlab, tmp_path, monkeypatch, there):
    """Without --out, which is checked before."""
    if there == "folder":
        (tmp_path / "report.html").mkdir()
    else:

        def denied(*arguments, **settings):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("os.fsync", denied)
    result = genlab("report", runs["vae"])
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.startswith("error: report.html: ")
    assert "--out" in result.err


def test_a_report_needs_no_torch(runs, tmp_path):
    code = f"""
import sys
from genlab.cli.main import main
sys.argv = ["genlab", "report", {str(runs["vae"])!r}]
main()
sys.exit("torch" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
