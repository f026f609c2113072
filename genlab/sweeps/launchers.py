"""What each of Hydra's launchers means for the jobs of a sweep."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Launcher:
    """Where the jobs run that a launcher starts.

    Attributes:
        name: the last part of its class.
        module: which the extra installs; Hydra itself has what is needed where this is empty.
        extra: of genlab's.
        console: whether a job has the console of the command; else what it says goes to a file in its folder.
        own_process: whether a process ends with its job, so that the job may end it.
        queue: whether jobs are handed over to submitit.
    """

    name: str
    module: str = ""
    extra: str = ""
    console: bool = False
    own_process: bool = False
    queue: bool = False


LAUNCHERS = {
    "basic": Launcher("BasicLauncher", console=True, own_process=True),
    "joblib": Launcher("JoblibLauncher", "hydra_plugins.hydra_joblib_launcher", "parallel"),
    "submitit_local": Launcher(
        "LocalLauncher", "hydra_plugins.hydra_submitit_launcher", "slurm", own_process=True, queue=True
    ),
    "submitit_slurm": Launcher(
        "SlurmLauncher", "hydra_plugins.hydra_submitit_launcher", "slurm", own_process=True, queue=True
    ),
    "ray": Launcher("RayLauncher", "ray", "ray"),
}


def launcher(target: str) -> Launcher:
    """By its class, as `hydra.launcher._target_` names it; of one that is not known nothing is expected."""
    name = target.rpartition(".")[2]
    return next((known for known in LAUNCHERS.values() if known.name == name), Launcher(name))
