"""Validation images and what the model makes of them, whole or halved."""

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.capabilities import CanComplete, CanReconstruct
from genlab.pictures.grids import COLUMNS, above_reconstructions, beside_completions


@configured
class Reconstructions(Picture):
    """Rows of originals, each with the row of their reconstructions below it.

    Args:
        rows: of originals, eight images each.
    """

    tag = "reconstructions"
    rows: PositiveInt = 4

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanReconstruct):
            return None
        originals, _ = first_validation_images(trainer, self.rows * COLUMNS, model.device)
        return above_reconstructions(originals, model.reconstruct(originals))


@configured
class Completion(Picture):
    """Rows of a validation image, its upper half, and completions of that half.

    Args:
        rows: images.
        ways: in which each is completed.
        seed: of the noise.
    """

    tag = "completion"
    rows: PositiveInt = 8
    ways: PositiveInt = 8
    seed: NonNegativeInt = 0

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanComplete):
            return None
        originals, _ = first_validation_images(trainer, self.rows, model.device)
        half = originals.shape[-2] // 2
        generator = torch.Generator().manual_seed(self.seed)
        completed = model.complete(originals.repeat_interleave(self.ways, 0), half, generator)
        return beside_completions(originals, half, completed.unflatten(0, (-1, self.ways)))
