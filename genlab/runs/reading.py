"""A run folder that is there already, read without trust and without torch."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from pydantic import Field, ValidationError

from genlab.arguments import checked, explain
from genlab.data.sources import what_lacks
from genlab.errors import RunError
from genlab.runs.classes import SECTIONS
from genlab.runs.membership import WEIGHTS
from genlab.runs.pretrained import run_folder
from genlab.runs.trust import check_files, read_config, read_text, read_yaml

CheckpointName = Literal["best", "last"]

LARGEST = 10_000_000  # bytes of a summary; genlab's own have 5,000


@dataclass(frozen=True)
class Run:
    """A run folder."""

    folder: Path  # absolute
    config: DictConfig  # what was run, checked; its paths are those of the folder, wherever it has been moved to
    summary: dict[str, Any]  # summary.json

    def checkpoint(self, name: CheckpointName | None = None) -> Path:
        """The file of a checkpoint; of `best` without a name, or of `last` where no validation metric chooses.

        Without a name it is that of the weights in an export. RunError if there is none.
        """
        files = [self.folder / "checkpoints" / f"{choice}.ckpt" for choice in ([name] if name else ["best", "last"])]
        if name is None:
            files.insert(0, self.folder / WEIGHTS)
        for file in files:
            if file.is_file():
                return file
        if (self.folder / WEIGHTS).is_file():
            raise RunError(f"{files[-1]}: no such checkpoint; an export has one set of weights, leave the name out")
        if self.summary.get("thinned"):
            raise RunError(
                f"{files[-1]}: sweep.keep=best has removed it, because a run beside it is better; take that one, or "
                "train this one again"
            )
        raise RunError(f"{files[-1]}: no such checkpoint; the run has not come to the end of an epoch, or has lost it")


def open_run(folder: str | Path, sections: Sequence[str] = SECTIONS, trust: Sequence[str] = ()) -> Run:
    """Read the folder of a run or an export, or `pretrained:NAME`, as far as `genlab.runs.classes.check_config` allows.

    RunError if it is none, is damaged, or nobody should trust it: see `genlab.runs.trust`.
    """
    given = os.path.expanduser(run_folder(str(folder)))
    if not os.path.isdir(given):
        raise RunError(f"{given or 'no name'}: no such folder; genlab runs lists those there are")
    path = Path(given).absolute()
    if re.search(r"[<>&\"']", path.name) or not path.name.isprintable():  # it stands on pages
        raise RunError(
            f"{path.name!a}: a run folder's name has no quotes, angle brackets or control characters; rename it"
        )
    check_files(path)
    config = OmegaConf.create(read_config(path / "config.yaml", sections, trust))
    config.run_dir, config.outputs = str(path), str(path.parent)
    return Run(path, config, read_summary(path))


def check_root(run: Run) -> None:
    """Raise RunError unless the data of a run are there: a folder from a stranger makes no folder, and fills none."""
    root, name = run.config.data.get("root"), str(run.config.data.get("name"))
    if root is not None and (lacks := what_lacks(name, root)):
        cached = "" if name in ("arrays", "folder") else ", or data.root=null for the one in your cache"
        raise RunError(
            f"{run.folder / 'config.yaml'}: data.root={root}: {lacks}; give another as data.root=FOLDER{cached}"
        )


def read_summary(folder: Path) -> dict[str, Any]:
    """summary.json; RunError if it is missing, or not what genlab writes."""
    path = folder / "summary.json"
    try:
        summary = json.loads(read_text(path, LARGEST))
        if not isinstance(summary, dict):
            raise ValueError("no table of names and values")
        json.dumps(summary, ensure_ascii=False).encode()  # half of a character, as "\ud800", can be shown nowhere
        _check_summary(**{"status": None, **summary})
    except ValidationError as error:
        raise RunError(f"{path}: {explain(error)}; restore it from a copy") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({error}); restore it from a copy") from None
    return summary


def read_overrides(folder: Path) -> list[str]:
    """What was typed, by overrides.yaml; nothing, if that is damaged: config.yaml has all that counts."""
    try:
        overrides = read_yaml(folder / "overrides.yaml")
    except RunError:
        return []
    return [text for text in overrides if isinstance(text, str)] if isinstance(overrides, list) else []


_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Seconds = Annotated[float, Field(ge=0, lt=2**53)]


@checked
def _check_summary(
    status: Literal["running", "finished", "failed", "interrupted"],
    seconds: _Seconds = 0.0,
    epochs: _Count = 0,
    started: str = "",
    resumed: list[str] | None = None,
    warnings: list[str] | None = None,
    metrics: dict[str, float | None] | None = None,
    protocol: dict[str, str] | None = None,
    estimators: dict[str, str] | None = None,
    training_seconds: _Seconds | None = None,
    training_images: _Count | None = None,
    parameters: _Count | None = None,
    **others: Any,
) -> None:
    """What a run that is resumed, an evaluation, a list and a report take from a summary."""
