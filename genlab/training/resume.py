"""A run continues: in its folder, with its own config, from last.ckpt."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from genlab.console.program import keep_quiet, quick_imports
from genlab.console.readable import short
from genlab.errors import ConfigError, RunError
from genlab.processes.agreement import agreed
from genlab.processes.peers import is_first
from genlab.runs.atomic import remove_leftovers
from genlab.runs.configuration import read_value
from genlab.runs.lock import locked
from genlab.runs.membership import WEIGHTS
from genlab.runs.reading import Run, check_root, open_run, read_overrides

AT_LEAST = ("min_epochs", "min_steps")
LIMITS = ("max_epochs", "max_steps", "max_time", *AT_LEAST)
PARTS = ("limit_train_batches", "limit_val_batches", "limit_test_batches")
# What may be changed: how long and where a run trains, but not what
CHANGEABLE = [f"trainer.{name}" for name in (*LIMITS, *PARTS, "accelerator", "devices", "compile")]
CHANGEABLE += ["data.root", "data.num_workers", "data.on_device"]


def resume(folder: str, overrides: list[str], trust: Sequence[str] = ()) -> None:
    """Train a run to its end, as if it had never stopped; say so if there is nothing left to do.

    Args:
        folder: of the run.
        overrides: `KEY=VALUE`, of the settings in `CHANGEABLE`.
        trust: see `genlab.runs.classes.check_config`.

    Raises:
        ConfigError: another override.
        RunError: the folder cannot be trusted, is damaged, or another process trains into it.
    """
    changes = dict(map(_parse, overrides))
    run, new = _opened(folder, changes, trust)
    if _tell_if_finished(run, new):
        return
    if "data.root" not in changes:
        check_root(run)
    with _locked_by_the_first(run.folder):
        run, new = _opened(folder, changes, trust)  # another process may have trained until now
        if _tell_if_finished(run, new):
            return
        if is_first():  # which alone writes: what another found may be what it writes just now
            remove_leftovers(run.folder)
        with quick_imports():
            from genlab.training.train import train  # seconds, because of torch

        keep_quiet()
        earlier = [text for text in read_overrides(run.folder) if text.partition("=")[0].lstrip("+") not in changes]
        train(run.config, resumed=run, overrides=[*earlier, *overrides])


@contextmanager
def _locked_by_the_first(folder: Path) -> Iterator[None]:
    """Of several processes, which share the folder, one has the lock; all go on, or none."""
    refused = ""
    with ExitStack() as held:
        try:
            if is_first():
                held.enter_context(locked(folder))
        except RunError as error:
            refused = str(error)
        refused = agreed("lock", lambda: refused)
        if refused:
            raise RunError(refused)
        yield


def _opened(folder: str, changes: dict[str, Any], trust: Sequence[str]) -> tuple[Run, set[str]]:
    """The run with the changes, and the names of the settings that have another value now."""
    run = open_run(folder, trust=trust)
    if (run.folder / WEIGHTS).is_file():
        raise RunError(f"{folder}: an export, which cannot be resumed; resume the run that it is of")
    new = {key.partition(".")[2] for key, value in changes.items() if OmegaConf.select(run.config, key) != value}
    for key, value in changes.items():
        OmegaConf.update(run.config, key, value, force_add=True)
    return run, new


def _tell_if_finished(run: Run, changed: set[str]) -> bool:
    if not _is_done(run.summary, run.config.trainer, changed):
        return False
    if is_first():
        done, by = run.summary.get("epochs"), str(run.summary.get("stopped", "trainer.max_epochs="))
        number = f"{done + 20}" if isinstance(done, int) else "MORE"
        how, more = f"after {done} epochs", f"trainer.max_epochs={number}"
        if not by.startswith("trainer.max_epochs="):
            how, more = f"{how}, stopped by {by}", f"another {by.partition('=')[0]}"
        print(f"{short(run.folder)}: finished already, {how}; for more: {more}")
    return True


def _is_done(summary: dict[str, Any], trainer: Any, changed: set[str]) -> bool:
    """Whether a finished run has nothing left to train with the settings of its trainer, some of which are new."""
    if summary["status"] != "finished" or not changed & set(LIMITS):
        return bool(summary["status"] == "finished")
    if str(summary.get("stopped")).startswith("trainer.max_time=") and not changed & {"max_time", *AT_LEAST}:
        return True
    epochs, steps = summary.get("whole_epochs", summary.get("epochs")), summary.get("steps")
    reached = ((trainer.get("max_epochs"), epochs), (trainer.get("max_steps"), steps))
    # not by what is no limit; the trainer says so
    return any(isinstance(at, int) and isinstance(count, int) and -1 < at <= count for at, count in reached)


def _parse(override: str) -> tuple[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or key not in CHANGEABLE:
        raise ConfigError(
            f"{override}: a resumed run keeps its settings; only these can be given: {', '.join(CHANGEABLE)}"
        )
    if not value or override == "trainer.max_epochs=null":
        raise ConfigError(f"{override}: it has no value; leave {key} out, or give it one")
    if key == "data.root":
        return key, None if value == "null" else value
    return key, read_value(value)
