"""From noise to images, step by step."""

from typing import Annotated

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import configured
from genlab.callbacks.picture import Picture
from genlab.capabilities import CanTrace
from genlab.pictures.grids import image_grid


@configured
class Trajectory(Picture):
    """Rows of samples on their way from noise, the same noise each time as that of `Samples`.

    Args:
        rows: samples.
        columns: moments of each, the noise first.
        seed: of the noise.
    """

    tag = "trajectory"
    rows: PositiveInt = 8
    columns: Annotated[int, Field(ge=2)] = 10
    seed: NonNegativeInt = 0

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanTrace):
            return None
        moments = model.trajectory(self.rows, self.columns, torch.Generator().manual_seed(self.seed))
        return image_grid(moments.flatten(0, 1), self.columns)
