"""`genlab runs`: a table of the runs that are there."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from genlab.cli.options import command
from genlab.console.readable import print_table, readable, short
from genlab.errors import RunError, plain
from genlab.runs.listing import Listed, list_runs

DEFAULT = "outputs"
NAMES = ("status", "model", "data", "epochs", "headline", "seconds", "folder", "settings")
# Overrides that have a column of their own, or change no result
ELSEWHERE = (
    *("model=", "data=", "data.root=", "data.num_workers=", "data.on_device=", "outputs=", "hydra."),
    *("trainer.accelerator=", "trainer.compile="),
)


@command(
    examples=[
        "genlab runs",
        "genlab runs outputs/sweeps/2026-11-22_18-27-24-7698e350",
        "genlab runs --json | jq '.[] | select(.status == \"finished\").metrics'",
    ]
)
@click.argument(
    "folder",
    metavar="[FOLDER]",
    help=f"all runs in it and below are listed (default: {DEFAULT})",
    required=False,
    type=click.Path(),
)
@click.option("--json", "as_json", is_flag=True, help="a list of objects, with all metrics and all overrides")
def runs(folder: str | None, as_json: bool) -> None:
    """List the runs under a folder, the newest first: how each ended, its model, data and settings, the first of its
    metrics, and the seconds that it took.

    status is running, finished, failed, interrupted (by Ctrl-C), killed (its process is gone and could not say why) or
    broken (a file is missing or damaged). With genlab resume an interrupted or killed run goes on.
    """
    below = Path(folder or DEFAULT).expanduser()
    if folder and not below.is_dir():
        raise RunError(f"{folder}: no such folder; give one that has run folders in it")
    listed = list_runs(below)
    if as_json:
        objects = [asdict(run) | {"folder": str(run.folder.absolute())} for run in listed]
        print(json.dumps(objects, indent=2, allow_nan=False))
    elif not listed:
        print(
            f"no runs in {plain(str(below))}; genlab train makes one, genlab runs FOLDER lists those of another folder"
        )
    else:
        print_table(NAMES, [_cells(run) for run in listed], right=("epochs", "seconds"), below=2)
        for run in listed:
            if run.status == "broken":
                print(f"broken: {plain(run.reason or '')}")


def _cells(run: Listed) -> list[str]:
    """A text for each of `NAMES`."""
    number = "not finite" if run.value is None else readable(run.value)
    return [
        run.status,
        run.model or "-",
        run.data or "-",
        "-" if run.epochs is None else str(run.epochs),
        f"{run.headline} {number}" if run.headline else "-",
        "-" if run.seconds is None else f"{run.seconds:.0f}",
        short(run.folder),
        " ".join(override for override in run.overrides if not override.startswith(ELSEWHERE)),
    ]
