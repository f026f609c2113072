"""A sweep from its plan to its table, whatever ends it."""

import os
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from genlab.errors import RunError
from genlab.mendable import mendable
from genlab.readable import plain, short
from genlab.runs.lock import locked
from genlab.runs.reading import read_summary
from genlab.sweeps.ending import end
from genlab.sweeps.grid import Grid
from genlab.sweeps.plan import Plan, assign, read_plan, write_plan


def run_sweep(grid: Grid, run: Callable[[], None], command: Sequence[str]) -> int:
    """Plan the jobs, run them, and end with the table, after Ctrl-C too; return the exit code.

    Args:
        grid: what was asked for.
        run: Hydra's main function, which runs the jobs in `grid.folder`.
        command: how to call this again.

    Raises:
        RunError: the folder to be resumed is none of a sweep, is damaged, or another process has it.
    """
    started = time.perf_counter()
    if grid.resume and not grid.folder.is_dir():
        raise RunError(f"{grid.folder}: no such folder; sweeps are below outputs/sweeps")
    known = read_plan(grid.folder).jobs if grid.resume or (grid.folder / "sweep.json").exists() else []
    with locked(grid.folder):
        plan = Plan(assign(grid.jobs, known), grid.keep)
        write_plan(grid.folder, plan)
        _announce(grid, plan)
        _divide_cores(grid.at_once)
        signal.signal(signal.SIGTERM, _terminate)
        code = 0
        try:
            run()
        except (KeyboardInterrupt, SystemExit) as error:
            # Lightning turns Ctrl-C into an exit with code 1
            code = error.code if isinstance(error, SystemExit) and error.code in (130, 143) else 130
        except Exception as error:
            # not of a job, whose errors stay in its folder: a process of several that was killed, for example
            why = mendable(error)
            if why is None:
                why = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            print(f"error: {plain(why)}", file=sys.stderr)
            code = 1
            if os.environ.get("GENLAB_DEBUG"):
                raise
        ended = end(grid.folder, plan, time.perf_counter() - started)
    if not ended:
        line = shlex.join([*command, f"sweep.resume={short(grid.folder)}"])
        print(f"{'interrupted; to go on' if code > 1 else 'to try again'}: {line}", file=sys.stderr)
    return code or (0 if ended else 1)


def _terminate(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)


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
    return {"finished": "finished already", "failed": "to try again"}.get(status, "to go on")


def _divide_cores(at_once: int) -> None:
    """Threads of each process that the launcher starts, unless the user has said how many."""
    if at_once > 1:
        from joblib import cpu_count

        threads = str(max(1, cpu_count() // at_once))
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, threads)
