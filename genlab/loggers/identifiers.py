"""loggers.json: under which names a run goes on elsewhere, so that a resumed run appends to what is there."""

import json
import re
from pathlib import Path

from genlab.errors import RunError
from genlab.runs.atomic import write_text
from genlab.runs.trust import read_text

FILE = "loggers.json"
LARGEST = 1_000  # bytes
ID = re.compile("[0-9a-f]{8,32}")


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
