"""The best trial as an experiment that `python train.py` runs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from genlab.runs.atomic import write_text
from genlab.runs.configuration import config_dir
from genlab.tuning.trial_config import TrialConfigs

GROUPS = ("data", "trainer", "logger", "callbacks", "model")  # whose options an experiment chooses
PLACES = ("outputs", "run_dir", "hydra", "sweep")  # not part of an experiment


def write_experiment(configs: TrialConfigs, values: Mapping[str, str], comment: str, folder: Path) -> None:
    """Write `folder/experiment/best.yaml`; `python train.py --config-dir folder experiment=best` trains it.

    Args:
        configs: of the search.
        values: of its best trial; they are written even where they are the default's.
        comment: its first line.
        folder: of configs.
    """
    cfg, resolved = configs.of_best(values)  # what it has in common with the defaults is not written
    # of a list of options Hydra tells none: all that they set is written then
    choices = {name: cfg.hydra.runtime.choices.get(name) for name in GROUPS}
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        options = [f"{name}={option}" if option else f"~{name}" for name, option in choices.items()]
        chosen = compose("config", [*configs.searchpath(), *options])
        default = compose("config", return_hydra_config=True).hydra.runtime.choices
    overrides = [
        {f"override /{name}": option} for name, option in choices.items() if option != default[name] or name == "model"
    ]
    settings = _differences(_plain(cfg), _plain(chosen), _plain(resolved))
    if settings.get("data", {}).get("root") is not None:
        settings["data"]["root"] = os.path.abspath(os.path.expanduser(settings["data"]["root"]))
    experiment = OmegaConf.create({"defaults": overrides, **settings})
    for address in values:
        if address not in GROUPS:
            OmegaConf.update(experiment, address, OmegaConf.select(resolved, address), force_add=True)
    text = f"# @package _global_\n# {comment}\n{OmegaConf.to_yaml(experiment)}"
    write_text(folder / "experiment" / "best.yaml", text)


def _plain(cfg: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(cfg)
    assert isinstance(container, dict)
    return {str(name): value for name, value in container.items() if name not in PLACES}


def _differences(wanted: Mapping[str, Any], there: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ, of a config with others."""
    different: dict[str, Any] = {}
    for name, value in wanted.items():
        before = there.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if below := _differences(value, before, values[name]):
                different[name] = below
        elif name not in there or value != before or isinstance(value, bool) is not isinstance(before, bool):
            different[name] = values[name]
    return different
