"""Where the jobs of a sweep run, by the launcher that starts them, and which part of the machine each has."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """What a launcher of Hydra's means for its jobs."""

    launcher: str  # the last part of its class
    module: str = ""  # which genlab's extra installs; Hydra itself has what is needed where this is empty
    extra: str = ""
    console: bool = False  # whether a job has that of the command; else what it says goes to a file in its folder
    own_process: bool = False  # whether a process ends with its job, so that the job may end it
    child: bool = False  # whether a process that waits for its next job should end with the command that started it


PLACEMENTS = {
    "basic": Placement("BasicLauncher", console=True, own_process=True),
    "joblib": Placement("JoblibLauncher", "hydra_plugins.hydra_joblib_launcher", "parallel", child=True),
    "submitit_local": Placement("LocalQueueLauncher", "submitit", "slurm", own_process=True),
    "submitit_slurm": Placement("SlurmQueueLauncher", "submitit", "slurm", own_process=True),
    "ray": Placement("RayLauncher", "ray", "ray"),
}


def placement(target: str) -> Placement:
    """By its class, as `hydra.launcher._target_` names it; of one that is not known nothing is expected."""
    name = target.rpartition(".")[2]
    return next((known for known in PLACEMENTS.values() if known.launcher == name), Placement(name))


def threads_each(jobs: int) -> int:
    """How many threads each of so many jobs has, one at least; of the cores that this process may use."""
    import joblib  # a part of a second

    return max(1, joblib.cpu_count() // jobs)


def divide_cores(jobs: int) -> None:
    """Set the threads of the processes that a launcher starts, unless the user has said how many."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads_each(jobs)))
