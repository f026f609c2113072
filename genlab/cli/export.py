"""`genlab export`: the weights of a run for elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genlab.cli.options import command
from genlab.cli.picture import with_model
from genlab.console.readable import short
from genlab.errors import ConfigError, plain
from genlab.runs.pretrained import is_pretrained
from genlab.runs.reading import Run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

FORMATS = ("safetensors", "onnx")


@command(
    examples=[
        "genlab export outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab export RUN_FOLDER --format onnx --out my_decoder",
        "genlab export RUN_FOLDER --half    # 16 bits of each number: half the size",
    ]
)
@with_model
@click.option("--format", "kind", type=click.Choice(FORMATS), default="safetensors", show_default=True)
@click.option("--half", is_flag=True, help="16-bit numbers; safetensors only")
@click.option("--out", metavar="FOLDER", help="a new one (default: exports/FORMAT in the run folder)")
def export(run: Run, model: "LightningModule", weights: str, kind: str, half: bool, out: str | None) -> None:
    """Write the weights of a run for use elsewhere, with card.json, which says what they are: model, arguments, metrics
    and how they were measured, data and its licence, versions, SHA-256.

    safetensors is one file of weights; genlab reads such a folder as that of a run. onnx is a file for each part of the
    model, as encoder and decoder, which needs neither genlab nor torch; each is compared with torch before it is left
    there. It needs the extra: pip install 'genlab[onnx]'.
    """
    from genlab.runs.export import new_export, write_card, write_weights
    from genlab.runs.onnx_parts import check_packages, write_parts

    if half and kind != "safetensors":
        raise ConfigError(f"--half: only with --format safetensors; leave it out for {kind}")
    exports = Path("exports") / run.folder.name if is_pretrained(run.folder) else run.folder / "exports"
    target = (Path(out).expanduser() if out else exports / kind).absolute()
    absent: dict[str, str] = {}
    if kind == "onnx":
        check_packages()
    with new_export(target) as staging:
        if kind == "onnx":
            files, absent = write_parts(staging, model.cpu())
            write_card(staging, run, model, weights, kind, files)
        else:
            write_weights(staging, run, model.cpu(), weights, half)
    size = sum(path.stat().st_size for path in target.iterdir()) / 1e6
    for name, why in absent.items():
        print(f"no {name}.onnx: it cannot be written as ONNX ({plain(why)})")
    print(f"{short(target)}: {type(model).__name__} of {short(run.folder)} ({weights}), {kind}, {size:.1f} MB")
