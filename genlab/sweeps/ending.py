"""How a sweep ends: the table, sweep.csv, sweep.json and TensorBoard's columns, by what its folders say."""

import csv
import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from genlab.console.readable import print_table, readable, short, to_copy
from genlab.errors import plain
from genlab.runs.atomic import write_text
from genlab.runs.identity import varying
from genlab.runs.listing import Listed, list_runs
from genlab.sweeps.plan import Job, Plan, difference, write_plan
from genlab.sweeps.table import Result, cells, compared, groups, heads, plain_rows
from genlab.sweeps.thinning import best_of_each_kind, scored, thin


def end(sweep: Path, plan: Plan, seconds: float) -> bool:
    """Write and print what has come of all jobs in the sweep's folder; return whether those of the command are done.

    The command has taken so many seconds.
    """
    for job in plan.jobs:  # whose folder Hydra has made, and which went to others or has not begun
        with suppress(OSError):  # it is not empty, or not there
            (sweep / job.folder).rmdir()
    if plan.keep == "best":  # of a sweep that had ended before it was asked for
        thin(sweep)
    runs = {run.folder.name: run for run in list_runs(sweep) if run.folder.parent == sweep}
    found = [_result(job, runs.get(job.folder)) for job in plan.jobs]
    rows = groups(found)
    columns = compared(rows)
    _write_csv(sweep / "sweep.csv", plan, found, runs)
    of_jobs = [asdict(result) | {"folder": job.folder} for job, result in zip(plan.jobs, found, strict=True)]
    write_plan(sweep, plan, results=of_jobs, groups=plain_rows(rows, columns))
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
    counts = ", ".join(f"{count} {status}" for status, count in Counter(one.status for one in found).items())
    print(f"sweep folder {short(sweep)}   ({counts}; {seconds:.0f} s)")
    print("TensorBoard ", to_copy("tensorboard", "--logdir", sweep, "--samples_per_plugin", "images=200"), flush=True)
    return all(
        result.status == "finished" for job, result in zip(plan.jobs, found, strict=True) if job.number is not None
    )


def _result(job: Job, run: Listed | None) -> Result:
    status = "not started" if run is None else run.status
    result = Result(job.settings, status, fingerprint=job.fingerprint, repeats=job.repeats)
    if run is None or status != "finished":
        return replace(result, reason=run.reason if run and status in ("failed", "broken") else None)
    return replace(
        result,
        headline=run.headline,
        value=run.value,
        seconds=run.seconds,
        protocol=run.protocol.get(run.headline or "", ""),
        estimator=run.estimators.get(run.headline or "", ""),
    )


def _write_csv(path: Path, plan: Plan, results: Sequence[Result], runs: Mapping[str, Listed]) -> None:
    """A row a job, with all metrics of those that have finished."""
    names = varying([result.settings for result in results])
    of_jobs = list(zip(plan.jobs, results, strict=True))
    metrics = {job.folder: runs[job.folder].metrics for job, result in of_jobs if result.status == "finished"}
    tags = sorted({tag for found in metrics.values() for tag in found})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["folder", *names, "status", "headline", "value", "seconds", "reason", *tags])
    for job, result in of_jobs:
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
