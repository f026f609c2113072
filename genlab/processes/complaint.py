"""What ends a run of several processes is said by one of them."""

import os
import re
import socket
import sys
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from genlab.errors import PeerError
from genlab.processes.agreement import leave
from genlab.processes.peers import is_first, peers

if TYPE_CHECKING:
    from torch.distributed import Store

LOST = re.compile(r"gloo|Connection (closed|reset) by peer|nccl", re.IGNORECASE)
PATIENCE = timedelta(seconds=2)


def is_lost(error: BaseException) -> bool:
    """Whether the error is that another process of the run has ended, in the middle of something common."""
    if isinstance(error, PeerError):
        return True
    return isinstance(error, RuntimeError) and LOST.search(str(error)) is not None


def speaks(text: str, lost: bool = False) -> bool:
    """Whether it is this process that says the text: the first that has it to say.

    Args:
        text: what many processes may have found, or one alone.
        lost: it is that another process has ended, which is said only where that one has not said why.
    """
    if "torch" not in sys.modules:
        return is_first()  # a mistake in the command, which all have found
    from torch.distributed import DistError

    try:
        board = _board()
        if board is None:
            return is_first()
        if lost:
            mine = is_first() and board.add("genlab/said", 0) == 0
        else:
            board.add("genlab/said", 1)
            mine = board.add(f"genlab/said/{zlib.crc32(text.encode())}", 1) == 1
        launched = peers()
        if launched is not None:
            leave(board, launched)
        return mine
    except (DistError, OSError):  # whoever kept it has ended
        return is_first()


def _board() -> "Store | None":
    """The store at which the processes have met; None of a process by itself."""
    from torch import distributed

    together = distributed.is_available() and distributed.is_initialized()
    address, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    if not address or not port or (peers() is None and not together):
        return None
    with socket.create_connection((address, int(port)), PATIENCE.seconds):
        pass  # where nobody listens, torch itself would say so in forty lines
    return distributed.TCPStore(address, int(port), is_master=False, timeout=PATIENCE, wait_for_workers=False)
