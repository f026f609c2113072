"""`genlab sample`: a grid of new images."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from genlab.cli.options import SEED, command
from genlab.cli.picture import Drawn, check_label, label_option, picture_options
from genlab.errors import ConfigError, RunError
from genlab.runs.reading import Run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import Tensor

BATCH = 500  # images made at once, for the memory's sake
IMAGES, COLUMNS = 64, 10  # where no number is asked for: in all, and of each class of a grid


@command(
    examples=[
        "genlab sample outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab sample RUN_FOLDER -n 100 --seed 1 --out digits.png",
        "genlab sample RUN_FOLDER --temperature 0.7             # flow, autoregressive: likelier images, less varied",
        "genlab sample RUN_FOLDER --label 7 -n 64               # a run of model.conditional=true: sevens only",
        "genlab sample RUN_FOLDER --grid                        # the same: a row for each class, from one noise",
        "genlab sample RUN_FOLDER --steps 25 --solver heun      # flow_matching: more exact, slower",
        "genlab sample RUN_FOLDER --components 10               # autoencoder: it has no prior",
    ],
    open_to="chosen",
)
@picture_options("samples.png")
@click.option("-n", type=click.IntRange(1, 10_000), help="how many images (default: 64), or of each class (10)")
@click.option("--seed", type=SEED, default=0, help="of the noise (default: 0)")
@click.option(
    "--components",
    type=click.IntRange(1, 1000),
    metavar="K",
    help="draw codes from a mixture of K Gaussians, which is fitted to the codes of training images first",
)
@label_option(help="of a conditional model: of this class only (default: as often as the training images have each)")
@click.option("--grid", is_flag=True, help="of a conditional model: a row for each class, all from the same noise")
def sample(
    run: Run,
    model: "LightningModule",
    n: int | None,
    seed: int,
    components: int | None,
    label: int | None,
    grid: bool,
    chosen: Mapping[str, str],
) -> Drawn:
    """Draw images from the model of a run. One seed gives one picture, to the bit on one machine. -n 64 --seed 0 takes
    the noise of the pictures that training draws, images/samples/epoch_0001.png and so on.

    What else the samples of a model depend on, the arguments of its `sample`, are options too: see the examples.
    """
    import torch

    from genlab.evaluation.sampling import with_options
    from genlab.pictures.by_class import samples_by_class, shown_classes
    from genlab.pictures.grids import square_grid

    classes = check_label(model, label, "--grid" if label is None else "--label") if grid or label is not None else 0
    if grid and label is not None:
        raise ConfigError("--grid: it has a row for each class; leave --label out")
    sampler = _sampler(run, model, components, seed)
    draw_images = with_options(sampler, chosen, type(model).__name__, lambda name: f"--{name.replace('_', '-')}")
    options = "".join(f", {name} {value}" for name, value in chosen.items())
    if grid:
        labels, columns = shown_classes(classes), n or COLUMNS
        picture = samples_by_class(draw_images, labels, columns, seed)
        return picture, f"{columns} samples of each of {len(labels)} classes{options}, seed {seed}"
    n = n or IMAGES
    generator = torch.Generator().manual_seed(seed)
    sizes = [min(BATCH, n - done) for done in range(0, n, BATCH)]
    asked = [{} if label is None else {"labels": torch.full((size,), label)} for size in sizes]
    images = [draw_images(size, generator, **labels) for size, labels in zip(sizes, asked, strict=True)]
    fitted = f" of {components} Gaussians fitted to codes" if components else ""
    which = "" if label is None else f" of class {label}"
    return square_grid(torch.cat(images)), f"{n} samples{which}{fitted}{options}, seed {seed}"


def _sampler(run: Run, model: "LightningModule", components: int | None, seed: int) -> Callable[..., "Tensor"]:
    """(n, generator) → images (n, C, H, W) in [0, 1]."""
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
    sample: Callable[..., Tensor] = sampler.sample
    return sample
