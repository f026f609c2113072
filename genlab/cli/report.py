"""`genlab report`: run folders in, one page or one table out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from genlab.cli.explore import DEFAULT as EXPLORER
from genlab.cli.options import command, output_file, writing
from genlab.errors import ConfigError, GenlabError, RunError, plain

DEFAULT = "report.html"
MOST_EXPLORED = 4  # runs: each has its weights in the page
FORMATS = ("html", "markdown", "csv", "json")


@command(
    examples=[
        "genlab report outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab report outputs/sweeps/2026-11-22_18-27-24-7698e350 --out sweep.html",
        "genlab report 'outputs/gan/*' 'outputs/vae/*' --format markdown",
        "genlab report outputs --format csv --out runs.csv",
        "genlab report RUN_FOLDER --explorer",
    ]
)
@click.argument(
    "folders",
    metavar="RUN...",
    help="a run folder, or a folder of runs as a sweep's, or a pattern with *",
    nargs=-1,
    required=True,
)
@click.option("--out", type=output_file, metavar="FILE", help=f"the page (default: {DEFAULT}), or the table's file")
@click.option("--format", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option("--all", "everything", is_flag=True, help="compare every run that is found")
@click.option(
    "--explorer",
    is_flag=True,
    help=f"embed the page of genlab explore, of the first {MOST_EXPLORED} runs that have one",
)
@click.option(
    "--config-dir", multiple=True, metavar="FOLDER", expose_value=False, help="not needed: nothing is built here"
)
def report(folders: Sequence[str], out: Path | None, format: str, everything: bool, explorer: bool) -> None:
    """One self-contained HTML page about runs: curves, pictures, scores, settings, and for several runs what they have
    in common and what not, the mean over seeds, and what quality costs. Nothing is computed anew: it reads what the
    runs and genlab evaluate have written. A folder that is broken is listed as such. Where explorer.html, by genlab
    explore, lies beside the page, it leads there.

    Of the runs below a folder, trials of a search, debug runs, and runs that have not finished or not been evaluated
    are listed and not compared, unless nothing else is there; --all compares them too.

    --format markdown, csv and json are the comparison table alone, on the terminal or in a file.
    """
    # here, because the help needs none of it
    from genlab.report.explorer.page import runs_in
    from genlab.report.page import page, set_aside
    from genlab.report.reading import find_folders, read_run
    from genlab.report.tables import table
    from genlab.runs.atomic import write_text

    html = format == "html"
    if explorer and not html:
        raise ConfigError(f"--explorer: only in a page; leave it out for --format {format}")
    out = out or (Path(DEFAULT) if html else None)
    runs = [read_run(folder) for folder in find_folders(folders)]
    broken = [run for run in runs if run.broken]
    if len(broken) == len(runs):
        raise RunError(f"no run can be read; {broken[0].listed.reason}")
    shown, aside = (runs, {}) if everything or not html else set_aside(runs, folders)
    readable = [run for run in shown if not run.broken]
    embedded, without = _explorer([run.listed.folder for run in readable]) if explorer else ("", [])
    beside = out is not None and runs_in(out.with_name(EXPLORER)) & {run.name for run in readable}
    text = page(shown, aside, embedded, EXPLORER if beside else "") if html else table(runs, format)
    if out is None:
        print(text, end="")
        return
    with writing(out):
        write_text(out, text)
    count = len(runs) - len(broken)
    print(f"{out}: {count} run{'s' if count != 1 else ''}, {out.stat().st_size / 1e6:.1f} MB")
    for reason in without:
        print(f"not in the explorer: {reason}")
    for run in broken:
        print(f"broken: {plain(run.name)}: {plain(run.listed.reason or '')}")


def _explorer(folders: Sequence[Path]) -> tuple[str, list[str]]:
    """The explorer's page of the first runs that have one, and why others do not; seconds, because of torch."""
    from genlab.report.explorer.exhibit import load_exhibit
    from genlab.report.explorer.page import page
    from genlab.runs.classes import MODEL_SECTIONS
    from genlab.runs.reading import open_run

    exhibits: list[dict[str, Any]] = []
    without: list[str] = []
    for folder in folders:
        if len(exhibits) == MOST_EXPLORED:
            without.append(f"{len(folders) - folders.index(folder)} further runs: {MOST_EXPLORED} are the most")
            break
        try:
            exhibits.append(load_exhibit(open_run(folder, MODEL_SECTIONS)))
        except GenlabError as error:
            without.append(str(error))
    if not exhibits:
        raise RunError(f"--explorer: no run can be explored; {without[0]}" if without else "--explorer: no run")
    return page(exhibits), without
