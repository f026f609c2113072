"""hydra/launcher=ray, submitit_slurm, submitit_local: what Hydra asks of a launcher; the work is in `genlab.sweeps`."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass
class FarJob:
    """What a process that Hydra has not started needs to run any job of a sweep as Hydra would; it is pickled."""

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


class FarLauncher(Launcher):
    """Jobs in processes that others start, perhaps on other machines; a subclass brings them there in `bring`."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config = config
        self.job = FarJob(hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        self.bring({initial_job_idx + place: list(texts) for place, texts in enumerate(job_overrides)})
        # Hydra raises the error that a return holds; what has come of a job is in its folder
        return [JobReturn(status=JobStatus.COMPLETED, _return_value=None) for _ in job_overrides]

    @abstractmethod
    def bring(self, overrides: dict[int, list[str]]) -> None:
        """Call `self.job(number, overrides)` for each number elsewhere, and wait until all have ended."""


class RayLauncher(FarLauncher):
    """The jobs of a sweep as tasks of a Ray cluster; settings as in conf/hydra/launcher/ray.yaml."""

    def __init__(self, address: str, num_cpus: float, num_gpus: float, max_retries: int) -> None:
        self.address = address
        self.needs = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_retries": max_retries}

    def bring(self, overrides: dict[int, list[str]]) -> None:
        from genlab.sweeps.ray_cluster import run_on_cluster  # seconds, because of Ray

        run_on_cluster(self.job, overrides, Path(self.config.hydra.sweep.dir), self.address, self.needs)


class LocalQueueLauncher(FarLauncher):
    """The jobs of a sweep in the hands of submitit, each in a process on this machine.

    It keeps what it hands over, and what it says, in its folder, and refuses settings that it does not know.
    """

    cluster = "local"

    def __init__(self, submitit_folder: str, **settings: Any) -> None:
        self.folder = submitit_folder
        self.settings = settings

    def bring(self, overrides: dict[int, list[str]]) -> None:
        from genlab.sweeps.queue import run_in_queue

        run_in_queue(self.job, overrides, self.cluster, self.folder, self.settings)


class SlurmQueueLauncher(LocalQueueLauncher):
    """The same with each a job of SLURM; settings as in conf/hydra/launcher/submitit_slurm.yaml."""

    cluster = "slurm"
