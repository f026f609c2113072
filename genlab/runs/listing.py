"""The runs below a folder, each in a few values; read without trust, without torch and without their configs."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genlab.errors import RunError
from genlab.runs.lock import is_locked
from genlab.runs.metrics import read_rows
from genlab.runs.reading import read_overrides, read_summary

DEEPEST = 20  # folders in one another


@dataclass(frozen=True)
class Listed:
    """A run folder, as a line of a table."""

    folder: Path  # as it was found
    # that of summary.json; `killed` where this says `running` and no process holds the folder's lock; `broken` where
    # the folder cannot be read
    status: str
    reason: str | None = None  # why the run failed or the folder is broken
    model: str | None = None
    data: str | None = None
    seed: int | None = None
    overrides: list[str] = field(default_factory=list)  # what was typed
    epochs: int | None = None  # that have been trained
    headline: str | None = None  # tag of the first quantity, as `test/elbo`; of the last validation without a test
    value: float | None = None  # of the headline; None where it is not finite
    seconds: float | None = None  # that the run took; None where it has not ended by itself
    started: str = ""  # ISO 8601, UTC
    metrics: dict[str, float | None] = field(default_factory=dict)  # by tag; without a test, the last of metrics.csv
    protocol: dict[str, str] = field(default_factory=dict)  # of these: what was measured
    estimators: dict[str, str] = field(default_factory=dict)  # and how it was estimated


def list_runs(folder: Path) -> list[Listed]:
    """All runs in a folder and below, the newest first, the broken ones last."""
    return sorted(map(listed, run_folders(folder)), key=lambda run: (run.started, run.folder.name), reverse=True)


def run_folders(folder: Path) -> Iterator[Path]:
    """Those with a summary or with what was typed, and those that cannot be read.

    Links are not followed, and what lies deeper than `DEEPEST` folders is not looked for.
    """
    unreadable: list[OSError] = []
    for name, folders, files in os.walk(folder, onerror=unreadable.append):
        parent = Path(name)
        is_run = not {"summary.json", "overrides.yaml"}.isdisjoint([*folders, *files])
        if is_run:
            yield parent
        if is_run or len(parent.parts) - len(folder.parts) == DEEPEST:
            folders.clear()  # which are not looked into
    gone = (FileNotFoundError, NotADirectoryError)
    yield from (Path(error.filename) for error in unreadable if not isinstance(error, gone))


def listed(folder: Path) -> Listed:
    """One run folder; nothing of it can stop a list, it is `broken` at worst."""
    try:
        for name in ("summary.json", "config.yaml", "overrides.yaml", "metrics.csv", ".lock"):
            path = folder / name
            if path.is_symlink() or (path.exists() and not path.is_file()):
                # it would lead elsewhere, or never end
                raise RunError(f"{path}: a link, a pipe or a device, which genlab never makes; remove it")
        return _read(folder)
    except (RunError, OSError) as error:
        return Listed(folder, "broken", reason=str(error))


def _read(folder: Path) -> Listed:
    summary = read_summary(folder)
    status = summary["status"]
    if status == "running" and not is_locked(folder):
        status = "killed"
    if status != "running" and not (folder / "config.yaml").exists():
        raise RunError(f"{folder}: has no config.yaml; restore it from a copy, or remove the folder")
    metrics = {tag: _number(value) for tag, value in (summary.get("metrics") or {}).items()}
    headline, epochs = _text(summary.get("headline")), summary.get("epochs")
    tag = f"test/{headline}"
    if tag not in metrics:
        done, latest = _progress(folder)
        epochs, metrics, tag = done or epochs, {**latest, **metrics}, f"val/{headline}"
    return Listed(
        folder,
        status,
        reason=_text(summary.get("error")),
        model=_text(summary.get("model")),
        data=_text(summary.get("data")),
        seed=summary.get("seed") if isinstance(summary.get("seed"), int) else None,
        overrides=read_overrides(folder),
        epochs=epochs,
        headline=tag if tag in metrics else None,
        value=metrics.get(tag),
        seconds=None if status in ("running", "killed") else _number(summary.get("seconds")),
        started=summary.get("started", ""),
        metrics=metrics,
        protocol=summary.get("protocol") or {},
        estimators=summary.get("estimators") or {},
    )


def _progress(folder: Path) -> tuple[int | None, dict[str, float | None]]:
    """Epochs that have been validated, and the last value of each column of metrics.csv."""
    latest: dict[str, float | None] = {}
    epochs = None
    with suppress(RunError):  # the summary is the truth, this is what there is besides
        rows = read_rows(folder)
        names = next(rows, [])
        for cells in rows:
            row = dict(zip(names, cells, strict=True))
            values = {name: _number(text) for name, text in row.items() if "/" in name and text}
            latest |= values
            if any(name.startswith("val/") for name in values):
                epochs = int(_number(row.get("epoch")) or 0) + 1
    return epochs, latest


def _number(value: Any) -> float | None:
    """A finite number, or None; text as metrics.csv has it, too."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
