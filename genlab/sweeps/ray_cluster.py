"""Jobs of a sweep as tasks of a Ray cluster: as many at once as it has room for, begun again if a process is lost."""

import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

# before Ray is imported: it tells its makers about each cluster, unless it is told not to
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from genlab.errors import RunError
from genlab.sweeps.stop import Stop

POLL = 0.3  # seconds between two looks at what the jobs say
RESOURCES = {"num_cpus": "CPU", "num_gpus": "GPU"}
Job = Callable[[int, list[str]], None]


def run_on_cluster(
    job: Job, overrides: Mapping[int, list[str]], sweep: Path, address: str, needs: Mapping[str, Any]
) -> None:
    """Bring all jobs to their end; one whose process is lost too often has ended too.

    Args:
        job: is called with each number and its overrides.
        address: of the cluster; `auto` for the one that runs here, `local` for one of its own.
        needs: of each job, arguments of `ray.remote`.

    Raises:
        RunError: there is no such cluster.
        KeyboardInterrupt, SystemExit: a signal came, and the running jobs have written their checkpoints.
    """
    with _connected(address), Stop(sweep, passes_on=False) as stop:
        _warn_of_waiting(needs)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        said = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})  # no lost node takes it along
        task = ray.remote(_run_task).options(name="genlab", **needs)
        shared = ray.put(job)
        waiting = {task.remote(shared, said, number, texts): number for number, texts in overrides.items()}
        cancelled = False
        while waiting:
            ended, _ = ray.wait(list(waiting), timeout=POLL)
            for stream, text in said.get_nowait_batch(said.qsize()):
                print(text, end="", file=getattr(sys, stream), flush=True)
            for ref in ended:
                _say_if_lost(ref, f"job {waiting.pop(ref) + 1}/{len(overrides)}")
            if stop.code and not cancelled:
                cancelled = True
                for ref in waiting:  # a KeyboardInterrupt in those that run; the others do not begin
                    ray.cancel(ref, recursive=False)
    if stop.code:
        raise KeyboardInterrupt if stop.code == 128 + signal.SIGINT else SystemExit(stop.code)


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


class Said(io.TextIOBase):
    """A job's `stdout` or `stderr`, whose lines go into a queue as (stream, text).

    Ray itself would show them with a prefix, what repeats only once, and the last ones after the table.
    """

    def __init__(self, queue: Queue, stream: str) -> None:
        self.queue = queue
        self.stream = stream
        self.rest = ""

    def write(self, text: str) -> int:
        lines, newline, self.rest = f"{self.rest}{text}".rpartition("\n")
        if newline:
            self.queue.put((self.stream, lines + newline))
        return len(text)


def _run_task(job: Job, said: Queue, number: int, overrides: list[str]) -> None:
    """In a process of the cluster."""
    with redirect_stdout(Said(said, "stdout")), redirect_stderr(Said(said, "stderr")):
        job(number, overrides)


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
