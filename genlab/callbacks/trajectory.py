"""From noise to images, step by step."""

from typing import Annotated

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture
from genlab.capabilities import CanTrace
from genlab.pictures.grids import image_grid


class Trajectory(Picture):
    """Rows of samples on their way from noise, from the same noise each time as `Samples`.

    Args:
        every_n_epochs: see `Picture`.
        rows: samples.
        columns: moments of each.
        seed: of the noise.
    """

    tag = "trajectory"

    @checked
    def __init__(
        self,
        every_n_epochs: PositiveInt = 1,
        rows: PositiveInt = 8,
        columns: Annotated[int, Field(ge=2)] = 10,
        seed: NonNegativeInt = 0,
    ) -> None:
        super().__init__(every_n_epochs)
        self.rows = rows
        self.columns = columns
        self.seed = seed

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanTrace):
            return None
        moments = model.trajectory(self.rows, self.columns, torch.Generator().manual_seed(self.seed))
        return image_grid(moments.flatten(0, 1), self.columns)
