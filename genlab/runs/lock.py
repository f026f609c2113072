"""One process at a time trains into a run folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genlab.errors import RunError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back when the process dies, however it dies.

    Raises:
        RunError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
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
        with locked(folder):
            return False
    except RunError:
        return True
