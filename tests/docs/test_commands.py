"""The commands that README.md and docs/ print are accepted: their names, options and settings exist."""

import re
import shlex
from pathlib import Path

import pytest

from genlab.cli.main import COMMANDS
from genlab.cli.overrides import check
from genlab.errors import ConfigError

ROOT = Path(__file__).parents[2]
PAGES = {path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]}

# What stands for something of the reader's, or needs a run or a folder that a test does not have
OF_THE_READER = ("_FOLDER", "my_", "…", "resume=", "--config-dir")


def printed(*starts, without=()):
    """Command → the page it is on first. Commands are indented by four spaces; their comments are left out."""
    commands = {}
    for page, path in PAGES.items():
        for line in re.findall(r"^ {4}(\S.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            if line.startswith(starts) and not any(text in line for text in without):
                commands.setdefault(tuple(shlex.split(line, comments=True)), page)
    return commands


TRAINING = printed("python train.py", "genlab train", without=OF_THE_READER)
OTHERS = {command[1]: page for command, page in printed("genlab ").items()}


@pytest.mark.parametrize("command", TRAINING, ids=" ".join)
def test_a_training_command_is_accepted(command):
    check(list(command[2:]))


def test_training_commands_are_found_and_a_wrong_one_would_be_noticed():
    assert len(TRAINING) > 20
    with pytest.raises(ConfigError, match="latent_dims"):
        check(["model.latent_dims=2"])


def test_the_commands_of_genlab_exist():
    assert set(OTHERS) <= set(COMMANDS)
    assert len(OTHERS) > 5


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGES[page].read_text(encoding="utf-8"))
    assert not [target for target in targets if not (PAGES[page].parent / target).exists()]
