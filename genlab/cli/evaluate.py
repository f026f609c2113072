"""`genlab evaluate`: what a trained model is worth."""

from dataclasses import fields, replace
from typing import Any

from genlab.cli.options import Parser, add_run_options, seed, whole_number
from genlab.console.quiet import keep_quiet
from genlab.console.readable import short
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import open_run


def parser() -> Parser:
    """Of the command's arguments."""
    parser = Parser(
        "genlab evaluate",
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
    add_run_options(parser)
    parser.add_argument("--samples", type=whole_number(100, 1_000_000), help="samples drawn (default: 10000)")
    parser.add_argument(
        "--images",
        type=whole_number(100, 1_000_000),
        help="test images that samples are compared with, evenly from all (default: 10000)",
    )
    parser.add_argument(
        "--likelihood-images",
        type=whole_number(1, 1_000_000),
        metavar="IMAGES",
        help="test images for the likelihood, evenly from all (default: 1000)",
    )
    parser.add_argument(
        "--importance-samples",
        type=whole_number(1, 1_000_000),
        metavar="K",
        help="of each image, for log p(x) of binary pixels (default: 5000)",
    )
    parser.add_argument(
        "--prior-samples",
        type=whole_number(1, 100_000_000),
        metavar="M",
        help="latents for the naive estimate of log p(x) (default: 100000)",
    )
    parser.add_argument(
        "--dequantization-samples",
        type=whole_number(1, 100_000),
        metavar="K",
        help="of each image, for log p(x) of 8-bit pixels (default: 8)",
    )
    parser.add_argument(
        "--ex-post",
        type=whole_number(1, 1000),
        metavar="COMPONENTS",
        help="draw samples from a mixture of Gaussians fitted to the codes (default: where there is no prior, 10)",
    )
    parser.add_argument("--seed", type=seed, help="of all noise (default: 0)")
    return parser


def run(arguments: Any) -> None:
    """Raises GenlabError if the run cannot be loaded, or draws no finite samples."""
    run = open_run(arguments.folder, MODEL_SECTIONS, arguments.trust)
    if arguments.data_root:
        (run.config.data.root,) = arguments.data_root
    checkpoint = run.checkpoint(arguments.checkpoint)
    keep_quiet()
    # seconds, because of torch: a wrong folder is answered before
    from genlab.evaluation.settings import EvaluationSettings
    from genlab.runs.reload import load_data, load_model, load_settings
    from genlab.training.scoring import FILE, evaluate_run, print_evaluation

    model = load_model(run, arguments.device, arguments.checkpoint)
    given = {field.name: getattr(arguments, field.name, None) for field in fields(EvaluationSettings)}
    settings = replace(load_settings(run), **{name: value for name, value in given.items() if value is not None})
    evaluation = evaluate_run(run.folder, model, load_data(run), checkpoint.name, run.summary, settings)
    print_evaluation(evaluation)
    print(f"written      {short(run.folder / FILE)}   ({evaluation['cost']['evaluation_seconds']:.0f} s)")
