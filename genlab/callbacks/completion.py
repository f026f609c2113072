"""Halves of images, and what the model thinks that the other halves could be."""

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.capabilities import CanComplete
from genlab.pictures.grids import LINES, image_grid


class Completion(Picture):
    """Rows of a validation image, its upper half, and completions of that half.

    Args:
        every_n_epochs: see `Picture`.
        rows: images.
        ways: in which each is completed.
        seed: of the noise.
    """

    tag = "completion"

    @checked
    def __init__(
        self, every_n_epochs: PositiveInt = 1, rows: PositiveInt = 8, ways: PositiveInt = 8, seed: NonNegativeInt = 0
    ) -> None:
        super().__init__(every_n_epochs)
        self.rows = rows
        self.ways = ways
        self.seed = seed

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanComplete):
            return None
        originals, _ = first_validation_images(trainer, self.rows, model.device)
        half = originals.shape[-2] // 2
        generator = torch.Generator().manual_seed(self.seed)
        completed = model.complete(originals.repeat_interleave(self.ways, 0), half, generator)
        given = originals.clone()
        given[..., half:, :] = LINES
        rows = torch.stack([originals, given, *completed.to(originals).unflatten(0, (-1, self.ways)).unbind(1)], dim=1)
        return image_grid(rows.flatten(0, 1), columns=2 + self.ways)
