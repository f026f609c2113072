"""A run continues: in its folder, with its own config, from last.ckpt."""

import contextlib
import os
from typing import Any

import yaml
from omegaconf import OmegaConf

from genlab.errors import ConfigError, RunError
from genlab.quiet import keep_quiet
from genlab.runs.lock import is_locked
from genlab.runs.reading import check_root, open_run, read_overrides

# What may be changed: how long and where a run trains, but not what
CHANGEABLE = ("trainer.max_epochs", "trainer.accelerator", "trainer.devices", "data.root", "data.num_workers")


def resume(folder: str, overrides: list[str]) -> None:
    """Train a run to its end, as if it had never stopped; say so if there is nothing left to do.

    Args:
        folder: of the run.
        overrides: `KEY=VALUE`, of the settings in `CHANGEABLE`.

    Raises:
        ConfigError: another override.
        RunError: the folder cannot be trusted, is damaged, or another process trains into it.
    """
    run = open_run(folder)
    changes = dict(map(_parse, overrides))
    for key, value in changes.items():
        OmegaConf.update(run.config, key, value, force_add=True)
    done, wanted = run.summary.get("epochs"), run.config.trainer.max_epochs
    if run.summary["status"] == "finished" and isinstance(wanted, int) and isinstance(done, int) and wanted <= done:
        print(f"{folder}: finished already, after {done} epochs; for more: trainer.max_epochs={done + 20}")
        return
    if is_locked(run.folder) and "LOCAL_RANK" not in os.environ:  # Lightning's further processes share the folder
        raise RunError(f"{folder}: another process is training into this folder; wait for it, or stop it")
    if "data.root" not in changes:
        check_root(run)
    from genlab.training import train  # seconds, because of torch

    keep_quiet()
    earlier = [text for text in read_overrides(run.folder) if text.partition("=")[0] not in changes]
    train(run.config, resumed=run, overrides=[*earlier, *overrides])


def _parse(override: str) -> tuple[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or key not in CHANGEABLE:
        raise ConfigError(
            f"{override}: a resumed run keeps its settings; only these can be given: {', '.join(CHANGEABLE)}"
        )
    parsed: Any = value
    with contextlib.suppress(yaml.YAMLError, ValueError):
        parsed = yaml.safe_load(value)
    if parsed is None and override != "data.root=null":
        raise ConfigError(f"{override}: it has no value; leave {key} out, or give it one")
    devices = isinstance(parsed, list) and all(isinstance(device, int) for device in parsed)
    return key, parsed if devices or isinstance(parsed, str | int | float | None) else value
