"""A sweep from its plan to its table, whatever ends it: sweep.csv, sweep.json and TensorBoard's columns are there."""

import csv
import io
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from genlab.console.program import mendable
from genlab.console.readable import print_table, readable, short, to_copy
from genlab.errors import RunError, plain
from genlab.processes.signals import code_of, exit_on_sigterm
from genlab.runs.atomic import write_text
from genlab.runs.configuration import program
from genlab.runs.identity import varying
from genlab.runs.listing import Listed, list_runs
from genlab.runs.lock import locked, new_folder
from genlab.sweeps.job import status
from genlab.sweeps.placement import divide_cores
from genlab.sweeps.plan import Job, Plan, assign, difference, read_plan, write_plan
from genlab.sweeps.request import SweepRequest
from genlab.sweeps.stop import Stop
from genlab.sweeps.table import Result, cells, compared, groups, heads, plain_rows
from genlab.sweeps.thinning import best_of_each_kind, scored, thin

DONE = "finished already"


def run_sweep(request: SweepRequest, launch: Callable[[], None]) -> int:
    """Plan the jobs, launch them, and end with the table, after Ctrl-C too; return the exit code.

    RunError if the folder to be resumed is none of a sweep or another process has it, or that of a new one is not new.
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
        ended = _end(folder, plan, time.perf_counter() - started)
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


def _end(sweep: Path, plan: Plan, seconds: float) -> bool:
    """Write and print what has come of all jobs in the sweep's folder; return whether those of the command are done."""
    for job in plan.jobs:  # whose folder Hydra has made, and which went to others or has not begun
        with suppress(OSError):  # it is not empty, or not there
            (sweep / job.folder).rmdir()
    if plan.keep == "best":  # of a sweep that had ended before it was asked for
        thin(sweep)
    runs = {run.folder.name: run for run in list_runs(sweep) if run.folder.parent == sweep}
    found = [(job, _result(job, runs.get(job.folder))) for job in plan.jobs]
    rows = groups([result for _, result in found])
    columns = compared(rows)
    _write_csv(sweep / "sweep.csv", found, runs)
    results = [asdict(result) | {"folder": job.folder} for job, result in found]
    write_plan(sweep, plan, results=results, groups=plain_rows(rows, columns))
    _write_columns(sweep, runs)
    print()
    print_table(*cells(rows, columns))
    for column, head in heads(columns).items():
        if head != column.name:
            print(f"{head}: {plain(column.measured)}")
    jobs = {job.folder: job for job in plan.jobs}
    for best in best_of_each_kind(scored(sweep)).values():
        told = difference(jobs[best.folder.name], plan.jobs) if best.folder.name in jobs else ""
        print(f"best {best.metric} {readable(best.value)}   {told}   {short(best.folder)}")
    counts = ", ".join(f"{count} {how}" for how, count in Counter(result.status for _, result in found).items())
    print(f"sweep folder {short(sweep)}   ({counts}; {seconds:.0f} s)")
    print("TensorBoard ", to_copy("tensorboard", "--logdir", sweep, "--samples_per_plugin", "images=200"), flush=True)
    return all(result.status == "finished" for job, result in found if job.number is not None)


def _result(job: Job, run: Listed | None) -> Result:
    how = "not started" if run is None else run.status
    result = Result(job.settings, how, fingerprint=job.fingerprint, repeats=job.repeats)
    if run is None or how != "finished":
        return replace(result, reason=run.reason if run and how in ("failed", "broken") else None)
    return replace(
        result,
        headline=run.headline,
        value=run.value,
        seconds=run.seconds,
        protocol=run.protocol.get(run.headline or "", ""),
        estimator=run.estimators.get(run.headline or "", ""),
    )


def _write_csv(path: Path, found: Sequence[tuple[Job, Result]], runs: Mapping[str, Listed]) -> None:
    """A row a job, with all metrics of those that have finished."""
    names = varying([result.settings for _, result in found])
    metrics = {job.folder: runs[job.folder].metrics for job, result in found if result.status == "finished"}
    tags = sorted({tag for measured in metrics.values() for tag in measured})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["folder", *names, "status", "headline", "value", "seconds", "reason", *tags])
    for job, result in found:
        row: list[Any] = [job.folder, *(result.settings.get(name) for name in names), result.status]
        row += [result.headline, result.value, result.seconds, result.reason]
        writer.writerow(row + [metrics.get(job.folder, {}).get(tag) for tag in tags])
    write_text(path, text.getvalue())


def _write_columns(sweep: Path, runs: Mapping[str, Listed]) -> None:
    begun = [run.folder for run in runs.values() if run.headline and (run.folder / "config.yaml").exists()]
    if not begun or not any(name.startswith("events.out") for name in os.listdir(begun[0])):  # logger=none
        return
    from genlab.sweeps.hparams import write_columns  # a second, because of TensorBoard

    headlines = sorted({str(run.headline).partition("/")[2] for run in runs.values() if run.headline})
    write_columns(sweep, sorted(begun, key=lambda folder: int(folder.name)), headlines)
