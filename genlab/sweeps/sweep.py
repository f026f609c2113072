"""A sweep from its plan to its table, whatever ends it."""

import os
import shlex
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from genlab.console.mendable import mendable
from genlab.console.readable import short
from genlab.errors import RunError, plain
from genlab.runs.lock import locked, new_folder
from genlab.runs.reading import read_summary
from genlab.sweeps.ending import end
from genlab.sweeps.grid import Grid
from genlab.sweeps.launchers import LAUNCHERS
from genlab.sweeps.plan import Plan, assign, read_plan, write_plan
from genlab.sweeps.queue import ask_no_accounts, left_in_queue, patient
from genlab.sweeps.stop import Stop

# 128 + the number of the signal, as shells have it
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

DONE = "finished already"


def run_sweep(grid: Grid, run: Callable[[], None], command: Sequence[str]) -> int:
    """Plan the jobs, run them, and end with the table, after Ctrl-C too; return the exit code.

    Args:
        grid: what was asked for.
        run: Hydra's main function, which runs the jobs in `grid.folder`.
        command: how to call this again.

    Raises:
        RunError: the folder to be resumed is none of a sweep, is damaged, or another process has it; or that of a new
            sweep is not new.
    """
    started = time.perf_counter()
    if grid.resume and not grid.folder.is_dir():
        raise RunError(f"{grid.folder}: no such folder; sweeps are below outputs/sweeps")
    known = read_plan(grid.folder).jobs if grid.resume else []
    with locked(grid.folder) if grid.resume else new_folder(grid.folder, "hydra.sweep.dir"):
        plan = Plan(assign(grid.jobs, known), grid.keep)
        write_plan(grid.folder, plan)
        _announce(grid, plan)
        if grid.at_once > 1:
            from genlab.sweeps.cores import divide_cores

            left = sum(_state(grid.folder / job.folder) != DONE for job in plan.current())
            divide_cores(max(1, min(grid.at_once, left)))
        code = _run(grid, run)
        ended = end(grid.folder, plan, time.perf_counter() - started)
    if not ended:
        line = shlex.join([*command, f"sweep.resume={short(grid.folder)}"])
        print(f"{'interrupted; to go on' if code > 1 else 'to try again'}: {line}", file=sys.stderr)
    return code or int(not ended)


def _run(grid: Grid, run: Callable[[], None]) -> int:
    """All jobs; the exit code of what ended them early."""
    signal.signal(signal.SIGTERM, _terminate)
    stop = Stop(grid.folder)
    in_slurm = grid.launcher is LAUNCHERS["submitit_slurm"]
    if in_slurm:
        ask_no_accounts()
    try:
        with stop if grid.at_once > 1 else nullcontext(), patient() if grid.launcher.queue else nullcontext():
            run()
    except (KeyboardInterrupt, SystemExit) as error:
        if in_slurm:
            left = " ".join(left_in_queue(grid.folder))
            print(f"\nwhat is in the queue stays there; scancel {left} takes it out", file=sys.stderr)
        # Lightning turns Ctrl-C into an exit with code 1
        return TERMINATED if getattr(error, "code", None) == TERMINATED else INTERRUPTED
    except Exception as error:
        # not of a job, whose errors stay in its folder: a process of several was killed, for example
        if os.environ.get("GENLAB_DEBUG"):
            traceback.print_exception(error)
        what = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        print(f"error: {plain(mendable(error) or what)}", file=sys.stderr)
        return 1
    return stop.code


def _terminate(*_: object) -> None:
    sys.exit(TERMINATED)


def _announce(grid: Grid, plan: Plan) -> None:
    jobs = plan.current()
    states = Counter(_state(grid.folder / job.folder) for job in jobs) if grid.resume else Counter(new=len(jobs))
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    print(f"sweep folder {short(grid.folder)}   ({len(jobs)} jobs: {told})", flush=True)


def _state(folder: Path) -> str:
    try:
        status = read_summary(folder)["status"]
    except RunError:
        return "new"
    return {"finished": DONE, "failed": "to try again"}.get(status, "to go on")
