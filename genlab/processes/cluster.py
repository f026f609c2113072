"""Lightning's view of who has started the processes of a run, and whether it fits the trainer's settings."""

import os

from pytorch_lightning import Trainer
from pytorch_lightning.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from genlab.errors import ConfigError
from genlab.processes.peers import peers


def cluster_environment() -> ClusterEnvironment | None:
    """What Lightning should use; None where its own detection is right already.

    In a job of SLURM Lightning would take SIGUSR1 and SIGTERM to itself, write checkpoints of its own and put the job
    into the queue again: genlab's `Interruption` writes last.ckpt, and `genlab resume` goes on from it. And of a job
    with one task it would believe that the others, of the devices, are started from outside too.
    """
    launched = peers()
    if launched is None:
        return LightningEnvironment() if "SLURM_JOB_ID" in os.environ else None
    if launched.by == "torchrun":
        return TorchElasticEnvironment()
    nodes = int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))
    if launched.processes % nodes == 0:
        # what Lightning wants to see is there only if it was typed
        os.environ.setdefault("SLURM_NTASKS_PER_NODE", str(launched.processes // nodes))
    return SLURMEnvironment(auto_requeue=False)


def check_launch(trainer: Trainer) -> None:
    """Raise ConfigError unless the trainer counts on as many processes as there are.

    Lightning would wait for the others for ever, or each process would train alone.
    """
    launched = peers()
    if launched is None:
        return
    devices, nodes = trainer.num_devices, trainer.num_nodes
    if devices * nodes != launched.processes:
        of_nodes = f" on each of {nodes} machines (trainer.num_nodes)" if nodes > 1 else ""
        raise ConfigError(
            f"trainer.devices={devices}{of_nodes}: {launched.by} has started {launched.processes} processes, one a "
            f"device; use trainer=ddp trainer.devices={launched.processes // nodes}, or start as many processes"
        )
