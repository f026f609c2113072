"""One process at a time trains into a run folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genlab.errors import RunError


@contextmanager
def locked(folder: Path, patience: float = 1.0) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back when the process dies, however it dies.

    Args:
        folder: of the run; made here if need be.
        patience: seconds, because whoever asks `is_locked` holds the lock for a moment.

    Raises:
        RunError: another process holds it.
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
    """Whether some process trains into the folder now."""
    if not (folder / ".lock").exists():
        return False
    try:
        with locked(folder, patience=0):
            return False
    except RunError:
        return True
