"""A picture of the model at epoch 0 and after every epoch, to the loggers and as PNG."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import PositiveInt
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torchvision.utils import save_image

from genlab.arguments import configured
from genlab.callbacks.step_axis import batches_seen
from genlab.loggers.broadcast import log_picture


@configured
class Picture(Callback):
    """One kind of picture; a subclass names it by `tag` and draws it in `draw`.

    PNGs go to `images/tag/epoch_0000.png` below the trainer's `default_root_dir`, which is the run folder.

    Pictures ask what a model can do, and skip a model that cannot. They disturb nothing: no gradient, and the mode
    of each module and the random state are put back.

    Args:
        every_n_epochs: epochs between two pictures; the first is drawn before training.
    """

    tag: ClassVar[str]
    every_n_epochs: PositiveInt = 1

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        """The picture, (C, H, W) in [0, 1]; None if this model cannot be pictured so."""
        raise NotImplementedError

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.every_n_epochs and batches_seen(trainer) == 0:  # a run that goes on in its first epoch has it already
            self._publish(trainer, pl_module, epoch=0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if self.every_n_epochs and (epoch % self.every_n_epochs == 0 or epoch == trainer.max_epochs):
            self._publish(trainer, pl_module, epoch)

    def _publish(self, trainer: Trainer, model: LightningModule, epoch: int) -> None:
        if not trainer.is_global_zero:
            return
        with undisturbed(model):
            picture = self.draw(trainer, model)
        if picture is not None:
            show(trainer, picture, self.tag, batches_seen(trainer), f"{self.tag}/epoch_{epoch:04d}.png")


def show(trainer: Trainer, picture: Tensor, tag: str, step: int, name: str) -> None:
    """Hand a picture to the loggers and put it, as `name`, into the folder of images, unless it is a dry run."""
    if trainer.fast_dev_run:  # type: ignore[attr-defined]
        return
    log_picture(trainer.loggers, tag, picture, step)
    path = Path(trainer.default_root_dir) / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_image(picture, path)


@contextmanager
def undisturbed(model: LightningModule) -> Iterator[None]:
    """Evaluation mode and no gradient inside; modes and random state as before afterwards."""
    modes = {module: module.training for module in model.modules()}
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        model.eval()
        with torch.no_grad(), torch.random.fork_rng(devices):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def first_validation_images(trainer: Trainer, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The first n images of the validation set, or all if it has fewer, with their labels.

    Of the whole set, where a loader has the share of one process only.
    """
    images = trainer.datamodule.val_set  # type: ignore[attr-defined]
    chosen, labels = images.__getitems__(list(range(min(n, len(images)))))
    return chosen.to(device), labels
