"""What two latent dimensions decode to."""

import torch
from pydantic import PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.picture import Picture, grid
from genlab.callbacks.validation_images import first_validation_images
from genlab.capabilities import CanDecode, CanEncode, CanSample

CODES = 5000  # validation images whose codes give the quantiles


class Manifold(Picture):
    """decode(Φ⁻¹(u)) for u on a grid over the unit square: each cell has the same probability under N(0, I).

    The first latent grows to the right, the second upwards. Kingma & Welling 2014, figure 4.

    Codes that no prior draws to N(0, I), as a plain autoencoder's, are spread otherwise: for a model with `encode` and
    without `sample`, Φ⁻¹ gives way to the quantiles of validation codes, one latent at a time.

    Args:
        every_n_epochs: see `Picture`.
        size: cells along each side.
    """

    tag = "manifold"

    @checked
    def __init__(self, every_n_epochs: PositiveInt = 1, size: PositiveInt = 20) -> None:
        super().__init__(every_n_epochs)
        self.size = size

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        if not isinstance(model, CanDecode) or model.latent_dim != 2:
            return None
        centres = (torch.arange(self.size) + 0.5) / self.size
        across = up = torch.special.ndtri(centres)
        if isinstance(model, CanEncode) and not isinstance(model, CanSample):
            images, _ = first_validation_images(trainer, CODES, model.device)
            codes = model.encode(images.to(next(model.parameters()))).float().cpu()
            across, up = codes.quantile(centres, dim=0).T
        upwards, rightwards = torch.meshgrid(up.flip(0), across, indexing="ij")
        z = torch.stack([rightwards, upwards], dim=-1).flatten(0, 1)
        return grid(model.decode(z.to(next(model.parameters()))), self.size, scale=1)
