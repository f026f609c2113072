"""One process at a time trains into a run folder, and a run starts only in a folder of its own."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genlab.console.readable import short
from genlab.errors import RunError
from genlab.runs.membership import SWEEP_FILE

OF_A_SWEEP = ("console.log", "error.log")  # which it keeps in the folder of a job, whether a run has begun or not


@contextmanager
def locked(folder: Path, patience: float = 1.0) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back when the process dies, however it dies; make the folder.

    RunError after `patience` seconds: whoever asks `is_locked` holds the lock for a moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=patience, poll_interval=0.05)
    except Timeout:
        raise RunError(f"{folder}: another process is training into this folder; wait for it, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether some process trains into the folder now, for all that can be told of one that cannot be written."""
    if not (folder / ".lock").exists():
        return False
    try:
        with locked(folder, patience=0):
            return False
    except (RunError, OSError):
        return True


@contextmanager
def new_folder(folder: Path, key: str = "hydra.run.dir") -> Iterator[None]:
    """Hold the lock of a folder in which a run or a sweep begins, made here if need be; for errors see `check_new`."""
    try:
        check_new(folder, key)
    except RunError:
        if not is_locked(folder):  # else a run is just beginning there, whose files are half there
            raise
    with locked(folder):
        check_new(folder, key)  # another process may have had it until now
        yield


def check_new(folder: Path, key: str = "hydra.run.dir") -> None:
    """Raise RunError if a folder in which a run or a sweep begins has files, or lies in that of a run.

    `key` is the setting that names another one.
    """
    place = shlex.quote(short(folder))
    if (folder / SWEEP_FILE).exists():
        raise RunError(f"{folder}: has a sweep already; go on with sweep.resume={place}, or choose another folder")
    for parent in (folder, *folder.parents):
        if (parent / "summary.json").exists() and (parent / "config.yaml").exists():
            raise RunError(
                f"{folder}: {'has a run already' if parent == folder else f'lies in the run {parent}'}; "
                f"genlab resume {shlex.quote(short(parent))} goes on with that one, {key}=FOLDER names another folder"
            )
    found = [path.name for path in folder.glob("[!.]*") if path.name not in OF_A_SWEEP]
    if found:
        raise RunError(
            f"{folder}: has {sorted(found)[0]} in it, and the files of a run are to be told from others; "
            f"name another folder with {key}=FOLDER, or empty this one"
        )
