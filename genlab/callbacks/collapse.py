"""Notices that a model has stopped learning to sample, and says so once."""

import logging
import math
from typing import Annotated, Any

import torch
from pydantic import Field, PositiveInt
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import first_validation_images, undisturbed
from genlab.callbacks.step_axis import batches_seen
from genlab.capabilities import CanSample
from genlab.loggers.broadcast import log_text

log = logging.getLogger(__name__)

Fraction = Annotated[float, Field(gt=0, lt=1)]

ACCURACY, GRADIENT_NORM = "discriminator_accuracy", "generator_gradient_norm"  # as `training_step` returns them


@configured
class Collapse(Callback):
    """One warning, on the console (so in summary.json) and in the loggers that take text, at the first sign of two.

    The game is over: over `window` batches the discriminator was never wrong, and the generator's gradient was next
    to nothing. Both are needed. With a loss that does not saturate a discriminator that is never wrong still teaches.

    The samples are all alike: at the end of an epoch they differ from one another by less than a fraction of what
    validation images do, by the mean Euclidean distance of pixels over all pairs.

    Args:
        window: batches of one verdict on the game.
        settle: batches before the first verdict on the samples: those of a healthy model are alike too before it has
            learnt more than the mean image.
        accuracy: mean over the window that counts as never wrong; 0.999 is one image in 16 batches of 64.
        gradient_fraction: of the largest mean norm over a window so far, below which a gradient counts as nothing.
            In runs that recovered it stayed above 0.1; where it has saturated it falls below any bound.
        distance_fraction: of the distance between validation images. The images of MNIST's most uniform digit, 1,
            have 0.6, healthy samples 0.5 and more, collapsed ones 0.2 and less.
        n: samples and images that are compared.
    """

    window: PositiveInt = 100
    settle: PositiveInt = 1000
    accuracy: Fraction = 0.999
    gradient_fraction: Fraction = 0.02
    distance_fraction: Fraction = 0.25
    n: Annotated[int, Field(ge=2)] = 64

    def __post_init__(self) -> None:
        self._told = False
        self._largest = 0.0
        self._sums: Tensor | None = None  # of accuracy and gradient norm, on the device: read once a window
        self._count = 0

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any) -> None:
        if self._told or not trainer.is_global_zero or not {ACCURACY, GRADIENT_NORM} <= outputs.keys():
            return
        latest = torch.stack([outputs[ACCURACY], outputs[GRADIENT_NORM]])
        self._sums = latest if self._sums is None else self._sums.to(latest) + latest
        self._count += 1
        if self._count == self.window:
            accuracy, norm = (self._sums / self._count).tolist()
            self._sums, self._count = None, 0
            if accuracy >= self.accuracy and norm < self.gradient_fraction * self._largest:
                self._tell(
                    trainer,
                    f"the discriminator is right about {accuracy:.1%} of the images and the generator's gradient has "
                    f"vanished (norm {norm:.1e}, it was {self._largest:.1e}): the generator learns nothing any more. "
                    "Try model.objective=non_saturating, a smaller model.discriminator_learning_rate, or "
                    "model.penalty=r1",
                )
            self._largest = max(self._largest, norm)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        silent = self._told or not trainer.is_global_zero
        if silent or batches_seen(trainer) < self.settle or not isinstance(pl_module, CanSample):
            return
        with undisturbed(pl_module):
            real = mean_distance(first_validation_images(trainer, self.n, pl_module.device)[0])
            distance = mean_distance(pl_module.sample(self.n, generator=torch.Generator().manual_seed(0)))
        if distance < self.distance_fraction * real or math.isnan(distance):
            distances = f"their mean distance is {distance:.2g}, that of validation images {real:.2g}"
            self._tell(trainer, f"the samples hardly differ from one another: {distances}")

    def _tell(self, trainer: Trainer, what: str) -> None:
        self._told = True
        message = f"collapse at epoch {trainer.current_epoch + 1}, batch {batches_seen(trainer)}: {what}"
        log.warning(message)
        log_text(trainer.loggers, "collapse", message, batches_seen(trainer))

    def state_dict(self) -> dict[str, Any]:
        # and not `told`: a resumed run has a console of its own
        return {"largest": self._largest, "sums": self._sums, "count": self._count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._largest, self._sums, self._count = state_dict["largest"], state_dict["sums"], state_dict["count"]


def mean_distance(images: Tensor) -> float:
    """Mean Euclidean distance of pixels over all pairs of images, (N, C, H, W)."""
    return torch.pdist(images.flatten(1).float()).mean().item()
