"""What was run: the resolved config and the overrides, as files and as a flat table."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from genlab.runs.atomic import write_text
from genlab.runs.classes import PLAIN, SECTIONS

# Ends of the addresses that change no result and would fill the HParams tab
HOUSEKEEPING = (
    "_target_",
    "root",
    "num_workers",
    "eval_batch_size",
    "data.seed",
    "_dir",
    "_bar",
    "_summary",
    "_hparams",
)


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
    """`{"model.latent_dim": 20, …}` for the HParams tab, which takes only bool, str, int and float."""
    resolved = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(resolved, dict)
    flat: dict[str, Any] = {}

    def visit(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                visit(f"{prefix}.{key}" if prefix else key, item)
        elif not prefix.endswith(HOUSEKEEPING):
            flat[prefix] = value if isinstance(value, (bool, str, int, float)) else str(value)

    visit("", {name: resolved[name] for name in ("seed", "model", "data", "trainer")})
    flat["model"] = str(resolved["model"].get("_target_", "")).rpartition(".")[2]
    return flat
