"""A run folder may come from a stranger: what its config is allowed to say.

Hydra's `instantiate` imports and calls whatever a config names, so everything is looked at before anything is built.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from genlab.configuration import config_dir
from genlab.errors import RunError

SECTIONS = ("model", "data", "trainer", "logger", "callbacks")
PLAIN = ("seed", "outputs", "run_dir")
# Arguments of Lightning's Trainer that take objects or a path; genlab itself gives these
OBJECTS = ("logger", "callbacks", "plugins", "default_root_dir")
LARGEST = 1_000_000  # bytes of a config; genlab's own have 3,000


def read_config(path: Path) -> dict[str, Any]:
    """config.yaml of a run folder as plain values, checked.

    Raises:
        RunError: it cannot be read, or it names a class that no config of this installation names at that place, or it
            has a key or a value that could make `instantiate` do anything else than construct genlab's classes.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise RunError(f"{path}: larger than any config of genlab; it is not one")
        text = path.read_text(encoding="utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise RunError(f"{path}: has a YAML alias, which genlab never writes")
        config = yaml.safe_load(text)
    except FileNotFoundError:
        raise RunError(
            f"{path.parent}: no run folder, it has no {path.name}; genlab runs lists those under outputs"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({' '.join(str(error).split())}); restore it from a copy") from None
    try:
        check_config(config)
    except RunError as error:
        raise RunError(f"{path}: {error}") from None
    return config


def check_config(config: Any) -> None:
    """See `read_config`."""
    missing = [name for name in (*PLAIN, *SECTIONS) if not isinstance(config, dict) or name not in config]
    if missing:
        raise RunError(f"no config of a run, {missing[0]} is missing; give the folder of a run")
    for name, value in config.items():
        if name in PLAIN:
            if not isinstance(value, (str, int)):
                raise RunError(f"{name} is no plain value")
        elif name not in SECTIONS:
            raise RunError(f"{name}: there is no such setting")
    allowed = allowed_targets()
    for address, value in _leaves(config):
        key = address[-1]
        if key == "_target_":
            if value not in allowed.get(address[:-1], ()):
                raise RunError(
                    f"{'.'.join(map(str, address))}: {value} is not a class that genlab's configs name there, "
                    "so it is not run"
                )
        elif str(key).startswith("_") or (isinstance(value, str) and "${" in value):
            raise RunError(f"{'.'.join(map(str, address))}={value}: not a plain setting, so it is not run")
    for name in OBJECTS:
        if name in config["trainer"]:
            raise RunError(f"trainer.{name}: not a setting of a run")
    for section in ("model", "data", "trainer"):
        if not isinstance(config[section], dict) or "_target_" not in config[section]:
            raise RunError(f"{section} names no class")
    for section in ("logger", "callbacks"):
        for name, value in (config[section] or {}).items():
            if not isinstance(value, dict) or "_target_" not in value:
                raise RunError(f"{section}.{name} names no class")
    root = config["data"].get("root")
    if root is not None and (not isinstance(root, str) or ".." in Path(root).parts):
        raise RunError(f"data.root={root}: a path with .. may point anywhere; give data.root=FOLDER yourself")


def _leaves(value: Any, address: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every plain value with its address; a key of a mapping counts as part of the address."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)) and str(key).startswith("_"):
                yield (*address, key), item
            yield from _leaves(item, (*address, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*address, index))
    else:
        yield address, value


@functools.cache
def allowed_targets() -> dict[tuple[str, ...], set[str]]:
    """Address → the classes that the configs of this installation name there, as ("model",) → {…VAE, …GAN}.

    Someone who trains a model of their own adds a config for it, and with that allows it.
    """
    allowed: dict[tuple[str, ...], set[str]] = {}
    for path in config_dir().rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        group = path.relative_to(config_dir()).parts[:-1]
        top = () if re.search(r"^# @package _global_", text) else group
        for address, value in _leaves(yaml.safe_load(text) or {}, top):
            if address and address[-1] == "_target_":
                allowed.setdefault(address[:-1], set()).add(value)
    return allowed
