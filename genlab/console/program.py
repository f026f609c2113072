"""How a program of genlab begins and ends: what it says of libraries, of characters and of errors."""

import gc
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from genlab.errors import ConfigError, GenlabError, plain
from genlab.processes.agreement import is_lost, spoken

MEMORY = re.compile("out of memory|n.t allocate memory|failed to map segment")


def begin() -> None:
    """At each entry point: a character that the terminal does not have is written as `\\u2026`, and stops no run.

    Processes that are started from here write it so too.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            os.environ["PYTHONIOENCODING"] = f"{stream.encoding}:backslashreplace"
    if not os.environ.get("GENLAB_DEBUG"):
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is imported


def keep_quiet() -> None:
    """No tips, adverts and warnings of libraries, unless GENLAB_DEBUG=1; to be called when these are imported."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    genlab = logging.getLogger("genlab")
    genlab.handlers = [handler]
    genlab.propagate = False
    if os.environ.get("GENLAB_DEBUG"):
        return
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "lightning_fabric", "lightning_utilities", "torch", "matplotlib"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def quick_imports() -> Iterator[None]:
    """Inside, where torch is imported for the first time, Python looks for no garbage; afterwards only in what is new.

    Torch and Lightning make a million objects that stay. To look through them again and again while they become more
    takes a fifth of the time of importing them.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def answer(error: Exception, wrong: tuple[type[Exception], ...] = (ConfigError,)) -> int:
    """Print one line for what a user can mend, and return the exit code, 2 for what is `wrong` with the command.

    A fault of genlab's own is raised again; with GENLAB_DEBUG=1 everything is.
    """
    text = mendable(error)
    if text is None or os.environ.get("GENLAB_DEBUG"):
        raise error
    if isinstance(error, BrokenPipeError):
        leave_unread()
    for line in spoken(plain(text), is_lost(error)):
        print(f"error: {line}", file=sys.stderr)
    return 2 if isinstance(error, wrong) else 1


def mendable(error: BaseException) -> str | None:
    """The cause and the remedy, in one line; None for a fault of genlab's own, whose traceback is wanted."""
    if isinstance(error, GenlabError):
        return str(error)
    if is_lost(error):
        return "another process of this run has ended; genlab resume goes on with it"
    if isinstance(error, BrokenPipeError):
        return "nothing reads the output any more; genlab resume goes on with the run, > FILE keeps its output"
    if isinstance(error, MemoryError) or MEMORY.search(str(error)):
        what = str(error).partition("\n")[0][:200] or "MemoryError"
        return f"{what}: too little memory; allow more (see ulimit -v), or make data.batch_size or the model smaller"
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return f"{what}; make room, or choose another folder with outputs=FOLDER"
    from hydra.errors import HydraException, InstantiationException  # here: commands that list runs need no Hydra
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key}: {str(error.msg).splitlines()[0]}; give it a value"
    if isinstance(error, HydraException) and not isinstance(error, InstantiationException):
        return " ".join(str(error).split())
    return None


def leave_unread() -> None:
    """After a BrokenPipeError: what is still to be written goes nowhere, and Python does not complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
