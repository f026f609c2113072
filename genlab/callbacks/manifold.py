"""What two latent dimensions decode to."""

import torch
from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, grid
from genlab.capabilities import CanDecode


class Manifold(Picture):
    """decode(Φ⁻¹(u)) for u on a grid over the unit square: each cell has the same probability under N(0, I).

    The first latent grows to the right, the second upwards. Kingma & Welling 2014, figure 4.

    Args:
        folder, every_n_epochs: see `Picture`.
        size: cells along each side.
    """

    tag = "manifold"

    @checked
    def __init__(self, folder: str, every_n_epochs: PositiveInt = 1, size: PositiveInt = 20) -> None:
        super().__init__(folder, every_n_epochs)
        self.size = size

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanDecode) or model.latent_dim != 2:
            return None
        centres = (torch.arange(self.size) + 0.5) / self.size
        quantiles = torch.special.ndtri(centres)
        upwards, rightwards = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
        z = torch.stack([rightwards, upwards], dim=-1).flatten(0, 1)
        return grid(model.decode(z.to(next(model.parameters()))), self.size, scale=1)
