"""What a run says of itself: its config when it starts, and summary.json, rewritten when it ends, whatever ends it."""

import logging
import os
import platform
import socket
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from genlab import __version__
from genlab.processes.signals import held_back
from genlab.runs.atomic import write_json, write_text
from genlab.runs.classes import PLAIN, SECTIONS
from genlab.runs.identity import result_settings

Status = Literal["running", "finished", "failed", "interrupted"]

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "hydra-core", "numpy")


class RunRecord:
    """A context around a run that keeps `summary.json` true.

    Inside it the status is `running`; leaving it is `finished`, by Ctrl-C or SIGTERM `interrupted`, by any other
    exception `failed`. A process that is killed outright leaves `running` behind, with the pid and the host by which
    a reader can tell. Warnings of the `genlab` loggers are kept in the summary.

    Args:
        settings: what identifies the run: model, data set, seed.
        previous: the summary of a run that is resumed; its start, seconds, epochs and warnings are kept, and its
            metrics until there are new ones.
        write: False in all processes but one.
    """

    def __init__(
        self, folder: Path, settings: dict[str, Any], previous: dict[str, Any] | None = None, write: bool = True
    ) -> None:
        self.path = folder / "summary.json"
        self.write = write
        self.summary: dict[str, Any] = {
            "status": "running",
            **settings,
            "metrics": {},
            "protocol": {},
            "warnings": [],
            "started": _now(),
            "seconds": 0.0,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "git_commit": git_commit(),
            "versions": versions(),
        }
        self._seconds_before = 0.0
        if previous:
            kept = ("started", "epochs", "metrics", "protocol", "estimators", "warnings")
            self.summary |= {name: previous[name] for name in kept if previous.get(name) is not None}
            self.summary["resumed"] = [*(previous.get("resumed") or []), _now()]
            self._seconds_before = float(previous.get("seconds", 0.0))
        self._warnings = _WarningList(self.summary["warnings"])

    def __enter__(self) -> "RunRecord":
        self._started = time.perf_counter()
        logging.getLogger("genlab").addHandler(self._warnings)
        self._save()
        return self

    def update(self, **values: Any) -> None:
        """Add to the summary, on disk too."""
        self.summary.update(values)
        self._save()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        logging.getLogger("genlab").removeHandler(self._warnings)
        self.summary["status"] = status_after(error)
        if error is not None and self.summary["status"] == "failed":
            self.summary["error"] = f"{type(error).__name__}: {error}"
        try:
            with held_back():  # a second signal must not leave the status `running`
                self._save()
        except OSError:
            if error is None:  # else the disk is full, which the first error says better
                raise

    def seconds(self) -> float:
        """Wall-clock time that the run has taken, the parts before it was resumed included."""
        return self._seconds_before + time.perf_counter() - self._started

    def _save(self) -> None:
        self.summary["seconds"] = round(self.seconds(), 3)
        if self.write:
            write_json(self.path, self.summary)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class _WarningList(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self.messages:  # a run that was killed in its test ends its training twice
            self.messages.append(message)


def status_after(error: BaseException | None) -> Status:
    """The status of a run that ended so; Lightning turns Ctrl-C into SystemExit and SIGTERM into its own exception."""
    if error is None:
        return "finished"
    stopped = isinstance(error, (KeyboardInterrupt, SystemExit, BrokenPipeError))  # the last: nobody reads the output
    if stopped or type(error).__name__ == "SIGTERMException":
        return "interrupted"
    return "failed"


def versions() -> dict[str, str]:
    """Versions of genlab, Python and the packages that numbers can depend on."""
    installed = {name: metadata.version(name) for name in PACKAGES}
    return {"genlab": __version__, "python": platform.python_version(), **installed}


def recorded(cfg: DictConfig) -> dict[str, Any]:
    """What a run consists of, as plain values with an absolute `data.root`; it knows of no sweep."""
    resolved: Any = OmegaConf.to_container(cfg, resolve=True)
    config = {name: value for name, value in resolved.items() if name in (*PLAIN, *SECTIONS)}
    if isinstance(config["data"].get("root"), str):
        config["data"]["root"] = os.path.abspath(os.path.expanduser(config["data"]["root"]))
    return config


def save_config(cfg: DictConfig, overrides: Sequence[str], folder: Path) -> None:
    """Write `config.yaml` and `overrides.yaml`."""
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(recorded(cfg))))
    write_text(folder / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(list(overrides))))


def flat_settings(cfg: DictConfig) -> dict[str, Any]:
    """What changes a result, `{"model.latent_dim": 20, …}`; the HParams tab takes only bool, str, int and float."""
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    chosen = {name: config[name] for name in ("seed", "model", "data", "trainer")}
    settings = {"seed": config["seed"], "model": str(config["model"].get("_target_", "")).rpartition(".")[2]}
    for address, value in result_settings(chosen).items():
        if not address.endswith("_target_"):
            settings[address] = value if isinstance(value, bool | str | int | float) else str(value)
    return settings


def git_commit() -> str | None:
    """The commit of the checkout that genlab runs from, with `-dirty` where files differ; None in an installation."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
