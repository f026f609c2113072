"""The commands that README.md and docs/ print are accepted: their names, options and settings exist."""

import re

import click
import pytest
from docs.printed import OF_THE_READER, PAGES, printed

from genlab.cli.main import COMMANDS, Commands
from genlab.cli.overrides import check
from genlab.errors import ConfigError

TRAINING = printed("python train.py", "genlab train", without=OF_THE_READER)
OTHERS = printed("genlab ")


@pytest.mark.parametrize("command", TRAINING, ids=" ".join)
def test_a_training_command_is_accepted(command):
    check(list(command[2:]))


def test_training_commands_are_found_and_a_wrong_one_would_be_noticed():
    assert len(TRAINING) > 20
    with pytest.raises(ConfigError, match="latent_dims"):
        check(["model.latent_dims=2"])


@pytest.mark.parametrize("command", OTHERS, ids=" ".join)
def test_the_options_of_a_command_exist(command, tmp_path, monkeypatch):
    """What they do is in test_commands_run.py."""
    monkeypatch.chdir(tmp_path)
    for name in ("FOLDER", "my_configs"):
        (tmp_path / name).mkdir()
    found = Commands().get_command(click.Context(Commands()), command[1])
    assert command[1] in COMMANDS and found is not None
    found.make_context(command[1], list(command[2:]))


def test_commands_of_genlab_are_found_and_a_wrong_option_would_be_noticed(tmp_path, monkeypatch):
    assert len({command[1] for command in OTHERS}) > 8
    with pytest.raises(click.UsageError, match="tempreature"):
        test_the_options_of_a_command_exist(("genlab", "runs", "--tempreature", "0.7"), tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGES[page].read_text(encoding="utf-8"))
    assert not [target for target in targets if not (PAGES[page].parent / target).exists()]
