"""What the processes of a run tell one another before Lightning has connected them, and which of them speaks."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from genlab.errors import PeerError
from genlab.processes.peers import Peers, is_first, peers

if TYPE_CHECKING:
    from torch.distributed import Store

PATIENCE = timedelta(minutes=5)  # for a process on another machine, which may be slow to start
LOST = re.compile(r"gloo|Connection (closed|reset) by peer|nccl", re.IGNORECASE)

# The first process of srun's serves the store, and later another at the same address for Lightning's process group:
# torch lets both share one server as long as the first store is there
_kept: "Store | None" = None
_met = False


def agreed(key: str, value: Callable[[], str]) -> str:
    """`value()` of the first process, in all that torchrun or srun has started; of a process by itself its own.

    Each key is agreed on once. PeerError if the processes do not find each other.
    """
    launched = peers()
    if launched is None:
        return value()
    with _connected(launched) as store:
        if launched.rank == 0:
            store.set(_key(key), value())
        return store.get(_key(key)).decode()


def connect() -> None:
    """Find the others, so that each can hear of it when another ends before they meet; raise PeerError as `agreed`."""
    launched = peers()
    if launched is not None:
        with _connected(launched):
            pass


def meet() -> None:
    """Wait for the others, once in a run, where training is about to begin.

    Else one that has ended early would leave the others waiting for it, half an hour where srun has started them.
    PeerError if one has ended, with what it says, or has not come.
    """
    if peers() is not None:
        for rank, fault in enumerate(_faults()):
            if fault:
                raise PeerError(f"[rank {rank}] {fault}")


def spoken(fault: str, lost: bool = False) -> Iterator[str]:
    """What this process says about its end; nothing where another says it.

    Before they meet, the first process speaks for all; afterwards each for itself. That another has ended (`lost`),
    the other one explains, unless it was killed.
    """
    launched = peers()
    early = launched is not None and not _met
    if is_first():
        yield fault  # before the others are waited for
    elif not early and not lost:
        yield f"[rank {launched.rank if launched is not None else os.environ.get('LOCAL_RANK')}] {fault}"
    if early and _kept is not None:  # else it is a mistake in the command, which all have found
        with suppress(PeerError):
            others = [f"[rank {rank}] {other}" for rank, other in enumerate(_faults(fault)) if other not in ("", fault)]
            yield from others if is_first() else ()


def is_lost(error: BaseException) -> bool:
    """Whether the error is that another process of the run has ended, in the middle of something common."""
    if isinstance(error, PeerError):
        return True
    return isinstance(error, RuntimeError) and LOST.search(str(error)) is not None


def _faults(fault: str = "") -> list[str]:
    """What keeps each process from training, by rank; empty for one that is ready, as all of them should be."""
    global _met
    _met, launched = True, peers()
    assert launched is not None
    with _connected(launched) as store:
        from torch.distributed.elastic.utils.store import synchronize

        said = f"-{fault}".encode()  # an empty one would be none
        all_said = synchronize(store, said, launched.rank, launched.processes, _key("said"), PATIENCE.total_seconds())
        return [text.decode()[1:] for text in all_said]


def _key(name: str) -> str:
    return f"genlab/{name}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"  # torchrun may try again


@contextmanager
def _connected(launched: Peers) -> Iterator["Store"]:
    """The store, at the address where the process group will meet."""
    global _kept
    # seconds, because of torch, which a run of several processes needs anyway
    from torch.distributed import DistError, rendezvous

    from genlab.processes.cluster import cluster_environment

    try:
        if _kept is None:
            environment = cluster_environment()
            assert environment is not None
            address = f"tcp://{environment.main_address}:{environment.main_port}"
            _kept, _, _ = next(rendezvous(address, launched.rank, launched.processes, timeout=PATIENCE))
        yield _kept
    except DistError as error:
        why = " ".join(str(error).split())[:100]
        raise PeerError(
            f"one of the {launched.processes} processes of {launched.by} has ended, or is not to be found ({why}); "
            "see what it says, and start all of them again"
        ) from None
