"""A sweep from its plan to its table, whatever ends it."""

import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from genlab.console.program import mendable
from genlab.console.readable import short, to_copy
from genlab.errors import RunError, plain
from genlab.processes.signals import code_of, exit_on_sigterm
from genlab.runs.configuration import program
from genlab.runs.lock import locked, new_folder
from genlab.sweeps.ending import end
from genlab.sweeps.job import status
from genlab.sweeps.placement import divide_cores
from genlab.sweeps.plan import Plan, assign, read_plan, write_plan
from genlab.sweeps.request import SweepRequest
from genlab.sweeps.stop import Stop

DONE = "finished already"


def run_sweep(request: SweepRequest, launch: Callable[[], None]) -> int:
    """Plan the jobs, launch them, and end with the table, after Ctrl-C too; return the exit code.

    Raises:
        RunError: the folder to be resumed is none of a sweep, is damaged, or another process has it; or that of a new
            sweep is not new.
    """
    started = time.perf_counter()
    folder = request.folder
    if request.resume and not folder.is_dir():
        raise RunError(f"{folder}: no such folder; sweeps are below outputs/sweeps")
    known = read_plan(folder).jobs if request.resume else []
    with locked(folder) if request.resume else new_folder(folder, "hydra.sweep.dir"):
        plan = Plan(assign(request.jobs, known), request.keep)
        write_plan(folder, plan)
        jobs = plan.current()
        states = Counter(_state(folder / job.folder) for job in jobs) if request.resume else Counter(new=len(jobs))
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        print(f"sweep folder {short(folder)}   ({len(jobs)} jobs: {told})", flush=True)
        if request.repeated:
            print(f"jobs left out, because each has the same config as one of these: {request.repeated}", flush=True)
        if request.at_once > 1:
            divide_cores(max(1, min(request.at_once, len(jobs) - states[DONE])))
        code = _run(request, launch)
        ended = end(folder, plan, time.perf_counter() - started)
    if not ended:
        typed = (argument for argument in sys.argv[1:] if not argument.startswith("sweep.resume="))
        line = to_copy(*program().split(), *typed, f"sweep.resume={short(folder)}")
        print(f"{'interrupted; to go on' if code > 1 else 'to try again'}: {line}", file=sys.stderr)
    return code or int(not ended)


def _run(request: SweepRequest, launch: Callable[[], None]) -> int:
    """All jobs; the exit code of what ended them early."""
    exit_on_sigterm()
    stop = Stop(request.folder)
    try:
        with stop if request.at_once > 1 else nullcontext():
            launch()
    except (KeyboardInterrupt, SystemExit) as error:
        return code_of(error)
    except Exception as error:
        # not of a job, whose errors stay in its folder: a process of several was killed, for example
        if os.environ.get("GENLAB_DEBUG"):
            traceback.print_exception(error)
        what = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        print(f"error: {plain(mendable(error) or what)}", file=sys.stderr)
        return 1
    return stop.code


def _state(folder: Path) -> str:
    return {None: "new", "finished": DONE, "failed": "to try again"}.get(status(folder), "to go on")
