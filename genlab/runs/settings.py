"""What was run: the resolved config and the overrides, as files and as a flat table."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from genlab.runs.atomic import write_text
from genlab.runs.classes import PLAIN, SECTIONS
from genlab.runs.identity import result_settings


def recorded(cfg: DictConfig) -> dict[str, Any]:
    """What a run consists of, as plain values with an absolute `data.root`; it knows of no sweep."""
    resolved: Any = OmegaConf.to_container(cfg, resolve=True)
    config = {name: value for name, value in resolved.items() if name in (*PLAIN, *SECTIONS)}
    if isinstance(config["data"].get("root"), str):
        config["data"]["root"] = os.path.abspath(os.path.expanduser(config["data"]["root"]))
    return config


def save_config(cfg: DictConfig, overrides: Sequence[str], folder: Path) -> None:
    """Write `config.yaml` and `overrides.yaml`."""
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(recorded(cfg))))
    write_text(folder / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(list(overrides))))


def flat_settings(cfg: DictConfig) -> dict[str, Any]:
    """What changes a result, `{"model.latent_dim": 20, …}`; the HParams tab takes only bool, str, int and float."""
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    chosen = {name: config[name] for name in ("seed", "model", "data", "trainer")}
    settings = {"seed": config["seed"], "model": str(config["model"].get("_target_", "")).rpartition(".")[2]}
    for address, value in result_settings(chosen).items():
        if not address.endswith("_target_"):
            settings[address] = value if isinstance(value, bool | str | int | float) else str(value)
    return settings
