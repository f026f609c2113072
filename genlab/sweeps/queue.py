"""Jobs in the hands of submitit, which brings them to SLURM: handed over, waited for, and said to be lost."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import submitit

from genlab.console.readable import short
from genlab.errors import plain

# Parameters of submitit that mean the same on every cluster; others are named after theirs
SHARED = (
    *("name", "timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes"),
    "stderr_to_stdout",
)
POLL = 1.0  # seconds between two looks for a result


def run_in_queue(
    job: Callable[[int, list[str]], None],
    overrides: Mapping[int, list[str]],
    cluster: str,
    folder: str,
    settings: Mapping[str, Any],
) -> None:
    """Hand all jobs over to `slurm` or `local`, and wait for each; after a signal they stay in the queue.

    One whose process is lost is said to be, and the others are waited for: its folder says what became of it.

    Args:
        job: is called with each number and its overrides.
        folder: of submitit's files; `%j` stands for the id of a job.
        settings: of submitit, and SLURM's.
    """
    logging.getLogger("submitit").setLevel(logging.ERROR)
    given = {k if k in SHARED else f"{cluster}_{k}": v for k, v in settings.items() if v is not None}
    of_executor = {name: given.pop(name) for name in list(given) if name.endswith("_max_num_timeout")}
    executor = submitit.AutoExecutor(folder=folder, cluster=cluster, **of_executor)
    executor.update_parameters(**given)
    accounts = cluster != "slurm" or _has_accounts()
    submitted = executor.map_array(job, list(overrides), list(overrides.values()))
    try:
        for handed in submitted:
            _wait(handed, accounts)
    except (KeyboardInterrupt, SystemExit):
        left = {one.job_id.partition("_")[0] for one in submitted if not one.paths.result_pickle.exists()}
        if cluster == "slurm" and left:
            told = " ".join(sorted(left))
            print(f"\nwhat is in the queue stays there; scancel {told} takes it out", file=sys.stderr)
        raise


def _has_accounts() -> bool:
    """Whether SLURM can tell what became of a process; else say once what follows."""
    known = subprocess.run(["sacct", "--noheader", "--jobs=1"], capture_output=True).returncode == 0
    if not known:
        print(
            "SLURM keeps no accounts here (sacct): a job whose process is killed is waited for until Ctrl-C",
            file=sys.stderr,
        )
    return known


def _wait(job: submitit.Job[Any], accounts: bool) -> None:
    while not (job.done() if accounts else job.paths.result_pickle.exists()):
        time.sleep(POLL)
    if job.exception() is not None:
        said = short(Path(job.paths.stderr))
        print(f"error: job {plain(job.job_id)} of the queue has left no result; see {said}", file=sys.stderr)
