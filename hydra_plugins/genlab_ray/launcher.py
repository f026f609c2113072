"""hydra/launcher=ray: what Hydra asks of a launcher; the work is in `genlab.sweeps.ray_cluster`."""

from collections.abc import Sequence

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class RayLauncher(Launcher):
    """The jobs of a sweep as tasks of a Ray cluster.

    Args:
        address: `auto` for the cluster that runs on this machine, `HOST:PORT`, or `local` for one of its own.
        num_cpus: of each job; at least one thread.
        num_gpus: of each job; a fraction is a share of one.
        max_retries: how often a job begins again whose process or node is lost.
    """

    def __init__(self, address: str, num_cpus: float, num_gpus: float, max_retries: int) -> None:
        self.address = address
        self.needs = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_retries": max_retries}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from genlab.sweeps.ray_cluster import run_on_cluster  # seconds, because of Ray

        jobs = []
        for number, overrides in enumerate(job_overrides, initial_job_idx):
            jobs.append(self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides)))
            jobs[-1].hydra.job.id = jobs[-1].hydra.job.num = number
        return run_on_cluster(jobs, self.hydra_context, self.task_function, self.address, self.needs)
