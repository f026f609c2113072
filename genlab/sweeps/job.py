"""One job of a sweep: skipped, resumed, or run from its beginning; its failure is written into its own folder."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from omegaconf import DictConfig, open_dict

from genlab.console.program import keep_quiet, mendable, quick_imports
from genlab.console.readable import readable, short
from genlab.errors import RunError, plain
from genlab.processes.signals import TERMINATED, exit_on_sigterm
from genlab.runs.atomic import remove_leftovers, write_json, write_text
from genlab.runs.listing import listed
from genlab.runs.lock import is_locked, locked
from genlab.runs.reading import Run, open_run, read_summary
from genlab.runs.record import RunRecord, save_config
from genlab.sweeps.placement import Placement
from genlab.sweeps.plan import difference, read_plan
from genlab.sweeps.stop import end_with_parent, is_stopping, orphan
from genlab.sweeps.thinning import thin

CONSOLE, ERROR = "console.log", "error.log"


def status(folder: Path) -> str | None:
    """Of the run in a folder; None where none has begun."""
    try:
        return str(read_summary(folder)["status"])
    except RunError:
        return None


def run_job(cfg: DictConfig, sweep: Path, number: int, overrides: list[str], place: Placement) -> None:
    """Bring the job to its end, unless it is there already. Only a signal ends the sweep: other errors are recorded.

    Its config gets the `run_dir` that the plan in the sweep's folder gives to Hydra's number.
    """
    exit_on_sigterm()
    if place.child:
        end_with_parent()
    plan = read_plan(sweep)
    jobs = plan.current()
    folder = sweep / jobs[number].folder
    with open_dict(cfg):
        cfg.run_dir = str(folder)
    told = difference(jobs[number], jobs)
    label = f"job {number + 1}/{len(jobs)}" + (f" ({told})" if told else "")  # job 3/12 (model=vae model.latent_dim=2)
    if status(folder) == "finished" or is_stopping(sweep):
        return
    errors = sys.stderr
    with _console(folder, place.console) as console:
        print(label, file=console, flush=True)
        try:
            (folder / ERROR).unlink(missing_ok=True)
            with _left_behind(folder) as previous:
                with quick_imports():
                    from genlab.training.train import train  # seconds, because of torch

                keep_quiet()
                train(cfg, resumed=previous, overrides=overrides)
        except (KeyboardInterrupt, SystemExit) as error:
            if console and not orphan.is_set():
                print(f"{label}: interrupted", file=console, flush=True)
            if place.own_process:
                take_back(getattr(error, "code", None))
                raise
        except Exception as error:
            _record_failure(error, cfg, folder, overrides)
            why = mendable(error) or f"{type(error).__name__}: {error}"
            print(f"error: {label}: {plain(why)}; {short(folder / ERROR)}", file=errors)
            if os.environ.get("GENLAB_DEBUG"):
                traceback.print_exception(error)
        else:
            if console and not orphan.is_set():
                print(f"{label}: {_result(folder)}", file=console, flush=True)
    if orphan.is_set():  # nobody takes a result any more, and no other job should begin
        os._exit(TERMINATED)
    if plan.keep == "best":
        thin(sweep)


@contextmanager
def _left_behind(folder: Path) -> Iterator[Run | None]:
    """The run that goes on, locked: one that was interrupted, killed or has failed; None where it has not begun."""
    if (folder / "config.yaml").exists() and (folder / "summary.json").exists():
        with locked(folder):
            remove_leftovers(folder)
            yield open_run(folder, sections=())  # whose config is composed anew
    else:
        with locked(folder):  # of one that was killed before it had begun
            remove_leftovers(folder)
            for name in ("config.yaml", "overrides.yaml", "summary.json"):
                (folder / name).unlink(missing_ok=True)
        yield None


@contextmanager
def _console(folder: Path, own: bool) -> Iterator[TextIO | None]:
    """Of jobs that run at the same time each writes into a file of its own; yields the console that they share."""
    if own:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    shared = sys.stdout
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (folder / CONSOLE).open("a", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
            yield shared
    finally:
        # Ctrl-C at a process that waits for its next job would end the others too
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _result(folder: Path) -> str:
    run = listed(folder)
    number = f"   {run.headline} {readable(run.value)}" if run.headline and run.value is not None else ""
    return f"{run.status}{number}   {run.seconds or 0:.0f} s"


def _record_failure(error: Exception, cfg: DictConfig, folder: Path, overrides: list[str]) -> None:
    """Write error.log, and the status even where the run has not begun; as much of it as the disk takes.

    The summary of a run into which another process trains, and one that is damaged, are left as they are.
    """
    with suppress(OSError):
        write_text(folder / ERROR, "".join(traceback.format_exception(error)))
        if is_locked(folder):
            return
        if (folder / "summary.json").exists():
            with suppress(RunError):
                failed = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
                write_json(folder / "summary.json", read_summary(folder) | failed)
            return
        save_config(cfg, overrides, folder)
        model = str(cfg.model.get("_target_", "")).rpartition(".")[2]
        with suppress(type(error)), RunRecord(folder, {"model": model, "data": cfg.data.get("name"), "seed": cfg.seed}):
            raise error


def take_back(code: object) -> None:
    """If a job leaves with the code of the signal that announces its time limit, have submitit queue it again.

    Raises:
        SystemExit: it is in the queue.
        UncompletedJobError: it has been requeued too often.
    """
    number = code - 128 if isinstance(code, int) else 0
    handler = signal.getsignal(number) if number in (signal.SIGUSR1, signal.SIGUSR2) else None
    if callable(handler):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # with which SLURM ends what is in the queue again
        handler(number, None)
