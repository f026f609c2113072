"""What the commands with a picture have in common: a run's model in, one PNG out."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from genlab.console.program import keep_quiet
from genlab.console.readable import short
from genlab.errors import ConfigError, DiskError
from genlab.runs.classes import MODEL_SECTIONS
from genlab.runs.reading import CheckpointName, Run, open_run

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import Tensor


def write_picture(
    draw: Callable[[Run, "LightningModule"], tuple["Tensor", str]],
    seed: int,
    *,
    folder: str,
    data_root: tuple[str | None] | None,
    device: str,
    checkpoint: CheckpointName | None,
    out: Path,
    trust: Sequence[str],
    config_dir: Sequence[Sequence[str]],
) -> None:
    """Load the model of a run, draw, write the PNG whole, and print what was written.

    Args:
        draw: makes the picture (C, H, W) in [0, 1], and the words of the printed line for what is in it.
        seed: of all random numbers that `draw` does not fix itself.
        folder, data_root, device, checkpoint, out, trust, config_dir: those of `picture_options`.

    Raises:
        GenlabError: of `draw`, or the run cannot be loaded.
        DiskError: the file cannot be written.
    """
    run = open_run(folder, MODEL_SECTIONS, [*trust, *chain(*config_dir)])
    if data_root:
        (run.config.data.root,) = data_root
    weights = run.checkpoint(checkpoint).name
    keep_quiet()
    # seconds, because of torch: a wrong folder is answered before
    import torch
    from torchvision.utils import save_image

    from genlab.callbacks.picture import undisturbed
    from genlab.runs.atomic import whole_file
    from genlab.runs.reload import load_model
    from genlab.training.quick_cpu import flushed_denormals

    model = load_model(run, device, checkpoint)
    with undisturbed(model), flushed_denormals():
        torch.manual_seed(seed)
        picture, what = draw(run, model)
    try:
        with whole_file(out) as file:
            save_image(picture, file, format="png")
    except OSError as error:
        raise DiskError(f"{out}: {error.strerror or error}; choose another file with --out") from None
    print(f"{out}: {what}, {type(model).__name__} of {short(run.folder)} ({weights})")


def test_images(run: Run, n: int | None, otherwise: int, seed: int | None) -> tuple["Tensor", str]:
    """n test images (n, C, H, W), float32 in [0, 1]: the first, or with a seed a random choice without repetition.

    Where no n is asked for it is `otherwise`, or as many as there are; the text returned then says that there are no
    more, and is empty else.

    Raises:
        ConfigError: there are not so many as are asked for.
        RunError, DataError: see `genlab.runs.reload.load_data`.
    """
    import torch

    from genlab.runs.reload import load_data

    images = load_data(run).test_set.images
    if n is not None and n > len(images):
        raise ConfigError(f"the data of this run have {len(images)} test images, and {n} are asked for; ask for fewer")
    if seed is None:
        order = torch.arange(len(images))
    else:
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    remark = f" (there are only {len(images)} test images)" if n is None and otherwise > len(images) else ""
    return images[order[: n or otherwise]].float() / 255, remark
