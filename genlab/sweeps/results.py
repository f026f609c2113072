"""What the folders of a sweep's jobs say, whichever process trained into them; and sweep.csv and sweep.json of it."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from genlab.errors import RunError
from genlab.runs.atomic import write_text
from genlab.runs.identity import varying
from genlab.runs.listing import Listed, list_runs
from genlab.runs.reading import read_summary
from genlab.sweeps.plan import Job, Plan, write_plan
from genlab.sweeps.table import Result

NOT_STARTED = "not started"


def status(folder: Path) -> str | None:
    """Of the run in a folder; None where none has begun."""
    try:
        return str(read_summary(folder)["status"])
    except RunError:
        return None


def listed(sweep: Path) -> dict[str, Listed]:
    """Name of its folder → the run, for those jobs that have begun."""
    return {run.folder.name: run for run in list_runs(sweep) if run.folder.parent == sweep}


def results(plan: Plan, runs: dict[str, Listed]) -> list[Result]:
    """One for each job of the plan, in its order."""
    return [_result(job, runs.get(job.folder)) for job in plan.jobs]


def _result(job: Job, run: Listed | None) -> Result:
    result = Result(job.settings, NOT_STARTED, fingerprint=job.fingerprint, repeats=job.repeats)
    if run is None:
        return result
    if run.status != "finished":
        return replace(result, status=run.status, reason=run.reason if run.status in ("failed", "broken") else None)
    tag = run.headline or ""
    return replace(
        result,
        status=run.status,
        headline=run.headline,
        value=run.value,
        seconds=run.seconds,
        protocol=run.protocol.get(tag, ""),
        estimator=run.estimators.get(tag, ""),
    )


def write_results(
    sweep: Path, plan: Plan, results: Sequence[Result], runs: Mapping[str, Listed], groups: Sequence[Mapping[str, Any]]
) -> None:
    """Write both files, each whole or not at all.

    Args:
        sweep: its folder.
        plan: of the sweep.
        results: one for each of its jobs.
        runs: by the names of their folders, for their other metrics.
        groups: the rows of the table.
    """
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
    write_text(sweep / "sweep.csv", text.getvalue())
    found = [asdict(result) | {"folder": job.folder} for job, result in of_jobs]
    write_plan(sweep, plan, results=found, groups=groups)
