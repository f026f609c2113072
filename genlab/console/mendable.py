"""Which errors a user can mend, in one line each."""

import re

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from genlab.errors import GenlabError, lack_of_memory
from genlab.processes.complaint import is_lost


def mendable(error: BaseException) -> str | None:
    """The cause and the remedy; None for a fault of genlab's own, whose traceback is wanted."""
    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key}: {str(error.msg).splitlines()[0]}; give it a value"
    if isinstance(error, (GenlabError, HydraException)) and not isinstance(error, InstantiationException):
        return " ".join(str(error).split())
    if is_lost(error):
        return "another process of this run has ended; genlab resume goes on with it"
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return f"{what}; make room, or choose another folder with outputs=FOLDER"
    if isinstance(error, ImportError):
        return lack_of_memory(error)
    if isinstance(error, MemoryError) or re.search("out of memory|can't allocate memory", str(error)):
        what = str(error).partition("\n")[0][:200] or "MemoryError"
        return f"{what}; make data.batch_size, the model, or what a callback draws smaller"
    return None
