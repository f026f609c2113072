"""genlab explore: a page of each family, and one line where there is none."""

import json
import re

import pytest

from genlab.report.explorer.page import runs_in


def data_of(file):
    return json.loads(re.search('<script type="application/json" id="data">(.*?)</script>', file.read_text("utf-8"))[1])


@pytest.mark.parametrize(
    "family", ["vae", pytest.param("autoencoder", marks=pytest.mark.slow), "gan", "flow_matching", "flow"]
)
def test_a_page_is_written(runs, genlab, tmp_path, family):
    result = genlab("explore", runs[family], "--out", "touch.html")
    assert not result.code, result
    assert re.match(r"touch\.html: \w+ of .*, \d\.\d MB$", result.out)
    (shown,) = data_of(tmp_path / "touch.html")
    roles = {"vae": ["decoder", "encoder"], "autoencoder": ["decoder", "encoder"], "gan": ["decoder", "discriminator"]}
    assert sorted(shown.get("networks", ())) == roles.get(family, [])
    assert ("traces" in shown) == family.startswith("flow")
    assert shown.get("bound", False) == (family == "vae")
    assert shown.get("prior") == {"vae": True, "gan": True, "autoencoder": False}.get(family)
    summary = json.loads((runs[family] / "summary.json").read_text())
    assert {tag for tag, *_ in shown["facts"]} == {tag for tag in summary["metrics"] if tag.startswith("test/")}
    assert runs_in(tmp_path / "touch.html") == {shown["name"]}


def test_a_conditional_model_has_classes_and_the_bound(labelled, genlab, tmp_path):
    result = genlab("explore", labelled)
    assert not result.code, result
    (shown,) = data_of(tmp_path / "explorer.html")
    assert len(shown["shares"]) == 10 and sum(shown["shares"]) == pytest.approx(1)
    assert shown["bound"] and "p(x|z, y)" in shown["sentences"][2]


def refused(genlab, tmp_path, *arguments):
    result = genlab("explore", *arguments)
    assert result.code in (1, 2), result
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert not list(tmp_path.glob("*.html"))
    return result.err


def test_too_many_latents_are_answered_in_one_line(runs, genlab, tmp_path, monkeypatch):
    monkeypatch.setattr("genlab.report.explorer.computed.MOST_LATENTS", 3)
    assert "VAE: 4 latents are more than the 3 that a page can show" in refused(genlab, tmp_path, runs["vae"])


def test_a_page_that_would_be_too_large_is_answered_in_one_line(runs, genlab, tmp_path, monkeypatch):
    monkeypatch.setattr("genlab.report.explorer.page.LARGEST", 10_000)
    assert "take fewer runs or a smaller model" in refused(genlab, tmp_path, runs["vae"])


def test_no_run_and_no_data_are_answered_in_one_line(runs, genlab, tmp_path):
    assert "RUN_FOLDER" in refused(genlab, tmp_path, "data.root=elsewhere")
    assert "no such folder" in refused(genlab, tmp_path, "nowhere")
    assert "data.root=elsewhere" in refused(genlab, tmp_path, runs["vae"], "data.root=elsewhere")


def test_a_report_leads_to_the_explorer_beside_it(runs, genlab, tmp_path):
    assert not genlab("explore", runs["vae"]).code
    assert not genlab("report", runs["vae"]).code
    assert '<a href="explorer.html">Explorer</a>' in (tmp_path / "report.html").read_text("utf-8")
    assert not genlab("report", runs["gan"]).code
    assert "explorer.html" not in (tmp_path / "report.html").read_text("utf-8")  # which is of another run


def test_a_report_can_embed_it(runs, genlab, tmp_path, monkeypatch):
    monkeypatch.setattr("genlab.report.explorer.computed.MOST_LATENTS", 4)
    result = genlab("report", runs["vae"], runs["gan"], "--explorer")
    assert not result.code, result
    assert "not in the explorer: GAN: 8 latents" in result.out
    assert "<iframe" in (tmp_path / "report.html").read_text("utf-8")
    refusal = genlab("report", runs["gan"], "--explorer", "--out", "none.html")
    assert refusal.err.startswith("error: --explorer: no run can be explored")
    assert not (tmp_path / "none.html").exists()
    assert "only in a page" in genlab("report", runs["vae"], "--explorer", "--format", "csv").err
