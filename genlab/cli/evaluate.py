"""`genlab evaluate`: what a trained model is worth."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import click

from genlab.cli.options import command, run_options, seed, whole_number
from genlab.console.program import keep_quiet
from genlab.console.readable import short
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import CheckpointName, open_run


@command(
    "evaluate",
    "Measure a trained model on the test images: likelihood where it has one, and the\n"
    "quality of its samples where it can draw some. Prints a table and writes\n"
    "evaluation.json into the run folder. docs/evaluation.md explains each score.\n\n"
    "What is not given is as in the run's config; the defaults below are those of\n"
    "genlab's.",
    [
        "genlab evaluate outputs/vae/2026-11-22_18-27-24-7698e350",
        "genlab evaluate RUN_FOLDER --likelihood-images 10000",
        "genlab evaluate RUN_FOLDER --images 1000 --samples 2000",
        "genlab evaluate RUN_FOLDER --ex-post 10",
    ],
)
@run_options
@click.option("--samples", type=whole_number(100, 1_000_000), help="samples drawn (default: 10000)")
@click.option(
    "--images",
    type=whole_number(100, 1_000_000),
    help="test images that samples are compared with, evenly from all (default: 10000)",
)
@click.option(
    "--likelihood-images",
    type=whole_number(1, 1_000_000),
    metavar="IMAGES",
    help="test images for the likelihood, evenly from all (default: 1000)",
)
@click.option(
    "--importance-samples",
    type=whole_number(1, 1_000_000),
    metavar="K",
    help="of each image, for log p(x) of binary pixels (default: 5000)",
)
@click.option(
    "--prior-samples",
    type=whole_number(1, 100_000_000),
    metavar="M",
    help="latents for the naive estimate of log p(x) (default: 100000)",
)
@click.option(
    "--dequantization-samples",
    type=whole_number(1, 100_000),
    metavar="K",
    help="of each image, for log p(x) of 8-bit pixels (default: 8)",
)
@click.option(
    "--ex-post",
    type=whole_number(1, 1000),
    metavar="COMPONENTS",
    help="draw samples from a mixture of Gaussians fitted to the codes (default: where there is no prior, 10)",
)
@click.option("--seed", type=seed, help="of all noise (default: 0)")
def evaluate(
    folder: str,
    data_root: tuple[str | None] | None,
    device: str,
    checkpoint: CheckpointName | None,
    trust: Sequence[str],
    config_dir: Sequence[Sequence[str]],
    **given: Any,
) -> None:
    """Raises GenlabError if the run cannot be loaded, or draws no finite samples."""
    run = open_run(folder, MODEL_SECTIONS, [*trust, *chain(*config_dir)])
    if data_root:
        (run.config.data.root,) = data_root
    weights = run.checkpoint(checkpoint).name
    keep_quiet()
    # seconds, because of torch: a wrong folder is answered before
    from genlab.runs.reload import load_data, load_model, load_settings
    from genlab.training.scoring import FILE, evaluate_run, print_evaluation

    model = load_model(run, device, checkpoint)
    settings = replace(load_settings(run), **{name: value for name, value in given.items() if value is not None})
    evaluation = evaluate_run(run.folder, model, load_data(run), weights, run.summary, settings)
    print_evaluation(evaluation)
    print(f"written      {short(run.folder / FILE)}   ({evaluation['cost']['evaluation_seconds']:.0f} s)")
