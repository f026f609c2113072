"""What the commands with a picture have in common: a run's model in, one PNG out."""

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from genlab.console.quiet import keep_quiet
from genlab.console.readable import short
from genlab.errors import ConfigError, DiskError
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import Run, open_run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import Tensor


def write_picture(
    arguments: Namespace, what: str, draw: Callable[[Run, "LightningModule"], "Tensor"], seed: int
) -> None:
    """Load the model of a run, draw, write the PNG whole, and print what was written.

    Args:
        arguments: those of `add_picture_options`.
        what: is in the picture, for the line that is printed.
        draw: makes the picture (C, H, W) in [0, 1].
        seed: of all random numbers that `draw` does not fix itself.

    Raises:
        GenlabError: of `draw`, or the run cannot be loaded.
        DiskError: the file cannot be written.
    """
    run = open_run(arguments.folder, MODEL_SECTIONS, arguments.trust)
    if arguments.data_root:
        (run.config.data.root,) = arguments.data_root
    checkpoint = run.checkpoint(arguments.checkpoint)
    keep_quiet()
    # seconds, because of torch: a wrong folder is answered before
    import torch
    from torchvision.utils import save_image

    from genlab.callbacks.picture import undisturbed
    from genlab.runs.atomic import whole_file
    from genlab.runs.reload import load_model
    from genlab.training.quick_cpu import flushed_denormals

    model = load_model(run, arguments.device, arguments.checkpoint)
    with undisturbed(model), flushed_denormals():
        torch.manual_seed(seed)
        picture = draw(run, model)
    try:
        with whole_file(arguments.out) as file:
            save_image(picture, file, format="png")
    except OSError as error:
        raise DiskError(f"{arguments.out}: {error.strerror or error}; choose another file with --out") from None
    print(f"{arguments.out}: {what}, {type(model).__name__} of {short(run.folder)} ({checkpoint.name})")


def test_images(run: Run, n: int, seed: int | None) -> "Tensor":
    """n test images (n, C, H, W), float32 in [0, 1]: the first, or with a seed a random choice without repetition.

    Raises:
        ConfigError: there are not so many.
        RunError, DataError: see `genlab.runs.reload.load_data`.
    """
    import torch

    from genlab.runs.reload import load_data

    images = load_data(run).test_set.images
    if n > len(images):
        raise ConfigError(f"the data of this run have {len(images)} test images, and {n} are asked for; ask for fewer")
    if seed is None:
        rows = torch.arange(n)
    else:
        rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:n]
    return images[rows].float() / 255
