"""Validation images and what the model makes of them."""

import torch
from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import LINES, Picture, grid
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
        return above_reconstructions(originals, model.reconstruct(originals))


def above_reconstructions(originals: Tensor, reconstructions: Tensor) -> Tensor:
    """Two (B, C, H, W) in [0, 1] → the picture of `Reconstructions`, (C, H, W); cells without an image are grey."""
    columns = min(COLUMNS, len(originals))
    pairs = torch.stack([originals, reconstructions.to(originals)])  # (2, B, C, H, W)
    grey = pairs.new_full((2, -len(originals) % columns, *originals.shape[1:]), LINES)
    rows = torch.cat([pairs, grey], dim=1).unflatten(1, (-1, columns))  # (2, rows, columns, C, H, W)
    return grid(rows.transpose(0, 1).flatten(0, 2), columns)
