"""`genlab explore`: run folders in, one page out that computes."""

from collections.abc import Sequence
from pathlib import Path

import click

from genlab.cli.options import RunFolder, checkpoint_option, command, data_root, output_file, trust_options, writing
from genlab.console.program import keep_quiet
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import CheckpointName, open_run

DEFAULT = "explorer.html"


@command(
    examples=[
        "genlab explore outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab explore RUN_FOLDER OTHER_RUN_FOLDER --out two.html",
        "genlab explore RUN_FOLDER data.root=/data",
    ]
)
@click.argument(
    "folders",
    metavar="RUN_FOLDER...",
    help="folder of a run or of an export, or pretrained:NAME; and data.root=FOLDER, if not that of the run",
    nargs=-1,
    required=True,
    type=RunFolder(),
)
@click.option("--out", type=output_file, default=DEFAULT, metavar="FILE.html", help=f"the page (default: {DEFAULT})")
@checkpoint_option
@trust_options
def explore(folders: Sequence[str], out: Path, checkpoint: CheckpointName | None, trust: Sequence[str]) -> None:
    """One self-contained HTML page in which a trained model runs: drag through its latent space and see the picture
    change, draw a digit and see its code, its reconstruction and its bound. It needs no server and no network: open it
    with a double click, or mail it. Several runs stand side by side and share the point, or the drawing.
    """
    roots = [data_root(text) for text in folders if text.startswith("data.root=")]
    runs = [open_run(text, MODEL_SECTIONS, trust) for text in folders if not text.startswith("data.root=")]
    if not runs:
        raise click.UsageError("Missing argument 'RUN_FOLDER...'.")
    for (root,) in roots:
        for run in runs:
            run.config.data.root = root
    keep_quiet()
    # seconds, because of torch: a wrong folder is answered before
    from genlab.report.explorer.exhibit import load_exhibit
    from genlab.report.explorer.page import page
    from genlab.runs.atomic import write_text

    exhibits = [load_exhibit(run, checkpoint) for run in runs]
    with writing(out):
        write_text(out, page(exhibits))
    what = ", ".join(f"{each['model']} of {each['name']}" for each in exhibits)
    print(f"{out}: {what}, {out.stat().st_size / 1e6:.1f} MB")
