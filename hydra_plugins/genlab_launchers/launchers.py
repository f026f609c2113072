"""hydra/launcher=ray, submitit_slurm, submitit_local: what Hydra asks of a launcher; the work is in `genlab.sweeps`."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from genlab.sweeps.far_job import FarJob


class FarLauncher(Launcher):
    """Jobs in processes that others start, perhaps on other machines; a subclass brings them there in `bring`."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from genlab.sweeps.far_job import FarJob

        job = FarJob(self.hydra_context, self.task_function, self.config)
        self.bring(job, {initial_job_idx + place: list(texts) for place, texts in enumerate(job_overrides)})
        # Hydra raises the error that a return holds; what has come of a job is in its folder
        return [JobReturn(status=JobStatus.COMPLETED, _return_value=None) for _ in job_overrides]

    @abstractmethod
    def bring(self, job: "FarJob", overrides: dict[int, list[str]]) -> None:
        """Call `job(number, overrides)` for each number elsewhere, and wait until all have ended."""


class RayLauncher(FarLauncher):
    """The jobs of a sweep as tasks of a Ray cluster; settings as in conf/hydra/launcher/ray.yaml."""

    def __init__(self, address: str, num_cpus: float, num_gpus: float, max_retries: int) -> None:
        self.address = address
        self.needs = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_retries": max_retries}

    def bring(self, job: "FarJob", overrides: dict[int, list[str]]) -> None:
        from genlab.sweeps.ray_cluster import run_on_cluster  # seconds, because of Ray

        run_on_cluster(job, overrides, self.address, self.needs)


class LocalQueueLauncher(FarLauncher):
    """The jobs of a sweep in the hands of submitit, each in a process on this machine.

    Args:
        submitit_folder: where submitit keeps what it hands over, and what it says.
        settings: other parameters of submitit, which refuses those that it does not know.
    """

    cluster = "local"

    def __init__(self, submitit_folder: str, **settings: Any) -> None:
        self.folder = submitit_folder
        self.settings = settings

    def bring(self, job: "FarJob", overrides: dict[int, list[str]]) -> None:
        from genlab.sweeps.queue import run_in_queue

        run_in_queue(job, overrides, self.cluster, self.folder, self.settings)


class SlurmQueueLauncher(LocalQueueLauncher):
    """The same with each a job of SLURM; settings as in conf/hydra/launcher/submitit_slurm.yaml."""

    cluster = "slurm"
