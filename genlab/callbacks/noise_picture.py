"""Images from one fixed noise."""

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, square_grid


class NoisePicture(Picture):
    """A grid of images from the same noise each time; a subclass makes them in `images`.

    Args:
        every_n_epochs: see `Picture`.
        n: how many images; a square number fills the grid.
        seed: of the noise.
    """

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, n: PositiveInt = 64, seed: NonNegativeInt = 0) -> None:
        super().__init__(every_n_epochs)
        self.n = n
        self.seed = seed

    def images(self, model: LightningModule, generator: torch.Generator) -> Tensor | None:
        """(n, C, H, W) in [0, 1], which the generator fixes; None if this model has none."""
        raise NotImplementedError

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        images = self.images(model, torch.Generator().manual_seed(self.seed))
        return None if images is None else square_grid(images)
