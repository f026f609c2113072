"""`genlab sample`: a grid of new images."""

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from genlab.cli.options import command, positive, seed, whole_number
from genlab.cli.picture import picture_options
from genlab.errors import ConfigError, RunError
from genlab.runs.reading import Run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import Tensor

BATCH = 500  # images made at once, for the memory's sake


@command(
    "sample",
    "Draw images from the model of a run. One seed gives one picture, to the bit on\n"
    "one machine. -n 64 --seed 0 takes the noise of the pictures that training draws,\n"
    "images/samples/epoch_0001.png and so on.",
    [
        "genlab sample outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab sample RUN_FOLDER -n 100 --seed 1 --out digits.png",
        "genlab sample RUN_FOLDER --temperature 0.7  # of a flow: likelier images, less varied",
        "genlab sample RUN_FOLDER --components 10    # of an autoencoder: it has no prior",
    ],
)
@picture_options("samples.png")
@click.option("-n", type=whole_number(1, 10_000), default=64, help="how many images (default: 64)")
@click.option("--seed", type=seed, default=0, help="of the noise (default: 0)")
@click.option(
    "--temperature", type=positive, metavar="T", help="standard deviation of the noise; flow only (default: 1)"
)
@click.option(
    "--components",
    type=whole_number(1, 1000),
    metavar="K",
    help="draw codes from a mixture of K Gaussians, which is fitted to the codes of training images first",
)
def sample(
    run: Run, model: "LightningModule", n: int, seed: int, temperature: float | None, components: int | None
) -> tuple["Tensor", str]:
    import torch

    from genlab.pictures.grids import square_grid

    draw_images = _sampler(run, model, temperature, components, seed)
    generator = torch.Generator().manual_seed(seed)
    sizes = [min(BATCH, n - done) for done in range(0, n, BATCH)]
    picture = square_grid(torch.cat([draw_images(size, generator) for size in sizes]))
    fitted = f" of {components} Gaussians fitted to codes" if components else ""
    cooled = f" at temperature {temperature:g}" if temperature else ""
    return picture, f"{n} samples{fitted}{cooled}, seed {seed}"


def _sampler(run: Run, model: "LightningModule", temperature: float | None, components: int | None, seed: int) -> Any:
    """(n, generator) → images (n, C, H, W) in [0, 1].

    Raises:
        ConfigError: the model has not what an option asks for.
        RunError: the model has no prior.
    """
    from genlab.capabilities import CanDecode, CanEncode, CanSample
    from genlab.evaluation.ex_post import fit_ex_post
    from genlab.runs.reload import load_data

    name = type(model).__name__
    sampler: Any = model
    if components:
        if not isinstance(model, CanEncode) or not isinstance(model, CanDecode):
            raise ConfigError(f"--components: {name} has no codes to fit a mixture to; leave it out")
        images = load_data(run).train_set.images
        if components > len(images):
            raise ConfigError(f"--components={components}: there are {len(images)} training images")
        sampler = fit_ex_post(model, images, components, seed)
    if not isinstance(sampler, CanSample):
        raise RunError(
            f"{name} has no prior to draw samples from; with --components 10 a mixture of 10 Gaussians is fitted "
            "to the codes of training images, and codes are drawn from that"
        )
    sample: Any = sampler.sample
    if temperature is None:
        return sample
    if "temperature" not in inspect.signature(sample).parameters:
        raise ConfigError(f"--temperature: {name} has none, the samples of a flow have; leave it out")
    return partial(sample, temperature=temperature)
