"""What the commands with a trained model have in common: a run's model in, and mostly one PNG out."""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genlab.cli.options import RunFolder, checkpoint_option, data_root, output_file, trust_options, writing
from genlab.console.program import keep_quiet, quick_imports
from genlab.console.readable import short
from genlab.errors import ConfigError
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import CheckpointName, Run, open_run

if TYPE_CHECKING:
    from torch import Tensor

Drawn = tuple["Tensor", str]  # a picture (C, H, W) in [0, 1], and the words for what is in it
Drawing = Callable[..., Drawn]  # of (run, its model, the other options)


def with_model(function: Callable[..., None]) -> Callable[..., None]:
    """Decorator: RUN_FOLDER and the options that all commands with a trained model share.

    The function gets the run, its model and the name of the checkpoint.
    """

    @click.argument(
        "folder",
        metavar="RUN_FOLDER",
        help="folder of a run or of an export, or pretrained:NAME; genlab runs lists those there are",
        type=RunFolder(),
    )
    @click.argument(
        "data_root",
        metavar="[data.root=FOLDER]",
        help="folder of the data files, if not that of the run; data.root=null is the one in your cache",
        required=False,
        type=data_root,
    )
    @click.option("--device", metavar="DEVICE", default="cpu", help="cpu, cuda, cuda:1, ... (default: cpu)")
    @trust_options
    @checkpoint_option
    @wraps(function)
    def opened(
        folder: str,
        data_root: tuple[str | None] | None,
        device: str,
        checkpoint: CheckpointName | None,
        trust: Sequence[str],
        **given: Any,
    ) -> None:
        run = open_run(folder, MODEL_SECTIONS, trust)
        if data_root:
            (run.config.data.root,) = data_root
        weights = run.checkpoint(checkpoint).name
        keep_quiet()
        with quick_imports():
            from genlab.runs.reload import load_model  # seconds, because of torch: a wrong folder is answered before

        function(run, load_model(run, device, checkpoint), weights, **given)

    return opened


def picture_options(default: str) -> Callable[[Drawing], Callable[..., None]]:
    """Decorator: the options of `with_model`, and --out.

    The PNG is written whole, and what was written is printed.
    """

    def add(function: Drawing) -> Callable[..., None]:
        @with_model
        @click.option("--out", type=_png, default=default, metavar="FILE.png", help=f"the picture (default: {default})")
        @wraps(function)
        def drawn(run: Run, model: Any, weights: str, out: Path, **given: Any) -> None:
            import torch
            from torchvision.utils import save_image

            from genlab.callbacks.picture import undisturbed
            from genlab.runs.atomic import whole_file
            from genlab.training.quick_cpu import flushed_denormals

            with undisturbed(model), flushed_denormals():
                torch.manual_seed(given["seed"] or 0)  # for what the function does not fix itself
                picture, what = function(run, model, **given)
            with writing(out), whole_file(out) as file:
                save_image(picture, file, format="png")
            print(f"{out}: {what}, {type(model).__name__} of {short(run.folder)} ({weights})")

        return drawn

    return add


def _png(text: str) -> Path:
    if not text.lower().endswith(".png"):
        raise click.BadParameter(f"{text}: should end in .png")
    return output_file(text)


label_option = partial(click.option, "--label", type=click.IntRange(0, 10_000), metavar="CLASS")


def check_label(model: Any, label: int | None, option: str = "--label") -> int:
    """How many classes the model can be asked for; ConfigError if the label, if one is asked for, is none of them."""
    from genlab.capabilities import draws_labels

    if not draws_labels(model):
        raise ConfigError(
            f"{option}: this {type(model).__name__} was trained without labels; train one with model.conditional=true"
        )
    if label is not None and label >= model.num_classes:
        raise ConfigError(f"{option}: {label}: should be a whole number from 0 to {model.num_classes - 1}")
    return model.num_classes


def test_images(run: Run, n: int | None, otherwise: int, seed: int | None) -> tuple["Tensor", "Tensor", str]:
    """n test images (n, C, H, W), float32 in [0, 1], and their labels (n,), int64: the first, or with a seed a random
    choice without repetition; ConfigError if there are not so many.

    Where no n is asked for it is `otherwise`, or as many as there are; the text returned then says that there are no
    more, and is empty else.
    """
    import torch

    from genlab.runs.reload import load_data

    test_set = load_data(run).test_set
    there = len(test_set.images)
    if n is not None and n > there:
        raise ConfigError(f"the data of this run have {there} test images, and {n} are asked for; ask for fewer")
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    order = torch.arange(there) if generator is None else torch.randperm(there, generator=generator)
    remark = f" (there are only {there} test images)" if n is None and otherwise > there else ""
    return *test_set.__getitems__(order[: n or otherwise].tolist()), remark
