"""`genlab sample`: a grid of new images."""

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from genlab.cli.options import Parser, add_picture_options, positive, seed, whole_number
from genlab.cli.picture import write_picture
from genlab.errors import ConfigError, RunError
from genlab.runs.reading import Run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import Tensor

BATCH = 500  # images made at once, for the memory's sake


def parser() -> Parser:
    """Of the command's arguments."""
    parser = Parser(
        "genlab sample",
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
    add_picture_options(parser, "samples.png")
    parser.add_argument("-n", type=whole_number(1, 10_000), default=64, help="how many images (default: 64)")
    parser.add_argument("--seed", type=seed, default=0, help="of the noise (default: 0)")
    parser.add_argument("--temperature", type=positive, help="standard deviation of the noise; flow only (default: 1)")
    parser.add_argument(
        "--components",
        type=whole_number(1, 1000),
        metavar="K",
        help="draw codes from a mixture of K Gaussians, which is fitted to the codes of training images first",
    )
    return parser


def run(arguments: Any) -> None:
    """Raises: see `write_picture`."""

    def draw(run: Run, model: "LightningModule") -> "Tensor":
        import torch

        from genlab.pictures.grids import square_grid

        sample, generator = _sampler(run, model, arguments), torch.Generator().manual_seed(arguments.seed)
        sizes = [min(BATCH, arguments.n - done) for done in range(0, arguments.n, BATCH)]
        return square_grid(torch.cat([sample(size, generator) for size in sizes]))

    fitted = f" of {arguments.components} Gaussians fitted to codes" if arguments.components else ""
    temperature = f" at temperature {arguments.temperature:g}" if arguments.temperature else ""
    what = f"{arguments.n} samples{fitted}{temperature}, seed {arguments.seed}"
    write_picture(arguments, what, draw, arguments.seed)


def _sampler(run: Run, model: "LightningModule", arguments: Any) -> Any:
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
    if arguments.components:
        if not isinstance(model, CanEncode) or not isinstance(model, CanDecode):
            raise ConfigError(f"--components: {name} has no codes to fit a mixture to; leave it out")
        images = load_data(run).train_set.images
        if arguments.components > len(images):
            raise ConfigError(f"--components={arguments.components}: there are {len(images)} training images")
        sampler = fit_ex_post(model, images, arguments.components, arguments.seed)
    if not isinstance(sampler, CanSample):
        raise RunError(
            f"{name} has no prior to draw samples from; with --components 10 a mixture of 10 Gaussians is fitted "
            "to the codes of training images, and codes are drawn from that"
        )
    sample: Any = sampler.sample
    if arguments.temperature is None:
        return sample
    if "temperature" not in inspect.signature(sample).parameters:
        raise ConfigError(f"--temperature: {name} has none, the samples of a flow have; leave it out")
    return partial(sample, temperature=arguments.temperature)
