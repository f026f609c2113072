"""What loggers share that write outside the run folder: their packages, their runs' names and ids, their complaints."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from genlab.errors import ConfigError, RunError
from genlab.runs.atomic import write_text
from genlab.runs.membership import group_of
from genlab.runs.trust import read_text

FILE = "loggers.json"  # under which ids a run goes on elsewhere, so that a resumed run appends to what is there
LARGEST = 1_000  # bytes
ID = re.compile("[0-9a-f]{8,32}")


def require(package: str) -> None:
    """Check that the package of a logger is installed, which is named as the logger and its extra.

    Raises:
        ConfigError: it is not.
    """
    if find_spec(package) is None:
        raise ConfigError(f"logger={package}: is not installed; pip install 'genlab[{package}]'")


@contextmanager
def answered(logger: str, error: type[Exception], remedy: str) -> Iterator[None]:
    """Make an error of a logger's package one line: a ConfigError with the remedy."""
    try:
        yield
    except error as raised:
        why = " ".join(str(raised).split())[:200]
        raise ConfigError(f"logger={logger}: {why}; {remedy}") from None


def name_of(folder: Path) -> str:
    """Of a run: that of its folder, in a sweep behind the sweep's."""
    group = group_of(folder)
    return f"{group}/{folder.name}" if group else folder.name


def read_id(folder: Path, logger: str) -> str | None:
    """The id that a logger has given this run; None if it has given none, or the file is damaged."""
    try:
        known = json.loads(read_text(folder / FILE, LARGEST)) if (folder / FILE).exists() else {}
    except (RunError, ValueError, RecursionError):
        return None
    found = known.get(logger) if isinstance(known, dict) else None
    return found if isinstance(found, str) and ID.fullmatch(found) else None


def keep_id(folder: Path, logger: str, given: str) -> None:
    """Write it down beside those of other loggers."""
    known = {name: read_id(folder, name) for name in ("wandb", "mlflow")} | {logger: given}
    write_text(folder / FILE, json.dumps({name: value for name, value in known.items() if value}) + "\n")
