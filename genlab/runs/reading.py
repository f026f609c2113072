"""A run folder that is there already, read without trust and without torch."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from genlab.errors import RunError
from genlab.runs.trust import read_config

CheckpointName = Literal["best", "last"]

STATUSES = ("running", "finished", "failed", "interrupted")


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        folder: absolute.
        config: what was run, checked; its paths are those of the folder, wherever it has been moved to.
        summary: summary.json.
    """

    folder: Path
    config: DictConfig
    summary: dict[str, Any]

    def checkpoint(self, name: CheckpointName | None = None) -> Path:
        """The file of a checkpoint; of `best` without a name, or of `last` where no validation metric chooses.

        Raises:
            RunError: there is none.
        """
        files = [self.folder / "checkpoints" / f"{choice}.ckpt" for choice in ([name] if name else ["best", "last"])]
        for file in files:
            if file.is_file():
                return file
        raise RunError(f"{files[-1]}: no such checkpoint; the run has not come to the end of an epoch, or has lost it")


def open_run(folder: str | Path) -> Run:
    """Read a run folder.

    Raises:
        RunError: it is no run folder, a file is damaged, or it is one that nobody should trust: see
            `genlab.runs.trust`; or a link in it leads out of it, or its name would not be a plain text on a page.
    """
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise RunError(f"{folder}: no such folder; genlab runs lists those there are")
    if re.search(r"[<>&\"'\x00-\x1f\x7f]", path.name):
        raise RunError(
            f"{path.name!a}: a run folder's name has no quotes, angle brackets or control characters; rename it"
        )
    config = OmegaConf.create(read_config(path / "config.yaml"))
    _check_links(path)
    config.run_dir, config.outputs = str(path), str(path.parent)
    return Run(path, config, read_summary(path))


def read_summary(folder: Path) -> dict[str, Any]:
    """summary.json.

    Raises:
        RunError: it is missing, or not what genlab writes.
    """
    path = folder / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"{folder}: no run folder, it has no {path.name}; genlab runs lists those under outputs"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({error}); restore it from a copy") from None
    if not isinstance(summary, dict) or summary.get("status") not in STATUSES:
        raise RunError(f"{path}: has no status of a run ({', '.join(STATUSES)}); restore it from a copy")
    return summary


def _check_links(folder: Path) -> None:
    inside = folder.resolve()
    for path in folder.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise RunError(f"{path}: a link that leads out of the run folder, so it is not followed; remove it")
