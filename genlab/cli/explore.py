"""`genlab explore`: run folders in, one page out that computes."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import click

from genlab.cli.options import Choice, RunFolder, argument, command, data_root, output_file, trust_options
from genlab.console.program import keep_quiet
from genlab.errors import DiskError
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import CheckpointName, open_run

DEFAULT = "explorer.html"


@command(
    "explore",
    "One self-contained HTML page in which a trained model runs: drag through its latent\n"
    "space and see the picture change, draw a digit and see its code, its reconstruction\n"
    "and its bound. It needs no server and no network: open it with a double click, or\n"
    "mail it. Several runs stand side by side and share the point, or the drawing.",
    [
        "genlab explore outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab explore RUN_FOLDER OTHER_RUN_FOLDER --out two.html",
        "genlab explore RUN_FOLDER data.root=/data",
    ],
)
@argument(
    "folders",
    "RUN_FOLDER",
    "folder of a run or of an export, or pretrained:NAME; and data.root=FOLDER, if not that of the run",
    nargs=-1,
    required=True,
    type=RunFolder(),
)
@click.option("--out", type=output_file, default=DEFAULT, metavar="FILE.html", help=f"the page (default: {DEFAULT})")
@click.option(
    "--checkpoint",
    type=Choice(("best", "last")),
    help="which weights (default: best, or last where no validation metric chooses a best)",
)
@trust_options
def explore(
    folders: Sequence[str],
    out: Path,
    checkpoint: CheckpointName | None,
    trust: Sequence[str],
    config_dir: Sequence[Sequence[str]],
) -> None:
    """Raises GenlabError if a run cannot be loaded or shown, DiskError if the file cannot be written."""
    roots = [data_root(text) for text in folders if text.startswith("data.root=")]
    runs = [
        open_run(text, MODEL_SECTIONS, [*trust, *chain(*config_dir)])
        for text in folders
        if not text.startswith("data.root=")
    ]
    if not runs:
        raise click.UsageError("the following arguments are required: RUN_FOLDER")
    for (root,) in roots:
        for run in runs:
            run.config.data.root = root
    keep_quiet()
    # seconds, because of torch: a wrong folder is answered before
    from genlab.report.explorer.exhibit import load_exhibit
    from genlab.report.explorer.page import page
    from genlab.runs.atomic import write_text

    exhibits = [load_exhibit(run, checkpoint) for run in runs]
    try:
        write_text(out, page(exhibits))
    except OSError as error:
        raise DiskError(f"{out}: {error.strerror or error}; choose another file with --out") from None
    what = ", ".join(f"{each['model']} of {each['name']}" for each in exhibits)
    print(f"{out}: {what}, {out.stat().st_size / 1e6:.1f} MB")
