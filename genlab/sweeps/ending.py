"""How a sweep ends: the table, sweep.csv, sweep.json, TensorBoard's columns, and the exit code."""

import csv
import io
import math
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from genlab.commands.terminal import print_table
from genlab.readable import plain, readable, short
from genlab.runs.atomic import write_text
from genlab.runs.listing import Listed
from genlab.sweeps.layout import cells
from genlab.sweeps.plan import Plan, write_plan
from genlab.sweeps.results import listed, results
from genlab.sweeps.table import Group, Result, groups, varying
from genlab.sweeps.thinning import best_of_each_kind, scored, thin


def end(sweep: Path, plan: Plan, seconds: float) -> bool:
    """Write and print what has come of all jobs that the sweep's folder has.

    Args:
        sweep: its folder.
        plan: of the sweep.
        seconds: that the command has taken.

    Returns:
        whether each job of the command has finished.
    """
    _remove_empty(sweep, plan)
    if plan.keep == "best":  # of a sweep that had ended before it was asked for
        thin(sweep)
    runs = listed(sweep)
    found = results(plan, runs)
    table = groups(found)
    best = {run.folder.name: run.kind[2] for run in best_of_each_kind(scored(sweep)).values()}
    _write(sweep, plan, found, runs, table)
    _write_columns(sweep, runs)
    names, rows, right = cells(table)
    print()
    print_table(names, rows, right)
    for job, result in zip(plan.jobs, found, strict=True):
        if job.folder in best:
            run = runs[job.folder]
            value = "" if result.value is None else f"{result.headline} {readable(result.value)}"
            told = " ".join(f"{key}={result.settings[key]}" for key in _varying(found) if key in result.settings)
            print(f"best {best[job.folder]}   {plain(told)}   {value}   {short(run.folder)}")
    counts = Counter(result.status for result in found)
    print(f"sweep folder {short(sweep)}   ({_count(counts)}; {seconds:.0f} s)")
    print(f"TensorBoard  tensorboard --logdir {short(sweep)} --samples_per_plugin images=200", flush=True)
    return all(
        result.status == "finished" for job, result in zip(plan.jobs, found, strict=True) if job.number is not None
    )


def _varying(found: Sequence[Result]) -> list[str]:
    return varying([result.settings for result in found])


def _count(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def _remove_empty(sweep: Path, plan: Plan) -> None:
    """Folders that Hydra has made for jobs which went to others or have not begun."""
    for job in plan.jobs:
        with suppress(OSError):  # it is not empty, or not there
            (sweep / job.folder).rmdir()


def _write(sweep: Path, plan: Plan, found: Sequence[Result], runs: dict[str, Listed], table: Sequence[Group]) -> None:
    names = _varying(found)
    rows = [
        {
            "folder": job.folder,
            **{name: result.settings.get(name) for name in names},
            "status": result.status,
            "headline": result.headline,
            "value": result.value,
            "seconds": result.seconds,
            "reason": result.reason,
        }
        for job, result in zip(plan.jobs, found, strict=True)
    ]
    tags = sorted({tag for run in runs.values() for tag in run.metrics if run.status == "finished"})
    for row in rows:
        run = runs.get(str(row["folder"]))
        finished = run.metrics if run and run.status == "finished" else {}
        row |= {tag: finished.get(tag) for tag in tags}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(sweep / "sweep.csv", text.getvalue())
    write_plan(
        sweep,
        plan,
        results=[_json(asdict(result)) | {"folder": job.folder} for job, result in zip(plan.jobs, found, strict=True)],
        groups=[_json(asdict(group)) for group in table],
    )


def _json(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinity."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _write_columns(sweep: Path, runs: dict[str, Listed]) -> None:
    begun = [run.folder for run in runs.values() if run.headline and (run.folder / "config.yaml").exists()]
    if not begun or not any(name.startswith("events.out") for name in os.listdir(begun[0])):  # logger=none
        return
    from genlab.sweeps.hparams import write_columns  # a second, because of TensorBoard

    headlines = sorted({str(run.headline).partition("/")[2] for run in runs.values() if run.headline})
    write_columns(sweep, sorted(begun, key=lambda folder: int(folder.name)), headlines)
