"""How a sweep ends: the table, sweep.csv, sweep.json, TensorBoard's columns, and the exit code."""

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

from genlab.console.readable import print_table, readable, short, to_copy
from genlab.errors import plain
from genlab.runs.listing import Listed
from genlab.sweeps.plan import Plan, difference
from genlab.sweeps.results import listed, results, write_results
from genlab.sweeps.table import cells, compared, groups, heads, plain_rows
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
    rows = groups(found)
    columns = compared(rows)
    write_results(sweep, plan, found, runs, plain_rows(rows, columns))
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


def _remove_empty(sweep: Path, plan: Plan) -> None:
    """Folders that Hydra has made for jobs which went to others or have not begun."""
    for job in plan.jobs:
        with suppress(OSError):  # it is not empty, or not there
            (sweep / job.folder).rmdir()


def _write_columns(sweep: Path, runs: dict[str, Listed]) -> None:
    begun = [run.folder for run in runs.values() if run.headline and (run.folder / "config.yaml").exists()]
    if not begun or not any(name.startswith("events.out") for name in os.listdir(begun[0])):  # logger=none
        return
    from genlab.sweeps.hparams import write_columns  # a second, because of TensorBoard

    headlines = sorted({str(run.headline).partition("/")[2] for run in runs.values() if run.headline})
    write_columns(sweep, sorted(begun, key=lambda folder: int(folder.name)), headlines)
