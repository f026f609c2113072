"""Every config composes and instantiates; every key is a parameter that is read."""

import inspect
import re
import subprocess
import sys

import pytest
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from genlab.runs.configuration import config_dir
from genlab.training.train import build


def options(group):
    return [f"{group}={path.stem}" for path in sorted((config_dir() / group).glob("*.yaml"))]


GROUPS = ["model", "data", "trainer", "logger", "callbacks", "experiment", "debug"]
# what the stand-in's folder, or this machine, does not fit; tests/data/test_own_data.py builds those of the user's data
ELSEWHERE = ["trainer=gpu", "data=digits", "data=arrays", "data=folder"]
CHOICES = [option for group in GROUPS for option in options(group) if option not in ELSEWHERE]


def test_every_group_is_tried():
    assert {path.name for path in config_dir().iterdir() if path.is_dir()} - {"hydra", "search"} == set(GROUPS)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_config_composes_and_instantiates(compose_config, choice, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")  # nobody is logged in
    monkeypatch.chdir(tmp_path)  # where MLflow makes its database
    build(compose_config(choice))


def test_what_an_experiment_sets_of_pictures_is_left_out_with_them(compose_config):
    cfg = compose_config("experiment=flow_matching_best", "callbacks=search")
    assert "traversals" in cfg.callbacks
    build(cfg)
    assert "traversals" not in cfg.callbacks


def targets(node, address=""):
    """Every node with a `_target_`, under its address."""
    if isinstance(node, DictConfig):
        if "_target_" in node:
            yield address, node
        for key in node:
            if not OmegaConf.is_missing(node, key):
                yield from targets(node[key], f"{address}.{key}")


@pytest.mark.parametrize("choice", [*CHOICES, *ELSEWHERE])
def test_every_key_is_a_constructor_parameter(compose_config, choice):
    for address, node in targets(compose_config(choice)):
        parameters = inspect.signature(get_class(node._target_)).parameters.values()
        if node._target_.startswith("genlab."):
            assert not any(p.kind is p.VAR_KEYWORD for p in parameters), f"{address} takes anything"
        assert set(node) - {"_target_"} <= {p.name for p in parameters}, address


@pytest.mark.parametrize("choice", options("model"))
def test_every_model_parameter_is_a_key(compose_config, choice):
    """All but what the data decide, whose default is that of MNIST."""
    node = compose_config(choice).model
    decided = {"image_shape", "num_classes"}
    assert set(inspect.signature(get_class(node._target_)).parameters) - decided == set(node) - {"_target_"}


@pytest.mark.parametrize(
    ("command", "typed"), [(["train.py"], "python train.py"), (["-m", "genlab.cli.main", "train"], "genlab train")]
)
def test_help_names_the_groups_and_settings_that_exist(compose_config, command, typed):
    repository = config_dir().parent
    shown = subprocess.run(
        [sys.executable, *command, "--help"], capture_output=True, text=True, check=True, cwd=repository
    ).stdout
    for group in GROUPS:
        assert re.search(rf"^{group}: ", shown, re.MULTILINE), group
    assert len(re.findall(rf"^  {typed} ", shown, re.MULTILINE)) >= 3
    cfg = compose_config()
    for setting in re.findall(r"^  ([a-z_]+(?:\.[a-z_]+)*)  ", shown, re.MULTILINE):
        assert OmegaConf.select(cfg, setting, default="absent") != "absent", setting
