"""Which process of a run this is, by the environment alone: asked before torch is imported, or without a trainer."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genlab.errors import ConfigError

# Names of SLURM jobs that are a shell in which somebody types: Lightning counts what is started there as not SLURM's
SHELLS = ("bash", "interactive")


@dataclass(frozen=True)
class Peers:
    """Several processes that torchrun or srun has started, one a device, each by the same command."""

    by: str
    rank: int  # of this process among all, on all machines
    processes: int


def peers() -> Peers | None:
    """How this process was started; None if by itself, as by hand, by Lightning, or as a job of SLURM with one task."""
    environment = os.environ
    if "TORCHELASTIC_RUN_ID" in environment:
        found = Peers("torchrun", int(environment["RANK"]), int(environment["WORLD_SIZE"]))
    elif "SLURM_STEP_NUM_TASKS" in environment and environment.get("SLURM_JOB_NAME") not in SHELLS:
        # not SLURM_NTASKS, which a batch script has too, where it is one process that was started
        found = Peers("srun", int(environment["SLURM_PROCID"]), int(environment["SLURM_STEP_NUM_TASKS"]))
    else:
        return None
    return found if found.processes > 1 else None


def is_first() -> bool:
    """Whether this is the process that speaks, writes and holds the lock."""
    found = peers()
    if found is not None:
        return found.rank == 0
    # Lightning gives these to the processes that it starts
    return os.environ.get("LOCAL_RANK", "0") == "0" and os.environ.get("NODE_RANK", "0") == "0"


def check_one_device(trainer: Mapping[str, Any], who: str) -> None:
    """Raise ConfigError if a config's section asks for several devices; `who` says who has one, and the remedy."""
    for name, value in (("devices", trainer.get("devices", 1)), ("num_nodes", trainer.get("num_nodes") or 1)):
        of_one = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1
        if str(value) != "1" and not of_one:
            raise ConfigError(f"trainer.{name}={value}: {who}")
