"""What a failed job leaves in its folder: the traceback, and a summary even where its run has not begun."""

import traceback
from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig

from genlab.errors import RunError
from genlab.runs.atomic import write_json, write_text
from genlab.runs.lock import is_locked
from genlab.runs.reading import read_summary
from genlab.runs.record import RunRecord, save_config

ERROR = "error.log"


def record_failure(error: Exception, cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    """Write error.log, and the status; as much of it as the disk takes.

    The summary of a run into which another process trains, and one that is damaged, are left as they are.

    Args:
        error: what ended the job.
        cfg: of the job.
        folder: of the job.
        overrides: what it was composed from.
    """
    with suppress(OSError):
        write_text(folder / ERROR, "".join(traceback.format_exception(error)))
        if is_locked(folder):
            return
        if (folder / "summary.json").exists():
            with suppress(RunError):
                failed = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
                write_json(folder / "summary.json", read_summary(folder) | failed)
            return
        save_config(cfg, overrides, folder)
        model = str(cfg.model.get("_target_", "")).rpartition(".")[2]
        identity = {"model": model, "data": cfg.data.get("name"), "seed": cfg.seed}
        with suppress(type(error)), RunRecord(folder, identity):
            raise error
