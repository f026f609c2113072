"""`genlab reconstruct`: test images and what the model makes of them."""

from typing import TYPE_CHECKING

import click

from genlab.cli.options import SEED, command
from genlab.cli.picture import Drawn, picture_options, test_images
from genlab.errors import RunError
from genlab.runs.reading import Run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule


@command(
    examples=[
        "genlab reconstruct outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab reconstruct RUN_FOLDER -n 16 --seed 1 --out sixteen.png",
        "genlab reconstruct RUN_FOLDER data.root=/data --checkpoint last",
    ]
)
@picture_options("reconstructions.png")
@click.option("-n", type=click.IntRange(1, 2_000), help="how many test images (default: 32)")
@click.option("--seed", type=SEED, help="choose the test images at random (default: the first ones)")
def reconstruct(run: Run, model: "LightningModule", n: int | None, seed: int | None) -> Drawn:
    """Encode and decode test images: rows of originals, each with the row of their reconstructions below it."""
    from genlab.capabilities import CanReconstruct
    from genlab.pictures.grids import above_reconstructions

    if not isinstance(model, CanReconstruct):
        raise RunError(
            f"{type(model).__name__} reconstructs no images; VAE and Autoencoder do. "
            "Try genlab sample or genlab interpolate"
        )
    images, _, remark = test_images(run, n, 32, seed)
    picture = above_reconstructions(images, model.reconstruct(images.to(model.device)).to(images))
    return picture, f"{len(images)} test images{remark} above their reconstructions"
