"""The cores of this machine, divided between jobs that run at the same time."""

import os

import joblib


def jobs_at_once(n_jobs: int) -> int:
    """How many jobs may run at the same time, as joblib counts: -1 is one a core, -2 one core less."""
    return max(1, n_jobs if n_jobs > 0 else joblib.cpu_count() + 1 + n_jobs)


def threads_each(jobs: int) -> int:
    """How many threads each of so many jobs has, one at least; of the cores that this process may use."""
    return max(1, joblib.cpu_count() // jobs)


def divide_cores(jobs: int) -> None:
    """Set the threads of the processes that a launcher starts, unless the user has said how many."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads_each(jobs)))
