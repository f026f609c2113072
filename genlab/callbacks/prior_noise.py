"""What N(0, I) noise decodes to, where the model never promised it to be a digit."""

import torch
from pydantic import NonNegativeInt, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, grid
from genlab.capabilities import CanDecode, CanSample


class PriorNoise(Picture):
    """A grid of decode(z), z ~ N(0, I), for models that decode and have no `sample`.

    For a VAE such noise is the prior, and the picture is that of its samples. A plain autoencoder has no prior: its
    codes lie elsewhere, and this is the picture of it.

    Args:
        every_n_epochs: see `Picture`.
        n: how many images; a square number fills the grid.
        seed: of the noise.
    """

    tag = "decoded_noise"

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, n: PositiveInt = 64, seed: NonNegativeInt = 0) -> None:
        super().__init__(every_n_epochs)
        self.n = n
        self.seed = seed

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanDecode) or isinstance(model, CanSample):
            return None
        z = torch.randn(self.n, model.latent_dim, generator=torch.Generator().manual_seed(self.seed))
        return grid(model.decode(z.to(next(model.parameters()))), columns=max(1, round(self.n**0.5)))
