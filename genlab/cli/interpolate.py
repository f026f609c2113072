"""`genlab interpolate`: what lies between two latent points."""

from typing import TYPE_CHECKING

import click

from genlab.cli.options import SEED, command
from genlab.cli.picture import Drawn, check_label, label_option, picture_options, test_images
from genlab.errors import RunError
from genlab.runs.reading import Run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import Tensor


@command(
    examples=[
        "genlab interpolate outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab interpolate RUN_FOLDER --rows 4 --columns 12 --seed 1 --out paths.png",
        "genlab interpolate RUN_FOLDER --label 7                 # a run of model.conditional=true: sevens only",
        "genlab interpolate RUN_FOLDER data.root=/data --checkpoint last",
    ]
)
@picture_options("interpolation.png")
@click.option("--rows", type=click.IntRange(1, 100), help="paths (default: 8)")
@click.option(
    "--columns", type=click.IntRange(2, 100), default=10, help="points on each, both ends included (default: 10)"
)
@click.option(
    "--seed", type=SEED, help="choose the test images, or the noise, at random (default: the first ones, or seed 0)"
)
@label_option(help="of a conditional model: of all points (default: of the ends, and it changes between them)")
def interpolate(
    run: Run, model: "LightningModule", rows: int | None, columns: int, seed: int | None, label: int | None
) -> Drawn:
    """Decode points on the way between the codes of two test images, or for a model without codes of images (GAN)
    between two points of noise.

    Each row is one way: the great circle for a model with a Gaussian prior, the straight line for an autoencoder. With
    a conditional model the label changes in the middle of a way, from that of the one end to that of the other, or is
    the same everywhere: --label.
    """
    from genlab.pictures.latent_space import interpolation_strips

    if label is not None:
        check_label(model, label)
    paths, remark = rows or 8, ""

    def images() -> tuple["Tensor", "Tensor"]:
        nonlocal paths, remark
        chosen, labels, remark = test_images(run, rows and 2 * rows, 2 * paths, seed)
        paths = len(chosen) // 2
        return chosen, labels

    picture = interpolation_strips(model, images, paths, columns, seed or 0, label)
    if picture is None:
        raise RunError(f"{type(model).__name__} has no latent space to walk through; try genlab sample")
    which = "" if label is None else f" of class {label}"
    return picture, f"{paths} paths of {columns} points{which}{remark}"
