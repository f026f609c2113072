"""The exit codes of a program that a signal has ended, as shells have them, and SIGTERM as an exit like any other."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def exit_on_sigterm() -> None:
    """On SIGTERM, leave through every `finally`, so that the summary of a run says how it ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


@contextmanager
def held_back() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block has ended, so that what it writes is written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def code_of(error: BaseException) -> int:
    """The exit code of what a signal has raised; Lightning turns Ctrl-C into an exit with code 1."""
    return TERMINATED if getattr(error, "code", None) == TERMINATED else INTERRUPTED
