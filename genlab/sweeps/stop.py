"""The end of a command while several jobs run: they write their checkpoints, and no other begins."""

import functools
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from genlab.errors import RunError
from genlab.runs.lock import is_locked
from genlab.runs.reading import read_summary

MARK = ".stop"
POLL = 1.0  # seconds

orphan = threading.Event()  # set when the command that has started this process is gone


@functools.cache
def end_with_parent() -> None:
    """From now on, have this process end when the one that has started it is gone, with a last.ckpt if it trains.

    A command that is killed (SIGKILL, out of memory) can tell its workers nothing.
    """
    threading.Thread(target=_watch, args=[os.getppid()], daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL)
    orphan.set()
    os.kill(os.getpid(), signal.SIGTERM)


def is_stopping(sweep: Path) -> bool:
    """Whether no further job should begin."""
    return (sweep / MARK).exists()


class Stop:
    """A context around jobs in processes of their own, in the process that waits for them.

    The first signal leaves a mark in the sweep's folder, for which each job looks before it begins. A terminal sends
    Ctrl-C to all processes; SIGTERM comes to this one alone and is passed on. The second signal ends at once.

    Args:
        sweep: its folder; a mark that an earlier command has left there does not count.
        passes_on: false where who waits for the jobs tells them itself: twice told, a job ends without its checkpoint.

    Attributes:
        code: 128 + the number of the signal, if one came.
    """

    def __init__(self, sweep: Path, passes_on: bool = True) -> None:
        self.sweep = sweep
        self.passes_on = passes_on
        self.code = 0
        self._mark = sweep / MARK
        self._mark.unlink(missing_ok=True)
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        self._previous = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        self._mark.unlink(missing_ok=True)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.code = 128 + number
        self._restore()
        self._mark.touch()
        print("\nwaiting for the running jobs to write last.ckpt; once more ends at once", file=sys.stderr)
        if number == signal.SIGTERM and self.passes_on:
            for path in self.sweep.glob("*/summary.json"):
                with suppress(RunError, ProcessLookupError):
                    _terminate(path.parent)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}


def _terminate(job: Path) -> None:
    """End the process on this machine that trains into the folder, if there is one."""
    summary = read_summary(job)
    here = summary.get("host") == socket.gethostname() and isinstance(summary.get("pid"), int)
    if summary["status"] == "running" and here and is_locked(job):
        os.kill(summary["pid"], signal.SIGTERM)
