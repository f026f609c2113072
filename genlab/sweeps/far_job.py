"""A job of a sweep in a process that Hydra has not started: what Hydra does in its own, and a way back to the queue."""

import os
import signal
from dataclasses import dataclass, field
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass
class FarJob:
    """All that a process needs to run any job of a sweep; made by the command, and pickled."""

    context: HydraContext
    run: TaskFunction
    config: DictConfig
    state: Any = field(default_factory=Singleton.get_state)
    folder: str = field(default_factory=os.getcwd)

    def __call__(self, number: int, overrides: list[str]) -> None:
        """Run a job; raise what Hydra says of it, as that it cannot be composed."""
        os.chdir(self.folder)  # relative paths mean what they mean where the command was typed
        setup_globals()
        Singleton.set_state(self.state)
        config = self.context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        HydraConfig.instance().set_config(config)
        returned = run_job(self.run, config, "hydra.sweep.dir", "hydra.sweep.subdir", self.context)
        if returned.status == JobStatus.FAILED:
            raise returned._return_value

    def checkpoint(self, number: int, overrides: list[str]) -> Any:
        """What submitit puts into the queue again, as it asks of anything that can go on."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, number, overrides)


def take_back(code: object) -> None:
    """If a job leaves with the code of the signal that announces its time limit, have submitit queue it again.

    Raises:
        SystemExit: it is in the queue.
        UncompletedJobError: it has been requeued too often.
    """
    number = code - 128 if isinstance(code, int) else 0
    handler = signal.getsignal(number) if number in (signal.SIGUSR1, signal.SIGUSR2) else None
    if callable(handler):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # with which SLURM ends what is in the queue again
        handler(number, None)
