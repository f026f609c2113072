"""docs/extending.md: its code and its commands, run as they are printed."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
SCREEN = 45  # lines
BLOCKS = re.findall(
    r"^```\w+\n((?:# @[^\n]*\n)?# (my_lab\S+)\n.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
COMMANDS = re.findall(r"^ {4}((?:genlab|python) .*)$", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """All files of the page."""
    for text, name in BLOCKS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    GlobalHydra.instance().clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_lab"]:
        del sys.modules[name]


@pytest.mark.parametrize(("text", "name"), BLOCKS, ids=[name for _, name in BLOCKS])
def test_a_block_fits_on_a_screen(text, name):
    assert len(text.splitlines()) <= SCREEN


def test_the_page_shows_a_model_pictures_data_and_a_logger():
    assert {Path(name).parts[-2] for _, name in BLOCKS} == {"my_lab", "model", "callbacks", "logger"}
    assert len(COMMANDS) == 6


def test_every_command_does_what_the_page_says(package, genlab):
    done = []
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        if program == "python":
            runpy.run_path(arguments[0])
            continue
        GlobalHydra.instance().clear()
        result = genlab(*arguments)
        assert not result.code, (command, result)
        (new,) = set((package / "outputs" / "mean_image").iterdir()) - set(done)
        done.append(new)
        summary = json.loads((new / "summary.json").read_text())
        assert (summary["status"], summary["headline"]) == ("finished", "distance")
        assert (new / "checkpoints" / "best.ckpt").exists()
    plain, pictured, patient, rings, logged = done
    assert (plain / "images" / "samples" / "epoch_0003.png").exists()
    assert (pictured / "images" / "average" / "epoch_0003.png").exists()
    assert "lr-Adam" in (patient / "metrics.csv").read_text()
    assert json.loads((rings / "summary.json").read_text())["data"] == "arrays"
    rows = [json.loads(line) for line in (logged / "numbers.jsonl").read_text().splitlines()]
    assert any("val/distance" in row for row in rows)

    refused = genlab("resume", patient, "trainer.max_epochs=4")
    assert "--trust my_lab allows it" in refused.err
    resumed = genlab("resume", patient, "trainer.max_epochs=4", "--config-dir", "my_lab/conf")
    assert not resumed.code, resumed
