"""One value for all processes of a run, before Lightning has connected them."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from genlab.errors import PeerError
from genlab.processes.peers import Peers, peers

if TYPE_CHECKING:
    from torch.distributed import Store

PATIENCE = timedelta(minutes=5)  # for a process on another machine, which may be slow to start
HERE = "here"
MOMENT = 2.0  # seconds

# The first process of srun's serves the store, and later another at the same address for Lightning's process group:
# torch lets both share one server as long as the first store is there
_kept: "Store | None" = None
_met = False


def agreed(key: str, value: Callable[[], str]) -> str:
    """`value()` of the first process, in all that torchrun or srun has started; of a process by itself its own.

    Args:
        key: names the value; each is agreed on once.
        value: asked in the first process alone.

    Raises:
        PeerError: the processes do not find each other.
    """
    launched = peers()
    if launched is None:
        return value()
    with _connected(launched) as store:
        if launched.rank == 0:
            store.set(_key(key), value())
        return store.get(_key(key)).decode()


def connect() -> None:
    """Find the others, so that each can hear of it when another ends before they meet.

    Raises:
        PeerError: see `agreed`.
    """
    launched = peers()
    if launched is not None:
        with _connected(launched):
            pass


def meet() -> None:
    """Wait for the others, once in a run, where training is about to begin.

    Else one that has ended early would leave the others waiting for it, half an hour where srun has started them.

    Raises:
        PeerError: one of them has ended, or has not come.
    """
    launched = peers()
    if launched is None:
        return
    with _connected(launched) as store:
        store.set(_place(launched.rank), HERE)
        places = [_place(rank) for rank in range(launched.processes)]
        store.wait(places, PATIENCE)
        if any(store.get(place).decode() != HERE for place in places):
            raise PeerError("another process of this run has ended; see what it says")
    global _met
    _met = True


def leave(store: "Store", launched: Peers) -> None:
    """Of a process that will not come to the meeting: the others need not wait.

    The first process serves the store to those that srun has started: it stays until they have come and left too, or
    for a moment where they are in the middle of training, because torch writes forty lines about a store that is gone.
    """
    store.set(_place(launched.rank), "ended")
    ended, until = store.add(_key("ended"), 1), time.monotonic() + (MOMENT if _met else 30 * MOMENT)
    while launched.rank == 0 and ended < launched.processes and time.monotonic() < until:
        time.sleep(0.05)
        ended = store.add(_key("ended"), 0)


def _place(rank: int) -> str:
    return _key(f"fit/{rank}")


def _key(name: str) -> str:
    return f"genlab/{name}/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"  # torchrun may try again


@contextmanager
def _connected(launched: Peers) -> Iterator["Store"]:
    # seconds, because of torch, which a run of several processes needs anyway
    from torch.distributed import DistError

    try:
        yield _store()
    except DistError as error:
        why = " ".join(str(error).split())[:100]
        raise PeerError(
            f"one of the {launched.processes} processes of {launched.by} has ended, or is not to be found ({why}); "
            "see what it says, and start all of them again"
        ) from None


def _store() -> "Store":
    """At the address where the process group will meet."""
    global _kept
    if _kept is None:
        from torch.distributed import rendezvous

        from genlab.processes.cluster import cluster_environment

        launched, environment = peers(), cluster_environment()
        assert launched is not None and environment is not None
        address = f"tcp://{environment.main_address}:{environment.main_port}"
        meeting = rendezvous(address, launched.rank, launched.processes, timeout=PATIENCE)
        _kept, _, _ = next(meeting)
    return _kept
