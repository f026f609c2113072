"""The exit codes of a program that a signal has ended, as shells have them, and SIGTERM as an exit like any other."""

import signal
import sys

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def exit_on_sigterm() -> None:
    """On SIGTERM, leave through every `finally`, so that the summary of a run says how it ended."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(*_: object) -> None:
    sys.exit(TERMINATED)


def code_of(error: BaseException) -> int:
    """The exit code of what a signal has raised; Lightning turns Ctrl-C into an exit with code 1."""
    return TERMINATED if getattr(error, "code", None) == TERMINATED else INTERRUPTED
