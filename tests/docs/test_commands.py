"""The commands that README.md and docs/ print are accepted: their names, options and settings exist."""

import re
import shlex
from pathlib import Path

import pytest

from genlab.cli.main import COMMANDS
from genlab.cli.overrides import check
from genlab.errors import ConfigError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# What a reader puts in the place of these is not there in a test
PLACEHOLDERS = ("_FOLDER", "my_", "mine", "…", "resume=", "--config-dir")


def printed(*starts):
    """(page, words) of each command that is indented by four spaces and begins so, without its comment."""
    for page in PAGES:
        for line in re.findall(r"^ {4}(\S.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            words = shlex.split(line, comments=True) if line.startswith(starts) else []
            if words:
                yield page.relative_to(ROOT).as_posix(), words


TRAINING = [
    (page, words[2:] if words[0] == "python" else words[2:])
    for page, words in printed("python train.py", "genlab train")
    if not any(placeholder in word for word in words for placeholder in PLACEHOLDERS)
]
COMMANDS_OF_GENLAB = [(page, words[1]) for page, words in printed("genlab ")]


def test_commands_are_found():
    assert len(TRAINING) > 20
    assert len(COMMANDS_OF_GENLAB) > 20


@pytest.mark.parametrize(("page", "arguments"), TRAINING, ids=lambda value: " ".join(value) if value else "")
def test_a_training_command_is_accepted(page, arguments):
    check(arguments)


def test_a_wrong_setting_would_be_noticed():
    with pytest.raises(ConfigError, match="latent_dims"):
        check(["model.latent_dims=2"])


@pytest.mark.parametrize(("page", "command"), sorted(set(COMMANDS_OF_GENLAB)))
def test_a_command_of_genlab_exists(page, command):
    assert command in COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing
