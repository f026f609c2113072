"""A run folder may come from a stranger: what its files are, and what its config is allowed to say.

Hydra's `instantiate` imports and calls whatever a config names, so everything is looked at before anything is built.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from genlab.errors import RunError
from genlab.runs.configuration import config_dir

SECTIONS = ("model", "data", "trainer", "logger", "callbacks", "evaluation")
PLAIN = ("seed", "evaluate", "evaluate_every", "outputs", "run_dir")
# Arguments of Lightning's Trainer that take objects or a place; genlab itself gives these
OBJECTS = ("logger", "callbacks", "plugins", "default_root_dir", "model_registry")
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
LARGEST = 100_000  # bytes of a config; genlab's own have 3,000
DEEPEST = 20  # mappings and lists in one another; genlab's own have 3


def check_files(folder: Path) -> None:
    """That a run folder has files and folders alone.

    Raises:
        RunError: there is a link, which may lead anywhere, or a pipe or a device, which may never end.
    """
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise RunError(f"{path}: a link, a pipe or a device, which genlab never makes and does not open; remove it")


def read_text(path: Path, largest: int) -> str:
    """The text of a file in a run folder.

    Raises:
        RunError: it is missing, is not a file, has more than `largest` bytes, or they are no UTF-8.
    """
    try:
        if not path.exists():
            raise RunError(
                f"{path.parent}: no run folder, it has no {path.name}; genlab runs lists those under outputs"
            )
        if not path.is_file() or path.stat().st_size > largest:
            raise RunError(f"{path}: not a file, or larger than any that genlab writes; restore it from a copy")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read ({error}); restore it from a copy") from None


def read_config(path: Path) -> dict[str, Any]:
    """config.yaml of a run folder as plain values, checked.

    Raises:
        RunError: it cannot be read, or it names a class that no config of this installation names at that place, or it
            has a key or a value that could make `instantiate` do anything else than construct genlab's classes.
    """
    text = read_text(path, LARGEST)
    try:
        check_yaml(text)
        config = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # of a date or a number that Python does not have
        raise RunError(f"{path}: cannot be read ({' '.join(str(error).split())}); restore it from a copy") from None
    try:
        check_config(config)
    except RunError as error:
        raise RunError(f"{path}: {error}") from None
    return config


def check_yaml(text: str) -> None:
    """Before a value is made: no tags, which name Python's types, no aliases, which multiply, and no great depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise ValueError("it has a YAML tag or alias, which genlab never writes")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")


def check_config(config: Any) -> None:
    """See `read_config`."""
    if not isinstance(config, dict) or not {*PLAIN, *SECTIONS} <= config.keys():
        missing = next(name for name in (*PLAIN, *SECTIONS) if not isinstance(config, dict) or name not in config)
        raise RunError(f"no config of a run, {missing} is missing; give the folder of a run")
    for name in PLAIN:
        if not isinstance(config[name], (str, int)):
            raise RunError(f"{name}={config[name]}: not a plain value, so it is not run")
    for name in config:
        if name not in (*PLAIN, *SECTIONS):
            raise RunError(f"{name}: there is no such setting, so it is not run")
    _check_value(config, (), allowed_targets())
    for section in ("model", "data", "trainer", "evaluation"):
        _check_class(config[section], section)
    for section in ("logger", "callbacks"):
        if not isinstance(config[section], dict):
            raise RunError(f"{section}={config[section]}: not a table of classes, so it is not run")
        for name, value in config[section].items():
            _check_class(value, f"{section}.{name}")
    for name in OBJECTS:
        if name in config["trainer"]:
            raise RunError(f"trainer.{name}: not a setting of a run; remove it")
    root = config["data"].get("root")
    if root is not None and (not isinstance(root, str) or ".." in Path(root).parts):
        raise RunError(f"data.root={root}: a path with .. may point anywhere; write the folder without it")


def _check_class(value: Any, address: str) -> None:
    if not isinstance(value, dict) or "_target_" not in value:
        raise RunError(f"{address} names no class, so it is not run")


def _check_value(value: Any, address: tuple[str, ...], allowed: dict[tuple[str, ...], set[str]]) -> None:
    """Names and plain values all the way down; `_target_` alone may begin with an underscore, and names a class."""
    where = ".".join(address)
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "_target_":
                if not isinstance(item, str) or item not in allowed.get(address, ()):
                    raise RunError(
                        f"{where}._target_: {item} is not a class that genlab's configs name there, so it is not run"
                    )
            elif not isinstance(key, str) or not KEY.fullmatch(key):
                raise RunError(f"{where}.{key}={item}: not a plain setting, so it is not run")
            else:
                _check_value(item, (*address, key), allowed)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_value(item, (*address, str(index)), allowed)
    elif isinstance(value, str):
        if "${" in value or value == "???":  # what OmegaConf would put something else in the place of
            raise RunError(f"{where}={value}: not a plain setting, so it is not run")
    elif not isinstance(value, int | float | None):
        raise RunError(f"{where}={value}: not a plain setting, so it is not run")


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
        for address, target in _targets(yaml.safe_load(text), top):
            allowed.setdefault(address, set()).add(target)
    return allowed


def _targets(value: Any, address: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        if "_target_" in value:
            yield address, value["_target_"]
        for key, item in value.items():
            yield from _targets(item, (*address, key))
