"""Jobs of a sweep as tasks of a Ray cluster: as many at once as it has room for, begun again if a process is lost."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# before Ray is imported: it tells its makers about each cluster, unless it is told not to
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from ray.exceptions import RayError, RayTaskError, TaskCancelledError

from genlab.errors import RunError
from genlab.sweeps.far_console import Listener, speaking
from genlab.sweeps.stop import Stop

POLL = 0.3  # seconds between two looks at what the jobs say
RESOURCES = {"num_cpus": "CPU", "num_gpus": "GPU"}


def run_on_cluster(
    jobs: Sequence[DictConfig], context: HydraContext, run: TaskFunction, address: str, needs: Mapping[str, Any]
) -> list[JobReturn]:
    """Bring all jobs to their end; one whose process is lost too often has ended too.

    Args:
        jobs: the config of each, with Hydra's.
        context, run: Hydra's, for each job.
        address: of the cluster; `auto` for the one that runs here, `local` for one of its own.
        needs: of each job, arguments of `ray.remote`.

    Raises:
        RunError: there is no such cluster.
        KeyboardInterrupt, SystemExit: a signal came, and the running jobs have written their checkpoints.
    """
    sweep = Path(str(jobs[0].hydra.sweep.dir))
    with _connected(address), Listener(sweep) as console, Stop(sweep, passes_on=False) as stop:
        _warn_of_waiting(needs)
        task = ray.remote(_run_task).options(name="genlab", **needs)
        shared = ray.put((context, run, Singleton.get_state(), os.getcwd()))
        waiting = {task.remote(job, shared): int(job.hydra.job.num) for job in jobs}
        cancelled = False
        while waiting:
            ended, _ = ray.wait(list(waiting), timeout=POLL)
            console.tell()
            for ref in ended:
                number = waiting.pop(ref)
                console.forget(number)
                _say_if_lost(ref, f"job {number + 1}/{len(jobs)}")
            if stop.code and not cancelled:
                cancelled = True
                for ref in waiting:  # a KeyboardInterrupt in those that run; the others do not begin
                    ray.cancel(ref)
    if stop.code:
        raise KeyboardInterrupt if stop.code == 128 + signal.SIGINT else SystemExit(stop.code)
    # Hydra raises the error that a return holds; what has come of a job is in its folder
    return [JobReturn(status=JobStatus.COMPLETED) for _ in jobs]


@contextmanager
def _connected(address: str) -> Iterator[None]:
    debug = bool(os.environ.get("GENLAB_DEBUG"))
    handler = signal.getsignal(signal.SIGTERM)  # Ray has one of its own
    level = logging.INFO if debug else logging.ERROR
    dashboard = False if address == "local" else None  # of another's cluster it is not ours to say
    try:
        ray.init(address=address, logging_level=level, log_to_driver=debug, include_dashboard=dashboard)
    except ConnectionError as error:
        raise RunError(
            f"hydra.launcher.address={address}: no Ray cluster answers; start one with ray start --head, "
            "or one for this sweep alone with hydra.launcher.address=local"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _warn_of_waiting(needs: Mapping[str, Any]) -> None:
    """Of a job that no node has room for; Ray waits for one, as it should where nodes are added by need."""
    for name, resource in RESOURCES.items():
        most = max((node["Resources"].get(resource, 0) for node in ray.nodes() if node["Alive"]), default=0)
        if needs[name] > most:
            told = f"hydra.launcher.{name}={needs[name]}: no node of the cluster has more than {most:g} now"
            print(f"warning: {told}; waiting for one", file=sys.stderr)


def _run_task(job: DictConfig, shared: tuple[HydraContext, TaskFunction, dict[Any, Any], str]) -> None:
    """In a process of the cluster: what Hydra does in its own."""
    context, run, singletons, folder = shared
    os.chdir(folder)  # relative paths mean what they mean where the command was typed
    setup_globals()
    Singleton.set_state(singletons)
    HydraConfig.instance().set_config(job)
    with speaking(Path(str(job.hydra.sweep.dir)), int(job.hydra.job.num)):
        returned = run_job(run, job, "hydra.sweep.dir", "hydra.sweep.subdir", context)
    if returned.status == JobStatus.FAILED:
        raise returned._return_value


def _say_if_lost(ref: Any, job: str) -> None:
    """A job that has failed has said so itself."""
    try:
        ray.get(ref)
    except TaskCancelledError:
        pass
    except RayTaskError as error:
        print(f"error: {job}: {type(error.cause).__name__}: {error.cause}", file=sys.stderr)
    except RayError as error:
        print(f"error: {job}: its process was lost ({type(error).__name__}), too often", file=sys.stderr)
