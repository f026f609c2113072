"""A run continues: in its folder, with its own config, from last.ckpt."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from genlab.console.quiet import keep_quiet
from genlab.console.readable import short
from genlab.errors import ConfigError, RunError
from genlab.processes.agreement import agreed
from genlab.processes.peers import is_first
from genlab.runs.atomic import remove_leftovers
from genlab.runs.lock import locked
from genlab.runs.reading import Run, check_root, open_run, read_overrides

# What may be changed: how long and where a run trains, but not what
CHANGEABLE = ("trainer.max_epochs", "trainer.accelerator", "trainer.devices", "data.root", "data.num_workers")


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
    run = _opened(folder, changes, trust)
    if _tell_if_finished(run):
        return
    if "data.root" not in changes:
        check_root(run)
    with _locked_by_the_first(run.folder):
        run = _opened(folder, changes, trust)  # another process may have trained until now
        if _tell_if_finished(run):
            return
        if is_first():  # which alone writes: what another found may be what it writes just now
            remove_leftovers(run.folder)
        from genlab.training.train import train  # seconds, because of torch

        keep_quiet()
        earlier = [text for text in read_overrides(run.folder) if text.partition("=")[0] not in changes]
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


def _opened(folder: str, changes: dict[str, Any], trust: Sequence[str]) -> Run:
    run = open_run(folder, trust=trust)
    for key, value in changes.items():
        OmegaConf.update(run.config, key, value, force_add=True)
    return run


def _tell_if_finished(run: Run) -> bool:
    done, wanted = run.summary.get("epochs"), run.config.trainer.max_epochs
    if run.summary["status"] != "finished" or not isinstance(wanted, int) or not isinstance(done, int) or wanted > done:
        return False
    if is_first():
        print(f"{short(run.folder)}: finished already, after {done} epochs; for more: trainer.max_epochs={done + 20}")
    return True


def _parse(override: str) -> tuple[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or key not in CHANGEABLE:
        raise ConfigError(
            f"{override}: a resumed run keeps its settings; only these can be given: {', '.join(CHANGEABLE)}"
        )
    parsed: Any = value
    with suppress(yaml.YAMLError, ValueError):
        parsed = yaml.safe_load(value)
    if parsed is None and override != "data.root=null":
        raise ConfigError(f"{override}: it has no value; leave {key} out, or give it one")
    devices = isinstance(parsed, list) and all(isinstance(device, int) for device in parsed)
    return key, parsed if devices or isinstance(parsed, str | int | float | None) else value
