"""A run folder may come from a stranger: what its files are, and how they are read."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from genlab.errors import RunError
from genlab.runs.classes import SECTIONS, check_config

LARGEST = 100_000  # bytes of a config; genlab's own have 3,000
DEEPEST = 20  # folders in one another, or mappings and lists; genlab's own have 3
# Classes of older run folders → where they are now
MOVED = {"genlab.checked_trainer.CheckedTrainer": "genlab.training.trainer.CheckedTrainer"} | {
    f"genlab.callbacks.{old}": f"genlab.callbacks.{new}.{old.rpartition('.')[2]}"
    for new, olds in {
        "latent_space": "code_scatter.CodeScatter interpolation.Interpolation manifold.Manifold traversals.Traversals",
        "reconstructions": "completion.Completion",
        "samples": "ex_post_samples.ExPostSamples prior_noise.PriorNoise",
    }.items()
    for old in olds.split()
}


def check_files(folder: Path) -> None:
    """Raise RunError unless a run folder has only files and folders, nested no deeper than those of any run.

    A link may lead anywhere, a pipe or a device may never end.
    """
    below = [(str(folder), 0)]
    try:
        while below:
            parent, depth = below.pop()
            if depth > DEEPEST:
                raise RunError(f"{folder}: it has folders nested more than {DEEPEST} deep; remove them")
            for entry in os.scandir(parent):
                if entry.is_dir(follow_symlinks=False):
                    below.append((entry.path, depth + 1))
                elif not entry.is_file(follow_symlinks=False):
                    raise RunError(
                        f"{entry.path}: a link, a pipe or a device, which genlab never makes and does not open; "
                        "remove it"
                    )
    except OSError as error:
        raise RunError(f"{error.filename}: cannot be read ({error.strerror}); restore it from a copy") from None


def read_text(path: Path, largest: int) -> str:
    """The text of a file in a run folder; RunError if it is missing, no file, too large (bytes), or no UTF-8."""
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


def read_yaml(path: Path) -> Any:
    """The plain values of a YAML file in a run folder; RunError if it cannot be read, or see `check_yaml`."""
    text = read_text(path, LARGEST)
    try:
        check_yaml(text)
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # of a date or a number that Python does not have
        raise RunError(f"{path}: cannot be read ({error}); restore it from a copy") from None


def read_config(path: Path, sections: Sequence[str] = SECTIONS, trust: Sequence[str] = ()) -> dict[str, Any]:
    """config.yaml of a run folder as plain values, checked: see `check_config`; moved classes have their new names."""
    config = _with_new_names(read_yaml(path))
    try:
        check_config(config, sections, trust)
    except RunError as error:
        raise RunError(f"{path}: {error}") from None
    return config


def _with_new_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_new_names(item) for name, item in value.items()}
    return MOVED.get(value, value) if isinstance(value, str) else value


def check_yaml(text: str) -> None:
    """Check, before a value is made: no tags, which name Python's types, no aliases, which multiply, no great depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise ValueError("it has a YAML tag or alias, which genlab never writes")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
