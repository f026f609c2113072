"""What each latent does."""

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from genlab.arguments import checked
from genlab.callbacks.latent_points import latent_points
from genlab.callbacks.picture import Picture, grid
from genlab.callbacks.validation_images import first_validation_images
from genlab.capabilities import CanSample

REACH = 3  # standard deviations to either side


class Traversals(Picture):
    """A row a latent: decode(z + t · σ_d · e_d) for t from −3 to 3, where z is the code of a validation image.

    σ_d = 1 where the model can `sample`, so that its codes are meant to be N(0, I). The codes of a plain autoencoder
    have a scale of their own: there σ_d is the standard deviation of validation codes. Without `encode`, z = 0.

    Args:
        every_n_epochs: see `Picture`.
        rows: latents at most. Of more, those whose validation codes vary most (without `encode`: the first); in the
            picture they stand in the order of their indices.
        steps: columns to either side of the middle one, which is decode(z).
        images: validation images, by whose codes the latents are measured; z is the code of the first.
    """

    tag = "traversals"

    @checked
    def __init__(
        self,
        every_n_epochs: PositiveInt = 1,
        rows: PositiveInt = 20,
        steps: PositiveInt = 5,
        images: Annotated[int, Field(ge=2)] = 200,
    ) -> None:
        super().__init__(every_n_epochs)
        self.rows = rows
        self.steps = steps
        self.images = images

    def draw(self, trainer: Trainer, model: LightningModule) -> Tensor | None:
        def images() -> Tensor:
            return first_validation_images(trainer, self.images, model.device)[0]

        points = latent_points(model, images, lambda latent_dim: torch.zeros(1, latent_dim))
        if points is None:
            return None
        codes, decode = points
        z = codes.flatten(1)  # (N, D)
        sigma = z.float().std(0).to(z) if len(z) > 1 else torch.ones_like(z[0])
        latents = sigma.argsort(descending=True, stable=True)[: self.rows].sort().values
        if isinstance(model, CanSample):
            sigma = torch.ones_like(sigma)
        t = REACH * torch.arange(-self.steps, self.steps + 1).to(z) / self.steps  # exactly 0 in the middle
        path = z[0].repeat(len(latents), len(t), 1)  # (rows, columns, D)
        path[torch.arange(len(latents)), :, latents] += sigma[latents].unsqueeze(1) * t
        return grid(decode(path.reshape(-1, *codes.shape[1:])), len(t))
