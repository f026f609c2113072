"""`genlab evaluate`: what a trained model is worth."""

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import click

from genlab.cli.options import SEED, command
from genlab.cli.picture import with_model
from genlab.console.readable import short
from genlab.errors import ConfigError
from genlab.evaluation.settings import EvaluationSettings
from genlab.runs.reading import Run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

# Some seconds for the networks of the presets
QUICK: dict[str, Any] = {
    "samples": 1000,
    "images": 1000,
    "training_images": 10_000,
    "likelihood_images": 100,
    "importance_samples": 500,
    "prior_samples": 10_000,
    "dequantization_samples": 2,
    "steps": (),
}
DEFAULTS = {field.name: field.default for field in fields(EvaluationSettings)}


def _size(name: str, least: int, most: int, help: str, metavar: str | None = None) -> Any:
    """The option of a setting of `EvaluationSettings`."""
    default = DEFAULTS[name] or "where there is no prior, 10"
    return click.option(
        f"--{name.replace('_', '-')}",
        type=click.IntRange(least, most),
        metavar=metavar,
        help=f"{help} (default: {default})",
    )


@command(
    examples=[
        "genlab evaluate outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab evaluate RUN_FOLDER --quick",
        "genlab evaluate RUN_FOLDER --likelihood-images 10000",
        "genlab evaluate RUN_FOLDER --images 1000 --samples 2000",
        "genlab evaluate RUN_FOLDER --ex-post 10",
    ]
)
@with_model
@click.option("--quick", is_flag=True, help="about 20 s on two cores: a tenth of the samples, K and images, and fewer")
@_size("samples", 100, 1_000_000, "samples drawn")
@_size("images", 100, 1_000_000, "test images that samples are compared with, evenly from all")
@_size("likelihood_images", 1, 1_000_000, "test images for the likelihood, evenly from all", "IMAGES")
@_size("importance_samples", 1, 1_000_000, "of each image, for log p(x) of binary pixels", "K")
@_size("prior_samples", 1, 100_000_000, "latents for the naive estimate of log p(x)", "M")
@_size("dequantization_samples", 1, 100_000, "of each image, for log p(x) of 8-bit pixels", "K")
@_size("ex_post", 1, 1000, "draw samples from a mixture of Gaussians fitted to the codes", "COMPONENTS")
@click.option(
    "--sampling", multiple=True, metavar="NAME=VALUE", help="option of the samples, as guidance=1.5; again for more"
)
@click.option("--seed", type=SEED, help="of all noise (default: 0)")
def evaluate(
    run: Run, model: "LightningModule", weights: str, quick: bool, sampling: tuple[str, ...], **given: Any
) -> None:
    """Measure a trained model on the test images: likelihood where it has one, and the quality of its samples where it
    can draw some. Prints a table and writes evaluation.json into the run folder. docs/evaluation.md explains each
    score.

    What is not given is as in the run's config; the defaults below are those of genlab's.

    Most of the time goes into log p(x): images × K evaluations of the decoder, so half the --importance-samples take
    half of it. Next are the nearest training images of the --samples and --images, and drawing samples where that takes
    steps. --quick is for a first answer; what it gives is labelled and compares with no full evaluation.
    """
    from genlab.runs.reload import load_data, load_settings
    from genlab.training.scoring import FILE, evaluate_run, print_evaluation

    chosen = (QUICK if quick else {}) | {name: value for name, value in given.items() if value is not None}
    if sampling:
        chosen["sampling"] = dict(map(_named, sampling))
    settings = replace(load_settings(run), **chosen)
    evaluation = evaluate_run(run.folder, model, load_data(run), weights, run.summary, settings, quick, announced=True)
    print_evaluation(evaluation)
    if quick and not json.loads((run.folder / FILE).read_text(encoding="utf-8")).get("quick"):
        print(f"not written  {short(run.folder / FILE)} is a full evaluation, which stays")
        return
    print(f"written      {short(run.folder / FILE)}   ({evaluation['cost']['evaluation_seconds']:.0f} s)")


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise ConfigError(f"--sampling {text}: not of the form NAME=VALUE, for example guidance=1.5")
    return name, value
