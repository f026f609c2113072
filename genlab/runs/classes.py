"""What the config of a run is allowed to say: settings, and the names of known classes.

Hydra's `instantiate` imports and calls whatever a config names, so everything is looked at before anything is built.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from genlab.errors import RunError
from genlab.runs.configuration import config_dir

SECTIONS = ("model", "data", "trainer", "logger", "callbacks", "evaluation")
MODEL_SECTIONS = ("model", "data", "evaluation")  # all that is built where no run is trained
TABLES = ("logger", "callbacks")  # name → class
PLAIN = ("seed", "evaluate", "evaluate_every", "outputs", "run_dir")
# Arguments of Lightning's Trainer that take objects or a place; genlab itself gives these
OBJECTS = ("logger", "callbacks", "plugins", "default_root_dir", "model_registry", "barebones")
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
LARGEST = 2**63  # of whole numbers: torch and Python's own sizes go no further
# What may be named beside the classes of genlab's configs. Lightning's other loggers send what they get to a server.
LIGHTNING = {
    "callbacks": ("pytorch_lightning.callbacks",),
    "logger": ("pytorch_lightning.loggers.CSVLogger", "pytorch_lightning.loggers.TensorBoardLogger"),
}


def check_config(config: Any, sections: Sequence[str] = SECTIONS, trust: Sequence[str] | None = ()) -> None:
    """Raise RunError unless a config names known classes, and nothing could make `instantiate` do more than build them.

    Known are the classes that the configs of this installation name in the same section, Lightning's callbacks and
    its loggers that write files.

    Args:
        config: resolved, as plain values.
        sections: that are going to be built; classes in the others are not looked at.
        trust: packages, modules or classes that the user vouches for; None: the user has written this config.
    """
    whole = set(SECTIONS) <= set(sections)
    needed = (*PLAIN, *SECTIONS) if whole else sections
    missing = [name for name in needed if name not in config] if isinstance(config, dict) else [*needed, "all"]
    if missing:
        raise RunError(f"no config of a run, {missing[0]} is missing; give the folder of a run")
    for name, value in config.items() if whole else ():
        if (name in PLAIN and not isinstance(value, (str, int))) or (name not in needed and isinstance(value, dict)):
            raise RunError(f"{name}={value}: not a setting of a run, so it is not run")
    _check_value(config, (), sections, trust)
    for section in sections:
        found = config[section]
        is_table = section in TABLES and isinstance(found, dict)
        nodes = {f"{section}.{name}": node for name, node in found.items()} if is_table else {section: found}
        for address, node in nodes.items():
            if not isinstance(node, dict) or "_target_" not in node:
                raise RunError(f"{address} names no class, so it is not run")
    for name in OBJECTS:
        if "trainer" in sections and name in config["trainer"]:
            raise RunError(f"trainer.{name}: not a setting of a run; remove it")
    root = config["data"].get("root") if "data" in sections else None
    if root is not None and (not isinstance(root, str) or ".." in Path(root).parts):
        raise RunError(f"data.root={root}: a path with .. may point anywhere; write the folder without it")


def _check_value(value: Any, address: tuple[str, ...], sections: Sequence[str], trust: Sequence[str] | None) -> None:
    """Names and plain values all the way down; only `_target_` may begin with an underscore, and names a class."""
    where = ".".join(address)
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "_target_" and address:
                if address[0] in sections:
                    _check_target(item, address, value, trust)
            elif not isinstance(key, str) or not KEY.fullmatch(key):
                raise RunError(f"{where}.{key}={item}: not a plain setting, so it is not run")
            else:
                _check_value(item, (*address, key), sections, trust)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_value(item, (*address, str(index)), sections, trust)
    elif isinstance(value, str):
        if "${" in value or value == "???":  # what OmegaConf would put something else in the place of
            raise RunError(f"{where}={value}: not a plain setting, so it is not run")
    elif not isinstance(value, int | float | None):
        raise RunError(f"{where}={value}: not a plain setting, so it is not run")
    elif isinstance(value, int) and abs(value) >= LARGEST:
        raise RunError(f"{where}={value}: too large a number; use one between -2**63 and 2**63")


def _check_target(target: Any, address: tuple[str, ...], settings: Any, trust: Sequence[str] | None) -> None:
    if isinstance(target, str):
        if trust is None or is_of(target, trust):
            return
        if len(address) == (2 if address[0] in TABLES else 1):
            if target in allowed_targets().get(address[0], ()):
                return
            if is_of(target, LIGHTNING.get(address[0], ())):
                _check_places(settings, address)
                return
    package = str(target).partition(".")[0]
    raise RunError(
        f"{'.'.join(address)}._target_: {target} is not a class that genlab's configs name there, so it is not run; "
        f"--trust {package} allows it, if all that is named there may run"
    )


def is_of(target: str, names: Sequence[str]) -> bool:
    """Whether a class is one of these, or in one of these packages or modules."""
    return any(target == name or target.startswith(f"{name}.") for name in names)


def _check_places(value: Any, address: tuple[str, ...]) -> None:
    """Check that Lightning's classes, some of which write and delete files, are not sent out of the run folder."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        here = (*address, str(key))
        if isinstance(item, dict | list):
            _check_places(item, here)
        elif isinstance(item, str) and (item.startswith(("/", "~")) or "://" in item or ".." in Path(item).parts):
            raise RunError(
                f"{'.'.join(here)}={item}: a place outside the run folder, so it is not run; if you know it: "
                "--trust pytorch_lightning"
            )


@functools.cache
def allowed_targets() -> dict[str, set[str]]:
    """Section → the classes that the configs of this installation name there, as `model` → {…VAE, …GAN}."""
    allowed: dict[str, set[str]] = {}
    for address, target in _named_in(config_dir()):
        if len(address) == (2 if address[0] in TABLES else 1):
            allowed.setdefault(address[0], set()).add(target)
    return allowed


def classes_named_in(folder: Path) -> tuple[str, ...]:
    """All classes that the configs in a folder of the user's name, who vouches for them; RunError if one is damaged."""
    try:
        return tuple(target for _, target in _named_in(folder))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RunError(f"{folder}: cannot be read ({error}); correct it") from None


def _named_in(folder: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    for path in folder.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        group = path.relative_to(folder).parts[:-1]
        top = () if re.search(r"^# @package _global_", text) else group
        yield from targets(yaml.safe_load(text), top)


def targets(value: Any, address: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each class that is named in a table or below, with its address."""
    if isinstance(value, Mapping):
        if address and "_target_" in value:
            yield address, str(value["_target_"])
        for key, item in value.items():
            yield from targets(item, (*address, str(key)))
