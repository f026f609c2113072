"""Of the runs below a folder, some are listed and not compared."""

import sys

import pytest
from report.run_folders import evaluation, write_run

from genlab.cli.main import main
from genlab.report.page import page, set_aside
from genlab.report.reading import find_folders, read_run


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    """Two evaluated runs, and one of each kind that is no part of a comparison."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs"
    for name, model in (("vae/good", "VAE"), ("gan/good", "GAN")):
        write_run(folder / name, model=model, evaluated=evaluation())
    write_run(folder / "vae" / "tried", overrides=["model=vae", "debug=fast"], evaluated=evaluation())
    write_run(folder / "vae" / "stopped", status="interrupted")
    write_run(folder / "vae" / "plain", settings={"beta": 7})
    write_run(folder / "search" / "trials" / "0", settings={"beta": 9}, evaluated=evaluation())
    return folder


def asked(*arguments):
    return set_aside([read_run(folder) for folder in find_folders(arguments)], arguments)


def test_of_a_folder_those_that_count_are_compared(outputs):
    shown, aside = asked("outputs")
    assert {run.name for run in shown} == {"outputs/vae/good", "outputs/gan/good"}
    assert {why: [run.name for run in runs] for why, runs in aside.items()} == {
        "from a search": ["outputs/search/trials/0"],
        "for debugging": ["outputs/vae/tried"],
        "interrupted": ["outputs/vae/stopped"],
        "not evaluated": ["outputs/vae/plain"],
    }


@pytest.mark.parametrize("arguments", [("outputs/vae/stopped",), ("outputs/vae/*",), ("outputs/search",)])
def test_what_is_named_itself_or_is_all_there_is_is_compared(outputs, arguments):
    shown, aside = asked(*arguments)
    assert shown and aside == {}


def test_the_page_lists_them_and_all_compares_them(outputs, monkeypatch, capsys):
    shown, aside = asked("outputs")
    html = page(shown, aside)
    assert "2 runs of 2 settings" in html and "outputs/vae/stopped" in html
    for place, kind in enumerate(aside, 1):  # each has its own box
        assert f'value="{place}"> 1 {kind}</label>' in html and html.count(f'data-kind="{place}"') == 1
    assert "beta=7" not in html
    monkeypatch.setattr(sys, "argv", ["genlab", "report", "outputs", "--all"])
    main()
    assert "6 runs" in capsys.readouterr().out
    assert "beta=7" in (outputs.parent / "report.html").read_text()
