"""Validation images and what the model makes of them."""

import torch
from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, grid
from genlab.callbacks.validation_images import first_validation_images
from genlab.capabilities import CanReconstruct

COLUMNS = 8


class Reconstructions(Picture):
    """Rows of originals, each with the row of their reconstructions below it.

    Args:
        every_n_epochs: see `Picture`.
        rows: of originals, eight images each.
    """

    tag = "reconstructions"

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, rows: PositiveInt = 4) -> None:
        super().__init__(every_n_epochs)
        self.rows = rows

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanReconstruct):
            return None
        originals, _ = first_validation_images(trainer, self.rows * COLUMNS, model.device)
        pairs = torch.stack([originals, model.reconstruct(originals).to(originals)])  # (2, rows · 8, C, H, W)
        interleaved = pairs.unflatten(1, (-1, COLUMNS)).transpose(0, 1).flatten(0, 2)
        return grid(interleaved, COLUMNS)
