"""Jobs in the hands of submitit, which brings them to SLURM: lost processes, requeueing, what stays in the queue."""

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from genlab.console.readable import short
from genlab.errors import plain

FOLDER = ".submitit"  # of hydra.launcher.submitit_folder, in that of the sweep


@contextmanager
def patient() -> Iterator[None]:
    """Inside, a job whose process is lost is said to be, and the others are waited for.

    Hydra's launcher asks one job after the other for its result and gives up at the first that has none, though the
    others are in the queue or run.
    """
    from hydra.core.utils import JobReturn, JobStatus
    from submitit import Job
    from submitit.core.utils import FailedJobError, UncompletedJobError

    logging.getLogger("submitit").setLevel(logging.ERROR)
    original = Job.results

    def results(job: Any) -> list[JobReturn]:
        try:
            return list(original(job))
        except (FailedJobError, UncompletedJobError):
            said = short(Path(job.paths.stderr))
            print(f"error: job {plain(job.job_id)} of the queue has left no result; see {said}", file=sys.stderr)
            return [JobReturn(status=JobStatus.COMPLETED, _return_value=None)]  # its folder says what became of it

    with patch.object(Job, "results", results):
        yield


def ask_no_accounts() -> None:
    """Where SLURM keeps no accounts, say once what follows; else submitit asks for them again and again."""
    from submitit.slurm.slurm import SlurmInfoWatcher

    if subprocess.run(["sacct", "--noheader", "--jobs=1"], capture_output=True).returncode != 0:
        SlurmInfoWatcher._make_command = lambda self: None  # type: ignore[method-assign]
        print(
            "SLURM keeps no accounts here (sacct): a job whose process is killed is waited for until Ctrl-C",
            file=sys.stderr,
        )


def take_back(code: object) -> None:
    """If a job has been ended by the signal that announces its time limit, have submitit put it into the queue again.

    Args:
        code: with which the job leaves: 128 + the number of the signal.

    Raises:
        SystemExit: it is in the queue.
        UncompletedJobError: it has been requeued too often.
    """
    number = code - 128 if isinstance(code, int) else 0
    if number in (signal.SIGUSR1, signal.SIGUSR2):
        handler = signal.getsignal(number)
        if callable(handler):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # with which SLURM ends what is in the queue again
            handler(number, None)


def left_in_queue(sweep: Path) -> list[str]:
    """The ids, as squeue has them, of jobs that a command handed over and that have not ended."""
    folders = (sweep / FOLDER).glob("*/*_submitted.pkl")
    jobs = [path.parent.name for path in folders if not list(path.parent.glob("*_result.pkl"))]
    return sorted({job.partition("_")[0] for job in jobs})
