"""What was run: the resolved config and the overrides, as files and as a flat table."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from genlab.runs.atomic import write_text
from genlab.runs.identity import result_settings


def save_config(cfg: DictConfig, overrides: Sequence[str], folder: Path) -> None:
    """Write `config.yaml`, resolved and with an absolute `data.root`, and `overrides.yaml`; a run knows of no sweep."""
    cfg = OmegaConf.masked_copy(cfg, [str(name) for name in cfg if name != "sweep"])
    if cfg.data.get("root") is not None:
        cfg.data.root = os.path.abspath(os.path.expanduser(cfg.data.root))
    write_text(folder / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))
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
