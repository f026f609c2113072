"""`pretrained:NAME` in the place of a run folder: an export that comes with genlab."""

import json
import secrets
import shutil
from pathlib import Path

from genlab.console.readable import allowed
from genlab.data.sources import cache_folder
from genlab.errors import RunError
from genlab.runs.membership import CARD

PREFIX = "pretrained:"
SHIPPED = Path(__file__).resolve().parents[1] / "pretrained"


def pretrained_names() -> list[str]:
    """Of those that came with this installation."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CARD}"))


def run_folder(given: str) -> str:
    """Return a folder as it is given, and of `pretrained:NAME` that of a copy in genlab's cache.

    It is a copy, because `genlab evaluate` writes into a run folder, and an installation is not to be written into. A
    cache that cannot be written leaves what is installed. RunError if there is none of that name.
    """
    if not given.startswith(PREFIX):
        return given
    name = given.removeprefix(PREFIX)
    if name not in pretrained_names():
        there = allowed(name, pretrained_names()) if pretrained_names() else "none comes with this installation"
        raise RunError(f"{given}: {there}; in a clone python benchmarks/pretrain.py PRESET makes one")
    shipped = SHIPPED / name
    files = json.loads((shipped / CARD).read_text(encoding="utf-8"))["files"]
    version = next(iter(files.values()))["sha256"][:8]  # another after an update of genlab
    copy = _copies() / f"{name}-{version}"
    if copy.is_dir():
        return str(copy)
    staging = copy.with_name(f".{copy.name}.{secrets.token_hex(4)}")
    try:
        shutil.copytree(shipped, staging)
        staging.rename(copy)
    except OSError:  # or another process has just made it
        shutil.rmtree(staging, ignore_errors=True)
    return str(copy if copy.is_dir() else shipped)


def is_pretrained(folder: Path) -> bool:
    """Whether it is what `run_folder` has returned for a name."""
    return folder.parent in (SHIPPED, _copies())


def _copies() -> Path:
    return cache_folder() / "pretrained"
