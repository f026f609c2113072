"""Validation images and what the model makes of them."""

from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, first_validation_images
from genlab.capabilities import CanReconstruct
from genlab.pictures.grids import COLUMNS, above_reconstructions


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
